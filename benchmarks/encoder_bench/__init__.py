#===- encoder_bench/__init__.py - Times encoders side by side -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The harness behind benchmarks/encoders.py.

    encoders.py --- schedule --- pool ===pipes=== worker --- contenders/{et,torch_peers,onnx,openvino_peer,peak}
                       |          (a process per contender, asleep unless it is its turn)
                       +--- stats --- report, plot

`points` says what is measured, `models` builds it, `machine` and `processors` describe and divide the machine.
"""
