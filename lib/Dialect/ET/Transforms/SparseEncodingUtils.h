//===- SparseEncodingUtils.h - Change the encodings of weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_TRANSFORMS_SPARSEENCODINGUTILS_H
#define ET_LIB_DIALECT_ET_TRANSFORMS_SPARSEENCODINGUTILS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

namespace mlir::et {

/// Gives every tensor type inside \p root, types of constants and functions included, the type that \p convert maps it
/// to. Only types for which \p isSource holds are touched. Fails, with an error at the op, when such a tensor comes
/// from or goes to an op that gives its encoding a meaning of its own, or when \p convert gives no type: its second
/// result says why.
LogicalResult convertEncodings(Operation *root, llvm::function_ref<bool(RankedTensorType)> isSource,
                               llvm::function_ref<std::pair<RankedTensorType, std::string>(RankedTensorType)> convert);

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_TRANSFORMS_SPARSEENCODINGUTILS_H
