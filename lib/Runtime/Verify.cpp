//===- Verify.cpp - What a program may get wrong ----------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A program holds machine code, so a verified one can still do anything once it
// runs. What we promise is less: whatever the file says, loading it ends in a
// program or in a reason, and the launch plan never leads the runtime itself
// astray.
//
//===----------------------------------------------------------------------===//

#include "Container.h"

#include "et/Runtime/Expressions.h"

#include <set>

using namespace mlir::et::runtime;

// Far more than any program needs, and little enough to count in 32 bits.
static constexpr size_t kMaxItems = 1 << 20, kMaxRank = 16, kMaxSymbols = 1024;
// CUDA C++ Programming Guide, "Compute Capabilities"; and "Kernel Parameters" for the 4 KB that every driver takes.
static constexpr uint32_t kMaxThreads = 1024, kMaxSharedBytes = 227 * 1024, kMaxCluster = 16, kMaxParameterBytes = 4096;
// CUDA driver API, cuTensorMapEncodeTiled.
static constexpr size_t kMaxMapRank = 5;
// Per thread; what the caches of a core hold is a thousandth of it.
static constexpr uint64_t kMaxScratchBytes = uint64_t(1) << 30;
static constexpr uint32_t kMaxBox = 256;

namespace {
class Verifier {
public:
  Verifier(const Program &program, uint64_t weightsSize) : program(program), weightsSize(weightsSize) {}

  Error verify() {
    if (Error error = verifyExpressions())
      return error;
    if (Error error = verifyTensors(program.inputs, "input"))
      return error;
    if (Error error = verifyTensors(program.outputs, "output"))
      return error;
    if (Error error = verifySymbols())
      return error;
    for (size_t i = 0; i < program.constraints.size(); ++i)
      if (Error error = checkExpr(program.constraints[i].value, "constraint " + std::to_string(i)))
        return error;
    if (Error error = verifyWeights())
      return error;
    if (Error error = verifyCode())
      return error;
    if (Error error = checkCount(program.checks.size(), kMaxItems, "checks"))
      return error;
    if (Error error = checkCount(program.plans.size(), kMaxItems, "plans"))
      return error;
    if (program.plans.empty())
      return Error("expected at least one plan, but got none");
    for (size_t i = 0; i < program.plans.size(); ++i)
      if (Error error = verify(program.plans[i], "plan " + std::to_string(i)))
        return error;
    return Error::success();
  }

private:
  static Error checkCount(size_t count, size_t max, const std::string &what) {
    if (count > max)
      return Error("expected at most " + std::to_string(max) + " " + what + ", but got " + std::to_string(count));
    return Error::success();
  }

  static Error checkIndex(size_t index, size_t count, const std::string &what, const char *items) {
    if (index >= count)
      return Error(what + " refers to " + items + " " + std::to_string(index) + ", but there are " +
                   std::to_string(count));
    return Error::success();
  }

  template <typename Enum> static Error checkEnum(Enum value, Enum last, const std::string &what) {
    if (value > last)
      return Error(what + " has the unknown kind " + std::to_string(static_cast<unsigned>(value)));
    return Error::success();
  }

  /// Names go into messages and to functions that take C strings.
  static Error checkName(const std::string &name, const std::string &what) {
    if (name.empty())
      return Error(what + " has no name");
    if (name.find('\0') != std::string::npos)
      return Error(what + " has a name with a zero character in it");
    return Error::success();
  }

  Error checkExpr(Expr expr, const std::string &what) const {
    return checkIndex(expr.index, program.expressions.size(), what, "expression");
  }

