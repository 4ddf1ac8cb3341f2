//===- PrefetchWeights.cpp - Ask for weights of later launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   launch:    QKV     attention   W_O    FFN1    FFN2    QKV'  ...
//   asks for:  W_O, FFN1  FFN1, FFN2  FFN2, QKV'  QKV', W_O'  FFN1'  ...
//
// Why: with few rows, time is dependencies. A layer of BERT-base has 14.2 MB of
// weights, 3.4 us at the 4.2 TB/s of an H200, and takes 15 to 20 us; yet its
// layers wait for memory, 0.3 to 0.7 us each (weights in L2 against weights in
// memory, benchmarks/results), since a block asks for its weights when it starts,
// which is one launch ahead at best. Two launches and more ahead hides that; what
// is hidden is all there is to gain, some 1.2 us a layer.
//
// Where: each launch asks for the same share, so that memory has the same to do all
// the time, while attention and norms run too. The stream of weights, in order of
// use, is dealt out launch by launch: never what the next `distance` launches
// read, and never more than `in-flight-bytes` ahead, so that nothing is evicted
// before it is read. A launch asks for parts of two weights at most.
//
// Refused: weights that L2 holds from call to call; launches for many rows.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::et {
#define GEN_PASS_DEF_PREFETCHWEIGHTSPASS
#include "et/Conversion/ETToGPU/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-prefetch-weights"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Parts of weights are multiples of this, which is what a block asks for at once.
static constexpr int64_t kGrain = 4096;
/// Views of one launch: each is two arguments of its kernel.
static constexpr unsigned kMaxViews = 2;

namespace {
/// The weight of a linear launch.
struct Weight {
  /// Position of the launch among those that run with few rows.
  int64_t position = 0;
  /// Where it lies among the weights.
  Value section;
  int64_t offset = 0, bytes = 0;
  /// Bytes that launches ask for so far.
  int64_t asked = 0;
};

struct PrefetchWeightsPass final : et::impl::PrefetchWeightsPassBase<PrefetchWeightsPass> {
  using Base::Base;

  void runOnOperation() override;

private:
  void prefetch(func::FuncOp function);
  std::vector<Weight> getWeights(ArrayRef<LaunchOp> launches);
  void addPrefetch(LaunchOp launch, LaunchOp rowsLaunch, ArrayRef<std::pair<Weight, int64_t>> parts);
};
} // namespace

static LinearOp getLinear(LaunchOp launch) { return dyn_cast_or_null<LinearOp>(cpu::getRoot(launch)); }

/// The operand of \p launch that is the input or the weight of its layer.
static Value getOperand(LaunchOp launch, Value argument) {
  return launch->getOperand(cast<BlockArgument>(argument).getArgNumber());
}

/// The launches of \p function that run with few rows, in order: not those of chunks that only many rows have.
static SmallVector<LaunchOp> getLaunches(func::FuncOp function) {
  SmallVector<LaunchOp> launches;
  for (auto launch : function.getBody().front().getOps<LaunchOp>()) {
    auto likely = launch->getAttrOfType<DenseI64ArrayAttr>("et.rows");
    if (launch.hasBufferOperands() && (!likely || likely.empty() || likely[0] == 0))
      launches.push_back(launch);
  }
  return launches;
}

/// The weights of \p launches that L2 does not hold since an earlier launch, in order of use.
std::vector<Weight> PrefetchWeightsPass::getWeights(ArrayRef<LaunchOp> launches) {
  std::vector<Weight> weights;
  // Bytes of all weights up to the last use of the one at an offset.
  llvm::DenseMap<int64_t, int64_t> lastUse;
  int64_t total = 0;
  for (auto [position, launch] : llvm::enumerate(launches)) {
    LinearOp linear = getLinear(launch);
    if (!linear)
      continue;
    auto view = getOperand(launch, linear.getWeight()).getDefiningOp<memref::ViewOp>();
    std::optional<int64_t> offset = view ? getConstantIntValue(view.getByteShift()) : std::nullopt;
    if (!offset || !isWeight(view) || !view.getType().hasStaticShape())
      continue;
    MemRefType type = view.getType();
    int64_t bytes = llvm::divideCeil(type.getNumElements() * type.getElementTypeBitWidth(), 8);
    auto known = lastUse.find(*offset);
    bool isHeld = known != lastUse.end() && total - known->second < l2Bytes;
    total += isHeld ? 0 : bytes;
    lastUse[*offset] = total;
    if (!isHeld)
      weights.push_back({static_cast<int64_t>(position), view.getSource(), *offset, bytes / kGrain * kGrain});
  }
  return weights;
}

