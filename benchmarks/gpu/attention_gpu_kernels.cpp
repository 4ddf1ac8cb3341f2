//===- attention_gpu_kernels.cpp - Cubins and launches for attention.py -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builds the kernels of AttentionCases, which attention.py checks and times on a GPU
// machine that has neither LLVM nor a toolkit:
//
//   attention_gpu_kernels DIR [FILTER [CHIP]]   writes DIR/*.cubin, DIR/*.ptx, DIR/attention.json
//   python3 benchmarks/gpu/attention.py DIR
//
//===----------------------------------------------------------------------===//

#include "AttentionCases.h"
#include "KernelDump.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
namespace json = llvm::json;

static json::Object describeOperand(unsigned number, const AttentionOperand &operand, ArrayRef<int64_t> symbols) {
  std::string type;
  llvm::raw_string_ostream(type) << operand.elementType;
  json::Array dims, strides;
  for (auto [dim, stride] : llvm::zip(operand.dims, operand.strides)) {
    dims.push_back(dim);
    strides.push_back(evaluate(stride, symbols));
  }
  return json::Object{{"operand", number}, {"type", type}, {"dims", std::move(dims)}, {"strides", std::move(strides)}};
}

/// \p kernels run one behind the other.
static json::Object describeRun(const AttentionCase &c, ArrayRef<BuiltKernel> kernels, ArrayRef<int64_t> symbols,
                                bool timed) {
  const AttentionKernelSpec &spec = c.spec;
  json::Array operands{
      describeOperand(kAttentionQuery, spec.query, symbols), describeOperand(kAttentionKey, spec.key, symbols),
      describeOperand(kAttentionValue, spec.value, symbols), describeOperand(kAttentionOutput, spec.output, symbols)};
  if (spec.mask)
    operands.push_back(describeOperand(kAttentionMask, *spec.mask, symbols));
  if (spec.lengths)
    operands.push_back(describeOperand(kAttentionLengths, *spec.lengths, symbols));
  auto describeOffsets = [&](unsigned number, Type type, LaunchExpr stride) {
    AttentionOperand operand;
    operand.elementType = type;
    json::Object entry = describeOperand(number, operand, symbols);
    entry["count"] = evaluate(spec.numOffsets, symbols);
    operands.push_back(std::move(entry));
  };
  if (spec.offsets)
    describeOffsets(kAttentionOffsets, spec.offsets, spec.offsetStride);
  if (spec.keyOffsets)
    describeOffsets(kAttentionKeyOffsets, spec.keyOffsets, spec.keyOffsetStride);
  json::Array launches;
  // One of no blocks has nothing to do.
  for (const BuiltKernel &kernel : kernels)
    if (llvm::none_of(kernel.grid, [&](LaunchExpr blocks) { return evaluate(blocks, symbols) == 0; }))
      launches.push_back(describeLaunch(kernel, symbols));
  json::Array sizes(symbols.take_front(spec.numBatchDims + 2));
  sizes.push_back(spec.headSizeK);
  sizes.push_back(spec.headSizeV);
  json::Object run{{"sizes", std::move(sizes)},
                   {"operands", std::move(operands)},
                   {"launches", std::move(launches)},
                   {"timed", timed}};
  if (c.schedule.family == AttentionSchedule::Partial)
    run["scores"] = evaluate(attentionScoreElements(spec.numBatchDims, spec.query.elementType.getContext()), symbols);
  return run;
}

/// Batch dimensions, then m and n.
static SmallVector<SmallVector<int64_t>> checkedSizes(const AttentionCase &c) {
  SmallVector<int64_t> batch;
  // Tokens, and offsets.
  if (c.spec.keyOffsets)
    return {{12, 64, 64, 2}, {12, 1, 1, 2}, {12, 100, 300, 4}, {12, 300, 100, 9}, {12, 1000, 700, 41}, {12, 5, 7, 1}};
  if (c.spec.offsets)
    return {{12, 64, 64, 2},   {12, 1, 1, 2},     {12, 17, 17, 5},      {12, 128, 128, 3}, {12, 300, 300, 71},
            {12, 700, 700, 6}, {12, 700, 700, 2}, {12, 1000, 1000, 33}, {12, 5, 5, 1},     {12, 2000, 2000, 66}};
  if (c.spec.numBatchDims == 1)
    batch = {12};
  else if (c.spec.numBatchDims == 2)
    batch = {3, 12};
  else
    batch = {2, 3, 4};
  SmallVector<std::pair<int64_t, int64_t>> rows{{64, 64},   {1, 1},     {17, 17},   {128, 128}, {130, 130},
                                                {200, 200}, {384, 384}, {513, 513}, {700, 700}};
  // Heads of a packed tensor have one length.
  if (!StringRef(c.name).contains("packed"))
    rows.append({{5, 300}, {300, 5}, {129, 257}, {64, 1025}});
  // An empty tensor has no tensor map.
  if (!c.schedule.usesWgmma() && !StringRef(c.name).contains("packed"))
    rows.push_back({70, 0});
  SmallVector<SmallVector<int64_t>> sizes;
  for (auto [m, n] : rows) {
    sizes.push_back(batch);
    sizes.back().append({m, n});
  }
  return sizes;
}

