//===- ObjectCode.cpp - Machine code of a CPU, loaded -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   code | stubs          read and execute    a stub jumps to a function of ours, which may be far away
//   constants | slots     read                a slot holds the address of a symbol
//   data                  read and write
//
//===----------------------------------------------------------------------===//

#include "ObjectCode.h"

#include <cstring>
#include <elf.h>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace mlir::et::runtime;

/// Far more than the code of any model, and little enough that sizes do not overflow.
static constexpr uint64_t kMaxSize = uint64_t(1) << 30;
static constexpr uint64_t kStubSize = 16, kSlotSize = 8, kMaxAlignment = 4096;
/// System V ABI, AMD64: tables for unwinding, which nobody does through kernels.
static constexpr uint32_t kUnwindSection = 0x70000001;

static uint64_t roundUp(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

ObjectCode::~ObjectCode() {
  if (memory)
    ::munmap(memory, size);
}

void *ObjectCode::find(std::string_view name) const {
  auto found = functions.find(name);
  return found == functions.end() ? nullptr : found->second;
}

namespace mlir::et::runtime {
/// Links one object.
class ObjectLinker {
public:
  explicit ObjectLinker(std::string_view bytes) : bytes(bytes) {}

  Result<std::unique_ptr<ObjectCode>> link() {
    for (Error (ObjectLinker::*step)() :
         {&ObjectLinker::readSections, &ObjectLinker::readSymbolTable, &ObjectLinker::layOut,
          &ObjectLinker::findSymbols, &ObjectLinker::relocate, &ObjectLinker::protect})
      if (Error error = (this->*step)())
        return error;
    return Result<std::unique_ptr<ObjectCode>>(std::move(code));
  }

private:
  enum Group { Code, Constants, Data, NumGroups };

  struct Section {
    Elf64_Shdr header;
    /// Part of the loaded code, and where it lies in its memory.
    bool isLoaded = false;
    Group group = Code;
    uint64_t place = 0;
  };

  struct Symbol {
    Elf64_Sym entry;
    /// Of a global symbol.
    std::string_view name;
    /// 0 while it is not known.
    uint64_t address = 0;
    bool isOurs = false;
  };

  /// The structure at \p offset, which lies in the object.
  template <typename T> T read(uint64_t offset) const {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  }

  bool isInside(uint64_t offset, uint64_t size) const {
    return offset <= bytes.size() && size <= bytes.size() - offset;
  }

  Error readSections();
  Error readSymbolTable();
  Error layOut();
  Error findSymbols();
  Error relocate();
  Error relocate(const Section &table, const Section &target);
  Error apply(const Elf64_Rela &entry, const Section &target);
  Error protect();

  uint64_t getAddress(uint64_t place) const { return reinterpret_cast<uint64_t>(code->memory) + place; }
  uint64_t getStub(uint64_t symbol) const { return getAddress(stubs + symbol * kStubSize); }
  uint64_t getSlot(uint64_t symbol) const { return getAddress(slots + symbol * kSlotSize); }

  std::string_view bytes;
  std::vector<Section> sections;
  std::vector<Symbol> symbols;
  /// Where the groups begin, and the end of the last one.
  uint64_t groups[NumGroups + 1] = {};
  uint64_t stubs = 0, slots = 0;
  std::unique_ptr<ObjectCode> code{new ObjectCode()};
};
} // namespace mlir::et::runtime

Error ObjectLinker::readSections() {
  if (bytes.size() < sizeof(Elf64_Ehdr))
    return Error("it is no ELF object: it has " + std::to_string(bytes.size()) + " bytes");
  auto header = read<Elf64_Ehdr>(0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_REL || header.e_machine != EM_X86_64)
    return Error("it is no relocatable ELF object for x86-64");
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0 ||
      !isInside(header.e_shoff, uint64_t(header.e_shnum) * sizeof(Elf64_Shdr)))
    return Error("its table of sections does not lie in it");
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    Section section;
    section.header = read<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr));
    const Elf64_Shdr &what = section.header;
    std::string name = "section " + std::to_string(i);
    if (what.sh_type != SHT_NOBITS && what.sh_type != SHT_NULL && !isInside(what.sh_offset, what.sh_size))
      return Error(name + " does not lie in it");
    if ((what.sh_flags & SHF_ALLOC) && what.sh_type != kUnwindSection && what.sh_type != SHT_NOTE) {
      if (what.sh_type != SHT_PROGBITS && what.sh_type != SHT_NOBITS)
        return Error(name + " has type " + std::to_string(what.sh_type) + ", which kernels do not need");
      if (what.sh_flags & (SHF_TLS | SHF_COMPRESSED))
        return Error(name + " is compressed or a thread's own, which kernels do not need");
      if ((what.sh_flags & SHF_WRITE) && (what.sh_flags & SHF_EXECINSTR))
        return Error(name + " is both writable and executable");
      if (what.sh_addralign > kMaxAlignment || (what.sh_addralign & (what.sh_addralign - 1)) != 0)
        return Error("expected the alignment of " + name + " to be a power of two up to " +
                     std::to_string(kMaxAlignment) + ", but got " + std::to_string(what.sh_addralign));
      section.isLoaded = true;
      section.group = (what.sh_flags & SHF_EXECINSTR) ? Code : (what.sh_flags & SHF_WRITE) ? Data : Constants;
    }
    sections.push_back(section);
  }
  return Error::success();
}

