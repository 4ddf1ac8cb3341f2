//===- LinearCases.cpp - Linear kernels to check and time on a GPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearCases.h"

#include "et/Conversion/ETToGPU/GPUMath.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::NVVMBuilder;

/// Elements added to each row of strided operands.
static constexpr int64_t kPadding = 8;

void LinearCase::setOptions(StringRef options) {
  SmallVector<StringRef> words;
  options.split(words, ' ', -1, false);
  for (StringRef word : words) {
    if (word == "bf16")
      useBF16 = true;
    else if (word == "f32")
      isFloat = true;
    else if (word == "bias")
      hasBias = true;
    else if (word == "residual")
      hasResidual = true;
    else if (word == "strided")
      strided = true;
    else if (word == "folded")
      isFolded = true;
    else
      activation = word.str();
  }
}

LinearStrips gpu_kernels::getStripsOf(int64_t n, int64_t k, int64_t unitRows, int64_t sparsity) {
  LinearStrips strips;
  strips.layout = {n, k, unitRows, 0};
  int64_t units = strips.layout.numStrips() * strips.layout.numBlocks() * strips.layout.unitsPerBlock();
  strips.layout.kept = units * (100 - sparsity) / 100;
  return strips;
}

static LinearEpilogueFn getEpilogue(const LinearCase &c) {
  if (c.activation.empty() && !c.hasResidual && !c.isFolded)
    return nullptr;
  static const std::pair<StringRef, MathFn> functions[] = {{"gelu_erf", MathFn::GeluErf},
                                                           {"gelu_tanh", MathFn::GeluTanh},
                                                           {"gelu_sigmoid", MathFn::GeluSigmoid},
                                                           {"tanh", MathFn::Tanh},
                                                           {"relu", MathFn::Relu},
                                                           {"sigmoid", MathFn::Sigmoid},
                                                           {"erf", MathFn::Erf},
                                                           {"exp", MathFn::Exp}};
  std::optional<MathFn> function;
  for (auto [name, fn] : functions)
    if (c.activation == name)
      function = fn;
  return [function, residual = c.hasResidual, folded = c.isFolded](NVVMBuilder &b, const LinearEpilogueArgs &args) {
    Value lo = args.lo, hi = args.hi;
    if (folded) {
      unsigned first = residual;
      Value scale = loadLinearExtra(b, args, first).first, mean = loadLinearExtra(b, args, first + 1).first;
      auto [shiftLo, shiftHi] = loadLinearExtra(b, args, first + 2);
      auto [offsetLo, offsetHi] = loadLinearExtra(b, args, first + 3);
      lo = b.fma(scale, b.fma(b.negf(mean), shiftLo, lo), offsetLo);
      hi = b.fma(scale, b.fma(b.negf(mean), shiftHi, hi), offsetHi);
    }
    if (function) {
      lo = emitMath(b, *function, lo);
      hi = emitMath(b, *function, hi);
    }
    if (residual) {
      auto [addLo, addHi] = loadLinearExtra(b, args, 0);
      lo = b.addf(lo, addLo);
      hi = b.addf(hi, addHi);
    }
    return std::pair(lo, hi);
  };
}

