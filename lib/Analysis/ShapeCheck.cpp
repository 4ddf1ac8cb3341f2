//===- ShapeCheck.cpp - Follow the paths of a function ----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ShapeSizes.cpp knows ops on sizes, ShapeDemands.cpp ops on tensors,
// ShapeReport.cpp what becomes of a report.
//
//===----------------------------------------------------------------------===//

#include "ShapePaths.h"

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::et;

//===----------------------------------------------------------------------===//
// Demands
//===----------------------------------------------------------------------===//

bool PathState::demand(const SizeCondition &condition, const llvm::Twine &message, Location loc) {
  SizeSystem::Decision decision = system.decide(condition);
  switch (decision.truth) {
  case SizeSystem::Truth::Always:
    return true;
  case SizeSystem::Truth::Never:
  case SizeSystem::Truth::Sometimes:
    path.verdict = ShapeVerdict::Invalid;
    path.issue = ShapeIssue{message.str(), loc, decision.example, decision.truth == SizeSystem::Truth::Never, ""};
    return false;
  case SizeSystem::Truth::Unknown:
    if (path.verdict == ShapeVerdict::Valid) {
      path.verdict = ShapeVerdict::Undecidable;
      path.issue = ShapeIssue{message.str(), loc, {}, false, decision.reason};
    }
    // Whoever comes this far has passed.
    system.assume(condition);
    return true;
  }
  llvm_unreachable("unknown truth");
}

bool PathState::demandEqual(const SizeExpr &a, const SizeExpr &b, const llvm::Twine &message, Location loc) {
  return a == b || demand(SizeCondition::equal(system.add(a, b, loc, -1)), message, loc);
}

void PathState::wish(const SizeCondition &condition, const llvm::Twine &message, Location loc) {
  SizeSystem::Decision decision = system.decide(condition);
  if (decision.truth == SizeSystem::Truth::Never || decision.truth == SizeSystem::Truth::Sometimes)
    path.notes.push_back({message.str(), loc, decision.example, decision.truth == SizeSystem::Truth::Never, ""});
}

//===----------------------------------------------------------------------===//
// Paths
//===----------------------------------------------------------------------===//

namespace {
/// Where a path goes on when a region of an scf.if ends.
struct Continuation {
  Operation *op;
  const Continuation *outer;
};

class PathWalker {
public:
  PathWalker(const ShapeCheckOptions &options, ShapeReport &report) : options(options), report(report) {}

  void start(FunctionOpInterface function);

private:
  void walk(PathState state, Block *block, Block::iterator it, const Continuation *outer);
  void branch(PathState state, scf::IfOp op, const Continuation *outer);
  void finish(PathState &state) {
    if (static_cast<int64_t>(report.paths.size()) < options.maxPaths)
      report.paths.push_back(std::move(state.path));
    else
      report.isComplete = false;
  }

  const ShapeCheckOptions &options;
  ShapeReport &report;
};
} // namespace

/// What argument \p number is called: as the user does, else by its number.
static std::string getArgumentName(FunctionOpInterface function, unsigned number) {
  auto given = function.getArgAttrOfType<StringAttr>(number, ETDialect::getNameAttrName());
  return given ? given.str() : llvm::formatv("arg{0}", number).str();
}

/// What dimension \p dim of argument \p number is called: equal names are equal sizes.
static std::string getDimName(FunctionOpInterface function, unsigned number, unsigned dim) {
  if (auto dims = function.getArgAttrOfType<ArrayAttr>(number, ETDialect::getDimsAttrName()))
    if (StringRef name = cast<StringAttr>(dims[dim]).getValue(); !name.empty())
      return name.str();
  return llvm::formatv("{0}.{1}", getArgumentName(function, number), dim);
}

/// The smallest sizes that arguments of \p function promise (`et.min_sizes`), by the names of their dimensions. What
/// one promises holds for all of its name.
static std::map<std::string, int64_t> getLeastSizes(FunctionOpInterface function) {
  std::map<std::string, int64_t> least;
  for (unsigned number = 0; number < function.getNumArguments(); ++number)
    if (auto sizes = function.getArgAttrOfType<DenseI64ArrayAttr>(number, ETDialect::getMinSizesAttrName()))
      for (auto [dim, size] : llvm::enumerate(sizes.asArrayRef())) {
        int64_t &known = least[getDimName(function, number, dim)];
        known = std::max(known, size);
      }
  return least;
}

