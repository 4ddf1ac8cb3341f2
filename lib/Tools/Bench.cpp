//===- Bench.cpp - What et-bench does ---------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A problem becomes a module of many equal layers with inputs of their own. It is
// planned as any module is; then each candidate takes the place of the schedule
// that was chosen.
//
//===----------------------------------------------------------------------===//

#include "et/Tools/Bench.h"

#include "et/Compiler/Compiler.h"
#include "et/Compiler/Pipelines.h"
#include "et/Compiler/Register.h"
#include "et/Compiler/SavedProgram.h"
#include "et/Conversion/ETToGPU/TunedSchedules.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Tools/Measure.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et;

/// More than any cache that they are measured beside.
static constexpr int64_t kColdBytes = 128 << 20;
static constexpr int64_t kMinLaunches = 6, kMaxLaunches = 64;

/// Layers of common encoders: hidden sizes of 384, 768 and 1024.
static std::vector<std::string> getDefaultProblems() {
  std::vector<std::string> problems;
  for (int64_t hidden : {768, 384, 1024})
    for (auto [n, k] : {std::pair(3, 1), std::pair(1, 1), std::pair(4, 1), std::pair(1, 4)})
      for (int64_t rows : {64, 128, 256, 384, 512, 1024, 4096})
        problems.push_back(llvm::formatv("linear:f16:{0}x{1}x{2}", rows, n * hidden, k * hidden));
  for (int64_t keys : {64, 128, 256, 384, 512})
    for (auto [heads, head] : {std::pair(12, 64), std::pair(12, 32)})
      problems.push_back(llvm::formatv("attention:f16:none:8x{0}x{1}x{2}", heads, keys, head));
  return problems;
}

namespace {
struct BenchProblem {
  nvidia::TunedKey key;
  int64_t size = 0;
  /// Of attention.
  int64_t batch = 0, heads = 0;
  int64_t launches = 0;
  std::string text;
};
} // namespace

static std::string parseProblem(StringRef text, BenchProblem &problem) {
  problem.text = text.str();
  SmallVector<StringRef> parts, numbers;
  text.split(parts, ':');
  SmallVector<int64_t> sizes;
  parts.back().split(numbers, 'x');
  for (StringRef number : numbers) {
    int64_t value = 0;
    if (number.getAsInteger(10, value) || value < 1 || value > 1 << 20)
      break;
    sizes.push_back(value);
  }
  auto isType = [](StringRef type) { return type == "f16" || type == "bf16" || type == "f32"; };
  bool isLinear = parts.size() == 3 && parts[0] == "linear" && isType(parts[1]) && sizes.size() == 3;
  bool isAttention = parts.size() == 4 && parts[0] == "attention" && isType(parts[1]) && sizes.size() == 4 &&
                     (parts[2] == "none" || parts[2] == "causal");
  if (sizes.size() != numbers.size() || (!isLinear && !isAttention))
    return llvm::formatv("expected a problem such as linear:f16:128x768x3072 (rows, outputs, inputs) or "
                         "attention:f16:none:8x12x128x64 (batch, heads, keys, head size), but got '{0}'",
                         text);
  problem.key.type = parts[1].str();
  int64_t element = parts[1] == "f32" ? 4 : 2, bytes;
  if (isLinear) {
    problem.key.operation = nvidia::TunedKey::Linear;
    problem.size = sizes[0];
    problem.key.n = sizes[1];
    problem.key.k = sizes[2];
    bytes = sizes[1] * sizes[2] * element;
  } else {
    problem.key.operation = nvidia::TunedKey::Attention;
    problem.key.mask = parts[2].str();
    problem.batch = sizes[0];
    problem.heads = sizes[1];
    problem.size = sizes[2];
    problem.key.n = problem.key.k = sizes[3];
    bytes = 4 * sizes[0] * sizes[1] * sizes[2] * sizes[3] * element;
  }
  problem.launches = std::clamp(kColdBytes / bytes, kMinLaunches, kMaxLaunches);
  return "";
}

