//===- Resources.cpp - Data of resources, and remarks, for library users -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Resources.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::et;

void et::attachResource(MLIRContext &context, StringRef name, ArrayRef<char> data) {
  auto &manager = DenseResourceElementsHandle::getManagerInterface(&context);
  // Files of weights often hold more than one module needs.
  if (!manager.getBlobManager().lookup(name))
    return;
  manager.getBlobManager().update(name, UnmanagedAsmResourceBlob::allocateWithAlign(data, /*align=*/1));
}

namespace {
/// Turns each remark into one line of text.
class CallbackStreamer final : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit CallbackStreamer(std::function<void(StringRef)> callback) : callback(std::move(callback)) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    std::string text;
    llvm::raw_string_ostream os(text);
    // MLIR 22 puts no space between a location and what follows (`@"model.py":335:0Reason=...`): readers of the text
    // expect it so.
    remark.print(os, /*printLocation=*/true);
    callback(text);
  }

private:
  std::function<void(StringRef)> callback;
};
} // namespace

void et::enableRemarks(MLIRContext &context, std::function<void(StringRef)> callback) {
  remark::RemarkCategories categories;
  categories.all = categories.passed = categories.missed = categories.analysis = categories.failed = ".*";
  (void)remark::enableOptimizationRemarks(context, std::make_unique<CallbackStreamer>(std::move(callback)),
                                          std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}
