//===- NVTX.h - Ranges for NVIDIA's profilers -------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_NVTX_H
#define ET_RUNTIME_NVTX_H

#include "et/Runtime/Executable.h"

namespace mlir::et::runtime {

/// Ranges that Nsight Systems and others show. NVTX is opened now, from \p library or, when that is empty, under the
/// names that NVIDIA ships it by; nothing links it.
Result<std::shared_ptr<RangeRecorder>> openNVTX(const std::string &library = "");

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_NVTX_H
