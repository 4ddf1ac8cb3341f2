//===- FormatTest.cpp - Files that are right, damaged, and hostile -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Container.h"
#include "Hash.h"
#include "Program_generated.h"
#include "SampleProgram.h"

#include "gtest/gtest.h"
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <unistd.h>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;

/// The reason for which \p file is refused; empty when it is not.
static std::string getRefusal(const std::string &file) {
  Result<std::shared_ptr<const LoadedProgram>> loaded = LoadedProgram::loadMemory(file.data(), file.size());
  return loaded ? "" : loaded.getError().getMessage();
}

static testing::AssertionResult contains(const std::string &text, const std::string &part) {
  if (text.find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "expected '" << part << "' in '" << text << "'";
}

static uint64_t getBlobStart(const std::string &file) {
  uint32_t size;
  std::memcpy(&size, file.data(), sizeof(size));
  return alignTo(uint64_t(size) + 4, kBlobAlignment);
}

/// Makes the checksums right again, as someone would who changes a file on purpose.
static void repairChecksums(std::string &file) {
  uint64_t blobStart = getBlobStart(file);
  if (blobStart + sizeof(Trailer) > file.size())
    return;
  Trailer trailer;
  char *at = file.data() + file.size() - sizeof(trailer);
  std::memcpy(&trailer, at, sizeof(trailer));
  trailer.programHash = hashBytes(file.data(), blobStart);
  trailer.weightsHash = hashBytes(file.data() + blobStart, file.size() - blobStart - sizeof(trailer));
  trailer.fileSize = file.size();
  std::memcpy(at, &trailer, sizeof(trailer));
}

/// A file around the FlatBuffer \p flatBuffer, with \p weights.
static std::string wrap(std::string flatBuffer, const std::string &weights) {
  flatBuffer.resize(alignTo(flatBuffer.size(), kBlobAlignment), '\0');
  flatBuffer += weights;
  Trailer trailer = {};
  std::memcpy(trailer.magic, kTrailerMagic, sizeof(trailer.magic));
  flatBuffer.append(reinterpret_cast<const char *>(&trailer), sizeof(trailer));
  repairChecksums(flatBuffer);
  return flatBuffer;
}

TEST(Hash, KnownValues) {
  // Of the reference implementation.
  EXPECT_EQ(hashBytes("", 0), 0xEF46DB3751D8E999u);
  EXPECT_EQ(hashBytes("abc", 3), 0x44BC2CF5AD770999u);
  std::string text = "xxHash is an extremely fast non-cryptographic hash algorithm";
  uint64_t whole = hashBytes(text.data(), text.size());
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    Hasher hasher;
    hasher.update(text.data(), cut);
    hasher.update(text.data() + cut, text.size() - cut);
    EXPECT_EQ(hasher.finish(), whole) << cut;
  }
}

