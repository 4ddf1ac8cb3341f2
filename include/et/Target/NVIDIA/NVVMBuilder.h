//===- NVVMBuilder.h - Shorthands for writing GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A builder with the vocabulary of PTX: 32-bit integer arithmetic, loops and
// branches that carry values, shared memory by byte offsets, and one function per
// instruction that a kernel chooses on purpose. It emits arith, scf, llvm and nvvm
// ops; inline PTX is written here and nowhere else, and only where nvvm has no op or
// one that cannot be trusted (the .cpp says which and why).
//
// Fragments of a warp's tile of m16n8 accumulators (mma.sync, and each group of
// eight columns of wgmma):
//
//   lane l holds row l/4,     columns 2*(l%4), 2*(l%4)+1 in registers 0, 1
//            and row l/4 + 8, the same columns           in registers 2, 3
//
//===----------------------------------------------------------------------===//

#ifndef ET_TARGET_NVIDIA_NVVMBUILDER_H
#define ET_TARGET_NVIDIA_NVVMBUILDER_H

#include "et/Target/NVIDIA/SM.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <utility>

namespace mlir::et::nvidia {

/// Limits that a kernel is compiled for.
struct KernelLimits {
  /// Threads of a block.
  int64_t threads = 128;
  /// Blocks that should fit on a multiprocessor at once: the register budget is 65536 / (threads * minBlocks).
  int64_t minBlocks = 1;
  /// Blocks of a cluster along x.
  int64_t clusterSize = 1;
};

/// Operand A of a wgmma: a shared-memory descriptor, or four registers of packed pairs.
struct WgmmaOperand {
  WgmmaOperand(Value descriptor) : values{descriptor} {}
  WgmmaOperand(ArrayRef<Value> registers) : values(registers) {}
  SmallVector<Value, 4> values;
  bool inRegisters() const { return values.size() == 4; }
};

/// An ImplicitLocOpBuilder for one architecture.
class NVVMBuilder : public ImplicitLocOpBuilder {
public:
  NVVMBuilder(OpBuilder &builder, Location loc, const SM &sm) : ImplicitLocOpBuilder(loc, builder), sm(sm) {}

  const SM sm;

  //===--------------------------------------------------------------------===//
  // Kernels and types
  //===--------------------------------------------------------------------===//

  Type globalPtr();    ///< !llvm.ptr<1>
  Type sharedPtr();    ///< !llvm.ptr<3>
  Type tensorMapPtr(); ///< !llvm.ptr: as a parameter of a kernel, a tensor map by value.

  /// Emits an empty kernel at the insertion point, which is in a gpu.module, and moves into its entry block. Parameters
  /// of type tensorMapPtr() are tensor maps.
  LLVM::LLVMFuncOp createKernel(StringRef name, ArrayRef<Type> parameters, const KernelLimits &limits);
  /// The start of the dynamic shared memory, which is aligned to 1024 bytes. Declared once per gpu.module.
  Value sharedMemory();

  //===--------------------------------------------------------------------===//
  // Integers; constants take the type of the other side
  //===--------------------------------------------------------------------===//

