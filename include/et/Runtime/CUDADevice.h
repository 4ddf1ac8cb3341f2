//===- CUDADevice.h - NVIDIA GPUs -------------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_CUDADEVICE_H
#define ET_RUNTIME_CUDADEVICE_H

#include "et/Runtime/Device.h"

namespace mlir::et::runtime {

/// GPU number \p ordinal in its primary context, which it shares with PyTorch and the CUDA runtime. The driver is
/// opened now; \p library names it.
Result<std::shared_ptr<Device>> createCUDADevice(int ordinal = 0, const std::string &library = "libcuda.so.1");

/// An architecture such as sm_90a. Code for it runs where `canRun` says.
struct CUDATarget {
  int major = 0, minor = 0;
  /// 'a' or 'f', code for this architecture or family only; 0 otherwise.
  char suffix = 0;

  /// Parses `sm_90a`; major 0 when \p name is no such name.
  static CUDATarget parse(const std::string &name);

  /// Whether code of \p kind runs on a device of compute capability \p deviceMajor . \p deviceMinor.
  bool canRun(CodeKind kind, int deviceMajor, int deviceMinor) const;

  /// More is closer to newer devices.
  int getRank() const { return major * 1000 + minor * 10 + (suffix != 0); }
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_CUDADEVICE_H
