//===- et-compile.cpp - Compile a model to any stage ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads a module of et on tensors, text or bytecode, or an ONNX file, and
// prints what the compiler makes of it: IR of a stage, assembly, an object
// file, or a saved program.
//
//===----------------------------------------------------------------------===//

#include "et/Support/ToolMain.h"
#include "et/Tools/Emit.h"
#include "et/Tools/ImportOnnx.h"
#include "et/Tools/Session.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

using namespace mlir::et;
namespace cl = llvm::cl;

namespace {
/// The options and what is done with them. An object of main, not globals: the library that holds every tool
/// (tools/toolbox) could not hold two options of one name.
struct CompileTool {
  cl::OptionCategory category{"et-compile options"};
  cl::opt<std::string> input{cl::Positional, cl::desc("<input file>"), cl::init("-"), cl::cat(category)};
  cl::opt<std::string> output{"o", cl::desc("Output file (-: stdout)"), cl::value_desc("file"), cl::init("-"),
                              cl::cat(category)};
  cl::opt<std::string> emit{"emit",
                            cl::desc("What to write: bytecode (the module with its weights inside), et (cleaned "
                                     "up), planned (launches on memrefs; default for a CPU), program (a saved "
                                     "program; default for a GPU, and for a file that ends in .etp); for a CPU "
                                     "llvm (the LLVM dialect), llvm-ir, asm or obj; for a GPU gpu (kernels and "
                                     "launches of them), ptx or cubin"),
                            cl::value_desc("kind"), cl::cat(category)};
  cl::opt<std::string> target{"target",
                              cl::desc("What to compile for: cpu (default), or cuda: and an architecture, "
                                       "one of sm_80, sm_86, sm_89, sm_90 and sm_90a. Of a saved program also "
                                       "several, such as cpu,cuda:sm_80,cuda:sm_90a: it runs with the best that "
                                       "the device has"),
                              cl::value_desc("target"), cl::init("cpu"), cl::cat(category)};
  cl::opt<std::string> isa{"isa",
                           cl::desc("Instruction set level: baseline, avx2, avx512 or native (default). Of a "
                                    "saved program also several, such as avx2,avx512: it runs with the best that "
                                    "the machine has"),
                           cl::value_desc("level"), cl::init("native"), cl::cat(category)};
  cl::opt<std::string> entry{"entry", cl::desc("Function to compile (default: the only public one)"),
                             cl::value_desc("name"), cl::cat(category)};
  cl::opt<std::string> weights{"weights", cl::desc("Data of the module's resources, by name"),
                               cl::value_desc("file.safetensors"), cl::cat(category)};
  cl::list<std::string> tuned{"tuned",
                              cl::desc("Table of measured schedules for a GPU, in front of that of the user's "
                                       "cache and that of the project"),
                              cl::value_desc("file.json"), cl::cat(category)};
  cl::opt<bool> noTunedCache{"no-tuned-cache",
                             cl::desc("Leave out the table of the user's cache, "
                                      "$XDG_CACHE_HOME/et/tuned/<architecture>.json"),
                             cl::cat(category)};
  cl::opt<FoldNorms> foldNorms{
      "fold-norms",
      cl::desc("Apply norms in the linear layers around them, on a GPU"),
      cl::ValueOptional,
      cl::init(FoldNorms::Off),
      cl::cat(category),
      cl::values(
          clEnumValN(FoldNorms::Off, "off", "never (default)"),
          clEnumValN(FoldNorms::On, "on", "always: faster where a batch has up to about 1024 tokens, slower with many"),
          clEnumValN(FoldNorms::On, "", ""), clEnumValN(FoldNorms::On, "true", "the same"),
          clEnumValN(FoldNorms::Off, "false", "the same as off"),
          clEnumValN(FoldNorms::Auto, "auto",
                     "by the tokens of each batch: a saved program holds both ways, and the weights "
                     "that they read in different forms twice"))};
  cl::opt<bool> prefetchWeights{"prefetch-weights",
                                cl::desc("Launches with few rows ask for the weights of later layers, on a GPU "
                                         "(default: false)"),
                                cl::init(false), cl::cat(category)};
  cl::opt<int64_t> partialAttention{
      "partial-attention",
      cl::desc("Keys up to which attention runs as one kernel on a GPU; with more of them it runs as "
               "two, with its scores in memory (default: -1, always one)"),
      cl::value_desc("keys"), cl::init(-1), cl::cat(category)};
  cl::opt<unsigned> expectedRows{"expected-rows",
                                 cl::desc("Tokens of a batch, all sequences together, by which sparse weights are "
                                          "chosen on a GPU where sizes are dynamic (default: 0, thousands)"),
                                 cl::value_desc("tokens"), cl::init(0), cl::cat(category)};
  cl::opt<std::string> transformLibrary{
      "transform-library",
      cl::desc("File with a transform script, run on each plan when its launches have "
               "schedules (docs/Transforms.md)"),
      cl::value_desc("file"), cl::cat(category)};
  cl::list<std::string> dims{"dim", cl::desc("Fix a dynamic dimension of an ONNX file"), cl::value_desc("name=size"),
                             cl::cat(category)};
  cl::opt<std::string> maskedRows{"masked-rows",
                                  cl::desc("Of an ONNX file, rows of attention whose keys are all masked: exact "
                                           "(default), or ignore, which is faster where they do not matter"),
                                  cl::value_desc("mode"), cl::init("exact"), cl::cat(category)};
  cl::opt<bool> remarks{"remarks", cl::desc("Print what passes say of the paths they took, and why"),
                        cl::cat(category)};

