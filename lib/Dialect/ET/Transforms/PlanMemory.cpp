//===- PlanMemory.cpp - Lay out weights and place every buffer in one arena -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   func @f(%x: memref<?x384xf32>) -> memref<?x384xf32>        (launches on memrefs, allocs, weight refs)
// becomes
//   func @f(%x: memref<?x384xf32>, %out: memref<?xi8>,
//           %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32)
//   func @f.sizes(%x: memref<?x384xf32>, %threads: i32, %sizes: memref<?xi64>)
//
// Launches run in order, so a buffer lives from the first to the last op that
// touches it or a view of it. Buffers with disjoint lives share a slot; a slot
// is as large as the largest of them, which may only be known at run time:
// offsets are computed from the sizes of the arguments when a call starts.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::et {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

/// Buffers start on a cache line, so that whole vectors never straddle one.
static constexpr int64_t kAlignment = 64;

namespace {
/// A buffer of the function and the part of it in which it is live.
struct Buffer {
  memref::AllocOp alloc;
  unsigned first, last;
  Value bytes;
};

/// A piece of the arena that holds one buffer at a time.
struct Slot {
  Value bytes;
  unsigned busyUntil;
  SmallVector<Buffer *> buffers;
};

/// Plans one function.
class FunctionPlanner {
public:
  FunctionPlanner(func::FuncOp function, SymbolTable &symbols)
      : function(function), symbols(symbols), body(function.getBody().front()),
        entry(function.getLoc(), function.getContext()) {}

  LogicalResult run();
  unsigned getNumBuffers() const { return buffers.size(); }
  unsigned getNumSlots() const { return slots.size(); }

private:
  void launchCopies();
  LogicalResult placeResults();
  LogicalResult collectBuffers();
  void assignSlots();
  void placeBuffers();
  void placeWeights();
  void createSizesFunction();

  /// Returns \p size computed at the entry from the sizes of the arguments.
  FailureOr<Value> hoist(Value size);
  /// Returns size \p dim of \p memref, computed at the entry.
  FailureOr<Value> hoistDim(Value memref, int64_t dim);
  /// Number of bytes of a buffer, rounded up to the alignment.
  FailureOr<Value> getBytes(memref::AllocOp alloc);
  Value index(int64_t value) { return arith::ConstantIndexOp::create(entry, value); }

  func::FuncOp function;
  SymbolTable &symbols;
  Block &body;
  ImplicitLocOpBuilder entry;
  Operation *entryEnd = nullptr;
  Value arena, weights;
  unsigned numInputs = 0;
  DenseMap<Value, Value> hoisted;
  std::vector<Buffer> buffers;
  std::vector<Slot> slots;
  Value arenaBytes;
  SmallVector<Value> resultSizes;
};
} // namespace

/// The value that \p memref is a view of.
static Value getRoot(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref;
}

/// Puts each copy into a launch of its own, so that threads share it.
void FunctionPlanner::launchCopies() {
  for (auto copy : llvm::make_early_inc_range(body.getOps<memref::CopyOp>())) {
    OpBuilder builder(copy);
    auto type = cast<MemRefType>(copy.getTarget().getType());
    auto sourceTensor =
        RankedTensorType::get(cast<MemRefType>(copy.getSource().getType()).getShape(), type.getElementType());
    auto targetTensor = RankedTensorType::get(type.getShape(), type.getElementType());
    auto launch =
        LaunchOp::create(builder, copy.getLoc(), TypeRange{}, "copy", copy.getSource(), copy.getTarget(), nullptr);
    Block *block =
        builder.createBlock(&launch.getBody(), {}, {sourceTensor, targetTensor}, {copy.getLoc(), copy.getLoc()});
    AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
    SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
    auto generic = linalg::GenericOp::create(
        builder, copy.getLoc(), targetTensor, block->getArgument(0), block->getArgument(1), {identity, identity},
        iterators, [](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, args[0]); });
    YieldOp::create(builder, copy.getLoc(), generic.getResults());
    copy.erase();
  }
}

