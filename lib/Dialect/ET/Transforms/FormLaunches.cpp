//===- FormLaunches.cpp - Group ops into launches, one per kernel -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every op that computes goes into an et.launch. A linear layer is the root of
// a group that grows along its result as long as that has one use:
//
//   et.linear -> et.gelu | element-wise generic ... -> et.layer_norm | et.rms_norm
//
// Statistics of the rows of its input join it when an op of the group needs them:
// its kernel reads these rows anyhow.
//
// Other et ops and linalg ops are groups of their own. Views (reshapes, slices),
// sizes and constants stay outside. An op that yields a tensor and is none of
// these is refused.
//
//===----------------------------------------------------------------------===//

#include "EmbeddingGroups.h"

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::et {
#define GEN_PASS_DEF_FORMLAUNCHESPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
/// Ops that run as one kernel, in order; the first is the root.
struct Group {
  SmallVector<Operation *> ops;
  std::string label;
};
} // namespace

/// True for an op that needs a kernel.
static bool computes(Operation *op) {
  return isa<LinearOp, AttentionOp, LayerNormOp, RmsNormOp, NormStatsOp, GeluOp, EmbeddingOp, linalg::LinalgOp>(op);
}

/// True for an op on tensors that is a view after bufferization, or that bufferization turns into a copy.
static bool isViewOrCopy(Operation *op) {
  return isa<tensor::ExtractSliceOp, tensor::InsertSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::CastOp, tensor::EmptyOp, tensor::ReshapeOp, WeightRefOp>(op);
}

/// True when \p op maps each element of \p value to the same element of its one result, so that it can run on a result
/// while that is in registers.
static bool isEpilogue(Operation *op, Value value, bool takesRowValues) {
  if (isa<GeluOp>(op))
    return true;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  // A target marks ops that it cannot run on values in registers.
  if (!generic || generic->hasAttr("et.alone") || generic.getNumResults() != 1 ||
      generic.getNumLoops() != generic.getNumParallelLoops() || generic.hasIndexSemantics() ||
      generic.payloadUsesValueFromOperand(generic.getDpsInitOperand(0)))
    return false;
  auto type = cast<RankedTensorType>(value.getType());
  auto resultType = cast<RankedTensorType>(generic.getResult(0).getType());
  // Values in registers are f32 or what rounds to it.
  auto isSmallFloat = [](Type type) { return isa<FloatType>(type) && type.getIntOrFloatBitWidth() <= 32; };
  if (resultType.getRank() != type.getRank() || !isSmallFloat(resultType.getElementType()) ||
      resultType.getShape().back() != type.getShape().back())
    return false;
  // The payload must be scalar arithmetic.
  for (Operation &payload : generic.getBody()->without_terminator())
    if (payload.getNumRegions() != 0 || !OpTrait::hasElementwiseMappableTraits(&payload))
      return false;
  // Of values from outside, constants only come along.
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(generic->getRegions(), captured);
  if (!llvm::all_of(captured, [](Value outside) {
        return outside.getDefiningOp() && outside.getDefiningOp()->hasTrait<OpTrait::ConstantLike>();
      }))
    return false;
  AffineMap identity = AffineMap::getMultiDimIdentityMap(type.getRank(), op->getContext());
  if (generic.getIndexingMapsArray().back() != identity)
    return false;
  for (OpOperand *input : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(input);
    if (input->get() == value && map != identity)
      return false;
    // The rows of the result are one flat dimension in the kernel: an operand has all of it, one value per row, or none
    // of its rows.
    bool allRows = map == identity ||
                   (takesRowValues && map.getNumResults() > 0 && map == identity.getMajorSubMap(type.getRank() - 1));
    bool noRows = map.getNumResults() == 0 ||
                  (map.getNumResults() == 1 && map.getResult(0) == identity.getResult(type.getRank() - 1));
    if (!allRows && !noRows)
      return false;
    if (!isSmallFloat(getElementTypeOrSelf(input->get().getType())))
      return false;
  }
  return true;
}

/// Adds statistics of the rows that the root of \p group reads, which an op of the group needs.
static void addStats(Group &group) {
  auto root = cast<LinearOp>(group.ops.front());
  DenseSet<Operation *> members(group.ops.begin(), group.ops.end());
  for (Operation *user : root.getInput().getUsers()) {
    auto stats = dyn_cast<NormStatsOp>(user);
    if (!stats || stats->getBlock() != root->getBlock() || !root->isBeforeInBlock(stats))
      continue;
    auto isMember = [&](Operation *reader) { return members.contains(reader); };
    // The launch stands where the last op of the group does.
    auto isInTime = [&](Operation *reader) {
      Operation *inBlock = root->getBlock()->findAncestorOpInBlock(*reader);
      return isMember(reader) || (inBlock && group.ops.back()->isBeforeInBlock(inBlock));
    };
    if (!llvm::any_of(stats->getUsers(), isMember) || !llvm::all_of(stats->getUsers(), isInTime))
      continue;
    group.ops.insert(std::next(group.ops.begin()), stats);
    group.label.insert(StringRef("linear").size(), "+norm_stats");
    return;
  }
}

