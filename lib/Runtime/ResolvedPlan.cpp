//===- ResolvedPlan.cpp - A plan with its sizes known -----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/ResolvedPlan.h"

#include "et/Runtime/Expressions.h"

#include <cstring>
#include <utility>

using namespace mlir::et::runtime;

// CUDA C++ Programming Guide, "Compute Capabilities".
static constexpr int64_t kMaxGrid[3] = {2147483647, 65535, 65535};
// CUDA driver API, cuTensorMapEncodeTiled.
static constexpr int64_t kMaxMapSize = int64_t(1) << 32, kMaxMapStride = (int64_t(1) << 40) - 16, kMapAlignment = 16;

namespace {
class Resolver {
public:
  Resolver(const Program &program, const Plan &plan, const std::vector<int64_t> &symbols)
      : program(program), plan(plan), evaluation(program, symbols) {}

  Result<ResolvedPlan> resolve() {
    if (Error error = resolveShapes(program.inputs, "input", resolved.inputShapes, inputBytes))
      return error;
    if (Error error = resolveShapes(program.outputs, "output", resolved.outputShapes, outputBytes))
      return error;
    Result<int64_t> arenaSize =
        evaluation.get(plan.arenaSize, 0, std::numeric_limits<int64_t>::max(), "the size of working memory");
    if (!arenaSize)
      return arenaSize.getError();
    resolved.arenaSize = *arenaSize;
    resolved.maps.resize(plan.maps.size());
    resolved.isMapUsed.resize(plan.maps.size());
    resolved.steps.reserve(plan.steps.size());
    for (size_t i = 0; i < plan.steps.size(); ++i)
      if (Error error = resolveStep(i))
        return error;
    return std::move(resolved);
  }

private:
  Error resolveShapes(const std::vector<Tensor> &tensors, const char *kind, std::vector<std::vector<int64_t>> &shapes,
                      std::vector<int64_t> &bytes) {
    for (const Tensor &tensor : tensors) {
      Result<std::vector<int64_t>> shape = evaluation.getShape(tensor, kind);
      if (!shape)
        return shape.getError();
      std::optional<int64_t> size = getNumBytes(tensor.type, *shape);
      if (!size)
        return Error(std::string(kind) + " " + describe(program, tensor) + " has more bytes than can be counted with " +
                     evaluation.describeSymbols());
      shapes.push_back(std::move(*shape));
      bytes.push_back(*size);
    }
    return Error::success();
  }

  int64_t getBytes(Buffer buffer) const {
    switch (buffer.kind) {
    case BufferKind::Input:
      return inputBytes[buffer.index];
    case BufferKind::Output:
      return outputBytes[buffer.index];
    case BufferKind::Weight:
      return program.weights[buffer.index].size;
    case BufferKind::Arena:
      return resolved.arenaSize;
    case BufferKind::Status:
      return sizeof(StatusRecord);
    }
    return 0;
  }

  Error resolveMap(uint32_t index, const std::string &what) {
    const TensorMap &map = plan.maps[index];
    ResolvedMap &to = resolved.maps[index];
    to.buffer = map.buffer;
    to.type = map.type;
    to.rank = map.sizes.size();
    to.swizzle = map.swizzle;
    int64_t bytes = getBytes(map.buffer);
    Result<int64_t> offset = evaluation.get(map.offset, 0, bytes, "the offset of " + what);
    if (!offset)
      return offset.getError();
    to.offset = *offset;
    // One behind the last byte that the map reaches; cannot overflow: five products below 2^72 are checked one by one.
    int64_t end = *offset;
    bool overflows = *offset % kMapAlignment != 0;
    for (uint32_t i = 0; i < to.rank; ++i) {
      std::string place = "dimension " + std::to_string(i) + " of " + what;
      Result<int64_t> size = evaluation.get(map.sizes[i], 1, kMaxMapSize, "the size of " + place);
      if (!size)
        return size.getError();
      int64_t stride = getSize(map.type), reach;
      if (i > 0) {
        Result<int64_t> given = evaluation.get(map.strides[i - 1], 0, kMaxMapStride, "the stride of " + place);
        if (!given)
          return given.getError();
        stride = *given;
        overflows |= stride % kMapAlignment != 0;
        to.strides[i - 1] = stride;
      }
      to.sizes[i] = *size;
      to.box[i] = map.box[i];
      overflows |= __builtin_mul_overflow(*size - 1, stride, &reach) || __builtin_add_overflow(end, reach, &end);
    }
    overflows |= __builtin_add_overflow(end, getSize(map.type), &end);
    if (overflows || end > bytes)
      return Error("expected " + what + " to stay within the " + std::to_string(bytes) +
                   " bytes of its buffer, with an offset and strides that are multiples of 16, but with " +
                   evaluation.describeSymbols() + " it does not");
    resolved.isMapUsed[index] = true;
    return Error::success();
  }

