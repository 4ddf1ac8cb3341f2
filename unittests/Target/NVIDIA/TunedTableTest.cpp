//===- TunedTableTest.cpp - Schedules that were measured -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/TunedTable.h"
#include "et/Target/NVIDIA/SM.h"

#include "llvm/Support/MemoryBuffer.h"

#include "gtest/gtest.h"

using namespace mlir::et::nvidia;

static std::string makeTable(llvm::StringRef entries) {
  return (R"({"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "here", "entries": [)" + entries + "]}")
      .str();
}

static TunedTable parse(llvm::StringRef entries) {
  llvm::Expected<TunedTable> table = TunedTable::parse(makeTable(entries), "t.json");
  EXPECT_TRUE(bool(table));
  return table ? std::move(*table) : (llvm::consumeError(table.takeError()), TunedTable());
}

static std::string getError(llvm::StringRef text) {
  llvm::Expected<TunedTable> table = TunedTable::parse(text, "t.json");
  return table ? "" : llvm::toString(table.takeError());
}

static constexpr char kLinear[] = R"({"operation": "linear", "type": "f16", "n": 768, "k": 3072, "rows": 128,
  "schedule": {"kind": "wgmma", "stages": 4}, "us": 4.5})";
static constexpr char kAttention[] = R"({"operation": "attention", "type": "bf16", "head_k": 64, "head_v": 32,
  "mask": "causal", "keys": 256, "schedule": {"kind": "mma"}, "us": 7})";

TEST(TunedTable, OfTheProjectIsWhole) {
  for (const SM &sm : SM::all()) {
    TunedTable table = TunedTable::builtin(sm.chip);
    EXPECT_EQ(table.getChip(), sm.chip);
    EXPECT_EQ(table.getEntries().empty(), sm.chip != "sm_90a") << sm.chip.str();
  }
  // What is in the file is what print() would write, so that et-bench changes the lines that it measured.
  TunedTable table = TunedTable::builtin("sm_90a");
  auto file = llvm::MemoryBuffer::getFile(ET_TUNED_FILE);
  ASSERT_TRUE(bool(file));
  EXPECT_EQ(table.print(), (*file)->getBuffer().str());
}

TEST(TunedTable, FindsAsManyTiles) {
  TunedTable table = parse(std::string(kLinear) + "," + kAttention);
  TunedKey key{TunedKey::Linear, "f16", 768, 3072, ""};
  for (int64_t rows : {65, 100, 128}) {
    auto found = table.find(key, rows);
    ASSERT_EQ(found.size(), 1u) << rows;
    const TunedEntry *entry = found.front();
    EXPECT_EQ(entry->size, 128);
    EXPECT_EQ(entry->microseconds, 4.5);
    EXPECT_EQ(entry->schedule.getInteger("stages"), 4);
  }
  for (int64_t rows : {1, 64, 129, 100000})
    EXPECT_TRUE(table.find(key, rows).empty()) << rows;
  key.type = "bf16";
  EXPECT_TRUE(table.find(key, 128).empty());
  TunedKey attention{TunedKey::Attention, "bf16", 64, 32, "causal"};
  EXPECT_EQ(table.find(attention, 200).size(), 1u);
  attention.mask = "none";
  EXPECT_TRUE(table.find(attention, 200).empty());
  EXPECT_EQ(key.describe(), "linear of 768 outputs and 3072 inputs, bf16");
  EXPECT_EQ(attention.describe(), "attention with heads of 64 and 32, mask none, bf16");
}

TEST(TunedTable, PrintsWhatItReads) {
  TunedTable table = parse(std::string(kAttention) + "," + kLinear);
  std::string text = table.print();
  EXPECT_NE(text.find(R"({"operation": "linear", "type": "f16", "n": 768, "k": 3072, "rows": 128, )"
                      R"("schedule": {"kind":"wgmma","stages":4}, "us": 4.50},)"),
            std::string::npos)
      << text;
  llvm::Expected<TunedTable> again = TunedTable::parse(text, "again");
  ASSERT_TRUE(bool(again));
  EXPECT_EQ(again->print(), text);
}

TEST(TunedTable, MergesByKey) {
  std::string linear = kLinear;
  TunedTable table = parse(linear + "," + linear), other = parse(linear + "," + kAttention + "," + linear);
  // Of one size there may be several; all of them are replaced.
  other.getEntries()[0].size = 100;
  other.getEntries()[0].microseconds = 3;
  other.getEntries()[2].microseconds = 2;
  table.merge(std::move(other));
  ASSERT_EQ(table.getEntries().size(), 3u);
  TunedKey key = table.getEntries()[0].key;
  auto found = table.find(key, 128);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0]->microseconds, 2);
  EXPECT_EQ(found[1]->microseconds, 3);
}

TEST(TunedTable, NamesWhatIsWrong) {
  EXPECT_EQ(getError("[]"),
            R"(tuned table 't.json': expected an object with "format": "et-tuned"; it is no tuned table)");
  EXPECT_EQ(getError(R"({"format": "et-tuned", "version": 2})"),
            R"(tuned table 't.json': expected "version" to be 1; measure again with et-bench --tune)");
  EXPECT_EQ(getError(R"({"format": "et-tuned", "version": 1, "device": "x", "entries": []})"),
            R"(tuned table 't.json': expected "chip" to be text, but got nothing)");
  EXPECT_EQ(getError(R"({"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "x", "entries": 3})"),
            R"(tuned table 't.json': expected "entries" to be an array, but got 3)");
  EXPECT_EQ(getError(makeTable("7")), "tuned table 't.json', entry 0: expected an object, but got 7");
  auto spoil = [](llvm::StringRef entry, llvm::StringRef from, llvm::StringRef to) {
    auto [before, after] = entry.split(from);
    return getError(makeTable((before + to + after).str()));
  };
  EXPECT_EQ(spoil(kLinear, "linear", "product"),
            R"(tuned table 't.json', entry 0: expected "operation" to be one of linear, attention, but got "product")");
  EXPECT_EQ(spoil(kLinear, "f16", "i8"),
            R"(tuned table 't.json', entry 0: expected "type" to be one of f16, bf16, f32, but got "i8")");
  EXPECT_EQ(spoil(kLinear, "768", "-768"),
            R"(tuned table 't.json', entry 0: expected "n" to be an integer from 1 to 16777216, but got -768)");
  EXPECT_EQ(
      spoil(kLinear, "128", "1e12"),
      R"(tuned table 't.json', entry 0: expected "rows" to be an integer from 1 to 16777216, but got 1000000000000)");
  EXPECT_EQ(spoil(kLinear, "4.5", "0"),
            R"(tuned table 't.json', entry 0: expected "us" to be a positive number, but got 0)");
  EXPECT_EQ(spoil(kAttention, "causal", "some"),
            R"(tuned table 't.json', entry 0: expected "mask" to be one of none, causal, window, but got "some")");
  EXPECT_EQ(spoil(kAttention, R"({"kind": "mma"})", "4"),
            R"(tuned table 't.json', entry 0: expected "schedule" to be an object, but got 4)");
}
