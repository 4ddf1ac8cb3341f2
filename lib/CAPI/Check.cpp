//===- Check.cpp - C API: find sizes that break a program -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et-c/Check.h"

#include "Session.h"

#include "et/Dialect/ET/Transforms/CheckShapes.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::et;

void etCheckOptionsInit(EtCheckOptions *options) {
  ShapeCheckOptions defaults;
  *options = {defaults.maxPaths, defaults.timeLimit, {}};
}

EtError etCheckShapes(const char *source, size_t size, const EtCheckOptions *given, char **output, size_t *outputSize) {
  ShapeCheckOptions options;
  if (given) {
    if (std::optional<std::string> wrong = findReserved(given->reserved, "EtCheckOptions", etVersion()))
      return makeError(std::move(*wrong));
    options.maxPaths = given->maxPaths;
    options.timeLimit = given->timeLimit;
  }
  if (options.maxPaths < 1 || options.timeLimit < 1)
    return makeError(llvm::formatv("maxPaths and timeLimit have to be positive, but they are {0} and {1}",
                                   options.maxPaths, options.timeLimit)
                         .str());
  Session session(nullptr, nullptr);
  if (EtError error = session.parse({source, size}, {}))
    return error;
  FailureOr<std::vector<ShapeReport>> reports = checkModuleShapes(session.getModule(), options);
  if (failed(reports))
    return session.takeError("the module cannot be checked");
  return copyOut(llvm::formatv("{0}", toJSON(*reports)).str(), output, outputSize);
}
