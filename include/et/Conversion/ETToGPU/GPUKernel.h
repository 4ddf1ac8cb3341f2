//===- GPUKernel.h - What a GPU kernel builder returns -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel family builds one `llvm.func` in a `gpu.module` and says how to launch
// it. Nothing here knows the planned level: a caller numbers the operands as the
// family documents, and gives values for the symbols of its launch-time integers.
//
//   family spec + schedule ──build──> BuiltKernel
//                                       function     nvvm.kernel
//                                       arguments ─┐
//                                       maps ──────┤ expressions over s0, s1, ..
//                                       grid ──────┘
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_GPUKERNEL_H
#define ET_CONVERSION_ETTOGPU_GPUKERNEL_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AffineExpr.h"

#include <array>

namespace mlir::et::gpu_kernels {

/// A launch-time integer: an expression over the sizes that the family documents,
/// as symbols s0, s1, ... of an AffineExpr (products of symbols are allowed).
using LaunchExpr = AffineExpr;

/// A tensor map (TMA descriptor) over one operand. Lists are innermost dimension first, as in cuTensorMapEncodeTiled.
struct TensorMapSpec {
  /// The operand whose memory is described.
  unsigned operand = 0;
  /// f16, bf16 or f32.
  Type elementType;
  /// Elements of each dimension, 1 to 5 of them.
  SmallVector<LaunchExpr> sizes;
  /// Distance in elements of each dimension but the innermost, which is 1: sizes.size() - 1 of them. Each is a
  /// multiple of 16 bytes.
  SmallVector<LaunchExpr> strides;
  /// Elements between the start of the operand and the start of the tensor; a multiple of 16 bytes.
  LaunchExpr offset;
  /// Elements of each dimension that one copy moves, 1 to 256.
  SmallVector<int64_t> box;
  /// Bytes of the shared-memory swizzle pattern: 0, 32, 64 or 128. box[0] is at most that many bytes unless it is 0.
  int64_t swizzle = 0;
};

/// One argument of the kernel, in order of its parameters.
struct KernelArgument {
  enum Kind {
    /// `!llvm.ptr<1>`: the operand's first element plus `value` elements.
    Pointer,
    /// `i32`: `value`.
    I32,
    /// 128 bytes by value: `maps[map]`.
    TensorMap
  };
  Kind kind = Pointer;
  unsigned operand = 0;
  LaunchExpr value;
  unsigned map = 0;
};

/// A kernel and how to launch it. A launch one of whose grid sizes is 0 has nothing to do and is skipped, tensor maps
/// included: an empty tensor has none.
struct BuiltKernel {
  /// An nvvm.kernel in a gpu.module.
  LLVM::LLVMFuncOp function;
  SmallVector<KernelArgument> arguments;
  SmallVector<TensorMapSpec> maps;
  /// Blocks of each dimension; grid[0] is a multiple of clusterSize.
  std::array<LaunchExpr, 3> grid;
  /// Threads of a block, all along x.
  int64_t threads = 0;
  /// Dynamic shared memory of a block.
  int64_t sharedBytes = 0;
  /// Blocks of a cluster, all along x; 1 for none.
  int64_t clusterSize = 1;
  /// Whether the kernel waits for its predecessors itself (griddepcontrol.wait) and may thus be launched while they
  /// still run. False: it must be launched behind them.
  bool programmatic = false;

  KernelArgument &addPointer(unsigned operand, LaunchExpr offset) {
    return arguments.emplace_back(KernelArgument{KernelArgument::Pointer, operand, offset, 0});
  }
  KernelArgument &addI32(LaunchExpr value) {
    return arguments.emplace_back(KernelArgument{KernelArgument::I32, 0, value, 0});
  }
  KernelArgument &addMap(TensorMapSpec map) {
    maps.push_back(std::move(map));
    return arguments.emplace_back(
        KernelArgument{KernelArgument::TensorMap, maps.back().operand, {}, unsigned(maps.size() - 1)});
  }
};

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_GPUKERNEL_H
