//===- ETTransformOps.cpp - Transform ops for launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/TransformOps/ETTransformOps.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToCPU/LaunchSchedules.h"
#include "et/Conversion/ETToGPU/LaunchSchedules.h"
#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Transform/Interfaces/MatchInterfaces.h"
#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "et-transform"

using namespace mlir;
using namespace mlir::et;

//===----------------------------------------------------------------------===//
// MatchLaunchOp
//===----------------------------------------------------------------------===//

/// What the schedule of \p launch is for; empty when there is none.
static StringRef getTarget(LaunchOp launch) {
  DictionaryAttr schedule = launch.getScheduleAttr();
  for (StringRef name : {"chip", "isa"})
    if (auto target = schedule ? schedule.getAs<StringAttr>(name) : StringAttr())
      return target.getValue();
  return "";
}

/// Name of the op that the kernel of \p launch is built around, without `et.`.
static StringRef getComputes(Operation *root) {
  StringRef name = root ? root->getName().getStringRef() : "";
  name.consume_front("et.");
  return name;
}

DiagnosedSilenceableFailure transform::MatchLaunchOp::matchOperation(Operation *current, TransformResults &results,
                                                                     TransformState &state) {
  auto launch = dyn_cast<LaunchOp>(current);
  if (!launch)
    return emitSilenceableError() << "expected an et.launch, but got " << current->getName();
  Operation *root = cpu::getRoot(launch);
  auto differs = [&](StringRef what, auto expected, auto got) {
    return emitSilenceableError() << "expected a launch with " << what << " " << expected << ", but got " << got;
  };
  if (getComputes() && *getComputes() != ::getComputes(root))
    return differs("an op", *getComputes(), ::getComputes(root));
  if (getKernel() && *getKernel() != launch.getKernel())
    return differs("the label", *getKernel(), launch.getKernel());
  if (getTarget() && *getTarget() != ::getTarget(launch))
    return differs("the target", *getTarget(), ::getTarget(launch));
  auto isSize = [](std::optional<uint64_t> expected, int64_t size) {
    return !expected || static_cast<int64_t>(*expected) == size;
  };
  auto linear = dyn_cast_or_null<LinearOp>(root);
  if (!isSize(getOutputs(), linear ? linear.getNumOutputs() : -1))
    return differs("outputs", Twine(*getOutputs()), Twine(linear ? linear.getNumOutputs() : 0));
  if (!isSize(getInputs(), linear ? linear.getNumInputs() : -1))
    return differs("inputs", Twine(*getInputs()), Twine(linear ? linear.getNumInputs() : 0));
  auto attention = dyn_cast_or_null<AttentionOp>(root);
  int64_t headSize = attention ? attention.getStaticDimSize(attention.getNumDomainDims() - 2) : 0;
  if (!isSize(getHeadSize(), attention ? headSize : -1))
    return differs("heads of", Twine(*getHeadSize()), Twine(headSize));
  return DiagnosedSilenceableFailure::success();
}

//===----------------------------------------------------------------------===//
// GetScheduleOp
//===----------------------------------------------------------------------===//

/// \p target as a launch that has a schedule; an error of \p op where it is none.
static FailureOr<LaunchOp> getScheduled(transform::TransformOpInterface op, Operation *target,
                                        DiagnosedSilenceableFailure &failure) {
  auto launch = dyn_cast<LaunchOp>(target);
  if (launch && launch.getScheduleAttr())
    return launch;
  failure = launch ? op.emitSilenceableError()
                         << "expected a launch with a schedule; run --et-plan-cpu, --et-plan-gpu or "
                            "--et-schedule-gpu before the script"
                   : op.emitSilenceableError() << "expected an et.launch, but got " << target->getName();
  failure.attachNote(target->getLoc()) << "this op";
  return mlir::failure();
}

DiagnosedSilenceableFailure transform::GetScheduleOp::applyToOne(TransformRewriter &rewriter, Operation *target,
                                                                 ApplyToEachResultList &results,
                                                                 TransformState &state) {
  DiagnosedSilenceableFailure failure = DiagnosedSilenceableFailure::success();
  FailureOr<LaunchOp> launch = getScheduled(*this, target, failure);
  if (failed(launch))
    return failure;
  results.push_back(launch->getScheduleAttr());
  return failure;
}

void transform::GetScheduleOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  onlyReadsHandle(getTargetMutable(), effects);
  producesHandle(getOperation()->getOpResults(), effects);
  onlyReadsPayload(effects);
}

//===----------------------------------------------------------------------===//
// CandidateSchedulesOp
//===----------------------------------------------------------------------===//

DiagnosedSilenceableFailure transform::CandidateSchedulesOp::apply(TransformRewriter &rewriter,
                                                                   TransformResults &results, TransformState &state) {
  auto payload = state.getPayloadOps(getTarget());
  if (!llvm::hasSingleElement(payload))
    return emitSilenceableError() << "expected one launch, but got " << llvm::range_size(payload);
  DiagnosedSilenceableFailure failure = DiagnosedSilenceableFailure::success();
  FailureOr<LaunchOp> launch = getScheduled(*this, *payload.begin(), failure);
  if (failed(launch))
    return failure;
  SmallVector<Attribute> variants;
  if (gpu_kernels::isGPUSchedule(launch->getScheduleAttr()))
    llvm::append_range(variants, gpu_kernels::listVariants(*launch, getSize(), getCount()));
  if (variants.empty()) {
    failure = emitSilenceableError() << "expected a linear layer or attention on a GPU: others have nothing to choose";
    failure.attachNote(launch->getLoc()) << "this launch";
    return failure;
  }
  results.setParams(cast<OpResult>(getSchedules()), variants);
  return failure;
}

