//===- Driver.h - The CUDA driver, found at run time ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The few types and functions of the driver API that we use, declared here so
// that E.T. builds without a CUDA toolkit and starts without a driver. Names
// are those of cuda.h; layouts and numbers are part of the driver's ABI.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_RUNTIME_CUDA_DRIVER_H
#define ET_LIB_RUNTIME_CUDA_DRIVER_H

#include "et/Runtime/Error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace mlir::et::runtime::cuda {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphExec = struct CUgraphExec_st *;
using CUgraphNode = struct CUgraphNode_st *;

constexpr CUresult CUDA_SUCCESS = 0;
constexpr CUresult CUDA_ERROR_NO_BINARY_FOR_GPU = 209;

constexpr int CU_DEVICE_ATTRIBUTE_CLOCK_RATE = 13;
constexpr int CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16;
constexpr int CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE = 36;
constexpr int CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH = 37;
constexpr int CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75;
constexpr int CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76;

constexpr int CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;
constexpr int CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED = 14;

constexpr int CU_JIT_ERROR_LOG_BUFFER = 5;
constexpr int CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6;

constexpr unsigned CU_STREAM_NON_BLOCKING = 1;
constexpr unsigned CU_EVENT_DEFAULT = 0;
constexpr unsigned CU_EVENT_DISABLE_TIMING = 2;
constexpr int CU_STREAM_CAPTURE_STATUS_NONE = 0;
constexpr int CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1;

constexpr int CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION = 4;
constexpr int CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6;

struct CUlaunchAttribute {
  int id;
  char pad[4];
  union {
    char bytes[64];
    struct {
      unsigned x, y, z;
    } clusterDim;
    int programmaticStreamSerializationAllowed;
  } value;
};
static_assert(sizeof(CUlaunchAttribute) == 72);

struct CUlaunchConfig {
  unsigned gridDimX, gridDimY, gridDimZ;
  unsigned blockDimX, blockDimY, blockDimZ;
  unsigned sharedMemBytes;
  CUstream hStream;
  CUlaunchAttribute *attrs;
  unsigned numAttrs;
};
static_assert(sizeof(CUlaunchConfig) == 56);

struct CUDA_KERNEL_NODE_PARAMS {
  CUfunction func;
  unsigned gridDimX, gridDimY, gridDimZ;
  unsigned blockDimX, blockDimY, blockDimZ;
  unsigned sharedMemBytes;
  void **kernelParams;
  void **extra;
  void *kern;
  CUcontext ctx;
};
static_assert(sizeof(CUDA_KERNEL_NODE_PARAMS) == 72);

constexpr int CU_TENSOR_MAP_DATA_TYPE_UINT8 = 0;
constexpr int CU_TENSOR_MAP_DATA_TYPE_UINT16 = 1;
constexpr int CU_TENSOR_MAP_DATA_TYPE_INT32 = 3;
constexpr int CU_TENSOR_MAP_DATA_TYPE_INT64 = 5;
constexpr int CU_TENSOR_MAP_DATA_TYPE_FLOAT16 = 6;
constexpr int CU_TENSOR_MAP_DATA_TYPE_FLOAT32 = 7;
constexpr int CU_TENSOR_MAP_DATA_TYPE_FLOAT64 = 8;
constexpr int CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 = 9;
constexpr int CU_TENSOR_MAP_INTERLEAVE_NONE = 0;
constexpr int CU_TENSOR_MAP_SWIZZLE_NONE = 0;
constexpr int CU_TENSOR_MAP_SWIZZLE_32B = 1;
constexpr int CU_TENSOR_MAP_SWIZZLE_64B = 2;
constexpr int CU_TENSOR_MAP_SWIZZLE_128B = 3;
constexpr int CU_TENSOR_MAP_L2_PROMOTION_L2_256B = 3;
constexpr int CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE = 0;