/// Grows a group behind \p root along its result, up to and with a norm if \p fuseNorms.
static Group growLinear(LinearOp root, bool fuseNorms, bool takesRowValues) {
  Group group{{root}, "linear"};
  Value current = root.getResult();
  while (current.hasOneUse()) {
    Operation *user = *current.user_begin();
    if (user->getBlock() != root->getBlock())
      break;
    if (isEpilogue(user, current, takesRowValues)) {
      group.ops.push_back(user);
      group.label += isa<GeluOp>(user) ? "+gelu" : "+elementwise";
      current = user->getResult(0);
      continue;
    }
    if (!fuseNorms)
      break;
    auto takesCurrent = [&](auto norm) { return norm.getInput() == current || norm.getResidual() == current; };
    if (auto norm = dyn_cast<LayerNormOp>(user); norm && takesCurrent(norm)) {
      group.ops.push_back(user);
      group.label += "+layer_norm";
    } else if (auto norm = dyn_cast<RmsNormOp>(user); norm && takesCurrent(norm)) {
      group.ops.push_back(user);
      group.label += "+rms_norm";
    }
    break;
  }
  addStats(group);
  return group;
}

static std::string getLabel(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp)
    return op->getName().stripDialect().str();
  if (!isa<linalg::GenericOp>(op))
    return op->getName().stripDialect().str();
  return linalgOp.getNumReductionLoops() == 0 ? "elementwise" : "reduction";
}

/// Sizes for the outputs of \p group. All results of a group have the shape of its root's, except statistics, which
/// have one value per row, and that of a linalg op, which comes with its own destination.
static FailureOr<SmallVector<Value>> createOutputs(OpBuilder &builder, const Group &group, ArrayRef<Value> escaping) {
  SmallVector<Value> outputs;
  Operation *root = group.ops.front();
  ReifiedRankedShapedTypeDims shapes;
  for (Value result : escaping) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(result.getDefiningOp());
    if (linalgOp && group.ops.size() == 1) {
      outputs.push_back(linalgOp.getDpsInitOperand(cast<OpResult>(result).getResultNumber())->get());
      continue;
    }
    if (auto stats = dyn_cast<NormStatsOp>(result.getDefiningOp())) {
      SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, result.getLoc(), stats.getInput());
      sizes.pop_back();
      outputs.push_back(tensor::EmptyOp::create(builder, result.getLoc(), sizes,
                                                cast<RankedTensorType>(result.getType()).getElementType()));
      continue;
    }
    if (shapes.empty() && failed(cast<ReifyRankedShapedTypeOpInterface>(root).reifyResultShapes(builder, shapes)))
      return failure();
    outputs.push_back(tensor::EmptyOp::create(builder, result.getLoc(), shapes[0],
                                              cast<RankedTensorType>(result.getType()).getElementType()));
  }
  return outputs;
}

/// Clones \p op of a group into the region of its launch, one of whose outputs is \p output.
static void cloneIntoRegion(OpBuilder &builder, Operation *op, IRMapping &mapping, Value output) {
  // The destination of an intermediate element-wise op is not read: give it one of the right size.
  if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && !mapping.contains(generic.getDpsInits()[0])) {
    auto type = cast<RankedTensorType>(generic.getDpsInits()[0].getType());
    SmallVector<OpFoldResult> sizes;
    if (generic.getDpsInputs().empty()) {
      // It counts the rows of a sequence.
      int64_t rows = cast<RankedTensorType>(output.getType()).getRank() - 2;
      sizes = {tensor::getMixedSize(builder, op->getLoc(), output, rows)};
    } else {
      Value like = mapping.lookup(generic.getDpsInputs()[0]);
      for (Value input : generic.getDpsInputs())
        if (cast<ShapedType>(input.getType()).getRank() == type.getRank())
          like = mapping.lookup(input);
      sizes = tensor::getMixedSizes(builder, op->getLoc(), like);
    }
    mapping.map(generic.getDpsInits()[0],
                tensor::EmptyOp::create(builder, op->getLoc(), sizes, type.getElementType()).getResult());
  }
  builder.clone(*op, mapping);
}

