//===- ProgramInputs.cpp - What a saved program is given --------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramFiles.h"

#include "et/Runtime/Expressions.h"
#include "et/Support/Npy.h"

#include <algorithm>
#include <optional>
#include <random>
#include <unistd.h>

using namespace mlir::et;
using namespace mlir::et::runtime;

Result<std::vector<std::string>> mlir::et::assignFiles(const std::vector<std::string> &arguments,
                                                       const std::vector<Tensor> &tensors, const std::string &what) {
  std::vector<std::string> paths(tensors.size());
  for (const std::string &argument : arguments) {
    size_t equals = argument.find('=');
    std::string name = argument.substr(0, equals),
                path = equals == std::string::npos ? "" : argument.substr(equals + 1);
    size_t position =
        std::find_if(tensors.begin(), tensors.end(), [&](const Tensor &tensor) { return tensor.name == name; }) -
        tensors.begin();
    if (path.empty() || position == tensors.size()) {
      // Not `name=file` with a name of this program's: a file, for the first that has none.
      if (equals != std::string::npos && (what == "output" || ::access(argument.c_str(), F_OK) != 0)) {
        std::string names;
        for (const Tensor &tensor : tensors)
          names += (names.empty() ? "'" : ", '") + tensor.name + "'";
        return Error("expected --" + what + " to name one of " + (names.empty() ? "none" : names) + ", but got '" +
                     argument + "'");
      }
      path = argument;
      position = std::find(paths.begin(), paths.end(), "") - paths.begin();
    }
    if (position == paths.size())
      return Error("expected at most " + std::to_string(tensors.size()) + " " + what + "s, but got '" + argument +
                   "' too");
    if (!paths[position].empty())
      return Error("expected " + what + " '" + tensors[position].name + "' once, but got '" + paths[position] +
                   "' and '" + path + "'");
    paths[position] = path;
  }
  return paths;
}

/// Reads \p path for the input \p tensor; shapes are checked by the program.
static Result<HostArray> readInput(const Program &program, const Tensor &tensor, const std::string &path) {
  Result<NpyArray> npy = readNpy(path);
  if (!npy)
    return npy.getError();
  std::string expected = getNpyType(tensor.type);
  if (npy->type != expected)
    return Error("expected input " + describe(program, tensor) + " to be stored as numpy type '" + expected +
                 "', but '" + path + "' holds '" + npy->type + "'" +
                 (tensor.type == ElementType::BF16
                      ? "; numpy has no bf16, whose bits would pass for numbers: give f32, which is rounded"
                      : "; convert it with .astype('" + expected + "')"));
  if (tensor.type != ElementType::BF16) {
    HostArray array;
    array.shape = npy->shape;
    array.numBytes = npy->numBytes;
    array.data = std::move(npy->data);
    if (tensor.type == ElementType::Bool)
      for (size_t i = 0; i < array.numBytes; ++i)
        array.data[i] = array.data[i] != 0;
    return array;
  }
  Result<HostArray> array = HostArray::allocate(tensor.type, npy->shape);
  if (!array)
    return array;
  for (size_t i = 0; i < array->numBytes / 2; ++i)
    storeElement(ElementType::BF16, array->data.get() + 2 * i, loadElement(ElementType::F32, npy->data.get() + 4 * i));
  return array;
}

/// Random numbers that are the same on every machine: floats from [-1, 1), integers 0 or 1, which are valid as ids, as
/// masks and as lengths.
static Result<HostArray> makeRandom(const Tensor &tensor, const std::vector<int64_t> &shape, std::mt19937_64 &random) {
  Result<HostArray> array = HostArray::allocate(tensor.type, shape);
  if (!array)
    return array;
  int64_t elementSize = getSize(tensor.type);
  bool isFloat = tensor.type <= ElementType::F64;
  for (size_t offset = 0; offset < array->numBytes; offset += elementSize) {
    uint64_t bits = random();
    double value = isFloat ? static_cast<double>(bits >> 11) * 0x1p-52 - 1.0 : static_cast<double>(bits >> 63);
    storeElement(tensor.type, array->data.get() + offset, value);
  }
  return array;
}

namespace {
/// Collects the inputs of a program.
class InputCollector {
public:
  InputCollector(const Program &program, const RunProgramOptions &options)
      : program(program), options(options), symbols(program.symbols.size()) {}

