//===- Runtime.cpp - C API: load saved programs and run them -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et-c/Runtime.h"

#include "Reserved.h"
#include "et/Runtime/CPUDevice.h"
#include "et/Runtime/CUDADevice.h"
#include "et/Runtime/Executable.h"
#include "et/Runtime/HostDevice.h"
#include "et/Version.h"

#include <algorithm>
#include <cstddef>

using namespace mlir::et::runtime;

struct EtRuntimeErrorImpl {
  std::string message;
};

struct EtSavedProgramImpl {
  std::shared_ptr<const LoadedProgram> program;
};

struct EtDeviceImpl {
  std::shared_ptr<Device> device;
  std::string description, notice;
};

struct EtExecutableImpl {
  std::unique_ptr<Executable> executable;
};

static EtRuntimeError makeError(std::string message) { return new EtRuntimeErrorImpl{std::move(message)}; }

static EtRuntimeError convert(const Error &error) { return error ? makeError(error.getMessage()) : nullptr; }

const char *etRuntimeVersion(void) { return ET_VERSION_STRING; }

const char *etRuntimeErrorGetMessage(EtRuntimeError error) { return error->message.c_str(); }

void etRuntimeErrorDestroy(EtRuntimeError error) { delete error; }

//===----------------------------------------------------------------------===//
// Saved programs
//===----------------------------------------------------------------------===//

static EtRuntimeError store(Result<std::shared_ptr<const LoadedProgram>> loaded, EtSavedProgram *program) {
  if (!loaded)
    return convert(loaded.getError());
  *program = new EtSavedProgramImpl{std::move(*loaded)};
  return nullptr;
}

EtRuntimeError etSavedProgramLoad(const char *path, int checkWeights, EtSavedProgram *program) {
  return store(LoadedProgram::load(path, {checkWeights != 0}), program);
}

EtRuntimeError etSavedProgramLoadMemory(const void *data, size_t size, int checkWeights, EtSavedProgram *program) {
  return store(LoadedProgram::loadMemory(data, size, {checkWeights != 0}), program);
}

void etSavedProgramDestroy(EtSavedProgram program) { delete program; }

static const Program &get(EtSavedProgram program) { return program->program->getProgram(); }

// The two enums list the same types in the same order.
static_assert(static_cast<int>(ElementType::I64) == ET_I64 && static_cast<int>(ElementType::Bool) == ET_BOOL);
static EtElementType convert(ElementType type) { return static_cast<EtElementType>(type); }

static int64_t getSize(const Program &program, const Tensor &tensor, size_t dim) {
  const ExprNode &node = program.expressions[tensor.shape[dim].index];
  return node.kind == ExprKind::Constant ? node.value : -1;
}

static const char *getDimName(const Program &program, const Tensor &tensor, size_t dim) {
  const ExprNode &node = program.expressions[tensor.shape[dim].index];
  return node.kind == ExprKind::Symbol ? program.symbols[node.lhs].name.c_str() : "";
}

const char *etSavedProgramGetName(EtSavedProgram program) { return get(program).name.c_str(); }
size_t etSavedProgramGetNumPlans(EtSavedProgram program) { return get(program).plans.size(); }
EtDeviceKind etSavedProgramGetPlanDevice(EtSavedProgram program, size_t i) {
  return get(program).plans[i].device == DeviceKind::CUDA ? ET_CUDA : ET_CPU;
}
const char *etSavedProgramGetPlanTarget(EtSavedProgram program, size_t i) {
  return get(program).plans[i].target.c_str();
}
size_t etSavedProgramGetNumInputs(EtSavedProgram program) { return get(program).inputs.size(); }
size_t etSavedProgramGetNumOutputs(EtSavedProgram program) { return get(program).outputs.size(); }
const char *etSavedProgramGetInputName(EtSavedProgram program, size_t i) { return get(program).inputs[i].name.c_str(); }
const char *etSavedProgramGetOutputName(EtSavedProgram program, size_t i) {
  return get(program).outputs[i].name.c_str();
}
EtElementType etSavedProgramGetInputType(EtSavedProgram program, size_t i) {
  return convert(get(program).inputs[i].type);
}
EtElementType etSavedProgramGetOutputType(EtSavedProgram program, size_t i) {
  return convert(get(program).outputs[i].type);
}
size_t etSavedProgramGetInputRank(EtSavedProgram program, size_t i) { return get(program).inputs[i].shape.size(); }
size_t etSavedProgramGetOutputRank(EtSavedProgram program, size_t i) { return get(program).outputs[i].shape.size(); }
int64_t etSavedProgramGetInputSize(EtSavedProgram program, size_t i, size_t dim) {
  return getSize(get(program), get(program).inputs[i], dim);
}
int64_t etSavedProgramGetOutputSize(EtSavedProgram program, size_t i, size_t dim) {
  return getSize(get(program), get(program).outputs[i], dim);
}
const char *etSavedProgramGetInputDimName(EtSavedProgram program, size_t i, size_t dim) {
  return getDimName(get(program), get(program).inputs[i], dim);
}
const char *etSavedProgramGetOutputDimName(EtSavedProgram program, size_t i, size_t dim) {
  return getDimName(get(program), get(program).outputs[i], dim);
}

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

