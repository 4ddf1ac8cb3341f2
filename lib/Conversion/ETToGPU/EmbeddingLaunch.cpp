//===- EmbeddingLaunch.cpp - GPU kernels for embeddings and sums of them -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The region of such a launch is one et.embedding, or several, ops that count ids,
// and an element-wise op that adds the rows and vectors up.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToGPU/EmbeddingKernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

static unsigned getOperandNumber(Value value) { return cast<BlockArgument>(value).getArgNumber(); }

/// The embeddings of \p launch in order.
static SmallVector<EmbeddingOp> getEmbeddings(LaunchOp launch) {
  return llvm::to_vector(launch.getBody().front().getOps<EmbeddingOp>());
}

std::string gpu_kernels::getCheckMessage(LaunchOp launch, unsigned index) {
  EmbeddingOp embedding = getEmbeddings(launch)[index];
  std::string last = std::to_string(embedding.getTable().getType().getDimSize(0) - 1);
  auto ids = dyn_cast<BlockArgument>(embedding.getIds());
  if (!ids)
    return "expected positions from 0 to " + last + ", but position {0} is not; use shorter sequences";
  std::string input;
  if (auto argument = dyn_cast<BlockArgument>(launch.getInputs()[ids.getArgNumber()]))
    if (auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()))
      if (auto given = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), ETDialect::getNameAttrName()))
        input = " of input '" + given.str() + "'";
  return "expected every index" + input + " to be from 0 to " + last + ", but element {0} is not";
}

FailureOr<LaunchKernel> gpu_kernels::buildEmbeddingLaunch(OpBuilder &builder, LaunchOp launch, StringRef name,
                                                          const nvidia::SM &sm) {
  EmbeddingKernelSpec spec;
  LaunchKernel kernel;
  unsigned output = launch.getInputs().size();
  int64_t rank = cast<MemRefType>(launch->getOperand(output).getType()).getRank();
  // There is a row of the result for each id of the first table.
  kernel.sizes = {{LaunchSize::Rows, output},
                  {LaunchSize::Dim, output, static_cast<unsigned>(std::max<int64_t>(rank - 2, 0))}};
  for (auto [i, embedding] : llvm::enumerate(getEmbeddings(launch))) {
    RankedTensorType table = embedding.getTable().getType();
    spec.size = table.getDimSize(1);
    spec.elementType = table.getElementType();
    EmbeddingTable &added = spec.tables.emplace_back();
    added.rows = table.getDimSize(0);
    added.repeats = embedding.getResult().getType().getRank() != rank;
    if (isa<BlockArgument>(embedding.getIds())) {
      added.idType = embedding.getIds().getType().getElementType();
      kernel.operands.push_back(getOperandNumber(embedding.getIds()));
    }
    kernel.operands.push_back(getOperandNumber(embedding.getTable()));
    LaunchSize check{LaunchSize::Check};
    check.operand = i;
    kernel.sizes.push_back(check);
  }
  if (auto sum = launch.getYield().getValues()[0].getDefiningOp<linalg::GenericOp>())
    for (Value input : sum.getInputs())
      if (isa<BlockArgument>(input)) {
        kernel.operands.push_back(getOperandNumber(input));
        ++spec.numVectors;
      }
  kernel.operands.append({output, LaunchKernel::kStatus});
  spec.yStride = addRowStride(launch, output, kernel.sizes);
  spec.programmatic = sm.hasProgrammaticLaunch;
  kernel.kernel = buildEmbeddingKernel(builder, launch.getLoc(), name, spec);
  return kernel;
}
