//===- NVTX.cpp - Ranges for NVIDIA's profilers -----------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/NVTX.h"

#include <dlfcn.h>

using namespace mlir::et::runtime;

namespace {
class NVTXRecorder final : public RangeRecorder {
public:
  using Push = int (*)(const char *);
  using Pop = int (*)();
  NVTXRecorder(Push push, Pop pop) : push(push), pop(pop) {}

  // Both return the depth, or a negative number when no profiler listens.
  void begin(const char *name) override { (void)push(name); }
  void end() override { (void)pop(); }

private:
  Push push;
  Pop pop;
};
} // namespace

Result<std::shared_ptr<RangeRecorder>> mlir::et::runtime::openNVTX(const std::string &library) {
  // Up to CUDA 12, and since.
  std::vector<std::string> names = {"libnvToolsExt.so.1", "libnvtx3interop.so.1", "libnvtx3interop.so"};
  if (!library.empty())
    names = {library};
  void *handle = nullptr;
  std::string reason;
  for (const std::string &name : names) {
    handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle)
      break;
    const char *text = ::dlerror();
    reason += (reason.empty() ? "" : "; ") + std::string(text ? text : name);
  }
  if (!handle)
    return Error("there is no NVTX here (" + reason +
                 "); install the CUDA toolkit or PyPI's nvidia-nvtx, and add its folder to LD_LIBRARY_PATH");
  auto push = reinterpret_cast<NVTXRecorder::Push>(::dlsym(handle, "nvtxRangePushA"));
  auto pop = reinterpret_cast<NVTXRecorder::Pop>(::dlsym(handle, "nvtxRangePop"));
  if (!push || !pop)
    return Error("the NVTX library lacks nvtxRangePushA or nvtxRangePop; take that of CUDA 10 or newer");
  return std::shared_ptr<RangeRecorder>(std::make_shared<NVTXRecorder>(push, pop));
}
