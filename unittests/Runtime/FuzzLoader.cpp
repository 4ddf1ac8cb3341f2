//===- FuzzLoader.cpp - Hostile programs, by the million -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Takes bytes as the description of a program, puts the file around it that they
// need to get past the checksums, loads it, plans it for several sizes, and runs
// it on the host with kernels that do nothing. Code for the CPU is linked, and
// never called; bytes that are an ELF file are linked alone. Whatever the bytes
// say, that must end in a result or a reason; the sanitizers watch over the rest.
//
// With ET_FUZZ this is a libFuzzer target. Without, it mutates the sample program
// itself, for a number of seconds and from a seed:
//
//   et-fuzz-loader [--seconds=N] [--seed=N] [--object=FILE]
//
// The object file gives code to start from.
//
//===----------------------------------------------------------------------===//

#include "CPU/ObjectCode.h"
#include "Container.h"
#include "Hash.h"
#include "SampleProgram.h"
#include "et/Runtime/CPUDevice.h"
#include "et/Runtime/Executable.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;

static uint64_t numLoaded = 0, numPlanned = 0, numRun = 0, numLinked = 0;

/// The file whose description is \p bytes, with 32 bytes of weights.
static std::string makeFile(const uint8_t *bytes, size_t size) {
  std::string file(reinterpret_cast<const char *>(bytes), size);
  // The size in front decides where the weights start; a wrong one is worth a try, an absurd one is not.
  uint32_t stated = 0;
  if (size >= sizeof(stated))
    std::memcpy(&stated, bytes, sizeof(stated));
  if (stated > size)
    file.replace(0, sizeof(stated), std::string(sizeof(stated), '\0'));
  file.resize(alignTo(file.size(), kBlobAlignment), '\0');
  Trailer trailer = {};
  trailer.programHash = hashBytes(file.data(), file.size());
  file.append(32, '\1');
  trailer.weightsHash = hashBytes(file.data() + file.size() - 32, 32);
  trailer.fileSize = file.size() + sizeof(trailer);
  std::memcpy(trailer.magic, kTrailerMagic, sizeof(trailer.magic));
  file.append(reinterpret_cast<const char *>(&trailer), sizeof(trailer));
  return file;
}

/// Runs \p loaded with every symbol at \p value, if that takes little memory.
static void run(const std::shared_ptr<const LoadedProgram> &loaded, int64_t value) {
  const Program &program = loaded->getProgram();
  std::vector<int64_t> symbols(program.symbols.size(), value);
  bool isSmall = true;
  for (const Plan &plan : program.plans) {
    Result<ResolvedPlan> resolved = resolvePlan(program, plan, symbols);
    numPlanned += static_cast<bool>(resolved);
    isSmall &= resolved && resolved->arenaSize < (1 << 20);
  }
  Evaluation evaluation(program, symbols);
  HostKernelTable kernels;
  for (const Plan &plan : program.plans)
    for (const Launch &launch : plan.steps)
      kernels[launch.symbol] = [](void **arguments, const HostLaunchInfo &) { (void)arguments[0]; };
  std::vector<std::vector<int64_t>> shapes;
  std::vector<TensorView> views[2];
  shapes.reserve(program.inputs.size() + program.outputs.size());
  alignas(4096) static char memory[4096];
  for (const std::vector<Tensor> *tensors : {&program.inputs, &program.outputs})
    for (const Tensor &tensor : *tensors) {
      Result<std::vector<int64_t>> shape = evaluation.getShape(tensor, "tensor");
      if (!shape)
        return;
      shapes.push_back(std::move(*shape));
      // The kernels do not touch it.
      views[tensors == &program.outputs].push_back({memory, shapes.back().data(), shapes.back().size()});
    }
  if (!isSmall)
    return;
  Result<std::unique_ptr<Executable>> executable = Executable::create(loaded, createHostDevice(std::move(kernels)));
  if (!executable)
    return;
  for (int i = 0; i < 2; ++i) {
    bool failed = static_cast<bool>((*executable)->run(views[0], views[1], nullptr));
    numRun += !failed;
    (void)static_cast<bool>((*executable)->synchronize(nullptr));
  }
}

/// Links the code for the CPU that \p loaded holds.
static void link(const std::shared_ptr<const LoadedProgram> &loaded) {
  static const std::shared_ptr<CPUDevice> device = *CPUDevice::create(1);
  Result<std::unique_ptr<Executable>> executable = Executable::create(loaded, device);
  numLinked += static_cast<bool>(executable);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 4 && std::memcmp(data, "\177ELF", 4) == 0) {
    Result<std::unique_ptr<ObjectCode>> code =
        ObjectCode::load(std::string_view(reinterpret_cast<const char *>(data), size));
    numLinked += static_cast<bool>(code);
    return 0;
  }
  std::string file = makeFile(data, size);
  Result<std::shared_ptr<const LoadedProgram>> loaded = LoadedProgram::loadMemory(file.data(), file.size());
  if (!loaded)
    return 0;
  ++numLoaded;
  link(*loaded);
  for (int64_t value : {0, 1, 7, 1000, 1 << 20})
    run(*loaded, value);
  run(*loaded, INT64_MAX / 3);
  return 0;
}

