//===- TunedTable.h - Schedules that were measured --------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What ran fastest on a device, as data (docs/Tuning.md): which schedule for which
// operation, sizes and element type. et-bench measures them. A table comes before
// the cost model; the user's comes before the one of the project.
//
//   {"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "NVIDIA H200", "entries": [
//     {"operation": "linear", "type": "f16", "n": 768, "k": 768, "rows": 64,
//      "schedule": {"kind": "wgmma", "tile": [64, 32, 64], "stages": 12}, "us": 2.3},
//     {"operation": "attention", "type": "f16", "head_k": 64, "head_v": 64, "mask": "none", "keys": 128,
//      "schedule": {"kind": "wgmma", "key_block": 64, ...}, "us": 3.1}
//   ]}
//
// What is in "schedule" belongs to the family of kernels.
//
//===----------------------------------------------------------------------===//

#ifndef ET_TARGET_NVIDIA_TUNEDTABLE_H
#define ET_TARGET_NVIDIA_TUNEDTABLE_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace mlir::et::nvidia {

/// What an entry is for, but for how many rows or keys.
struct TunedKey {
  enum Operation { Linear, Attention };
  Operation operation = Linear;
  /// f16, bf16 or f32.
  std::string type;
  /// Linear: outputs and inputs. Attention: sizes of the heads of keys and values.
  int64_t n = 0, k = 0;
  /// Attention: none, causal or window; empty otherwise.
  std::string mask;

  bool operator==(const TunedKey &other) const {
    return operation == other.operation && type == other.type && n == other.n && k == other.k && mask == other.mask;
  }
  /// For people: `linear of 768 outputs and 768 inputs, f16`.
  std::string describe() const;
};

/// One measurement.
struct TunedEntry {
  TunedKey key;
  /// Rows or keys it was measured with. It is good for as many tiles of 64.
  int64_t size = 0;
  llvm::json::Object schedule;
  double microseconds = 0;

  /// Its line in a table up to the time, which is followed by a brace.
  std::string printStart() const;
};

/// A file of measurements.
class TunedTable {
public:
  /// Reads \p text; errors name \p source and the entry that is wrong.
  static llvm::Expected<TunedTable> parse(llvm::StringRef text, llvm::StringRef source);
  static llvm::Expected<TunedTable> read(llvm::StringRef path);
  /// The table of the project for \p chip; empty when there is none.
  static TunedTable builtin(llvm::StringRef chip);

  llvm::StringRef getChip() const { return chip; }
  /// For people: `the tuned table`, with its file unless it is the project's.
  llvm::StringRef getSource() const { return source; }
  const std::vector<TunedEntry> &getEntries() const { return entries; }
  std::vector<TunedEntry> &getEntries() { return entries; }

  /// The entries for \p key and about \p size rows or keys, the fastest first: not every launch can use each.
  llvm::SmallVector<const TunedEntry *> find(const TunedKey &key, int64_t size) const;

  /// Takes the entries of \p other, whose chip is the same, in place of those for the same keys and sizes.
  void merge(TunedTable other);

  /// The text of the file, entries in order.
  std::string print() const;

private:
  std::string chip, device, source;
  std::vector<TunedEntry> entries;
};

/// Tables in the order in which they are asked.
using TunedTables = llvm::SmallVector<TunedTable, 2>;

/// Where the user's table for \p chip is: $XDG_CACHE_HOME/et/tuned/<chip>.json, or under ~/.cache. Empty when neither
/// is known.
std::string getUserTunedTable(llvm::StringRef chip);

} // namespace mlir::et::nvidia

#endif // ET_TARGET_NVIDIA_TUNEDTABLE_H
