//===- Device.h - Where programs run ----------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What Executable needs of a device: memory, kernels, launches, and graphs of
// launches that are replayed. There are two: CUDA, and the host, whose kernels
// are C functions (how plans are tested without a GPU).
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_DEVICE_H
#define ET_RUNTIME_DEVICE_H

#include "et/Runtime/Error.h"
#include "et/Runtime/Program.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mlir::et::runtime {

/// A queue of work: a CUstream on CUDA (null is the legacy default stream), nothing on the host.
using Stream = void *;

/// A tensor map with all sizes known.
struct ResolvedMap {
  Buffer buffer;
  /// In bytes.
  int64_t offset = 0;
  ElementType type = ElementType::F16;
  uint32_t rank = 0, swizzle = 0;
  std::array<uint64_t, 5> sizes = {};
  /// In bytes; of dimension 1 and up.
  std::array<uint64_t, 4> strides = {};
  std::array<uint32_t, 5> box = {};
};

/// What a kernel gets for a tensor map.
struct alignas(64) EncodedMap {
  char bytes[128];
};

/// One launch, ready to go. Pointers stay valid until the run that they belong to has been handed to the device.
struct StepLaunch {
  const Launch *launch = nullptr;
  /// Position in the plan.
  uint32_t step = 0;
  std::array<uint32_t, 3> grid = {};
  /// May overlap the launch in front of it.
  bool programmatic = false;
  /// Pointers to the values of the arguments.
  void **arguments = nullptr;
};

/// Launches that are replayed at once.
class Graph {
public:
  virtual ~Graph();
  /// Whether update() works.
  virtual bool canUpdate() const = 0;
  /// Takes the arguments of \p launch for launch \p i from now on. Replays that were started before are not affected.
  virtual Error update(size_t i, const StepLaunch &launch) = 0;
  virtual Error launch(Stream stream) = 0;
};

/// The kernels of one plan, loaded.
class Kernels {
public:
  virtual ~Kernels();
  /// Makes a tensor map of memory at \p address.
  virtual Error encode(const ResolvedMap &map, void *address, EncodedMap &encoded) = 0;
  virtual Error launch(const StepLaunch &launch, Stream stream) = 0;
  /// Launches all of \p launches, one behind the other.
  virtual Error launchAll(const std::vector<StepLaunch> &launches, Stream stream);
  /// Whether graphs are worth making.
  virtual bool hasGraphs() const { return true; }
  /// Makes a graph of \p launches, which run one after the other.
  virtual Result<std::unique_ptr<Graph>> makeGraph(const std::vector<StepLaunch> &launches) = 0;
};

/// What a device can do at best, by its data sheet: the floor that profiles compare with. 0 where it is not known.
struct DevicePeaks {
  /// Of its memory.
  double bytesPerSecond = 0;
  /// Operations per second of each MathUnit.
  double vectorFlops = 0, tensorFlops = 0;

  /// Microseconds that a step takes at least; 0 when that is not known.
  double getFloor(std::optional<int64_t> bytes, std::optional<int64_t> flops, MathUnit math) const;
};

/// A device.
class Device {
public:
  virtual ~Device();
  virtual DeviceKind getKind() const = 0;
  /// For messages: `CUDA device 0 (NVIDIA H200, sm_90)`.
  virtual std::string describe() const = 0;
  virtual DevicePeaks getPeaks() const { return {}; }
  /// What its user should know: why it is slower than it could be. Empty when there is nothing.
  virtual std::string getNotice() const { return {}; }

  /// The plan of \p program that suits the device best.
  virtual Result<const Plan *> choosePlan(const Program &program) const = 0;
  /// Loads the kernels of \p plan. Program and device must outlive them.
  virtual Result<std::unique_ptr<Kernels>> load(const Program &program, const Plan &plan) = 0;

  /// Memory, aligned to 1024 bytes. Fails with a message that says how much there is.
  virtual Result<void *> allocate(size_t size) = 0;
  /// Gives back what allocate gave, once the device no longer uses it.
  virtual void release(void *memory) = 0;
  /// Whether the device reads the host's memory as its own.
  virtual bool sharesHostMemory() const = 0;
  /// Whether kernels are faster on weights in memory that allocate gave than on a file that is mapped.
  virtual bool wantsWeightsCopied() const { return !sharesHostMemory(); }
  /// Whether work is done when the call that started it returns.
  virtual bool isSynchronous() const { return false; }

  /// Copies in the order of \p stream; the host's memory may be reused when the call returns.
  virtual Error copyToDevice(void *to, const void *from, size_t size, Stream stream) = 0;
  /// Copies in the order of \p stream and waits for it.
  virtual Error copyFromDevice(void *to, const void *from, size_t size, Stream stream) = 0;
  /// Fills with zeros in the order of \p stream.
  virtual Error clear(void *memory, size_t size, Stream stream) = 0;

  virtual Result<Stream> createStream() = 0;
  virtual void destroyStream(Stream stream) = 0;
  virtual Error synchronize(Stream stream) = 0;
  /// Makes what comes to \p stream wait for what is in \p earlier now.
  virtual Error waitFor(Stream stream, Stream earlier) = 0;
  /// Whether work in \p stream is being recorded by the caller, not run.
  virtual bool isRecording(Stream stream) const = 0;

  /// Measures time on the device: microseconds between two marks in a stream.
  virtual Result<void *> createMark() = 0;
  virtual void destroyMark(void *mark) = 0;
  virtual Error recordMark(void *mark, Stream stream) = 0;
  virtual Result<double> getMicroseconds(void *from, void *to) = 0;
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_DEVICE_H
