//===- Runtime.h - C API: load saved programs and run them -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// libETRuntime: needs neither LLVM nor CUDA to be installed. The CUDA driver is
// opened by etDeviceCreateCUDA, and OpenMP by etDeviceCreateCPU.
//
//   saved program (a file) + device  ->  executable  ->  runs
//
// Functions that can fail return an EtRuntimeError, null on success; its owner
// is the caller. What a function stores through a pointer to a handle is the
// caller's to destroy. No function keeps a pointer that it is given, except
// where it says so. Functions may be called from several threads; runs of one
// executable take turns.
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_RUNTIME_H
#define ET_C_RUNTIME_H

#include "et-c/Tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EtRuntimeErrorImpl *EtRuntimeError;
typedef struct EtSavedProgramImpl *EtSavedProgram;
typedef struct EtDeviceImpl *EtDevice;
typedef struct EtExecutableImpl *EtExecutable;

/// Kinds of devices.
typedef enum EtDeviceKind { ET_CPU = 0, ET_CUDA = 1 } EtDeviceKind;

/// A queue of work: a CUstream (cudaStream_t) on CUDA, null for the legacy default stream; ignored on the host.
typedef void *EtStream;

/// Version of the library.
ET_CAPI_EXPORTED const char *etRuntimeVersion(void);

/// Text of \p error, owned by it.
ET_CAPI_EXPORTED const char *etRuntimeErrorGetMessage(EtRuntimeError error);
/// Destroys \p error.
ET_CAPI_EXPORTED void etRuntimeErrorDestroy(EtRuntimeError error);

//===----------------------------------------------------------------------===//
// Saved programs
//===----------------------------------------------------------------------===//

/// Maps and verifies the file \p path, which must not change while the program is in use. \p checkWeights not 0: reads
/// all weights once to find damage.
ET_CAPI_EXPORTED EtRuntimeError etSavedProgramLoad(const char *path, int checkWeights, EtSavedProgram *program);
/// Loads a copy of the \p size bytes of a file at \p data.
ET_CAPI_EXPORTED EtRuntimeError etSavedProgramLoadMemory(const void *data, size_t size, int checkWeights,
                                                         EtSavedProgram *program);
/// Destroys \p program; executables made from it live on.
ET_CAPI_EXPORTED void etSavedProgramDestroy(EtSavedProgram program);

/// Name of the program; strings are owned by it.
ET_CAPI_EXPORTED const char *etSavedProgramGetName(EtSavedProgram program);
/// Number of plans, the kind of device that each is for, and what it was compiled for (sm_90a, x86-64-v4, ...).
ET_CAPI_EXPORTED size_t etSavedProgramGetNumPlans(EtSavedProgram program);
ET_CAPI_EXPORTED EtDeviceKind etSavedProgramGetPlanDevice(EtSavedProgram program, size_t i);
ET_CAPI_EXPORTED const char *etSavedProgramGetPlanTarget(EtSavedProgram program, size_t i);
ET_CAPI_EXPORTED size_t etSavedProgramGetNumInputs(EtSavedProgram program);
ET_CAPI_EXPORTED size_t etSavedProgramGetNumOutputs(EtSavedProgram program);
/// Name, element type and rank of an input or output.
ET_CAPI_EXPORTED const char *etSavedProgramGetInputName(EtSavedProgram program, size_t i);
ET_CAPI_EXPORTED const char *etSavedProgramGetOutputName(EtSavedProgram program, size_t i);
ET_CAPI_EXPORTED EtElementType etSavedProgramGetInputType(EtSavedProgram program, size_t i);
ET_CAPI_EXPORTED EtElementType etSavedProgramGetOutputType(EtSavedProgram program, size_t i);
ET_CAPI_EXPORTED size_t etSavedProgramGetInputRank(EtSavedProgram program, size_t i);
ET_CAPI_EXPORTED size_t etSavedProgramGetOutputRank(EtSavedProgram program, size_t i);
/// A size, -1 when it is dynamic.
ET_CAPI_EXPORTED int64_t etSavedProgramGetInputSize(EtSavedProgram program, size_t i, size_t dim);
ET_CAPI_EXPORTED int64_t etSavedProgramGetOutputSize(EtSavedProgram program, size_t i, size_t dim);
/// The name of a dynamic size; empty when it has none.
ET_CAPI_EXPORTED const char *etSavedProgramGetInputDimName(EtSavedProgram program, size_t i, size_t dim);
ET_CAPI_EXPORTED const char *etSavedProgramGetOutputDimName(EtSavedProgram program, size_t i, size_t dim);

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

/// Opens the CUDA driver and GPU number \p ordinal, in its primary context: the one of the CUDA runtime and PyTorch.
ET_CAPI_EXPORTED EtRuntimeError etDeviceCreateCUDA(int ordinal, EtDevice *device);

/// Makes a device of this process's processors, with \p threads threads, 0 for one per processor. More than one need an
/// OpenMP library (libomp): without it asking for them is an error, and the default is one, which the notice of the
/// device says. Memory is that of the process; a run is done when its call returns, which also tells what kernels found
/// wrong.
ET_CAPI_EXPORTED EtRuntimeError etDeviceCreateCPU(uint32_t threads, EtDevice *device);

/// How a host kernel is launched: once, for its whole grid.
typedef struct EtHostLaunchInfo {
  uint32_t grid[3];
  uint32_t threads, sharedBytes, clusterSize;
  /// What the step computes.
  const char *name;
} EtHostLaunchInfo;

