//===- Hash.cpp - Checksums of saved programs -------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Hash.h"

#include <algorithm>
#include <cstring>

using namespace mlir::et::runtime;

static constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F, kPrime3 = 0x165667B19E3779F9,
                          kPrime4 = 0x85EBCA77C2B2AE63, kPrime5 = 0x27D4EB2F165667C5;

static uint64_t rotate(uint64_t value, int bits) { return (value << bits) | (value >> (64 - bits)); }

template <typename T> static T load(const unsigned char *at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

static uint64_t round(uint64_t lane, uint64_t input) { return rotate(lane + input * kPrime2, 31) * kPrime1; }

static void consume(uint64_t (&lanes)[4], const unsigned char *block) {
  for (int i = 0; i < 4; ++i)
    lanes[i] = round(lanes[i], load<uint64_t>(block + 8 * i));
}

Hasher::Hasher() : lanes{kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1} {}

void Hasher::update(const void *data, size_t size) {
  if (size == 0)
    return;
  const unsigned char *at = static_cast<const unsigned char *>(data);
  size_t filled = total % 32;
  total += size;
  if (filled != 0) {
    size_t taken = std::min(size, 32 - filled);
    std::memcpy(rest + filled, at, taken);
    if (filled + taken < 32)
      return;
    consume(lanes, rest);
    at += taken;
    size -= taken;
  }
  for (; size >= 32; at += 32, size -= 32)
    consume(lanes, at);
  if (size > 0)
    std::memcpy(rest, at, size);
}

uint64_t Hasher::finish() const {
  uint64_t hash = kPrime5;
  if (total >= 32) {
    hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (uint64_t lane : lanes)
      hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
  }
  hash += total;
  const unsigned char *at = rest, *end = rest + total % 32;
  for (; end - at >= 8; at += 8)
    hash = rotate(hash ^ round(0, load<uint64_t>(at)), 27) * kPrime1 + kPrime4;
  if (end - at >= 4) {
    hash = rotate(hash ^ (load<uint32_t>(at) * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at < end; ++at)
    hash = rotate(hash ^ (*at * kPrime5), 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

uint64_t mlir::et::runtime::hashBytes(const void *data, size_t size) {
  Hasher hasher;
  hasher.update(data, size);
  return hasher.finish();
}
