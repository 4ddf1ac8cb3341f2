//===- TunedTable.cpp - Schedules that were measured ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/TunedTable.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cstdlib>

using namespace mlir::et::nvidia;
using llvm::StringRef;

static constexpr StringRef kFormat = "et-tuned";
static constexpr int64_t kVersion = 1;

/// Rows of a tile: sizes with as many tiles share an entry.
static constexpr int64_t kTile = 64;
static int64_t getTiles(int64_t size) { return (size + kTile - 1) / kTile; }

/// Larger numbers are typing errors, and would overflow what is computed with them.
static constexpr int64_t kMaxSize = 1 << 24;

std::string TunedKey::describe() const {
  if (operation == Linear)
    return llvm::formatv("linear of {0} outputs and {1} inputs, {2}", n, k, type);
  return llvm::formatv("attention with heads of {0} and {1}, mask {2}, {3}", n, k, mask, type);
}

namespace {
/// Reads the members of an object, and says what is wrong with them.
class ObjectReader {
public:
  ObjectReader(const llvm::json::Object &object, std::string place) : object(object), place(std::move(place)) {}

  std::string getString(StringRef name, llvm::ArrayRef<StringRef> allowed = {}) {
    std::optional<StringRef> value = object.getString(name);
    if (value && (allowed.empty() || llvm::is_contained(allowed, *value)))
      return value->str();
    fail(name, allowed.empty() ? "text" : "one of " + llvm::join(allowed, ", "));
    return "";
  }

  int64_t getSize(StringRef name) {
    std::optional<int64_t> value = object.getInteger(name);
    if (value && *value >= 1 && *value <= kMaxSize)
      return *value;
    fail(name, "an integer from 1 to " + std::to_string(kMaxSize));
    return 1;
  }

  double getTime(StringRef name) {
    std::optional<double> value = object.getNumber(name);
    if (value && *value > 0)
      return *value;
    fail(name, "a positive number");
    return 0;
  }

  template <typename T> const T *getNested(const T *value, StringRef name, StringRef expected) {
    if (!value)
      fail(name, expected.str());
    return value;
  }

  /// The first thing that is wrong.
  llvm::Error takeError() {
    if (message.empty())
      return llvm::Error::success();
    return llvm::createStringError(message);
  }

private:
  void fail(StringRef name, const std::string &expected) {
    if (!message.empty())
      return;
    const llvm::json::Value *found = object.get(name);
    message = llvm::formatv("{0}: expected \"{1}\" to be {2}, but got {3}", place, name, expected,
                            found ? llvm::formatv("{0}", *found).str() : std::string("nothing"));
  }

  const llvm::json::Object &object;
  std::string place, message;
};
} // namespace

static llvm::Expected<TunedEntry> parseEntry(const llvm::json::Value &value, const std::string &place) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return llvm::createStringError(place + ": expected an object, but got " + llvm::formatv("{0}", value).str());
  ObjectReader reader(*object, place);
  TunedEntry entry;
  bool isLinear = reader.getString("operation", {"linear", "attention"}) == "linear";
  entry.key.operation = isLinear ? TunedKey::Linear : TunedKey::Attention;
  entry.key.type = reader.getString("type", {"f16", "bf16", "f32"});
  entry.key.n = reader.getSize(isLinear ? "n" : "head_k");
  entry.key.k = reader.getSize(isLinear ? "k" : "head_v");
  if (!isLinear)
    entry.key.mask = reader.getString("mask", {"none", "causal", "window"});
  entry.size = reader.getSize(isLinear ? "rows" : "keys");
  if (auto *schedule = reader.getNested(object->getObject("schedule"), "schedule", "an object"))
    entry.schedule = *schedule;
  entry.microseconds = reader.getTime("us");
  if (llvm::Error error = reader.takeError())
    return std::move(error);
  return entry;
}

