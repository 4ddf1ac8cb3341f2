//===- Program.h - What a saved program says --------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A program as plain structures: what ProgramBuilder fills, what the file holds,
// and what the devices run. Sizes are values: whatever depends on a dynamic
// dimension is an integer expression over the symbols of the program.
//
//   symbols, expressions ---+
//   inputs, outputs         +--> plan per target: arena, modules, tensor maps,
//   weights, code objects --+                     steps (one kernel launch each)
//
// Nothing here knows MLIR or LLVM.
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_PROGRAM_H
#define ET_RUNTIME_PROGRAM_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlir::et::runtime {

/// Element types in memory; booleans are a byte each. The order is that of EtElementType.
enum class ElementType : uint8_t { F16, BF16, F32, F64, Bool, I8, I16, I32, I64 };

/// Name of \p type, as in MLIR; "bool" for booleans.
const char *getName(ElementType type);

/// Bytes of one element.
int64_t getSize(ElementType type);

//===----------------------------------------------------------------------===//
// Integer expressions
//===----------------------------------------------------------------------===//

enum class ExprKind : uint8_t { Constant, Symbol, Add, Sub, Mul, FloorDiv, CeilDiv, Mod, Min, Max };

/// An expression of a program: the index of its node.
struct Expr {
  uint32_t index = 0;
  bool operator==(Expr other) const { return index == other.index; }
  bool operator!=(Expr other) const { return index != other.index; }
};

/// One node. Operands come before the nodes that use them, so there are no cycles. Evaluation is in 64-bit integers,
/// and fails on overflow and on a divisor below 1; divisions round as their names say, and Mod is never negative.
struct ExprNode {
  ExprKind kind = ExprKind::Constant;
  /// Operands of the binary kinds; of a symbol its index (\p lhs).
  uint32_t lhs = 0, rhs = 0;
  /// The constant.
  int64_t value = 0;
};

/// A dynamic size. Every symbol is the whole size of some dimension of an input, which gives it its value.
struct Symbol {
  std::string name;
  /// Values that the program takes, both ends included.
  int64_t min = 0, max = std::numeric_limits<int64_t>::max();
  /// Values are multiples of this.
  int64_t multiple = 1;
};

/// A condition on the symbols, checked before a run.
struct Constraint {
  Expr value;
  /// Values allowed, both ends included.
  int64_t min = 0, max = 0;
  /// What is wrong when it does not hold.
  std::string message;
};

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

/// An input or output: row-major, contiguous.
struct Tensor {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<Expr> shape;
  /// What its address must be a multiple of.
  uint32_t alignment = 16;
};

/// A constant: \p size bytes at \p offset of the weights behind the program.
struct Weight {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  uint64_t offset = 0, size = 0;
};

enum class CodeKind : uint8_t {
  Cubin,     ///< of one NVIDIA architecture
  PTX,       ///< text, compiled by the driver
  ELFObject, ///< relocatable, of a CPU
};

/// Machine code or what a driver makes it from.
struct CodeObject {
  CodeKind kind = CodeKind::Cubin;
  /// sm_90a, sm_80, x86-64-v4, ...
  std::string target;
  /// Of a loaded program: lies in the file.
  std::string_view bytes;
};

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

enum class BufferKind : uint8_t {
  Input,  ///< the caller's, by index
  Output, ///< the caller's, by index
  Weight, ///< one weight, by index
  Arena,  ///< working memory of the plan
  Status, ///< where kernels say what went wrong
};

/// Memory that a launch uses.
struct Buffer {
  BufferKind kind = BufferKind::Arena;
  uint32_t index = 0;

  static Buffer input(uint32_t i) { return {BufferKind::Input, i}; }
  static Buffer output(uint32_t i) { return {BufferKind::Output, i}; }
  static Buffer weight(uint32_t i) { return {BufferKind::Weight, i}; }
  static Buffer arena() { return {BufferKind::Arena, 0}; }
  static Buffer status() { return {BufferKind::Status, 0}; }
  bool operator==(Buffer other) const { return kind == other.kind && index == other.index; }
};

/// What lies in the status buffer (16 bytes, zero before the first run). A kernel that finds something wrong changes
/// `code` from 0 to its code (compare and swap, 32 bits at offset 0), and if that succeeds stores `position`: the first
/// one wins. Codes come from ProgramBuilder::addCheck. The kernel goes on with safe values; the caller asks for the
/// status.
struct StatusRecord {
  int32_t code;
  int32_t reserved;
  /// Which element is at fault, counted in the row-major order of the tensor that the message names.
  int64_t position;
};
static_assert(sizeof(StatusRecord) == 16);