FailureOr<Value> FunctionPlanner::hoistDim(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return index(type.getDimSize(dim));
  auto ofMixed = [&](OpFoldResult size) -> FailureOr<Value> {
    if (auto value = dyn_cast<Value>(size))
      return hoist(value);
    return index(cast<IntegerAttr>(cast<Attribute>(size)).getInt());
  };
  Operation *def = memref.getDefiningOp();
  if (!def)
    return memref::DimOp::create(entry, memref, index(dim)).getResult();
  if (auto alloc = dyn_cast<memref::AllocOp>(def))
    return hoist(alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)]);
  if (auto view = dyn_cast<memref::ViewOp>(def))
    return hoist(view.getSizes()[type.getDynamicDimIndex(dim)]);
  if (auto expand = dyn_cast<memref::ExpandShapeOp>(def))
    return ofMixed(expand.getMixedOutputShape()[dim]);
  if (auto cast = dyn_cast<memref::CastOp>(def))
    return hoistDim(cast.getSource(), dim);
  if (auto subview = dyn_cast<memref::SubViewOp>(def)) {
    llvm::SmallBitVector dropped = subview.getDroppedDims();
    int64_t source = 0;
    for (int64_t kept = -1; source < static_cast<int64_t>(dropped.size()); ++source)
      if (!dropped.test(source) && ++kept == dim)
        break;
    return ofMixed(subview.getMixedSizes()[source]);
  }
  if (auto collapse = dyn_cast<memref::CollapseShapeOp>(def)) {
    Value product;
    SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices();
    for (int64_t source : groups[dim]) {
      FailureOr<Value> size = hoistDim(collapse.getSrc(), source);
      if (failed(size))
        return failure();
      product = product ? arith::MulIOp::create(entry, product, *size).getResult() : *size;
    }
    return product;
  }
  return def->emitOpError("has a size that cannot be told from the sizes of the arguments");
}

FailureOr<Value> FunctionPlanner::hoist(Value size) {
  if (Value known = hoisted.lookup(size))
    return known;
  Operation *def = size.getDefiningOp();
  if (!def)
    return function.emitError("has a size that depends on a scalar argument; expected sizes to depend on sizes only");
  FailureOr<Value> result = failure();
  if (auto dim = dyn_cast<memref::DimOp>(def)) {
    std::optional<int64_t> position = dim.getConstantIndex();
    if (!position)
      return dim.emitOpError("asks for a dimension that is not constant");
    result = hoistDim(dim.getSource(), *position);
  } else if (isMemoryEffectFree(def) && def->getNumRegions() == 0 &&
             llvm::all_of(def->getOperandTypes(), [](Type type) { return type.isIntOrIndex(); })) {
    IRMapping mapping;
    for (Value operand : def->getOperands()) {
      FailureOr<Value> mapped = hoist(operand);
      if (failed(mapped))
        return failure();
      mapping.map(operand, *mapped);
    }
    result = entry.clone(*def, mapping)->getResult(cast<OpResult>(size).getResultNumber());
  } else {
    return def->emitOpError("computes a size from data; expected sizes to depend on the sizes of the arguments only");
  }
  if (failed(result))
    return failure();
  hoisted[size] = *result;
  return result;
}

FailureOr<Value> FunctionPlanner::getBytes(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (!type.isDynamicDim(dim)) {
      bytes *= type.getDimSize(dim);
      continue;
    }
    FailureOr<Value> size = hoist(alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)]);
    if (failed(size))
      return failure();
    sizes.push_back(*size);
  }
  if (sizes.empty())
    return index(llvm::alignTo(bytes, kAlignment));
  Value product = index(bytes);
  for (Value size : sizes)
    product = arith::MulIOp::create(entry, product, size);
  // Round up; a buffer of no elements still has an address.
  Value rounded = arith::AddIOp::create(entry, product, index(kAlignment - 1));
  return arith::AndIOp::create(entry, rounded, index(-kAlignment)).getResult();
}

