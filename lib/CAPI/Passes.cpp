//===- Passes.cpp - C API: passes and pipelines -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et-c/Passes.h"

#include "et/Compiler/Register.h"
#include "et/Conversion/ETToCPU/Passes.h"
#include "et/Conversion/ETToGPU/Passes.h"
#include "et/Conversion/LinalgToET/LinalgToET.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/TransformOps/Passes.h"

#include "mlir/CAPI/Pass.h"

#include <mutex>

using namespace mlir;
using namespace mlir::et;

void etRegisterPasses() {
  // A pipeline may be registered once: an MLIR with assertions insists on it.
  static std::once_flag once;
  std::call_once(once, registerCompilerPasses);
}

// The functions are declared in the generated headers, which makes them C.
#include "et/Conversion/ETToCPU/Passes.capi.cpp.inc"
#include "et/Conversion/ETToGPU/Passes.capi.cpp.inc"
#include "et/Conversion/LinalgToET/Passes.capi.cpp.inc"
#include "et/Dialect/ET/Transforms/Passes.capi.cpp.inc"
#include "et/TransformOps/Passes.capi.cpp.inc"
