//===- et-bench.cpp - Measure schedules of kernels --------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finds out which schedule of a kernel is fastest on a device, and writes it to a
// table that the compiler reads (docs/Tuning.md).
//
//===----------------------------------------------------------------------===//

#include "et/Support/ToolMain.h"
#include "et/Tools/Bench.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::et;
namespace cl = llvm::cl;

namespace {
/// The options and what is done with them. An object of main, not globals: the library that holds every tool
/// (tools/toolbox) could not hold two options of one name.
struct BenchTool {
  cl::OptionCategory category{"et-bench options"};
  cl::opt<bool> tune{"tune", cl::desc("Prepare, measure, and take what was measured into the table"),
                     cl::cat(category)};
  cl::opt<std::string> prepare{"prepare",
                               cl::desc("Write a program for each problem and schedule to a folder, to be "
                                        "measured on a machine with a GPU"),
                               cl::value_desc("folder"), cl::cat(category)};
  cl::opt<std::string> measure{"measure",
                               cl::desc("Measure the programs in a folder (et-run-program does it without LLVM), "
                                        "and take the fastest into the table"),
                               cl::value_desc("folder"), cl::cat(category)};
  cl::list<std::string> merge{"merge", cl::desc("Take the entries of a table that was measured into the table"),
                              cl::value_desc("file.json"), cl::cat(category)};
  cl::opt<std::string> output{"o",
                              cl::desc("The table (default: the user's, "
                                       "$XDG_CACHE_HOME/et/tuned/<architecture>.json)"),
                              cl::value_desc("file.json"), cl::cat(category)};
  cl::opt<std::string> target{"target", cl::desc("Architecture (default: cuda:sm_90a)"), cl::value_desc("target"),
                              cl::init("cuda:sm_90a"), cl::cat(category)};
  cl::list<std::string> problems{"problem",
                                 cl::desc("What to measure (default: layers of common encoders): "
                                          "linear:f16:128x768x3072 (rows, outputs, inputs) or "
                                          "attention:f16:none:8x12x128x64 (batch, heads, keys, head size)"),
                                 cl::value_desc("problem"), cl::cat(category)};
  cl::opt<unsigned> candidates{"candidates", cl::desc("Schedules for each problem (default 12)"), cl::value_desc("N"),
                               cl::init(12), cl::cat(category)};
  cl::opt<unsigned> device{"device", cl::desc("Number of the GPU (default 0)"), cl::value_desc("N"), cl::init(0),
                           cl::cat(category)};

  int run(int argc, char **argv) {
    ToolMain tool(argc, argv, &category);
    cl::ParseCommandLineOptions(tool.argc(), tool.argv(), "E.T. tuner\n");
    BenchOptions options;
    options.prepare = prepare;
    options.measure = measure;
    options.merge = merge;
    options.tune = tune;
    options.output = output;
    options.target = target;
    options.problems = problems;
    options.candidates = candidates;
    options.device = device;
    std::string error = runBench(options);
    if (error.empty())
      return 0;
    llvm::WithColor::error(llvm::errs(), "et-bench") << error << '\n';
    return 1;
  }
};
} // namespace

int main(int argc, char **argv) {
  // Lives as long as LLVM's register of options, which points at its members.
  static BenchTool tool;
  return tool.run(argc, argv);
}
