//===- CUDADevice.cpp - NVIDIA GPUs -----------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Works in the device's primary context, pushed around every call, so that no
// caller's current context changes. Graphs are captured in a stream of our own:
// the caller's may be the legacy default stream, which cannot be captured.
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/CUDADevice.h"

#include "Driver.h"

#include <algorithm>
#include <map>
#include <mutex>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::cuda;

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

CUDATarget CUDATarget::parse(const std::string &name) {
  CUDATarget target;
  size_t digits = 3;
  if (name.compare(0, 3, "sm_") != 0)
    return target;
  while (digits < name.size() && name[digits] >= '0' && name[digits] <= '9')
    ++digits;
  bool hasSuffix = digits + 1 == name.size() && (name[digits] == 'a' || name[digits] == 'f');
  if (digits < 5 || digits > 6 || (digits != name.size() && !hasSuffix))
    return target;
  target.minor = name[digits - 1] - '0';
  for (size_t i = 3; i + 1 < digits; ++i)
    target.major = target.major * 10 + (name[i] - '0');
  target.suffix = hasSuffix ? name[digits] : '\0';
  return target;
}

bool CUDATarget::canRun(CodeKind kind, int deviceMajor, int deviceMinor) const {
  if (major == 0 || kind == CodeKind::ELFObject)
    return false;
  if (suffix == 'a')
    return major == deviceMajor && minor == deviceMinor;
  // Cubins run on later minor versions of their major one; PTX is compiled for any later device.
  bool isSameFamily = major == deviceMajor && minor <= deviceMinor;
  return isSameFamily || (kind == CodeKind::PTX && suffix == 0 && major < deviceMajor);
}

//===----------------------------------------------------------------------===//
// Graphs and kernels
//===----------------------------------------------------------------------===//

namespace {
/// Makes a context current in its scope.
class ContextScope {
public:
  ContextScope(const Driver &driver, CUcontext context) : driver(driver), result(driver.cuCtxPushCurrent(context)) {}
  ~ContextScope() {
    CUcontext previous;
    if (result == CUDA_SUCCESS)
      (void)driver.cuCtxPopCurrent(&previous);
  }
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;

private:
  const Driver &driver;
  CUresult result;
};

/// The driver and a device's primary context, kept as long as anything uses them.
struct Context {
  ~Context() {
    if (context)
      (void)driver->cuDevicePrimaryCtxRelease(device);
  }
  std::shared_ptr<const Driver> driver;
  CUdevice device = 0;
  CUcontext context = nullptr;
};

CUstream asStream(Stream stream) { return static_cast<CUstream>(stream); }
CUdeviceptr asPointer(const void *memory) { return reinterpret_cast<uintptr_t>(memory); }

class CUDAGraph final : public Graph {
public:
  CUDAGraph(std::shared_ptr<Context> context, CUgraph graph, CUgraphExec executable, std::vector<CUgraphNode> nodes,
            std::vector<CUfunction> functions)
      : context(std::move(context)), graph(graph), executable(executable), nodes(std::move(nodes)),
        functions(std::move(functions)) {}

  ~CUDAGraph() override {
    ContextScope scope(*context->driver, context->context);
    (void)context->driver->cuGraphExecDestroy(executable);
    (void)context->driver->cuGraphDestroy(graph);
  }

  bool canUpdate() const override { return !nodes.empty(); }

  Error update(size_t i, const StepLaunch &step) override {
    ContextScope scope(*context->driver, context->context);
    CUDA_KERNEL_NODE_PARAMS params = {};
    params.func = functions[i];
    params.gridDimX = step.grid[0];
    params.gridDimY = step.grid[1];
    params.gridDimZ = step.grid[2];
    params.blockDimX = step.launch->threads;
    params.blockDimY = params.blockDimZ = 1;
    params.sharedMemBytes = step.launch->sharedBytes;
    params.kernelParams = step.arguments;
    return context->driver->check(context->driver->cuGraphExecKernelNodeSetParams(executable, nodes[i], &params),
                                  "cannot update a graph");
  }

