//===- Reader.cpp - A program from a FlatBuffer -----------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Files come from anywhere. FlatBuffers' verifier makes sure that every offset
// stays inside of the buffer, but not that two offsets differ: a small file
// could name one long vector a million times, and fill the memory of who copies
// it out. Writers share nothing, so what we copy can never be more than the
// buffer holds; a budget of that many bytes stops everyone else.
//
//===----------------------------------------------------------------------===//

#include "Container.h"

#include "Program_generated.h"

#include <cstring>

using namespace mlir::et::runtime;

/// Deeper than any table nests, and as many tables as the largest programs have a hundred times over.
static constexpr flatbuffers::uoffset_t kMaxDepth = 16, kMaxTables = 1 << 20;

namespace {
/// Copies a verified FlatBuffer into the plain structures.
class Reader {
public:
  Reader(size_t budget, Program &program) : budget(budget), program(program) {}

  /// False when the buffer refers to the same bytes over and over.
  bool read(const format::Program &from) {
    read(from.name(), program.name);
    read(from.producer(), program.producer);
    readStructs(from.expressions(), [&](const format::ExprNode &node) {
      program.expressions.push_back({static_cast<ExprKind>(node.kind()), node.lhs(), node.rhs(), node.value()});
    });
    readAll(from.symbols(), program.symbols, [&](const format::Symbol &symbol, Symbol &to) {
      read(symbol.name(), to.name);
      to.min = symbol.min();
      to.max = symbol.max();
      to.multiple = symbol.multiple();
    });
    readAll(from.constraints(), program.constraints, [&](const format::Constraint &constraint, Constraint &to) {
      to.value = {constraint.value()};
      to.min = constraint.min();
      to.max = constraint.max();
      read(constraint.message(), to.message);
    });
    auto readTensor = [&](const format::Tensor &tensor, Tensor &to) {
      read(tensor.name(), to.name);
      to.type = static_cast<ElementType>(tensor.type());
      read(tensor.shape(), to.shape);
      to.alignment = tensor.alignment();
    };
    readAll(from.inputs(), program.inputs, readTensor);
    readAll(from.outputs(), program.outputs, readTensor);
    readAll(from.weights(), program.weights, [&](const format::Weight &weight, Weight &to) {
      read(weight.name(), to.name);
      to.type = static_cast<ElementType>(weight.type());
      read(weight.shape(), to.shape);
      to.offset = weight.offset();
      to.size = weight.size();
    });
    readAll(from.code(), program.code, [&](const format::CodeObject &object, CodeObject &to) {
      to.kind = static_cast<CodeKind>(object.kind());
      read(object.target(), to.target);
      // Stays in the file: costs nothing.
      to.bytes = {reinterpret_cast<const char *>(object.bytes()->data()), object.bytes()->size()};
    });
    if (from.checks() && spend(from.checks()->size(), sizeof(flatbuffers::uoffset_t)))
      for (const flatbuffers::String *text : *from.checks())
        read(text, program.checks.emplace_back());
    readAll(from.plans(), program.plans, [&](const format::Plan &plan, Plan &to) { read(plan, to); });
    return !exhausted;
  }

private:
  /// Takes the bytes of \p count items from the budget.
  bool spend(size_t count, size_t itemSize) {
    // A vector fits in the buffer, so the product does not overflow.
    exhausted = exhausted || count * itemSize > budget;
    if (!exhausted)
      budget -= count * itemSize;
    return !exhausted;
  }

  void read(const flatbuffers::String *from, std::string &to) {
    if (from && spend(from->size(), 1))
      to = from->str();
  }

  void read(const flatbuffers::Vector<uint32_t> *from, std::vector<Expr> &to) {
    std::vector<uint32_t> indices;
    read(from, indices);
    for (uint32_t index : indices)
      to.push_back({index});
  }

  template <typename T> void read(const flatbuffers::Vector<T> *from, std::vector<T> &to) {
    if (!from || from->size() == 0 || !spend(from->size(), sizeof(T)))
      return;
    to.resize(from->size());
    std::memcpy(to.data(), from->Data(), from->size() * sizeof(T));
  }

  /// The structure at \p from, wherever it lies.
  template <typename T> static T load(const void *from) {
    T value;
    std::memcpy(static_cast<void *>(&value), from, sizeof(T));
    return value;
  }