/// Replaces the ops of \p group by one launch.
static LogicalResult formLaunch(const Group &group) {
  Operation *last = group.ops.back();
  OpBuilder builder(last);
  DenseSet<Operation *> members(group.ops.begin(), group.ops.end());

  SmallVector<Value> escaping;
  SmallVector<Location> locations;
  // A linalg op on its own reads what its destinations hold, those of unused results too.
  bool allEscape = group.ops.size() == 1 && isa<linalg::LinalgOp>(last);
  for (Operation *op : group.ops) {
    locations.push_back(op->getLoc());
    for (Value result : op->getResults())
      if (allEscape || llvm::any_of(result.getUsers(), [&](Operation *user) {
            while (user && !members.contains(user))
              user = user->getParentOp();
            return !user;
          }))
        escaping.push_back(result);
  }
  // Statistics always have a place in memory, behind the result: some kernels get them from a kernel of their own.
  if (group.ops.size() > 1)
    for (Operation *op : group.ops)
      if (isa<NormStatsOp>(op)) {
        llvm::erase_if(escaping, [&](Value result) { return result.getDefiningOp() == op; });
        llvm::append_range(escaping, op->getResults());
      }
  FailureOr<SmallVector<Value>> outputs = createOutputs(builder, group, escaping);
  if (failed(outputs))
    return last->emitOpError("has a result whose size cannot be told from its operands");

  // Everything the group reads from outside; scalar constants are cloned instead.
  llvm::SetVector<Value> inputs;
  llvm::SetVector<Operation *> constants;
  auto addInput = [&](Value value) {
    Operation *def = value.getDefiningOp();
    if (def && members.contains(def))
      return;
    if (def && def->hasTrait<OpTrait::ConstantLike>() && !isa<ShapedType>(value.getType()))
      constants.insert(def);
    else
      inputs.insert(value);
  };
  for (Operation *op : group.ops) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    for (OpOperand &operand : op->getOpOperands())
      if (!linalgOp || !linalgOp.isDpsInit(&operand))
        addInput(operand.get());
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    llvm::for_each(captured, addInput);
  }

  auto launch = LaunchOp::create(builder, builder.getFusedLoc(locations), TypeRange(ValueRange(*outputs)), group.label,
                                 inputs.getArrayRef(), *outputs, /*schedule=*/nullptr);
  Block *body = builder.createBlock(&launch.getBody());
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  SmallVector<Value> outputArguments;
  for (Value output : *outputs)
    outputArguments.push_back(body->addArgument(output.getType(), output.getLoc()));
  for (Operation *constant : constants)
    builder.clone(*constant, mapping);
  // A linalg op alone writes to the launch's output; what it finds there is its initial value.
  if (isa<linalg::LinalgOp>(group.ops.front()))
    for (auto [result, argument] : llvm::zip(escaping, outputArguments)) {
      auto linalgOp = cast<linalg::LinalgOp>(result.getDefiningOp());
      Value init = linalgOp.getDpsInitOperand(cast<OpResult>(result).getResultNumber())->get();
      mapping.map(init, argument);
    }
  for (Operation *op : group.ops)
    cloneIntoRegion(builder, op, mapping, outputArguments.front());
  SmallVector<Value> yielded;
  for (Value result : escaping)
    yielded.push_back(mapping.lookup(result));
  YieldOp::create(builder, launch.getLoc(), yielded);

  for (auto [result, replacement] : llvm::zip(escaping, launch.getResults()))
    result.replaceAllUsesWith(replacement);
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
  return success();
}

namespace {
struct FormLaunchesPass final : et::impl::FormLaunchesPassBase<FormLaunchesPass> {
  using Base::Base;

  void runOnOperation() override {
    FunctionOpInterface function = getOperation();
    if (function.isExternal())
      return;
    if (!function.getFunctionBody().hasOneBlock()) {
      function.emitError("expected a function of one block; control flow cannot be planned");
      return signalPassFailure();
    }
    SmallVector<Group> groups;
    DenseSet<Operation *> taken;
    if (fuseEmbeddings)
      for (auto embedding : function.getFunctionBody().front().getOps<EmbeddingOp>()) {
        SmallVector<Operation *> ops = findEmbeddingSum(embedding);
        if (ops.size() == 1)
          continue;
        taken.insert(ops.begin(), ops.end());
        numFused += ops.size() - 1;
        groups.push_back({std::move(ops), "embedding+elementwise"});
      }
    for (Operation &op : function.getFunctionBody().front()) {
      if (taken.contains(&op) || isa<LaunchOp>(op))
        continue;
      if (!computes(&op)) {
        if (llvm::any_of(op.getResultTypes(), llvm::IsaPred<TensorType>) && !isViewOrCopy(&op)) {
          op.emitOpError("yields a tensor but is not an op that can be launched; expected et, linalg or a view");
          return signalPassFailure();
        }
        continue;
      }
      // A result nobody reads needs no kernel.
      if (op.use_empty())
        continue;
      auto linear = dyn_cast<LinearOp>(op);
      groups.push_back(linear ? growLinear(linear, fuseNorms, takesRowValues) : Group{{&op}, getLabel(&op)});
      taken.insert(groups.back().ops.begin(), groups.back().ops.end());
      numFused += groups.back().ops.size() - 1;
    }
    for (const Group &group : groups) {
      if (failed(formLaunch(group)))
        return signalPassFailure();
      ++numLaunches;
    }
  }
};
} // namespace
