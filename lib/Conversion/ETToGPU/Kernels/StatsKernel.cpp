//===- StatsKernel.cpp - Builders of kernels for statistics of rows -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For what linear kernels do not take along: a thread has a chunk of a row, or all
// chunks of one.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/RowKernel.h"

#include "SIMT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::et::gpu_kernels;

static constexpr int64_t kThreads = 128;

BuiltKernel et::gpu_kernels::buildChunkStatsKernel(OpBuilder &builder, Location loc, StringRef name,
                                                   const ChunkStatsKernelSpec &spec) {
  constexpr unsigned x = 0, result = 1, rows = 2, stride = 3;
  BuiltKernel built;
  AffineExpr zero = builder.getAffineConstantExpr(0), one = builder.getAffineConstantExpr(1);
  AffineExpr numRows = builder.getAffineSymbolExpr(0);
  built.threads = kThreads;
  built.programmatic = spec.programmatic;
  built.grid = {(numRows * spec.chunks).ceilDiv(kThreads), one, one};
  built.addPointer(x, zero);
  built.addPointer(result, zero);
  built.addI32(numRows);
  if (ShapedType::isDynamic(spec.xStride))
    built.addI32(builder.getAffineSymbolExpr(1));

  SIMTKernel kernel(builder, loc, name, built);
  ImplicitLocOpBuilder &b = kernel.builder();
  Value chunk = kernel.add(kernel.mul(kernel.blockId(), kernel.constant(kThreads)), kernel.threadId());
  kernel.when(kernel.less(chunk, kernel.mul(kernel.size(rows), kernel.constant(spec.chunks))), [&] {
    kernel.waitForPredecessors();
    Value row = kernel.div(chunk, kernel.constant(spec.chunks)),
          inRow = kernel.rem(chunk, kernel.constant(spec.chunks));
    Value distance = ShapedType::isDynamic(spec.xStride) ? kernel.size(stride) : kernel.constant(spec.xStride);
    Value first = kernel.add(kernel.mul(row, distance), kernel.mul(inRow, kernel.constant(spec.chunkSize)));
    auto forEach = [&](llvm::function_ref<Value(Value, Value)> body) {
      auto loop = scf::ForOp::create(b, kernel.constant(0), kernel.constant(spec.chunkSize), kernel.constant(1),
                                     kernel.splat(0, 0));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(loop.getBody());
      Value value =
          kernel.toF32(kernel.load(spec.elementType, kernel.argument(x), kernel.add(first, loop.getInductionVar())));
      scf::YieldOp::create(b, body(loop.getRegionIterArgs()[0], value));
      return loop.getResult(0);
    };
    Value sum = forEach([&](Value so, Value value) { return arith::AddFOp::create(b, so, value).getResult(); });
    Value mean = arith::MulFOp::create(b, sum, kernel.splat(1.0 / spec.chunkSize, 0));
    Value squares = forEach([&](Value so, Value value) -> Value {
      Value difference = arith::SubFOp::create(b, value, mean);
      return arith::AddFOp::create(b, so, arith::MulFOp::create(b, difference, difference));
    });
    Value place = kernel.mul(chunk, kernel.constant(2));
    kernel.store(mean, kernel.argument(result), place);
    kernel.store(squares, kernel.argument(result), kernel.add(place, kernel.constant(1)));
  });
  kernel.finish();
  return built;
}

BuiltKernel et::gpu_kernels::buildNormStatsKernel(OpBuilder &builder, Location loc, StringRef name,
                                                  const NormStatsKernelSpec &spec) {
  constexpr unsigned chunks = 0, scale = 1, mean = 2;
  BuiltKernel built;
  AffineExpr zero = builder.getAffineConstantExpr(0), one = builder.getAffineConstantExpr(1);
  AffineExpr numRows = builder.getAffineSymbolExpr(0);
  built.threads = kThreads;
  built.programmatic = spec.programmatic;
  built.grid = {numRows.ceilDiv(kThreads), one, one};
  built.addPointer(chunks, zero);
  built.addPointer(scale, zero);
  if (spec.centred)
    built.addPointer(mean, zero);
  built.addI32(numRows);

  SIMTKernel kernel(builder, loc, name, built);
  ImplicitLocOpBuilder &b = kernel.builder();
  Value row = kernel.add(kernel.mul(kernel.blockId(), kernel.constant(kThreads)), kernel.threadId());
  kernel.when(kernel.less(row, kernel.size(built.arguments.size() - 1)), [&] {
    kernel.waitForPredecessors();
    Value first = kernel.mul(row, kernel.constant(2 * spec.chunks));
    auto forEach = [&](llvm::function_ref<Value(Value, Value)> body) {
      auto loop = scf::ForOp::create(b, kernel.constant(0), kernel.constant(2 * spec.chunks), kernel.constant(2),
                                     kernel.splat(0, 0));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(loop.getBody());
      scf::YieldOp::create(b, body(loop.getRegionIterArgs()[0], kernel.add(first, loop.getInductionVar())));
      return loop.getResult(0);
    };
    auto load = [&](Value place) { return kernel.load(b.getF32Type(), kernel.argument(chunks), place); };
    Value middle = kernel.splat(0, 0);
    if (spec.centred) {
      Value sum = forEach([&](Value so, Value place) { return arith::AddFOp::create(b, so, load(place)).getResult(); });
      middle = arith::MulFOp::create(b, sum, kernel.splat(1.0 / spec.chunks, 0));
    }
    Value squares = forEach([&](Value so, Value place) -> Value {
      Value distance = arith::SubFOp::create(b, load(place), middle);
      Value between =
          arith::MulFOp::create(b, arith::MulFOp::create(b, distance, distance), kernel.splat(spec.chunkSize, 0));
      Value inside = load(kernel.add(place, kernel.constant(1)));
      return arith::AddFOp::create(b, so, arith::AddFOp::create(b, inside, between));
    });
    Value variance = arith::MulFOp::create(b, squares, kernel.splat(1.0 / (spec.chunks * spec.chunkSize), 0));
    Value deviation = math::SqrtOp::create(b, arith::AddFOp::create(b, variance, kernel.splat(spec.eps, 0)));
    kernel.store(arith::DivFOp::create(b, kernel.splat(1, 0), deviation), kernel.argument(scale), row);
    if (spec.centred)
      kernel.store(middle, kernel.argument(mean), row);
  });
  kernel.finish();
  return built;
}
