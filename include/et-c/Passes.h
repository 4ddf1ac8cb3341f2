//===- Passes.h - C API: passes and pipelines -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For programs that hold MLIR themselves (Dialect.h). Each pass P has two
// functions, which TableGen generates: mlirCreateETP() makes it with its default
// options, mlirRegisterETP() makes it known to textual pipelines; those of
// conversions and of scripts are mlirCreateETToCPUP(), mlirCreateETToGPUP(),
// mlirCreateETRaiseP() and mlirCreateETTransformP().
// Options are given in a textual pipeline:
//
//   etRegisterPasses();
//   mlirOpPassManagerAddPipeline(pm, mlirStringRefCreateFromCString("et-to-gpu{chip=sm_90a}"), callback, data);
//
// The context needs etRegisterDialects.
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_PASSES_H
#define ET_C_PASSES_H

#include "et-c/Tensor.h"

#include "mlir-c/Pass.h"

#include "et/Conversion/ETToCPU/Passes.capi.h.inc"
#include "et/Conversion/ETToGPU/Passes.capi.h.inc"
#include "et/Conversion/LinalgToET/Passes.capi.h.inc"
#include "et/Dialect/ET/Transforms/Passes.capi.h.inc"
#include "et/TransformOps/Passes.capi.h.inc"

#ifdef __cplusplus
extern "C" {
#endif

/// Makes all passes and pipelines of E.T. known to textual pipelines: those of docs/reference, and `et-plan-cpu`,
/// `et-to-cpu`, `et-plan-gpu`, `et-to-gpu` and `et-raise-all`. May be called more than once, and from several threads,
/// but not while another thread parses a textual pipeline.
ET_CAPI_EXPORTED void etRegisterPasses(void);

#ifdef __cplusplus
}
#endif

#endif // ET_C_PASSES_H
