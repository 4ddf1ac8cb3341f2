//===- Signature.h - Names, types and sizes of what a program takes and yields -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_SIGNATURE_H
#define ET_COMPILER_SIGNATURE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace mlir {
class ModuleOp;
namespace func {
class FuncOp;
}
} // namespace mlir

namespace mlir::et {

/// Element types of inputs and outputs; booleans are a byte each.
enum class ElementType { F16, BF16, F32, F64, Bool, I8, I16, I32, I64 };

/// Name of \p type, as in MLIR; "bool" for booleans.
StringRef stringifyElementType(ElementType type);

/// Bytes of one element in memory.
int64_t getElementSize(ElementType type);

/// An input or output of a program. Programs outlive the context they were compiled in: nothing here refers to it.
struct TensorSignature {
  std::string name;
  ElementType elementType;
  /// Sizes; ShapedType::kDynamic where they are not known.
  SmallVector<int64_t> shape;
  /// One name per dimension, empty for those without; inputs only. Equal names mean equal sizes.
  SmallVector<std::string> dims;
  /// The smallest size of each dimension; inputs only.
  SmallVector<int64_t> minSizes;

  /// Name, sizes and element type, for messages.
  std::string describe() const;
};

/// What a program takes and yields, in order.
struct ProgramSignature {
  std::string entry;
  std::vector<TensorSignature> inputs, outputs;
};

/// The function of \p module that programs run: \p name, or the only public one. Emits an error when there is none.
FailureOr<func::FuncOp> findEntry(ModuleOp module, StringRef name = {});

/// Reads the signature of \p entry, a function on tensors. Emits an error on types that no program can take.
FailureOr<ProgramSignature> getSignature(func::FuncOp entry);

} // namespace mlir::et

#endif // ET_COMPILER_SIGNATURE_H
