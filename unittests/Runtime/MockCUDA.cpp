//===- MockCUDA.cpp - A CUDA driver on the host -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MockCUDA.h"

#include "CUDA/Driver.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::cuda;
using namespace mlir::et::runtime::test;

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT MockCUDA *etMockCUDA() {
  static MockCUDA mock;
  return &mock;
}

/// Returns what the test wants this function to fail with.
#define MOCK(name)                                                                                                     \
  MockCUDA &mock = *etMockCUDA();                                                                                      \
  if (auto failure = mock.failures.find(#name); failure != mock.failures.end())                                        \
    return failure->second;                                                                                            \
  (void)mock

namespace {
/// A launch with a copy of its parameters.
struct Launched {
  CUfunction function;
  CUlaunchConfig config;
  std::vector<EncodedMap> values;
};
} // namespace

namespace mlir::et::runtime::cuda {
struct CUctx_st {};
struct CUmod_st {};
struct CUfunc_st {
  std::string name;
};
struct CUgraphNode_st {
  Launched launch;
};
struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;
};
struct CUgraphExec_st {
  CUgraph graph;
  std::vector<Launched> launches;
};
struct CUstream_st {
  CUgraph captured = nullptr;
};
struct CUevent_st {
  std::chrono::steady_clock::time_point time;
};
} // namespace mlir::et::runtime::cuda

static Launched record(CUfunction function, const CUlaunchConfig &config, void **parameters) {
  Launched launched = {function, config, {}};
  for (size_t size : etMockCUDA()->kernels[function->name].parameters) {
    std::memcpy(&launched.values.emplace_back(), *parameters, size);
    ++parameters;
  }
  return launched;
}

static void execute(Launched &launched) {
  std::vector<void *> arguments;
  for (EncodedMap &value : launched.values)
    arguments.push_back(&value);
  const CUlaunchConfig &config = launched.config;
  HostLaunchInfo info = {{config.gridDimX, config.gridDimY, config.gridDimZ},
                         config.blockDimX,
                         config.sharedMemBytes,
                         1,
                         launched.function->name.c_str()};
  etMockCUDA()->kernels[launched.function->name].function(arguments.data(), info);
}

EXPORT CUresult cuInit(unsigned) {
  MOCK(cuInit);
  return CUDA_SUCCESS;
}
EXPORT CUresult cuGetErrorName(CUresult result, const char **name) {
  *name = result == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : result == 100 ? "CUDA_ERROR_NO_DEVICE" : nullptr;
  return *name ? CUDA_SUCCESS : 1;
}
EXPORT CUresult cuGetErrorString(CUresult result, const char **text) {
  *text = result == 2 ? "out of memory" : nullptr;
  return *text ? CUDA_SUCCESS : 1;
}
EXPORT CUresult cuDeviceGetCount(int *count) {
  MOCK(cuDeviceGetCount);
  *count = mock.numDevices;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  *device = ordinal;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuDeviceGetName(char *name, int size, CUdevice) {
  std::strncpy(name, "Mock", size);
  return CUDA_SUCCESS;
}
EXPORT CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice) {
  MOCK(cuDeviceGetAttribute);
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    *value = mock.major;
    break;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    *value = mock.minor;
    break;
  default:
    // As an H200 has them.
    *value = attribute == CU_DEVICE_ATTRIBUTE_CLOCK_RATE             ? 1980000
             : attribute == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT ? 132
             : attribute == CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE    ? 3201000
                                                                     : 6144;
  }
  return CUDA_SUCCESS;
}
EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice) {
  MOCK(cuDevicePrimaryCtxRetain);
  static CUctx_st primary;
  *context = &primary;
  ++mock.contexts;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice) {
  --etMockCUDA()->contexts;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuCtxPushCurrent_v2(CUcontext) {
  ++etMockCUDA()->pushed;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuCtxPopCurrent_v2(CUcontext *) {
  --etMockCUDA()->pushed;
  return CUDA_SUCCESS;
}

EXPORT CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned numOptions, int *, void **values) {
  MOCK(cuModuleLoadDataEx);
  std::string contents = static_cast<const char *>(image);
  mock.log.push_back("module " + contents);
  if (auto refused = mock.refusedImages.find(contents); refused != mock.refusedImages.end()) {
    if (numOptions > 0)
      std::strcpy(static_cast<char *>(values[0]), "line 1: syntax error");
    return refused->second;
  }
  *module = new CUmod_st();
  ++mock.modules;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuModuleUnload(CUmodule module) {
  delete module;
  --etMockCUDA()->modules;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuModuleGetFunction(CUfunction *function, CUmodule, const char *name) {
  static std::map<std::string, CUfunc_st> functions;
  if (!etMockCUDA()->kernels.count(name))
    return 500;
  functions[name].name = name;
  *function = &functions[name];
  return CUDA_SUCCESS;
}
EXPORT CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  MOCK(cuFuncSetAttribute);
  mock.log.push_back("attribute " + function->name + " " + std::to_string(attribute) + " = " + std::to_string(value));
  return CUDA_SUCCESS;
}
EXPORT CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters, void **) {
  MOCK(cuLaunchKernelEx);
  std::string line = "launch " + function->name;
  for (unsigned i = 0; i < config->numAttrs; ++i)
    line += config->attrs[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
                ? " cluster " + std::to_string(config->attrs[i].value.clusterDim.x)
                : " programmatic " + std::to_string(config->attrs[i].value.programmaticStreamSerializationAllowed);
  mock.log.push_back(line);
  Launched launched = record(function, *config, parameters);
  launched.config.attrs = nullptr;
  if (config->hStream && config->hStream->captured)
    config->hStream->captured->nodes.push_back(std::make_unique<CUgraphNode_st>(CUgraphNode_st{std::move(launched)}));
  else
    execute(launched);
  return CUDA_SUCCESS;
}

EXPORT CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  *free = etMockCUDA()->freeMemory;
  *total = size_t(1) << 30;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *memory, size_t size) {
  MOCK(cuMemAlloc);
  if (size > mock.freeMemory)
    return 2;
  // The driver promises 256 bytes of alignment and no more.
  *memory = reinterpret_cast<CUdeviceptr>(std::aligned_alloc(4096, (size + 8191) / 4096 * 4096)) + 256;
  std::memset(reinterpret_cast<void *>(*memory), 0xcd, size);
  ++mock.allocations;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuMemFree_v2(CUdeviceptr memory) {
  std::free(reinterpret_cast<void *>(memory - 256));
  --etMockCUDA()->allocations;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream) {
  MOCK(cuMemcpyHtoDAsync);
  std::memcpy(reinterpret_cast<void *>(to), from, size);
  return CUDA_SUCCESS;
}
EXPORT CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream) {
  std::memcpy(to, reinterpret_cast<void *>(from), size);
  return CUDA_SUCCESS;
}
EXPORT CUresult cuMemsetD8Async(CUdeviceptr memory, unsigned char value, size_t size, CUstream) {
  std::memset(reinterpret_cast<void *>(memory), value, size);
  return CUDA_SUCCESS;
}

EXPORT CUresult cuStreamCreate(CUstream *stream, unsigned) {
  *stream = new CUstream_st();
  ++etMockCUDA()->streams;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuStreamDestroy_v2(CUstream stream) {
  delete stream;
  --etMockCUDA()->streams;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuStreamSynchronize(CUstream stream) {
  MOCK(cuStreamSynchronize);
  return stream && stream->captured ? 900 : CUDA_SUCCESS;
}
EXPORT CUresult cuStreamWaitEvent(CUstream, CUevent, unsigned) {
  etMockCUDA()->log.push_back("wait");
  return CUDA_SUCCESS;
}
EXPORT CUresult cuStreamIsCapturing(CUstream stream, int *status) {
  *status = stream && stream->captured ? 1 : 0;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuStreamBeginCapture_v2(CUstream stream, int) {
  MOCK(cuStreamBeginCapture);
  stream->captured = new CUgraph_st();
  ++mock.graphs;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  *graph = stream->captured;
  stream->captured = nullptr;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuStreamGetCaptureInfo_v3(CUstream stream, int *status, uint64_t *, CUgraph *,
                                          const CUgraphNode **dependencies, const void **, size_t *count) {
  MOCK(cuStreamGetCaptureInfo);
  static CUgraphNode last;
  last = stream->captured->nodes.back().get();
  *status = 1;
  *dependencies = &last;
  *count = 1;
  return CUDA_SUCCESS;
}

EXPORT CUresult cuEventCreate(CUevent *event, unsigned) {
  *event = new CUevent_st();
  ++etMockCUDA()->events;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuEventDestroy_v2(CUevent event) {
  delete event;
  --etMockCUDA()->events;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuEventRecord(CUevent event, CUstream) {
  event->time = std::chrono::steady_clock::now();
  return CUDA_SUCCESS;
}
EXPORT CUresult cuEventSynchronize(CUevent) { return CUDA_SUCCESS; }
EXPORT CUresult cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
  *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
  return CUDA_SUCCESS;
}

EXPORT CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long) {
  MOCK(cuGraphInstantiateWithFlags);
  *executable = new CUgraphExec_st{graph, {}};
  for (const std::unique_ptr<CUgraphNode_st> &node : graph->nodes)
    (*executable)->launches.push_back(node->launch);
  ++mock.graphs;
  mock.log.push_back("instantiate");
  return CUDA_SUCCESS;
}
EXPORT CUresult cuGraphExecDestroy(CUgraphExec executable) {
  delete executable;
  --etMockCUDA()->graphs;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuGraphDestroy(CUgraph graph) {
  delete graph;
  --etMockCUDA()->graphs;
  return CUDA_SUCCESS;
}
EXPORT CUresult cuGraphLaunch(CUgraphExec executable, CUstream) {
  MOCK(cuGraphLaunch);
  mock.log.push_back("replay");
  for (Launched &launched : executable->launches)
    execute(launched);
  return CUDA_SUCCESS;
}
EXPORT CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec executable, CUgraphNode node,
                                                  const CUDA_KERNEL_NODE_PARAMS *params) {
  MOCK(cuGraphExecKernelNodeSetParams);
  for (size_t i = 0; i < executable->launches.size(); ++i) {
    if (executable->graph->nodes[i].get() != node)
      continue;
    CUlaunchConfig config = executable->launches[i].config;
    if (config.gridDimX != params->gridDimX || config.blockDimX != params->blockDimX ||
        config.sharedMemBytes != params->sharedMemBytes || executable->launches[i].function != params->func)
      return 1;
    executable->launches[i] = record(params->func, config, params->kernelParams);
    mock.log.push_back("update " + params->func->name);
    return CUDA_SUCCESS;
  }
  return 400;
}

EXPORT CUresult cuTensorMapEncodeTiled(void *encoded, int type, uint32_t rank, void *address, const uint64_t *sizes,
                                       const uint64_t *strides, const uint32_t *box, const uint32_t *elementStrides,
                                       int interleave, int swizzle, int, int) {
  MOCK(cuTensorMapEncodeTiled);
  if (reinterpret_cast<uintptr_t>(encoded) % 64 != 0 || reinterpret_cast<uintptr_t>(address) % 16 != 0 ||
      interleave != 0 || type != CU_TENSOR_MAP_DATA_TYPE_FLOAT32)
    return 1;
  HostTensorMap map = {};
  map.data = static_cast<char *>(address);
  map.rank = rank;
  map.swizzle = swizzle == 0 ? 0 : 16 << swizzle;
  for (uint32_t i = 0; i < rank; ++i) {
    if (elementStrides[i] != 1)
      return 1;
    map.sizes[i] = sizes[i];
    map.box[i] = box[i];
    if (i > 0)
      map.strides[i - 1] = strides[i - 1];
  }
  std::memcpy(encoded, &map, sizeof(map));
  return CUDA_SUCCESS;
}