/// A kernel on the host: \p arguments[i] points to the value of argument i.
typedef void (*EtHostKernelFunction)(void **arguments, const EtHostLaunchInfo *info);

typedef struct EtHostKernel {
  const char *symbol;
  EtHostKernelFunction function;
} EtHostKernel;

/// Makes a device that runs plans in this process with \p kernels, whatever device they were made for: to test plans
/// where there is no GPU. Copies the table.
ET_CAPI_EXPORTED EtRuntimeError etDeviceCreateHost(const EtHostKernel *kernels, size_t numKernels, EtDevice *device);

/// Destroys \p device; executables on it live on.
ET_CAPI_EXPORTED void etDeviceDestroy(EtDevice device);
/// For messages, such as `CUDA device 0 (NVIDIA H200, sm_90)`; owned by \p device.
ET_CAPI_EXPORTED const char *etDeviceGetDescription(EtDevice device);
/// What its user should know, such as why runs take one thread; empty when there is nothing. Owned by \p device.
ET_CAPI_EXPORTED const char *etDeviceGetNotice(EtDevice device);

/// Memory of the device, and copies in the order of \p stream; the one from the device waits for the stream. Callers
/// that have memory of their own need none of these.
ET_CAPI_EXPORTED EtRuntimeError etDeviceAllocate(EtDevice device, size_t size, void **memory);
ET_CAPI_EXPORTED void etDeviceRelease(EtDevice device, void *memory);
ET_CAPI_EXPORTED EtRuntimeError etDeviceCopyTo(EtDevice device, void *to, const void *from, size_t size,
                                               EtStream stream);
ET_CAPI_EXPORTED EtRuntimeError etDeviceCopyFrom(EtDevice device, void *to, const void *from, size_t size,
                                                 EtStream stream);

/// A stream of its own for callers who have none.
ET_CAPI_EXPORTED EtRuntimeError etDeviceCreateStream(EtDevice device, EtStream *stream);
/// Destroys \p stream, whose work is done.
ET_CAPI_EXPORTED void etDeviceDestroyStream(EtDevice device, EtStream stream);

//===----------------------------------------------------------------------===//
// Executables
//===----------------------------------------------------------------------===//

/// Options of etExecutableCreate; etExecutableOptionsInit sets the defaults.
typedef struct EtExecutableOptions {
  /// How many sets of dynamic sizes are kept with their graphs (64).
  size_t maxShapes;
  /// Not 0: replay CUDA graphs (1).
  int useGraphs;
  /// Not 0: on a CPU, read weights where the file is mapped, so that processes share one copy and loading copies
  /// nothing (0). Slower: a file has small pages.
  int mapWeights;
  /// Room for options of later versions: zero, as etExecutableOptionsInit leaves it.
  uint64_t reserved[6];
} EtExecutableOptions;

/// What an executable did so far.
typedef struct EtExecutableStatistics {
  uint64_t runs;
  /// Times the plan was evaluated, graphs made, runs that replayed one, and launches in graphs that got new pointers.
  uint64_t plansResolved, graphsMade, graphReplays, launchesUpdated;
  /// Now: sets of sizes kept, and bytes of working memory and of weights on the device.
  size_t shapesKept, arenaBytes, weightBytes;
  /// Room for what later versions count.
  uint64_t reserved[8];
} EtExecutableStatistics;

/// Sets the defaults.
ET_CAPI_EXPORTED void etExecutableOptionsInit(EtExecutableOptions *options);

/// Loads kernels and weights of \p program onto \p device. \p options may be null.
ET_CAPI_EXPORTED EtRuntimeError etExecutableCreate(EtSavedProgram program, EtDevice device,
                                                   const EtExecutableOptions *options, EtExecutable *executable);
/// Waits for the last run and destroys \p executable.
ET_CAPI_EXPORTED void etExecutableDestroy(EtExecutable executable);

/// What the plan in use was compiled for; owned by the executable.
ET_CAPI_EXPORTED const char *etExecutableGetTarget(EtExecutable executable);

/// Checks the shapes of \p inputs (their data may be null) and stores the sizes of all outputs, one output after the
/// other, in \p sizes, which has room for the sum of their ranks.
ET_CAPI_EXPORTED EtRuntimeError etExecutableComputeShapes(EtExecutable executable, const EtTensor *inputs,
                                                          size_t numInputs, int64_t *sizes);

/// Starts a run behind the work in \p stream; the data of \p inputs and \p outputs is in the memory of the device and
/// does not overlap. The stream must stay valid until the next run in another one, or the end of the executable. The
/// arrays themselves may be reused at once. While the stream is being captured, the run becomes part of that graph.
ET_CAPI_EXPORTED EtRuntimeError etExecutableRun(EtExecutable executable, const EtTensor *inputs, size_t numInputs,
                                                const EtTensor *outputs, size_t numOutputs, EtStream stream);

/// Waits for \p stream. The error is the device's, or what a kernel found wrong since the last call (an index that is
/// out of range, ...).
ET_CAPI_EXPORTED EtRuntimeError etExecutableSynchronize(EtExecutable executable, EtStream stream);

ET_CAPI_EXPORTED void etExecutableGetStatistics(EtExecutable executable, EtExecutableStatistics *statistics);

/// The position of the first of \p count words that is not the one in \p expected, or \p count: whether anything
/// changed that a caller watches in memory, at the price of one read each.
ET_CAPI_EXPORTED size_t etFindChangedWord(const uint64_t *const *words, const uint64_t *expected, size_t count);

#ifdef __cplusplus
}
#endif

#endif // ET_C_RUNTIME_H
