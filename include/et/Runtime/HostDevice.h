//===- HostDevice.h - Runs plans with C functions ---------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Executes a launch plan, made for any device, with kernels that are functions
// of this process. What there is to get wrong in a plan (sizes, offsets, arena,
// order, which graph is replayed with which pointers) shows without a GPU.
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_HOSTDEVICE_H
#define ET_RUNTIME_HOSTDEVICE_H

#include "et/Runtime/Device.h"

#include <functional>
#include <map>

namespace mlir::et::runtime {

/// What a host kernel gets for a tensor map.
struct HostTensorMap {
  char *data;
  uint32_t rank, swizzle, elementType;
  uint32_t box[5];
  uint64_t sizes[5];
  /// In bytes, of dimension 1 and up.
  uint64_t strides[4];
};
static_assert(sizeof(HostTensorMap) <= sizeof(EncodedMap));

/// How a host kernel is launched: once, for its whole grid.
struct HostLaunchInfo {
  uint32_t grid[3];
  uint32_t threads, sharedBytes, clusterSize;
  const char *name;
};

/// A kernel: \p arguments[i] points to the value of argument i, as for a CUDA kernel.
using HostKernel = std::function<void(void **arguments, const HostLaunchInfo &info)>;

/// Kernels by their symbol.
using HostKernelTable = std::map<std::string, HostKernel>;

/// A device on this process's processor and memory with the kernels of \p table. Plans for the host come before others.
std::unique_ptr<Device> createHostDevice(HostKernelTable table);

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_HOSTDEVICE_H