TEST(Format, RoundTrip) {
  SampleProgram sample;
  sample.builder.addConstraint(sample.rows, 0, 500, "too many rows");
  std::shared_ptr<const LoadedProgram> loaded = sample.load();
  ASSERT_TRUE(loaded);
  const Program &program = loaded->getProgram(), expected = sample.builder.getProgram();
  EXPECT_EQ(program.name, "sample");
  EXPECT_TRUE(contains(program.producer, "E.T. "));
  ASSERT_EQ(program.expressions.size(), expected.expressions.size());
  for (size_t i = 0; i < program.expressions.size(); ++i) {
    EXPECT_EQ(program.expressions[i].kind, expected.expressions[i].kind);
    EXPECT_EQ(program.expressions[i].lhs, expected.expressions[i].lhs);
    EXPECT_EQ(program.expressions[i].rhs, expected.expressions[i].rhs);
    EXPECT_EQ(program.expressions[i].value, expected.expressions[i].value);
  }
  ASSERT_EQ(program.symbols.size(), 1u);
  EXPECT_EQ(program.symbols[0].name, "rows");
  EXPECT_EQ(program.symbols[0].max, 1000);
  ASSERT_EQ(program.constraints.size(), 1u);
  EXPECT_EQ(program.constraints[0].message, "too many rows");
  EXPECT_EQ(program.constraints[0].max, 500);
  ASSERT_EQ(program.inputs.size(), 1u);
  EXPECT_EQ(program.inputs[0].name, "x");
  EXPECT_EQ(program.inputs[0].shape, expected.inputs[0].shape);
  EXPECT_EQ(program.inputs[0].alignment, 16u);
  ASSERT_EQ(program.weights.size(), 1u);
  EXPECT_EQ(std::memcmp(loaded->getWeight(0), sample.weight.data(), 32), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(loaded->getWeight(0)) % 256, 0u);
  ASSERT_EQ(program.code.size(), 1u);
  EXPECT_EQ(program.code[0].bytes, "double add");
  EXPECT_EQ(program.checks, expected.checks);
  ASSERT_EQ(program.plans.size(), 1u);
  const Plan &plan = program.plans[0];
  EXPECT_EQ(plan.target, "sm_90a");
  EXPECT_EQ(plan.arenaSize, expected.plans[0].arenaSize);
  ASSERT_EQ(plan.maps.size(), 1u);
  EXPECT_EQ(plan.maps[0].sizes, expected.plans[0].maps[0].sizes);
  EXPECT_EQ(plan.maps[0].strides, expected.plans[0].maps[0].strides);
  EXPECT_EQ(plan.maps[0].box, expected.plans[0].maps[0].box);
  EXPECT_EQ(plan.maps[0].swizzle, 32u);
  ASSERT_EQ(plan.steps.size(), 2u);
  EXPECT_EQ(plan.steps[0].symbol, "double");
  EXPECT_EQ(plan.steps[0].grid, expected.plans[0].steps[0].grid);
  EXPECT_FALSE(plan.steps[0].programmatic);
  EXPECT_TRUE(plan.steps[1].programmatic);
  EXPECT_EQ(plan.steps[1].sharedBytes, 1024u);
  ASSERT_EQ(plan.steps[0].arguments.size(), 4u);
  EXPECT_EQ(plan.steps[0].arguments[3].number, 2.0f);
  EXPECT_EQ(plan.steps[1].arguments[0].kind, ArgumentKind::TensorMap);
  EXPECT_EQ(plan.steps[0].bytes, expected.plans[0].steps[0].bytes);
  EXPECT_EQ(plan.steps[0].flops, expected.plans[0].steps[0].flops);
  EXPECT_EQ(plan.steps[0].math, MathUnit::Vector);
  EXPECT_FALSE(plan.steps[1].bytes || plan.steps[1].flops);
}

TEST(Format, BuilderFoldsAndShares) {
  ProgramBuilder builder("fold");
  Expr n = builder.addSymbol({"n"});
  EXPECT_EQ(builder.add(builder.constant(2), builder.constant(3)), builder.constant(5));
  EXPECT_EQ(builder.mul(n, builder.constant(1)), n);
  EXPECT_EQ(builder.add(builder.constant(0), n), n);
  EXPECT_EQ(builder.ceilDiv(n, builder.constant(1)), n);
  EXPECT_EQ(builder.min(n, n), n);
  EXPECT_EQ(builder.mul(n, builder.constant(4)), builder.mul(n, builder.constant(4)));
  EXPECT_NE(builder.sub(n, builder.constant(4)), builder.sub(builder.constant(4), n));
  // What overflows is left to the run that needs it.
  Expr overflow = builder.mul(builder.constant(INT64_MAX), builder.constant(2));
  EXPECT_EQ(builder.getProgram().expressions[overflow.index].kind, ExprKind::Mul);
  EXPECT_EQ(builder.addCheck("a"), 1);
  EXPECT_EQ(builder.addCheck("b"), 2);
  EXPECT_EQ(builder.addCheck("a"), 1);
}

TEST(Format, BuilderRefusesWhatTheLoaderWould) {
  ProgramBuilder builder("none");
  std::string file;
  Error error = builder.serialize(file);
  ASSERT_TRUE(error);
  EXPECT_TRUE(contains(error.getMessage(), "the program cannot be saved: expected at least one plan, but got none"));
}

TEST(Format, TruncatedAtEveryByte) {
  std::string file = SampleProgram().serialize();
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(getRefusal(file.substr(0, size)), "") << size;
  EXPECT_EQ(getRefusal(file), "");
  EXPECT_NE(getRefusal(file + '\0'), "");
}

TEST(Format, EveryBitFlipIsNoticed) {
  std::string file = SampleProgram().serialize();
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    file[bit / 8] ^= 1 << (bit % 8);
    EXPECT_NE(getRefusal(file), "") << "bit " << bit;
    file[bit / 8] ^= 1 << (bit % 8);
  }
}