/// Turns results into arguments: bytes of the caller, seen through a view of the right type.
LogicalResult FunctionPlanner::placeResults() {
  auto returnOp = cast<func::ReturnOp>(body.getTerminator());
  SmallVector<Value> results(returnOp.getOperands());
  auto bytesType = MemRefType::get({ShapedType::kDynamic}, entry.getI8Type());
  DenseSet<Value> placed;
  for (auto [i, result] : llvm::enumerate(results)) {
    if (failed(function.insertArgument(numInputs + i, bytesType, {}, result.getLoc())))
      return failure();
    Value bytes = function.getArgument(numInputs + i);
    auto type = cast<MemRefType>(result.getType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      FailureOr<Value> size = hoistDim(result, dim);
      if (failed(size))
        return failure();
      resultSizes.push_back(*size);
    }
    // The buffer itself is the caller's when the result is all of it; else its contents are copied there.
    Value root = getRoot(result);
    auto alloc = root.getDefiningOp<memref::AllocOp>();
    bool whole = alloc && !placed.contains(root);
    for (Value value = result; whole && value != root;
         value = value.getDefiningOp<ViewLikeOpInterface>().getViewSource())
      whole = isa<memref::ExpandShapeOp, memref::CollapseShapeOp, memref::CastOp>(value.getDefiningOp());
    if (whole) {
      OpBuilder builder(alloc);
      SmallVector<Value> sizes;
      for (Value size : alloc.getDynamicSizes()) {
        FailureOr<Value> atEntry = hoist(size);
        if (failed(atEntry))
          return failure();
        sizes.push_back(*atEntry);
      }
      Value zero = arith::ConstantIndexOp::create(builder, alloc.getLoc(), 0);
      Value view = memref::ViewOp::create(builder, alloc.getLoc(), alloc.getType(), bytes, zero, sizes);
      placed.insert(view);
      for (Value &other : results)
        if (other == root)
          other = view;
      alloc.replaceAllUsesWith(view);
      alloc.erase();
      continue;
    }
    OpBuilder builder(returnOp);
    SmallVector<Value> sizes;
    auto target = MemRefType::get(type.getShape(), type.getElementType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim))
        sizes.push_back(resultSizes[resultSizes.size() - type.getRank() + dim]);
    Value zero = arith::ConstantIndexOp::create(builder, result.getLoc(), 0);
    Value view = memref::ViewOp::create(builder, result.getLoc(), target, bytes, zero, sizes);
    memref::CopyOp::create(builder, result.getLoc(), result, view);
  }
  OpBuilder builder(returnOp);
  func::ReturnOp::create(builder, returnOp.getLoc());
  returnOp.erase();
  return success();
}

LogicalResult FunctionPlanner::collectBuffers() {
  DenseMap<Value, unsigned> numbers;
  unsigned time = 0;
  for (Operation &op : body) {
    ++time;
    if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      numbers[alloc] = buffers.size();
      buffers.push_back({alloc, 0, 0, {}});
      continue;
    }
    if (isa<ViewLikeOpInterface, memref::DimOp>(op))
      continue;
    for (Value operand : op.getOperands()) {
      if (!isa<MemRefType>(operand.getType()))
        continue;
      auto found = numbers.find(getRoot(operand));
      if (found == numbers.end())
        continue;
      Buffer &buffer = buffers[found->second];
      if (buffer.first == 0)
        buffer.first = time;
      buffer.last = time;
    }
  }
  for (Buffer &buffer : buffers) {
    FailureOr<Value> bytes = getBytes(buffer.alloc);
    if (failed(bytes))
      return failure();
    buffer.bytes = *bytes;
  }
  return success();
}