/// The description in the file of \p sample.
static std::string getDescription(const SampleProgram &sample) {
  std::string file = sample.serialize();
  uint32_t size;
  std::memcpy(&size, file.data(), sizeof(size));
  return file.substr(0, size + sizeof(size));
}

#ifdef ET_FUZZ
/// Leaves the sample for libFuzzer to start from.
extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv) {
  if (*argc > 1 && std::strncmp((*argv)[1], "--write-seed=", 13) == 0) {
    std::string description = getDescription(SampleProgram());
    std::FILE *file = std::fopen((*argv)[1] + 13, "wb");
    bool isWritten = file && std::fwrite(description.data(), 1, description.size(), file) == description.size();
    std::exit(isWritten && std::fclose(file) == 0 ? 0 : 1);
  }
  return 0;
}
#else

namespace {
/// Changes descriptions in the ways in which files go wrong.
class Mutator {
public:
  explicit Mutator(uint64_t seed) : random(seed) {}

  void mutate(std::string &bytes) {
    for (unsigned i = 0, count = 1 + random() % 8; i < count; ++i)
      mutateOnce(bytes);
  }

private:
  void mutateOnce(std::string &bytes) {
    static const uint64_t interesting[] = {0,         1,          2,          0x7f,       0x80,       0xff,
                                           0x7fff,    0xffff,     0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
                                           INT64_MAX, 1ull << 63, UINT64_MAX, 4096};
    if (bytes.size() < 16)
      return;
    size_t at = random() % (bytes.size() - 8);
    switch (random() % 6) {
    case 0:
      bytes[at] = random();
      break;
    case 1:
      bytes[at] ^= 1 << random() % 8;
      break;
    case 2: { // a number of 1, 2, 4 or 8 bytes, aligned
      size_t size = size_t(1) << random() % 4;
      uint64_t value = interesting[random() % (sizeof(interesting) / sizeof(*interesting))];
      std::memcpy(&bytes[at / size * size], &value, size);
      break;
    }
    case 3: { // a little more or less: offsets and indices that just miss
      uint32_t value;
      std::memcpy(&value, &bytes[at / 4 * 4], 4);
      value += random() % 33 - 16;
      std::memcpy(&bytes[at / 4 * 4], &value, 4);
      break;
    }
    case 4: { // a piece from somewhere else
      size_t from = random() % (bytes.size() - 8),
             size = std::min<size_t>(1 + random() % 64, bytes.size() - std::max(at, from));
      std::memmove(&bytes[at], &bytes[from], size);
      break;
    }
    case 5:
      bytes.resize(random() % 8 ? bytes.size() : random() % bytes.size());
      break;
    }
  }

  std::mt19937_64 random;
};
} // namespace

int main(int argc, char **argv) {
  uint64_t seconds = 2, seed = 1;
  std::string object;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--seconds=", 10) == 0)
      seconds = std::strtoull(argv[i] + 10, nullptr, 10);
    else if (std::strncmp(argv[i], "--seed=", 7) == 0)
      seed = std::strtoull(argv[i] + 7, nullptr, 10);
    else if (std::strncmp(argv[i], "--object=", 9) == 0)
      object = argv[i] + 9;
    else
      return std::fprintf(stderr, "expected --seconds=N, --seed=N or --object=FILE, but got '%s'\n", argv[i]), 1;
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  // What loads is worth changing further: it got past all checks.
  std::vector<std::string> corpus = {getDescription(SampleProgram())};
  if (!object.empty()) {
    std::ifstream file(object, std::ios::binary);
    std::string code((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (code.empty())
      return std::fprintf(stderr, "cannot read '%s'\n", object.c_str()), 1;
    corpus.push_back(
        getDescription(SampleProgram(1, DeviceKind::Host, "x86-64", code, CodeKind::ELFObject, "sample_")));
    corpus.push_back(std::move(code));
  }
  const size_t numSeeds = corpus.size();
  std::mt19937_64 random(seed);
  Mutator mutator(seed + 1);
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  uint64_t rounds = 0;
  for (; std::chrono::steady_clock::now() < end; ++rounds) {
    std::string bytes = corpus[random() % corpus.size()];
    mutator.mutate(bytes);
    uint64_t before = numLoaded + numLinked;
    (void)LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
    if (numLoaded + numLinked == before)
      continue;
    if (corpus.size() < 256)
      corpus.push_back(std::move(bytes));
    else
      corpus[numSeeds + random() % (corpus.size() - numSeeds)] = std::move(bytes);
  }
  std::printf("%llu programs, of which %llu were loaded, %llu plans, %llu runs, %llu times code was linked\n",
              static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(numLoaded),
              static_cast<unsigned long long>(numPlanned), static_cast<unsigned long long>(numRun),
              static_cast<unsigned long long>(numLinked));
  // A fuzzer whose programs are all refused tests nothing but the refusal.
  return numLoaded > 0 && numPlanned > 0 && numRun > 0 && (object.empty() || numLinked > 0) ? 0 : 1;
}
#endif
