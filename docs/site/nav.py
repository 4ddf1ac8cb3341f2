#===- nav.py - The pages of the site, in order -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Which page stands where. A page that is not listed here fails the build, as does a name without a page.

A page is named from the root of the repository without `.md`, or "Title <page>" where its own title is too long for the side bar.
Results are not listed one by one: files of benchmarks/results come by themselves, newest first.
"""

NAV = {
    "Start": [
        "Five minutes <docs/GettingStarted>",
        "Install <docs/Install>",
    ],
    "Tasks": [
        "docs/SpeedUpAModel",
        "Use it from torch.compile <docs/TorchCompile>",
        "Compile an ONNX model <docs/Onnx>",
        "Prune a model <docs/Pruning>",
        "Find shapes that break a model <docs/ShapeCheckingPython>",
        "See what became of a model <docs/Explain>",
        "Tune for a GPU <docs/Tuning>",
        "Choose schedules by a script <docs/Transforms>",
        "Save and run a program <docs/Runtime>",
        "Use E.T. in another compiler <docs/Embedding>",
        "Look inside the compiler <docs/Debugging>",
        "Write a pass <docs/AddingAPass>",
        "Add a kernel family <docs/AddingAKernelFamily>",
    ],
    "Concepts": [
        "Why the dialect is as it is <docs/RationaleET>",
        "The way of a model <docs/Pipeline>",
        "What is taken from PyTorch <docs/Importing>",
        "docs/Sparsity",
        "Numbers <docs/Numerics>",
        "Shapes, and how they are checked <docs/ShapeChecking>",
        "Specification <docs/Spec>",
    ],
    "Reference": [
        "Python <docs/PythonAPI>",
        "C <docs/reference/CAPI>",
        "Tools <docs/reference/Tools>",
        "The dialect <docs/reference/ETDialect>",
        "Passes on tensors <docs/reference/ETPasses>",
        "From linalg <docs/reference/LinalgToETPasses>",
        "To CPUs <docs/reference/ETToCPUPasses>",
        "To GPUs <docs/reference/ETToGPUPasses>",
        "Of scripts <docs/reference/ETTransformPasses>",
        "Transform ops <docs/reference/ETTransformOps>",
    ],
    "Results": [
        "How they are measured <benchmarks/README>",
        "benchmarks/results/*",
    ],
    "Project": [
        "CONTRIBUTING",
        "docs/Dependencies",
        "docs/NewcomersPath",
        "CHANGELOG",
    ],
}