  /// The value of \p expr, which must lie in \p min .. \p max. \p describe says what it is if it does not: a plan has
  /// thousands of values, and texts would take most of the time.
  template <typename Function> Result<int64_t> get(Expr expr, int64_t min, int64_t max, Function describe) const {
    if (std::optional<int64_t> value = evaluation.find(expr); value && *value >= min && *value <= max)
      return *value;
    return evaluation.get(expr, min, max, describe());
  }

  static std::string describeStep(const Launch &launch, size_t step) {
    return "step " + std::to_string(step) + " (" + (launch.name.empty() ? launch.symbol : launch.name) + ")";
  }

  Error resolveArgument(const Launch &launch, size_t step, size_t position, uint64_t &bits) {
    const Argument &argument = launch.arguments[position];
    auto place = [&] { return "argument " + std::to_string(position) + " of " + describeStep(launch, step); };
    using Limits = std::numeric_limits<int64_t>;
    bits = 0;
    switch (argument.kind) {
    case ArgumentKind::Pointer: {
      Result<int64_t> offset =
          get(argument.expr, 0, getBytes(argument.buffer), [&] { return "the offset of " + place(); });
      if (!offset)
        return offset.getError();
      bits = *offset;
      return Error::success();
    }
    case ArgumentKind::I32:
    case ArgumentKind::I64: {
      bool isNarrow = argument.kind == ArgumentKind::I32;
      Result<int64_t> value = get(argument.expr, isNarrow ? std::numeric_limits<int32_t>::min() : Limits::min(),
                                  isNarrow ? std::numeric_limits<int32_t>::max() : Limits::max(), place);
      if (!value)
        return value.getError();
      // Little-endian: the low half comes first, which is all that an i32 argument is read for.
      bits = *value;
      return Error::success();
    }
    case ArgumentKind::F32:
      std::memcpy(&bits, &argument.number, sizeof(argument.number));
      return Error::success();
    case ArgumentKind::TensorMap:
      if (resolved.isMapUsed[argument.map])
        return Error::success();
      return resolveMap(argument.map, "the tensor map that is " + place());
    }
    return Error::success();
  }

  Error resolveStep(size_t i) {
    const Launch &launch = plan.steps[i];
    ResolvedStep step;
    step.step = i;
    bool hasWork = true;
    for (size_t axis = 0; axis < 3; ++axis) {
      Result<int64_t> size =
          get(launch.grid[axis], 0, kMaxGrid[axis], [&] { return "the grid of " + describeStep(launch, i); });
      if (!size)
        return size.getError();
      step.grid[axis] = *size;
      hasWork &= *size > 0;
    }
    if (!hasWork)
      return Error::success();
    if (step.grid[0] % launch.clusterSize != 0)
      return Error("expected the grid of " + describeStep(launch, i) + " to be whole clusters of " +
                   std::to_string(launch.clusterSize) + ", but with " + evaluation.describeSymbols() + " it has " +
                   std::to_string(step.grid[0]) + " blocks");
    step.values.resize(launch.arguments.size());
    for (size_t j = 0; j < launch.arguments.size(); ++j)
      if (Error error = resolveArgument(launch, i, j, step.values[j]))
        return error;
    // A count for profiles that cannot be had is no reason not to run.
    for (auto [expr, count] : {std::pair(launch.bytes, &step.bytes), std::pair(launch.flops, &step.flops)})
      if (expr)
        if (Result<int64_t> value = evaluation.get(*expr, 0, std::numeric_limits<int64_t>::max(), ""))
          *count = *value;
    resolved.steps.push_back(std::move(step));
    return Error::success();
  }

  const Program &program;
  const Plan &plan;
  Evaluation evaluation;
  ResolvedPlan resolved;
  std::vector<int64_t> inputBytes, outputBytes;
};
} // namespace

Result<ResolvedPlan> mlir::et::runtime::resolvePlan(const Program &program, const Plan &plan,
                                                    const std::vector<int64_t> &symbols) {
  return Resolver(program, plan, symbols).resolve();
}