void PathWalker::start(FunctionOpInterface function) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(options.timeLimit);
  PathState state{SizeSystem(deadline)};
  std::map<std::string, SizeExpr> named;
  auto addSymbol = [&](std::string name, SizeVariable variable) {
    auto it = named.find(name);
    if (it != named.end())
      return it->second;
    variable.name = name;
    return named[name] = state.system.addSymbol(std::move(variable));
  };
  std::map<std::string, int64_t> leastSizes = getLeastSizes(function);
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    Location loc = argument.getLoc();
    std::string name = getArgumentName(function, number);
    if (auto type = dyn_cast<RankedTensorType>(argument.getType())) {
      SmallVector<SizeExpr> &shape = state.shapes[argument];
      for (auto [dim, size] : llvm::enumerate(type.getShape())) {
        if (!ShapedType::isDynamic(size)) {
          shape.push_back(SizeExpr(size));
          continue;
        }
        std::string dimName = getDimName(function, number, dim);
        auto least = leastSizes.find(dimName);
        int64_t min = least == leastSizes.end() ? 1 : std::max<int64_t>(1, least->second);
        shape.push_back(addSymbol(dimName, {SizeVariable::Kind::Symbol, "", loc, {}, {}, min, std::nullopt, 1}));
      }
      continue;
    }
    if (!argument.getType().isIntOrIndex() || argument.getType().isInteger(1))
      continue;
    auto getInt = [&](StringRef attribute) -> std::optional<int64_t> {
      if (auto value = function.getArgAttrOfType<IntegerAttr>(number, attribute))
        return value.getValue().getSExtValue();
      return std::nullopt;
    };
    if (auto given = function.getArgAttrOfType<StringAttr>(number, ETDialect::getDimAttrName()))
      name = given.str();
    bool isUnknown = function.getArgAttr(number, ETDialect::getUnknownAttrName()) != Attribute();
    std::optional<int64_t> min = getInt(ETDialect::getMinAttrName());
    SizeVariable variable{isUnknown ? SizeVariable::Kind::Unknown : SizeVariable::Kind::Symbol,
                          name,
                          loc,
                          {},
                          {},
                          isUnknown || min ? min : 1,
                          getInt(ETDialect::getMaxAttrName()),
                          getInt(ETDialect::getMultipleOfAttrName()).value_or(1)};
    state.sizes[argument] = isUnknown ? state.system.addSymbol(variable) : addSymbol(name, variable);
  }
  if (!state.system.isPossible()) {
    state.path.verdict = ShapeVerdict::Unreachable;
    finish(state);
    return;
  }
  Block &entry = function.getFunctionBody().front();
  walk(std::move(state), &entry, entry.begin(), nullptr);
}

void PathWalker::walk(PathState state, Block *block, Block::iterator it, const Continuation *outer) {
  for (; it != block->end(); ++it) {
    Operation *op = &*it;
    if (auto branchOp = dyn_cast<scf::IfOp>(op)) {
      branch(std::move(state), branchOp, outer);
      return;
    }
    if (auto check = dyn_cast<cf::AssertOp>(op)) {
      SizeCondition condition = state.getCondition(check.getArg());
      if (op->hasAttr(ETDialect::getNoteAttrName()))
        state.wish(condition, check.getMsg(), op->getLoc());
      else if (!state.demand(condition, check.getMsg(), op->getLoc()))
        break;
      continue;
    }
    if (auto yield = dyn_cast<scf::YieldOp>(op)) {
      for (auto [result, value] : llvm::zip(outer->op->getResults(), yield.getOperands())) {
        if (isa<RankedTensorType>(value.getType()))
          state.shapes[result] = state.getShape(value);
        else if (value.getType().isInteger(1))
          state.conditions[result] = state.getCondition(value);
        else if (value.getType().isIntOrIndex())
          state.sizes[result] = state.getSize(value);
      }
      walk(std::move(state), outer->op->getBlock(), std::next(outer->op->getIterator()), outer->outer);
      return;
    }
    if (!visitSizeOp(state, op) && !visitTensorOp(state, op))
      break;
  }
  finish(state);
}

void PathWalker::branch(PathState state, scf::IfOp op, const Continuation *outer) {
  SizeCondition condition = state.getCondition(op.getCondition());
  // An if without an else, with nothing behind it, is a path of its own: nothing happens on the other side.
  bool hasOther = op.elseBlock() || !isa<scf::YieldOp, func::ReturnOp>(op->getNextNode());
  for (bool taken : {true, false}) {
    if (!taken && !hasOther)
      continue;
    if (static_cast<int64_t>(report.paths.size()) >= options.maxPaths) {
      report.isComplete = false;
      return;
    }
    PathState next = state;
    next.path.branches.push_back({op.getLoc(), taken});
    next.system.assume(taken ? condition : condition.negate());
    if (!next.system.isPossible()) {
      next.path.verdict = ShapeVerdict::Unreachable;
      next.path.issue.reset();
      finish(next);
      continue;
    }
    Continuation here{op, outer};
    Block *block = taken ? op.thenBlock() : op.elseBlock();
    if (block)
      walk(std::move(next), block, block->begin(), &here);
    else
      walk(std::move(next), op->getBlock(), std::next(op->getIterator()), outer);
  }
}

ShapeReport mlir::et::checkShapes(FunctionOpInterface function, const ShapeCheckOptions &options) {
  ShapeReport report;
  report.function = function.getName().str();
  if (!function.isExternal() && function.getFunctionBody().hasOneBlock())
    PathWalker(options, report).start(function);
  else
    report.isComplete = false;
  return report;
}