  template <typename T, typename Function>
  void readStructs(const flatbuffers::Vector<const T *> *from, Function readOne) {
    if (from && spend(from->size(), sizeof(T)))
      for (flatbuffers::uoffset_t i = 0; i < from->size(); ++i)
        readOne(load<T>(from->Data() + i * sizeof(T)));
  }

  template <typename Table, typename T, typename Function>
  void readAll(const flatbuffers::Vector<flatbuffers::Offset<Table>> *from, std::vector<T> &to, Function readOne) {
    // An entry takes an offset and, not shared, a table of at least a vtable offset.
    if (!from || !spend(from->size(), 2 * sizeof(flatbuffers::uoffset_t)))
      return;
    for (const Table *table : *from) {
      if (exhausted)
        return;
      readOne(*table, to.emplace_back());
    }
  }

  static Buffer convert(const format::Buffer &buffer) {
    return {static_cast<BufferKind>(buffer.kind()), buffer.index()};
  }

  void read(const format::Launch &launch, Launch &to) {
    read(launch.name(), to.name);
    to.module = launch.module_();
    read(launch.symbol(), to.symbol);
    format::Grid grid = load<format::Grid>(launch.grid());
    to.grid = {Expr{grid.x()}, Expr{grid.y()}, Expr{grid.z()}};
    to.threads = launch.threads();
    to.sharedBytes = launch.shared_bytes();
    to.clusterSize = launch.cluster_size();
    to.programmatic = launch.programmatic();
    readStructs(launch.arguments(), [&](const format::Argument &argument) {
      to.arguments.push_back({static_cast<ArgumentKind>(argument.kind()), convert(argument.buffer()),
                              Expr{argument.expr()}, argument.number(), argument.map()});
    });
    if (launch.bytes())
      to.bytes = Expr{launch.bytes() - 1};
    if (launch.flops())
      to.flops = Expr{launch.flops() - 1};
    to.math = static_cast<MathUnit>(launch.math());
  }

  void read(const format::Plan &plan, Plan &to) {
    to.device = static_cast<DeviceKind>(plan.device());
    read(plan.target(), to.target);
    to.arenaSize = {plan.arena_size()};
    readAll(plan.modules(), to.modules,
            [&](const format::Module &module, Module &toModule) { read(module.code(), toModule.code); });
    readAll(plan.maps(), to.maps, [&](const format::TensorMap &map, TensorMap &toMap) {
      toMap.buffer = convert(load<format::Buffer>(map.buffer()));
      toMap.offset = {map.offset()};
      toMap.type = static_cast<ElementType>(map.type());
      read(map.sizes(), toMap.sizes);
      read(map.strides(), toMap.strides);
      read(map.box(), toMap.box);
      toMap.swizzle = map.swizzle();
    });
    to.scratchBytes = plan.scratch_bytes();
    readAll(plan.steps(), to.steps, [&](const format::Launch &launch, Launch &toLaunch) { read(launch, toLaunch); });
  }

  size_t budget;
  bool exhausted = false;
  Program &program;
};
} // namespace

Error mlir::et::runtime::readFlatBuffer(const char *data, size_t size, Program &program, uint64_t &weightsSize) {
  const uint8_t *bytes = reinterpret_cast<const uint8_t *>(data);
  // The identifier follows the size and the offset of the root.
  if (size < 12 || size > kMaxFlatBufferSize)
    return Error("the description of the program has " + std::to_string(size) + " bytes");
  if (!flatbuffers::BufferHasIdentifier(bytes, format::ProgramIdentifier(), /*size_prefixed=*/true))
    return Error("it is not a saved program: it lacks the identifier ETP1");
  flatbuffers::Verifier verifier(bytes, size, kMaxDepth, kMaxTables);
  if (!format::VerifySizePrefixedProgramBuffer(verifier))
    return Error("the description of the program is not a valid FlatBuffer");
  const format::Program &root = *format::GetSizePrefixedProgram(bytes);
  if (root.major() != kFormatMajor)
    return Error("it has format version " + std::to_string(root.major()) + "." + std::to_string(root.minor()) +
                 ", but this runtime reads version " + std::to_string(kFormatMajor) + "; " +
                 (root.major() > kFormatMajor ? "update the runtime" : "compile the model again"));
  weightsSize = root.weights_size();
  if (!Reader(size, program).read(root))
    return Error("its description refers to the same bytes more than once");
  return Error::success();
}