static EtDevice makeDevice(std::shared_ptr<Device> device) {
  std::string description = device->describe(), notice = device->getNotice();
  return new EtDeviceImpl{std::move(device), std::move(description), std::move(notice)};
}

EtRuntimeError etDeviceCreateCUDA(int ordinal, EtDevice *device) {
  Result<std::shared_ptr<Device>> created = createCUDADevice(ordinal);
  if (!created)
    return convert(created.getError());
  *device = makeDevice(std::move(*created));
  return nullptr;
}

EtRuntimeError etDeviceCreateCPU(uint32_t threads, EtDevice *device) {
  Result<std::shared_ptr<CPUDevice>> created = CPUDevice::create(threads);
  if (!created)
    return convert(created.getError());
  *device = makeDevice(std::move(*created));
  return nullptr;
}

// The two describe a launch in the same way, so a table of one is a table of the other.
static_assert(sizeof(EtHostLaunchInfo) == sizeof(HostLaunchInfo) &&
              offsetof(EtHostLaunchInfo, threads) == offsetof(HostLaunchInfo, threads) &&
              offsetof(EtHostLaunchInfo, name) == offsetof(HostLaunchInfo, name));

EtRuntimeError etDeviceCreateHost(const EtHostKernel *kernels, size_t numKernels, EtDevice *device) {
  HostKernelTable table;
  for (size_t i = 0; i < numKernels; ++i) {
    EtHostKernelFunction function = kernels[i].function;
    table[kernels[i].symbol] = [function](void **arguments, const HostLaunchInfo &info) {
      function(arguments, reinterpret_cast<const EtHostLaunchInfo *>(&info));
    };
  }
  *device = makeDevice(createHostDevice(std::move(table)));
  return nullptr;
}

void etDeviceDestroy(EtDevice device) { delete device; }

const char *etDeviceGetDescription(EtDevice device) { return device->description.c_str(); }
const char *etDeviceGetNotice(EtDevice device) { return device->notice.c_str(); }

EtRuntimeError etDeviceAllocate(EtDevice device, size_t size, void **memory) {
  Result<void *> allocated = device->device->allocate(size);
  if (!allocated)
    return convert(allocated.getError());
  *memory = *allocated;
  return nullptr;
}

void etDeviceRelease(EtDevice device, void *memory) { device->device->release(memory); }

EtRuntimeError etDeviceCopyTo(EtDevice device, void *to, const void *from, size_t size, EtStream stream) {
  return convert(device->device->copyToDevice(to, from, size, stream));
}

EtRuntimeError etDeviceCopyFrom(EtDevice device, void *to, const void *from, size_t size, EtStream stream) {
  return convert(device->device->copyFromDevice(to, from, size, stream));
}

EtRuntimeError etDeviceCreateStream(EtDevice device, EtStream *stream) {
  Result<Stream> created = device->device->createStream();
  if (!created)
    return convert(created.getError());
  *stream = *created;
  return nullptr;
}

void etDeviceDestroyStream(EtDevice device, EtStream stream) { device->device->destroyStream(stream); }

//===----------------------------------------------------------------------===//
// Executables
//===----------------------------------------------------------------------===//

void etExecutableOptionsInit(EtExecutableOptions *options) {
  ExecutableOptions defaults;
  *options = {defaults.maxShapes, defaults.useGraphs, defaults.mapWeights, {}};
}

