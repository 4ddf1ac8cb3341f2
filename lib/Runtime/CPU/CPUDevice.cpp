//===- CPUDevice.cpp - The processors of this machine -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel is a function of the plan's code object:
//
//   void kernel(void **arguments, int64_t thread, int64_t numThreads, char *scratch)
//
// arguments[i] points to the value of argument i, as for CUDA; scratch has
// Plan::scratchBytes for each thread, one piece behind the other. Every thread
// of a team calls every kernel, and takes its share of the work from its number.
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/CPUDevice.h"

#include "ObjectCode.h"
#include "OpenMP.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

using namespace mlir::et::runtime;

/// Blocks from here on are in large pages.
static constexpr size_t kLargeBlock = 1 << 20;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {
using CPUKernel = void (*)(void **arguments, int64_t thread, int64_t numThreads, char *scratch);

/// Some launches, for a team.
struct Work {
  const StepLaunch *launches;
  size_t numLaunches;
  const CPUKernel *kernels;
  char *scratch;
};

class CPUKernels final : public Kernels {
public:
  CPUKernels(const CPUDevice &device, std::vector<std::unique_ptr<ObjectCode>> code, std::vector<CPUKernel> kernels,
             uint64_t scratchBytes)
      : device(device), code(std::move(code)), kernels(std::move(kernels)), scratchBytes(scratchBytes) {}

  Error encode(const ResolvedMap &, void *, EncodedMap &) override {
    return Error("kernels of a CPU take no tensor maps");
  }

  Error launch(const StepLaunch &step, Stream) override { return run(&step, 1); }
  Error launchAll(const std::vector<StepLaunch> &steps, Stream) override { return run(steps.data(), steps.size()); }

  bool hasGraphs() const override { return false; }
  Result<std::unique_ptr<Graph>> makeGraph(const std::vector<StepLaunch> &) override {
    return Error("a CPU has no graphs: its launches are calls");
  }

private:
  Error run(const StepLaunch *launches, size_t numLaunches) {
    unsigned threads = device.getThreads();
    if (scratch.size() < threads * scratchBytes) {
      scratch = HostMemory();
      Result<HostMemory> larger = HostMemory::allocate(threads * scratchBytes);
      if (!larger)
        return Error("cannot run on " + std::to_string(threads) + " threads: " + larger.getError().getMessage());
      scratch = std::move(*larger);
    }
    Work work = {launches, numLaunches, kernels.data(), scratch.data()};
    OpenMP::get().run(threads, runTeam, &work);
    return Error::success();
  }

  static void runTeam(void *context, int64_t thread, int64_t numThreads) {
    const Work &work = *static_cast<Work *>(context);
    for (size_t i = 0; i < work.numLaunches; ++i) {
      // What the last launch wrote, this one reads.
      if (i > 0)
        OpenMP::get().wait(numThreads);
      work.kernels[work.launches[i].step](work.launches[i].arguments, thread, numThreads, work.scratch);
    }
  }

  const CPUDevice &device;
  std::vector<std::unique_ptr<ObjectCode>> code;
  /// One for each step of the plan.
  std::vector<CPUKernel> kernels;
  uint64_t scratchBytes;
  HostMemory scratch;
};
} // namespace

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

static const char *const levels[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};

unsigned CPUDevice::getLevel(const std::string &target) {
  auto found = std::find(std::begin(levels), std::end(levels), target);
  return found == std::end(levels) ? 0 : found - std::begin(levels) + 1;
}

unsigned CPUDevice::getHostLevel() {
#ifdef __x86_64__
  __builtin_cpu_init();
  // These ask the system too, whether it saves the wide registers.
  return __builtin_cpu_supports("x86-64-v4")   ? 4
         : __builtin_cpu_supports("x86-64-v3") ? 3
         : __builtin_cpu_supports("x86-64-v2") ? 2
                                               : 1;
#else
  return 0;
#endif
}

/// What a level is called on the command line of the compiler.
static const char *getOption(unsigned level) { return level >= 4 ? "avx512" : level == 3 ? "avx2" : "baseline"; }

Result<const Plan *> CPUDevice::choosePlan(const Program &program) const {
  const Plan *best = nullptr;
  std::string targets;
  for (const Plan &plan : program.plans) {
    targets += (targets.empty() ? "" : ", ") + plan.target;
    unsigned level = getLevel(plan.target);
    if (plan.device == DeviceKind::Host && level > 0 && level <= getHostLevel() &&
        (!best || level > getLevel(best->target)))
      best = &plan;
  }
  if (best)
    return best;
  unsigned host = getHostLevel();
  if (host == 0)
    return Error("the program was compiled for " + targets + ", but this machine is no x86-64");
  return Error("the program was compiled for " + targets + ", but this CPU runs " + levels[host - 1] +
               " at most; compile it with et-compile --target=cpu --isa=" + getOption(host));
}