  Value i32(int64_t value);
  Value i64(int64_t value);
  Value i1(bool value);
  Value add(Value lhs, Value rhs);
  Value add(Value lhs, int64_t rhs);
  Value sub(Value lhs, Value rhs);
  Value sub(Value lhs, int64_t rhs);
  Value mul(Value lhs, Value rhs);
  Value mul(Value lhs, int64_t rhs);
  /// Unsigned.
  Value div(Value lhs, Value rhs);
  Value div(Value lhs, int64_t rhs);
  Value rem(Value lhs, Value rhs);
  Value rem(Value lhs, int64_t rhs);
  /// ceil(lhs / rhs), unsigned.
  Value ceilDiv(Value lhs, int64_t rhs);
  Value shl(Value lhs, int64_t rhs);
  Value shr(Value lhs, int64_t rhs);
  Value band(Value lhs, Value rhs);
  Value band(Value lhs, int64_t rhs);
  Value bor(Value lhs, Value rhs);
  Value bxor(Value lhs, Value rhs);
  Value bxor(Value lhs, int64_t rhs);
  /// Signed.
  Value min(Value lhs, Value rhs);
  Value max(Value lhs, Value rhs);
  Value cmp(arith::CmpIPredicate predicate, Value lhs, Value rhs);
  Value eq(Value lhs, Value rhs);
  Value eq(Value lhs, int64_t rhs);
  Value ne(Value lhs, int64_t rhs);
  /// Signed.
  Value lt(Value lhs, Value rhs);
  Value lt(Value lhs, int64_t rhs);
  Value le(Value lhs, Value rhs);
  Value gt(Value lhs, int64_t rhs);
  Value land(Value lhs, Value rhs) { return band(lhs, rhs); }
  Value lor(Value lhs, Value rhs) { return bor(lhs, rhs); }
  Value lnot(Value value);
  Value select(Value cond, Value ifTrue, Value ifFalse);
  /// Number of the lowest bit of \p value that is set; anything where none is.
  Value countTrailingZeros(Value value);
  /// How many bits of \p value are set.
  Value popcount(Value value);
  /// Four of the eight bytes of \p lo and \p hi, one for each digit of \p selector, lowest first (prmt).
  Value permuteBytes(Value lo, Value hi, int64_t selector);
  /// i1 or i32 to i32 or i64 and back.
  Value zext(Value value, Type type);
  Value sext(Value value, Type type);
  Value trunc(Value value, Type type);

  //===--------------------------------------------------------------------===//
  // f32
  //===--------------------------------------------------------------------===//

  Value f32(double value);
  Value addf(Value lhs, Value rhs);
  Value subf(Value lhs, Value rhs);
  Value mulf(Value lhs, Value rhs);
  Value negf(Value value);
  Value absf(Value value);
  /// a * b + c in one rounding.
  Value fma(Value a, Value b, Value c);
  /// One instruction each; the other operand where one is NaN.
  Value maxf(Value lhs, Value rhs);
  Value minf(Value lhs, Value rhs);
  Value cmpf(arith::CmpFPredicate predicate, Value lhs, Value rhs);
  /// Approximations of one instruction, subnormals flushed: 2^x and 1/x to about 2 ulp, 1/sqrt(x) and log2(x) likewise,
  /// tanh(x) to 2^-11.
  Value ex2(Value value);
  Value rcp(Value value);
  Value rsqrt(Value value);
  Value lg2(Value value);
  Value tanhApprox(Value value);
  /// Packs two f32 as \p elt (f16 or bf16), round to nearest even, into an i32 with \p lo in the low half.
  Value pack(Value lo, Value hi, Type elt);
  /// Takes an i32 of two \p elt apart, as f32: low half first.
  std::pair<Value, Value> unpack(Value packed, Type elt);
  /// A scalar of f16, bf16 or f32 to f32 and back.
  Value toF32(Value value);
  Value fromF32(Value value, Type elt);

  //===--------------------------------------------------------------------===//
  // Control flow
  //===--------------------------------------------------------------------===//

  using LoopBody = llvm::function_ref<SmallVector<Value>(Value, ValueRange)>;
  /// for (iv = lb; iv < ub; iv += step) with loop-carried values; i32, signed.
  SmallVector<Value> loop(Value lb, Value ub, Value step, ValueRange init, LoopBody body);
  void loop(Value lb, Value ub, Value step, llvm::function_ref<void(Value)> body);
  using Branch = llvm::function_ref<SmallVector<Value>()>;
  SmallVector<Value> ifElse(Value cond, TypeRange results, Branch then, Branch otherwise);
  void ifThen(Value cond, llvm::function_ref<void()> then);
  void ifThenElse(Value cond, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise);

  //===--------------------------------------------------------------------===//
  // Threads
  //===--------------------------------------------------------------------===//

