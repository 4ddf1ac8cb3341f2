// RUN: et-opt %s --et-propagate-pruning --split-input-file --remarks-filter=et-propagate-pruning 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --et-propagate-pruning=head-multiple=2 --split-input-file | FileCheck %s --check-prefix=TWO
// RUN: et-opt %s --et-propagate-pruning=head-multiple=8 --split-input-file --remarks-filter-missed=et-propagate-pruning 2>&1 | FileCheck %s --check-prefix=EIGHT

// Feature 0 of head 0 is zero in the query, feature 1 of head 1 in the key. The scale stays that of heads of two.
et.weight @wq : tensor<4x2xf32> from [dense<[[0.0, 0.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [0.0, 0.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-DAG:   et.weight @wq_pruned : tensor<2x2xf32> from [dense<{{\[\[}}3.000000e+00, 4.000000e+00], [5.000000e+00, 6.000000e+00]]>
// CHECK-DAG:   et.weight @wk_pruned : tensor<2x2xf32> from [dense<{{\[\[}}3.000000e+00, 4.000000e+00], [5.000000e+00, 6.000000e+00]]>
// CHECK-LABEL: func.func @narrow_scores
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x1xf32>) key(%{{.*}} : tensor<4x2x1xf32>) value(%{{.*}} : tensor<4x2x2xf32>)
// CHECK-SAME:    scale = 0.707106769 : f32
// REMARK:      ScoresNarrowed{{.*}}heads of query and key keep 1 of 2 features", Weight=wq, WeightBehind=wk
func.func @narrow_scores(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// A query that is a constant still adds to the scores.
et.weight @wq : tensor<4x2xf32> from [dense<[[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bq : tensor<4xf32> from [dense<[1.0, 0.0, 1.0, 0.0]> : tensor<4xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_narrow_biased_query
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>) key(%{{.*}} : tensor<4x2x2xf32>)
// CHECK-NOT:   scale
func.func @no_narrow_biased_query(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %bq = et.weight_ref @bq : tensor<4xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq bias(%bq : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// 0 * inf is not 0.
et.weight @wq : tensor<4x2xf32> from [dense<[[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[0x7F800000, 1.0], [3.0, 4.0], [0x7F800000, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_narrow_infinite_key
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>)
func.func @no_narrow_infinite_key(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Something that mixes the features of the query.
et.weight @wq : tensor<4x2xf32> from [dense<[[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_narrow_rotated_query
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>)
// REMARK:      HeadsStay{{.*}}pruned features of query and key stay: its query is not the result of a linear layer
func.func @no_narrow_rotated_query(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %e = tensor.empty() : tensor<4x2x2xf32>
  %rot = linalg.generic {indexing_maps = [affine_map<(i, h, j) -> (i, h, j)>, affine_map<(i, h, j) -> (i, h, -j + 1)>, affine_map<(i, h, j) -> (i, h, j)>],
      iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %q : tensor<4x2x2xf32>, tensor<4x2x2xf32>) outs(%e : tensor<4x2x2xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %add = arith.addf %a, %b : f32
    linalg.yield %add : f32
  } -> tensor<4x2x2xf32>
  %z = et.attention query(%rot : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Head 0 has no values: it goes with its queries and keys.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[0.0, 0.0], [0.0, 0.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-DAG:   et.weight @wq_pruned : tensor<2x2xf32> from [dense<{{\[\[}}5.000000e+00, 6.000000e+00], [7.000000e+00, 8.000000e+00]]>
// CHECK-DAG:   et.weight @wk_pruned : tensor<2x2xf32> from [dense<{{\[\[}}5.000000e+00, 6.000000e+00], [7.000000e+00, 8.000000e+00]]>
// CHECK-DAG:   et.weight @wv_pruned : tensor<2x2xf32> from [dense<{{\[\[}}5.000000e+00, 6.000000e+00], [7.000000e+00, 8.000000e+00]]>
// CHECK-DAG:   et.weight @wo_pruned : tensor<1x2xf32> from [dense<{{\[\[}}3.000000e+00, 4.000000e+00]]>
// CHECK-LABEL: func.func @remove_head
// CHECK:       et.attention query(%{{.*}} : tensor<4x1x2xf32>) key(%{{.*}} : tensor<4x1x2xf32>) value(%{{.*}} : tensor<4x1x2xf32>)
// CHECK-SAME:    -> tensor<4x1x2xf32>
// REMARK:      HeadsRemoved{{.*}}removed 1 of 2 heads of attention", Weight=wv, WeightBehind=wo
// EIGHT:       et.attention query(%{{.*}} : tensor<4x1x2xf32>)
func.func @remove_head(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Nobody reads head 1; a mask that all heads share is no hindrance, nor is a constant.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 0.0, 0.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @remove_unread_head
// CHECK:       et.attention query(%{{.*}} : tensor<4x1x2xf32>) {{.*}} -> tensor<4x1x2xf32>
func.func @remove_unread_head(%x: tensor<4x2xf32>, %mask: tensor<4xi1>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv bias(%bv : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>) mask(%mask : tensor<4xi1>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (n)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// The mask has a row for each head.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[0.0, 0.0], [0.0, 0.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_remove_head_own_mask
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>) {{.*}} -> tensor<4x2x2xf32>
// REMARK:      HeadsStay{{.*}}1 of 2 heads stay, although all of their values were pruned: its mask differs from head to head
func.func @no_remove_head_own_mask(%x: tensor<4x2xf32>, %mask: tensor<2x4xi1>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>) mask(%mask : tensor<2x4xi1>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (h, n)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Each head has a length of its own.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[0.0, 0.0], [0.0, 0.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_remove_head_own_lengths
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>)
// REMARK:      1 of 2 heads stay, although all of their values were pruned: its lengths differ from head to head
func.func @no_remove_head_own_lengths(%x: tensor<4x2xf32>, %lengths: tensor<2xi32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>) lengths(%lengths : tensor<2xi32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (h)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// The number of the head is part of the score.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[0.0, 0.0], [0.0, 0.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_remove_head_number
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>)
// REMARK:      1 of 2 heads stay, although all of their values were pruned: its score region uses the number of the head
func.func @no_remove_head_number(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} score {
  ^bb0(%s: f32, %h: index, %i: index, %jj: index):
    %hi = arith.index_cast %h : index to i32
    %hf = arith.sitofp %hi : i32 to f32
    %sum = arith.addf %s, %hf : f32
    et.yield %sum : f32
  } -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// The queries come from elsewhere.
et.weight @wv : tensor<4x2xf32> from [dense<[[0.0, 0.0], [0.0, 0.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_remove_head_query_argument
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>)
// REMARK:      1 of 2 heads stay, although all of their values were pruned: its query is not the result of a linear layer
func.func @no_remove_head_query_argument(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// A query that is not finite makes NaN of scores.
et.weight @wq : tensor<4x2xf32> from [dense<[[0x7F800000, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[0.0, 0.0], [0.0, 0.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_remove_head_infinite_query
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>)
// REMARK:      1 of 2 heads stay, although all of their values were pruned: a weight or bias of its query or key is not finite
func.func @no_remove_head_infinite_query(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// All values are zero: one head of one feature is left.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @keep_one_head
// CHECK:       et.attention query(%{{.*}} : tensor<4x1x2xf32>) {{.*}} -> tensor<4x1x1xf32>
// CHECK:       et.linear {{.*}} : (tensor<4x1xf32>, tensor<1x1xf32>)
// TWO-LABEL:   func.func @keep_one_head
// TWO:         et.attention query(%{{.*}} : tensor<4x1x2xf32>) {{.*}} -> tensor<4x1x2xf32>
func.func @keep_one_head(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Two queries share a head of values. Feature 0 of it is read by none of them, feature 1 by one.
et.weight @wq : tensor<8x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0], [11.0, 12.0], [13.0, 14.0], [15.0, 16.0]]> : tensor<8x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x8xf32> from [dense<[[0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 3.0]]> : tensor<1x8xf32>]

// CHECK-LABEL: func.func @narrow_grouped_values
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2x2xf32>) key(%{{.*}} : tensor<4x2x2xf32>) value(%{{.*}} : tensor<4x2x1xf32>)
// CHECK-SAME:    -> tensor<4x2x2x1xf32>
// CHECK:       tensor.collapse_shape {{.*}} : tensor<4x2x2x1xf32> into tensor<4x4xf32>
func.func @narrow_grouped_values(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<8x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x8xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<8x2xf32>) -> tensor<4x8xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2, 3]] output_shape [4, 2, 2, 2] : tensor<4x8xf32> into tensor<4x2x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, g, m, n, k, v) -> (m, h, g, k)>, affine_map<(h, g, m, n, k, v) -> (n, h, k)>, affine_map<(h, g, m, n, k, v) -> (n, h, v)>, affine_map<(h, g, m, n, k, v) -> (m, h, g, v)>]} -> tensor<4x2x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2, 3]] : tensor<4x2x2x2xf32> into tensor<4x8xf32>
  %y = et.linear %j, %wo : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// A head of values that is zero goes with both of its queries.
et.weight @wq : tensor<8x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0], [11.0, 12.0], [13.0, 14.0], [15.0, 16.0]]> : tensor<8x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[0.0, 0.0], [0.0, 0.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x8xf32> from [dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]> : tensor<1x8xf32>]

// CHECK-LABEL: func.func @remove_group
// CHECK:       et.attention query(%{{.*}} : tensor<4x1x2x2xf32>) key(%{{.*}} : tensor<4x1x2xf32>) value(%{{.*}} : tensor<4x1x2xf32>)
// CHECK-SAME:    -> tensor<4x1x2x2xf32>
func.func @remove_group(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<8x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x8xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<8x2xf32>) -> tensor<4x8xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2, 3]] output_shape [4, 2, 2, 2] : tensor<4x8xf32> into tensor<4x2x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, g, m, n, k, v) -> (m, h, g, k)>, affine_map<(h, g, m, n, k, v) -> (n, h, k)>, affine_map<(h, g, m, n, k, v) -> (n, h, v)>, affine_map<(h, g, m, n, k, v) -> (m, h, g, v)>]} -> tensor<4x2x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2, 3]] : tensor<4x2x2x2xf32> into tensor<4x8xf32>
  %y = et.linear %j, %wo : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Of each group another query is not read.
et.weight @wq : tensor<8x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0], [11.0, 12.0], [13.0, 14.0], [15.0, 16.0]]> : tensor<8x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x8xf32> from [dense<[[0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]]> : tensor<1x8xf32>]

// CHECK-LABEL: func.func @no_remove_part_of_group
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2x2xf32>) key(%{{.*}} : tensor<4x2x2xf32>) value(%{{.*}} : tensor<4x2x2xf32>)
func.func @no_remove_part_of_group(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<8x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x8xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<8x2xf32>) -> tensor<4x8xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2, 3]] output_shape [4, 2, 2, 2] : tensor<4x8xf32> into tensor<4x2x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, g, m, n, k, v) -> (m, h, g, k)>, affine_map<(h, g, m, n, k, v) -> (n, h, k)>, affine_map<(h, g, m, n, k, v) -> (n, h, v)>, affine_map<(h, g, m, n, k, v) -> (m, h, g, v)>]} -> tensor<4x2x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2, 3]] : tensor<4x2x2x2xf32> into tensor<4x8xf32>
  %y = et.linear %j, %wo : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Feature 0 is zero in all queries of group 0, and in the key of group 1.
et.weight @wq : tensor<8x2xf32> from [dense<[[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [7.0, 8.0], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<8x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x8xf32> from [dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]> : tensor<1x8xf32>]

// CHECK-LABEL: func.func @narrow_grouped_scores
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2x1xf32>) key(%{{.*}} : tensor<4x2x1xf32>) value(%{{.*}} : tensor<4x2x2xf32>)
func.func @narrow_grouped_scores(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<8x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x8xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<8x2xf32>) -> tensor<4x8xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2, 3]] output_shape [4, 2, 2, 2] : tensor<4x8xf32> into tensor<4x2x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, g, m, n, k, v) -> (m, h, g, k)>, affine_map<(h, g, m, n, k, v) -> (n, h, k)>, affine_map<(h, g, m, n, k, v) -> (n, h, v)>, affine_map<(h, g, m, n, k, v) -> (m, h, g, v)>]} -> tensor<4x2x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2, 3]] : tensor<4x2x2x2xf32> into tensor<4x8xf32>
  %y = et.linear %j, %wo : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}
