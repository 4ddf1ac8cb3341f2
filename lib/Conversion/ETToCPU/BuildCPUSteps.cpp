//===- BuildCPUSteps.cpp - Define the steps of a saved program for a CPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   func.func private @k.step(memref<?x384xf32>, memref<384xf32>) attributes {et.kernel = @k}
// becomes
//   llvm.func @k.step(%arguments, %thread, %numThreads, %scratch) {
//     %x = the memref whose address *arguments[0] is, of *arguments[1] rows
//     %y = the memref whose address *arguments[2] is
//     call @k(%thread, %numThreads, %x, %y)
//   }
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/Passes.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::et {
#define GEN_PASS_DEF_BUILDCPUSTEPSPASS
#include "et/Conversion/ETToCPU/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
/// Reads the arguments of one step, in their order.
class ArgumentReader {
public:
  ArgumentReader(ImplicitLocOpBuilder &builder, const LLVMTypeConverter &converter, Value arguments)
      : builder(builder), converter(converter), arguments(arguments) {}

  /// The next argument.
  Value read(Type type) {
    auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
    Value place = LLVM::GEPOp::create(builder, pointer, pointer, arguments, ArrayRef<LLVM::GEPArg>{next++});
    Value address = LLVM::LoadOp::create(builder, pointer, place);
    return LLVM::LoadOp::create(builder, type, address);
  }

  /// The memref of type \p type that the next arguments describe.
  Value readMemRef(MemRefType type) {
    Value address = read(LLVM::LLVMPointerType::get(builder.getContext()));
    auto readSize = [&](int64_t known) {
      return ShapedType::isDynamic(known) ? read(builder.getI64Type()) : constant(known);
    };
    SmallVector<Value> sizes, strides;
    for (int64_t size : type.getShape())
      sizes.push_back(readSize(size));
    SmallVector<int64_t> knownStrides;
    int64_t knownOffset;
    // Kernels have strided arguments only.
    (void)type.getStridesAndOffset(knownStrides, knownOffset);
    for (int64_t stride : knownStrides)
      strides.push_back(readSize(stride));
    return makeMemRef(type, address, ShapedType::isDynamic(knownOffset) ? 0 : knownOffset, sizes, strides);
  }

  Value makeMemRef(MemRefType type, Value address, int64_t offset, ValueRange sizes, ValueRange strides) {
    Location loc = builder.getLoc();
    auto descriptor = MemRefDescriptor::poison(builder, loc, converter.convertType(type));
    descriptor.setAllocatedPtr(builder, loc, address);
    descriptor.setAlignedPtr(builder, loc, address);
    descriptor.setConstantOffset(builder, loc, offset);
    for (auto [i, size] : llvm::enumerate(sizes))
      descriptor.setSize(builder, loc, i, size);
    for (auto [i, stride] : llvm::enumerate(strides))
      descriptor.setStride(builder, loc, i, stride);
    return UnrealizedConversionCastOp::create(builder, type, Value(descriptor)).getResult(0);
  }

  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, builder.getI64Type(), builder.getI64IntegerAttr(value));
  }

private:
  ImplicitLocOpBuilder &builder;
  const LLVMTypeConverter &converter;
  Value arguments;
  int32_t next = 0;
};

struct BuildCPUStepsPass final : et::impl::BuildCPUStepsPassBase<BuildCPUStepsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (auto kernel = function->getAttrOfType<FlatSymbolRefAttr>("et.kernel"))
        if (failed(define(function, kernel, symbols)))
          return signalPassFailure();
  }

private:
  LogicalResult define(func::FuncOp step, FlatSymbolRefAttr kernelName, SymbolTable &symbols) {
    auto kernel = symbols.lookup<func::FuncOp>(kernelName.getAttr());
    bool takesScratch = step->hasAttr("et.takes_scratch"), takesStatus = step->hasAttr("et.takes_status");
    if (!kernel || kernel.getNumArguments() != step.getNumArguments() + 2 + takesScratch + takesStatus)
      return step.emitOpError("expected et.kernel to name a function of two numbers, the step's buffers, and scratch "
                              "memory and status where it takes them");
    if (!SymbolTable::symbolKnownUseEmpty(step, getOperation()))
      return step.emitOpError("is still called; a saved program calls it in place of the function that does");
    ImplicitLocOpBuilder builder(step.getLoc(), step);
    LLVMTypeConverter converter(&getContext());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    Type i64 = builder.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()), {pointer, i64, i64, pointer});
    auto function = LLVM::LLVMFuncOp::create(builder, step.getName(), type);
    builder.setInsertionPointToStart(function.addEntryBlock(builder));
    ArgumentReader reader(builder, converter, function.getArgument(0));
    SmallVector<Value> operands;
    for (unsigned i : {1u, 2u})
      operands.push_back(arith::IndexCastOp::create(builder, builder.getIndexType(), function.getArgument(i)));
    for (Type given : step.getArgumentTypes()) {
      if (auto buffer = dyn_cast<MemRefType>(given)) {
        operands.push_back(reader.readMemRef(buffer));
        continue;
      }
      if (!given.isIndex() && !given.isInteger(64))
        return step.emitOpError("expected buffers and sizes, but an argument is ") << given;
      Value number = reader.read(i64);
      operands.push_back(given.isIndex() ? arith::IndexCastOp::create(builder, given, number).getResult() : number);
    }
    if (takesScratch) {
      auto scratchType = cast<MemRefType>(kernel.getArgumentTypes()[operands.size()]);
      // All threads' memory in one piece, of which a kernel finds its own: nobody asks how long it is.
      Value size = reader.constant(0), one = reader.constant(1);
      operands.push_back(reader.makeMemRef(scratchType, function.getArgument(3), 0, size, one));
    }
    if (takesStatus)
      operands.push_back(reader.readMemRef(cast<MemRefType>(kernel.getArgumentTypes()[operands.size()])));
    func::CallOp::create(builder, kernel, operands);
    LLVM::ReturnOp::create(builder, ValueRange());
    step.erase();
    return success();
  }
};
} // namespace
