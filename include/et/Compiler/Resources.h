//===- Resources.h - Data of resources, and remarks, for library users -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_RESOURCES_H
#define ET_COMPILER_RESOURCES_H

#include "mlir/Support/LLVM.h"

#include <functional>

namespace mlir {
class MLIRContext;
}

namespace mlir::et {

/// Gives the `dense_resource` named \p name in \p context the bytes \p data, which are not copied and must outlive the
/// context's use of them. A name that nothing in the context refers to is ignored.
void attachResource(MLIRContext &context, StringRef name, ArrayRef<char> data);

/// Hands every remark that compiling in \p context makes to \p callback.
void enableRemarks(MLIRContext &context, std::function<void(StringRef)> callback);

} // namespace mlir::et

#endif // ET_COMPILER_RESOURCES_H