Error ObjectLinker::readSymbolTable() {
  const Elf64_Shdr *table = nullptr;
  for (const Section &section : sections) {
    if (section.header.sh_type != SHT_SYMTAB)
      continue;
    if (table)
      return Error("it has more than one table of symbols");
    table = &section.header;
  }
  if (!table)
    return Error("it has no table of symbols");
  if (table->sh_entsize != sizeof(Elf64_Sym) || table->sh_link >= sections.size() ||
      sections[table->sh_link].header.sh_type != SHT_STRTAB)
    return Error("its table of symbols has no names");
  const Elf64_Shdr &strings = sections[table->sh_link].header;
  std::string_view names = bytes.substr(strings.sh_offset, strings.sh_size);
  for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); ++i) {
    Symbol symbol;
    symbol.entry = read<Elf64_Sym>(table->sh_offset + i * sizeof(Elf64_Sym));
    size_t end = symbol.entry.st_name < names.size() ? names.find('\0', symbol.entry.st_name) : names.npos;
    if (end == names.npos)
      return Error("the name of symbol " + std::to_string(i) + " does not lie in it");
    if (ELF64_ST_BIND(symbol.entry.st_info) != STB_LOCAL)
      symbol.name = names.substr(symbol.entry.st_name, end - symbol.entry.st_name);
    symbols.push_back(symbol);
  }
  return Error::success();
}