/// Number of bytes when \p value is a constant, else the constant factor of a product of sizes: what is compared when a
/// slot is chosen.
static int64_t getWeight(Value value) {
  int64_t weight = 1;
  SmallVector<Value> work{value};
  while (!work.empty()) {
    Value next = work.pop_back_val();
    if (std::optional<int64_t> constant = getConstantIntValue(next)) {
      if (*constant > kAlignment)
        weight = std::max(weight, *constant);
      continue;
    }
    if (Operation *def = next.getDefiningOp(); def && isa<arith::MulIOp, arith::AddIOp, arith::AndIOp>(def))
      llvm::append_range(work, def->getOperands());
  }
  return weight;
}

/// Gives each buffer the free slot that fits best: first one of like size, then the largest that is no larger than what
/// is needed by much; a new one when none is free.
void FunctionPlanner::assignSlots() {
  std::vector<Buffer *> order;
  for (Buffer &buffer : buffers)
    if (buffer.first != 0)
      order.push_back(&buffer);
  llvm::sort(order, [](Buffer *a, Buffer *b) { return std::tie(a->first, a->last) < std::tie(b->first, b->last); });
  for (Buffer *buffer : order) {
    Slot *best = nullptr;
    int64_t weight = getWeight(buffer->bytes), bestDistance = 0;
    for (Slot &slot : slots) {
      if (slot.busyUntil >= buffer->first)
        continue;
      int64_t distance = std::abs(getWeight(slot.buffers.front()->bytes) - weight);
      if (!best || distance < bestDistance) {
        best = &slot;
        bestDistance = distance;
      }
    }
    if (!best)
      best = &slots.emplace_back();
    best->busyUntil = buffer->last;
    best->buffers.push_back(buffer);
  }
}

void FunctionPlanner::placeBuffers() {
  // Scratch memory of each thread comes first.
  int64_t scratch = 0;
  for (auto launch : body.getOps<LaunchOp>())
    if (DictionaryAttr schedule = launch.getScheduleAttr())
      if (auto bytes = schedule.getAs<IntegerAttr>("scratch"))
        scratch = std::max(scratch, bytes.getInt());
  scratch = llvm::alignTo(scratch, kAlignment);
  function->setAttr("et.scratch", entry.getI64IntegerAttr(scratch));
  Value threads = arith::IndexCastOp::create(entry, entry.getIndexType(), function.getArguments().back());
  Value offset = arith::MulIOp::create(entry, threads, index(scratch));
  for (Slot &slot : slots) {
    llvm::SetVector<Value> sizes;
    for (Buffer *buffer : slot.buffers)
      sizes.insert(buffer->bytes);
    for (Value bytes : sizes)
      slot.bytes = slot.bytes ? arith::MaxUIOp::create(entry, slot.bytes, bytes).getResult() : bytes;
    for (Buffer *buffer : slot.buffers) {
      OpBuilder builder(buffer->alloc);
      SmallVector<Value> dims;
      for (Value size : buffer->alloc.getDynamicSizes())
        dims.push_back(hoisted.lookup(size));
      Value view =
          memref::ViewOp::create(builder, buffer->alloc.getLoc(), buffer->alloc.getType(), arena, offset, dims);
      buffer->alloc.replaceAllUsesWith(view);
      buffer->alloc.erase();
    }
    offset = arith::AddIOp::create(entry, offset, slot.bytes);
  }
  // Buffers that nothing touches.
  for (auto alloc : llvm::make_early_inc_range(body.getOps<memref::AllocOp>()))
    if (llvm::all_of(alloc->getUsers(),
                     [](Operation *user) { return user->use_empty() && isMemoryEffectFree(user); })) {
      for (Operation *user : llvm::make_early_inc_range(alloc->getUsers()))
        user->erase();
      alloc.erase();
    }
  arenaBytes = offset;
}

void FunctionPlanner::placeWeights() {
  for (auto ref : llvm::make_early_inc_range(body.getOps<WeightRefOp>())) {
    auto weight = symbols.lookup<WeightOp>(ref.getWeight());
    OpBuilder builder(ref);
    Value offset = arith::ConstantIndexOp::create(builder, ref.getLoc(), *weight.getOffset());
    Value view = memref::ViewOp::create(builder, ref.getLoc(), weight.getStorageType(), weights, offset, ValueRange{});
    ref.getResult().replaceAllUsesWith(view);
    ref.erase();
  }
}

