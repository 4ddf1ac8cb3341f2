//===- ProgramBuilder.cpp - Writes saved programs ---------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/ProgramBuilder.h"

#include "Container.h"
#include "Hash.h"
#include "et/Runtime/Expressions.h"
#include "et/Version.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir::et::runtime;

uint32_t PlanBuilder::addModule(std::vector<uint32_t> code) {
  plan.modules.push_back({std::move(code)});
  return plan.modules.size() - 1;
}

static bool isSame(const TensorMap &a, const TensorMap &b) {
  return a.buffer == b.buffer && a.offset == b.offset && a.type == b.type && a.sizes == b.sizes &&
         a.strides == b.strides && a.box == b.box && a.swizzle == b.swizzle;
}

uint32_t PlanBuilder::addTensorMap(TensorMap map) {
  for (size_t i = 0; i < plan.maps.size(); ++i)
    if (isSame(plan.maps[i], map))
      return i;
  plan.maps.push_back(std::move(map));
  return plan.maps.size() - 1;
}

ProgramBuilder::ProgramBuilder(std::string name) {
  program.name = std::move(name);
  program.producer = "E.T. " ET_VERSION_STRING;
}

/// The index of \p node in \p nodes and \p expressions, where it is added if it is new.
template <typename Map> static Expr intern(Map &nodes, std::vector<ExprNode> &expressions, const ExprNode &node) {
  auto [found, isNew] =
      nodes.try_emplace({node.kind, node.lhs, node.rhs, node.value}, static_cast<uint32_t>(expressions.size()));
  if (isNew)
    expressions.push_back(node);
  return {found->second};
}

Expr ProgramBuilder::constant(int64_t value) {
  return intern(nodes, program.expressions, {ExprKind::Constant, 0, 0, value});
}

Expr ProgramBuilder::addSymbol(Symbol symbol) {
  program.symbols.push_back(std::move(symbol));
  uint32_t index = program.symbols.size() - 1;
  return intern(nodes, program.expressions, {ExprKind::Symbol, index, 0, 0});
}

Expr ProgramBuilder::binary(ExprKind kind, Expr lhs, Expr rhs) {
  const ExprNode &left = program.expressions[lhs.index], &right = program.expressions[rhs.index];
  bool isLeftConstant = left.kind == ExprKind::Constant, isRightConstant = right.kind == ExprKind::Constant;
  if (isLeftConstant && isRightConstant)
    if (std::optional<int64_t> value = evaluate(kind, left.value, right.value))
      return constant(*value);
  // Identities keep what the compiler writes small.
  auto isRight = [&](int64_t value) { return isRightConstant && right.value == value; };
  auto isLeft = [&](int64_t value) { return isLeftConstant && left.value == value; };
  switch (kind) {
  case ExprKind::Add:
    if (isLeft(0))
      return rhs;
    [[fallthrough]];
  case ExprKind::Sub:
    if (isRight(0))
      return lhs;
    break;
  case ExprKind::Mul:
    if (isLeft(1))
      return rhs;
    [[fallthrough]];
  case ExprKind::FloorDiv:
  case ExprKind::CeilDiv:
    if (isRight(1))
      return lhs;
    break;
  case ExprKind::Min:
  case ExprKind::Max:
    if (lhs == rhs)
      return lhs;
    break;
  default:
    break;
  }
  return intern(nodes, program.expressions, {kind, lhs.index, rhs.index, 0});
}

void ProgramBuilder::addConstraint(Expr value, int64_t min, int64_t max, std::string message) {
  program.constraints.push_back({value, min, max, std::move(message)});
}

uint32_t ProgramBuilder::addInput(Tensor tensor) {
  program.inputs.push_back(std::move(tensor));
  return program.inputs.size() - 1;
}

uint32_t ProgramBuilder::addOutput(Tensor tensor) {
  program.outputs.push_back(std::move(tensor));
  return program.outputs.size() - 1;
}

uint32_t ProgramBuilder::addWeight(std::string name, ElementType type, std::vector<int64_t> shape, const void *data,
                                   uint64_t size) {
  uint64_t offset = 0;
  if (!program.weights.empty())
    offset = alignTo(program.weights.back().offset + program.weights.back().size, kWeightAlignment);
  program.weights.push_back({std::move(name), type, std::move(shape), offset, size});
  weightData.push_back(data);
  return program.weights.size() - 1;
}

uint32_t ProgramBuilder::addCode(CodeKind kind, std::string target, std::string bytes) {
  codeData.push_back(std::make_unique<std::string>(std::move(bytes)));
  program.code.push_back({kind, std::move(target), *codeData.back()});
  return program.code.size() - 1;
}

