// RUN: et-opt %s --et-partial-attention=more-than=224 --canonicalize --split-input-file | FileCheck %s
// RUN: et-opt %s --et-partial-attention=more-than=224 --split-input-file --remarks-filter=et-partial-attention -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK
// RUN: et-opt %s --et-partial-attention=more-than=224 --et-partial-attention=more-than=224 --canonicalize --split-input-file | FileCheck %s
// RUN: et-opt %s --et-partial-attention --split-input-file | FileCheck %s --check-prefix=NEVER
// RUN: et-opt %s --et-partial-attention="chip=sm_80 more-than=0" --split-input-file | FileCheck %s --check-prefix=ALWAYS
// RUN: not et-opt %s --et-partial-attention="chip=sm_42 more-than=0" --split-input-file 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not et-opt %s --et-partial-attention=more-than=-2 --split-input-file 2>&1 | FileCheck %s --check-prefix=KEYS

// CHIP: expected chip to be sm_80, sm_86, sm_89, sm_90 or sm_90a, but got 'sm_42'
// KEYS: expected a number of keys from 0 to 1073741824, or -1 for any, but got -2
// NEVER-NOT: et.partial_attention
// NEVER-NOT: memref.alloc

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// Room for whole blocks of 64 rows and 64 keys, and none with up to 224 keys.
// CHECK-LABEL: func.func @partial_dynamic
// CHECK-SAME:    (%[[Q:[a-z0-9]*]]: memref<?x12x?x64xf16>, %[[K:[a-z0-9]*]]: memref<?x12x?x64xf16>
// CHECK-DAG:     %[[C64:.*]] = arith.constant 64 : index
// CHECK-DAG:     %[[C225:.*]] = arith.constant 225 : index
// CHECK-DAG:     %[[C4096:.*]] = arith.constant 4096 : index
// CHECK-DAG:     %[[C12:.*]] = arith.constant 12 : index
// CHECK-DAG:     %[[M:.*]] = memref.dim %[[Y:arg[0-9]]], %{{.*}}
// CHECK-DAG:     %[[N:.*]] = memref.dim %[[K]]
// CHECK-DAG:     arith.ceildivui %{{.*}}, %[[C64]]
// CHECK-DAG:     %[[MANY:.*]] = arith.divui %[[N]], %[[C225]]
// CHECK:         %[[ROOM:.*]] = memref.alloc(%{{.*}}) : memref<?xf32>
// CHECK:         et.launch "attention" ins(%[[Q]], %[[K]]
// CHECK-SAME:      outs(%{{.*}}, %[[ROOM]] : memref<?x12x?x64xf16>, memref<?xf32>)
// CHECK:         ^bb0({{.*}}%[[OUT:[a-z0-9]*]]: tensor<?xf32>)
// CHECK:           %[[SIZE:.*]] = tensor.dim %[[OUT]]
// CHECK:           %[[ANY:.*]] = tensor.empty(%[[SIZE]]) : tensor<?xf32>
// CHECK:           et.yield %{{.*}}, %[[ANY]]
// CHECK:         {et.partial_attention = 224 : i64}
// REMARK:      'attention' has its scores in memory with more than 224 keys
// ALWAYS-LABEL: func.func @partial_dynamic
// ALWAYS:         {et.partial_attention = 0 : i64}
func.func @partial_dynamic(%q: memref<?x12x?x64xf16>, %k: memref<?x12x?x64xf16>, %y: memref<?x12x?x64xf16>) {
  et.launch "attention" ins(%q, %k : memref<?x12x?x64xf16>, memref<?x12x?x64xf16>) outs(%y : memref<?x12x?x64xf16>) {
  ^bb0(%a: tensor<?x12x?x64xf16>, %b: tensor<?x12x?x64xf16>, %p: tensor<?x12x?x64xf16>):
    %l = et.attention query(%a : tensor<?x12x?x64xf16>) key(%b : tensor<?x12x?x64xf16>) value(%b : tensor<?x12x?x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x12x?x64xf16>
    et.yield %l : tensor<?x12x?x64xf16>
  }
  return
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// Sizes that are known make a buffer of a known size: 2 * 4 * 64 * 320.
// CHECK-LABEL: func.func @partial_static
// CHECK:         memref.alloc() : memref<163840xf32>
// CHECK:         %[[ANY:.*]] = tensor.empty() : tensor<163840xf32>
// CHECK:         {et.partial_attention = 224 : i64}
func.func @partial_static(%q: memref<2x4x50x64xbf16>, %k: memref<2x4x300x64xbf16>, %y: memref<2x4x50x64xbf16>) {
  et.launch "attention" ins(%q, %k : memref<2x4x50x64xbf16>, memref<2x4x300x64xbf16>) outs(%y : memref<2x4x50x64xbf16>) {
  ^bb0(%a: tensor<2x4x50x64xbf16>, %b: tensor<2x4x300x64xbf16>, %p: tensor<2x4x50x64xbf16>):
    %l = et.attention query(%a : tensor<2x4x50x64xbf16>) key(%b : tensor<2x4x300x64xbf16>) value(%b : tensor<2x4x300x64xbf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<2x4x50x64xbf16>
    et.yield %l : tensor<2x4x50x64xbf16>
  }
  return
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// Never as many keys: nothing to make room for, and nothing to say.
// CHECK-LABEL:  func.func @no_partial_few_keys
// CHECK-NOT:      memref.alloc
// CHECK-NOT:      et.partial_attention
// ALWAYS-LABEL: func.func @no_partial_few_keys
// ALWAYS:         {et.partial_attention = 0 : i64}
func.func @no_partial_few_keys(%q: memref<2x4x224x64xf16>, %y: memref<2x4x224x64xf16>) {
  et.launch "few" ins(%q : memref<2x4x224x64xf16>) outs(%y : memref<2x4x224x64xf16>) {
  ^bb0(%a: tensor<2x4x224x64xf16>, %p: tensor<2x4x224x64xf16>):
    %l = et.attention query(%a : tensor<2x4x224x64xf16>) key(%a : tensor<2x4x224x64xf16>) value(%a : tensor<2x4x224x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<2x4x224x64xf16>
    et.yield %l : tensor<2x4x224x64xf16>
  }
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>

// How long sequences are only their offsets say.
// CHECK-LABEL: func.func @no_partial_ragged
// CHECK-NOT:     et.partial_attention
// REMARK-NOT:  'few'
// REMARK:      'ragged' keeps its scores on the chip with any number of keys: expected no offsets in the family with scores in memory
func.func @no_partial_ragged(%q: memref<?x12x64xf16>, %s: memref<?xi32>, %y: memref<?x12x64xf16>) {
  et.launch "ragged" ins(%q, %s : memref<?x12x64xf16>, memref<?xi32>) outs(%y : memref<?x12x64xf16>) {
  ^bb0(%a: tensor<?x12x64xf16>, %off: tensor<?xi32>, %p: tensor<?x12x64xf16>):
    %l = et.attention query(%a : tensor<?x12x64xf16>) key(%a : tensor<?x12x64xf16>) value(%a : tensor<?x12x64xf16>)
         offsets(%off : tensor<?xi32>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x12x64xf16>
    et.yield %l : tensor<?x12x64xf16>
  }
  return
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// CHECK-LABEL: func.func @no_partial_f32
// CHECK-NOT:     et.partial_attention
// REMARK:      'single' keeps its scores on the chip with any number of keys: expected the family without tensor cores for f32
func.func @no_partial_f32(%q: memref<?x12x?x64xf32>, %y: memref<?x12x?x64xf32>) {
  et.launch "single" ins(%q : memref<?x12x?x64xf32>) outs(%y : memref<?x12x?x64xf32>) {
  ^bb0(%a: tensor<?x12x?x64xf32>, %p: tensor<?x12x?x64xf32>):
    %l = et.attention query(%a : tensor<?x12x?x64xf32>) key(%a : tensor<?x12x?x64xf32>) value(%a : tensor<?x12x?x64xf32>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x12x?x64xf32>
    et.yield %l : tensor<?x12x?x64xf32>
  }
  return
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// CHECK-LABEL: func.func @no_partial_large_head
// CHECK-NOT:     et.partial_attention
// REMARK:      'large' keeps its scores on the chip with any number of keys: expected the family without tensor cores for heads of more than 256, but got 320
func.func @no_partial_large_head(%q: memref<?x2x?x320xf16>, %y: memref<?x2x?x320xf16>) {
  et.launch "large" ins(%q : memref<?x2x?x320xf16>) outs(%y : memref<?x2x?x320xf16>) {
  ^bb0(%a: tensor<?x2x?x320xf16>, %p: tensor<?x2x?x320xf16>):
    %l = et.attention query(%a : tensor<?x2x?x320xf16>) key(%a : tensor<?x2x?x320xf16>) value(%a : tensor<?x2x?x320xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x2x?x320xf16>
    et.yield %l : tensor<?x2x?x320xf16>
  }
  return
}

// -----

// Other launches have no scores.
// CHECK-LABEL: func.func @no_partial_linear
// CHECK-NOT:     et.partial_attention
// ALWAYS-LABEL: func.func @no_partial_linear
// ALWAYS-NOT:    et.partial_attention
func.func @no_partial_linear(%x: memref<?x768xf16>, %w: memref<768x768xf16>, %y: memref<?x768xf16>) {
  et.launch "linear" ins(%x, %w : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}
