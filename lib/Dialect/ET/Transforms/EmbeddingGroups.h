//===- EmbeddingGroups.h - Embeddings that are added up -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_TRANSFORMS_EMBEDDINGGROUPS_H
#define ET_LIB_DIALECT_ET_TRANSFORMS_EMBEDDINGGROUPS_H

#include "et/Dialect/ET/IR/ET.h"

namespace mlir::et {

/// The ops that compute a sum of embeddings and vectors which \p embedding is a term of: it first, then the other
/// embeddings, each behind the op that counts its ids if there is one, and the element-wise sum last. Only \p embedding
/// when it is not part of such a sum.
SmallVector<Operation *> findEmbeddingSum(EmbeddingOp embedding);

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_TRANSFORMS_EMBEDDINGGROUPS_H