Result<std::unique_ptr<Kernels>> CPUDevice::load(const Program &program, const Plan &plan) {
  std::vector<std::unique_ptr<ObjectCode>> code;
  for (const Module &module : plan.modules) {
    // All code objects of a module have the same kernels: the first that is for this plan will do.
    auto found = std::find_if(module.code.begin(), module.code.end(), [&](uint32_t i) {
      return program.code[i].kind == CodeKind::ELFObject && program.code[i].target == plan.target;
    });
    if (found == module.code.end())
      return Error("the plan for " + plan.target + " has no object code for it");
    Result<std::unique_ptr<ObjectCode>> object = ObjectCode::load(program.code[*found].bytes);
    if (!object)
      return Error("cannot load the code for " + plan.target + ": " + object.getError().getMessage());
    code.push_back(std::move(*object));
  }
  std::vector<CPUKernel> kernels;
  for (const Launch &launch : plan.steps) {
    void *function = code[launch.module]->find(launch.symbol);
    if (!function)
      return Error("the code for " + plan.target + " lacks the kernel '" + launch.symbol + "'");
    kernels.push_back(reinterpret_cast<CPUKernel>(function));
  }
  return std::unique_ptr<Kernels>(new CPUKernels(*this, std::move(code), std::move(kernels), plan.scratchBytes));
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

CPUDevice::~CPUDevice() = default;

std::string CPUDevice::whyOneThread() { return OpenMP::get().whyMissing(); }

Result<std::shared_ptr<CPUDevice>> CPUDevice::create(unsigned threads) {
  std::shared_ptr<CPUDevice> device(new CPUDevice(1));
  if (Error error = device->setThreads(threads))
    return error;
  return device;
}

Error CPUDevice::setThreads(unsigned count) {
  std::string missing = whyOneThread();
  if (count > 1 && !missing.empty())
    return Error("cannot run on " + std::to_string(count) + " threads: " + missing +
                 "; install libomp (Debian: libomp5), or ask for one thread");
  isDefault = count == 0;
  threads = count ? count : missing.empty() ? getNumProcessors() : 1;
  return Error::success();
}

std::string CPUDevice::describe() const {
  unsigned level = getHostLevel();
  return std::string("the CPU (") + (level ? levels[level - 1] : "no x86-64") + ", " + std::to_string(threads) +
         (threads == 1 ? " thread)" : " threads)");
}

std::string CPUDevice::getNotice() const {
  std::string missing = whyOneThread();
  if (!isDefault || missing.empty() || getNumProcessors() == 1)
    return {};
  return "programs run on one thread: " + missing + "; install libomp (Debian: libomp5)";
}

//===----------------------------------------------------------------------===//
// Memory and time
//===----------------------------------------------------------------------===//

Result<void *> CPUDevice::allocate(size_t size) {
  if (size < kLargeBlock) {
    void *memory = std::aligned_alloc(1024, (std::max<size_t>(size, 1) + 1023) / 1024 * 1024);
    if (!memory)
      return Error("there is no memory for " + std::to_string(size) + " bytes on the host; use smaller inputs");
    return memory;
  }
  Result<HostMemory> memory = HostMemory::allocate(size);
  if (!memory)
    return Error(memory.getError().getMessage() + "; use smaller inputs");
  void *address = memory->data();
  std::lock_guard<std::mutex> lock(mutex);
  largeBlocks.emplace(address, std::move(*memory));
  return address;
}

void CPUDevice::release(void *memory) {
  std::lock_guard<std::mutex> lock(mutex);
  if (largeBlocks.erase(memory) == 0)
    std::free(memory);
}

Error CPUDevice::copyToDevice(void *to, const void *from, size_t size, Stream) {
  if (size > 0)
    std::memcpy(to, from, size);
  return Error::success();
}

Error CPUDevice::copyFromDevice(void *to, const void *from, size_t size, Stream stream) {
  return copyToDevice(to, from, size, stream);
}

Error CPUDevice::clear(void *memory, size_t size, Stream) {
  if (size > 0)
    std::memset(memory, 0, size);
  return Error::success();
}

using Clock = std::chrono::steady_clock;

Result<void *> CPUDevice::createMark() { return static_cast<void *>(new Clock::time_point()); }

void CPUDevice::destroyMark(void *mark) { delete static_cast<Clock::time_point *>(mark); }

Error CPUDevice::recordMark(void *mark, Stream) {
  *static_cast<Clock::time_point *>(mark) = Clock::now();
  return Error::success();
}

Result<double> CPUDevice::getMicroseconds(void *from, void *to) {
  Clock::duration duration = *static_cast<Clock::time_point *>(to) - *static_cast<Clock::time_point *>(from);
  return std::chrono::duration<double, std::micro>(duration).count();
}
