//===- KernelDump.cpp - Compiles GPU kernels and describes their launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelDump.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

KernelModule::KernelModule(const nvidia::SM &sm) : sm(sm), context(MLIRContext::Threading::DISABLED) {
  DialectRegistry registry;
  nvidia::registerPTXTranslation(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  owner = ModuleOp::create(getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(owner->getBody());
  module = gpu::GPUModuleOp::create(builder, getLoc(), "kernels");
}

std::string KernelModule::getPTX() {
  if (failed(verify(*owner)))
    return {};
  FailureOr<std::string> ptx = nvidia::translateToPTX(module, sm);
  return succeeded(ptx) ? *ptx : std::string();
}

int64_t gpu_kernels::evaluate(LaunchExpr expr, ArrayRef<int64_t> symbols) {
  SmallVector<AffineExpr> constants;
  for (int64_t symbol : symbols)
    constants.push_back(getAffineConstantExpr(symbol, expr.getContext()));
  return cast<AffineConstantExpr>(expr.replaceSymbols(constants)).getValue();
}

static std::string getTypeName(Type type) {
  std::string name;
  llvm::raw_string_ostream(name) << type;
  return name;
}

llvm::json::Object gpu_kernels::describeLaunch(const BuiltKernel &kernel, ArrayRef<int64_t> symbols) {
  auto all = [&](ArrayRef<LaunchExpr> exprs) {
    llvm::json::Array values;
    for (LaunchExpr expr : exprs)
      values.push_back(evaluate(expr, symbols));
    return values;
  };
  llvm::json::Array arguments, maps;
  for (const KernelArgument &argument : kernel.arguments) {
    if (argument.kind == KernelArgument::Pointer)
      arguments.push_back(llvm::json::Object{
          {"kind", "pointer"}, {"operand", argument.operand}, {"offset", evaluate(argument.value, symbols)}});
    else if (argument.kind == KernelArgument::I32)
      arguments.push_back(llvm::json::Object{{"kind", "i32"}, {"value", evaluate(argument.value, symbols)}});
    else
      arguments.push_back(llvm::json::Object{{"kind", "map"}, {"map", argument.map}});
  }
  for (const TensorMapSpec &map : kernel.maps)
    maps.push_back(llvm::json::Object{{"operand", map.operand},
                                      {"type", getTypeName(map.elementType)},
                                      {"sizes", all(map.sizes)},
                                      {"strides", all(map.strides)},
                                      {"offset", evaluate(map.offset, symbols)},
                                      {"box", llvm::json::Array(map.box)},
                                      {"swizzle", map.swizzle}});
  return llvm::json::Object{{"symbol", LLVM::LLVMFuncOp(kernel.function).getName().str()},
                            {"grid", all(kernel.grid)},
                            {"threads", kernel.threads},
                            {"shared", kernel.sharedBytes},
                            {"cluster", kernel.clusterSize},
                            {"programmatic", kernel.programmatic},
                            {"arguments", std::move(arguments)},
                            {"maps", std::move(maps)}};
}
