//===- CPUDevice.h - The processors of this machine -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_CPUDEVICE_H
#define ET_RUNTIME_CPUDEVICE_H

#include "et/Runtime/Device.h"
#include "et/Runtime/HostMemory.h"

#include <atomic>
#include <map>
#include <mutex>

namespace mlir::et::runtime {

/// This process's processors. A run is done when the call returns, and says at once what kernels found wrong.
class CPUDevice final : public Device {
public:
  /// With \p threads threads, 0 for one per processor. More than one need an OpenMP library: without it the default is
  /// one, and asking for more is an error.
  static Result<std::shared_ptr<CPUDevice>> create(unsigned threads = 0);
  ~CPUDevice() override;

  /// Architectures from `x86-64` to `x86-64-v4`, the psABI's levels; 0 when \p target is none of them.
  static unsigned getLevel(const std::string &target);
  /// The highest level that this machine and its system run; 0 when it is no x86-64.
  static unsigned getHostLevel();
  /// Why programs run on one thread: there is no OpenMP library. Empty when there is one.
  static std::string whyOneThread();

  unsigned getThreads() const { return threads; }
  /// Threads of later runs; as in create().
  Error setThreads(unsigned count);

  DeviceKind getKind() const override { return DeviceKind::Host; }
  std::string describe() const override;
  std::string getNotice() const override;
  Result<const Plan *> choosePlan(const Program &program) const override;
  Result<std::unique_ptr<Kernels>> load(const Program &program, const Plan &plan) override;

  Result<void *> allocate(size_t size) override;
  void release(void *memory) override;
  bool sharesHostMemory() const override { return true; }
  bool wantsWeightsCopied() const override { return true; }
  bool isSynchronous() const override { return true; }

  Error copyToDevice(void *to, const void *from, size_t size, Stream stream) override;
  Error copyFromDevice(void *to, const void *from, size_t size, Stream stream) override;
  Error clear(void *memory, size_t size, Stream stream) override;

  Result<Stream> createStream() override { return Stream(nullptr); }
  void destroyStream(Stream) override {}
  Error synchronize(Stream) override { return Error::success(); }
  Error waitFor(Stream, Stream) override { return Error::success(); }
  bool isRecording(Stream) const override { return false; }

  Result<void *> createMark() override;
  void destroyMark(void *mark) override;
  Error recordMark(void *mark, Stream stream) override;
  Result<double> getMicroseconds(void *from, void *to) override;

private:
  explicit CPUDevice(unsigned threads) : threads(threads) {}

  std::atomic<unsigned> threads;
  /// Whether the caller said how many.
  bool isDefault = false;
  std::mutex mutex;
  std::map<void *, HostMemory> largeBlocks;
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_CPUDEVICE_H