/// A tensor map of NVIDIA's TMA: dimensions from the innermost, whose stride is one element.
struct TensorMap {
  Buffer buffer;
  /// In bytes.
  Expr offset;
  ElementType type = ElementType::F16;
  /// In elements, one to five.
  std::vector<Expr> sizes;
  /// In bytes, multiples of 16, of the dimensions behind the innermost.
  std::vector<Expr> strides;
  /// In elements.
  std::vector<uint32_t> box;
  /// 0, 32, 64 or 128 bytes.
  uint32_t swizzle = 0;
};

enum class ArgumentKind : uint8_t {
  Pointer,   ///< 64 bits: a buffer and an offset
  I32,       ///< an expression, whose value must fit
  I64,       ///< an expression
  F32,       ///< a constant
  TensorMap, ///< 128 bytes by value
};

/// An argument of a kernel.
struct Argument {
  ArgumentKind kind = ArgumentKind::I32;
  /// Pointer.
  Buffer buffer;
  /// Offset in bytes (Pointer) or value (I32, I64).
  Expr expr;
  /// F32.
  float number = 0;
  /// TensorMap: index among those of the plan.
  uint32_t map = 0;

  static Argument pointer(Buffer buffer, Expr byteOffset) { return {ArgumentKind::Pointer, buffer, byteOffset, 0, 0}; }
  static Argument i32(Expr value) { return {ArgumentKind::I32, {}, value, 0, 0}; }
  static Argument i64(Expr value) { return {ArgumentKind::I64, {}, value, 0, 0}; }
  static Argument f32(float value) { return {ArgumentKind::F32, {}, {}, value, 0}; }
  static Argument tensorMap(uint32_t map) { return {ArgumentKind::TensorMap, {}, {}, 0, map}; }
};

/// What the arithmetic of a step could run on.
enum class MathUnit : uint8_t {
  Vector, ///< f32 multiply-adds
  Tensor, ///< products of f16 or bf16 with sums in f32, which tensor cores have
};

/// A kernel launch. With a grid that has a size of 0 the step does nothing.
struct Launch {
  /// For people: what the step computes.
  std::string name;
  /// Module of the plan and function in it.
  uint32_t module = 0;
  std::string symbol;
  std::array<Expr, 3> grid;
  /// Threads per block (one dimension).
  uint32_t threads = 0;
  /// Dynamic shared memory per block, in bytes.
  uint32_t sharedBytes = 0;
  /// Blocks per cluster along x.
  uint32_t clusterSize = 1;
  /// May start before the step in front of it has finished (programmatic dependent launch): the kernel waits itself,
  /// with griddepcontrol.wait, before it touches what earlier steps write.
  bool programmatic = false;
  std::vector<Argument> arguments;
  /// What the step moves and computes at least, for profiles: the bytes of all it reads and writes, once each, and the
  /// floating-point operations of its products. Nothing where nobody counted.
  std::optional<Expr> bytes, flops;
  MathUnit math = MathUnit::Vector;
};

/// Kernels that are loaded together: the same ones as different code objects; a device takes the first that fits best.
struct Module {
  /// Code objects of the program.
  std::vector<uint32_t> code;
};

enum class DeviceKind : uint8_t { Host, CUDA };

/// How a program runs on one target.
struct Plan {
  DeviceKind device = DeviceKind::CUDA;
  /// What it was made for: sm_90a, sm_80, x86-64-v4, ...
  std::string target;
  /// Bytes of working memory.
  Expr arenaSize;
  std::vector<Module> modules;
  std::vector<TensorMap> maps;
  std::vector<Launch> steps;
  /// Of a CPU: bytes that each thread gets to work in, beside the arena.
  uint64_t scratchBytes = 0;
};

/// A whole program, without the data of its weights.
struct Program {
  std::string name;
  /// What wrote it.
  std::string producer;
  std::vector<ExprNode> expressions;
  std::vector<Symbol> symbols;
  std::vector<Constraint> constraints;
  std::vector<Tensor> inputs, outputs;
  std::vector<Weight> weights;
  std::vector<CodeObject> code;
  /// What status codes mean: code i + 1 is checks[i], in which {0} stands for the position.
  std::vector<std::string> checks;
  std::vector<Plan> plans;
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_PROGRAM_H