/// The module of \p problem, as text.
static std::string getModule(const BenchProblem &problem) {
  std::string arguments, body, results, types;
  auto addArgument = [&](const std::string &name, const std::string &type) {
    arguments += llvm::formatv("{0}%{1}: {2} {{et.name = \"{1}\"}", arguments.empty() ? "" : ", ", name, type);
  };
  bool isLinear = problem.key.operation == nvidia::TunedKey::Linear;
  StringRef element = problem.key.type;
  auto tensor = [&](ArrayRef<int64_t> sizes) {
    std::string type = "tensor<";
    for (int64_t size : sizes)
      type += std::to_string(size) + "x";
    return type + element.str() + ">";
  };
  int64_t n = problem.key.n, k = problem.key.k;
  std::string x = tensor({problem.size, k}), w = tensor({n, k}), b = tensor({n}), y = tensor({problem.size, n}),
              qkv = tensor({problem.batch, problem.size, problem.heads, n});
  if (isLinear) {
    addArgument("x", x);
    addArgument("b", b);
  }
  for (int64_t i = 0; i < problem.launches; ++i) {
    std::string number = std::to_string(i);
    if (isLinear) {
      addArgument("w" + number, w);
      body += llvm::formatv("  %y{0} = et.linear %x, %w{0} bias(%b : {1}) : ({2}, {3}) -> {4}\n", i, b, x, w, y);
    } else {
      for (StringRef name : {"q", "k", "v"})
        addArgument(name.str() + number, qkv);
      body += llvm::formatv("  %y{0} = et.attention query(%q{0} : {1}) key(%k{0} : {1}) value(%v{0} : {1}) "
                            "{{indexing_maps = [#q, #k, #v, #o]{2}} -> {1}\n",
                            i, qkv, problem.key.mask == "causal" ? ", structure = #et.mask<causal>" : "");
    }
    results += (i ? ", %y" : "%y") + number;
    types += (i ? ", " : "") + (isLinear ? y : qkv);
  }
  return llvm::formatv("#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>\n"
                       "#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>\n"
                       "#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>\n"
                       "#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>\n"
                       "func.func @bench({0}) -> ({1}) {{\n{2}  return {3} : {1}\n}\n",
                       arguments, types, body, results);
}

namespace {
/// Writes the programs of problems to a folder.
class Preparer {
public:
  Preparer(const BenchOptions &options, StringRef folder, const nvidia::SM &sm)
      : options(options), folder(folder), sm(sm), context(createRegistry()) {
    context.loadAllAvailableDialects();
    context.printOpOnDiagnostic(false);
  }

  std::string prepare(ArrayRef<std::string> problems);

private:
  static DialectRegistry createRegistry() {
    DialectRegistry registry;
    registerCompilerDialects(registry);
    return registry;
  }
  std::string prepare(const BenchProblem &problem);
  /// The program of \p planned with \p schedule in place of what was chosen; failure when there is no such kernel.
  FailureOr<std::string> build(ModuleOp planned, DictionaryAttr schedule, const ProgramSignature &signature);
  std::string write(StringRef name, StringRef contents);

  const BenchOptions &options;
  StringRef folder;
  const nvidia::SM &sm;
  MLIRContext context;
  std::string list;
  unsigned numFiles = 0;
};
} // namespace

std::string Preparer::write(StringRef name, StringRef contents) {
  SmallString<128> path = folder;
  llvm::sys::path::append(path, name);
  std::error_code code;
  llvm::raw_fd_ostream file(path, code);
  file << contents;
  file.close();
  if (!code)
    code = file.error();
  file.clear_error();
  return code ? ("cannot write '" + path + "': " + code.message()).str() : "";
}

FailureOr<std::string> Preparer::build(ModuleOp planned, DictionaryAttr schedule, const ProgramSignature &signature) {
  OwningOpRef<ModuleOp> module = planned.clone();
  Builder builder(&context);
  NamedAttrList variant(schedule);
  variant.set("from", builder.getI64IntegerAttr(0));
  module->walk([&](LaunchOp launch) {
    NamedAttrList entries(launch.getScheduleAttr());
    entries.set("variants", builder.getArrayAttr(variant.getDictionary(&context)));
    launch.setScheduleAttr(entries.getDictionary(&context));
  });
  PassManager pm(&context);
  buildPlannedToGPUPipeline(pm);
  if (failed(pm.run(*module)))
    return failure();
  FailureOr<KernelCode> code = compileKernels(*module, sm.chip, /*assemble=*/true);
  if (failed(code))
    return failure();
  return buildSavedProgram(*module, signature, WeightsSection(), *code);
}

std::string Preparer::prepare(const BenchProblem &problem) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(getModule(problem), &context);
  FailureOr<func::FuncOp> entry = failure();
  FailureOr<ProgramSignature> signature = failure();
  if (module)
    entry = findEntry(*module);
  if (succeeded(entry))
    signature = getSignature(*entry);
  CompileOptions compile;
  compile.target = "cuda:" + sm.chip.str();
  compile.useTunedCache = false;
  if (failed(signature) || failed(runPasses(*module, Stage::Planned, compile)))
    return "cannot plan the problem '" + problem.text + "'";
  // What is chosen now comes first.
  SmallVector<DictionaryAttr> candidates;
  module->walk([&](LaunchOp launch) {
    auto variants = launch.getScheduleAttr().getAs<ArrayAttr>("variants");
    if (!candidates.empty() || !variants)
      return;
    NamedAttrList schedule(cast<DictionaryAttr>(variants[0]));
    schedule.erase("from");
    candidates.push_back(schedule.getDictionary(&context));
  });
  if (candidates.empty())
    return "the problem '" + problem.text + "' has no kernel with schedules on " + sm.chip.str();
  for (DictionaryAttr schedule :
       gpu_kernels::listCandidates(&context, problem.key, problem.size, sm, options.candidates))
    if (!llvm::is_contained(candidates, schedule))
      candidates.push_back(schedule);
  unsigned numBuilt = 0;
  for (DictionaryAttr schedule : candidates) {
    // Whether a kernel fits is known when it is built.
    ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
    FailureOr<std::string> program = build(*module, schedule, *signature);
    if (failed(program))
      continue;
    std::string file = std::to_string(numFiles++) + ".etp";
    if (std::string error = write(file, *program); !error.empty())
      return error;
    nvidia::TunedEntry measured;
    measured.key = problem.key;
    measured.size = problem.size;
    measured.schedule = gpu_kernels::getScheduleJSON(schedule);
    std::string name = llvm::formatv("{0}", llvm::json::Value(llvm::json::Object(measured.schedule)));
    list +=
        llvm::formatv("{0}\t{1}\t{2}\t{3}\t{4}\n", problem.text, file, problem.launches, name, measured.printStart());
    ++numBuilt;
  }
  llvm::outs() << problem.text << ": " << numBuilt << " of " << candidates.size() << " candidates can be built\n";
  return "";
}

