//===- Ptxas.cpp - Finding and running ptxas -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/Serialize.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et::nvidia;

//===----------------------------------------------------------------------===//
// Finding it
//===----------------------------------------------------------------------===//

/// Appends the folders in \p parent whose names start with \p prefix, newest (highest) name first, each with \p suffix.
static void addMatching(SmallVector<std::string> &folders, StringRef parent, StringRef prefix, StringRef suffix) {
  std::error_code error;
  SmallVector<std::string> found;
  for (llvm::sys::fs::directory_iterator it(parent, error), end; it != end && !error; it.increment(error))
    if (llvm::sys::path::filename(it->path()).starts_with(prefix))
      found.push_back(it->path() + suffix.str());
  llvm::sort(found, std::greater<>());
  llvm::append_range(folders, found);
}

PtxasSearch PtxasSearch::fromEnvironment() {
  auto get = [](StringRef name) { return llvm::sys::Process::GetEnv(name).value_or(""); };
  PtxasSearch search;
  search.explicitPath = get("ET_PTXAS");
  std::string path = get("PATH");
  SmallVector<StringRef> parts;
  StringRef(path).split(parts, llvm::sys::EnvPathSeparator, /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef part : parts)
    search.folders.push_back(part.str());
  for (StringRef variable : {"CUDA_HOME", "CUDA_PATH"})
    if (std::string root = get(variable); !root.empty())
      search.folders.push_back(root + "/bin");
  search.folders.push_back("/usr/local/cuda/bin");
  addMatching(search.folders, "/usr/local", "cuda-", "/bin");
  if (std::string root = get("VIRTUAL_ENV"); !root.empty()) {
    SmallVector<std::string> sites;
    addMatching(sites, root + "/lib", "python3", "/site-packages/nvidia");
    for (const std::string &site : sites) {
      // CUDA 13 has one folder of its own; CUDA 12 had one per package.
      search.folders.push_back(site + "/cu13/bin");
      search.folders.push_back(site + "/cuda_nvcc/bin");
    }
  }
  return search;
}

std::optional<std::string> et::nvidia::findPtxas(const PtxasSearch &search) {
  if (!search.explicitPath.empty())
    return llvm::sys::fs::can_execute(search.explicitPath) ? std::optional(search.explicitPath) : std::nullopt;
  for (const std::string &folder : search.folders) {
    SmallString<128> path(folder);
    llvm::sys::path::append(path, "ptxas");
    if (llvm::sys::fs::can_execute(path))
      return path.str().str();
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Reading what it says
//===----------------------------------------------------------------------===//

bool AssemblyReport::hasSpills() const {
  return llvm::any_of(kernels, [](const KernelReport &kernel) {
    return kernel.spillStoreBytes || kernel.spillLoadBytes || kernel.stackBytes;
  });
}

AssemblyReport et::nvidia::parsePtxasOutput(StringRef output) {
  AssemblyReport report;
  llvm::Regex entry("Compiling entry function '([^']*)'");
  llvm::Regex frame("([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads");
  llvm::Regex registers("Used ([0-9]+) registers");
  llvm::Regex shared("([0-9]+) bytes smem");
  llvm::Regex advisory("\\(C7[0-9][0-9][0-9]\\)|setmaxnreg.*ignored|[Pp]otential [Pp]erformance [Ll]oss");
  SmallVector<StringRef> lines, groups;
  output.split(lines, '\n');
  auto number = [&](unsigned group) {
    int64_t value = 0;
    groups[group].getAsInteger(10, value);
    return value;
  };
  for (StringRef line : lines) {
    if (advisory.match(line))
      report.advisories.push_back(line.trim().str());
    if (entry.match(line, &groups)) {
      report.kernels.emplace_back();
      report.kernels.back().name = groups[1].str();
      continue;
    }
    if (report.kernels.empty())
      continue;
    KernelReport &kernel = report.kernels.back();
    if (frame.match(line, &groups)) {
      kernel.stackBytes = number(1);
      kernel.spillStoreBytes = number(2);
      kernel.spillLoadBytes = number(3);
    }
    if (registers.match(line, &groups))
      kernel.registers = number(1);
    if (shared.match(line, &groups))
      kernel.staticSharedBytes = number(1);
  }
  return report;
}

//===----------------------------------------------------------------------===//
// Running it
//===----------------------------------------------------------------------===//

FailureOr<std::string> et::nvidia::assemblePTX(Location loc, StringRef ptx, const SM &sm, StringRef ptxas,
                                               AssemblyReport *report) {
  SmallString<128> input, output, log;
  llvm::scope_exit cleanUp([&] {
    for (StringRef file : {input, output, log})
      if (!file.empty())
        llvm::sys::fs::remove(file);
  });
  int descriptor;
  if (llvm::sys::fs::createTemporaryFile("et", "ptx", descriptor, input) ||
      llvm::sys::fs::createTemporaryFile("et", "cubin", output) || llvm::sys::fs::createTemporaryFile("et", "log", log))
    return emitError(loc, "cannot create temporary files for ptxas; is the folder for temporary files writable?");
  {
    llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
    os << ptx;
    os.close();
    if (os.has_error()) {
      emitError(loc, "cannot write ") << input << ": " << os.error().message();
      os.clear_error();
      return failure();
    }
  }
  std::string arch = ("-arch=" + sm.chip).str();
  StringRef arguments[] = {ptxas, arch, "-v", "-o", output, input};
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log), StringRef(log)};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(ptxas, arguments, /*Env=*/std::nullopt, redirects, /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message);
  auto said = llvm::MemoryBuffer::getFile(log);
  StringRef text = said ? (*said)->getBuffer() : StringRef();
  if (status != 0)
    return emitError(loc, "ptxas (") << ptxas << ") failed for " << sm.chip << ": "
                                     << (message.empty() ? text.trim() : StringRef(message));
  if (report)
    *report = parsePtxasOutput(text);
  auto cubin = llvm::MemoryBuffer::getFile(output, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!cubin)
    return emitError(loc, "cannot read ") << output << ": " << cubin.getError().message();
  return (*cubin)->getBuffer().str();
}
