//===- toolbox.cpp - Every tool in one library ------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the Python package carries: the C API and the mains of the tools in one
// library, so that LLVM is there once.
//
//   $ et-opt ... ──et_tools/__init__.py──> etToolMain("et-opt ...") ──> main of et-opt
//
// One call in a process: a main leaves LLVM's options as it parsed them.
//
//===----------------------------------------------------------------------===//

#include "et/Version.h"

#include "et-c/Toolbox.h"

#include "llvm/Config/llvm-config.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/random.h>

// The mains of the tools, which CMakeLists.txt renames.
int etBenchMain(int argc, char **argv);
int etCompileMain(int argc, char **argv);
int etLspServerMain(int argc, char **argv);
int etOptMain(int argc, char **argv);
int etReduceMain(int argc, char **argv);
int etRunMain(int argc, char **argv);

namespace {
struct Tool {
  const char *name;
  int (*main)(int argc, char **argv);
};
} // namespace

static const Tool tools[] = {
    {"et-bench", etBenchMain}, {"et-compile", etCompileMain}, {"et-lsp-server", etLspServerMain},
    {"et-opt", etOptMain},     {"et-reduce", etReduceMain},   {"et-run", etRunMain},
};

int etToolMain(int argc, char **argv) {
  const char *name = argc > 0 ? argv[0] : "";
  if (const char *slash = std::strrchr(name, '/'))
    name = slash + 1;
  for (const Tool &tool : tools)
    if (!std::strcmp(tool.name, name))
      return tool.main(argc, argv);
  std::fprintf(stderr,
               "error: expected the name of a tool (et-bench, et-compile, et-lsp-server, et-opt, et-reduce or "
               "et-run), but got '%s'\n",
               name);
  return 2;
}

const char *etToolboxLLVMVersion(void) { return LLVM_VERSION_STRING; }

const char *etToolboxTargets(void) { return ET_TOOLBOX_TARGETS; }

// LLVM's random numbers call it; glibc has it since 2.36 only, and everything else here does with 2.35 (Ubuntu 22.04).
extern "C" uint32_t arc4random() {
  uint32_t value = 0;
  if (getrandom(&value, sizeof(value), 0) != static_cast<ssize_t>(sizeof(value)))
    std::abort();
  return value;
}
