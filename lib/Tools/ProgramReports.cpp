//===- ProgramReports.cpp - What is said of saved programs ------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramFiles.h"

#include "et/Runtime/Expressions.h"
#include "et/Support/Npy.h"

#include <cmath>

using namespace mlir::et;
using namespace mlir::et::runtime;

void mlir::et::summarizeOutput(const Tensor &tensor, const HostArray &array, std::FILE *out) {
  int64_t elementSize = getSize(tensor.type), count = array.numBytes / elementSize, nans = 0;
  double low = INFINITY, high = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = loadElement(tensor.type, array.data.get() + i * elementSize);
    nans += std::isnan(value);
    low = std::fmin(low, value);
    high = std::fmax(high, value);
    sum += value;
  }
  std::fprintf(out, "output '%s' %s %s", tensor.name.c_str(),
               describeShape(array.shape.data(), array.shape.size()).c_str(), getName(tensor.type));
  if (count > nans)
    std::fprintf(out, ": min %.6g, max %.6g, mean %.6g", low, high, sum / count);
  if (nans)
    std::fprintf(out, ", %lld not a number", static_cast<long long>(nans));
  std::fprintf(out, "\n");
}

Error mlir::et::writeOutput(const Tensor &tensor, const HostArray &array, const std::string &path) {
  if (tensor.type != ElementType::BF16)
    return writeNpy(path, getNpyType(tensor.type), array.shape, array.data.get());
  Result<HostArray> wide = HostArray::allocate(ElementType::F32, array.shape);
  if (!wide)
    return wide.getError();
  for (size_t i = 0; i < array.numBytes / 2; ++i)
    storeElement(ElementType::F32, wide->data.get() + 4 * i, loadElement(ElementType::BF16, array.data.get() + 2 * i));
  return writeNpy(path, "f4", wide->shape, wide->data.get());
}

void mlir::et::describeProgram(const Program &program, std::FILE *out) {
  std::fprintf(out, "program '%s', written by %s\n", program.name.c_str(), program.producer.c_str());
  for (const Symbol &symbol : program.symbols) {
    std::string range = "at least " + std::to_string(symbol.min);
    if (symbol.max != INT64_MAX)
      range = std::to_string(symbol.min) + " to " + std::to_string(symbol.max);
    if (symbol.multiple != 1)
      range += ", a multiple of " + std::to_string(symbol.multiple);
    std::fprintf(out, "  size %s: %s\n", symbol.name.c_str(), range.c_str());
  }
  for (const Tensor &tensor : program.inputs)
    std::fprintf(out, "  input %s\n", describe(program, tensor).c_str());
  for (const Tensor &tensor : program.outputs)
    std::fprintf(out, "  output %s\n", describe(program, tensor).c_str());
  uint64_t bytes = 0;
  for (const Weight &weight : program.weights)
    bytes += weight.size;
  std::fprintf(out, "  %zu weights, %llu bytes\n", program.weights.size(), static_cast<unsigned long long>(bytes));
  static const char *const kinds[] = {"cubin", "PTX", "object"};
  for (const Plan &plan : program.plans) {
    std::fprintf(out, "  plan for %s: %zu steps, %zu tensor maps;", plan.target.c_str(), plan.steps.size(),
                 plan.maps.size());
    for (const Module &module : plan.modules)
      for (uint32_t code : module.code)
        std::fprintf(out, " %s %s (%zu bytes)", kinds[static_cast<unsigned>(program.code[code].kind)],
                     program.code[code].target.c_str(), program.code[code].bytes.size());
    std::fprintf(out, "\n");
    for (const Launch &launch : plan.steps)
      std::fprintf(out, "    %s: %s, %u threads, %u bytes of shared memory%s%s\n", launch.name.c_str(),
                   launch.symbol.c_str(), launch.threads, launch.sharedBytes,
                   launch.clusterSize > 1 ? (", clusters of " + std::to_string(launch.clusterSize)).c_str() : "",
                   launch.programmatic ? ", programmatic" : "");
  }
}
