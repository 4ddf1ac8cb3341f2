//===- RunProgramTest.cpp - Saved programs on files -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Tools/RunProgram.h"
#include "SampleProgram.h"
#include "Tools/HostArray.h"
#include "et/Support/Npy.h"

#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>

using namespace mlir::et;
using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;

static double roundTrip(ElementType type, double value) {
  char bytes[8];
  storeElement(type, bytes, value);
  return loadElement(type, bytes);
}

TEST(HostArray, RoundsAsTheHardwareDoes) {
  // Every f16 and bf16 is itself; what lies between two goes to the nearer one, and to the even one in the middle.
  for (ElementType type : {ElementType::F16, ElementType::BF16})
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      uint16_t stored = bits, back;
      double value = loadElement(type, reinterpret_cast<char *>(&stored));
      storeElement(type, reinterpret_cast<char *>(&back), value);
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(loadElement(type, reinterpret_cast<char *>(&back))));
      else
        EXPECT_EQ(back, stored);
    }
  EXPECT_EQ(roundTrip(ElementType::F16, 1.0 + 0x1p-11), 1.0);
  EXPECT_EQ(roundTrip(ElementType::F16, 1.0 + 3 * 0x1p-11), 1.0 + 0x1p-9);
  EXPECT_EQ(roundTrip(ElementType::F16, 65519.0), 65504.0);
  EXPECT_EQ(roundTrip(ElementType::F16, 65520.0), INFINITY);
  EXPECT_EQ(roundTrip(ElementType::F16, 0x1p-25), 0.0);
  EXPECT_EQ(roundTrip(ElementType::F16, 0x1.8p-25), 0x1p-24);
  EXPECT_EQ(roundTrip(ElementType::BF16, 1.0 + 0x1p-8), 1.0);
  EXPECT_EQ(roundTrip(ElementType::BF16, -1.0 - 3 * 0x1p-8), -1.0 - 0x1p-6);
  EXPECT_EQ(roundTrip(ElementType::BF16, 1e40), INFINITY);
  EXPECT_EQ(roundTrip(ElementType::I64, -5), -5);
  EXPECT_EQ(roundTrip(ElementType::Bool, 1), 1);
}

namespace {
class RunProgramTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "et-run-program-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(name.data()));
    folder = name;
    options.path = folder + "/sample.etp";
    Error error = SampleProgram().builder.write(options.path);
    ASSERT_FALSE(error) << error.getMessage();
    std::vector<float> x(24, 1.5f);
    error = writeNpy(folder + "/x.npy", "f4", {3, 8}, reinterpret_cast<const char *>(x.data()));
    ASSERT_FALSE(error) << error.getMessage();
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  /// What is printed, or the error.
  std::string run(HostKernelTable kernels = getSampleKernels()) {
    char *text = nullptr;
    size_t size = 0;
    std::FILE *out = ::open_memstream(&text, &size);
    Error error = runProgram(options, out, createHostDevice(std::move(kernels)));
    std::fclose(out);
    std::string printed(text, size);
    std::free(text);
    return error ? "error: " + error.getMessage() : printed;
  }

  static testing::AssertionResult contains(const std::string &text, const std::string &part) {
    if (text.find(part) != std::string::npos)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << "expected '" << part << "' in '" << text << "'";
  }

  std::string folder;
  RunProgramOptions options;
};
} // namespace

TEST_F(RunProgramTest, ReadsAndWritesFiles) {
  options.inputs = {"x=" + folder + "/x.npy"};
  options.outputs = {folder + "/y.npy"};
  std::string printed = run();
  EXPECT_TRUE(contains(printed, "plan for sm_90a on the host, ready in "));
  EXPECT_TRUE(contains(printed, "output 'y' [3, 8] f32: min 4, max 11, mean 7.5\n"));
  Result<NpyArray> y = readNpy(folder + "/y.npy");
  ASSERT_TRUE(y) << y.getError().getMessage();
  EXPECT_EQ(y->shape, (std::vector<int64_t>{3, 8}));
  EXPECT_EQ(y->type, "f4");
  float last;
  std::memcpy(&last, y->data.get() + 4 * 23, 4);
  EXPECT_EQ(last, 11);
}

TEST_F(RunProgramTest, MakesUpInputsAndTimes) {
  options.dims = {"rows=5"};
  options.seed = 3;
  options.benchmark = 4;
  options.profile = true;
  std::string printed = run();
  EXPECT_TRUE(contains(printed, "random inputs with --seed=3: 'x' [5, 8]\n"));
  EXPECT_TRUE(contains(printed, "4 runs: "));
  EXPECT_TRUE(contains(printed, "us each back to back; one at a time: min "));
  options.dims = {"x.0=5"};
  EXPECT_TRUE(contains(run(), "'x' [5, 8]\n"));
  options.useGraphs = false;
  EXPECT_TRUE(contains(run(), "(0 of "));
}

static std::string readFile(const std::string &path) {
  std::string text;
  if (std::FILE *file = std::fopen(path.c_str(), "rb")) {
    char buffer[4096];
    while (size_t count = std::fread(buffer, 1, sizeof(buffer), file))
      text.append(buffer, count);
    std::fclose(file);
  }
  return text;
}

