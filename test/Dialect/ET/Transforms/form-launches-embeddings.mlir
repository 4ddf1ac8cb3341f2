// RUN: et-opt %s --pass-pipeline="builtin.module(func.func(et-form-launches{fuse-embeddings}))" --split-input-file | FileCheck %s
// RUN: et-opt %s --pass-pipeline="builtin.module(func.func(et-form-launches))" --split-input-file | FileCheck %s --check-prefix=APART

#id1 = affine_map<(d0) -> (d0)>
#all = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#sequence = affine_map<(d0, d1, d2) -> (d1, d2)>
#batch = affine_map<(d0, d1, d2) -> (d0, d2)>
#vector = affine_map<(d0, d1, d2) -> (d2)>

// Words, counted positions and a vector are one launch; the ids are counted in it.
//
// CHECK-LABEL: func.func @sum_of_three
// CHECK-SAME:    %[[IDS:[a-z0-9]+]]: tensor<?x?xi64>, %[[WORDS:[a-z0-9]+]]: tensor<10x4xf16>, %[[POSITIONS:[a-z0-9]+]]: tensor<6x4xf16>, %[[KIND:[a-z0-9]+]]: tensor<4xf16>
// CHECK:       et.launch "embedding+elementwise" ins(%[[IDS]], %[[WORDS]], %[[POSITIONS]], %[[KIND]] :
// CHECK-NEXT:  ^bb0(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[OUT:.*]]: tensor<?x?x4xf16>):
// CHECK:         et.embedding
// CHECK:         tensor.dim %[[OUT]]
// CHECK:         linalg.index 0
// CHECK:         et.embedding
// CHECK:         linalg.generic
// CHECK:         et.yield
// CHECK-NOT:   et.launch
// APART-LABEL: func.func @sum_of_three
// APART-COUNT-4: et.launch
func.func @sum_of_three(%ids: tensor<?x?xi64>, %words: tensor<10x4xf16>, %positions: tensor<6x4xf16>, %kind: tensor<4xf16>) -> tensor<?x?x4xf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %ids, %c0 : tensor<?x?xi64>
  %s = tensor.dim %ids, %c1 : tensor<?x?xi64>
  %n = tensor.empty(%s) : tensor<?xi64>
  %count = linalg.generic {indexing_maps = [#id1], iterator_types = ["parallel"]} outs(%n : tensor<?xi64>) {
  ^bb0(%out: i64):
    %i = linalg.index 0 : index
    %j = arith.index_cast %i : index to i64
    linalg.yield %j : i64
  } -> tensor<?xi64>
  %w = et.embedding %ids, %words : (tensor<?x?xi64>, tensor<10x4xf16>) -> tensor<?x?x4xf16>
  %p = et.embedding %count, %positions : (tensor<?xi64>, tensor<6x4xf16>) -> tensor<?x4xf16>
  %e = tensor.empty(%b, %s) : tensor<?x?x4xf16>
  %y = linalg.generic {indexing_maps = [#all, #vector, #sequence, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%w, %kind, %p : tensor<?x?x4xf16>, tensor<4xf16>, tensor<?x4xf16>) outs(%e : tensor<?x?x4xf16>) {
  ^bb0(%a: f16, %v: f16, %c: f16, %out: f16):
    %0 = arith.addf %a, %v : f16
    %1 = arith.addf %0, %c : f16
    linalg.yield %1 : f16
  } -> tensor<?x?x4xf16>
  return %y : tensor<?x?x4xf16>
}

// -----

#all = affine_map<(d0, d1, d2) -> (d0, d1, d2)>

// Ids of their own; both embeddings have all rows.
// CHECK-LABEL: func.func @two_ids
// CHECK:       et.launch "embedding+elementwise"
// CHECK-NOT:   et.launch
func.func @two_ids(%ids: tensor<2x3xi64>, %kinds: tensor<2x3xi32>, %words: tensor<10x4xf32>, %table: tensor<2x4xf32>) -> tensor<2x3x4xf32> {
  %w = et.embedding %ids, %words : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x3x4xf32>
  %k = et.embedding %kinds, %table : (tensor<2x3xi32>, tensor<2x4xf32>) -> tensor<2x3x4xf32>
  %e = tensor.empty() : tensor<2x3x4xf32>
  %y = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%w, %k : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

#all = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#sequence = affine_map<(d0, d1, d2) -> (d1, d2)>
#batch = affine_map<(d0, d1, d2) -> (d0, d2)>

// No sum but a product.
// CHECK-LABEL: func.func @product
// CHECK-COUNT-2: et.launch "embedding"
// CHECK:       et.launch "elementwise"
func.func @product(%ids: tensor<2x3xi64>, %words: tensor<10x4xf32>, %table: tensor<2x4xf32>) -> tensor<2x3x4xf32> {
  %w = et.embedding %ids, %words : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x3x4xf32>
  %k = et.embedding %ids, %table : (tensor<2x3xi64>, tensor<2x4xf32>) -> tensor<2x3x4xf32>
  %e = tensor.empty() : tensor<2x3x4xf32>
  %y = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%w, %k : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// A term that is taken twice is no plain sum.
// CHECK-LABEL: func.func @term_twice
// CHECK:       et.launch "embedding"
// CHECK:       et.launch "elementwise"
func.func @term_twice(%ids: tensor<2x3xi64>, %words: tensor<10x4xf32>) -> tensor<2x3x4xf32> {
  %w = et.embedding %ids, %words : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x3x4xf32>
  %e = tensor.empty() : tensor<2x3x4xf32>
  %y = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%w : tensor<2x3x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %out: f32):
    %0 = arith.addf %a, %a : f32
    linalg.yield %0 : f32
  } -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// Somebody else reads the rows, too.
// CHECK-LABEL: func.func @used_twice
// CHECK:       et.launch "embedding" ins
// CHECK:       et.launch "elementwise"
func.func @used_twice(%ids: tensor<2x3xi64>, %words: tensor<10x4xf32>, %x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>) {
  %w = et.embedding %ids, %words : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x3x4xf32>
  %e = tensor.empty() : tensor<2x3x4xf32>
  %y = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%w, %x : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<2x3x4xf32>
  return %y, %w : tensor<2x3x4xf32>, tensor<2x3x4xf32>
}

// Rows that repeat within a sequence, and a first term without all rows.
// CHECK-LABEL: func.func @per_sequence
// CHECK-COUNT-2: et.launch "embedding" ins
// CHECK:       et.launch "elementwise"
func.func @per_sequence(%ids: tensor<2x3xi64>, %kinds: tensor<2xi64>, %words: tensor<10x4xf32>, %table: tensor<2x4xf32>) -> tensor<2x3x4xf32> {
  %w = et.embedding %ids, %words : (tensor<2x3xi64>, tensor<10x4xf32>) -> tensor<2x3x4xf32>
  %k = et.embedding %kinds, %table : (tensor<2xi64>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %e = tensor.empty() : tensor<2x3x4xf32>
  %y = linalg.generic {indexing_maps = [#all, #batch, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%w, %k : tensor<2x3x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}
