//===- CPUDeviceTest.cpp - Programs on the CPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The kernels are those of SampleKernels.c, an object file beside the test.
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/CPUDevice.h"
#include "CPU/ObjectCode.h"
#include "CPU/OpenMP.h"
#include "et/Runtime/Executable.h"
#include "et/Runtime/ProgramBuilder.h"

#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <sstream>

using namespace mlir::et::runtime;

static std::string readFile(const char *path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file.good()) << path;
  return text.str();
}

static const std::string &getObject() {
  static const std::string object = readFile(ET_SAMPLE_KERNELS);
  return object;
}

static testing::AssertionResult contains(const Error &error, const std::string &part) {
  if (error && error.getMessage().find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "expected '" << part << "' in '" << (error ? error.getMessage() : "success")
                                     << "'";
}

//===----------------------------------------------------------------------===//
// Object code
//===----------------------------------------------------------------------===//

static Error loadObject(std::string_view bytes) {
  Result<std::unique_ptr<ObjectCode>> code = ObjectCode::load(bytes);
  return code ? Error::success() : code.getError();
}

TEST(ObjectCode, LinksEveryKindOfSection) {
  Result<std::unique_ptr<ObjectCode>> code = ObjectCode::load(getObject());
  ASSERT_TRUE(code) << code.getError().getMessage();
  using Kernel = void (*)(void **, int64_t, int64_t, char *);
  auto kernel = reinterpret_cast<Kernel>((*code)->find("sample_sections"));
  ASSERT_NE(kernel, nullptr);
  EXPECT_EQ((*code)->find("counters"), nullptr);
  EXPECT_EQ((*code)->find("sample_none"), nullptr);
  int results[4] = {}, *pointer = results;
  void *arguments[] = {&pointer};
  kernel(arguments, 0, 1, nullptr);
  EXPECT_EQ(results[0], 42);
  EXPECT_EQ(results[1], 1);
  EXPECT_EQ(results[2], 21);
  EXPECT_EQ(results[3], 'o');
  // Data of one copy is not that of another.
  Result<std::unique_ptr<ObjectCode>> other = ObjectCode::load(getObject());
  ASSERT_TRUE(other);
  reinterpret_cast<Kernel>((*other)->find("sample_sections"))(arguments, 0, 1, nullptr);
  EXPECT_EQ(results[0], 42);
}

TEST(ObjectCode, RefusesWhatIsNoObject) {
  EXPECT_TRUE(contains(loadObject(""), "it is no ELF object: it has 0 bytes"));
  EXPECT_TRUE(contains(loadObject(std::string(100, 'x')), "it is no relocatable ELF object for x86-64"));
  auto change = [](auto function) {
    std::string bytes = getObject();
    function(*reinterpret_cast<Elf64_Ehdr *>(bytes.data()), bytes);
    return loadObject(bytes);
  };
  EXPECT_TRUE(contains(change([](Elf64_Ehdr &header, std::string &) { header.e_machine = EM_AARCH64; }),
                       "it is no relocatable ELF object for x86-64"));
  EXPECT_TRUE(contains(change([](Elf64_Ehdr &header, std::string &) { header.e_type = ET_DYN; }),
                       "it is no relocatable ELF object for x86-64"));
  EXPECT_TRUE(contains(change([](Elf64_Ehdr &header, std::string &) { header.e_shoff = UINT64_MAX - 8; }),
                       "its table of sections does not lie in it"));
  EXPECT_TRUE(contains(loadObject(readFile(ET_SAMPLE_UNKNOWN)), "it needs 'system', which this runtime does not have"));
}

namespace {
/// The object with its headers at hand.
struct Elf {
  std::string bytes = getObject();

  Elf64_Ehdr &header() { return *reinterpret_cast<Elf64_Ehdr *>(bytes.data()); }
  Elf64_Shdr &section(size_t i) { return reinterpret_cast<Elf64_Shdr *>(bytes.data() + header().e_shoff)[i]; }
  /// The first section that \p matches, with its contents as entries of type T.
  template <typename Function> Elf64_Shdr &find(Function matches) {
    for (size_t i = 0; i < header().e_shnum; ++i)
      if (matches(section(i)))
        return section(i);
    ADD_FAILURE() << "no such section";
    return section(0);
  }
  Elf64_Shdr &findType(uint32_t type) {
    return find([&](const Elf64_Shdr &section) { return section.sh_type == type; });
  }
  Elf64_Shdr &findCode() {
    return find([](const Elf64_Shdr &section) { return (section.sh_flags & SHF_EXECINSTR) && section.sh_size > 0; });
  }
  /// The first relocation of the code.
  Elf64_Rela &relocation() {
    Elf64_Shdr &table = find([&](const Elf64_Shdr &section) {
      return section.sh_type == SHT_RELA && (this->section(section.sh_info).sh_flags & SHF_EXECINSTR);
    });
    return *reinterpret_cast<Elf64_Rela *>(bytes.data() + table.sh_offset);
  }
  Error load() { return loadObject(bytes); }
};
} // namespace

TEST(ObjectCode, ChecksEveryNumber) {
  Elf elf;
  EXPECT_FALSE(elf.load());
  elf.findCode().sh_offset = elf.bytes.size() - 1;
  EXPECT_TRUE(contains(elf.load(), "does not lie in it"));
  elf = Elf();
  elf.findCode().sh_flags |= SHF_WRITE;
  EXPECT_TRUE(contains(elf.load(), "is both writable and executable"));
  elf = Elf();
  elf.findCode().sh_flags |= SHF_TLS;
  EXPECT_TRUE(contains(elf.load(), "is compressed or a thread's own"));
  elf = Elf();
  elf.findCode().sh_type = SHT_INIT_ARRAY;
  EXPECT_TRUE(contains(elf.load(), "which kernels do not need"));
  for (uint64_t alignment : {uint64_t(3), uint64_t(8192), UINT64_MAX}) {
    elf = Elf();
    elf.findCode().sh_addralign = alignment;
    EXPECT_TRUE(contains(elf.load(), "to be a power of two up to 4096, but got " + std::to_string(alignment)));
  }
  elf = Elf();
  elf.findType(SHT_NOBITS).sh_size = UINT64_MAX - 100;
  EXPECT_TRUE(contains(elf.load(), "its sections take more than"));
  elf = Elf();
  elf.findType(SHT_SYMTAB).sh_type = SHT_PROGBITS;
  EXPECT_TRUE(contains(elf.load(), "it has no table of symbols"));
  elf = Elf();
  elf.findType(SHT_SYMTAB).sh_link = 0;
  EXPECT_TRUE(contains(elf.load(), "its table of symbols has no names"));
  elf = Elf();
  reinterpret_cast<Elf64_Sym *>(elf.bytes.data() + elf.findType(SHT_SYMTAB).sh_offset)[1].st_name = UINT32_MAX;
  EXPECT_TRUE(contains(elf.load(), "the name of symbol 1 does not lie in it"));
  elf = Elf();
  elf.relocation().r_offset = elf.bytes.size();
  EXPECT_TRUE(contains(elf.load(), "a relocation lies outside of its section"));
  elf = Elf();
  elf.relocation().r_info = ELF64_R_INFO(1 << 20, R_X86_64_PC32);
  EXPECT_TRUE(contains(elf.load(), "a relocation refers to symbol 1048576, but there are"));
  elf = Elf();
  elf.relocation().r_info = ELF64_R_INFO(0, R_X86_64_PC32);
  EXPECT_TRUE(contains(elf.load(), "a relocation refers to symbol 0, which has no place"));
  elf = Elf();
  elf.relocation().r_info = ELF64_R_INFO(ELF64_R_SYM(elf.relocation().r_info), R_X86_64_32);
  EXPECT_TRUE(contains(elf.load(), "it has a relocation of type 10"));
  elf = Elf();
  elf.relocation().r_addend = int64_t(1) << 33;
  EXPECT_TRUE(contains(elf.load(), "a relocation reaches further than 32 bits"));
}

TEST(ObjectCode, SurvivesDamage) {
  // Loaded, never called: what a changed byte of code does is nobody's to say.
  for (size_t size = 0; size < getObject().size(); ++size)
    (void)static_cast<bool>(loadObject(std::string_view(getObject()).substr(0, size)));
  std::string bytes = getObject();
  for (size_t i = 0; i < bytes.size(); ++i)
    for (unsigned bit = 0; bit < 8; bit += 3) {
      bytes[i] ^= 1 << bit;
      (void)static_cast<bool>(loadObject(bytes));
      bytes[i] ^= 1 << bit;
    }
}

TEST(Functions, RoundSixteenBitFloats) {
  auto extend = reinterpret_cast<float (*)(_Float16)>(findFunction("__extendhfsf2"));
  auto truncate = reinterpret_cast<_Float16 (*)(float)>(findFunction("__truncsfhf2"));
  auto truncateDouble = reinterpret_cast<_Float16 (*)(double)>(findFunction("__truncdfhf2"));
  auto truncateBrain = reinterpret_cast<_Float16 (*)(float)>(findFunction("__truncsfbf2"));
  auto bits = [](_Float16 value) {
    uint16_t result;
    std::memcpy(&result, &value, sizeof(result));
    return result;
  };
  EXPECT_EQ(bits(truncate(1.0f + 0x1p-11f)), 0x3c00);
  EXPECT_EQ(bits(truncate(65520.0f)), 0x7c00);
  // Rounded once: through f32 it would be 1 + 2^-10.
  EXPECT_EQ(bits(truncateDouble(1.0 + 0x1p-11 + 0x1p-40)), 0x3c01);
  EXPECT_EQ(bits(truncateBrain(-1.0f - 3 * 0x1p-8f)), 0xbf82);
  for (uint32_t i = 0; i < 0x7c00; ++i) {
    uint16_t half = i;
    _Float16 value;
    std::memcpy(&value, &half, sizeof(value));
    EXPECT_EQ(bits(truncate(extend(value))), half);
  }
  EXPECT_EQ(findFunction("expf"), reinterpret_cast<void *>(static_cast<float (*)(float)>(&::expf)));
  EXPECT_EQ(findFunction("getenv"), nullptr);
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

TEST(OpenMP, RunsOnOneThreadWithoutALibrary) {
  OpenMP openMP = OpenMP::load({"libetnone.so.1", "libetnone.so.2"});
  EXPECT_NE(openMP.whyMissing().find("libetnone.so.1"), std::string::npos);
  int64_t seen[3] = {};
  openMP.run(
      4,
      [](void *context, int64_t thread, int64_t numThreads) {
        int64_t *seen = static_cast<int64_t *>(context);
        seen[0] += 1;
        seen[1] = thread;
        seen[2] = numThreads;
      },
      seen);
  openMP.wait(1);
  // Kernels that wait for their team do so in vain, but do not fail.
  auto barrier = reinterpret_cast<void (*)(void *, int32_t)>(openMP.find("__kmpc_barrier"));
  ASSERT_NE(barrier, nullptr);
  barrier(nullptr, 0);
  EXPECT_EQ(openMP.find("__kmpc_fork_call"), nullptr);
  EXPECT_EQ(seen[0], 1);
  EXPECT_EQ(seen[1], 0);
  EXPECT_EQ(seen[2], 1);
  // A library that is there, but not for OpenMP.
  EXPECT_NE(OpenMP::load({"libc.so.6"}).whyMissing().find("the OpenMP library lacks "), std::string::npos);
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

namespace {
/// y = exp(x + [1, 2, 3, 4]) for x of shape [rows, 4].
struct CPUProgram {
  explicit CPUProgram(const std::string &target = "x86-64", const std::string &codeTarget = "x86-64",
                      const std::string &symbol = "sample_exp", std::string object = getObject()) {
    Expr rows = builder.addSymbol({"rows", 0, 1000, 1}), columns = builder.constant(4);
    Expr zero = builder.constant(0), one = builder.constant(1);
    uint32_t x = builder.addInput({"x", ElementType::F32, {rows, columns}, 1});
    uint32_t y = builder.addOutput({"y", ElementType::F32, {rows, columns}, 1});
    builder.addCheck("row {0} begins with 13");
    PlanBuilder &plan = builder.addPlan(DeviceKind::Host, target);
    plan.setScratchSize(64);
    uint32_t module = plan.addModule({builder.addCode(CodeKind::ELFObject, codeTarget, std::move(object))});
    Launch launch;
    launch.module = module;
    launch.grid = {one, one, one};
    launch.threads = 1;
    launch.symbol = "sample_add";
    launch.arguments = {Argument::pointer(Buffer::input(x), zero), Argument::pointer(Buffer::output(y), zero),
                        Argument::i64(rows)};
    plan.addStep(launch);
    launch.symbol = symbol;
    launch.arguments = {Argument::pointer(Buffer::output(y), zero), Argument::i64(rows),
                        Argument::pointer(Buffer::status(), zero)};
    plan.addStep(launch);
  }

  std::shared_ptr<const LoadedProgram> load() const {
    std::string file;
    Error error = builder.serialize(file);
    EXPECT_FALSE(error) << error.getMessage();
    Result<std::shared_ptr<const LoadedProgram>> loaded = LoadedProgram::loadMemory(file.data(), file.size());
    EXPECT_TRUE(loaded) << loaded.getError().getMessage();
    return *loaded;
  }

  Error create() const {
    Result<std::shared_ptr<CPUDevice>> device = CPUDevice::create(1);
    Result<std::unique_ptr<Executable>> executable = Executable::create(load(), *device);
    return executable ? Error::success() : executable.getError();
  }

  ProgramBuilder builder{"cpu"};
};
} // namespace

TEST(CPUDevice, RunsOnThreads) {
  Result<std::shared_ptr<CPUDevice>> device = CPUDevice::create(CPUDevice::whyOneThread().empty() ? 2 : 1);
  ASSERT_TRUE(device) << device.getError().getMessage();
  EXPECT_TRUE((*device)->isSynchronous());
  Result<std::unique_ptr<Executable>> executable = Executable::create(CPUProgram().load(), *device);
  ASSERT_TRUE(executable) << executable.getError().getMessage();
  for (int64_t rows : {3, 0, 257, 3}) {
    // One past an aligned address: a CPU takes any.
    std::vector<float> x(rows * 4 + 1, 0.5f), y(rows * 4 + 1);
    int64_t shape[] = {rows, 4};
    std::vector<TensorView> inputs = {{x.data() + 1, shape, 2}}, outputs = {{y.data() + 1, shape, 2}};
    for (unsigned threads : {2u, 1u, 3u}) {
      if (CPUDevice::whyOneThread().empty())
        ASSERT_FALSE((*device)->setThreads(threads));
      std::fill(y.begin(), y.end(), 0.0f);
      Error error = (*executable)->run(inputs, outputs, nullptr);
      ASSERT_FALSE(error) << error.getMessage();
      for (int64_t i = 0; i < rows * 4; ++i)
        ASSERT_FLOAT_EQ(y[i + 1], std::exp(1.5f + i % 4)) << i;
    }
  }
  EXPECT_EQ((*executable)->getStatistics().graphsMade, 0u);
  std::vector<StepTime> times;
  std::vector<float> x(8), y(8);
  int64_t shape[] = {2, 4};
  ASSERT_FALSE((*executable)->profile({{x.data(), shape, 2}}, {{y.data(), shape, 2}}, nullptr, times));
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[1].symbol, "sample_exp");
}

TEST(CPUDevice, ReportsAtOnce) {
  Result<std::shared_ptr<CPUDevice>> device = CPUDevice::create(1);
  Result<std::unique_ptr<Executable>> executable = Executable::create(CPUProgram().load(), *device);
  ASSERT_TRUE(executable);
  std::vector<float> x(12), y(12);
  x[4] = 12;
  int64_t shape[] = {3, 4};
  std::vector<TensorView> inputs = {{x.data(), shape, 2}}, outputs = {{y.data(), shape, 2}};
  EXPECT_TRUE(contains((*executable)->run(inputs, outputs, nullptr), "row 1 begins with 13"));
  x[4] = 0;
  EXPECT_FALSE((*executable)->run(inputs, outputs, nullptr));
  EXPECT_FALSE((*executable)->synchronize(nullptr));
}

TEST(CPUDevice, TakesTheBestPlanThatRuns) {
  CPUProgram program;
  unsigned host = CPUDevice::getHostLevel();
  ASSERT_GE(host, 1u);
  // A better one that runs nowhere, and one that runs here at its best.
  program.builder.addPlan(DeviceKind::Host, "x86-64-v9");
  const char *names[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
  PlanBuilder &best = program.builder.addPlan(DeviceKind::Host, names[host - 1]);
  program.builder.addPlan(DeviceKind::CUDA, "sm_90a");
  Result<std::shared_ptr<CPUDevice>> device = CPUDevice::create(1);
  Program all = program.builder.getProgram();
  Result<const Plan *> chosen = (*device)->choosePlan(all);
  ASSERT_TRUE(chosen);
  EXPECT_EQ((*chosen)->target, host == 1 ? "x86-64" : best.getPlan().target);
  EXPECT_EQ(CPUDevice::getLevel("x86-64-v4"), 4u);
  EXPECT_EQ(CPUDevice::getLevel("sm_90a"), 0u);
}

TEST(CPUDevice, SaysWhyItCannotLoad) {
  EXPECT_TRUE(contains(CPUProgram("x86-64-v9").create(), "the program was compiled for x86-64-v9, but this CPU runs "));
  EXPECT_TRUE(contains(CPUProgram("x86-64-v9").create(), "compile it with et-compile --target=cpu --isa="));
  EXPECT_TRUE(contains(CPUProgram("x86-64", "x86-64-v4").create(), "the plan for x86-64 has no object code for it"));
  EXPECT_TRUE(contains(CPUProgram("x86-64", "x86-64", "sample_none").create(),
                       "the code for x86-64 lacks the kernel 'sample_none'"));
  EXPECT_TRUE(contains(CPUProgram("x86-64", "x86-64", "sample_exp", "text").create(),
                       "cannot load the code for x86-64: it is no ELF object"));
  EXPECT_TRUE(contains(CPUProgram("x86-64", "x86-64", "sample_unknown", readFile(ET_SAMPLE_UNKNOWN)).create(),
                       "cannot load the code for x86-64: it needs 'system'"));
}

TEST(CPUDevice, GivesMemoryOfEverySize) {
  Result<std::shared_ptr<CPUDevice>> device = CPUDevice::create();
  ASSERT_TRUE(device);
  EXPECT_EQ((*device)->getThreads(), CPUDevice::whyOneThread().empty() ? getNumProcessors() : 1);
  EXPECT_NE((*device)->describe().find("the CPU (x86-64"), std::string::npos);
  for (size_t size : {size_t(0), size_t(1), size_t(4096), size_t(5) << 20}) {
    Result<void *> memory = (*device)->allocate(size);
    ASSERT_TRUE(memory) << memory.getError().getMessage();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(*memory) % 1024, 0u);
    EXPECT_FALSE((*device)->clear(*memory, size, nullptr));
    (*device)->release(*memory);
  }
  Result<void *> none = (*device)->allocate(SIZE_MAX / 2);
  ASSERT_FALSE(none);
  EXPECT_TRUE(contains(none.getError(), "there is no memory for"));
}

TEST(CPUDevice, RunsWhatWasNeverAFile) {
  auto program = std::make_shared<CPUProgram>();
  std::shared_ptr<const ProgramBuilder> builder(program, &program->builder);
  Result<std::shared_ptr<const LoadedProgram>> loaded = ProgramBuilder::load(std::move(builder), nullptr);
  program.reset();
  ASSERT_TRUE(loaded) << loaded.getError().getMessage();
  Result<std::shared_ptr<CPUDevice>> device = CPUDevice::create(1);
  Result<std::unique_ptr<Executable>> executable = Executable::create(*loaded, *device);
  loaded = Error("gone");
  ASSERT_TRUE(executable) << executable.getError().getMessage();
  std::vector<float> x(4), y(4);
  int64_t shape[] = {1, 4};
  ASSERT_FALSE((*executable)->run({{x.data(), shape, 2}}, {{y.data(), shape, 2}}, nullptr));
  EXPECT_FLOAT_EQ(y[3], std::exp(4.0f));
  // What a file may not say, a program in memory may not either.
  auto wrong = std::make_shared<ProgramBuilder>("wrong");
  EXPECT_TRUE(contains(ProgramBuilder::load(wrong, nullptr).getError(), "expected at least one plan"));
}
