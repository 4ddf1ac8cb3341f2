// Tuned tables in steps: programs for what is to be measured, which happens where a GPU is, and a table from it.

// RUN: rm -rf %t && mkdir %t
// RUN: et-bench --prepare=%t/programs --candidates=3 --problem=linear:f16:128x64x128 --problem=attention:bf16:causal:2x3x64x32 | FileCheck %s --check-prefix=PREPARE
// PREPARE: linear:f16:128x64x128: 3 of 3 candidates can be built
// PREPARE: attention:bf16:causal:2x3x64x32: {{[0-9]+}} of {{[0-9]+}} candidates can be built
// RUN: FileCheck %s --check-prefix=LIST < %t/programs/candidates.txt
// LIST:      et-candidates 1 sm_90a
// LIST-NEXT: linear:f16:128x64x128 0.etp 64 {"kind":"wgmma",{{.*}}} {"operation": "linear", "type": "f16", "n": 64, "k": 128, "rows": 128, "schedule": {"kind":"wgmma",{{.*}}}, "us":
// LIST:      attention:bf16:causal:2x3x64x32 3.etp 64 {{.*}} {"operation": "attention", "type": "bf16", "head_k": 32, "head_v": 32, "mask": "causal", "keys": 64,
// RUN: et-run-program --describe %t/programs/0.etp | FileCheck %s --check-prefix=PROGRAM
// PROGRAM:         input 'w63' [64, 128] f16
// PROGRAM-COUNT-64: linear: linear_0
// PROGRAM-NOT:      linear: linear_1

// With many rows there are kernels whose epilogue runs beside the next tile.
// RUN: et-bench --prepare=%t/many --candidates=4 --problem=linear:f16:2048x256x512 | FileCheck %s --check-prefix=MANY
// RUN: FileCheck %s --check-prefix=OVERLAP < %t/many/candidates.txt
// MANY: linear:f16:2048x256x512: 4 of 4 candidates can be built
// OVERLAP-COUNT-3: "schedule": {"kind":"overlap",
// OVERLAP-NOT:     overlap
// RUN: FileCheck %s --check-prefix=FEW < %t/programs/candidates.txt
// FEW-NOT: overlap

// What was measured goes into the user's table, in place of what was there for the same sizes.
// RUN: split-file %s %t/tables
// RUN: env XDG_CACHE_HOME=%t/cache et-bench --merge=%t/tables/old.json
// RUN: env XDG_CACHE_HOME=%t/cache et-bench --merge=%t/tables/new.json
// RUN: FileCheck %s --check-prefix=MERGED < %t/cache/et/tuned/sm_90a.json
// MERGED:      "chip": "sm_90a"
// MERGED:      "entries": [
// MERGED-NEXT: "n": 64, "k": 128, "rows": 64, "schedule": {"kind":"wgmma","stages":2,"tile":[64,16,64]}, "us": 2.00},
// MERGED-NEXT: "n": 64, "k": 128, "rows": 128, "schedule": {"kind":"wgmma","stages":2,"tile":[64,64,64]}, "us": 1.50}
// MERGED-NEXT: ]

// The compiler reads it, unless it is told not to.
// RUN: env XDG_CACHE_HOME=%t/cache et-compile %t/tables/model.mlir --target=cuda:sm_90a --emit=planned | FileCheck %s --check-prefix=CACHE
// RUN: env XDG_CACHE_HOME=%t/cache et-compile %t/tables/model.mlir --target=cuda:sm_90a --emit=planned --tuned=%t/tables/old.json | FileCheck %s --check-prefix=GIVEN
// RUN: env XDG_CACHE_HOME=%t/cache et-compile %t/tables/model.mlir --target=cuda:sm_90a --emit=planned --no-tuned-cache | FileCheck %s --check-prefix=COST
// CACHE: tile = array<i64: 64, 64, 64>
// GIVEN: tile = array<i64: 64, 16, 64>
// COST:  tile = array<i64: 64, 32, 64>

// A table in the cache that is broken is named.
// RUN: echo '{"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "x", "entries": [4]}' > %t/cache/et/tuned/sm_90a.json
// RUN: env XDG_CACHE_HOME=%t/cache not et-compile %t/tables/model.mlir --target=cuda:sm_90a --emit=planned 2>&1 | FileCheck %s --check-prefix=BROKEN
// RUN: env XDG_CACHE_HOME=%t/cache not et-bench --merge=%t/tables/new.json 2>&1 | FileCheck %s --check-prefix=BROKEN
// BROKEN: error: tuned table '{{.*}}/cache/et/tuned/sm_90a.json', entry 0: expected an object, but got 4

// RUN: not et-bench 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not et-bench --tune --prepare=%t/x 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: et-bench: error: expected one of --tune, --prepare, --measure and --merge; try --help
// RUN: not et-bench --prepare=%t/x --target=cpu 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: expected --target to be cuda: and one of sm_80, sm_86, sm_89, sm_90 and sm_90a, but got 'cpu'
// RUN: not et-bench --prepare=%t/x --problem=linear:f16:128x64 2>&1 | FileCheck %s --check-prefix=PROBLEM
// RUN: not et-bench --prepare=%t/x --problem=linear:i8:128x64x64 2>&1 | FileCheck %s --check-prefix=PROBLEM
// RUN: not et-bench --prepare=%t/x --problem=attention:f16:window:1x1x64x64 2>&1 | FileCheck %s --check-prefix=PROBLEM
// PROBLEM: expected a problem such as linear:f16:128x768x3072 (rows, outputs, inputs) or attention:f16:none:8x12x128x64 (batch, heads, keys, head size), but got '
// RUN: not et-bench --prepare=%t/tables/old.json/x --problem=linear:f16:128x64x64 2>&1 | FileCheck %s --check-prefix=FOLDER
// FOLDER: cannot make the folder '
// RUN: not et-bench --measure=%t/none 2>&1 | FileCheck %s --check-prefix=MEASURE
// RUN: not et-run-program --measure=%t/none -o %t/x.json 2>&1 | FileCheck %s --check-prefix=MEASURE
// MEASURE: cannot read '{{.*}}none/candidates.txt'; make it with et-bench --prepare=
// RUN: not et-run-program --measure=%t/none 2>&1 | FileCheck %s --check-prefix=TABLE
// TABLE: expected --measure with -o and a file for the table, and without a program

//--- old.json
{"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "here", "entries": [
  {"operation": "linear", "type": "f16", "n": 64, "k": 128, "rows": 100, "us": 1.7, "schedule": {"kind": "wgmma", "tile": [64, 16, 64], "stages": 2}},
  {"operation": "linear", "type": "f16", "n": 64, "k": 128, "rows": 64, "us": 2, "schedule": {"kind": "wgmma", "tile": [64, 16, 64], "stages": 2}}
]}

//--- new.json
{"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "here", "entries": [
  {"operation": "linear", "type": "f16", "n": 64, "k": 128, "rows": 128, "us": 1.5, "schedule": {"kind": "wgmma", "tile": [64, 64, 64], "stages": 2}}
]}

//--- model.mlir
func.func @f(%x: tensor<128x128xf16> {et.name = "x"}, %w: tensor<64x128xf16> {et.name = "w"}) -> tensor<128x64xf16> {
  %y = et.linear %x, %w : (tensor<128x128xf16>, tensor<64x128xf16>) -> tensor<128x64xf16>
  return %y : tensor<128x64xf16>
}
