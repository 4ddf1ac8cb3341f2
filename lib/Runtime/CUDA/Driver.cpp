//===- Driver.cpp - The CUDA driver, found at run time ----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Driver.h"

#include <dlfcn.h>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::cuda;

template <typename Function> static bool resolve(void *library, const char *symbol, Function &function) {
  function = reinterpret_cast<Function>(::dlsym(library, symbol));
  return function != nullptr;
}

Result<std::shared_ptr<const Driver>> Driver::open(const std::string &path) {
  void *library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = ::dlerror();
    return Error("there is no CUDA driver here (" + std::string(reason ? reason : path) +
                 "); run where an NVIDIA driver is installed, or compile the program for the CPU");
  }
  auto driver = std::make_shared<Driver>();
#define ET_CUDA_RESOLVE(name, symbol, parameters)                                                                      \
  if (!resolve(library, symbol, driver->name))                                                                         \
    return Error("the CUDA driver " + path + " lacks " symbol "; E.T. needs a driver of CUDA 12.0 or newer");
  ET_CUDA_FUNCTIONS(ET_CUDA_RESOLVE)
#undef ET_CUDA_RESOLVE
  (void)resolve(library, "cuStreamGetCaptureInfo_v3", driver->cuStreamGetCaptureInfo);
  if (CUresult result = driver->cuInit(0))
    return driver->makeError(result, "cannot initialise the CUDA driver");
  return std::shared_ptr<const Driver>(std::move(driver));
}

Error Driver::makeError(CUresult result, const std::string &what) const {
  const char *name = nullptr, *text = nullptr;
  (void)cuGetErrorName(result, &name);
  (void)cuGetErrorString(result, &text);
  return Error(what + ": " + (name ? name : "error " + std::to_string(result)) +
               (text ? std::string(" (") + text + ")" : ""));
}