/// Puts et.prefetch of \p parts, weights and numbers of bytes behind what was asked for, in front of \p launch; its
/// rows are those of \p rowsLaunch, a linear one.
void PrefetchWeightsPass::addPrefetch(LaunchOp launch, LaunchOp rowsLaunch,
                                      ArrayRef<std::pair<Weight, int64_t>> parts) {
  ImplicitLocOpBuilder b(launch.getLoc(), launch);
  SmallVector<Value> views;
  std::string what;
  for (const auto &[weight, bytes] : parts) {
    auto type = MemRefType::get({bytes}, b.getI8Type());
    Value shift = arith::ConstantIndexOp::create(b, weight.offset + weight.asked);
    views.push_back(memref::ViewOp::create(b, type, weight.section, shift, ValueRange()));
    what += llvm::formatv("{0}{1} of {2} bytes for launch {3}", what.empty() ? "" : ", ", bytes, weight.bytes,
                          weight.position);
  }
  Value input = getOperand(rowsLaunch, getLinear(rowsLaunch).getInput());
  Value rows = arith::ConstantIndexOp::create(b, 1);
  for (int64_t dim = 0, end = cast<MemRefType>(input.getType()).getRank() - 1; dim < end; ++dim)
    rows = b.createOrFold<arith::MulIOp>(rows, b.createOrFold<memref::DimOp>(input, dim));
  PrefetchOp::create(b, views, rows, maxRows);
  ++numPrefetches;
  remark::passed(launch.getLoc(), remark::RemarkOpts::name("PrefetchWeights").category(DEBUG_TYPE))
      << remark::add("{0} asks for {1}, with up to {2} rows", launch.getKernel(), what, maxRows.getValue());
}

void PrefetchWeightsPass::prefetch(func::FuncOp function) {
  SmallVector<LaunchOp> launches = getLaunches(function);
  std::vector<Weight> weights = getWeights(launches);
  int64_t total = 0, carriers = llvm::count_if(launches, mayPrefetch);
  for (const Weight &weight : weights)
    total += weight.bytes;
  auto miss = [&](const auto &reason) {
    remark::missed(function.getLoc(), remark::RemarkOpts::name("PrefetchWeights").category(DEBUG_TYPE)) << reason;
  };
  if (weights.empty())
    return;
  if (total <= l2Bytes)
    return miss(remark::reason("the {0} bytes of weights stay in L2 from call to call, which holds {1} of them", total,
                               l2Bytes.getValue()));
  // Half more than what there is for each: the weights run ahead until what is in flight is the limit.
  int64_t share = llvm::alignTo(total * 3 / 2 / carriers, kGrain);
  size_t next = 0;
  LaunchOp rowsLaunch;
  for (auto [index, launch] : llvm::enumerate(launches)) {
    int64_t position = index;
    if (getLinear(launch))
      rowsLaunch = launch;
    // The rows of what comes first may not be those of the layers.
    if (!mayPrefetch(launch) || !rowsLaunch)
      continue;
    // What is too near now, its own blocks ask for.
    while (next < weights.size() && weights[next].position < position + distance)
      ++next;
    int64_t inFlight = 0;
    for (const Weight &weight : weights)
      inFlight += weight.position > position ? weight.asked : 0;
    int64_t left = std::min<int64_t>(share, inFlightBytes - inFlight) / kGrain * kGrain;
    SmallVector<std::pair<Weight, int64_t>> parts;
    while (left > 0 && next < weights.size() && parts.size() < kMaxViews) {
      Weight &weight = weights[next];
      int64_t bytes = std::min(left, weight.bytes - weight.asked);
      if (bytes > 0)
        parts.push_back({weight, bytes});
      weight.asked += bytes;
      left -= bytes;
      if (weight.asked == weight.bytes)
        ++next;
    }
    if (!parts.empty())
      addPrefetch(launch, rowsLaunch, parts);
  }
}

void PrefetchWeightsPass::runOnOperation() {
  FailureOr<nvidia::SM> sm = nvidia::SM::get(getOperation(), chip);
  if (failed(sm))
    return signalPassFailure();
  if (maxRows < 1 || distance < 1) {
    getOperation().emitError("expected max-rows and distance to be positive, but got ")
        << maxRows.getValue() << " and " << distance.getValue();
    return signalPassFailure();
  }
  // Without bulk copies no kernel could.
  if (!sm->hasTMA)
    return;
  for (auto function : getOperation().getOps<func::FuncOp>())
    if (!function.isExternal() && function->hasAttr("et.scratch"))
      prefetch(function);
}