static SmallVector<SmallVector<int64_t>> timedSizes(const AttentionCase &c) {
  if (!c.isTimed)
    return {};
  // As many tokens as 32 sequences of 16 to 384 have on average.
  if (c.spec.offsets)
    return {{12, 6400, 6400, 33}};
  if (c.spec.headSizeK == 128)
    return {{1, 12, 128, 128},  {32, 12, 128, 128},  {32, 12, 256, 256},
            {32, 12, 512, 512}, {8, 12, 1024, 1024}, {4, 16, 4096, 4096}};
  return {{32, 12, 128, 128}, {32, 12, 256, 256}, {32, 12, 384, 384},  {32, 12, 512, 512},
          {1, 12, 128, 128},  {1, 12, 384, 384},  {8, 12, 1024, 1024}, {4, 16, 4096, 4096}};
}

/// Builds \p c, writes its cubin to \p folder and appends it to \p entries; returns whether that went well.
static bool dump(const AttentionCase &c, const nvidia::SM &sm, StringRef ptxas, StringRef folder,
                 json::Array &entries) {
  if (std::optional<std::string> reason = verifyAttentionSchedule(c.spec, c.schedule, sm)) {
    llvm::errs() << c.name << ": " << *reason << '\n';
    return false;
  }
  KernelModule module(sm);
  // The case belongs to another context: its expressions and types are made again in this one.
  std::vector<AttentionCase> cases = getAttentionCases(module.getContext(), sm);
  const AttentionCase &own = *llvm::find_if(cases, [&](const AttentionCase &other) { return other.name == c.name; });
  OpBuilder builder = module.getBuilder();
  SmallVector<BuiltKernel, 2> kernels;
  if (own.schedule.family == AttentionSchedule::Partial)
    kernels.push_back(buildAttentionScoresKernel(builder, module.getLoc(), "scores", own.spec, own.schedule, sm));
  kernels.push_back(buildAttentionKernel(builder, module.getLoc(), "attention", own.spec, own.schedule, sm));
  json::Array runs;
  for (ArrayRef<int64_t> symbols : checkedSizes(own))
    runs.push_back(describeRun(own, kernels, symbols, /*timed=*/false));
  for (ArrayRef<int64_t> symbols : timedSizes(own))
    runs.push_back(describeRun(own, kernels, symbols, /*timed=*/true));
  std::string ptx = module.getPTX();
  if (ptx.empty())
    return false;
  nvidia::AssemblyReport report;
  FailureOr<std::string> cubin = nvidia::assemblePTX(module.getLoc(), ptx, sm, ptxas, &report);
  if (failed(cubin))
    return false;
  for (const std::string &advisory : report.advisories)
    llvm::errs() << c.name << ": " << advisory << '\n';
  for (const nvidia::KernelReport &r : report.kernels)
    llvm::errs() << c.name << ": " << r.registers << " registers, " << r.spillStoreBytes << " bytes spilled\n";
  auto write = [&](StringRef suffix, StringRef text) {
    std::error_code error;
    llvm::raw_fd_ostream((folder + "/" + c.name + suffix).str(), error) << text;
    return !error;
  };
  bool isWritten = write(".ptx", ptx) && write(".cubin", *cubin);
  constexpr StringRef structures[] = {"none", "causal", "lower_right", "window"};
  entries.push_back(json::Object{{"name", c.name},
                                 {"cubin", c.name + ".cubin"},
                                 {"batch", own.spec.numBatchDims},
                                 {"scale", own.spec.scale},
                                 {"structure", structures[unsigned(own.spec.structure)]},
                                 {"left", own.spec.windowLeft},
                                 {"right", own.spec.windowRight},
                                 {"global", own.spec.windowGlobal},
                                 {"left_padding", own.spec.leftPadding},
                                 {"score", own.score},
                                 {"key_block", own.schedule.keyBlock},
                                 {"runs", std::move(runs)}});
  return isWritten;
}

int main(int argc, char **argv) {
  if (argc < 2 || StringRef(argv[1]).starts_with("-")) {
    llvm::errs() << "usage: attention_gpu_kernels DIR [FILTER [CHIP]]\n";
    return 2;
  }
  StringRef folder = argv[1], filter = argc > 2 ? argv[2] : "";
  FailureOr<nvidia::SM> sm = nvidia::SM::get(argc > 3 ? argv[3] : "sm_90a");
  std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment());
  if (failed(sm) || !ptxas || llvm::sys::fs::create_directories(folder)) {
    llvm::errs() << "need a known chip, ptxas and a folder to write to\n";
    return 1;
  }
  MLIRContext context;
  context.loadDialect<LLVM::LLVMDialect>();
  json::Array entries;
  bool allGood = true;
  for (const AttentionCase &c : getAttentionCases(&context, *sm))
    if (StringRef(c.name).contains(filter))
      allGood &= dump(c, *sm, *ptxas, folder, entries);
  std::error_code error;
  llvm::raw_fd_ostream os((folder + "/attention.json").str(), error);
  os << json::Value(std::move(entries)) << '\n';
  return allGood && !error ? 0 : 1;
}