  Result<std::vector<HostArray>> collect(std::FILE *out) {
    if (Error error = parseDims())
      return error;
    Result<std::vector<std::string>> paths = assignFiles(options.inputs, program.inputs, "input");
    if (!paths)
      return paths.getError();
    // Files first: they say how large dimensions are that other inputs share.
    std::vector<HostArray> arrays(program.inputs.size());
    for (size_t i = 0; i < arrays.size(); ++i)
      if (!(*paths)[i].empty())
        if (Error error = read(i, (*paths)[i], arrays[i]))
          return error;
    std::mt19937_64 random(options.seed);
    std::string made;
    for (size_t i = 0; i < arrays.size(); ++i) {
      if (!(*paths)[i].empty())
        continue;
      Result<std::vector<int64_t>> shape = getShape(program.inputs[i]);
      if (!shape)
        return shape.getError();
      Result<HostArray> array = makeRandom(program.inputs[i], *shape, random);
      if (!array)
        return array.getError();
      arrays[i] = std::move(*array);
      made += (made.empty() ? "random inputs with --seed=" + std::to_string(options.seed) + ": '" : ", '") +
              program.inputs[i].name + "' " + describeShape(shape->data(), shape->size());
    }
    if (!made.empty())
      std::fprintf(out, "%s\n", made.c_str());
    return arrays;
  }

private:
  /// The symbol that \p expr is, if it is one.
  std::optional<uint32_t> getSymbol(Expr expr) const {
    const ExprNode &node = program.expressions[expr.index];
    return node.kind == ExprKind::Symbol ? std::optional(node.lhs) : std::nullopt;
  }

  /// The symbol named \p name, or that is dimension 1 of input x when it is `x.1`.
  std::optional<uint32_t> findSymbol(const std::string &name) const {
    for (size_t i = 0; i < program.symbols.size(); ++i)
      if (program.symbols[i].name == name)
        return i;
    for (const Tensor &tensor : program.inputs)
      for (size_t dim = 0; dim < tensor.shape.size(); ++dim)
        if (tensor.name + "." + std::to_string(dim) == name)
          return getSymbol(tensor.shape[dim]);
    return std::nullopt;
  }

  Error parseDims() {
    for (const std::string &dim : options.dims) {
      size_t equals = dim.rfind('=');
      std::string name = dim.substr(0, equals), digits = equals == std::string::npos ? "" : dim.substr(equals + 1);
      if (name.empty() || digits.empty() || digits.size() > 18 ||
          digits.find_first_not_of("0123456789") != std::string::npos)
        return Error("expected --dim to be name=size, but got '" + dim + "'");
      std::optional<uint32_t> symbol = findSymbol(name);
      if (!symbol)
        return Error("no input has a dynamic dimension '" + name + "', whose size --dim gives");
      if (symbols[*symbol])
        return Error("expected the size of dimension '" + name + "' once");
      symbols[*symbol] = std::stoll(digits);
    }
    return Error::success();
  }

  Error read(size_t i, const std::string &path, HostArray &array) {
    const Tensor &tensor = program.inputs[i];
    Result<HostArray> found = readInput(program, tensor, path);
    if (!found)
      return found.getError();
    array = std::move(*found);
    for (size_t dim = 0; dim < std::min(tensor.shape.size(), array.shape.size()); ++dim)
      if (std::optional<uint32_t> symbol = getSymbol(tensor.shape[dim]); symbol && !symbols[*symbol])
        symbols[*symbol] = array.shape[dim];
    return Error::success();
  }

  Result<std::vector<int64_t>> getShape(const Tensor &tensor) const {
    std::vector<int64_t> values;
    for (std::optional<int64_t> value : symbols)
      values.push_back(value.value_or(0));
    for (size_t i = 0; i < symbols.size(); ++i)
      if (!symbols[i])
        return Error("the size of dimension '" + program.symbols[i].name + "' is not known; give it with --dim " +
                     program.symbols[i].name + "=N, or give an input that has it with --input");
    return Evaluation(program, std::move(values)).getShape(tensor, "input");
  }

  const Program &program;
  const RunProgramOptions &options;
  std::vector<std::optional<int64_t>> symbols;
};
} // namespace

Result<std::vector<HostArray>> mlir::et::collectInputs(const Program &program, const RunProgramOptions &options,
                                                       std::FILE *out) {
  return InputCollector(program, options).collect(out);
}
