//===- EmitProgram.cpp - Saved programs for all targets -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Targets are planned one after the other from copies of the module. What is wrong
// with a target or a level is found before any of the long parts.
//
//===----------------------------------------------------------------------===//

#include "EmitProgram.h"

#include "CPUCode.h"
#include "CPUPlan.h"
#include "et/Compiler/SavedProgram.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/ADT/SetVector.h"

#include <sched.h>
#include <thread>

using namespace mlir;
using namespace mlir::et;

/// Processors this process may use.
static unsigned getNumProcessors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

InFlightDiagnostic et::emitUnknownTarget(ModuleOp module, StringRef target) {
  return module.emitError(
             "expected target to be cpu or cuda: and one of sm_80, sm_86, sm_89, sm_90 and sm_90a, but got '")
         << target << "'";
}

static WeightsOptions getWeightsOptions(const CompileOptions &options) {
  WeightsOptions result;
  result.allowNonFinite = options.allowNonFinite;
  result.threads = getNumProcessors();
  return result;
}

FailureOr<WeightsSection> et::addPlanForCPU(ProgramWriter &writer, ModuleOp module, cpu::ISALevel level,
                                            const CompileOptions &options) {
  CompileOptions planOptions = options;
  planOptions.target = "cpu";
  planOptions.isa = stringifyISALevel(level).str();
  if (failed(runPasses(module, Stage::Planned, planOptions)))
    return failure();
  FailureOr<WeightsSection> weights = buildWeights(module, getWeightsOptions(options));
  if (failed(weights) || failed(addCPUPlan(writer, module, *weights, level, planOptions)))
    return failure();
  return weights;
}

/// Rows up to which folded norms are the faster way (benchmarks/results): from there on layers have enough work to hide
/// what norms cost, and statistics of rows cost more than that.
static constexpr int64_t kMostFoldedRows = 1024;

namespace {
/// What a plan for a GPU is made of.
struct GPUParts {
  OwningOpRef<ModuleOp> module;
  WeightsSection weights;
  KernelCode code;
};
} // namespace

/// Takes a copy of \p module to launches and kernels for the architecture \p chip of NVIDIA; norms are not folded by
/// rows.
static FailureOr<GPUParts> compileForGPU(ModuleOp module, StringRef chip, CompileOptions options, FoldNorms foldNorms) {
  GPUParts parts;
  parts.module = module.clone();
  options.target = ("cuda:" + chip).str();
  options.foldNorms = foldNorms;
  if (failed(runPasses(*parts.module, Stage::GPU, options)))
    return failure();
  // Weights first: what is wrong with them is found before the long part.
  FailureOr<WeightsSection> weights = buildWeights(*parts.module, getWeightsOptions(options));
  if (failed(weights))
    return failure();
  parts.weights = std::move(*weights);
  FailureOr<KernelCode> code = compileKernels(*parts.module, chip, /*assemble=*/true);
  if (failed(code))
    return failure();
  parts.code = std::move(*code);
  return parts;
}

/// Launches of norms in \p module.
static int64_t countNorms(ModuleOp module) {
  int64_t count = 0;
  module.walk([&](gpu::LaunchFuncOp launch) {
    auto name = launch->getAttrOfType<StringAttr>("et.name");
    count += name && (name.getValue() == "layer_norm" || name.getValue() == "rms_norm");
  });
  return count;
}

/// Adds the plan for \p chip; its weights go to \p sections.
static LogicalResult addPlanForGPU(ProgramWriter &writer, ModuleOp module, StringRef chip, StringRef entry,
                                   const CompileOptions &options, std::vector<WeightsSection> &sections) {
  bool byRows = options.foldNorms == FoldNorms::Auto;
  FailureOr<GPUParts> parts = compileForGPU(module, chip, options, byRows ? FoldNorms::On : options.foldNorms);
  if (failed(parts))
    return failure();
  if (byRows) {
    // Weights that only few rows ask for ahead of time are not read then.
    CompileOptions forMany = options;
    forMany.prefetchWeights = false;
    FailureOr<GPUParts> many = compileForGPU(module, chip, forMany, FoldNorms::Off);
    if (failed(many))
      return failure();
    if (hasRows(*parts->module, entry) && countNorms(*parts->module) < countNorms(*many->module)) {
      if (failed(addGPUPlanByRows(writer, {*parts->module, parts->weights, parts->code},
                                  {*many->module, many->weights, many->code}, kMostFoldedRows)))
        return failure();
      sections.push_back(std::move(parts->weights));
      sections.push_back(std::move(many->weights));
      return success();
    }
    // There was nothing to fold: both are the same.
  }
  if (failed(addGPUPlan(writer, *parts->module, parts->weights, parts->code)))
    return failure();
  sections.push_back(std::move(parts->weights));
  return success();
}

namespace {
/// What the options ask for.
struct Targets {
  llvm::SmallSetVector<cpu::ISALevel, 4> levels;
  llvm::SmallSetVector<StringRef, 4> chips;
};
} // namespace

static FailureOr<Targets> parseTargets(ModuleOp module, const CompileOptions &options) {
  Targets targets;
  SmallVector<StringRef> names;
  StringRef(options.target).split(names, ',');
  for (StringRef name : names) {
    FailureOr<std::optional<std::string>> chip = parseTarget(name);
    if (failed(chip))
      return emitUnknownTarget(module, name);
    if (*chip) {
      targets.chips.insert(name.drop_front(StringRef("cuda:").size()));
      continue;
    }
    SmallVector<StringRef> levels;
    StringRef(options.isa).split(levels, ',');
    for (StringRef levelName : levels) {
      FailureOr<cpu::ISALevel> level = parseISA(module, levelName);
      if (failed(level))
        return failure();
      targets.levels.insert(*level);
    }
  }
  return targets;
}

LogicalResult et::emitProgram(ModuleOp module, const ProgramSignature &signature, const CompileOptions &options,
                              llvm::raw_ostream &os) {
  FailureOr<Targets> targets = parseTargets(module, options);
  if (failed(targets))
    return failure();
  ProgramWriter writer(signature, targets->chips.empty() ? kCPUAlignment : kGPUAlignment);
  // The program refers to them until it is written.
  std::vector<WeightsSection> weights;
  auto add = [&](auto plan) -> LogicalResult {
    OwningOpRef<ModuleOp> copy = module.clone();
    FailureOr<WeightsSection> section = plan(*copy);
    if (failed(section))
      return failure();
    weights.push_back(std::move(*section));
    return success();
  };
  for (cpu::ISALevel level : targets->levels)
    if (failed(add([&](ModuleOp copy) { return addPlanForCPU(writer, copy, level, options); })))
      return failure();
  for (StringRef chip : targets->chips)
    if (failed(addPlanForGPU(writer, module, chip, signature.entry, options, weights)))
      return failure();
  std::string file;
  if (runtime::Error error = writer.getBuilder().serialize(file))
    return module.emitError("cannot be saved: ") << error.getMessage();
  os << file;
  return success();
}
