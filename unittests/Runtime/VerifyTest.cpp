//===- VerifyTest.cpp - What a program may get wrong -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Container.h"
#include "SampleProgram.h"

#include "gtest/gtest.h"
#include <functional>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;

namespace {
/// A program with something wrong in it, and what the verifier has to say of it.
struct Case {
  const char *message;
  std::function<void(Program &)> spoil;
};
} // namespace

static const Case cases[] = {
    {"expression 3 has expression 3 as operand, which does not come before it",
     [](Program &p) { p.expressions[3] = {ExprKind::Add, 3, 0, 0}; }},
    {"expression 1 has expression 4 as operand, which does not come before it",
     [](Program &p) { p.expressions[1] = {ExprKind::Mul, 0, 4, 0}; }},
    {"expression 2 has the unknown kind 10", [](Program &p) { p.expressions[2].kind = ExprKind(10); }},
    {"expression 0 refers to symbol 1, but there are 1", [](Program &p) { p.expressions[0].lhs = 1; }},
    {"expected at most 1024 symbols, but got 1025", [](Program &p) { p.symbols.resize(1025); }},
    {"symbol 0 'rows' can have no value: it is from 5 to 4, a multiple of 1",
     [](Program &p) {
       p.symbols[0].min = 5;
       p.symbols[0].max = 4;
     }},
    {"symbol 0 'rows' can have no value: it is from -1 to 1000", [](Program &p) { p.symbols[0].min = -1; }},
    {"symbol 0 'rows' can have no value: it is from 0 to 1000, a multiple of 0",
     [](Program &p) { p.symbols[0].multiple = 0; }},
    {"symbol 0 has no name", [](Program &p) { p.symbols[0].name.clear(); }},
    {"symbol 0 has a name with a zero character in it", [](Program &p) { p.symbols[0].name = std::string("a\0b", 3); }},
    {"two symbols have the name 'rows'",
     [](Program &p) {
       p.symbols.push_back(p.symbols[0]);
       p.expressions.push_back({ExprKind::Symbol, 1, 0, 0});
       p.inputs[0].shape.push_back({uint32_t(p.expressions.size() - 1)});
     }},
    {"symbol 0 'rows' is no dimension of an input: nothing gives it a value",
     [](Program &p) { p.inputs[0].shape[0] = p.inputs[0].shape[1]; }},
    {"constraint 0 refers to expression 99, but there are",
     [](Program &p) { p.constraints.push_back({{99}, 0, 0, ""}); }},
    {"input 0 has no name", [](Program &p) { p.inputs[0].name.clear(); }},
    {"two inputs have the name 'x'", [](Program &p) { p.inputs.push_back(p.inputs[0]); }},
    {"two outputs have the name 'y'", [](Program &p) { p.outputs.push_back(p.outputs[0]); }},
    {"output 0 has the unknown kind 9", [](Program &p) { p.outputs[0].type = ElementType(9); }},
    {"expected at most 16 dimensions of input 0, but got 17", [](Program &p) { p.inputs[0].shape.resize(17); }},
    {"output 0 refers to expression 1000000, but there are", [](Program &p) { p.outputs[0].shape[0] = {1000000}; }},
    {"expected the alignment of input 0 to be a power of two up to 4096, but got 24",
     [](Program &p) { p.inputs[0].alignment = 24; }},
    {"expected the alignment of input 0 to be a power of two up to 4096, but got 0",
     [](Program &p) { p.inputs[0].alignment = 0; }},
    {"weight 0 has the negative size -8", [](Program &p) { p.weights[0].shape[0] = -8; }},
    {"weight 0 of shape [9] and type f32 does not fit in its 32 bytes", [](Program &p) { p.weights[0].shape[0] = 9; }},
    {"weight 0 of shape [4611686018427387904, 4] and type f32 does not fit",
     [](Program &p) { p.weights[0].shape = {int64_t(1) << 62, 4}; }},
    {"expected the offset of weight 0 to be a multiple of 256, but got 4", [](Program &p) { p.weights[0].offset = 4; }},
    {"weight 0 takes 32 bytes at offset 256, but there are 32", [](Program &p) { p.weights[0].offset = 256; }},
    {"weight 0 takes 18446744073709551615 bytes at offset 0, but there are 32",
     [](Program &p) { p.weights[0].size = UINT64_MAX; }},
    {"weight 0 takes 512 bytes at offset 18446744073709551360, but there are 32",
     [](Program &p) {
       p.weights[0].offset = UINT64_MAX - 255;
       p.weights[0].size = 512;
     }},
    {"code object 0 is empty", [](Program &p) { p.code[0].bytes = {}; }},
    {"code object 0 has the unknown kind 3", [](Program &p) { p.code[0].kind = CodeKind(3); }},
    {"code object 0 has no name", [](Program &p) { p.code[0].target.clear(); }},
    {"expected at least one plan, but got none", [](Program &p) { p.plans.clear(); }},
    {"plan 0 has the unknown kind 2", [](Program &p) { p.plans[0].device = DeviceKind(2); }},
    {"the target of plan 0 has no name", [](Program &p) { p.plans[0].target.clear(); }},
    {"the arena of plan 0 refers to expression 4294967295", [](Program &p) { p.plans[0].arenaSize = {UINT32_MAX}; }},
    {"module 0 of plan 0 has no code", [](Program &p) { p.plans[0].modules[0].code.clear(); }},
    {"module 0 of plan 0 refers to code object 1, but there are 1",
     [](Program &p) { p.plans[0].modules[0].code[0] = 1; }},
    {"tensor map 0 of plan 0 refers to weight 3, but there are 1",
     [](Program &p) { p.plans[0].maps[0].buffer = Buffer::weight(3); }},
    {"the buffer of tensor map 0 of plan 0 has the unknown kind 5",
     [](Program &p) { p.plans[0].maps[0].buffer.kind = BufferKind(5); }},
    {"expected tensor map 0 of plan 0 to have from 1 to 5 dimensions, but got 0",
     [](Program &p) { p.plans[0].maps[0].sizes.clear(); }},
    {"expected tensor map 0 of plan 0 to have from 1 to 5 dimensions, but got 6",
     [](Program &p) { p.plans[0].maps[0].sizes.resize(6); }},
    {"expected tensor map 0 of plan 0 of 2 dimensions to have 1 strides and 2 box sizes, but got 0 and 2",
     [](Program &p) { p.plans[0].maps[0].strides.clear(); }},
    {"expected box sizes of tensor map 0 of plan 0 to be from 1 to 256, but got 257",
     [](Program &p) { p.plans[0].maps[0].box[1] = 257; }},
    {"expected box sizes of tensor map 0 of plan 0 to be from 1 to 256, but got 0",
     [](Program &p) { p.plans[0].maps[0].box[0] = 0; }},
    {"expected the swizzle of tensor map 0 of plan 0 to be 0, 32, 64 or 128 bytes, but got 16",
     [](Program &p) { p.plans[0].maps[0].swizzle = 16; }},
    {"expected rows of the box of tensor map 0 of plan 0 to be a multiple of 16 bytes, at most 32, but got 64",
     [](Program &p) { p.plans[0].maps[0].box[0] = 16; }},
    {"expected rows of the box of tensor map 0 of plan 0 to be a multiple of 16 bytes, but got 12",
     [](Program &p) {
       p.plans[0].maps[0].swizzle = 0;
       p.plans[0].maps[0].box[0] = 3;
     }},
    {"step 0 of plan 0 refers to module 1, but there are 1", [](Program &p) { p.plans[0].steps[0].module = 1; }},
    {"the kernel of step 1 of plan 0 has no name", [](Program &p) { p.plans[0].steps[1].symbol.clear(); }},
    {"step 0 of plan 0 has a name with a zero character in it",
     [](Program &p) { p.plans[0].steps[0].name = std::string(1, '\0'); }},
    {"step 0 of plan 0 refers to expression 50", [](Program &p) { p.plans[0].steps[0].grid[2] = {50}; }},
    {"step 0 of plan 0 refers to expression 51", [](Program &p) { p.plans[0].steps[0].bytes = Expr{51}; }},
    {"step 1 of plan 0 refers to expression 52", [](Program &p) { p.plans[0].steps[1].flops = Expr{52}; }},
    {"step 0 of plan 0 has the unknown kind 2", [](Program &p) { p.plans[0].steps[0].math = MathUnit(2); }},
    {"expected the threads of step 0 of plan 0 to be from 1 to 1024, but got 0",
     [](Program &p) { p.plans[0].steps[0].threads = 0; }},
    {"expected the threads of step 0 of plan 0 to be from 1 to 1024, but got 1025",
     [](Program &p) { p.plans[0].steps[0].threads = 1025; }},
    {"expected the shared memory of step 1 of plan 0 to be from 0 to 232448, but got 232449",
     [](Program &p) { p.plans[0].steps[1].sharedBytes = 232449; }},
    {"expected the cluster size of step 1 of plan 0 to be from 1 to 16, but got 17",
     [](Program &p) { p.plans[0].steps[1].clusterSize = 17; }},
    {"argument 0 of step 0 of plan 0 refers to input 1, but there are 1",
     [](Program &p) { p.plans[0].steps[0].arguments[0].buffer.index = 1; }},
    {"argument 2 of step 0 of plan 0 refers to expression 77",
     [](Program &p) { p.plans[0].steps[0].arguments[2].expr = {77}; }},
    {"argument 2 of step 0 of plan 0 has the unknown kind 5",
     [](Program &p) { p.plans[0].steps[0].arguments[2].kind = ArgumentKind(5); }},
    {"argument 0 of step 1 of plan 0 refers to tensor map 1, but there are 1",
     [](Program &p) { p.plans[0].steps[1].arguments[0].map = 1; }},
    {"expected the arguments of step 0 of plan 0 to take at most 4096 bytes",
     [](Program &p) { p.plans[0].steps[0].arguments.resize(513, Argument::i32({0})); }},
    {"expected the arguments of step 1 of plan 0 to take at most 4096 bytes",
     [](Program &p) { p.plans[0].steps[1].arguments.resize(40, Argument::tensorMap(0)); }},
};

TEST(Verify, AcceptsTheSample) {
  Error error = verifyProgram(SampleProgram().builder.getProgram(), 32);
  EXPECT_FALSE(error) << error.getMessage();
}

TEST(Verify, RefusesEachMistake) {
  for (const Case &mistake : cases) {
    SampleProgram sample;
    Program program = sample.builder.getProgram();
    mistake.spoil(program);
    Error error = verifyProgram(program, 32);
    ASSERT_TRUE(error) << mistake.message;
    EXPECT_NE(error.getMessage().find(mistake.message), std::string::npos)
        << "expected '" << mistake.message << "' in '" << error.getMessage() << "'";
  }
}
