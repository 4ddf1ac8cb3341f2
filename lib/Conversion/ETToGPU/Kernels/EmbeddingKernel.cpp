//===- EmbeddingKernel.cpp - Builder of GPU kernels that gather rows -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A warp has a row of the result, each lane pieces of up to 16 bytes of it. The ids
// of all tables are read before the first row is.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/EmbeddingKernel.h"

#include "SIMT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::et::gpu_kernels;

static constexpr int64_t kRowsPerBlock = 4;

/// Elements of one load: rows of \p size elements, \p stride apart, are a multiple of it.
static int64_t getWidth(int64_t size, Type type, int64_t stride) {
  int64_t width = kVectorBytes * 8 / type.getIntOrFloatBitWidth();
  while (width > 1 && (size % width != 0 || ShapedType::isDynamic(stride) || stride % width != 0))
    width /= 2;
  return width;
}

namespace {
/// The kernel's arguments, by their numbers.
struct Arguments {
  struct Table {
    std::optional<unsigned> ids;
    unsigned table = 0, code = 0;
  };
  SmallVector<Table> tables;
  SmallVector<unsigned> vectors;
  unsigned y = 0, status = 0, rows = 0, period = 0, stride = 0;
};
} // namespace

/// Declares what \p built takes.
static Arguments declareArguments(OpBuilder &builder, const EmbeddingKernelSpec &spec, BuiltKernel &built) {
  Arguments arguments;
  AffineExpr zero = builder.getAffineConstantExpr(0);
  unsigned operand = 0, symbol = 0;
  auto pointer = [&] {
    built.addPointer(operand++, zero);
    return static_cast<unsigned>(built.arguments.size() - 1);
  };
  auto size = [&] {
    built.addI32(builder.getAffineSymbolExpr(symbol++));
    return static_cast<unsigned>(built.arguments.size() - 1);
  };
  for (const EmbeddingTable &table : spec.tables) {
    Arguments::Table &added = arguments.tables.emplace_back();
    if (table.idType)
      added.ids = pointer();
    added.table = pointer();
  }
  for (unsigned i = 0; i < spec.numVectors; ++i)
    arguments.vectors.push_back(pointer());
  arguments.y = pointer();
  arguments.status = pointer();
  arguments.rows = size();
  arguments.period = size();
  for (Arguments::Table &table : arguments.tables)
    table.code = size();
  if (ShapedType::isDynamic(spec.yStride))
    arguments.stride = size();
  return arguments;
}

/// Reports that \p position has an id out of range, where \p condition holds. The position comes before the code, which
/// says that there is one.
static void emitReport(SIMTKernel &kernel, const Arguments &arguments, Value condition, Value position, unsigned code) {
  ImplicitLocOpBuilder &b = kernel.builder();
  kernel.when(condition, [&] {
    kernel.store(position, kernel.argument(arguments.status), kernel.constant(1));
    LLVM::FenceOp::create(b, LLVM::AtomicOrdering::release, /*syncscope=*/StringRef());
    LLVM::AtomicCmpXchgOp::create(b, kernel.argument(arguments.status), kernel.constant32(0), kernel.argument(code),
                                  LLVM::AtomicOrdering::monotonic, LLVM::AtomicOrdering::monotonic);
  });
}

BuiltKernel et::gpu_kernels::buildEmbeddingKernel(OpBuilder &builder, Location loc, StringRef name,
                                                  const EmbeddingKernelSpec &spec) {
  int64_t width = getWidth(spec.size, spec.elementType, spec.yStride);
  BuiltKernel built;
  built.threads = kRowsPerBlock * kWarpSize;
  built.programmatic = spec.programmatic;
  AffineExpr one = builder.getAffineConstantExpr(1);
  built.grid = {builder.getAffineSymbolExpr(0).ceilDiv(kRowsPerBlock), one, one};
  Arguments arguments = declareArguments(builder, spec, built);

  SIMTKernel kernel(builder, loc, name, built);
  ImplicitLocOpBuilder &b = kernel.builder();
  Value thread = kernel.threadId(), lane = kernel.rem(thread, kernel.constant(kWarpSize));
  Value row = kernel.add(kernel.mul(kernel.blockId(), kernel.constant(kRowsPerBlock)),
                         kernel.div(thread, kernel.constant(kWarpSize)));
  kernel.when(kernel.less(row, kernel.size(arguments.rows)), [&] {
    kernel.waitForPredecessors();
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lane, kernel.constant(0));
    SmallVector<Value> positions, ids, sources;
    for (auto [table, argument] : llvm::zip(spec.tables, arguments.tables)) {
      positions.push_back(table.repeats ? kernel.rem(row, kernel.size(arguments.period)) : row);
      Value id = positions.back();
      if (argument.ids) {
        id = kernel.load(table.idType, kernel.argument(*argument.ids), id);
        if (!table.idType.isInteger(64))
          id = arith::ExtSIOp::create(b, b.getI64Type(), id);
      }
      ids.push_back(id);
    }
    for (auto [table, argument, id, position] : llvm::zip(spec.tables, arguments.tables, ids, positions)) {
      // As unsigned numbers, negative ids are large.
      Value isInside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, id, kernel.constant(table.rows));
      Value isOutside = arith::XOrIOp::create(b, isInside, arith::ConstantIntOp::create(b, b.getI1Type(), 1));
      emitReport(kernel, arguments, arith::AndIOp::create(b, isFirst, isOutside), position, argument.code);
      Value safe = arith::SelectOp::create(b, isInside, id, kernel.constant(0));
      sources.push_back(kernel.mul(safe, kernel.constant(spec.size)));
    }
    Value distance =
        ShapedType::isDynamic(spec.yStride) ? kernel.size(arguments.stride) : kernel.constant(spec.yStride);
    Value target = kernel.mul(row, distance);
    int64_t bytes = width * spec.elementType.getIntOrFloatBitWidth() / 8;
    auto loop = scf::ForOp::create(b, kernel.mul(lane, kernel.constant(width)), kernel.constant(spec.size),
                                   kernel.constant(kWarpSize * width));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(loop.getBody()->getTerminator());
    Value position = loop.getInductionVar();
    SmallVector<Value> terms;
    for (auto [argument, source] : llvm::zip(arguments.tables, sources))
      terms.push_back(
          kernel.load(spec.elementType, kernel.argument(argument.table), kernel.add(source, position), width, bytes));
    for (unsigned vector : arguments.vectors)
      terms.push_back(kernel.load(spec.elementType, kernel.argument(vector), position, width, bytes));
    Value sum = terms.front();
    if (terms.size() > 1) {
      sum = kernel.toF32(sum);
      for (Value term : ArrayRef(terms).drop_front())
        sum = arith::AddFOp::create(b, sum, kernel.toF32(term));
      sum = kernel.fromF32(sum, spec.elementType);
    }
    kernel.store(sum, kernel.argument(arguments.y), kernel.add(target, position), bytes);
  });
  kernel.finish();
  return built;
}