void transform::CandidateSchedulesOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  onlyReadsHandle(getTargetMutable(), effects);
  producesHandle(getOperation()->getOpResults(), effects);
  onlyReadsPayload(effects);
}

//===----------------------------------------------------------------------===//
// SetScheduleOp
//===----------------------------------------------------------------------===//

/// The schedule of \p launch with what \p given says; null where it has no kernel with it, and \p reason says why.
static DictionaryAttr getChosen(LaunchOp launch, Attribute given, std::string &reason) {
  DictionaryAttr schedule = launch.getScheduleAttr();
  auto dictionary = dyn_cast<DictionaryAttr>(given);
  if (gpu_kernels::isGPUSchedule(schedule)) {
    // A whole schedule is taken apart, when it is for the same kind of kernel.
    if (dictionary && dictionary.contains("chip")) {
      for (StringRef name : {"chip", "family"})
        if (dictionary.get(name) != schedule.get(name)) {
          llvm::raw_string_ostream(reason)
              << "expected a schedule with the " << name << " " << schedule.get(name) << ", but got " << given;
          return nullptr;
        }
      given = dictionary.get("variants");
      if (!given)
        return schedule;
    }
    if (auto variants = dyn_cast_or_null<ArrayAttr>(given))
      return gpu_kernels::replaceVariants(launch, variants.getValue(), reason);
    return gpu_kernels::replaceVariants(launch, given, reason);
  }
  if (dictionary)
    return cpu::changeSchedule(launch, dictionary, reason);
  llvm::raw_string_ostream(reason) << "expected a dictionary for a launch on a CPU, but got " << given;
  return nullptr;
}

/// What \p launch has now, for people.
static std::string describe(LaunchOp launch) {
  DictionaryAttr schedule = launch.getScheduleAttr();
  std::string text;
  llvm::raw_string_ostream os(text);
  auto variants = schedule.getAs<ArrayAttr>("variants");
  if (!variants) {
    os << schedule;
    return text;
  }
  llvm::interleaveComma(variants.getAsRange<DictionaryAttr>(), os, [&](DictionaryAttr variant) {
    os << gpu_kernels::describeVariant(variant);
    if (int64_t from = variant.getAs<IntegerAttr>("from").getInt())
      os << " from " << from << " on";
  });
  return text;
}

static ParseResult parseScheduleAttr(OpAsmParser &parser, Attribute &schedule) {
  return parser.parseAttribute(schedule);
}
static void printScheduleAttr(OpAsmPrinter &printer, Operation *, Attribute schedule) { printer << schedule; }

LogicalResult transform::SetScheduleOp::verify() {
  if (getSchedule().has_value() == bool(getParam()))
    return emitOpError("expected either 'to' and a schedule, or 'from' and a parameter");
  return success();
}

DiagnosedSilenceableFailure transform::SetScheduleOp::apply(TransformRewriter &rewriter, TransformResults &results,
                                                            TransformState &state) {
  ArrayRef<Attribute> given;
  Attribute written = getScheduleAttr();
  given = getParam() ? state.getParams(getParam()) : ArrayRef<Attribute>(written);
  // All of them, or none.
  SmallVector<std::pair<LaunchOp, DictionaryAttr>> chosen;
  for (Operation *target : state.getPayloadOps(getTarget())) {
    DiagnosedSilenceableFailure failure = DiagnosedSilenceableFailure::success();
    FailureOr<LaunchOp> launch = getScheduled(*this, target, failure);
    if (failed(launch))
      return failure;
    std::string first = "there is none";
    DictionaryAttr schedule;
    for (auto [i, attribute] : llvm::enumerate(given)) {
      std::string reason;
      if ((schedule = getChosen(*launch, attribute, reason)))
        break;
      if (i == 0)
        first = std::move(reason);
    }
    if (!schedule) {
      failure =
          emitSilenceableError() << "the launch has no kernel with "
                                 << (given.size() == 1 ? "that schedule: " : "any of those schedules; the first: ")
                                 << first;
      failure.attachNote(launch->getLoc()) << "this launch of '" << launch->getKernel() << "' keeps its schedule";
      return failure;
    }
    chosen.push_back({*launch, schedule});
  }
  for (auto [launch, schedule] : chosen) {
    LaunchOp op = launch;
    rewriter.modifyOpInPlace(op, [&, value = schedule] { op.setScheduleAttr(value); });
    remark::passed(op.getLoc(), remark::RemarkOpts::name("Schedule").category(DEBUG_TYPE))
        << remark::add("{0}: {1}, from a transform script", op.getKernel(), describe(op));
  }
  return DiagnosedSilenceableFailure::success();
}

void transform::SetScheduleOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  onlyReadsHandle(getOperation()->getOpOperands(), effects);
  modifiesPayload(effects);
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

#define GET_OP_CLASSES
#include "et/TransformOps/ETTransformOps.cpp.inc"

namespace {
class ETTransformExtension : public transform::TransformDialectExtension<ETTransformExtension> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ETTransformExtension)

  ETTransformExtension() {
    declareDependentDialect<ETDialect>();
    registerTransformOps<
#define GET_OP_LIST
#include "et/TransformOps/ETTransformOps.cpp.inc"
        >();
  }
};
} // namespace

void et::registerTransformDialectExtension(DialectRegistry &registry) {
  registry.addExtensions<ETTransformExtension>();
}