/// Functions that every driver since CUDA 12.0 has: result, name in the API, symbol in the library, parameters.
#define ET_CUDA_FUNCTIONS(X)                                                                                           \
  X(cuInit, "cuInit", (unsigned))                                                                                      \
  X(cuGetErrorName, "cuGetErrorName", (CUresult, const char **))                                                       \
  X(cuGetErrorString, "cuGetErrorString", (CUresult, const char **))                                                   \
  X(cuDeviceGetCount, "cuDeviceGetCount", (int *))                                                                     \
  X(cuDeviceGet, "cuDeviceGet", (CUdevice *, int))                                                                     \
  X(cuDeviceGetName, "cuDeviceGetName", (char *, int, CUdevice))                                                       \
  X(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int *, int, CUdevice))                                              \
  X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (CUcontext *, CUdevice))                                     \
  X(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", (CUdevice))                                             \
  X(cuCtxPushCurrent, "cuCtxPushCurrent_v2", (CUcontext))                                                              \
  X(cuCtxPopCurrent, "cuCtxPopCurrent_v2", (CUcontext *))                                                              \
  X(cuModuleLoadDataEx, "cuModuleLoadDataEx", (CUmodule *, const void *, unsigned, int *, void **))                    \
  X(cuModuleUnload, "cuModuleUnload", (CUmodule))                                                                      \
  X(cuModuleGetFunction, "cuModuleGetFunction", (CUfunction *, CUmodule, const char *))                                \
  X(cuFuncSetAttribute, "cuFuncSetAttribute", (CUfunction, int, int))                                                  \
  X(cuLaunchKernelEx, "cuLaunchKernelEx", (const CUlaunchConfig *, CUfunction, void **, void **))                      \
  X(cuMemGetInfo, "cuMemGetInfo_v2", (size_t *, size_t *))                                                             \
  X(cuMemAlloc, "cuMemAlloc_v2", (CUdeviceptr *, size_t))                                                              \
  X(cuMemFree, "cuMemFree_v2", (CUdeviceptr))                                                                          \
  X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (CUdeviceptr, const void *, size_t, CUstream))                          \
  X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void *, CUdeviceptr, size_t, CUstream))                                \
  X(cuMemsetD8Async, "cuMemsetD8Async", (CUdeviceptr, unsigned char, size_t, CUstream))                                \
  X(cuStreamCreate, "cuStreamCreate", (CUstream *, unsigned))                                                          \
  X(cuStreamDestroy, "cuStreamDestroy_v2", (CUstream))                                                                 \
  X(cuStreamSynchronize, "cuStreamSynchronize", (CUstream))                                                            \
  X(cuStreamWaitEvent, "cuStreamWaitEvent", (CUstream, CUevent, unsigned))                                             \
  X(cuStreamIsCapturing, "cuStreamIsCapturing", (CUstream, int *))                                                     \
  X(cuStreamBeginCapture, "cuStreamBeginCapture_v2", (CUstream, int))                                                  \
  X(cuStreamEndCapture, "cuStreamEndCapture", (CUstream, CUgraph *))                                                   \
  X(cuEventCreate, "cuEventCreate", (CUevent *, unsigned))                                                             \
  X(cuEventDestroy, "cuEventDestroy_v2", (CUevent))                                                                    \
  X(cuEventRecord, "cuEventRecord", (CUevent, CUstream))                                                               \
  X(cuEventSynchronize, "cuEventSynchronize", (CUevent))                                                               \
  X(cuEventElapsedTime, "cuEventElapsedTime", (float *, CUevent, CUevent))                                             \
  X(cuGraphInstantiateWithFlags, "cuGraphInstantiateWithFlags", (CUgraphExec *, CUgraph, unsigned long long))          \
  X(cuGraphExecDestroy, "cuGraphExecDestroy", (CUgraphExec))                                                           \
  X(cuGraphDestroy, "cuGraphDestroy", (CUgraph))                                                                       \
  X(cuGraphLaunch, "cuGraphLaunch", (CUgraphExec, CUstream))                                                           \
  X(cuGraphExecKernelNodeSetParams, "cuGraphExecKernelNodeSetParams_v2",                                               \
    (CUgraphExec, CUgraphNode, const CUDA_KERNEL_NODE_PARAMS *))                                                       \
  X(cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled",                                                                  \
    (void *, int, uint32_t, void *, const uint64_t *, const uint64_t *, const uint32_t *, const uint32_t *, int, int,  \
     int, int))

/// The driver's functions.
struct Driver {
#define ET_CUDA_DECLARE(name, symbol, parameters) CUresult(*name) parameters = nullptr;
  ET_CUDA_FUNCTIONS(ET_CUDA_DECLARE)
#undef ET_CUDA_DECLARE

  /// Since CUDA 12.3, null before: which node the last captured launch became.
  CUresult (*cuStreamGetCaptureInfo)(CUstream, int *, uint64_t *, CUgraph *, const CUgraphNode **, const void **,
                                     size_t *) = nullptr;

  /// Opens the library \p path and initialises it. The library stays open for the life of the process.
  static Result<std::shared_ptr<const Driver>> open(const std::string &path);

  /// \p result as an error: what was tried, the driver's name for it, and its words.
  Error makeError(CUresult result, const std::string &what) const;

  /// Success, or an error that says what was tried.
  Error check(CUresult result, const char *what) const {
    return result == CUDA_SUCCESS ? Error::success() : makeError(result, what);
  }
};

} // namespace mlir::et::runtime::cuda

#endif // ET_LIB_RUNTIME_CUDA_DRIVER_H
