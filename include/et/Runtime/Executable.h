//===- Executable.h - A program on a device ---------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs one plan. Per set of dynamic sizes (a shape) it keeps what it worked out:
//
//   first run of a shape     evaluate the plan, encode tensor maps, launch one by one
//   second run               record the launches as a graph, replay it
//   later runs               replay; where the caller's pointers changed, update those launches
//
// At most ExecutableOptions::maxShapes shapes are kept, the least recently used
// goes first.
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_EXECUTABLE_H
#define ET_RUNTIME_EXECUTABLE_H

#include "et/Runtime/Device.h"
#include "et/Runtime/Expressions.h"
#include "et/Runtime/LoadedProgram.h"
#include "et/Runtime/ResolvedPlan.h"

#include <array>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace mlir::et::runtime {

/// Ranges of a timeline, as profilers show them beside kernels (et/Runtime/NVTX.h).
class RangeRecorder {
public:
  virtual ~RangeRecorder();
  /// Ranges nest, on each thread.
  virtual void begin(const char *name) = 0;
  virtual void end() = 0;
};

struct ExecutableOptions {
  /// How many sets of dynamic sizes are kept with their graphs; at least 1.
  size_t maxShapes = 64;
  /// Replay graphs; without them every run launches kernel by kernel.
  bool useGraphs = true;
  /// Gets a range for each run, and in it one for each launch that is made one by one; null for none.
  std::shared_ptr<RangeRecorder> ranges;
  /// Read weights where the file is mapped, where the device can: processes share one copy, and loading copies nothing.
  /// A file has small pages, which cost a CPU time: a tenth and more for short inputs.
  bool mapWeights = false;
};

/// What an executable did so far.
struct ExecutableStatistics {
  uint64_t runs = 0;
  /// Times a plan was evaluated, graphs made, and runs that replayed one.
  uint64_t plansResolved = 0, graphsMade = 0, graphReplays = 0;
  /// Launches in graphs that got new arguments.
  uint64_t launchesUpdated = 0;
  /// Now.
  size_t shapesKept = 0, arenaBytes = 0, weightBytes = 0;
};

/// How long one step took, and what it had to do.
struct StepTime {
  std::string name, symbol;
  /// Where the step begins in the run, and by how much it makes the run longer.
  double start = 0, microseconds = 0;
  std::array<uint32_t, 3> grid = {};
  uint32_t threads = 0;
  std::optional<int64_t> bytes, flops;
  MathUnit math = MathUnit::Vector;
};

/// A program whose weights and kernels are on a device. Threads may share it; their runs take turns.
class Executable {
public:
  ~Executable();

  static Result<std::unique_ptr<Executable>> create(std::shared_ptr<const LoadedProgram> program,
                                                    std::shared_ptr<Device> device,
                                                    const ExecutableOptions &options = {});

  const Program &getProgram() const { return loaded->getProgram(); }
  const Plan &getPlan() const { return *plan; }
  Device &getDevice() const { return *device; }

  /// Checks the shapes of \p inputs and stores those of all outputs.
  Error computeShapes(const std::vector<TensorView> &inputs, std::vector<std::vector<int64_t>> &shapes);

  /// Starts a run behind the work in \p stream, which must stay valid until the next run in another stream or the end
  /// of the executable. Inputs and outputs are in the memory of the device, contiguous, and must not overlap.
  Error run(const std::vector<TensorView> &inputs, const std::vector<TensorView> &outputs, Stream stream);

  /// Waits for \p stream, and says what kernels found wrong in runs since the last call.
  Error synchronize(Stream stream);

  /// Stores how long each step takes in a run, as the median of several: each is what the run gets longer by it, so
  /// that steps overlap as they do in other runs, and all of them add up to the run.
  Error profile(const std::vector<TensorView> &inputs, const std::vector<TensorView> &outputs, Stream stream,
                std::vector<StepTime> &times);

  ExecutableStatistics getStatistics();

private:
  struct Shape;
  Executable(std::shared_ptr<const LoadedProgram> program, std::shared_ptr<Device> device,
             const ExecutableOptions &options);

  Error prepare();
  Error uploadWeights();
  Result<Shape *> getShape(const std::vector<TensorView> &inputs, bool mayWait);
  Error checkOutputs(const Shape &shape, const std::vector<TensorView> &outputs) const;
  Error checkPointers(const std::vector<Tensor> &tensors, const std::vector<std::vector<int64_t>> &shapes,
                      const std::vector<TensorView> &views, const char *kind) const;
  Error reserveArena(size_t size, bool isRecording);
  char *getAddress(Buffer buffer, const std::vector<char *> &addresses) const;
  Error bind(Shape &shape, const std::vector<TensorView> &inputs, const std::vector<TensorView> &outputs);
  Result<Shape *> begin(const std::vector<TensorView> &inputs, const std::vector<TensorView> &outputs, Stream stream,
                        bool isRecording);
  Error launchAll(Shape &shape, Stream stream);
  Error replay(Shape &shape, Stream stream);
  /// What kernels found wrong since the last call.
  Error takeStatus(Stream stream);

  std::mutex mutex;
  std::shared_ptr<const LoadedProgram> loaded;
  std::shared_ptr<Device> device;
  ExecutableOptions options;
  const Plan *plan = nullptr;
  std::unique_ptr<Kernels> kernels;

  /// Where each weight lies, null for those that the plan does not use.
  std::vector<char *> weightAddresses;
  char *weightMemory = nullptr, *status = nullptr, *arena = nullptr;
  /// Arenas that graphs of the caller may still use.
  std::vector<char *> retiredArenas;
  bool isArenaRecorded = false;

  /// Most recently used first.
  std::list<std::unique_ptr<Shape>> shapes;

  bool hasRun = false;
  Stream lastStream = nullptr;
  ExecutableStatistics statistics;
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_EXECUTABLE_H
