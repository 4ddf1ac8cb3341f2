// Measured schedules come before the cost model, the first table before the others, and that of the project last.

// RUN: rm -rf %t && split-file %s %t
// RUN: et-opt %t/module.mlir --et-schedule-gpu | FileCheck %s --check-prefix=PROJECT
// RUN: et-opt %t/module.mlir --et-schedule-gpu=tuned=%t/mine.json --remarks-filter=et-schedule-gpu --remark-policy=all 2>%t/err | FileCheck %s --check-prefix=MINE
// RUN: FileCheck %s --check-prefix=REMARK < %t/err
// RUN: et-opt %t/module.mlir "--et-schedule-gpu=tuned=%t/other.json,%t/mine.json" | FileCheck %s --check-prefix=OTHER

// PROJECT: variants = [{from = 0 : i64, kind = "wgmma", stages = 10 : i64, tile = array<i64: 64, 16, 64>}]
// MINE:    variants = [{from = 0 : i64, kind = "wgmma", split_k = 2 : i64, stages = 5 : i64, tile = array<i64: 64, 64, 64>}]
// OTHER:   variants = [{from = 0 : i64, kind = "wgmma", persistent, stages = 3 : i64, tile = array<i64: 128, 128, 64>}]
// REMARK:  wgmma 64x64x64 stages 5 split 2 exclusive for 128 rows, from the tuned table '{{.*}}mine.json'

// The same table moves the sizes at which schedules begin.
// RUN: et-opt %t/dynamic.mlir --et-schedule-gpu=tuned=%t/mine.json | FileCheck %s --check-prefix=DYNAMIC
// DYNAMIC: {from = 129 : i64, kind = "wgmma", stages = 7 : i64, tile = array<i64: 64, 96, 64>}, {from = 257 : i64

// What was measured for other strides is declined, with the reason.
// RUN: et-opt %t/strided.mlir --et-schedule-gpu=tuned=%t/mine.json --remarks-filter-missed=et-schedule-gpu --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=DECLINED
// DECLINED: the tuned table '{{.*}}mine.json' has schedules for linear of 768 outputs and 768 inputs, f16 of 128 rows, which cannot be used here: tensor cores need the input's start and row stride to be multiples of 16 bytes

// RUN: not et-opt %t/module.mlir --et-schedule-gpu=tuned=%t/none.json 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: cannot read the tuned table '{{.*}}none.json': No such file or directory
// RUN: not et-opt %t/module.mlir --et-schedule-gpu=tuned=%t/text.json 2>&1 | FileCheck %s --check-prefix=TEXT
// TEXT: tuned table '{{.*}}text.json' is not JSON: {{.*}}; remove it, or measure again with et-bench --tune
// RUN: not et-opt %t/module.mlir --et-schedule-gpu=tuned=%t/entry.json 2>&1 | FileCheck %s --check-prefix=ENTRY
// ENTRY: tuned table '{{.*}}entry.json', entry 1: expected "rows" to be an integer from 1 to 16777216, but got nothing
// RUN: not et-opt %t/module.mlir --et-schedule-gpu=tuned=%t/schedule.json 2>&1 | FileCheck %s --check-prefix=SCHEDULE
// SCHEDULE: tuned table '{{.*}}schedule.json', entry 0: expected "schedule" to be one of a linear layer, but got {"kind":"warp"}
// RUN: not et-opt %t/module.mlir "--et-schedule-gpu=chip=sm_80 tuned=%t/mine.json" 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: tuned table '{{.*}}mine.json' holds schedules for sm_90a, but the module is compiled for sm_80

//--- module.mlir
func.func @linear(%x: memref<128x768xf16>, %w: memref<768x768xf16>, %y: memref<128x768xf16>) {
  et.launch "linear" ins(%x, %w : memref<128x768xf16>, memref<768x768xf16>) outs(%y : memref<128x768xf16>) {
  ^bb0(%a: tensor<128x768xf16>, %b: tensor<768x768xf16>, %o: tensor<128x768xf16>):
    %l = et.linear %a, %b : (tensor<128x768xf16>, tensor<768x768xf16>) -> tensor<128x768xf16>
    et.yield %l : tensor<128x768xf16>
  }
  return
}

//--- dynamic.mlir
func.func @linear(%x: memref<?x768xf16>, %w: memref<768x768xf16>, %y: memref<?x768xf16>) {
  et.launch "linear" ins(%x, %w : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}

//--- strided.mlir
func.func @linear(%x: memref<128x768xf16, strided<[769, 1]>>, %w: memref<768x768xf16>, %y: memref<128x768xf16>) {
  et.launch "linear" ins(%x, %w : memref<128x768xf16, strided<[769, 1]>>, memref<768x768xf16>) outs(%y : memref<128x768xf16>) {
  ^bb0(%a: tensor<128x768xf16>, %b: tensor<768x768xf16>, %o: tensor<128x768xf16>):
    %l = et.linear %a, %b : (tensor<128x768xf16>, tensor<768x768xf16>) -> tensor<128x768xf16>
    et.yield %l : tensor<128x768xf16>
  }
  return
}

//--- mine.json
{"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "here", "entries": [
  {"operation": "linear", "type": "f16", "n": 768, "k": 768, "rows": 128, "us": 2.1,
   "schedule": {"kind": "wgmma", "tile": [64, 64, 64], "stages": 5, "split_k": 2}},
  {"operation": "linear", "type": "f16", "n": 768, "k": 768, "rows": 200, "us": 2.2,
   "schedule": {"kind": "wgmma", "tile": [64, 96, 64], "stages": 7}},
  {"operation": "linear", "type": "bf16", "n": 768, "k": 768, "rows": 128, "us": 2.1,
   "schedule": {"kind": "wgmma", "tile": [64, 16, 64], "stages": 4}}
]}

//--- other.json
{"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "here", "entries": [
  {"operation": "linear", "type": "f16", "n": 768, "k": 768, "rows": 100, "us": 2.1,
   "schedule": {"kind": "wgmma", "tile": [128, 128, 64], "stages": 3, "persistent": true}}
]}

//--- text.json
nothing measured

//--- entry.json
{"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "here", "entries": [
  {"operation": "linear", "type": "f16", "n": 768, "k": 768, "rows": 128, "us": 2.1,
   "schedule": {"kind": "wgmma", "tile": [64, 64, 64], "stages": 5}},
  {"operation": "linear", "type": "f16", "n": 768, "k": 768, "us": 2.1, "schedule": {"kind": "simt"}}
]}

//--- schedule.json
{"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "here", "entries": [
  {"operation": "linear", "type": "f16", "n": 768, "k": 768, "rows": 128, "us": 2.1, "schedule": {"kind": "warp"}}
]}
