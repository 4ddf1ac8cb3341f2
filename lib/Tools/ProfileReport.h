//===- ProfileReport.h - Profiles as table, JSON and trace ------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_TOOLS_PROFILEREPORT_H
#define ET_LIB_TOOLS_PROFILEREPORT_H

#include "et/Runtime/Executable.h"

#include <cstdio>

namespace mlir::et {

/// Where the time of one run goes.
struct ProfileReport {
  std::string program, target, device;
  runtime::DevicePeaks peaks;
  std::vector<runtime::StepTime> steps;
};

/// Prints a line per step, and one per kernel with all of its steps.
void printProfile(const ProfileReport &report, std::FILE *out);

/// Writes everything that the table is made from to \p path.
runtime::Error writeProfileJSON(const ProfileReport &report, const std::string &path);

/// Writes a trace of Chrome's JSON format, with the steps on one track and counters of what they reach, to \p path.
runtime::Error writeProfileTrace(const ProfileReport &report, const std::string &path);

} // namespace mlir::et

#endif // ET_LIB_TOOLS_PROFILEREPORT_H