  Value threadId();
  Value blockId(unsigned dim = 0);
  Value gridDim(unsigned dim = 0);
  Value clusterRank();
  /// threadId() % 32.
  Value laneId();
  /// The same value in all lanes of a warp, known to the compiler as such: \p value of lane 0. Roles of warps are
  /// decided by it, so that the branches are uniform.
  Value uniform(Value value);
  /// i32 or f32.
  Value shuffleXor(Value value, int64_t mask);
  Value shuffle(Value value, Value lane);
  /// Over the four lanes that hold one row of an accumulator fragment.
  Value quadMax(Value value);
  Value quadSum(Value value);
  /// Bit l tells whether \p cond (i1) holds in lane l.
  Value ballot(Value cond);
  void syncWarp();
  /// Barrier of the whole block.
  void syncThreads();
  /// Named barrier (0 is syncThreads's): all of \p threads wait, or arrive without waiting.
  void sync(Value id, int64_t threads);
  void sync(int64_t id, int64_t threads) { sync(i32(id), threads); }
  void arrive(Value id, int64_t threads);
  /// Barrier of all threads of the cluster; orders shared memory of its blocks.
  void clusterArrive();
  void clusterWait();
  void clusterSync() {
    clusterArrive();
    clusterWait();
  }
  /// Registers per thread of this warpgroup, a multiple of 8; all four warps execute it.
  void increaseRegisters(int64_t count);
  void decreaseRegisters(int64_t count);
  /// Programmatic launch: wait for the kernels before this one; let the next one start.
  void waitForPrevious();
  void launchNext();

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  /// \p pointer plus \p bytes (i32 or i64).
  Value offset(Value pointer, Value bytes);
  Value offset(Value pointer, int64_t bytes);
  /// \p pointer plus \p index elements of \p elt.
  Value element(Value pointer, Value index, Type elt);
  /// The 32-bit shared-memory address of a !llvm.ptr<3>.
  Value sharedAddress(Value pointer);
  /// Scalar or vector; \p align in bytes, 0 for that of the type.
  Value load(Type type, Value pointer, int64_t align = 0);
  void store(Value value, Value pointer, int64_t align = 0);
  /// Stores four i32 to 16 bytes of global memory where \p cond holds, without a branch: what computes them is not
  /// moved into one, where nothing else could run beside it.
  void storeIf(Value cond, ArrayRef<Value> words, Value pointer);
  /// \p type from global memory that no thread writes while the kernel runs (ld.global.nc).
  Value loadInvariant(Type type, Value pointer, int64_t align = 0);
  /// Loads 16 bytes of shared memory, as four i32, where the i32 \p cond is not zero, without a branch. Elsewhere the
  /// result is anything.
  SmallVector<Value> loadSharedIf(Value cond, Value pointer);
  /// 8 bytes at the address \p shared, an own !llvm.ptr<3>, in block \p rank of the cluster: two f32.
  SmallVector<Value> loadRemoteF32x2(Value shared, Value rank);

  /// cp.async of 4, 8 or 16 bytes to shared memory, of which \p srcBytes (i32; all if null) are read and the rest zero.
  void copyAsync(Value shared, Value global, int64_t bytes, Value srcBytes = {});
  void commitAsync();
  void waitAsync(int64_t pending);
  /// Arrives on \p barrier, one of as many threads as it counts, when all copyAsync() of this thread so far are done.
  void arriveAfterCopies(Value barrier);

  //===--------------------------------------------------------------------===//
  // mbarriers and tensor memory copies
  //===--------------------------------------------------------------------===//

  void initBarrier(Value barrier, int64_t count);
  /// Makes initialised barriers visible to the copy engine and the cluster; before a barrier of all threads.
  void fenceBarrierInit();
  /// Spins until the phase of parity \p parity (i32) is complete. A fresh barrier passes parity 1.
  void waitBarrier(Value barrier, Value parity);
  void arriveBarrier(Value barrier);
  /// Arrives and announces \p bytes of copies.
  void expectBytes(Value barrier, int64_t bytes) { expectBytes(barrier, i32(bytes)); }
  void expectBytes(Value barrier, Value bytes);
  /// Arrives on the same barrier of block \p rank of the cluster, with no memory ordering: for buffers that only wgmma
  /// has read.
  void arriveRemoteBarrier(Value barrier, Value rank);

