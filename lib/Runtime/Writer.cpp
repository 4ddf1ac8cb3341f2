//===- Writer.cpp - A program as a FlatBuffer -------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Nothing is shared between tables: Reader.cpp counts on it.
//
//===----------------------------------------------------------------------===//

#include "Container.h"

#include "Program_generated.h"

using namespace mlir::et::runtime;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

namespace {
/// Writes the parts of a program, innermost first as FlatBuffers wants it.
class Writer {
public:
  explicit Writer(const Program &program) : program(program), builder(64 * 1024) {}

  void write(uint64_t weightsSize) {
    auto expressions = builder.CreateVectorOfStructs<format::ExprNode>(
        program.expressions.size(), [&](size_t i, format::ExprNode *to) {
          const ExprNode &node = program.expressions[i];
          *to = format::ExprNode(node.value, node.lhs, node.rhs, static_cast<format::ExprKind>(node.kind));
        });
    auto symbols = writeAll<format::Symbol>(program.symbols, [&](const Symbol &symbol) {
      return format::CreateSymbol(builder, write(symbol.name), symbol.min, symbol.max, symbol.multiple);
    });
    auto constraints = writeAll<format::Constraint>(program.constraints, [&](const Constraint &constraint) {
      return format::CreateConstraint(builder, constraint.value.index, constraint.min, constraint.max,
                                      write(constraint.message));
    });
    auto inputs = writeTensors(program.inputs), outputs = writeTensors(program.outputs);
    auto weights = writeAll<format::Weight>(program.weights, [&](const Weight &weight) {
      auto name = write(weight.name);
      auto shape = builder.CreateVector(weight.shape);
      return format::CreateWeight(builder, name, static_cast<format::ElementType>(weight.type), shape, weight.offset,
                                  weight.size);
    });
    auto code = writeAll<format::CodeObject>(program.code, [&](const CodeObject &object) {
      auto target = write(object.target);
      builder.ForceVectorAlignment(object.bytes.size(), 1, 64);
      auto bytes = builder.CreateVector(reinterpret_cast<const uint8_t *>(object.bytes.data()), object.bytes.size());
      return format::CreateCodeObject(builder, static_cast<format::CodeKind>(object.kind), target, bytes);
    });
    auto checks = writeAll<flatbuffers::String>(program.checks, [&](const std::string &text) { return write(text); });
    auto plans = writeAll<format::Plan>(program.plans, [&](const Plan &plan) { return write(plan); });
    auto producer = write(program.producer), name = write(program.name);
    format::FinishSizePrefixedProgramBuffer(
        builder, format::CreateProgram(builder, kFormatMajor, kFormatMinor, producer, name, expressions, symbols,
                                       constraints, inputs, outputs, weights, weightsSize, code, checks, plans));
  }

  const FlatBufferBuilder &getBuilder() const { return builder; }

private:
  Offset<flatbuffers::String> write(const std::string &text) { return builder.CreateString(text); }

  template <typename Table, typename T, typename Function>
  Offset<flatbuffers::Vector<Offset<Table>>> writeAll(const std::vector<T> &items, Function write) {
    std::vector<Offset<Table>> offsets;
    offsets.reserve(items.size());
    for (const T &item : items)
      offsets.push_back(write(item));
    return builder.CreateVector(offsets);
  }

  Offset<flatbuffers::Vector<uint32_t>> write(const std::vector<Expr> &expressions) {
    std::vector<uint32_t> indices;
    for (Expr expr : expressions)
      indices.push_back(expr.index);
    return builder.CreateVector(indices);
  }

  Offset<flatbuffers::Vector<Offset<format::Tensor>>> writeTensors(const std::vector<Tensor> &tensors) {
    return writeAll<format::Tensor>(tensors, [&](const Tensor &tensor) {
      auto name = write(tensor.name);
      auto shape = write(tensor.shape);
      return format::CreateTensor(builder, name, static_cast<format::ElementType>(tensor.type), shape,
                                  tensor.alignment);
    });
  }

  static format::Buffer convert(Buffer buffer) {
    return format::Buffer(buffer.index, static_cast<format::BufferKind>(buffer.kind));
  }

