//===- ScheduleCPU.cpp - Choose how each launch runs on a CPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs while launches still have tensors, so that a weight's encoding follows
// from the schedule of the launch that reads it and its storage from that when
// tensors get buffers.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/AttentionKernel.h"
#include "et/Conversion/ETToCPU/LinearKernel.h"
#include "et/Conversion/ETToCPU/Passes.h"
#include "et/Dialect/ET/IR/WeightData.h"

namespace mlir::et {
#define GEN_PASS_DEF_SCHEDULECPUPASS
#include "et/Conversion/ETToCPU/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
struct ScheduleCPUPass final : et::impl::ScheduleCPUPassBase<ScheduleCPUPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<cpu::ISALevel> level = cpu::ISA::parse(isa);
    if (failed(level)) {
      getOperation().emitError("expected isa to be baseline, avx2, avx512 or native, but got '") << isa << "'";
      return signalPassFailure();
    }
    target = cpu::ISA::get(*level);
    symbols.emplace(getOperation());
    WalkResult result = getOperation().walk(
        [&](LaunchOp launch) { return failed(schedule(launch)) ? WalkResult::interrupt() : WalkResult::advance(); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

private:
  LogicalResult schedule(LaunchOp launch) {
    if (launch.getScheduleAttr())
      return success();
    Builder builder(&getContext());
    SmallVector<NamedAttribute> entries;
    auto set = [&](StringRef name, int64_t value) {
      entries.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
    };
    entries.push_back(builder.getNamedAttr("isa", builder.getStringAttr(stringifyISALevel(target.level))));
    Operation *root = cpu::getRoot(launch);
    if (auto linear = dyn_cast_or_null<LinearOp>(root)) {
      auto tile = dyn_cast_or_null<TileAttr>(linear.getWeight().getType().getEncoding());
      int64_t n = linear.getNumOutputs(), k = linear.getNumInputs();
      cpu::LinearTiling tiling =
          tile ? cpu::chooseSparseLinearTiling(target, k, tile.getRows()) : cpu::chooseLinearTiling(target, n, k);
      set("mr", tiling.mr);
      set("nr", tiling.nr);
      set("kc", tiling.kc);
      set("mc", tiling.mc);
      if (failed(packWeight(launch, linear, tiling.nr)))
        return failure();
    } else if (auto attention = dyn_cast_or_null<AttentionOp>(root)) {
      set("scratch", cpu::attentionScratchBytes(cpu::getAttentionSpec(attention), target));
    }
    launch.setScheduleAttr(builder.getDictionaryAttr(entries));
    return success();
  }

  /// Makes \p launch read its weight as panels of \p width outputs.
  LogicalResult packWeight(LaunchOp launch, LinearOp linear, int64_t width) {
    unsigned number = cast<BlockArgument>(linear.getWeight()).getArgNumber();
    auto ref = launch.getInputs()[number].getDefiningOp<WeightRefOp>();
    if (!ref)
      return launch.emitOpError("expected the weight of its linear layer to be an et.weight_ref; run "
                                "--et-outline-weights and --et-decompose-for-cpu first");
    auto weight = symbols->lookup<WeightOp>(ref.getWeight());
    RankedTensorType type = weight.getTensorType();
    auto tile = dyn_cast_or_null<TileAttr>(type.getEncoding());
    WeightOp &packed = packedWeights[{weight, width}];
    if (!packed) {
      Attribute encoding = PanelsAttr::get(&getContext(), width);
      if (tile) {
        // How much of it there is decides how much storage it takes.
        FailureOr<RawElements> raw = getRawElements(weight);
        if (failed(raw))
          return failure();
        Type element = cast<ElementsAttr>(weight.getSources()[0]).getElementType();
        cpu::KeptColumns kept = cpu::findKeptColumns(raw->data, element, type.getDimSize(0), type.getDimSize(1), width);
        encoding = SparsePanelsAttr::get(&getContext(), width, kept.size());
      }
      auto packedType =
          RankedTensorType::get(type.getShape(), cpu::packedLinearWeightType(target, type.getElementType()), encoding);
      OpBuilder builder(weight);
      packed = WeightOp::create(builder, weight.getLoc(), (weight.getSymName() + ".panels").str(), packedType,
                                weight.getSources());
      symbols->insert(packed);
    }
    auto packedType = packed.getTensorType();
    OpBuilder builder(launch);
    auto packedRef =
        WeightRefOp::create(builder, ref.getLoc(), packedType, FlatSymbolRefAttr::get(packed.getSymNameAttr()));
    launch->setOperand(number, packedRef.getResult());
    // The region says what the kernel knows of a sparse weight, and not what of it there is: layers of one shape share
    // a kernel.
    launch.getBodyArgument(number).setType(tile ? packedType.cloneWithEncoding(TileAttr::get(&getContext(), width, 1))
                                                : packedType);
    if (ref.use_empty())
      ref.erase();
    return success();
  }

  cpu::ISA target;
  std::optional<SymbolTable> symbols;
  /// By weight and width of its panels.
  DenseMap<std::pair<Operation *, int64_t>, WeightOp> packedWeights;
};
} // namespace
