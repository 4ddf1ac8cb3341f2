//===- Compile.h - C API: compile a module and run it -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles a module of et on tensors, given as text or bytecode, and runs it.
// Functions that can fail return an EtError, null on success; its owner is the
// caller. No function keeps a pointer that it is given, except where it says so.
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_COMPILE_H
#define ET_C_COMPILE_H

#include "et-c/Tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EtErrorImpl *EtError;
typedef struct EtProgramImpl *EtProgram;

/// Data of a `dense_resource` of the module: \p size bytes, row-major.
typedef struct EtResource {
  const char *name;
  const void *data;
  size_t size;
} EtResource;

/// Options of etCompile; etCompileOptionsInit sets the defaults.
typedef struct EtCompileOptions {
  /// Instruction set level: baseline, avx2, avx512 or native (default). Of a saved program, several with commas between
  /// them: it has a plan for each.
  const char *isa;
  /// Function to compile; null for the only public one.
  const char *entry;
  /// Threads the program uses; 0 (default) for one per processor.
  uint32_t threads;
  /// Not 0: take linear weights that are infinite or not a number.
  int allowNonFinite;
  /// cpu (default), or cuda: and an architecture such as sm_90a. Of a saved program, several with commas between them.
  const char *target;
  /// Not 0: on a GPU, apply norms in the linear layers around them. Faster where a batch has up to about 1024 tokens,
  /// slower with many. 2: a saved program does so for such batches and not for larger ones.
  int foldNorms;
  /// On a GPU, keys from which on attention runs as two kernels with its scores in memory. 0 (default): never.
  int64_t partialAttentionFrom;
  /// On a GPU, files of tuned schedules, which come before those of the cache and of the project; numTuned of them.
  const char *const *tuned;
  size_t numTuned;
  /// On a GPU, tokens that a batch is expected to have where sizes are dynamic, which decide whether sparse weights
  /// pay. 0 (default): thousands.
  uint32_t expectedRows;
  /// File with a transform script that is run on each plan when its launches have schedules. Null (default): none.
  const char *transformLibrary;
  /// Room for options of later versions: zero, as etCompileOptionsInit leaves it.
  uint64_t reserved[6];
} EtCompileOptions;

/// Called with each remark of the compiler; \p text is valid during the call.
typedef void (*EtRemarkCallback)(const char *text, void *context);

/// Version of the library.
ET_CAPI_EXPORTED const char *etVersion(void);

/// Text of \p error, owned by it.
ET_CAPI_EXPORTED const char *etErrorGetMessage(EtError error);
/// Destroys \p error.
ET_CAPI_EXPORTED void etErrorDestroy(EtError error);

/// Sets the defaults.
ET_CAPI_EXPORTED void etCompileOptionsInit(EtCompileOptions *options);

/// Compiles the module \p source (text or bytecode, \p size bytes) with the data of \p resources, and stores a program
/// in
/// \p program, owned by the caller. The data of resources is read during the call only. \p remarks may be null.
ET_CAPI_EXPORTED EtError etCompile(const char *source, size_t size, const EtResource *resources, size_t numResources,
                                   const EtCompileOptions *options, EtRemarkCallback remarks, void *remarkContext,
                                   EtProgram *program);

/// Compiles for the target that \p options name, a CPU or a GPU, and stores the bytes of a saved program in \p output
/// (\p outputSize of them, destroyed with etStringDestroy). Loading it is et-c/Runtime.h's.
ET_CAPI_EXPORTED EtError etCompileSaved(const char *source, size_t size, const EtResource *resources,
                                        size_t numResources, const EtCompileOptions *options, EtRemarkCallback remarks,
                                        void *remarkContext, char **output, size_t *outputSize);

/// Compiles as etCompile does, up to \p stage (et, planned, llvm, llvm-ir, asm, obj, program; of a GPU et, planned,
/// gpu, ptx, cubin, program), and stores what et-compile would print in \p output (\p outputSize bytes, destroyed with
/// etStringDestroy).
ET_CAPI_EXPORTED EtError etEmit(const char *source, size_t size, const EtResource *resources, size_t numResources,
                                const EtCompileOptions *options, const char *stage, char **output, size_t *outputSize);
/// Destroys a string that a function here returned.
ET_CAPI_EXPORTED void etStringDestroy(char *string);

/// Writes the module as bytecode with the data of \p resources inside to \p path.
ET_CAPI_EXPORTED EtError etWriteBytecode(const char *source, size_t size, const EtResource *resources,
                                         size_t numResources, const char *path);

/// Destroys \p program. No call of it may be running.
ET_CAPI_EXPORTED void etProgramDestroy(EtProgram program);

ET_CAPI_EXPORTED size_t etProgramGetNumInputs(EtProgram program);
ET_CAPI_EXPORTED size_t etProgramGetNumOutputs(EtProgram program);
/// Name, element type, rank and sizes (-1: dynamic) of an input or output; strings are owned by the program.
ET_CAPI_EXPORTED const char *etProgramGetInputName(EtProgram program, size_t i);
ET_CAPI_EXPORTED const char *etProgramGetOutputName(EtProgram program, size_t i);
ET_CAPI_EXPORTED EtElementType etProgramGetInputType(EtProgram program, size_t i);
ET_CAPI_EXPORTED EtElementType etProgramGetOutputType(EtProgram program, size_t i);
ET_CAPI_EXPORTED size_t etProgramGetInputRank(EtProgram program, size_t i);
ET_CAPI_EXPORTED size_t etProgramGetOutputRank(EtProgram program, size_t i);
ET_CAPI_EXPORTED const int64_t *etProgramGetInputShape(EtProgram program, size_t i);
ET_CAPI_EXPORTED const int64_t *etProgramGetOutputShape(EtProgram program, size_t i);
/// Name of dimension \p dim of input \p i; empty when it has none.
ET_CAPI_EXPORTED const char *etProgramGetInputDimName(EtProgram program, size_t i, size_t dim);
/// Bytes of weights and of working memory.
ET_CAPI_EXPORTED size_t etProgramGetWeightsSize(EtProgram program);
ET_CAPI_EXPORTED size_t etProgramGetArenaSize(EtProgram program);
/// Threads of later calls. An error where there is no OpenMP library, and more than one are asked for.
ET_CAPI_EXPORTED EtError etProgramSetThreads(EtProgram program, uint32_t threads);

/// Writes \p program to the file \p path as a saved program, which et-c/Runtime.h loads. The file appears when it is
/// complete.
ET_CAPI_EXPORTED EtError etProgramSave(EtProgram program, const char *path);

/// Checks \p inputs and stores the sizes of all outputs, one output after the other, in \p sizes, which has room for
/// the sum of their ranks.
ET_CAPI_EXPORTED EtError etProgramComputeShapes(EtProgram program, const EtTensor *inputs, size_t numInputs,
                                                int64_t *sizes);

/// Runs on \p inputs and writes \p outputs, whose shapes are those of etProgramComputeShapes. Calls from several
/// threads wait for each other.
ET_CAPI_EXPORTED EtError etProgramRun(EtProgram program, const EtTensor *inputs, size_t numInputs,
                                      const EtTensor *outputs, size_t numOutputs);

#ifdef __cplusplus
}
#endif

#endif // ET_C_COMPILE_H
