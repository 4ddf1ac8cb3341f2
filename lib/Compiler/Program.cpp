//===- Program.cpp - A compiled model that runs in this process -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Program.h"

#include "et/Runtime/ProgramBuilder.h"

using namespace mlir;
using namespace mlir::et;

static std::optional<std::string> getMessage(const runtime::Error &error) {
  return error ? std::optional(error.getMessage()) : std::nullopt;
}

runtime::Result<std::unique_ptr<Program>> Program::load(ProgramSignature signature,
                                                        std::shared_ptr<const runtime::ProgramBuilder> builder,
                                                        WeightsSection weights,
                                                        std::shared_ptr<runtime::CPUDevice> device) {
  std::unique_ptr<Program> program(new Program());
  program->weightsSize = weights.size();
  program->signature = std::move(signature);
  program->builder = builder;
  program->device = device;
  auto loaded = runtime::ProgramBuilder::load(std::move(builder), std::make_shared<WeightsSection>(std::move(weights)));
  if (!loaded)
    return loaded.getError();
  auto executable = runtime::Executable::create(std::move(*loaded), std::move(device));
  if (!executable)
    return executable.getError();
  program->executable = std::move(*executable);
  return program;
}

std::optional<std::string> Program::setThreads(unsigned count) {
  return getMessage(device->setThreads(std::max(1u, count)));
}

std::optional<std::string> Program::save(const std::string &path) const { return getMessage(builder->write(path)); }

static std::vector<runtime::TensorView> convert(ArrayRef<TensorView> views) {
  std::vector<runtime::TensorView> result;
  result.reserve(views.size());
  for (const TensorView &view : views)
    result.push_back({view.data, view.shape.data(), view.shape.size()});
  return result;
}

std::optional<std::string> Program::computeShapes(ArrayRef<TensorView> inputs,
                                                  SmallVectorImpl<SmallVector<int64_t>> &shapes) {
  std::vector<std::vector<int64_t>> computed;
  if (std::optional<std::string> wrong = computeShapes(convert(inputs), computed))
    return wrong;
  shapes.clear();
  for (const std::vector<int64_t> &shape : computed)
    shapes.emplace_back(shape.begin(), shape.end());
  return std::nullopt;
}

std::optional<std::string> Program::computeShapes(const std::vector<runtime::TensorView> &inputs,
                                                  std::vector<std::vector<int64_t>> &shapes) {
  return getMessage(executable->computeShapes(inputs, shapes));
}

std::optional<std::string> Program::run(ArrayRef<TensorView> inputs, ArrayRef<TensorView> outputs) {
  return run(convert(inputs), convert(outputs));
}

std::optional<std::string> Program::run(const std::vector<runtime::TensorView> &inputs,
                                        const std::vector<runtime::TensorView> &outputs) {
  return getMessage(executable->run(inputs, outputs, /*stream=*/nullptr));
}