  Offset<format::TensorMap> write(const TensorMap &map) {
    auto sizes = write(map.sizes), strides = write(map.strides);
    auto box = builder.CreateVector(map.box);
    format::Buffer buffer = convert(map.buffer);
    return format::CreateTensorMap(builder, &buffer, map.offset.index, static_cast<format::ElementType>(map.type),
                                   sizes, strides, box, map.swizzle);
  }

  Offset<format::Launch> write(const Launch &launch) {
    auto name = write(launch.name), symbol = write(launch.symbol);
    auto arguments =
        builder.CreateVectorOfStructs<format::Argument>(launch.arguments.size(), [&](size_t i, format::Argument *to) {
          const Argument &argument = launch.arguments[i];
          *to = format::Argument(convert(argument.buffer), argument.expr.index, argument.number, argument.map,
                                 static_cast<format::ArgumentKind>(argument.kind));
        });
    format::Grid grid(launch.grid[0].index, launch.grid[1].index, launch.grid[2].index);
    return format::CreateLaunch(builder, name, launch.module, symbol, &grid, launch.threads, launch.sharedBytes,
                                launch.clusterSize, launch.programmatic, arguments,
                                launch.bytes ? launch.bytes->index + 1 : 0, launch.flops ? launch.flops->index + 1 : 0,
                                static_cast<format::MathUnit>(launch.math));
  }

  Offset<format::Plan> write(const Plan &plan) {
    auto target = write(plan.target);
    auto modules = writeAll<format::Module>(plan.modules, [&](const Module &module) {
      return format::CreateModule(builder, builder.CreateVector(module.code));
    });
    auto maps = writeAll<format::TensorMap>(plan.maps, [&](const TensorMap &map) { return write(map); });
    auto steps = writeAll<format::Launch>(plan.steps, [&](const Launch &launch) { return write(launch); });
    return format::CreatePlan(builder, static_cast<format::DeviceKind>(plan.device), target, plan.arenaSize.index,
                              modules, maps, steps, plan.scratchBytes);
  }

  const Program &program;
  FlatBufferBuilder builder;
};
} // namespace

/// An upper bound of what \p program takes, so that FlatBuffers never meets its limit, which it only asserts.
static uint64_t estimateSize(const Program &program) {
  uint64_t size = 4096 + program.expressions.size() * sizeof(format::ExprNode);
  auto addText = [&](const std::string &text) { size += text.size() + 64; };
  for (const CodeObject &object : program.code)
    size += object.bytes.size() + object.target.size() + 256;
  for (const Symbol &symbol : program.symbols)
    addText(symbol.name);
  for (const Constraint &constraint : program.constraints)
    addText(constraint.message);
  for (const std::vector<Tensor> *tensors : {&program.inputs, &program.outputs})
    for (const Tensor &tensor : *tensors) {
      addText(tensor.name);
      size += 64 + 4 * tensor.shape.size();
    }
  for (const Weight &weight : program.weights) {
    addText(weight.name);
    size += 128 + 8 * weight.shape.size();
  }
  for (const std::string &check : program.checks)
    addText(check);
  for (const Plan &plan : program.plans) {
    addText(plan.target);
    for (const Module &module : plan.modules)
      size += 64 + 4 * module.code.size();
    size += plan.maps.size() * 256;
    for (const Launch &launch : plan.steps) {
      addText(launch.name);
      addText(launch.symbol);
      size += 128 + launch.arguments.size() * sizeof(format::Argument);
    }
  }
  return size;
}

Error mlir::et::runtime::writeFlatBuffer(const Program &program, uint64_t weightsSize, std::string &bytes) {
  uint64_t size = estimateSize(program);
  if (size > kMaxFlatBufferSize)
    return Error("the program without its weights takes about " + std::to_string(size) + " bytes, but a file holds " +
                 std::to_string(kMaxFlatBufferSize) + "; compile for fewer targets");
  Writer writer(program);
  writer.write(weightsSize);
  const FlatBufferBuilder &builder = writer.getBuilder();
  bytes.assign(reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize());
  return Error::success();
}