int32_t ProgramBuilder::addCheck(std::string message) {
  for (size_t i = 0; i < program.checks.size(); ++i)
    if (program.checks[i] == message)
      return i + 1;
  program.checks.push_back(std::move(message));
  return program.checks.size();
}

PlanBuilder &ProgramBuilder::addPlan(DeviceKind device, std::string target) {
  plans.push_back(std::make_unique<PlanBuilder>());
  plans.back()->plan.device = device;
  plans.back()->plan.target = std::move(target);
  // An arena of nothing until somebody says otherwise.
  plans.back()->plan.arenaSize = constant(0);
  return *plans.back();
}

Program ProgramBuilder::getProgram() const {
  Program result = program;
  for (const std::unique_ptr<PlanBuilder> &builder : plans)
    result.plans.push_back(builder->plan);
  return result;
}

/// Hands the file out in pieces.
template <typename Function>
static Error writePieces(const Program &program, const std::vector<const void *> &weightData, Function write) {
  uint64_t weightsSize = 0;
  for (const Weight &weight : program.weights)
    weightsSize = weight.offset + weight.size;
  if (Error error = verifyProgram(program, weightsSize))
    return Error("the program cannot be saved: " + error.getMessage());
  std::string head;
  if (Error error = writeFlatBuffer(program, weightsSize, head))
    return error;
  head.resize(alignTo(head.size(), kBlobAlignment), '\0');
  write(head.data(), head.size());

  Hasher hasher;
  static const char zeros[kWeightAlignment] = {};
  auto writeWeights = [&](const void *data, uint64_t size) {
    hasher.update(data, size);
    write(static_cast<const char *>(data), size);
  };
  uint64_t position = 0;
  for (size_t i = 0; i < program.weights.size(); ++i) {
    writeWeights(zeros, program.weights[i].offset - position);
    writeWeights(weightData[i], program.weights[i].size);
    position = program.weights[i].offset + program.weights[i].size;
  }
  Trailer trailer;
  trailer.programHash = hashBytes(head.data(), head.size());
  trailer.weightsHash = hasher.finish();
  trailer.fileSize = head.size() + weightsSize + sizeof(Trailer);
  std::memcpy(trailer.magic, kTrailerMagic, sizeof(trailer.magic));
  write(reinterpret_cast<const char *>(&trailer), sizeof(trailer));
  return Error::success();
}

Error ProgramBuilder::serialize(std::string &file) const {
  file.clear();
  return writePieces(getProgram(), weightData, [&](const char *data, uint64_t size) { file.append(data, size); });
}

Result<std::shared_ptr<const LoadedProgram>> ProgramBuilder::load(std::shared_ptr<const ProgramBuilder> builder,
                                                                  std::shared_ptr<const void> owner) {
  std::shared_ptr<LoadedProgram> loaded(new LoadedProgram());
  loaded->program = builder->getProgram();
  uint64_t weightsSize = 0;
  for (const Weight &weight : loaded->program.weights)
    weightsSize = weight.offset + weight.size;
  if (Error error = verifyProgram(loaded->program, weightsSize))
    return Error("the program cannot be loaded: " + error.getMessage());
  for (const void *data : builder->weightData)
    loaded->weights.push_back(static_cast<const char *>(data));
  using Owners = std::pair<std::shared_ptr<const ProgramBuilder>, std::shared_ptr<const void>>;
  loaded->owner = std::make_shared<Owners>(std::move(builder), std::move(owner));
  return std::shared_ptr<const LoadedProgram>(std::move(loaded));
}

Error ProgramBuilder::write(const std::string &path) const {
  // Under another name first, so that no reader ever sees half a program. Devices (/dev/null) are written directly.
  struct stat status;
  bool isSpecial = ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  std::string temporary = isSpecial ? path : path + ".tmp" + std::to_string(::getpid());
  std::FILE *file = std::fopen(temporary.c_str(), "wb");
  if (!file)
    return Error("cannot write '" + path + "': " + std::strerror(errno));
  int failure = 0;
  Error error = writePieces(getProgram(), weightData, [&](const char *data, uint64_t size) {
    if (failure == 0 && size > 0 && std::fwrite(data, 1, size, file) != size)
      failure = errno ? errno : EIO;
  });
  if (std::fclose(file) != 0 && failure == 0)
    failure = errno;
  if (!error && failure == 0 && !isSpecial && std::rename(temporary.c_str(), path.c_str()) != 0)
    failure = errno;
  if (!error && failure != 0)
    error = Error("cannot write '" + path + "': " + std::strerror(failure));
  if (error && !isSpecial)
    std::remove(temporary.c_str());
  return error;
}