TEST_F(RunProgramTest, Profiles) {
  options.dims = {"rows=5"};
  options.profile = true;
  options.profileJSON = folder + "/profile.json";
  options.profileTrace = folder + "/trace.json";
  std::string printed = run();
  EXPECT_TRUE(contains(printed, "profile of 'sample' for sm_90a on the host: 2 steps in "));
  EXPECT_TRUE(contains(printed, "of floor  step (kernel)\n"));
  EXPECT_TRUE(contains(printed, "  double (double)\n"));
  EXPECT_TRUE(contains(printed, "  1 x add (add)\n"));
  std::string json = readFile(options.profileJSON);
  EXPECT_TRUE(contains(json, "\"program\": \"sample\""));
  // 5 rows of 32 bytes are read and written; nobody counted what the other step does.
  EXPECT_TRUE(contains(json,
                       "\"kernel\": \"double\", \"grid\": [2, 1, 1], \"threads\": 128, \"bytes\": 320, \"flops\": 40, "
                       "\"unit\": \"vector\"}"));
  EXPECT_TRUE(contains(json, "\"kernel\": \"add\", \"grid\": [5, 1, 1], \"threads\": 64}"));
  std::string trace = readFile(options.profileTrace);
  EXPECT_TRUE(contains(trace, "\"traceEvents\": ["));
  EXPECT_TRUE(contains(trace, "{\"ph\": \"X\", \"name\": \"double\", \"pid\": 1, \"tid\": 1, \"ts\": 0, \"dur\": "));
  options.profile = false;
  EXPECT_TRUE(contains(run(), "output 'y'"));
  EXPECT_FALSE(contains(run(), "profile of"));
  options.profileJSON = folder + "/none/profile.json";
  EXPECT_TRUE(contains(run(), "error: cannot write the profile to '"));
}

TEST_F(RunProgramTest, GivesProfilersRanges) {
  options.dims = {"rows=5"};
  options.useRanges = true;
  options.rangesLibrary = "none.so";
  EXPECT_TRUE(contains(run(), "error: there is no NVTX here ("));
  // A library, but another one.
  options.rangesLibrary = ET_MOCK_CUDA;
  EXPECT_EQ(run(), "error: the NVTX library lacks nvtxRangePushA or nvtxRangePop; take that of CUDA 10 or newer");
  options.rangesLibrary = ET_MOCK_NVTX;
  EXPECT_TRUE(contains(run(), "output 'y'"));
  auto *log = static_cast<std::string *>(::dlsym(::dlopen(ET_MOCK_NVTX, RTLD_NOW), "etMockNVTX"));
  ASSERT_TRUE(log);
  EXPECT_EQ(*log, "(sample(double)(add))");
}

TEST_F(RunProgramTest, NamesWhatIsWrong) {
  EXPECT_EQ(run(),
            "error: the size of dimension 'rows' is not known; give it with --dim rows=N, or give an input that has it "
            "with --input");
  options.dims = {"columns=3"};
  EXPECT_EQ(run(), "error: no input has a dynamic dimension 'columns', whose size --dim gives");
  options.dims = {"rows=3", "x.0=3"};
  EXPECT_EQ(run(), "error: expected the size of dimension 'x.0' once");
  for (const char *dim : {"rows", "rows=", "=3", "rows=-1", "rows=3x", "rows=9999999999999999999"}) {
    options.dims = {dim};
    EXPECT_EQ(run(), std::string("error: expected --dim to be name=size, but got '") + dim + "'");
  }
  options.dims = {"rows=1001"};
  EXPECT_TRUE(contains(run(), "to be from 0 to 1000, but got 1001"));
  options.dims = {"rows=4"};
  options.inputs = {folder + "/x.npy"};
  options.inputs.push_back(folder + "/x.npy");
  EXPECT_TRUE(contains(run(), "error: expected at most 1 inputs, but got "));
  options.inputs = {"z=" + folder + "/x.npy"};
  EXPECT_TRUE(contains(run(), "error: expected --input to name one of 'x', but got 'z="));
  options.inputs = {"x=a.npy", "x=b.npy"};
  EXPECT_EQ(run(), "error: expected input 'x' once, but got 'a.npy' and 'b.npy'");
  options.inputs = {folder + "/none.npy"};
  EXPECT_TRUE(contains(run(), "none.npy': No such file or directory"));
  double eight[8] = {};
  EXPECT_FALSE(writeNpy(folder + "/d.npy", "f8", {1, 8}, reinterpret_cast<const char *>(eight)));
  options.inputs = {folder + "/d.npy"};
  EXPECT_TRUE(contains(run(), "error: expected input 'x' [rows, 8] f32 to be stored as numpy type 'f4', but '"));
  options.inputs = {folder + "/x.npy"};
  options.outputs = {folder + "/none/y.npy"};
  EXPECT_TRUE(contains(run(), "/none/y.npy': No such file or directory"));
  options.outputs = {};
  EXPECT_EQ(run({}),
            "error: the host has no kernel 'double', which the plan for sm_90a launches; compile the program for a "
            "device that is here");
  options.path = folder + "/none.etp";
  EXPECT_TRUE(contains(run(), "error: cannot open '"));
}

TEST(RunProgram, KnowsSavedProgramsByTheirNames) {
  EXPECT_TRUE(isSavedProgram("a.etp"));
  EXPECT_FALSE(isSavedProgram(".etp"));
  EXPECT_FALSE(isSavedProgram("a.mlir"));
  EXPECT_FALSE(isSavedProgram("-"));
}
