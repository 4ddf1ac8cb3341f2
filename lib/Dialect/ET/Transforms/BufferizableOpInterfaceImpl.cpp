//===- BufferizableOpInterfaceImpl.cpp - Bufferization of launches and weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A launch is destination style: it reads its inputs, writes its outputs, and
// reads an output only where its region does. Its region stays in terms of
// tensors. A weight reference becomes a reference to the weight's storage.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::bufferization;

namespace {
struct LaunchInterface final : DstBufferizableOpInterfaceExternalModel<LaunchInterface, LaunchOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    auto launch = cast<LaunchOp>(op);
    if (!launch.isDpsInit(&operand))
      return true;
    return launch.readsOutput(operand.getOperandNumber() - launch.getInputs().size());
  }

  bool bufferizesToMemoryWrite(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return cast<LaunchOp>(op).isDpsInit(&operand);
  }

  bool bufferizesToElementwiseAccess(Operation *, const AnalysisState &, ArrayRef<OpOperand *>) const { return false; }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto launch = cast<LaunchOp>(op);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(launch);
    auto toBuffers = [&](ValueRange values, SmallVector<Value> &buffers) -> LogicalResult {
      for (Value value : values) {
        if (!isa<TensorType>(value.getType())) {
          buffers.push_back(value);
          continue;
        }
        FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
        if (failed(buffer))
          return failure();
        buffers.push_back(*buffer);
      }
      return success();
    };
    SmallVector<Value> inputs, outputs;
    if (failed(toBuffers(launch.getInputs(), inputs)) || failed(toBuffers(launch.getOutputs(), outputs)))
      return failure();
    auto planned = LaunchOp::create(rewriter, launch.getLoc(), TypeRange{}, launch.getKernelAttr(), inputs, outputs,
                                    launch.getScheduleAttr());
    rewriter.inlineRegionBefore(launch.getBody(), planned.getBody(), planned.getBody().begin());
    replaceOpWithBufferizedValues(rewriter, launch, outputs);
    return success();
  }
};

struct WeightRefInterface final : BufferizableOpInterface::ExternalModel<WeightRefInterface, WeightRefOp> {
  bool isWritable(Operation *, Value, const AnalysisState &) const { return false; }

  FailureOr<BufferLikeType> getBufferType(Operation *op, Value, const BufferizationOptions &,
                                          const BufferizationState &, SmallVector<Value> &) const {
    auto weight = SymbolTable::lookupNearestSymbolFrom<WeightOp>(op, cast<WeightRefOp>(op).getWeightAttr());
    return cast<BufferLikeType>(weight.getStorageType());
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &,
                          BufferizationState &) const {
    auto ref = cast<WeightRefOp>(op);
    auto weight = SymbolTable::lookupNearestSymbolFrom<WeightOp>(op, ref.getWeightAttr());
    replaceOpWithNewBufferizedOp<WeightRefOp>(rewriter, op, weight.getStorageType(), ref.getWeightAttr());
    return success();
  }
};
} // namespace

void et::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, ETDialect *) {
    LaunchOp::attachInterface<LaunchInterface>(*context);
    WeightRefOp::attachInterface<WeightRefInterface>(*context);
  });
}