  /// Reads the input; the Python that imports ONNX files is $ET_PYTHON, else python3.
  mlir::LogicalResult readInput(Session &session, const char *tool) {
    if (!isOnnxFile(input)) {
      if (!dims.empty() || maskedRows.getNumOccurrences())
        return session.error("expected --dim and --masked-rows with an ONNX file only, but got '" + input + "'");
      return session.read(input, weights);
    }
    if (!weights.empty())
      return session.error("expected --weights with a module only, but '" + input + "' has weights of its own");
    OnnxOptions options;
    if (std::optional<std::string> python = llvm::sys::Process::GetEnv("ET_PYTHON"))
      options.python = *python;
    std::string path = llvm::sys::fs::getMainExecutable(tool, reinterpret_cast<void *>(&isOnnxFile));
    options.toolFolder = llvm::sys::path::parent_path(path).str();
    options.dims = dims;
    options.maskedRows = maskedRows;
    return readOnnx(session, input, options);
  }

  int run(int argc, char **argv) {
    ToolMain tool(argc, argv, &category);
    registerCommonOptions();
    cl::ParseCommandLineOptions(tool.argc(), tool.argv(), "E.T. compiler\n");
    Session session(remarks);
    if (failed(readInput(session, argv[0])))
      return 1;
    CompileOptions options;
    options.target = target;
    options.isa = isa;
    options.entry = entry;
    options.tuned = tuned;
    options.useTunedCache = !noTunedCache;
    options.foldNorms = foldNorms;
    options.prefetchWeights = prefetchWeights;
    options.partialAttention = partialAttention;
    options.expectedRows = expectedRows;
    options.transformLibrary = transformLibrary;
    options.configurePassManager = applyCommonOptions;
    bool isPlanned = target == "cpu" && !llvm::StringRef(output).ends_with(".etp");
    std::string kind = !emit.empty() ? emit.getValue() : isPlanned ? "planned" : "program";
    return failed(emitToFile(session, kind, options, output));
  }
};
} // namespace

int main(int argc, char **argv) {
  // Lives as long as LLVM's register of options, which points at its members.
  static CompileTool tool;
  return tool.run(argc, argv);
}