/// Gives every loaded section its place, and copies it there.
Error ObjectLinker::layOut() {
  // The sanitizers look in front of a function before they call it.
  uint64_t place = 64;
  for (unsigned group = 0; group < NumGroups; ++group) {
    for (Section &section : sections) {
      if (!section.isLoaded || section.group != group)
        continue;
      if (section.header.sh_size > kMaxSize)
        return Error("its sections take more than " + std::to_string(kMaxSize) + " bytes");
      section.place = place = roundUp(place, std::max<uint64_t>(section.header.sh_addralign, 1));
      place += section.header.sh_size;
      if (place > kMaxSize)
        return Error("its sections take more than " + std::to_string(kMaxSize) + " bytes");
    }
    if (group == Code) {
      stubs = roundUp(place, kStubSize);
      place = stubs + symbols.size() * kStubSize;
    } else if (group == Constants) {
      slots = roundUp(place, kSlotSize);
      place = slots + symbols.size() * kSlotSize;
    }
    groups[group + 1] = place = roundUp(place, ::sysconf(_SC_PAGESIZE));
  }
  void *memory = ::mmap(nullptr, place, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return Error("there is no memory for its " + std::to_string(place) + " bytes");
  code->memory = static_cast<char *>(memory);
  code->size = place;
  for (const Section &section : sections)
    if (section.isLoaded && section.header.sh_type != SHT_NOBITS && section.header.sh_size > 0)
      std::memcpy(code->memory + section.place, bytes.data() + section.header.sh_offset, section.header.sh_size);
  return Error::success();
}

Error ObjectLinker::findSymbols() {
  for (size_t i = 0; i < symbols.size(); ++i) {
    Symbol &symbol = symbols[i];
    const Elf64_Sym &entry = symbol.entry;
    if (entry.st_shndx == SHN_UNDEF) {
      // One that nothing refers to may be unknown.
      void *address = symbol.name.empty() ? nullptr : findFunction(symbol.name);
      if (!address)
        continue;
      symbol.address = reinterpret_cast<uint64_t>(address);
      symbol.isOurs = true;
      // jmp *offset(%rip), to what the slot holds.
      int32_t distance = static_cast<int32_t>(getSlot(i) - (getStub(i) + 6));
      char *stub = code->memory + stubs + i * kStubSize;
      std::memcpy(stub, "\xff\x25", 2);
      std::memcpy(stub + 2, &distance, sizeof(distance));
    } else if (entry.st_shndx < sections.size() && sections[entry.st_shndx].isLoaded) {
      const Section &section = sections[entry.st_shndx];
      if (entry.st_value > section.header.sh_size)
        return Error("symbol " + std::to_string(i) + " lies outside of its section");
      symbol.address = getAddress(section.place + entry.st_value);
      if (ELF64_ST_TYPE(entry.st_info) == STT_FUNC && section.group == Code && !symbol.name.empty() &&
          entry.st_value < section.header.sh_size)
        code->functions[symbol.name] = reinterpret_cast<void *>(symbol.address);
    }
    std::memcpy(code->memory + slots + i * kSlotSize, &symbol.address, kSlotSize);
  }
  return Error::success();
}

Error ObjectLinker::relocate() {
  for (const Section &section : sections) {
    const Elf64_Shdr &header = section.header;
    if ((header.sh_type != SHT_RELA && header.sh_type != SHT_REL) || header.sh_info >= sections.size() ||
        !sections[header.sh_info].isLoaded)
      continue;
    if (header.sh_type == SHT_REL || header.sh_entsize != sizeof(Elf64_Rela))
      return Error("it has a table of relocations of another architecture");
    if (Error error = relocate(section, sections[header.sh_info]))
      return error;
  }
  return Error::success();
}

Error ObjectLinker::relocate(const Section &table, const Section &target) {
  for (uint64_t i = 0; i < table.header.sh_size / sizeof(Elf64_Rela); ++i)
    if (Error error = apply(read<Elf64_Rela>(table.header.sh_offset + i * sizeof(Elf64_Rela)), target))
      return error;
  return Error::success();
}

Error ObjectLinker::apply(const Elf64_Rela &entry, const Section &target) {
  uint32_t type = ELF64_R_TYPE(entry.r_info);
  if (type == R_X86_64_NONE)
    return Error::success();
  uint64_t index = ELF64_R_SYM(entry.r_info);
  if (index >= symbols.size())
    return Error("a relocation refers to symbol " + std::to_string(index) + ", but there are " +
                 std::to_string(symbols.size()));
  const Symbol &symbol = symbols[index];
  if (symbol.address == 0)
    return symbol.name.empty()
               ? Error("a relocation refers to symbol " + std::to_string(index) + ", which has no place")
               : Error("it needs '" + std::string(symbol.name) +
                       "', which this runtime does not have; update the runtime, or compile the model "
                       "again");
  uint64_t size = type == R_X86_64_64 || type == R_X86_64_PC64 ? 8 : 4;
  if (entry.r_offset > target.header.sh_size || size > target.header.sh_size - entry.r_offset)
    return Error("a relocation lies outside of its section");
  uint64_t place = target.place + entry.r_offset, value;
  switch (type) {
  case R_X86_64_64:
    value = symbol.address + entry.r_addend;
    break;
  case R_X86_64_PC64:
    value = symbol.address + entry.r_addend - getAddress(place);
    break;
  case R_X86_64_PC32:
  case R_X86_64_PLT32:
    value = (symbol.isOurs ? getStub(index) : symbol.address) + entry.r_addend - getAddress(place);
    break;
  case R_X86_64_GOTPCREL:
  case R_X86_64_GOTPCRELX:
  case R_X86_64_REX_GOTPCRELX:
    value = getSlot(index) + entry.r_addend - getAddress(place);
    break;
  default:
    return Error("it has a relocation of type " + std::to_string(type) +
                 ", which compilers write for other code models");
  }
  int64_t distance = static_cast<int64_t>(value);
  if (size == 4 && (distance < std::numeric_limits<int32_t>::min() || distance > std::numeric_limits<int32_t>::max()))
    return Error("a relocation reaches further than 32 bits");
  std::memcpy(code->memory + place, &value, size);
  return Error::success();
}

Error ObjectLinker::protect() {
  const int rights[NumGroups] = {PROT_READ | PROT_EXEC, PROT_READ, PROT_READ | PROT_WRITE};
  for (unsigned group = 0; group < NumGroups; ++group)
    if (groups[group + 1] > groups[group] &&
        ::mprotect(code->memory + groups[group], groups[group + 1] - groups[group], rights[group]) != 0)
      return Error("the system does not let this process execute code that it loads itself");
  return Error::success();
}

Result<std::unique_ptr<ObjectCode>> ObjectCode::load(std::string_view bytes) {
#ifdef __x86_64__
  return ObjectLinker(bytes).link();
#else
  return Error("this machine is not x86-64");
#endif
}