  Error verifyExpressions() const {
    if (Error error = checkCount(program.expressions.size(), kMaxItems, "expressions"))
      return error;
    if (Error error = checkCount(program.symbols.size(), kMaxSymbols, "symbols"))
      return error;
    for (size_t i = 0; i < program.expressions.size(); ++i) {
      const ExprNode &node = program.expressions[i];
      std::string what = "expression " + std::to_string(i);
      if (Error error = checkEnum(node.kind, ExprKind::Max, what))
        return error;
      if (node.kind == ExprKind::Constant)
        continue;
      if (node.kind == ExprKind::Symbol) {
        if (Error error = checkIndex(node.lhs, program.symbols.size(), what, "symbol"))
          return error;
        continue;
      }
      // Operands come first, so that no expression can contain itself.
      for (uint32_t operand : {node.lhs, node.rhs})
        if (operand >= i)
          return Error(what + " has expression " + std::to_string(operand) +
                       " as operand, which does not come before it");
    }
    return Error::success();
  }

  Error verifySymbols() const {
    std::vector<bool> isBound(program.symbols.size());
    for (const Tensor &tensor : program.inputs)
      for (Expr size : tensor.shape)
        if (program.expressions[size.index].kind == ExprKind::Symbol)
          isBound[program.expressions[size.index].lhs] = true;
    std::set<std::string> names;
    for (size_t i = 0; i < program.symbols.size(); ++i) {
      const Symbol &symbol = program.symbols[i];
      std::string what = "symbol " + std::to_string(i);
      if (Error error = checkName(symbol.name, what))
        return error;
      if (!names.insert(symbol.name).second)
        return Error("two symbols have the name '" + symbol.name + "'");
      if (symbol.min < 0 || symbol.max < symbol.min || symbol.multiple < 1)
        return Error(what + " '" + symbol.name + "' can have no value: it is from " + std::to_string(symbol.min) +
                     " to " + std::to_string(symbol.max) + ", a multiple of " + std::to_string(symbol.multiple));
      if (!isBound[i])
        return Error(what + " '" + symbol.name + "' is no dimension of an input: nothing gives it a value");
    }
    return Error::success();
  }

  Error verifyTensors(const std::vector<Tensor> &tensors, const char *kind) const {
    if (Error error = checkCount(tensors.size(), kMaxItems, std::string(kind) + "s"))
      return error;
    std::set<std::string> names;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const Tensor &tensor = tensors[i];
      std::string what = kind + (" " + std::to_string(i));
      if (Error error = checkName(tensor.name, what))
        return error;
      if (!names.insert(tensor.name).second)
        return Error(std::string("two ") + kind + "s have the name '" + tensor.name + "'");
      if (Error error = checkEnum(tensor.type, ElementType::I64, what))
        return error;
      if (Error error = checkCount(tensor.shape.size(), kMaxRank, "dimensions of " + what))
        return error;
      for (Expr size : tensor.shape)
        if (Error error = checkExpr(size, what))
          return error;
      if (tensor.alignment == 0 || tensor.alignment > 4096 || (tensor.alignment & (tensor.alignment - 1)) != 0)
        return Error("expected the alignment of " + what + " to be a power of two up to 4096, but got " +
                     std::to_string(tensor.alignment));
    }
    return Error::success();
  }

  Error verifyWeights() const {
    if (Error error = checkCount(program.weights.size(), kMaxItems, "weights"))
      return error;
    for (size_t i = 0; i < program.weights.size(); ++i) {
      const Weight &weight = program.weights[i];
      std::string what = "weight " + std::to_string(i);
      if (Error error = checkEnum(weight.type, ElementType::I64, what))
        return error;
      if (Error error = checkCount(weight.shape.size(), kMaxRank, "dimensions of " + what))
        return error;
      for (int64_t size : weight.shape)
        if (size < 0)
          return Error(what + " has the negative size " + std::to_string(size));
      std::optional<int64_t> bytes = getNumBytes(weight.type, weight.shape);
      if (!bytes || static_cast<uint64_t>(*bytes) > weight.size)
        return Error(what + " of shape " + describeShape(weight.shape.data(), weight.shape.size()) + " and type " +
                     getName(weight.type) + " does not fit in its " + std::to_string(weight.size) + " bytes");
      if (weight.offset % kWeightAlignment != 0)
        return Error("expected the offset of " + what + " to be a multiple of " + std::to_string(kWeightAlignment) +
                     ", but got " + std::to_string(weight.offset));
      if (weight.offset > weightsSize || weight.size > weightsSize - weight.offset)
        return Error(what + " takes " + std::to_string(weight.size) + " bytes at offset " +
                     std::to_string(weight.offset) + ", but there are " + std::to_string(weightsSize));
    }
    return Error::success();
  }

