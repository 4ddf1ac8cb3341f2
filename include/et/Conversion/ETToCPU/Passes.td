//===- Passes.td - Passes between the planned level and CPU code -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_PASSES_TD
#define ET_CONVERSION_ETTOCPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ScheduleCPUPass : Pass<"et-schedule-cpu", "mlir::ModuleOp"> {
  let summary = "Choose how each launch runs on a CPU";
  let description = [{
    Numerics: exact.

    Gives every launch its `schedule`: the instruction set level, and for a linear layer the register tile and the
    blocking of its loops. Constant weights of linear layers get the encoding `#et.panels<width>`, those of `#et.tile`
    get `#et.sparse_panels<width, kept = ...>`, in which they are packed when the program is built.
    A launch that has a schedule keeps it.
  }];
  let options = [Option<"isa", "isa", "std::string", /*default=*/"\"native\"",
                        "Instruction set level: baseline, avx2, avx512 or native (the best of this machine)">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def DecomposeForCPUPass : Pass<"et-decompose-for-cpu", "mlir::ModuleOp"> {
  let summary = "Decompose the et ops that no CPU kernel takes";
  let description = [{
    Numerics: as `--et-decompose`.

    An `et` op that no kernel takes (f64, a weight that is not a constant) becomes linalg, which runs as plain loops; a
    `missed` remark says why. Element-wise ops that do not run
    on vectors are marked `et.alone`, so that they are not fused behind a linear layer. Run `--et-outline-weights` first.
  }];
  let statistics = [Statistic<"numDecomposed", "num-decomposed", "Ops decomposed">];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect",
                           "mlir::arith::ArithDialect", "mlir::math::MathDialect"];
}

def CopyUnevenRowsPass : Pass<"et-copy-uneven-rows", "mlir::ModuleOp"> {
  let summary = "Copy slices whose rows are not evenly spaced";
  let description = [{
    Numerics: exact.

    The kernels of linear layers, norms and embeddings take all dimensions of an operand but the last as one, with one
    stride. An operand or a result of which that is not true, such as the first head of a tensor of tokens by heads, goes
    through a buffer, with a `missed` remark. Run it between `--et-bufferize-launches` and `--et-plan-memory`.
  }];
  let statistics = [Statistic<"numCopies", "num-copies", "Operands and results copied">];
  let dependentDialects = ["mlir::memref::MemRefDialect"];
}

def ConvertLaunchesToCPUPass : Pass<"et-convert-launches-to-cpu", "mlir::ModuleOp"> {
  let summary = "Turn launches into calls of generated kernels";
  let description = [{
    Numerics: R2 (sums are taken in another order, exponentials are approximated to a few ulp).

    Builds one kernel function per distinct launch and calls it from all threads of one parallel region that spans the
    whole function. Each kernel takes its share of the work from its thread number; threads meet after each launch.

    With `steps` there is no parallel region: the function calls a declaration per kernel, `@<kernel>.step`, with the
    buffers of the launch alone. A saved program holds these calls as its steps, and its runtime has the threads;
    `--et-build-cpu-steps` defines what it calls.
  }];
  let options = [Option<"steps", "steps", "bool", /*default=*/"false",
                        "Leave a call per launch, for a saved program">];
  let statistics = [Statistic<"numLaunches", "num-launches", "Launches converted">,
                    Statistic<"numKernels", "num-kernels", "Kernels built for them">];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect", "mlir::func::FuncDialect", "mlir::LLVM::LLVMDialect",
    "mlir::math::MathDialect", "mlir::memref::MemRefDialect", "mlir::omp::OpenMPDialect", "mlir::scf::SCFDialect",
    "mlir::vector::VectorDialect",
  ];
}

def BuildCPUStepsPass : Pass<"et-build-cpu-steps", "mlir::ModuleOp"> {
  let summary = "Define the steps of a saved program for a CPU";
  let description = [{
    Numerics: exact.

    Replaces each declaration that `--et-convert-launches-to-cpu=steps` left, `@<kernel>.step`, by a function with the
    calling convention of the runtime, which calls the kernel:

    ```
    llvm.func @kernel0_gelu.step(%arguments: !llvm.ptr, %thread: i64, %numThreads: i64, %scratch: !llvm.ptr)
    ```

    `arguments[i]` points to the value of argument i. A buffer takes the address of its first element, then its dynamic
    sizes, then its dynamic strides; a kernel that reports errors, the address of the status at last. The functions that
    called the declarations must be gone.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::func::FuncDialect", "mlir::LLVM::LLVMDialect"];
}

#endif // ET_CONVERSION_ETTOCPU_PASSES_TD