EtRuntimeError etExecutableCreate(EtSavedProgram program, EtDevice device, const EtExecutableOptions *given,
                                  EtExecutable *executable) {
  ExecutableOptions options;
  if (given) {
    if (std::optional<std::string> wrong =
            mlir::et::findReserved(given->reserved, "EtExecutableOptions", etRuntimeVersion()))
      return makeError(std::move(*wrong));
    options.maxShapes = given->maxShapes;
    options.useGraphs = given->useGraphs != 0;
    options.mapWeights = given->mapWeights != 0;
  }
  Result<std::unique_ptr<Executable>> created = Executable::create(program->program, device->device, options);
  if (!created)
    return convert(created.getError());
  *executable = new EtExecutableImpl{std::move(*created)};
  return nullptr;
}

void etExecutableDestroy(EtExecutable executable) { delete executable; }

const char *etExecutableGetTarget(EtExecutable executable) { return executable->executable->getPlan().target.c_str(); }

/// Views of \p tensors, whose element types must be those of \p expected.
static EtRuntimeError makeViews(const Program &program, const EtTensor *tensors, size_t count,
                                const std::vector<Tensor> &expected, const char *what, std::vector<TensorView> &views) {
  views.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    EtElementType type = tensors[i].elementType;
    if (i < expected.size() && type != convert(expected[i].type))
      return makeError(std::string("expected ") + what + " " + describe(program, expected[i]) + " to have " +
                       getName(expected[i].type) + " elements, but got " +
                       (type >= ET_F16 && type <= ET_I64 ? getName(static_cast<ElementType>(type)) : "unknown ones"));
    views.push_back({tensors[i].data, tensors[i].shape, tensors[i].rank});
  }
  return nullptr;
}

EtRuntimeError etExecutableComputeShapes(EtExecutable executable, const EtTensor *inputs, size_t numInputs,
                                         int64_t *sizes) {
  Executable &target = *executable->executable;
  std::vector<TensorView> views;
  if (EtRuntimeError error =
          makeViews(target.getProgram(), inputs, numInputs, target.getProgram().inputs, "input", views))
    return error;
  std::vector<std::vector<int64_t>> shapes;
  if (Error error = target.computeShapes(views, shapes))
    return convert(error);
  for (const std::vector<int64_t> &shape : shapes)
    sizes = std::copy(shape.begin(), shape.end(), sizes);
  return nullptr;
}

EtRuntimeError etExecutableRun(EtExecutable executable, const EtTensor *inputs, size_t numInputs,
                               const EtTensor *outputs, size_t numOutputs, EtStream stream) {
  Executable &target = *executable->executable;
  const Program &program = target.getProgram();
  std::vector<TensorView> inputViews, outputViews;
  if (EtRuntimeError error = makeViews(program, inputs, numInputs, program.inputs, "input", inputViews))
    return error;
  if (EtRuntimeError error = makeViews(program, outputs, numOutputs, program.outputs, "output", outputViews))
    return error;
  return convert(target.run(inputViews, outputViews, stream));
}

EtRuntimeError etExecutableSynchronize(EtExecutable executable, EtStream stream) {
  return convert(executable->executable->synchronize(stream));
}

void etExecutableGetStatistics(EtExecutable executable, EtExecutableStatistics *result) {
  ExecutableStatistics statistics = executable->executable->getStatistics();
  *result = {statistics.runs,         statistics.plansResolved,   statistics.graphsMade,
             statistics.graphReplays, statistics.launchesUpdated, statistics.shapesKept,
             statistics.arenaBytes,   statistics.weightBytes,     {}};
}

size_t etFindChangedWord(const uint64_t *const *words, const uint64_t *expected, size_t count) {
  // Without a branch for each word, so that the reads overlap; mostly nothing changed.
  constexpr size_t stride = 64;
  for (size_t start = 0; start < count; start += stride) {
    size_t end = std::min(start + stride, count);
    uint64_t difference = 0;
    for (size_t i = start; i < end; ++i)
      difference |= *words[i] ^ expected[i];
    if (difference == 0)
      continue;
    for (size_t i = start; i < end; ++i)
      if (*words[i] != expected[i])
        return i;
  }
  return count;
}