  Error verifyCode() const {
    if (Error error = checkCount(program.code.size(), kMaxItems, "code objects"))
      return error;
    for (size_t i = 0; i < program.code.size(); ++i) {
      std::string what = "code object " + std::to_string(i);
      if (Error error = checkEnum(program.code[i].kind, CodeKind::ELFObject, what))
        return error;
      if (Error error = checkName(program.code[i].target, what))
        return error;
      if (program.code[i].bytes.empty())
        return Error(what + " is empty");
    }
    return Error::success();
  }

  Error check(Buffer buffer, const std::string &what) const {
    if (Error error = checkEnum(buffer.kind, BufferKind::Status, "the buffer of " + what))
      return error;
    switch (buffer.kind) {
    case BufferKind::Input:
      return checkIndex(buffer.index, program.inputs.size(), what, "input");
    case BufferKind::Output:
      return checkIndex(buffer.index, program.outputs.size(), what, "output");
    case BufferKind::Weight:
      return checkIndex(buffer.index, program.weights.size(), what, "weight");
    case BufferKind::Arena:
    case BufferKind::Status:
      return Error::success();
    }
    return Error::success();
  }

  Error verify(const TensorMap &map, const std::string &what) const {
    if (Error error = check(map.buffer, what))
      return error;
    if (Error error = checkExpr(map.offset, what))
      return error;
    if (Error error = checkEnum(map.type, ElementType::I64, what))
      return error;
    size_t rank = map.sizes.size();
    if (rank < 1 || rank > kMaxMapRank)
      return Error("expected " + what + " to have from 1 to " + std::to_string(kMaxMapRank) + " dimensions, but got " +
                   std::to_string(rank));
    if (map.strides.size() != rank - 1 || map.box.size() != rank)
      return Error("expected " + what + " of " + std::to_string(rank) + " dimensions to have " +
                   std::to_string(rank - 1) + " strides and " + std::to_string(rank) + " box sizes, but got " +
                   std::to_string(map.strides.size()) + " and " + std::to_string(map.box.size()));
    for (const std::vector<Expr> *expressions : {&map.sizes, &map.strides})
      for (Expr expr : *expressions)
        if (Error error = checkExpr(expr, what))
          return error;
    for (uint32_t size : map.box)
      if (size < 1 || size > kMaxBox)
        return Error("expected box sizes of " + what + " to be from 1 to " + std::to_string(kMaxBox) + ", but got " +
                     std::to_string(size));
    if (map.swizzle != 0 && map.swizzle != 32 && map.swizzle != 64 && map.swizzle != 128)
      return Error("expected the swizzle of " + what + " to be 0, 32, 64 or 128 bytes, but got " +
                   std::to_string(map.swizzle));
    int64_t row = map.box[0] * getSize(map.type);
    if (row % 16 != 0 || (map.swizzle != 0 && row > map.swizzle))
      return Error("expected rows of the box of " + what + " to be a multiple of 16 bytes" +
                   (map.swizzle ? ", at most " + std::to_string(map.swizzle) : std::string()) + ", but got " +
                   std::to_string(row));
    return Error::success();
  }

