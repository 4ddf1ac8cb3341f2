//===- SIMT.h - What plain GPU kernels are made of -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Norms, embeddings and loops need a thread number, loads and stores of short
// vectors, and sums over a warp or a block. They run on every SM; on those that
// have it (sm_90 on) they take part in programmatic dependent launch.
//
// Values: positions and addresses are i64, arithmetic on elements is f32.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_KERNELS_SIMT_H
#define ET_LIB_CONVERSION_ETTOGPU_KERNELS_SIMT_H

#include "et/Conversion/ETToGPU/GPUKernel.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::et::gpu_kernels {

/// Lanes of a warp.
inline constexpr int64_t kWarpSize = 32;
/// Bytes of the widest load or store of a thread.
inline constexpr int64_t kVectorBytes = 16;

/// Emits the body of one kernel.
class SIMTKernel {
public:
  /// Creates the kernel `name`, of \p threads threads a block, at the insertion point of \p builder, with the
  /// parameters that \p kernel has arguments for. The body is empty; builder() stands in it.
  SIMTKernel(OpBuilder &builder, Location loc, StringRef name, BuiltKernel &kernel);

  ImplicitLocOpBuilder &builder() { return b; }
  Value argument(unsigned i) { return function.getArgument(i); }
  /// Argument \p i, an i32, as i64.
  Value size(unsigned i);

  Value constant(int64_t value);
  Value constant32(int64_t value);
  Value add(Value x, Value y);
  Value mul(Value x, Value y);
  Value div(Value x, Value y);
  Value rem(Value x, Value y);
  Value less(Value x, Value y);

  /// Number of the thread in its block and of the block in its row, as i64.
  Value threadId();
  Value blockId();

  /// Waits for the launches in front, and lets the ones behind start: before the first access to memory that is not a
  /// weight. Nothing on SMs without programmatic dependent launch.
  void waitForPredecessors();

  /// Lets the launches behind start at once where the grid leaves multiprocessors free for them: in front of everything
  /// else. Nothing on SMs without programmatic dependent launch.
  void letSuccessorsStart();

  /// Loads \p count elements of \p type from element \p offset of \p pointer: a scalar when \p count is 0, else a
  /// vector.
  /// \p alignment is in bytes, 0 for that of an element. Booleans are i1 here and bytes in memory.
  Value load(Type type, Value pointer, Value offset, int64_t count = 0, int64_t alignment = 0);
  void store(Value value, Value pointer, Value offset, int64_t alignment = 0);

  /// Floating-point scalars and vectors to f32, and back to \p elementType.
  Value toF32(Value value);
  Value fromF32(Value value, Type elementType);
  /// An f32, or a vector of \p count of them.
  Value splat(double value, int64_t count);
  /// The sum of the elements of a vector.
  Value sumOfElements(Value vector);

  /// The sum of the f32 \p value over the \p threads threads that work together: a warp, or all of the block, in which
  /// case \p scratch is shared memory of one f32 per warp. All of them get the sum.
  Value sumOverThreads(Value value, int64_t threads, Value scratch);
  /// Shared memory of \p count f32.
  Value allocateShared(StringRef name, int64_t count);

  /// Runs \p body where \p condition holds.
  void when(Value condition, llvm::function_ref<void()> body);

  /// Ends the kernel.
  void finish();

private:
  ImplicitLocOpBuilder b;
  LLVM::LLVMFuncOp function;
  bool programmatic;
};

} // namespace mlir::et::gpu_kernels

#endif // ET_LIB_CONVERSION_ETTOGPU_KERNELS_SIMT_H
