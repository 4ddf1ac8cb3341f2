//===- Profile.h - Times the launches of a plan -----------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_RUNTIME_PROFILE_H
#define ET_LIB_RUNTIME_PROFILE_H

#include "et/Runtime/Executable.h"

namespace mlir::et::runtime {

/// Times \p launches, whose steps are \p steps, in \p stream. Ends with a whole run.
Error profileLaunches(Device &device, Kernels &kernels, const std::vector<StepLaunch> &launches,
                      const std::vector<ResolvedStep> &steps, Stream stream, std::vector<StepTime> &times);

/// A range of \p recorder, which may be null, as long as it lives.
class RangeScope {
public:
  RangeScope(RangeRecorder *recorder, const std::string &name) : recorder(recorder) {
    if (recorder)
      recorder->begin(name.c_str());
  }
  ~RangeScope() {
    if (recorder)
      recorder->end();
  }
  RangeScope(const RangeScope &) = delete;
  RangeScope &operator=(const RangeScope &) = delete;

private:
  RangeRecorder *recorder;
};

} // namespace mlir::et::runtime

#endif // ET_LIB_RUNTIME_PROFILE_H
