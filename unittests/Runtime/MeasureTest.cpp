//===- MeasureTest.cpp - Candidates of et-bench on the host -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Tools/Measure.h"
#include "et/Runtime/HostDevice.h"
#include "et/Runtime/ProgramBuilder.h"

#include "gtest/gtest.h"
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace mlir::et;
using namespace mlir::et::runtime;

/// Addresses of the inputs that kernels got.
static std::vector<const void *> seen;

template <int delay, int factor> static void scale(void **arguments, const HostLaunchInfo &) {
  const float *x;
  float *y;
  std::memcpy(&x, arguments[0], sizeof(x));
  std::memcpy(&y, arguments[1], sizeof(y));
  seen.push_back(x);
  for (int i = 0; i < 8; ++i)
    y[i] = factor * x[i];
  std::this_thread::sleep_for(std::chrono::microseconds(delay));
}

namespace {
class MeasureTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "et-measure-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(name.data()));
    options.folder = name;
    options.output = name + "/table.json";
    seen.clear();
    for (const char *kernel : {"slow", "fast", "wrong"})
      writeProgram(kernel);
  }
  void TearDown() override { std::filesystem::remove_all(options.folder); }

  /// Two launches of \p kernel, on inputs of their own.
  void writeProgram(const std::string &kernel) {
    ProgramBuilder builder("candidate");
    Expr eight = builder.constant(8), zero = builder.constant(0), one = builder.constant(1);
    PlanBuilder &plan = builder.addPlan(DeviceKind::CUDA, "sm_90a");
    uint32_t module = plan.addModule({builder.addCode(CodeKind::Cubin, "sm_90a", "code")});
    for (const char *number : {"0", "1"}) {
      Launch launch;
      launch.module = module;
      launch.symbol = kernel;
      launch.grid = {one, one, one};
      launch.threads = 32;
      uint32_t x = builder.addInput({std::string("x") + number, ElementType::F32, {eight}, 16});
      uint32_t y = builder.addOutput({std::string("y") + number, ElementType::F32, {eight}, 16});
      launch.arguments = {Argument::pointer(Buffer::input(x), zero), Argument::pointer(Buffer::output(y), zero)};
      plan.addStep(std::move(launch));
    }
    Error error = builder.write(options.folder + "/" + kernel + ".etp");
    ASSERT_FALSE(error) << error.getMessage();
  }

  void writeList(const std::string &text) { std::ofstream(options.folder + "/candidates.txt") << text; }

  /// What is printed, or the error.
  std::string measure() {
    char *text = nullptr;
    size_t size = 0;
    std::FILE *out = ::open_memstream(&text, &size);
    HostKernelTable kernels = {{"slow", scale<400, 2>}, {"fast", scale<20, 2>}, {"wrong", scale<1, 3>}};
    Error error = measureCandidates(options, out, createHostDevice(std::move(kernels)));
    std::fclose(out);
    std::string printed(text, size);
    std::free(text);
    return error ? "error: " + error.getMessage() : printed;
  }

  MeasureOptions options;
};
} // namespace

TEST_F(MeasureTest, TakesTheFastestThatIsRight) {
  writeList("et-candidates 1 sm_90a\n"
            "first\tslow.etp\t2\tSLOW\t{\"rows\": 1, \"us\": \n"
            "first\twrong.etp\t2\tWRONG\t{\"rows\": 2, \"us\": \n"
            "first\tfast.etp\t2\tFAST\t{\"rows\": 3, \"us\": \n"
            "second\tslow.etp\t2\tALONE\t{\"rows\": 4, \"us\": \n");
  std::string printed = measure();
  EXPECT_NE(printed.find("4 candidates for sm_90a on the host\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("WRONG: left out, its result is not that of SLOW\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("first: FAST, "), std::string::npos) << printed;
  EXPECT_NE(printed.find("second: ALONE, "), std::string::npos) << printed;
  std::ifstream file(options.output);
  std::string table((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(table.find("\"rows\": 1"), std::string::npos) << table;
  EXPECT_EQ(table.find("\"rows\": 2"), std::string::npos) << table;
  size_t first = table.find("    {\"rows\": 3, \"us\": "), second = table.find("},\n    {\"rows\": 4, \"us\": ");
  EXPECT_LT(first, second) << table;
  EXPECT_NE(second, std::string::npos) << table;
  EXPECT_NE(table.find("\"format\": \"et-tuned\""), std::string::npos) << table;
}

TEST_F(MeasureTest, TimesWithOneInputAndWithAllOfThem) {
  writeList("et-candidates 1 sm_90a\none\tfast.etp\t2\tFAST\t{\"us\": \n");
  measure();
  // Checked and timed cold at the end with both inputs; in between all launches read the first.
  ASSERT_GT(seen.size(), 20u);
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_EQ(seen[2], seen[0]);
  EXPECT_EQ(seen[3], seen[0]);
  EXPECT_EQ(seen[seen.size() - 2], seen[0]);
  EXPECT_EQ(seen[seen.size() - 1], seen[1]);
}

TEST_F(MeasureTest, NamesWhatIsWrong) {
  EXPECT_EQ(measure(), "error: cannot read '" + options.folder +
                           "/candidates.txt'; make it with et-bench --prepare=" + options.folder);
  writeList("et-candidates 2 sm_90a\n");
  EXPECT_NE(measure().find("to begin with 'et-candidates 1' and an architecture, but got 'et-candidates 2 sm_90a'"),
            std::string::npos);
  for (const char *line : {"one\tfast.etp\t2\tFAST", "one\tfast.etp\t0\tFAST\t{", "one\tfast.etp\tx\tFAST\t{"}) {
    writeList(std::string("et-candidates 1 sm_90a\n") + line + "\n");
    EXPECT_NE(measure().find("error: expected a problem, a file, a number of launches, a schedule and an entry in '"),
              std::string::npos);
  }
  writeList("et-candidates 1 sm_90a\none\tnone.etp\t2\tNONE\t{\"us\": \n");
  EXPECT_NE(measure().find("error: cannot open '" + options.folder + "/none.etp'"), std::string::npos);
  writeList("et-candidates 1 sm_90a\none\tfast.etp\t2\tFAST\t{\"us\": \n");
  options.output = options.folder + "/none/table.json";
  EXPECT_NE(measure().find("error: cannot write the tuned table to '"), std::string::npos);
}
