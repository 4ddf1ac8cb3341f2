//===- ImportOnnx.cpp - ONNX files as modules -------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The importer is the Python package's (python/et/onnx), which traces models
// with PyTorch. It runs as a child and leaves a module and its weights in a
// folder of temporary files:
//
//   model.onnx --(python, et.onnx)--> model.mlir, model.safetensors --> Session
//
// What it has to say it says on stderr, which it shares with the tool.
//
//===----------------------------------------------------------------------===//

#include "et/Tools/ImportOnnx.h"

#include "et/Tools/Session.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace mlir::et;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

/// Runs the importer; the first argument is a folder in which `et` may lie, tried last. Packages that are missing are
/// one message, not a traceback.
static constexpr StringRef bootstrap = R"(
import sys
if sys.argv[1]:
    sys.path.append(sys.argv[1])
try:
    import torch, onnx, et
except ImportError as missing:
    sys.exit(f"error: reading ONNX files takes the Python packages et, torch and onnx, but {sys.executable} lacks one: "
             f"{missing}; install what is missing with '{sys.executable} -m pip install -r requirements/onnx.txt', let "
             f"PYTHONPATH name the folder 'python' of E.T., or name another Python with ET_PYTHON")
from et.onnx import cli
sys.exit(cli.main(sys.argv[2:]))
)";

bool et::isOnnxFile(StringRef path) { return path.ends_with_insensitive(".onnx"); }

/// The folder of the Python package in the checkout that the tool was built in, or nothing.
static std::string findPackage(StringRef toolFolder) {
  SmallString<128> folder(toolFolder);
  path::append(folder, "..", "..", "python");
  SmallString<128> package(folder);
  path::append(package, "et", "onnx", "cli.py");
  return fs::exists(package) ? folder.str().str() : std::string();
}

LogicalResult et::readOnnx(Session &session, StringRef onnxFile, const OnnxOptions &options) {
  auto python = llvm::sys::findProgramByName(options.python);
  if (!python)
    return session.error("cannot find the Python '" + options.python +
                         "', which imports ONNX files: " + python.getError().message() + "; name one with ET_PYTHON");
  SmallString<128> folder;
  if (std::error_code wrong = fs::createUniqueDirectory("et-onnx", folder))
    return session.error("cannot create a temporary folder for the import of '" + onnxFile + "': " + wrong.message());
  llvm::scope_exit cleanUp([&] { fs::remove_directories(folder); });
  SmallString<128> module(folder), weights(folder);
  path::append(module, "model.mlir");
  path::append(weights, "model.safetensors");

  std::string package = findPackage(options.toolFolder);
  SmallVector<StringRef> arguments{*python, "-c", bootstrap, package, onnxFile, "-o", module};
  for (const std::string &dim : options.dims)
    arguments.append({"--dim", dim});
  arguments.append({"--masked-rows", options.maskedRows});
  // Its stdout is not the tool's, which may carry the result.
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(""), std::nullopt};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(*python, arguments, /*Env=*/std::nullopt, redirects, /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message);
  if (status < 0)
    return session.error("cannot import '" + onnxFile + "': '" + *python + "' " +
                         (message.empty() ? "ended early" : message));
  if (status != 0)
    return failure();
  // A module whose weights are all small has none beside it.
  return session.read(module, fs::exists(weights) ? StringRef(weights) : StringRef());
}
