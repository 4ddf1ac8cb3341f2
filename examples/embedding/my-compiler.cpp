//===- my-compiler.cpp - Compiles a module, runs it and saves it -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   my-compiler layer.mlir layer.etp
//
// Runs a pass of its own and then E.T.'s pipeline on a module with one input and
// one output of f32, runs the program in this process on the numbers 0, 1/8, 2/8,
// ..., prints what comes out, and saves the program.
//
//===----------------------------------------------------------------------===//

#include "ApproximateGelu.h"

#include "et/Compiler/Compiler.h"
#include "et/Compiler/Register.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cstdio>
#include <numeric>

using namespace mlir;

static int64_t getNumElements(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

/// Prints \p message and returns main's status for it.
static int fail(const std::string &message) {
  std::fprintf(stderr, "my-compiler: error: %s\n", message.c_str());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return fail("usage: my-compiler MODULE.mlir PROGRAM.etp");

  DialectRegistry registry;
  et::registerCompilerDialects(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(argv[1], &context);
  if (!module)
    return 1; // MLIR has printed why

  PassManager pm(&context);
  pm.addPass(createApproximateGeluPass());
  if (failed(pm.run(*module)))
    return 1;

  FailureOr<std::unique_ptr<et::Program>> program = et::compile(*module, et::CompileOptions());
  if (failed(program))
    return 1;

  // Sizes are values: three rows here, any other number in the next call.
  const et::ProgramSignature &signature = (*program)->getSignature();
  if (signature.inputs.size() != 1 || signature.outputs.size() != 1 ||
      signature.inputs[0].elementType != et::ElementType::F32)
    return fail("expected a function with one input and one output of f32");
  et::TensorView input;
  for (int64_t size : signature.inputs[0].shape)
    input.shape.push_back(ShapedType::isDynamic(size) ? 3 : size);
  std::vector<float> x(getNumElements(input.shape));
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(i) / 8;
  input.data = x.data();

  SmallVector<SmallVector<int64_t>> shapes;
  if (std::optional<std::string> error = (*program)->computeShapes(input, shapes))
    return fail(*error);
  std::vector<float> y(getNumElements(shapes[0]));
  et::TensorView output{y.data(), shapes[0]};
  if (std::optional<std::string> error = (*program)->run(input, output))
    return fail(*error);
  for (float value : y)
    std::printf("%.9g\n", value);

  if (std::optional<std::string> error = (*program)->save(argv[2]))
    return fail(*error);
  return 0;
}