/// `@<name>.sizes`: the same arguments, the size computations of the entry, and stores of what they yield.
void FunctionPlanner::createSizesFunction() {
  OpBuilder builder(function);
  SmallVector<Type> types(function.getArgumentTypes().take_front(numInputs));
  types.push_back(builder.getI32Type());
  types.push_back(MemRefType::get({ShapedType::kDynamic}, builder.getI64Type()));
  auto sizes = func::FuncOp::create(builder, function.getLoc(), (function.getName() + ".sizes").str(),
                                    builder.getFunctionType(types, {}));
  Block *block = sizes.addEntryBlock();
  ImplicitLocOpBuilder inner(function.getLoc(), OpBuilder::atBlockEnd(block));
  IRMapping mapping;
  for (unsigned i = 0; i < numInputs; ++i)
    mapping.map(function.getArgument(i), block->getArgument(i));
  mapping.map(function.getArguments().back(), block->getArgument(numInputs));
  for (Operation &op : body) {
    if (&op == entryEnd)
      break;
    inner.clone(op, mapping);
  }
  SmallVector<Value> stored{arenaBytes};
  llvm::append_range(stored, resultSizes);
  for (auto [i, value] : llvm::enumerate(stored)) {
    Value number = arith::IndexCastOp::create(inner, inner.getI64Type(), mapping.lookup(value));
    memref::StoreOp::create(inner, number, block->getArgument(numInputs + 1),
                            ValueRange{arith::ConstantIndexOp::create(inner, i)});
  }
  func::ReturnOp::create(inner);
}

LogicalResult FunctionPlanner::run() {
  numInputs = function.getNumArguments();
  // Marks where the computation of sizes ends; erased at last.
  entry.setInsertionPointToStart(&body);
  entryEnd = index(0).getDefiningOp();
  entry.setInsertionPoint(entryEnd);
  if (failed(placeResults()))
    return failure();
  launchCopies();

  auto bytesType = MemRefType::get({ShapedType::kDynamic}, entry.getI8Type());
  unsigned numArguments = function.getNumArguments();
  Type types[] = {bytesType, bytesType, MemRefType::get({2}, entry.getI64Type()), entry.getI32Type()};
  for (auto [i, type] : llvm::enumerate(types))
    if (failed(function.insertArgument(numArguments + i, type, {}, function.getLoc())))
      return failure();
  function.setFunctionType(entry.getFunctionType(function.getArgumentTypes(), {}));
  function.removeResAttrsAttr();
  arena = function.getArgument(numArguments);
  weights = function.getArgument(numArguments + 1);

  if (failed(collectBuffers()))
    return failure();
  assignSlots();
  placeBuffers();
  placeWeights();
  createSizesFunction();
  entryEnd->erase();
  return success();
}

/// Gives every weight in use an offset, in the order of the module; drops the others.
static void layOutWeights(ModuleOp module) {
  DenseSet<StringRef> used;
  module.walk([&](WeightRefOp ref) { used.insert(ref.getWeight()); });
  int64_t offset = 0;
  for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>())) {
    if (!used.contains(weight.getSymName())) {
      weight.erase();
      continue;
    }
    weight.setOffset(offset);
    offset = llvm::alignTo(offset + weight.getStorageSize(), kAlignment);
  }
}

namespace {
struct PlanMemoryPass final : et::impl::PlanMemoryPassBase<PlanMemoryPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    layOutWeights(module);
    SymbolTable symbols(module);
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (function.isExternal() || function.isPrivate())
        continue;
      FunctionPlanner planner(function, symbols);
      if (failed(planner.run()))
        return signalPassFailure();
      numBuffers += planner.getNumBuffers();
      numSlots += planner.getNumSlots();
    }
  }
};
} // namespace