  /// Copies \p bytes (i32, a multiple of 16) of global memory into shared memory, both aligned to 16 bytes, and
  /// reports to \p barrier (sm_90).
  void copyBulk(Value shared, Value global, Value bytes, Value barrier);
  void prefetchMap(Value map);
  /// Copies a box into shared memory; \p coords are innermost first. With \p multicast (i16 mask), into every block of
  /// the mask.
  void tmaLoad(Value shared, Value map, Value barrier, ValueRange coords, Value multicast = {});
  void tmaStore(Value map, Value shared, ValueRange coords);
  void commitBulk();
  /// Waits until at most \p pending groups of this thread are unfinished, or with \p read unread.
  void waitBulk(int64_t pending, bool read);
  /// Orders ordinary writes of shared memory before accesses of the copy engine and wgmma.
  void fenceAsyncShared();

  //===--------------------------------------------------------------------===//
  // Tensor cores
  //===--------------------------------------------------------------------===//

  /// Descriptor of a tile at the shared address \p address (i32), swizzled as by a tensor map: \p swizzle is 32, 64 or
  /// 128. K-major: \p stride is the distance of groups of eight rows (8 * swizzle when packed), \p leading is ignored;
  /// without a swizzle, 0, matrices of 8 rows of 16 bytes are packed, and \p leading is the distance of those of
  /// neighbouring k.
  /// MN-major: \p stride is the distance of groups of eight k, \p leading that of panels of `swizzle` bytes.
  /// A step within the tile is added to the descriptor as bytes / 16.
  Value wgmmaDescriptor(Value address, int64_t swizzle = 128, int64_t stride = 1024, int64_t leading = 16);
  /// Orders register writes before the following wgmma; in front of every batch.
  void wgmmaFence();
  /// Issues m64 x \p n x k16, D = A * B + D; returns the n/2 accumulators, which must not be read before wgmmaWait().
  /// \p accumulate: i32 that is zero to ignore D; null for D = A * B + D always. \p transposeB: B is MN-major ([k, n]
  /// in memory).
  SmallVector<Value> wgmma(int64_t n, Type elt, const WgmmaOperand &a, Value b, ValueRange acc, Value accumulate = {},
                           bool transposeB = false);
  void wgmmaCommit();
  /// Waits until at most \p pending groups are unfinished; \p values are what may be read from here on, and are
  /// returned in the form in which to read them.
  SmallVector<Value> wgmmaWait(int64_t pending, ValueRange values = {});
  /// Undefined accumulators, for wgmma with an `accumulate` that starts at zero.
  SmallVector<Value> undefF32(int64_t count);

  /// D = A * B + C of m16n8k16: \p a four, \p b two registers of packed pairs, \p c four f32.
  SmallVector<Value> mma(Type elt, ValueRange a, ValueRange b, ValueRange c);
  /// Loads 1, 2 or 4 matrices of 8 x 8 halves; lane i holds the address of row i.
  SmallVector<Value> ldmatrix(Value shared, int64_t count, bool transpose = false);
  /// Transposes a matrix of 8 x 8 halves, of which lane l has columns 2 (l % 4) and the next of row l / 4.
  Value movmatrix(Value packed);
  /// The same for f32, of which lane l has those two: exact.
  std::pair<Value, Value> transposeF32(Value lo, Value hi);
  /// Stores registers.size() (1, 2 or 4) of them (sm_90).
  void stmatrix(Value shared, ValueRange registers, bool transpose = false);

private:
  Value constantLike(Value value, int64_t constant);
  Value inlineAsm(StringRef text, StringRef constraints, ValueRange operands, Type result = {},
                  bool sideEffects = true);
  Value intrinsic(StringRef name, ValueRange operands, Type result);
  /// Takes the \p count fields of a struct apart.
  SmallVector<Value> unpackStruct(Value value, int64_t count);
};

} // namespace mlir::et::nvidia

#endif // ET_TARGET_NVIDIA_NVVMBUILDER_H
