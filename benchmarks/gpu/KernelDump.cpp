//===- KernelDump.cpp - GPU kernels as files -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// See https://llvm.org/LICENSE.txt for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelDump.h"

#include "et/Target/NVIDIA/Serialize.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
namespace json = llvm::json;

std::string gpu_kernels::toPython(LaunchExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::to_string(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return "s[" + std::to_string(symbol.getPosition()) + "]";
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::string lhs = toPython(binary.getLHS()), rhs = toPython(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return "(" + lhs + "+" + rhs + ")";
  case AffineExprKind::Mul:
    return "(" + lhs + "*" + rhs + ")";
  case AffineExprKind::Mod:
    return "(" + lhs + "%" + rhs + ")";
  case AffineExprKind::FloorDiv:
    return "(" + lhs + "//" + rhs + ")";
  default:
    return "(-(-" + lhs + "//" + rhs + "))";
  }
}

static json::Array listToPython(ArrayRef<LaunchExpr> exprs) {
  json::Array result;
  for (LaunchExpr expr : exprs)
    result.push_back(toPython(expr));
  return result;
}

json::Object gpu_kernels::toJSON(const BuiltKernel &kernel) {
  json::Array arguments;
  for (const KernelArgument &argument : kernel.arguments) {
    switch (argument.kind) {
    case KernelArgument::Pointer:
      arguments.push_back(json::Object{
          {"kind", "pointer"}, {"operand", argument.operand}, {"offset", toPython(argument.value)}});
      break;
    case KernelArgument::I32:
      arguments.push_back(json::Object{{"kind", "i32"}, {"value", toPython(argument.value)}});
      break;
    case KernelArgument::TensorMap: {
      const TensorMapSpec &map = kernel.maps[argument.map];
      std::string type;
      llvm::raw_string_ostream(type) << map.elementType;
      arguments.push_back(json::Object{{"kind", "map"},
                                       {"operand", map.operand},
                                       {"type", type},
                                       {"sizes", listToPython(map.sizes)},
                                       {"strides", listToPython(map.strides)},
                                       {"offset", toPython(map.offset)},
                                       {"box", json::Array(map.box)},
                                       {"swizzle", map.swizzle}});
      break;
    }
    }
  }
  LLVM::LLVMFuncOp function = kernel.function;
  return json::Object{{"function", function.getSymName()},
                      {"arguments", std::move(arguments)},
                      {"grid", listToPython(kernel.grid)},
                      {"threads", kernel.threads},
                      {"shared", kernel.sharedBytes},
                      {"cluster", kernel.clusterSize},
                      {"programmatic", kernel.programmatic}};
}

FailureOr<std::string> gpu_kernels::writeModule(Operation *module, const nvidia::SM &sm, StringRef folder,
                                                StringRef name) {
  FailureOr<std::string> code = nvidia::translateToPTX(module, sm);
  if (failed(code))
    return failure();
  std::string file = (name + ".ptx").str();
  if (std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment())) {
    nvidia::AssemblyReport report;
    code = nvidia::assemblePTX(module->getLoc(), *code, sm, *ptxas, &report);
    if (failed(code))
      return failure();
    for (const nvidia::KernelReport &kernel : report.kernels)
      llvm::outs() << name << ": " << kernel.registers << " registers, " << kernel.spillStoreBytes << " + "
                   << kernel.spillLoadBytes << " bytes spilled\n";
    for (const std::string &advisory : report.advisories)
      llvm::outs() << name << ": " << advisory << '\n';
    file = (name + ".cubin").str();
  }
  SmallString<128> path(folder);
  llvm::sys::path::append(path, file);
  std::error_code error;
  llvm::raw_fd_ostream os(path, error);
  if (error)
    return emitError(module->getLoc()) << "cannot write " << path << ": " << error.message();
  os << *code;
  return file;
}