  Error verify(const Launch &launch, const Plan &plan, const std::string &what) const {
    if (Error error = checkIndex(launch.module, plan.modules.size(), what, "module"))
      return error;
    if (Error error = checkName(launch.symbol, "the kernel of " + what))
      return error;
    if (launch.name.find('\0') != std::string::npos)
      return Error(what + " has a name with a zero character in it");
    for (Expr expr : launch.grid)
      if (Error error = checkExpr(expr, what))
        return error;
    auto checkLimit = [&](const char *which, uint32_t value, uint32_t min, uint32_t max) {
      if (value >= min && value <= max)
        return Error::success();
      return Error("expected the " + std::string(which) + " of " + what + " to be from " + std::to_string(min) +
                   " to " + std::to_string(max) + ", but got " + std::to_string(value));
    };
    if (Error error = checkLimit("threads", launch.threads, 1, kMaxThreads))
      return error;
    if (Error error = checkLimit("shared memory", launch.sharedBytes, 0, kMaxSharedBytes))
      return error;
    if (Error error = checkLimit("cluster size", launch.clusterSize, 1, kMaxCluster))
      return error;
    for (std::optional<Expr> expr : {launch.bytes, launch.flops})
      if (expr)
        if (Error error = checkExpr(*expr, what))
          return error;
    if (Error error = checkEnum(launch.math, MathUnit::Tensor, what))
      return error;
    size_t bytes = 0;
    for (size_t i = 0; i < launch.arguments.size(); ++i) {
      const Argument &argument = launch.arguments[i];
      std::string place = "argument " + std::to_string(i) + " of " + what;
      if (Error error = checkEnum(argument.kind, ArgumentKind::TensorMap, place))
        return error;
      bool isMap = argument.kind == ArgumentKind::TensorMap;
      bytes = isMap ? alignTo(bytes, 64) + 128 : bytes + 8;
      if (bytes > kMaxParameterBytes)
        return Error("expected the arguments of " + what + " to take at most " + std::to_string(kMaxParameterBytes) +
                     " bytes, but they take more");
      if (isMap) {
        if (Error error = checkIndex(argument.map, plan.maps.size(), place, "tensor map"))
          return error;
      } else if (argument.kind != ArgumentKind::F32) {
        if (Error error = checkExpr(argument.expr, place))
          return error;
      }
      if (argument.kind == ArgumentKind::Pointer)
        if (Error error = check(argument.buffer, place))
          return error;
    }
    return Error::success();
  }

  Error verify(const Plan &plan, const std::string &what) const {
    if (Error error = checkEnum(plan.device, DeviceKind::CUDA, what))
      return error;
    if (Error error = checkName(plan.target, "the target of " + what))
      return error;
    if (Error error = checkExpr(plan.arenaSize, "the arena of " + what))
      return error;
    if (plan.scratchBytes > kMaxScratchBytes)
      return Error("expected the scratch memory of a thread in " + what + " to be at most " +
                   std::to_string(kMaxScratchBytes) + " bytes, but got " + std::to_string(plan.scratchBytes));
    for (const auto &[count, items] :
         {std::pair(plan.modules.size(), "modules"), std::pair(plan.maps.size(), "tensor maps"),
          std::pair(plan.steps.size(), "steps")})
      if (Error error = checkCount(count, kMaxItems, items + (" in " + what)))
        return error;
    for (size_t i = 0; i < plan.modules.size(); ++i) {
      std::string place = "module " + std::to_string(i) + " of " + what;
      if (plan.modules[i].code.empty())
        return Error(place + " has no code");
      for (uint32_t code : plan.modules[i].code)
        if (Error error = checkIndex(code, program.code.size(), place, "code object"))
          return error;
    }
    for (size_t i = 0; i < plan.maps.size(); ++i)
      if (Error error = verify(plan.maps[i], "tensor map " + std::to_string(i) + " of " + what))
        return error;
    for (size_t i = 0; i < plan.steps.size(); ++i)
      if (Error error = verify(plan.steps[i], plan, "step " + std::to_string(i) + " of " + what))
        return error;
    return Error::success();
  }

  const Program &program;
  uint64_t weightsSize;
};
} // namespace

Error mlir::et::runtime::verifyProgram(const Program &program, uint64_t weightsSize) {
  return Verifier(program, weightsSize).verify();
}