TEST(Format, DamageIsNamed) {
  std::string file = SampleProgram().serialize(), damaged = file;
  damaged[20] ^= 1;
  EXPECT_TRUE(contains(getRefusal(damaged), "the checksum of its description is wrong"));
  damaged = file;
  damaged[getBlobStart(file)] ^= 1;
  EXPECT_TRUE(contains(getRefusal(damaged), "the checksum of its weights is wrong"));
  Result<std::shared_ptr<const LoadedProgram>> unchecked =
      LoadedProgram::loadMemory(damaged.data(), damaged.size(), {/*checkWeights=*/false});
  EXPECT_TRUE(unchecked);
  EXPECT_TRUE(contains(getRefusal(file.substr(0, file.size() - 1)), "it is cut short or damaged"));
  EXPECT_TRUE(contains(getRefusal(file.substr(0, 100)), "it is cut short"));
  EXPECT_TRUE(contains(getRefusal("\x7f"
                                  "ELF............"),
                       "it is not a saved program: it lacks the identifier ETP1"));
  EXPECT_TRUE(contains(getRefusal(""), "it is empty"));
  damaged = file;
  damaged.insert(file.size() - sizeof(Trailer), 256, 'x');
  repairChecksums(damaged);
  EXPECT_TRUE(contains(getRefusal(damaged), "expected 32 bytes of weights, but there are 288"));
}

// Every byte of the description in turn, with checksums that are right: whatever it says, it ends in a reason or in a
// program that can be planned.
TEST(Format, HostileBytes) {
  std::string file = SampleProgram().serialize();
  uint32_t size;
  std::memcpy(&size, file.data(), sizeof(size));
  unsigned refused = 0;
  for (size_t i = 0; i < size + 4; ++i)
    for (unsigned char value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::string hostile = file;
      hostile[i] = value;
      repairChecksums(hostile);
      refused += !getRefusal(hostile).empty();
    }
  EXPECT_GT(refused, size);
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string hostile = file;
    for (unsigned i = 0, count = 1 + random() % 4; i < count; ++i)
      hostile[random() % (size + 4)] = random();
    repairChecksums(hostile);
    (void)getRefusal(hostile);
  }
}

TEST(Format, OtherVersions) {
  for (uint32_t version : {0u, 2u, 0xffffffffu}) {
    flatbuffers::FlatBufferBuilder builder;
    format::ProgramBuilder program(builder);
    program.add_major(version);
    program.add_minor(7);
    format::FinishSizePrefixedProgramBuffer(builder, program.Finish());
    std::string bytes(reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize());
    EXPECT_TRUE(contains(getRefusal(wrap(bytes, "")),
                         "it has format version " + std::to_string(version) + ".7, but this runtime reads version 1; " +
                             (version > 1 ? "update the runtime" : "compile the model again")));
  }
}

// A small file whose tables all name one long vector: it must not become gigabytes in memory.
TEST(Format, SharedVectorsAreRefused) {
  flatbuffers::FlatBufferBuilder builder;
  auto shape = builder.CreateVector(std::vector<uint32_t>(100000, 0));
  auto name = builder.CreateString("x");
  auto tensor = format::CreateTensor(builder, name, format::ElementType::F32, shape);
  auto inputs = builder.CreateVector(std::vector<flatbuffers::Offset<format::Tensor>>(1000, tensor));
  format::ProgramBuilder program(builder);
  program.add_major(1);
  program.add_inputs(inputs);
  format::FinishSizePrefixedProgramBuffer(builder, program.Finish());
  std::string bytes(reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize());
  EXPECT_TRUE(contains(getRefusal(wrap(bytes, "")), "its description refers to the same bytes more than once"));
}

namespace {
/// A file that is removed again.
struct TemporaryFile {
  TemporaryFile() {
    char name[] = "/tmp/et-runtime-test-XXXXXX";
    int descriptor = ::mkstemp(name);
    EXPECT_GE(descriptor, 0);
    ::close(descriptor);
    path = name;
  }
  ~TemporaryFile() { ::unlink(path.c_str()); }
  std::string path;
};
} // namespace

TEST(Format, Files) {
  TemporaryFile file;
  SampleProgram sample;
  Error error = sample.builder.write(file.path);
  ASSERT_FALSE(error) << error.getMessage();
  std::ifstream stream(file.path, std::ios::binary);
  std::string contents((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  EXPECT_EQ(contents, sample.serialize());
  Result<std::shared_ptr<const LoadedProgram>> loaded = LoadedProgram::load(file.path);
  ASSERT_TRUE(loaded) << loaded.getError().getMessage();
  EXPECT_EQ((*loaded)->getProgram().name, "sample");

  loaded = LoadedProgram::load("/nowhere/model.etp");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.getError().getMessage(), "cannot open '/nowhere/model.etp': No such file or directory");
  loaded = LoadedProgram::load("/tmp");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.getError().getMessage(), "cannot open '/tmp': it is not a regular file");
  std::ofstream(file.path, std::ios::trunc).close();
  loaded = LoadedProgram::load(file.path);
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(contains(loaded.getError().getMessage(), "it is empty"));
  error = sample.builder.write("/nowhere/model.etp");
  ASSERT_TRUE(error);
  EXPECT_TRUE(contains(error.getMessage(), "cannot write '/nowhere/model.etp': No such file or directory"));
}