std::string Preparer::prepare(ArrayRef<std::string> problems) {
  if (std::error_code code = llvm::sys::fs::create_directories(folder))
    return ("cannot make the folder '" + folder + "': " + code.message()).str();
  list = "et-candidates 1 " + sm.chip.str() + "\n";
  // All of them before the first is compiled, which takes minutes.
  std::vector<BenchProblem> parsed(problems.size());
  for (auto [text, problem] : llvm::zip(problems, parsed))
    if (std::string error = parseProblem(text, problem); !error.empty())
      return error;
  for (const BenchProblem &problem : parsed)
    if (std::string error = prepare(problem); !error.empty())
      return error;
  return write("candidates.txt", list);
}

/// Takes the entries of the tables \p from into that at \p path.
static std::string mergeTables(ArrayRef<std::string> from, StringRef path) {
  std::optional<nvidia::TunedTable> merged;
  auto take = [&](StringRef file) -> std::string {
    llvm::Expected<nvidia::TunedTable> table = nvidia::TunedTable::read(file);
    if (!table)
      return llvm::toString(table.takeError());
    MLIRContext context;
    if (std::string reason = gpu_kernels::verifyTunedTable(&context, *table); !reason.empty())
      return reason;
    if (merged && merged->getChip() != table->getChip())
      return llvm::formatv("tuned table '{0}' is for {1}, but '{2}' is for {3}", file, table->getChip(),
                           merged->getSource(), merged->getChip());
    if (merged)
      merged->merge(std::move(*table));
    else
      merged = std::move(*table);
    return "";
  };
  if (llvm::sys::fs::exists(path))
    if (std::string error = take(path); !error.empty())
      return error;
  for (const std::string &file : from)
    if (std::string error = take(file); !error.empty())
      return error;
  (void)llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path));
  std::error_code code;
  llvm::raw_fd_ostream file(path, code);
  file << merged->print();
  file.close();
  if (!code)
    code = file.error();
  file.clear_error();
  return code ? ("cannot write the tuned table '" + path + "': " + code.message()).str() : "";
}

std::string et::runBench(const BenchOptions &options) {
  int numTasks = !options.prepare.empty() + !options.measure.empty() + !options.merge.empty() + options.tune;
  if (numTasks != 1)
    return "expected one of --tune, --prepare, --measure and --merge; try --help";
  FailureOr<std::optional<std::string>> chip = parseTarget(options.target);
  if (failed(chip) || !*chip)
    return "expected --target to be cuda: and one of sm_80, sm_86, sm_89, sm_90 and sm_90a, but got '" +
           options.target + "'";
  nvidia::SM sm = *nvidia::SM::get(**chip);
  std::vector<std::string> problems = options.problems.empty() ? getDefaultProblems() : options.problems;
  if (!options.prepare.empty())
    return Preparer(options, options.prepare, sm).prepare(problems);
  std::string output = options.output.empty() ? nvidia::getUserTunedTable(sm.chip) : options.output;
  if (output.empty())
    return "expected -o and a file for the table: neither XDG_CACHE_HOME nor HOME names the user's cache";
  if (!options.merge.empty())
    return mergeTables(options.merge, output);

  MeasureOptions measure;
  measure.folder = options.measure;
  measure.device = options.device;
  SmallString<128> temporary;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("et-bench", temporary))
    return "cannot make a temporary folder: " + code.message();
  auto run = [&]() -> std::string {
    if (options.tune) {
      measure.folder = temporary.str().str();
      if (std::string error = Preparer(options, temporary, sm).prepare(problems); !error.empty())
        return error;
    }
    measure.output = (temporary + "/measured.json").str();
    if (runtime::Error error = measureCandidates(measure, stdout))
      return error.getMessage();
    return mergeTables({measure.output}, output);
  };
  std::string error = run();
  (void)llvm::sys::fs::remove_directories(temporary);
  return error;
}
