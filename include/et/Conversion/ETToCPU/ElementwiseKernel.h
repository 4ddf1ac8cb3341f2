//===- ElementwiseKernel.h - Builder of elementwise kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emits out[map(i)] = body(in0[map0(i)], in1[map1(i)], ..) over parallel
// dimensions as one function in upstream dialects:
//
//   func.func @name(%tid: index, %nth: index, inputs..., outputs...)
//
// Operands are memref<?x..xT, strided<[?, ..], offset: ?>>. Dimensions that are
// contiguous in all operands at run time are walked as one; the innermost is
// computed in vectors. The function is SPMD: every thread of a team calls it and
// takes its own share of the work. An output may be the same memory as an input
// that it is computed from element by element.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_ELEMENTWISEKERNEL_H
#define ET_CONVERSION_ETTOCPU_ELEMENTWISEKERNEL_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <functional>
#include <optional>
#include <string>

namespace mlir::et::cpu {

/// One operand of an elementwise kernel.
struct ElementwiseOperand {
  /// For each dimension of the operand, the iteration dimension it is, or
  /// kBroadcast for one whose index is always 0.
  SmallVector<int64_t> dims;
  /// Element type in the body. An i1 lies in memory as a byte, 0 or 1, and its
  /// memref has element type i8.
  Type elementType;

  static constexpr int64_t kBroadcast = -1;
};

/// Emits the computation: \p inputs holds one value per input, scalars or
/// vector<LxT>, \p indices the iteration indices (index or vector<Lxindex>; empty
/// unless `usesIndices`). Returns one scalar or vector per output.
using ElementwiseBodyFn =
    std::function<SmallVector<Value>(OpBuilder &, Location, ValueRange inputs, ValueRange indices)>;

struct ElementwiseKernelSpec {
  unsigned numDims = 0;
  SmallVector<ElementwiseOperand> inputs;
  /// Each output has every iteration dimension exactly once.
  SmallVector<ElementwiseOperand> outputs;
  ElementwiseBodyFn body;
  bool usesIndices = false;
};

/// Returns what is wrong with \p spec, or nullopt if a kernel can be built.
std::optional<std::string> verifyElementwiseSpec(const ElementwiseKernelSpec &spec);

/// Makes a specification from the body of an elementwise linalg.generic (or any
/// block of scalar operations like it): \p maps has one projected permutation per
/// block argument, \p numInputs of them are inputs. Constants defined outside of
/// \p block are copied into the kernel. On failure, \p reason says why. The block
/// must outlive the specification.
FailureOr<ElementwiseKernelSpec> getElementwiseSpec(Block &block, ArrayRef<AffineMap> maps, unsigned numInputs,
                                                    const ISA &isa, std::string &reason);

/// Returns the argument types of the kernel.
SmallVector<Type> elementwiseArgTypes(OpBuilder &builder, const ElementwiseKernelSpec &spec);

/// Emits the kernel at the insertion point of \p builder (in a module). \p spec
/// must satisfy verifyElementwiseSpec().
func::FuncOp buildElementwiseKernel(OpBuilder &builder, Location loc, StringRef name, const ElementwiseKernelSpec &spec,
                                    const ISA &isa);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_ELEMENTWISEKERNEL_H