/// Builds \p c, writes its cubin to \p folder and appends its launches; returns whether that went well.
static bool dump(const LinearCase &c, const nvidia::SM &sm, StringRef ptxas, StringRef folder,
                 llvm::json::Array &launches) {
  KernelModule module(sm);
  Builder types(module.getContext());
  Type elt = c.isFloat ? Type(types.getF32Type()) : c.useBF16 ? Type(types.getBF16Type()) : Type(types.getF16Type());
  LinearKernelSpec spec;
  spec.n = c.n;
  spec.k = c.k;
  spec.xType = spec.wType = spec.yType = elt;
  if (c.unitRows)
    spec.strips = getStripsOf(c.n, c.k, c.unitRows, c.sparsities.front());
  if (c.hasBias)
    spec.biasType = elt;
  if (c.strided)
    spec.xStride = spec.yStride = ShapedType::kDynamic;
  if (c.hasResidual) {
    int64_t stride = c.n + (c.strided ? kPadding : 0);
    spec.extras.push_back({LinearExtra::Matrix, elt, stride % 2 == 0, stride % 8 == 0});
  }
  if (c.isFolded) {
    Type f32 = types.getF32Type();
    for (LinearExtra::Kind kind : {LinearExtra::Rows, LinearExtra::Rows, LinearExtra::Columns, LinearExtra::Columns})
      spec.extras.push_back({kind, f32, /*pairAligned=*/true, /*vectorAligned=*/true});
    spec.exactSums = true;
  }
  spec.epilogue = getEpilogue(c);
  if (std::optional<std::string> reason = verifyLinearKernel(spec, c.schedule, sm)) {
    llvm::errs() << c.name << ": " << *reason << '\n';
    return false;
  }
  OpBuilder builder = module.getBuilder();
  BuiltKernel kernel = buildLinearKernel(builder, module.getLoc(), "linear", spec, c.schedule, sm);
  SmallVector<llvm::json::Object> objects;
  for (int64_t m : c.rows) {
    int64_t pad = c.strided ? kPadding : 0;
    llvm::json::Object object = describeLaunch(kernel, {m, c.k + pad, c.n + pad, c.n + pad});
    object["case"] = c.name;
    object["cubin"] = c.name + ".cubin";
    object["schedule"] = stringifyLinearSchedule(c.schedule);
    object["m"] = m;
    object["n"] = c.n;
    object["k"] = c.k;
    object["type"] = c.isFloat ? "f32" : c.useBF16 ? "bf16" : "f16";
    object["bias"] = c.hasBias;
    object["residual"] = c.hasResidual;
    object["folded"] = c.isFolded;
    object["activation"] = c.activation;
    object["padding"] = pad;
    object["timed"] = c.isTimed;
    object["unit_rows"] = c.unitRows;
    object["sparsities"] = llvm::json::Array(c.sparsities);
    objects.push_back(std::move(object));
  }
  std::string ptx = module.getPTX();
  nvidia::AssemblyReport report;
  FailureOr<std::string> cubin = nvidia::assemblePTX(module.getLoc(), ptx, sm, ptxas, &report);
  std::error_code error;
  llvm::raw_fd_ostream(folder.str() + "/" + c.name + ".ptx", error) << ptx;
  if (failed(cubin) || ptx.empty())
    return false;
  for (const std::string &advisory : report.advisories)
    llvm::errs() << c.name << ": " << advisory << '\n';
  for (const nvidia::KernelReport &r : report.kernels) {
    llvm::errs() << c.name << ": " << r.registers << " registers, " << r.spillStoreBytes << " bytes spilled\n";
    for (llvm::json::Object &object : objects)
      object["registers"] = r.registers;
  }
  llvm::raw_fd_ostream os((folder + "/" + c.name + ".cubin").str(), error);
  os << *cubin;
  for (llvm::json::Object &object : objects)
    launches.push_back(std::move(object));
  return !error;
}

int gpu_kernels::dumpLinearCases(
    int argc, char **argv, StringRef name,
    llvm::function_ref<std::vector<LinearCase>(MLIRContext *, const nvidia::SM &)> getCases) {
  if (argc < 2) {
    llvm::errs() << "usage: " << name << "_gpu_kernels DIR [FILTER [CHIP]]\n";
    return 2;
  }
  StringRef folder = argv[1], filter = argc > 2 ? argv[2] : "";
  FailureOr<nvidia::SM> sm = nvidia::SM::get(argc > 3 ? argv[3] : "sm_90a");
  std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment());
  if (failed(sm) || !ptxas || llvm::sys::fs::create_directories(folder)) {
    llvm::errs() << "need a known chip, ptxas and a folder to write to\n";
    return 1;
  }
  llvm::json::Array launches;
  bool allGood = true;
  MLIRContext context;
  for (const LinearCase &c : getCases(&context, *sm))
    if (StringRef(c.name).contains(filter))
      allGood &= dump(c, *sm, *ptxas, folder, launches);
  std::error_code error;
  llvm::raw_fd_ostream os((folder + "/" + name + ".json").str(), error);
  os << llvm::json::Value(std::move(launches)) << '\n';
  return allGood && !error ? 0 : 1;
}
