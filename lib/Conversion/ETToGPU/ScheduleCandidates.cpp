//===- ScheduleCandidates.cpp - Schedules worth measuring -------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Linear: every tile, split and depth that verifies, the best by the cost model.
// Attention: blocks of keys by warpgroups by how many share a multiprocessor; what
// does not fit is found out when the kernel is built.
//
//===----------------------------------------------------------------------===//

#include "ScheduleVariants.h"

#include "et/Conversion/ETToGPU/AttentionKernel.h"
#include "et/Conversion/ETToGPU/LinearKernel.h"
#include "et/Conversion/ETToGPU/TunedSchedules.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

using Candidates = SmallVector<DictionaryAttr>;

/// Adds \p schedule unless it is there.
template <typename Schedule> static void add(Candidates &candidates, MLIRContext *context, const Schedule &schedule) {
  Builder builder(context);
  NamedAttrList entries(getScheduleAttr(builder, schedule));
  entries.erase("from");
  DictionaryAttr attribute = entries.getDictionary(context);
  if (!llvm::is_contained(candidates, attribute))
    candidates.push_back(attribute);
}

static Type getType(MLIRContext *context, StringRef name) {
  Builder builder(context);
  return name == "f16"    ? Type(builder.getF16Type())
         : name == "bf16" ? Type(builder.getBF16Type())
                          : builder.getF32Type();
}

static void listLinear(Candidates &candidates, MLIRContext *context, const nvidia::TunedKey &key, int64_t rows,
                       const nvidia::SM &sm, unsigned count) {
  LinearKernelSpec spec;
  spec.n = key.n;
  spec.k = key.k;
  spec.xType = spec.wType = spec.yType = spec.biasType = getType(context, key.type);
  auto addLinear = [&](const LinearSchedule &schedule) { add(candidates, context, schedule); };
  addLinear(chooseLinearSchedule(spec, sm, rows));
  // Of these the cost model knows little without an epilogue; it runs beside the next tile, of which few rows have
  // none.
  for (int64_t tileN : {256, 192, 128}) {
    LinearSchedule schedule{LinearSchedule::Overlap, 128, tileN, 64, 6};
    while (schedule.stages > 3 && verifyLinearKernel(spec, schedule, sm))
      --schedule.stages;
    if (rows > 1024 && candidates.size() < count && !verifyLinearKernel(spec, schedule, sm))
      addLinear(schedule);
  }
  SmallVector<std::pair<double, LinearSchedule>> ranked;
  auto consider = [&](const LinearSchedule &schedule) {
    if (!verifyLinearKernel(spec, schedule, sm))
      ranked.push_back({estimateLinearCycles(spec, schedule, sm, rows), schedule});
  };
  for (int64_t tileM : {64, 128}) {
    for (int64_t tileN : {16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256}) {
      for (int64_t splitK : {1, 2, 4, 8}) {
        // As many stages as fit, and a few less: fewer leave room for the boxes of a tile.
        LinearSchedule schedule{LinearSchedule::Wgmma, tileM, tileN, 64, 12, splitK};
        schedule.exclusive = true;
        while (schedule.stages > 2 && verifyLinearKernel(spec, schedule, sm))
          --schedule.stages;
        for (int fewer : {0, 2}) {
          LinearSchedule shallow = schedule;
          shallow.stages = std::max<int64_t>(2, schedule.stages - fewer);
          consider(shallow);
          shallow.persistent = splitK == 1 && tileM == 128;
          if (shallow.persistent)
            consider(shallow);
        }
      }
    }
  }
  for (int64_t tile : {128, 64, 32})
    if (!sm.hasWgmma)
      for (int64_t stages : {2, 3, 4})
        consider({LinearSchedule::Mma, tile, tile, 64, stages});
  // The cost model cannot tell some apart: of those, the one that was listed first.
  SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(0, ranked.size()));
  llvm::sort(order,
             [&](unsigned a, unsigned b) { return std::pair(ranked[a].first, a) < std::pair(ranked[b].first, b); });
  for (unsigned i : order)
    if (candidates.size() < count)
      addLinear(ranked[i].second);
}

static void listAttention(Candidates &candidates, MLIRContext *context, const nvidia::TunedKey &key,
                          const nvidia::SM &sm, unsigned count) {
  using S = AttentionSchedule;
  auto addAttention = [&](S::Family family, int64_t keyBlock, int64_t warpgroups, int64_t stages, int64_t blocks) {
    if (candidates.size() >= count)
      return;
    S schedule;
    schedule.family = family;
    schedule.keyBlock = keyBlock;
    schedule.warpgroups = warpgroups;
    schedule.stages = stages;
    schedule.blocksPerSM = blocks;
    add(candidates, context, schedule);
  };
  bool isSmall = std::max(key.n, key.k) <= 64;
  if (sm.hasWgmma) {
    for (auto [keyBlock, blocks] : {std::pair(64, 5), std::pair(128, 3), std::pair(64, 4), std::pair(64, 3),
                                    std::pair(128, 2), std::pair(64, 2), std::pair(96, 3), std::pair(128, 1)})
      if (isSmall || blocks <= 2)
        addAttention(S::Wgmma, keyBlock, 1, 2, blocks);
    for (auto [warpgroups, stages] : {std::pair(3, 3), std::pair(2, 2), std::pair(3, 2), std::pair(2, 3)})
      addAttention(S::WgmmaPingPong, 128, warpgroups, stages, 1);
    for (int64_t blocks : {2, 1})
      addAttention(S::Wgmma, 64, 2, 2, blocks);
  }
  for (auto [keyBlock, blocks] : {std::pair(64, 3), std::pair(64, 2), std::pair(32, 2), std::pair(64, 1)})
    addAttention(S::Mma, keyBlock, 1, 2, blocks);
}

Candidates gpu_kernels::listCandidates(MLIRContext *context, const nvidia::TunedKey &key, int64_t size,
                                       const nvidia::SM &sm, unsigned count) {
  Candidates candidates;
  if (key.operation == nvidia::TunedKey::Linear)
    listLinear(candidates, context, key, size, sm, count);
  else
    listAttention(candidates, context, key, sm, count);
  return candidates;
}