  Error launch(Stream stream) override {
    ContextScope scope(*context->driver, context->context);
    return context->driver->check(context->driver->cuGraphLaunch(executable, asStream(stream)),
                                  "cannot launch a graph");
  }

private:
  std::shared_ptr<Context> context;
  CUgraph graph;
  CUgraphExec executable;
  /// One per launch, or none when the driver does not tell.
  std::vector<CUgraphNode> nodes;
  std::vector<CUfunction> functions;
};

class CUDAKernels final : public Kernels {
public:
  explicit CUDAKernels(std::shared_ptr<Context> context)
      : context(std::move(context)), driver(*this->context->driver) {}

  ~CUDAKernels() override {
    ContextScope scope(driver, context->context);
    if (captureStream)
      (void)driver.cuStreamDestroy(captureStream);
    for (CUmodule module : modules)
      (void)driver.cuModuleUnload(module);
  }

  /// Loads what \p plan launches; \p canRun says whether code runs on this device.
  template <typename Function> Error load(const Program &program, const Plan &plan, Function canRun) {
    ContextScope scope(driver, context->context);
    for (size_t i = 0; i < plan.modules.size(); ++i)
      if (Error error = loadModule(program, plan.modules[i], canRun))
        return Error("cannot load module " + std::to_string(i) + " of the plan for " + plan.target + ": " +
                     error.getMessage());
    std::map<CUfunction, uint32_t> sharedBytes;
    for (const Launch &launch : plan.steps) {
      CUfunction function = nullptr;
      CUresult result = driver.cuModuleGetFunction(&function, modules[launch.module], launch.symbol.c_str());
      if (result != CUDA_SUCCESS)
        return driver.makeError(result, "cannot find the kernel '" + launch.symbol + "' in its module");
      functions.push_back(function);
      uint32_t &most = sharedBytes[function];
      most = std::max(most, launch.sharedBytes);
      // CUDA C++ Programming Guide, "Thread Block Clusters": 8 is what every device with clusters takes.
      if (launch.clusterSize > 8)
        if (Error error = driver.check(
                driver.cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1),
                "cannot allow large clusters"))
          return error;
    }
    for (auto [function, bytes] : sharedBytes) {
      CUresult result =
          driver.cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, static_cast<int>(bytes));
      if (result != CUDA_SUCCESS)
        return driver.makeError(result, "the device does not have the " + std::to_string(bytes) +
                                            " bytes of shared memory that a kernel needs");
    }
    return Error::success();
  }

  Error encode(const ResolvedMap &map, void *address, EncodedMap &encoded) override {
    static const int types[] = {
        CU_TENSOR_MAP_DATA_TYPE_FLOAT16, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
        CU_TENSOR_MAP_DATA_TYPE_FLOAT64, CU_TENSOR_MAP_DATA_TYPE_UINT8,    CU_TENSOR_MAP_DATA_TYPE_UINT8,
        CU_TENSOR_MAP_DATA_TYPE_UINT16,  CU_TENSOR_MAP_DATA_TYPE_INT32,    CU_TENSOR_MAP_DATA_TYPE_INT64};
    static const uint32_t ones[] = {1, 1, 1, 1, 1};
    int swizzle = map.swizzle == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
                  : map.swizzle == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
                  : map.swizzle == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                                      : CU_TENSOR_MAP_SWIZZLE_NONE;
    ContextScope scope(driver, context->context);
    return driver.check(driver.cuTensorMapEncodeTiled(
                            &encoded, types[static_cast<unsigned>(map.type)], map.rank, address, map.sizes.data(),
                            map.strides.data(), map.box.data(), ones, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle,
                            CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
                        "the driver refuses it");
  }

  Error launch(const StepLaunch &step, Stream stream) override {
    ContextScope scope(driver, context->context);
    return launchInScope(step, asStream(stream));
  }

  Result<std::unique_ptr<Graph>> makeGraph(const std::vector<StepLaunch> &launches) override {
    ContextScope scope(driver, context->context);
    if (!captureStream)
      if (Error error =
              driver.check(driver.cuStreamCreate(&captureStream, CU_STREAM_NON_BLOCKING), "cannot create a stream"))
        return error;
    // Thread-local: what other threads do meanwhile is none of our business.
    if (Error error = driver.check(driver.cuStreamBeginCapture(captureStream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                                   "cannot begin to capture"))
      return error;
    std::vector<CUgraphNode> nodes;
    std::vector<CUfunction> launched;
    Error failure = Error::success();
    for (const StepLaunch &step : launches) {
      failure = launchInScope(step, captureStream);
      if (failure)
        break;
      launched.push_back(functions[step.step]);
      if (CUgraphNode node = getLastNode())
        nodes.push_back(node);
    }
    // Ends even after a failure, or the stream stays in capture.
    CUgraph graph = nullptr;
    CUresult ended = driver.cuStreamEndCapture(captureStream, &graph);
    if (!failure)
      failure = driver.check(ended, "cannot end to capture");
    CUgraphExec executable = nullptr;
    if (!failure)
      failure = driver.check(driver.cuGraphInstantiateWithFlags(&executable, graph, 0), "cannot instantiate it");
    if (failure) {
      if (graph)
        (void)driver.cuGraphDestroy(graph);
      return failure;
    }
    if (nodes.size() != launches.size())
      nodes.clear();
    return std::unique_ptr<Graph>(new CUDAGraph(context, graph, executable, std::move(nodes), std::move(launched)));
  }

private:
  template <typename Function> Error loadModule(const Program &program, const Module &module, Function canRun) {
    std::vector<const CodeObject *> candidates;
    for (uint32_t code : module.code)
      if (canRun(program.code[code]))
        candidates.push_back(&program.code[code]);
    // Machine code before PTX, and what is made for newer devices before the rest.
    std::sort(candidates.begin(), candidates.end(), [](const CodeObject *a, const CodeObject *b) {
      if (a->kind != b->kind)
        return a->kind == CodeKind::Cubin;
      return CUDATarget::parse(a->target).getRank() > CUDATarget::parse(b->target).getRank();
    });
    Error failure("there is no code for this device");
    for (const CodeObject *code : candidates) {
      CUmodule loaded = nullptr;
      char log[4096] = {};
      int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
      void *values[] = {log, reinterpret_cast<void *>(sizeof(log) - 1)};
      // PTX ends in a zero for the driver, which the file need not have.
      std::string text;
      const char *image = code->bytes.data();
      unsigned numOptions = 0;
      if (code->kind == CodeKind::PTX) {
        text = code->bytes;
        image = text.c_str();
        numOptions = 2;
      }
      CUresult result = driver.cuModuleLoadDataEx(&loaded, image, numOptions, options, values);
      if (result == CUDA_SUCCESS) {
        modules.push_back(loaded);
        return Error::success();
      }
      std::string what = "the driver refuses the " + std::string(code->kind == CodeKind::PTX ? "PTX" : "cubin") +
                         " for " + code->target;
      failure = Error(driver.makeError(result, what).getMessage() + (log[0] ? std::string("\n") + log : std::string()));
      if (result != CUDA_ERROR_NO_BINARY_FOR_GPU)
        break;
    }
    return failure;
  }

  Error launchInScope(const StepLaunch &step, CUstream stream) {
    const Launch &launch = *step.launch;
    CUlaunchAttribute attributes[2] = {};
    CUlaunchConfig config = {};
    config.gridDimX = step.grid[0];
    config.gridDimY = step.grid[1];
    config.gridDimZ = step.grid[2];
    config.blockDimX = launch.threads;
    config.blockDimY = config.blockDimZ = 1;
    config.sharedMemBytes = launch.sharedBytes;
    config.hStream = stream;
    config.attrs = attributes;
    if (launch.clusterSize > 1) {
      CUlaunchAttribute &attribute = attributes[config.numAttrs++];
      attribute.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
      attribute.value.clusterDim.x = launch.clusterSize;
      attribute.value.clusterDim.y = attribute.value.clusterDim.z = 1;
    }
    if (step.programmatic) {
      CUlaunchAttribute &attribute = attributes[config.numAttrs++];
      attribute.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
      attribute.value.programmaticStreamSerializationAllowed = 1;
    }
    return driver.check(driver.cuLaunchKernelEx(&config, functions[step.step], step.arguments, nullptr),
                        "the driver refuses the launch");
  }

  /// What the last launch became in the graph that is being captured, null when the driver does not tell.
  CUgraphNode getLastNode() const {
    if (!driver.cuStreamGetCaptureInfo)
      return nullptr;
    int captureStatus = 0;
    uint64_t id = 0;
    const CUgraphNode *dependencies = nullptr;
    const void *edges = nullptr;
    size_t count = 0;
    CUresult result =
        driver.cuStreamGetCaptureInfo(captureStream, &captureStatus, &id, nullptr, &dependencies, &edges, &count);
    // What would come next depends on the last launch alone.
    return result == CUDA_SUCCESS && count == 1 ? dependencies[0] : nullptr;
  }

  std::shared_ptr<Context> context;
  const Driver &driver;
  std::vector<CUmodule> modules;
  /// One for each step.
  std::vector<CUfunction> functions;
  CUstream captureStream = nullptr;
};

//===----------------------------------------------------------------------===//
// Device
//===----------------------------------------------------------------------===//

class CUDADevice final : public Device {
public:
  CUDADevice(std::shared_ptr<Context> context, int ordinal, std::string name, int major, int minor)
      : context(std::move(context)), driver(*this->context->driver), ordinal(ordinal), name(std::move(name)),
        major(major), minor(minor) {}

  ~CUDADevice() override {
    ContextScope scope(driver, context->context);
    if (orderEvent)
      (void)driver.cuEventDestroy(orderEvent);
  }

  DeviceKind getKind() const override { return DeviceKind::CUDA; }

  std::string describe() const override {
    return "CUDA device " + std::to_string(ordinal) + " (" + name + ", " + getArchitecture() + ")";
  }

  Result<const Plan *> choosePlan(const Program &program) const override {
    const Plan *best = nullptr;
    std::string targets;
    for (const Plan &plan : program.plans) {
      if (plan.device != DeviceKind::CUDA) {
        targets += (targets.empty() ? "" : ", ") + plan.target;
        continue;
      }
      targets += (targets.empty() ? "" : ", ") + plan.target;
      bool fits = std::all_of(plan.modules.begin(), plan.modules.end(), [&](const Module &module) {
        return std::any_of(module.code.begin(), module.code.end(),
                           [&](uint32_t code) { return canRun(program.code[code]); });
      });
      if (fits && (!best || CUDATarget::parse(plan.target).getRank() > CUDATarget::parse(best->target).getRank()))
        best = &plan;
    }
    if (!best)
      return Error("the program was compiled for " + targets + ", which does not run on " + describe() +
                   "; compile it with --target=cuda:" + getArchitecture() + (major >= 9 ? "a" : ""));
    return best;
  }

  DevicePeaks getPeaks() const override {
    // What a driver does not tell is left out of profiles: no error.
    auto get = [&](int attribute) -> double {
      int value = 0;
      return driver.cuDeviceGetAttribute(&value, attribute, context->device) == CUDA_SUCCESS ? value : 0;
    };
    // kHz; two transfers per clock.
    double clock = get(CU_DEVICE_ATTRIBUTE_CLOCK_RATE) * 1e3 * get(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    DevicePeaks peaks;
    peaks.bytesPerSecond =
        get(CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE) * 1e3 * 2 * get(CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH) / 8;
    // CUDA C++ Programming Guide, "Arithmetic Instructions", and the white papers of GA100, GA102, AD102 and GH100: per
    // multiprocessor and clock, dense, f16 with sums in f32.
    int architecture = major * 10 + minor;
    peaks.vectorFlops = clock * (architecture == 80 ? 128 : 256);
    peaks.tensorFlops = clock * (architecture == 80                         ? 2048
                                 : architecture == 86 || architecture == 89 ? 1024
                                 : architecture == 90                       ? 4096
                                                                            : 0);
    return peaks;
  }

  Result<std::unique_ptr<Kernels>> load(const Program &program, const Plan &plan) override {
    auto kernels = std::make_unique<CUDAKernels>(context);
    if (Error error = kernels->load(program, plan, [this](const CodeObject &code) { return canRun(code); }))
      return error;
    return std::unique_ptr<Kernels>(std::move(kernels));
  }

  Result<void *> allocate(size_t size) override {
    // The driver's alignment is 256 or more, ours is 1024: what was allocated is remembered for release().
    ContextScope scope(driver, context->context);
    CUdeviceptr memory = 0;
    constexpr size_t alignment = 1024;
    CUresult result =
        size > SIZE_MAX - alignment ? 2 : driver.cuMemAlloc(&memory, std::max<size_t>(size, 1) + alignment);
    if (result != CUDA_SUCCESS) {
      size_t free = 0, total = 0;
      (void)driver.cuMemGetInfo(&free, &total);
      return driver.makeError(result, "there is no memory for " + std::to_string(size) + " bytes on " + describe() +
                                          ", of whose " + std::to_string(total) + " bytes " + std::to_string(free) +
                                          " are free");
    }
    void *aligned = reinterpret_cast<void *>((memory + alignment - 1) / alignment * alignment);
    std::lock_guard<std::mutex> lock(mutex);
    allocations[aligned] = memory;
    return aligned;
  }

  void release(void *memory) override {
    CUdeviceptr allocated = 0;
    {
      std::lock_guard<std::mutex> lock(mutex);
      auto found = allocations.find(memory);
      if (found == allocations.end())
        return;
      allocated = found->second;
      allocations.erase(found);
    }
    ContextScope scope(driver, context->context);
    (void)driver.cuMemFree(allocated);
  }

  bool sharesHostMemory() const override { return false; }

  Error copyToDevice(void *to, const void *from, size_t size, Stream stream) override {
    ContextScope scope(driver, context->context);
    if (size == 0)
      return Error::success();
    // From pageable memory: staged before the call returns.
    return driver.check(driver.cuMemcpyHtoDAsync(asPointer(to), from, size, asStream(stream)),
                        "cannot copy to the device");
  }

  Error copyFromDevice(void *to, const void *from, size_t size, Stream stream) override {
    ContextScope scope(driver, context->context);
    if (size > 0)
      if (Error error = driver.check(driver.cuMemcpyDtoHAsync(to, asPointer(from), size, asStream(stream)),
                                     "cannot copy from the device"))
        return error;
    return driver.check(driver.cuStreamSynchronize(asStream(stream)), "a run on the device failed");
  }

  Error clear(void *memory, size_t size, Stream stream) override {
    ContextScope scope(driver, context->context);
    if (size == 0)
      return Error::success();
    return driver.check(driver.cuMemsetD8Async(asPointer(memory), 0, size, asStream(stream)), "cannot clear memory");
  }

  Result<Stream> createStream() override {
    ContextScope scope(driver, context->context);
    CUstream stream = nullptr;
    if (Error error = driver.check(driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "cannot create a stream"))
      return error;
    return static_cast<Stream>(stream);
  }

  void destroyStream(Stream stream) override {
    ContextScope scope(driver, context->context);
    (void)driver.cuStreamDestroy(asStream(stream));
  }

  Error synchronize(Stream stream) override {
    ContextScope scope(driver, context->context);
    return driver.check(driver.cuStreamSynchronize(asStream(stream)), "a run on the device failed");
  }

  Error waitFor(Stream stream, Stream earlier) override {
    ContextScope scope(driver, context->context);
    std::lock_guard<std::mutex> lock(mutex);
    if (!orderEvent)
      if (Error error =
              driver.check(driver.cuEventCreate(&orderEvent, CU_EVENT_DISABLE_TIMING), "cannot create an event"))
        return error;
    // A wait keeps what the event was at the time of the call: one event serves all.
    if (Error error = driver.check(driver.cuEventRecord(orderEvent, asStream(earlier)), "cannot record an event"))
      return error;
    return driver.check(driver.cuStreamWaitEvent(asStream(stream), orderEvent, 0), "cannot wait for an event");
  }

  bool isRecording(Stream stream) const override {
    ContextScope scope(driver, context->context);
    int captureStatus = CU_STREAM_CAPTURE_STATUS_NONE;
    CUresult result = driver.cuStreamIsCapturing(asStream(stream), &captureStatus);
    return result == CUDA_SUCCESS && captureStatus != CU_STREAM_CAPTURE_STATUS_NONE;
  }

  Result<void *> createMark() override {
    ContextScope scope(driver, context->context);
    CUevent event = nullptr;
    if (Error error = driver.check(driver.cuEventCreate(&event, CU_EVENT_DEFAULT), "cannot create an event"))
      return error;
    return static_cast<void *>(event);
  }

  void destroyMark(void *mark) override {
    ContextScope scope(driver, context->context);
    (void)driver.cuEventDestroy(static_cast<CUevent>(mark));
  }

  Error recordMark(void *mark, Stream stream) override {
    ContextScope scope(driver, context->context);
    return driver.check(driver.cuEventRecord(static_cast<CUevent>(mark), asStream(stream)), "cannot record an event");
  }

  Result<double> getMicroseconds(void *from, void *to) override {
    ContextScope scope(driver, context->context);
    if (Error error = driver.check(driver.cuEventSynchronize(static_cast<CUevent>(to)), "a run on the device failed"))
      return error;
    float milliseconds = 0;
    if (Error error =
            driver.check(driver.cuEventElapsedTime(&milliseconds, static_cast<CUevent>(from), static_cast<CUevent>(to)),
                         "cannot read the time between events"))
      return error;
    return milliseconds * 1e3;
  }

private:
  std::string getArchitecture() const { return "sm_" + std::to_string(major) + std::to_string(minor); }
  bool canRun(const CodeObject &code) const { return CUDATarget::parse(code.target).canRun(code.kind, major, minor); }

  std::shared_ptr<Context> context;
  const Driver &driver;
  int ordinal;
  std::string name;
  int major, minor;
  std::mutex mutex;
  std::map<void *, CUdeviceptr> allocations;
  CUevent orderEvent = nullptr;
};
} // namespace

Result<std::shared_ptr<Device>> mlir::et::runtime::createCUDADevice(int ordinal, const std::string &library) {
  Result<std::shared_ptr<const Driver>> driver = Driver::open(library);
  if (!driver)
    return driver.getError();
  const Driver &api = **driver;
  int count = 0;
  if (Error error = api.check(api.cuDeviceGetCount(&count), "cannot count the GPUs"))
    return error;
  if (ordinal < 0 || ordinal >= count)
    return Error("expected a CUDA device from 0 to " + std::to_string(count - 1) + ", but got " +
                 std::to_string(ordinal) + (count == 0 ? "; there is no GPU here" : ""));
  auto context = std::make_shared<Context>();
  context->driver = *driver;
  char name[256] = {};
  int major = 0, minor = 0;
  if (Error error = api.check(api.cuDeviceGet(&context->device, ordinal), "cannot open the GPU"))
    return error;
  (void)api.cuDeviceGetName(name, sizeof(name) - 1, context->device);
  for (auto [attribute, value] : {std::pair(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, &major),
                                  std::pair(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, &minor)})
    if (Error error = api.check(api.cuDeviceGetAttribute(value, attribute, context->device), "cannot ask the GPU"))
      return error;
  if (Error error = api.check(api.cuDevicePrimaryCtxRetain(&context->context, context->device), "cannot use the GPU"))
    return error;
  return std::shared_ptr<Device>(new CUDADevice(std::move(context), ordinal, name, major, minor));
}
