//===- Compiler.h - Options in, program out -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The library call behind every tool: takes a module of et on tensors, and stops
// at a stage or yields a program that runs in this process.
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_COMPILER_H
#define ET_COMPILER_COMPILER_H

#include "et/Compiler/Program.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace mlir {
class PassManager;
}

namespace llvm {
class raw_ostream;
}

namespace mlir::et {

/// Where compilation stops.
enum class Stage {
  ET,       ///< et on tensors, cleaned up
  Planned,  ///< launches on memrefs
  LLVM,     ///< the LLVM dialect
  LLVMIR,   ///< LLVM IR, optimised
  Assembly, ///< assembly of the instruction set level
  Object,   ///< an object file
  GPU,      ///< kernels, and a function that launches them
  PTX,      ///< the kernels as PTX
  Cubin,    ///< the kernels as machine code
  Program,  ///< a saved program
};

/// The stage named \p name: et, planned, llvm, llvm-ir, asm, obj or program; of a GPU et, planned, gpu, ptx, cubin or
/// program.
FailureOr<Stage> parseStage(StringRef name);

/// Whether \p stage is printed as text.
bool isText(Stage stage);

/// The architecture of \p target: sm_90a of cuda:sm_90a, nothing of cpu; failure on what is neither.
FailureOr<std::optional<std::string>> parseTarget(StringRef target);

/// Whether linear layers on a GPU apply the norms around them.
enum class FoldNorms {
  Off,
  /// For programs that mostly see up to about 1024 rows.
  On,
  /// A saved program has the launches of both, and runs those of the one or the other by its rows.
  Auto
};

struct CompileOptions {
  /// `cpu`, or `cuda:` and an architecture. Of a program that is saved, several with commas between them: it has a plan
  /// for each, and the runtime takes the best that the device runs.
  std::string target = "cpu";
  /// Instruction set level: baseline, avx2, avx512 or native. Of a program that is saved, several with commas between
  /// them: it has a plan for each, and the runtime takes the best that the machine runs.
  std::string isa = "native";
  /// The function to compile; the only public one when empty.
  std::string entry;
  /// Threads a program uses; 0 for one per core of this process.
  unsigned threads = 0;
  /// Take linear weights that are infinite or not a number.
  bool allowNonFinite = false;
  /// Tables of measured schedules for a GPU, in the order in which they are asked; behind them comes the user's in its
  /// cache (docs/Tuning.md), unless \p useTunedCache is false, and that of the project.
  std::vector<std::string> tuned;
  bool useTunedCache = true;
  /// Apply norms in the linear layers around them on a GPU.
  FoldNorms foldNorms = FoldNorms::Off;
  /// Launches with few rows ask for the weights of later layers, on a GPU (docs/Tuning.md).
  bool prefetchWeights = false;
  /// On a GPU, attention with more keys than this keeps its scores in memory; -1 for never (docs/Tuning.md).
  int64_t partialAttention = -1;
  /// On a GPU, rows of a batch where sizes are dynamic, by which sparse weights are chosen; 0 for thousands.
  unsigned expectedRows = 0;
  /// A file with a transform script (docs/Transforms.md), run on each plan when its launches have schedules; empty for
  /// none.
  std::string transformLibrary;
  /// Called on each pass manager before it runs (timing, printing).
  std::function<LogicalResult(PassManager &)> configurePassManager;
};

/// Runs the passes up to \p stage, which is one of those in MLIR, on \p module.
LogicalResult runPasses(ModuleOp module, Stage stage, const CompileOptions &options);

/// Compiles \p module to \p stage and prints the result to \p os.
LogicalResult emitStage(ModuleOp module, Stage stage, const CompileOptions &options, llvm::raw_ostream &os);

/// Compiles \p module, which is consumed, to a program that runs in this process, on its CPU. Errors are emitted as
/// diagnostics.
FailureOr<std::unique_ptr<Program>> compile(ModuleOp module, const CompileOptions &options);

} // namespace mlir::et

#endif // ET_COMPILER_COMPILER_H
