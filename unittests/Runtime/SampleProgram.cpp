//===- SampleProgram.cpp - A small program that tests take apart -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleProgram.h"

#include "gtest/gtest.h"
#include <cstring>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;

std::vector<std::string> mlir::et::runtime::test::launchedKernels;

SampleProgram::SampleProgram(int64_t multiple, DeviceKind device, std::string target, std::string code, CodeKind kind,
                             const std::string &prefix)
    : weight{1, 2, 3, 4, 5, 6, 7, 8}, builder("sample") {
  rows = builder.addSymbol({"rows", 0, 1000, multiple});
  Expr columns = builder.constant(8), zero = builder.constant(0), one = builder.constant(1);
  Expr bytes = builder.mul(rows, builder.constant(32));
  uint32_t x = builder.addInput({"x", ElementType::F32, {rows, columns}, 16});
  uint32_t y = builder.addOutput({"y", ElementType::F32, {rows, columns}, 16});
  uint32_t w = builder.addWeight("w", ElementType::F32, {8}, weight.data(), weight.size() * sizeof(float));
  int32_t check = builder.addCheck("row {0} of 'x' holds a 13");
  plan = &builder.addPlan(device, target);
  uint32_t module = plan->addModule({builder.addCode(kind, target, std::move(code))});
  // The result lies 64 bytes into the arena, so that an offset that is lost shows.
  Expr offset = builder.constant(64);
  plan->setArenaSize(builder.add(bytes, offset));

  Launch doubling;
  doubling.name = "double";
  doubling.module = module;
  doubling.symbol = prefix + "double";
  doubling.grid = {builder.ceilDiv(rows, builder.constant(4)), one, one};
  doubling.threads = 128;
  doubling.arguments = {Argument::pointer(Buffer::input(x), zero), Argument::pointer(Buffer::arena(), offset),
                        Argument::i32(rows), Argument::f32(2.0f)};
  doubling.bytes = builder.mul(rows, builder.constant(64));
  doubling.flops = builder.mul(rows, columns);
  plan->addStep(std::move(doubling));

  TensorMap map;
  map.buffer = Buffer::arena();
  map.offset = offset;
  map.type = ElementType::F32;
  map.sizes = {columns, rows};
  map.strides = {builder.constant(32)};
  map.box = {8, 4};
  map.swizzle = 32;
  Launch add;
  add.name = "add";
  add.module = module;
  add.symbol = prefix + "add";
  add.grid = {rows, one, one};
  add.threads = 64;
  add.sharedBytes = 1024;
  add.programmatic = true;
  add.arguments = {Argument::tensorMap(plan->addTensorMap(map)), Argument::pointer(Buffer::weight(w), zero),
                   Argument::pointer(Buffer::output(y), zero), Argument::pointer(Buffer::status(), zero),
                   Argument::i64(builder.constant(check))};
  plan->addStep(std::move(add));
}

std::string SampleProgram::serialize() const {
  std::string file;
  Error error = builder.serialize(file);
  EXPECT_FALSE(error) << error.getMessage();
  return file;
}

std::shared_ptr<const LoadedProgram> SampleProgram::load() const {
  std::string file = serialize();
  Result<std::shared_ptr<const LoadedProgram>> loaded = LoadedProgram::loadMemory(file.data(), file.size());
  EXPECT_TRUE(loaded) << loaded.getError().getMessage();
  return loaded ? *loaded : nullptr;
}

template <typename T> static T get(void *argument) {
  T value;
  std::memcpy(&value, argument, sizeof(value));
  return value;
}

static void runDouble(void **arguments, const HostLaunchInfo &info) {
  launchedKernels.push_back("double");
  const float *x = get<const float *>(arguments[0]);
  float *to = get<float *>(arguments[1]);
  int32_t rows = get<int32_t>(arguments[2]);
  float factor = get<float>(arguments[3]);
  EXPECT_EQ(info.grid[0], static_cast<uint32_t>((rows + 3) / 4));
  EXPECT_EQ(info.threads, 128u);
  for (int32_t i = 0; i < rows * 8; ++i)
    to[i] = factor * x[i];
}

static void runAdd(void **arguments, const HostLaunchInfo &info) {
  launchedKernels.push_back("add");
  HostTensorMap map = get<HostTensorMap>(arguments[0]);
  const float *w = get<const float *>(arguments[1]);
  float *y = get<float *>(arguments[2]);
  StatusRecord *status = get<StatusRecord *>(arguments[3]);
  EXPECT_EQ(map.rank, 2u);
  EXPECT_EQ(map.sizes[0], 8u);
  EXPECT_EQ(map.sizes[1], info.grid[0]);
  EXPECT_EQ(map.box[1], 4u);
  EXPECT_EQ(map.swizzle, 32u);
  EXPECT_EQ(info.sharedBytes, 1024u);
  for (uint64_t row = 0; row < map.sizes[1]; ++row)
    for (uint64_t column = 0; column < map.sizes[0]; ++column) {
      float value = get<float>(map.data + row * map.strides[0] + column * sizeof(float));
      if (value == 26 && status->code == 0) {
        status->position = row;
        status->code = static_cast<int32_t>(get<int64_t>(arguments[4]));
      }
      y[row * 8 + column] = value + w[column];
    }
}

HostKernelTable mlir::et::runtime::test::getSampleKernels() { return {{"double", runDouble}, {"add", runAdd}}; }
