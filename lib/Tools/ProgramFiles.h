//===- ProgramFiles.h - Inputs, outputs and reports of saved programs -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parts of RunProgram.cpp that touch files. numpy has no bf16: such inputs are
// read from f32 and rounded, and such outputs are written as f32.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_TOOLS_PROGRAMFILES_H
#define ET_LIB_TOOLS_PROGRAMFILES_H

#include "HostArray.h"
#include "et/Tools/RunProgram.h"

#include <cstdio>
#include <string>
#include <vector>

namespace mlir::et {

/// Assigns \p arguments, `file` or `name=file`, to \p tensors: one path for each, empty for those without. \p what is
/// input or output.
runtime::Result<std::vector<std::string>> assignFiles(const std::vector<std::string> &arguments,
                                                      const std::vector<runtime::Tensor> &tensors,
                                                      const std::string &what);

/// Reads the inputs of \p program that have files, and makes up the others, which it says on \p out.
runtime::Result<std::vector<HostArray>> collectInputs(const runtime::Program &program, const RunProgramOptions &options,
                                                      std::FILE *out);

/// One line for people: shape, type, and the range and mean of the elements.
void summarizeOutput(const runtime::Tensor &tensor, const HostArray &array, std::FILE *out);

runtime::Error writeOutput(const runtime::Tensor &tensor, const HostArray &array, const std::string &path);

/// Prints what a program holds.
void describeProgram(const runtime::Program &program, std::FILE *out);

} // namespace mlir::et

#endif // ET_LIB_TOOLS_PROGRAMFILES_H
