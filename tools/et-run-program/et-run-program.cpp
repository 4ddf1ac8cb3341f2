//===- et-run-program.cpp - Run a saved program -----------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What et-run does with a program that is compiled already, as a tool that needs
// neither LLVM nor a CUDA toolkit: one file to copy to where the program runs.
//
//===----------------------------------------------------------------------===//

#include "et/Tools/Measure.h"
#include "et/Tools/RunProgram.h"
#include "et/Version.h"

#include <cerrno>
#include <cstdlib>
#include <string>

using namespace mlir::et;

// In the form of LLVM's command lines, which docs/reference is made from.
static const char usage[] = R"(OVERVIEW: E.T. runner of saved programs

USAGE: et-run-program [options] <program.etp>

OPTIONS:

Generic Options:

  --help                        - Display available options
  --version                     - Display the version of this program

et-run-program options:

  --benchmark[=<N>]             - Time N runs (100 when N is left out)
  --describe                    - Print what the program holds, and run nothing
  --device=<N>                  - Number of the GPU, or cpu (default: GPU 0 when the program has a plan for GPUs, else cpu)
  --dim=<name=size>             - Size of a dynamic dimension of inputs without a file (which get random numbers): batch=2, or x.1=16 for dimension 1 of input x
  --input=<[name=]file.npy>     - Array of an input: in order, or by its name
  --map-weights                 - On a CPU, read weights where the file is mapped: loads at once, but runs slower
  --measure=<folder>            - Time the candidates that et-bench --prepare left in the folder, and write the tuned table of the fastest to the file that -o names; takes no program
  --no-graphs                   - Launch kernel by kernel
  --nvtx                        - Give profilers such as Nsight Systems a range for each run, and for each launch that is made one by one
  -o <[name=]file.npy>          - Same as --output
  --num-threads=<N>             - Threads on a CPU (default: one per processor)
  --output=<[name=]file.npy>    - Where an output goes: in order, or by its name
  --profile                     - Print how long each step takes, what it moves and computes, and how near it comes to what the device can do
  --profile-json=<file>         - Write the profile as JSON
  --profile-trace=<file>        - Write the profile as a trace, which Perfetto and chrome://tracing open
  --seed=<N>                    - Seed of random inputs (default 0)
)";

[[noreturn]] static void fail(const std::string &message) {
  std::fprintf(stderr, "et-run-program: error: %s\n", message.c_str());
  std::exit(1);
}

static uint64_t parseNumber(const std::string &option, const std::string &text, uint64_t max) {
  char *end = nullptr;
  errno = 0;
  uint64_t value = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || text[0] < '0' || text[0] > '9' || *end || errno || value > max)
    fail("expected --" + option + " to be a number up to " + std::to_string(max) + ", but got '" + text + "'");
  return value;
}

static int parseDevice(const std::string &text) {
  if (text == "cpu")
    return RunProgramOptions::kCPU;
  if (text.empty() || text[0] < '0' || text[0] > '9')
    fail("expected --device to be the number of a GPU or cpu, but got '" + text + "'");
  return parseNumber("device", text, 1023);
}

int main(int argc, char **argv) {
  RunProgramOptions options;
  MeasureOptions measure;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument.size() < 2 || argument[0] != '-') {
      if (!options.path.empty())
        fail("expected one program, but got '" + options.path + "' and '" + argument + "'");
      options.path = argument;
      continue;
    }
    // One dash or two, and the value behind '=' or as the next argument.
    std::string name = argument.substr(argument[1] == '-' ? 2 : 1), value;
    size_t equals = name.find('=');
    bool hasValue = equals != std::string::npos;
    if (hasValue) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    auto takeValue = [&] {
      if (!hasValue && ++i == argc)
        fail("expected a value behind " + argument);
      return hasValue ? value : std::string(argv[i]);
    };
    if (name == "input")
      options.inputs.push_back(takeValue());
    else if (name == "output" || name == "o")
      options.outputs.push_back(takeValue());
    else if (name == "dim")
      options.dims.push_back(takeValue());
    else if (name == "seed")
      options.seed = parseNumber(name, takeValue(), UINT64_MAX);
    else if (name == "device")
      options.device = parseDevice(takeValue());
    else if (name == "num-threads")
      options.threads = parseNumber(name, takeValue(), 4096);
    else if (name == "benchmark")
      options.benchmark = hasValue ? parseNumber(name, value, 1000000000) : 100;
    else if (name == "profile" && !hasValue)
      options.profile = true;
    else if (name == "measure")
      measure.folder = takeValue();
    else if (name == "profile-json")
      options.profileJSON = takeValue();
    else if (name == "profile-trace")
      options.profileTrace = takeValue();
    else if (name == "nvtx" && !hasValue)
      options.useRanges = true;
    else if (name == "describe" && !hasValue)
      options.describe = true;
    else if (name == "no-graphs" && !hasValue)
      options.useGraphs = false;
    else if (name == "map-weights" && !hasValue)
      options.mapWeights = true;
    else if (name == "help" && !hasValue)
      return std::fputs(usage, stdout) < 0;
    else if (name == "version" && !hasValue)
      return std::puts("E.T. " ET_VERSION_STRING) < 0;
    else
      fail("unknown option '" + argument + "'; try --help");
  }
  if (!measure.folder.empty()) {
    if (!options.path.empty() || options.outputs.size() != 1)
      fail("expected --measure with -o and a file for the table, and without a program");
    measure.output = options.outputs.front();
    measure.device = options.device.value_or(0);
    if (runtime::Error error = measureCandidates(measure, stdout))
      fail(error.getMessage());
    return 0;
  }
  if (options.path.empty())
    fail("expected a program; try --help");
  if (runtime::Error error = runProgram(options, stdout))
    fail(error.getMessage());
  return 0;
}
