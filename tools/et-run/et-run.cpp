//===- et-run.cpp - Compile a model and run it ------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles a module of et on tensors in memory, or loads a saved program, runs it
// on arrays of .npy files or on random numbers, writes its outputs to .npy files,
// and times it.
//
//===----------------------------------------------------------------------===//

#include "et/Support/ToolMain.h"
#include "et/Tools/RunModel.h"
#include "et/Tools/RunProgram.h"
#include "et/Tools/Session.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::et;
namespace cl = llvm::cl;

namespace {
/// The number of calls to time; a bare `--benchmark` means 100.
struct CallsParser : cl::parser<unsigned> {
  using parser::parser;
  bool parse(cl::Option &option, llvm::StringRef name, llvm::StringRef argument, unsigned &value) {
    return cl::parser<unsigned>::parse(option, name, argument.empty() ? "100" : argument, value);
  }
};

/// `cpu`, or the number of a GPU.
struct DeviceParser : cl::parser<int> {
  using parser::parser;
  bool parse(cl::Option &option, llvm::StringRef name, llvm::StringRef argument, int &value) {
    unsigned number;
    if (argument != "cpu" && (argument.getAsInteger(10, number) || number > 1023))
      return option.error("expected the number of a GPU or cpu, but got '" + argument + "'");
    value = argument == "cpu" ? RunProgramOptions::kCPU : static_cast<int>(number);
    return false;
  }
};
} // namespace

namespace {
/// The options and what is done with them. An object of main, not globals: the library that holds every tool
/// (tools/toolbox) could not hold two options of one name.
struct RunTool {
  cl::OptionCategory category{"et-run options"};
  cl::opt<std::string> model{cl::Positional, cl::desc("<model.mlir | program.etp>"), cl::init("-"), cl::cat(category)};
  cl::list<std::string> inputs{"input", cl::desc("Array of an input: in order, or by its name"),
                               cl::value_desc("[name=]file.npy"), cl::cat(category)};
  cl::list<std::string> outputs{"output", cl::desc("Where an output goes: in order, or by its name"),
                                cl::value_desc("[name=]file.npy"), cl::cat(category)};
  cl::alias outputsShort{"o", cl::desc("Same as --output"), cl::aliasopt(outputs), cl::cat(category)};
  cl::list<std::string> dims{"dim",
                             cl::desc("Size of a dynamic dimension of inputs without a file (which get random "
                                      "numbers): batch=2, or x.1=16 for dimension 1 of input x"),
                             cl::value_desc("name=size"), cl::cat(category)};
  cl::opt<uint64_t> seed{"seed", cl::desc("Seed of random inputs (default 0)"), cl::init(0), cl::cat(category)};
  cl::opt<unsigned, false, CallsParser> benchmark{
      "benchmark",         cl::desc("Time N calls (100 when N is left out)"),
      cl::value_desc("N"), cl::ValueOptional,
      cl::init(0),         cl::cat(category)};
  cl::opt<unsigned> threads{"num-threads", cl::desc("Threads (default: one per processor)"), cl::value_desc("N"),
                            cl::init(0), cl::cat(category)};
  cl::opt<std::string> isa{"isa", cl::desc("Instruction set level: baseline, avx2, avx512 or native (default)"),
                           cl::value_desc("level"), cl::init("native"), cl::cat(category)};
  cl::opt<std::string> entry{"entry", cl::desc("Function to run (default: the only public one)"),
                             cl::value_desc("name"), cl::cat(category)};
  cl::opt<std::string> weights{"weights", cl::desc("Data of the module's resources, by name"),
                               cl::value_desc("file.safetensors"), cl::cat(category)};
  cl::opt<bool> allowNonFinite{"allow-non-finite", cl::desc("Take linear weights that are infinite or not numbers"),
                               cl::cat(category)};
  cl::opt<bool> remarks{"remarks", cl::desc("Print what passes say of the paths they took, and why"),
                        cl::cat(category)};

  cl::opt<int, false, DeviceParser> device{"device",
                                           cl::desc("Where a saved program runs: cpu, or the number of a GPU "
                                                    "(default: 0 when it has a plan for GPUs, else cpu)"),
                                           cl::value_desc("N"), cl::cat(category)};
  cl::opt<bool> profile{"profile",
                        cl::desc("Print how long each step of a saved program takes, what it moves and computes, "
                                 "and how near it comes to what the device can do"),
                        cl::cat(category)};
  cl::opt<std::string> profileJSON{"profile-json", cl::desc("Write the profile of a saved program as JSON"),
                                   cl::value_desc("file"), cl::cat(category)};
  cl::opt<std::string> profileTrace{"profile-trace",
                                    cl::desc("Write the profile of a saved program as a trace, which Perfetto "
                                             "and chrome://tracing open"),
                                    cl::value_desc("file"), cl::cat(category)};
  cl::opt<bool> nvtx{"nvtx",
                     cl::desc("Give profilers such as Nsight Systems a range for each run of a saved program, and "
                              "for each launch that is made one by one"),
                     cl::cat(category)};

  /// Runs the saved program that the command line names.
  runtime::Error runSaved() {
    RunProgramOptions options;
    options.path = model;
    options.inputs = inputs;
    options.outputs = outputs;
    options.dims = dims;
    options.seed = seed;
    options.benchmark = benchmark;
    options.profile = profile;
    options.profileJSON = profileJSON;
    options.profileTrace = profileTrace;
    options.useRanges = nvtx;
    if (device.getNumOccurrences())
      options.device = device;
    options.threads = threads;
    return runProgram(options, stdout);
  }

  int run(int argc, char **argv) {
    ToolMain tool(argc, argv, &category);
    registerCommonOptions();
    cl::ParseCommandLineOptions(tool.argc(), tool.argv(), "E.T. runner\n");
    if (isSavedProgram(model)) {
      runtime::Error error = runSaved();
      if (error)
        llvm::WithColor::error(llvm::errs(), "et-run") << error.getMessage() << '\n';
      return error ? 1 : 0;
    }
    Session session(remarks);
    if (failed(session.read(model, weights)))
      return 1;
    RunOptions options;
    options.compile.isa = isa;
    options.compile.entry = entry;
    options.compile.threads = threads;
    options.compile.allowNonFinite = allowNonFinite;
    options.compile.configurePassManager = applyCommonOptions;
    options.inputs = inputs;
    options.outputs = outputs;
    options.dims = dims;
    options.seed = seed;
    options.benchmark = benchmark;
    if (llvm::Error error = runModel(session.getModule(), options, llvm::outs())) {
      (void)session.error(llvm::toString(std::move(error)));
      return 1;
    }
    return 0;
  }
};
} // namespace

int main(int argc, char **argv) {
  // Lives as long as LLVM's register of options, which points at its members.
  static RunTool tool;
  return tool.run(argc, argv);
}
