//===- attention_kernels.cpp - Writes attention kernels for attention.py -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// See https://llvm.org/LICENSE.txt for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// attention_kernels FOLDER [CHIP [NAME-PREFIX...]]: the kernels of AttentionCases as
// cubins, and FOLDER/attention.json.
//
//===----------------------------------------------------------------------===//

#include "AttentionCases.h"
#include "KernelDump.h"

#include "et/Target/NVIDIA/Serialize.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
namespace json = llvm::json;

static json::Object describe(unsigned number, const AttentionOperand &operand) {
  std::string type;
  llvm::raw_string_ostream(type) << operand.elementType;
  json::Array dims, strides;
  for (auto [dim, stride] : llvm::zip(operand.dims, operand.strides)) {
    dims.push_back(dim);
    strides.push_back(toPython(stride));
  }
  return json::Object{
      {"operand", number}, {"type", type}, {"dims", std::move(dims)}, {"strides", std::move(strides)}};
}

static json::Object describe(const AttentionCase &c) {
  const AttentionKernelSpec &spec = c.spec;
  json::Array operands{describe(kAttentionQuery, spec.query), describe(kAttentionKey, spec.key),
                       describe(kAttentionValue, spec.value), describe(kAttentionOutput, spec.output)};
  if (spec.mask)
    operands.push_back(describe(kAttentionMask, *spec.mask));
  if (spec.lengths)
    operands.push_back(describe(kAttentionLengths, *spec.lengths));
  constexpr StringRef structures[] = {"none", "causal", "lower_right", "window"};
  return json::Object{{"name", c.name},
                      {"batch", spec.numBatchDims},
                      {"operands", std::move(operands)},
                      {"k", spec.headSizeK},
                      {"v", spec.headSizeV},
                      {"scale", spec.scale},
                      {"structure", structures[unsigned(spec.structure)]},
                      {"left", spec.windowLeft},
                      {"right", spec.windowRight},
                      {"global", spec.windowGlobal},
                      {"left_padding", spec.leftPadding},
                      {"score", c.score},
                      {"key_block", c.schedule.keyBlock}};
}

int main(int argc, char **argv) {
  if (argc < 2) {
    llvm::errs() << "usage: attention_kernels FOLDER [CHIP [NAME-PREFIX...]]\n";
    return 1;
  }
  StringRef folder = argv[1];
  FailureOr<nvidia::SM> sm = nvidia::SM::get(argc > 2 ? argv[2] : "sm_90a");
  if (failed(sm)) {
    llvm::errs() << "error: unknown chip " << argv[2] << '\n';
    return 1;
  }
  DialectRegistry registry;
  nvidia::registerPTXTranslation(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  llvm::sys::fs::create_directories(folder);
  json::Array entries;
  for (const AttentionCase &c : getAttentionCases(&context, *sm)) {
    auto wanted = [&](const char *prefix) { return StringRef(c.name).starts_with(prefix); };
    if (argc > 3 && llvm::none_of(ArrayRef(argv + 3, argc - 3), wanted))
      continue;
    if (std::optional<std::string> reason = verifyAttentionSchedule(c.spec, c.schedule, *sm)) {
      llvm::errs() << c.name << ": " << *reason << '\n';
      return 1;
    }
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder builder = OpBuilder::atBlockBegin(module->getBody());
    auto gpuModule = gpu::GPUModuleOp::create(builder, module->getLoc(), "kernels");
    builder.setInsertionPointToStart(gpuModule.getBody());
    BuiltKernel kernel = buildAttentionKernel(builder, module->getLoc(), c.name, c.spec, c.schedule, *sm);
    json::Object entry = describe(c);
    entry["launch"] = toJSON(kernel);
    FailureOr<std::string> file = writeModule(gpuModule, *sm, folder, c.name);
    if (failed(file))
      return 1;
    entry["file"] = *file;
    entries.push_back(std::move(entry));
  }
  std::error_code error;
  llvm::raw_fd_ostream os((folder + "/attention.json").str(), error);
  if (error) {
    llvm::errs() << "error: " << error.message() << '\n';
    return 1;
  }
  os << llvm::formatv("{0:2}", json::Value(std::move(entries))) << '\n';
  return 0;
}