llvm::Expected<TunedTable> TunedTable::parse(StringRef text, StringRef source) {
  std::string place = ("tuned table '" + source + "'").str();
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value)
    return llvm::createStringError(place + " is not JSON: " + llvm::toString(value.takeError()) +
                                   "; remove it, or measure again with et-bench --tune");
  const llvm::json::Object *root = value->getAsObject();
  if (!root || root->getString("format") != kFormat)
    return llvm::createStringError(place + R"(: expected an object with "format": "et-tuned"; it is no tuned table)");
  if (root->getInteger("version") != kVersion)
    return llvm::createStringError(place + R"(: expected "version" to be 1; measure again with et-bench --tune)");
  ObjectReader reader(*root, place);
  TunedTable table;
  table.source = source.str();
  table.chip = reader.getString("chip");
  table.device = reader.getString("device");
  const llvm::json::Array *entries = reader.getNested(root->getArray("entries"), "entries", "an array");
  if (llvm::Error error = reader.takeError())
    return std::move(error);
  for (auto [i, item] : llvm::enumerate(*entries)) {
    llvm::Expected<TunedEntry> entry = parseEntry(item, place + ", entry " + std::to_string(i));
    if (!entry)
      return entry.takeError();
    table.entries.push_back(std::move(*entry));
  }
  return table;
}

llvm::Expected<TunedTable> TunedTable::read(StringRef path) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return llvm::createStringError("cannot read the tuned table '" + path.str() + "': " + file.getError().message());
  return parse((*file)->getBuffer(), path);
}

TunedTable TunedTable::builtin(StringRef chip) {
  static constexpr std::pair<StringRef, StringRef> tables[] = {
#include "TunedTables.inc"
  };
  for (auto [name, text] : tables)
    if (name == chip)
      // Checked by a unit test.
      return llvm::cantFail(parse(text, ""));
  TunedTable none;
  none.chip = chip.str();
  return none;
}

llvm::SmallVector<const TunedEntry *> TunedTable::find(const TunedKey &key, int64_t size) const {
  llvm::SmallVector<const TunedEntry *> found;
  for (const TunedEntry &entry : entries)
    if (entry.key == key && getTiles(entry.size) == getTiles(size))
      found.push_back(&entry);
  llvm::sort(found, [](const TunedEntry *a, const TunedEntry *b) {
    return std::pair(a->microseconds, a) < std::pair(b->microseconds, b);
  });
  return found;
}

void TunedTable::merge(TunedTable other) {
  llvm::erase_if(entries, [&](const TunedEntry &entry) { return !other.find(entry.key, entry.size).empty(); });
  std::move(other.entries.begin(), other.entries.end(), std::back_inserter(entries));
  device = other.device;
}

std::string TunedEntry::printStart() const {
  bool isLinear = key.operation == TunedKey::Linear;
  std::string text = llvm::formatv("{{\"operation\": \"{0}\", \"type\": \"{1}\", \"{2}\": {3}, \"{4}\": {5}, ",
                                   isLinear ? "linear" : "attention", key.type, isLinear ? "n" : "head_k", key.n,
                                   isLinear ? "k" : "head_v", key.k);
  if (!isLinear)
    text += llvm::formatv("\"mask\": \"{0}\", ", key.mask);
  return text + llvm::formatv("\"{0}\": {1}, \"schedule\": {2}, \"us\": ", isLinear ? "rows" : "keys", size,
                              llvm::json::Value(llvm::json::Object(schedule)))
                    .str();
}

std::string TunedTable::print() const {
  std::string text = llvm::formatv("{{\n  \"format\": \"{0}\",\n  \"version\": {1},\n  \"chip\": {2},\n  "
                                   "\"device\": {3},\n  \"entries\": [",
                                   kFormat, kVersion, llvm::json::Value(chip), llvm::json::Value(device));
  std::vector<const TunedEntry *> sorted;
  for (const TunedEntry &entry : entries)
    sorted.push_back(&entry);
  // Of equal rank, as they were read.
  llvm::stable_sort(sorted, [](const TunedEntry *a, const TunedEntry *b) {
    auto rank = [](const TunedEntry &entry) {
      return std::tie(entry.key.operation, entry.key.type, entry.key.mask, entry.key.n, entry.key.k, entry.size,
                      entry.microseconds);
    };
    return rank(*a) < rank(*b);
  });
  for (const TunedEntry *entry : sorted) {
    // A line each, so that differences can be read.
    text += entry == sorted.front() ? "\n    " : ",\n    ";
    text += entry->printStart() + llvm::formatv("{0:f2}}", entry->microseconds).str();
  }
  return text + "\n  ]\n}\n";
}

std::string mlir::et::nvidia::getUserTunedTable(StringRef chip) {
  llvm::SmallString<128> path;
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && llvm::sys::path::is_absolute(cache))
    path = cache;
  else if (home && *home)
    llvm::sys::path::append(path, home, ".cache");
  else
    return "";
  llvm::sys::path::append(path, "et", "tuned", chip + ".json");
  return path.str().str();
}
