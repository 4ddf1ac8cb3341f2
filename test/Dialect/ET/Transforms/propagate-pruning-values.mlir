// RUN: et-opt %s --et-propagate-pruning --split-input-file --remarks-filter=et-propagate-pruning 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --et-propagate-pruning=head-multiple=2 --split-input-file | FileCheck %s --check-prefix=TWO
// RUN: et-opt %s --et-propagate-pruning=head-multiple=8 --split-input-file --remarks-filter-missed=et-propagate-pruning 2>&1 | FileCheck %s --check-prefix=EIGHT
// RUN: not et-opt %s --et-propagate-pruning=head-multiple=0 --split-input-file 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: error: expected option head-multiple of --et-propagate-pruning to be positive, but got 0

// Two heads of three features. Head 0 loses feature 1 (its row is zero) and 2 (nobody reads it), head 1 only feature 0:
// both keep two, so head 0 keeps the one it has no need of.
et.weight @wv : tensor<6x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<6x2xf32>]
et.weight @bv : tensor<6xf32> from [dense<[1.0, 0.0, 3.0, 0.0, 5.0, 6.0]> : tensor<6xf32>]
et.weight @wo : tensor<1x6xf32> from [dense<[[1.0, 2.0, 0.0, 4.0, 5.0, 6.0]]> : tensor<1x6xf32>]

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#l = affine_map<(b, h, m, n, k, v) -> (b, n)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>
// REMARK:      ValuesNarrowed{{.*}}heads of the values keep 2 of 3 features", Weight=wv, WeightBehind=wo
// CHECK-DAG:   et.weight @wv_pruned : tensor<4x2xf32> from [dense<{{\[\[}}1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00], [5.000000e+00, 6.000000e+00], [7.000000e+00, 8.000000e+00]]>
// CHECK-DAG:   et.weight @bv_pruned : tensor<4xf32> from [dense<[1.000000e+00, 3.000000e+00, 5.000000e+00, 6.000000e+00]>
// CHECK-DAG:   et.weight @wo_pruned : tensor<1x4xf32> from [dense<{{\[\[}}1.000000e+00, 0.000000e+00, 5.000000e+00, 6.000000e+00]]>
// CHECK-LABEL: func.func @narrow_values
// CHECK:       %[[V:.*]] = et.linear {{.*}} -> tensor<?x?x4xf32>
// CHECK:       %[[H:.*]] = tensor.expand_shape %[[V]] {{\[\[}}0], [1], [2, 3]] output_shape [%{{.*}}, %{{.*}}, 2, 2] : tensor<?x?x4xf32> into tensor<?x?x2x2xf32>
// CHECK:       %[[Z:.*]] = et.attention {{.*}} value(%[[H]] : tensor<?x?x2x2xf32>) {{.*}} -> tensor<?x?x2x2xf32>
// CHECK:       %[[J:.*]] = tensor.collapse_shape %[[Z]] {{.*}} into tensor<?x?x4xf32>
// CHECK:       et.linear %[[J]], {{.*}} -> tensor<?x?x1xf32>
// TWO-LABEL:   func.func @narrow_values
// TWO:         et.attention {{.*}} -> tensor<?x?x2x2xf32>
// EIGHT:       remark: {{.*}}HeadsStay{{.*}}3 features of the values stay: heads of 2 are no smaller as a multiple of 8
// EIGHT:       et.attention {{.*}} -> tensor<?x?x2x3xf32>
func.func @narrow_values(%x: tensor<?x?x2xf32>, %q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x1xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x2xf32>
  %s = tensor.dim %x, %c1 : tensor<?x?x2xf32>
  %wv = et.weight_ref @wv : tensor<6x2xf32>
  %bv = et.weight_ref @bv : tensor<6xf32>
  %wo = et.weight_ref @wo : tensor<1x6xf32>
  %v = et.linear %x, %wv bias(%bv : tensor<6xf32>) : (tensor<?x?x2xf32>, tensor<6x2xf32>) -> tensor<?x?x6xf32>
  %vh = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [%b, %s, 2, 3] : tensor<?x?x6xf32> into tensor<?x?x2x3xf32>
  %z = et.attention query(%q : tensor<?x?x2x4xf32>) key(%k : tensor<?x?x2x4xf32>) value(%vh : tensor<?x?x2x3xf32>) mask(%mask : tensor<?x?xi1>) {indexing_maps = [#q, #k, #v, #l, #o]} -> tensor<?x?x2x3xf32>
  %j = tensor.collapse_shape %z [[0], [1], [2, 3]] : tensor<?x?x2x3xf32> into tensor<?x?x6xf32>
  %y = et.linear %j, %wo : (tensor<?x?x6xf32>, tensor<1x6xf32>) -> tensor<?x?x1xf32>
  return %y : tensor<?x?x1xf32>
}

// -----

// No mask: the constants 3 and 5 of features 1 and 2 are everywhere, and go to the bias: 0.5 + 3 * 2 + 5 * 3.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]
et.weight @bo : tensor<1xf32> from [dense<[0.5]> : tensor<1xf32>]

// CHECK:       et.weight @bo_pruned : tensor<1xf32> from [dense<2.150000e+01>
// CHECK-LABEL: func.func @fold_constants
// CHECK:       et.attention {{.*}} -> tensor<4x2x1xf32>
// CHECK:       et.linear {{.*}} bias({{.*}}) : (tensor<4x2xf32>, tensor<1x2xf32>)
func.func @fold_constants(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %bo = et.weight_ref @bo : tensor<1xf32>
  %vl = et.linear %x, %wv bias(%bv : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo bias(%bo : tensor<1xf32>) : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// As many queries as keys, although how many is not known: still no row is empty. The output had no bias.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK:       et.weight @bias_pruned : tensor<1xf32> from [dense<2.100000e+01>
// CHECK-LABEL: func.func @fold_into_new_bias
// CHECK:       et.attention {{.*}} -> tensor<?x2x1xf32>
// CHECK:       et.linear {{.*}} bias(
func.func @fold_into_new_bias(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %c0 = arith.constant 0 : index
  %r = tensor.dim %x, %c0 : tensor<?x2xf32>
  %ql = et.linear %x, %wq : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [%r, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
  %kl = et.linear %x, %wk : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [%r, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
  %vl = et.linear %x, %wv bias(%bv : tensor<4xf32>) : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [%r, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
  %z = et.attention query(%q : tensor<?x2x2xf32>) key(%k : tensor<?x2x2xf32>) value(%v : tensor<?x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<?x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
  %y = et.linear %j, %wo : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// The mask may leave a row nothing to attend to: the constant 3 stays, the constant 0 goes.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 0.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_fold_masked_rows
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
// REMARK:      HeadsStay{{.*}}1 features of the output of attention are constants other than zero and stay: its mask may leave a row nothing to attend to{{.*}}prune the bias of the value as well", Weight=wv
// EIGHT:       1 features of the values stay: one head needs all of its 2, and heads keep the same number", Suggestion="prune as many features of each head"
func.func @no_fold_masked_rows(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>, %mask: tensor<4xi1>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv bias(%bv : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>) mask(%mask : tensor<4xi1>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (n)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Nor where sequences have lengths.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_fold_lengths
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
// REMARK:      2 features of the output of attention are constants other than zero and stay: its lengths may leave
func.func @no_fold_lengths(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>, %lengths: tensor<i32>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv bias(%bv : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>) lengths(%lengths : tensor<i32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> ()>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Rows behind the last offset are zero.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_fold_offsets
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
// REMARK:      2 features of the output of attention are constants other than zero and stay: its offsets may leave
func.func @no_fold_offsets(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>, %offsets: tensor<3xi32>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv bias(%bv : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>) offsets(%offsets : tensor<3xi32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Under a window, rows behind the last key see none: how many keys there are is not known to be as many as queries.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_fold_unknown_lengths
// CHECK:       et.attention {{.*}} -> tensor<?x2x2xf32>
// REMARK:      2 features of the output of attention are constants other than zero and stay: fewer keys than queries may leave
func.func @no_fold_unknown_lengths(%x: tensor<?x2xf32>, %xk: tensor<4x2xf32>) -> tensor<?x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %c0 = arith.constant 0 : index
  %r = tensor.dim %x, %c0 : tensor<?x2xf32>
  %ql = et.linear %x, %wq : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [%r, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
  %kl = et.linear %xk, %wk : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %vl = et.linear %xk, %wv bias(%bv : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<?x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>], structure = #et.mask<window, left = 0, right = 0>} -> tensor<?x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
  %y = et.linear %j, %wo : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Who reads the values is known at run time only.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]

// CHECK-LABEL: func.func @no_narrow_weight_argument
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
// REMARK:      HeadsStay{{.*}}pruned features of the values stay: a weight or bias cannot be read: it is no outlined constant
func.func @no_narrow_weight_argument(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>, %wo: tensor<1x4xf32>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Nor where a score region may yield minus infinity for all keys.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_fold_score_region
// CHECK:       et.attention {{.*}} value(%{{.*}} : tensor<4x2x2xf32>)
// REMARK:      2 features of the output of attention are constants other than zero and stay: its score region may leave
func.func @no_fold_score_region(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv bias(%bv : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} score {
  ^bb0(%s: f32, %h: index, %i: index, %jj: index):
    et.yield %s : f32
  } -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// The first two of four rows see none of two keys.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_fold_lower_right
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
// REMARK:      2 features of the output of attention are constants other than zero and stay: fewer keys than queries may leave
func.func @no_fold_lower_right(%x: tensor<4x2xf32>, %xk: tensor<2x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %xk, %wk : (tensor<2x2xf32>, tensor<4x2xf32>) -> tensor<2x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [2, 2, 2] : tensor<2x4xf32> into tensor<2x2x2xf32>
  %vl = et.linear %xk, %wv bias(%bv : tensor<4xf32>) : (tensor<2x2xf32>, tensor<4x2xf32>) -> tensor<2x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [2, 2, 2] : tensor<2x4xf32> into tensor<2x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<2x2x2xf32>) value(%v : tensor<2x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>], structure = #et.mask<causal, lower_right>} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// From the top left, each of four rows sees the first of two keys.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @fold_causal
// CHECK:       et.attention {{.*}} -> tensor<4x2x1xf32>
func.func @fold_causal(%x: tensor<4x2xf32>, %xk: tensor<2x2xf32>) -> tensor<4x1xf32> {
  %wq = et.weight_ref @wq : tensor<4x2xf32>
  %wk = et.weight_ref @wk : tensor<4x2xf32>
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %ql = et.linear %x, %wq : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %q = tensor.expand_shape %ql [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %kl = et.linear %xk, %wk : (tensor<2x2xf32>, tensor<4x2xf32>) -> tensor<2x4xf32>
  %k = tensor.expand_shape %kl [[0], [1, 2]] output_shape [2, 2, 2] : tensor<2x4xf32> into tensor<2x2x2xf32>
  %vl = et.linear %xk, %wv bias(%bv : tensor<4xf32>) : (tensor<2x2xf32>, tensor<4x2xf32>) -> tensor<2x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [2, 2, 2] : tensor<2x4xf32> into tensor<2x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<2x2x2xf32>) value(%v : tensor<2x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>], structure = #et.mask<causal>} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// A row sees its own key.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 3.0, 5.0, 7.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @fold_window
// CHECK:       et.attention {{.*}} -> tensor<4x2x1xf32>
func.func @fold_window(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
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
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>], structure = #et.mask<window, left = 0, right = 0>} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// The values are used elsewhere.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_narrow_other_use
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
// REMARK:      HeadsStay{{.*}}pruned features of the values stay: its value has other uses
func.func @no_narrow_other_use(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>) -> (tensor<4x1xf32>, tensor<4x4xf32>) {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y, %vl : tensor<4x1xf32>, tensor<4x4xf32>
}

// -----

// 0 * inf is not 0.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 0x7F800000, 0x7F800000, 2.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_narrow_infinite_output
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
func.func @no_narrow_infinite_output(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>) -> tensor<4x1xf32> {
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

// The sum of the constants is beyond f32.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[0.0, 3.0e38, 3.0e38, 0.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_fold_too_large
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
// REMARK:      features of the values stay: with their constants a bias of the output is not finite
func.func @no_fold_too_large(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %bv = et.weight_ref @bv : tensor<4xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv bias(%bv : tensor<4xf32>) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Behind the layer, 2 is added to all values: the constant of features 1 and 2 is 2, for the output 2 * 2 + 2 * 3.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK:       et.weight @bias_pruned : tensor<1xf32> from [dense<1.000000e+01>
// CHECK-LABEL: func.func @elementwise_value
// CHECK:       linalg.generic {{.*}} ins(%{{.*}} : tensor<4x2xf32>)
// CHECK:       et.attention {{.*}} -> tensor<4x2x1xf32>
func.func @elementwise_value(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>, %e: tensor<4x4xf32>) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %two = arith.constant 2.0 : f32
  %vm = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%vl : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %add = arith.addf %in, %two : f32
    linalg.yield %add : f32
  } -> tensor<4x4xf32>
  %v = tensor.expand_shape %vm [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// What is added is not known.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// CHECK-LABEL: func.func @no_narrow_unknown_constant
// CHECK:       et.attention {{.*}} -> tensor<4x2x2xf32>
// REMARK:      2 features of the output of attention are constant, but of a value that is not known when compiling
func.func @no_narrow_unknown_constant(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>, %e: tensor<4x4xf32>, %s: f32) -> tensor<4x1xf32> {
  %wv = et.weight_ref @wv : tensor<4x2xf32>
  %wo = et.weight_ref @wo : tensor<1x4xf32>
  %vl = et.linear %x, %wv : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %vm = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%vl : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %add = arith.addf %in, %s : f32
    linalg.yield %add : f32
  } -> tensor<4x4xf32>
  %v = tensor.expand_shape %vm [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Two attentions share all weights, and share the smaller ones.
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wo : tensor<2x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>]

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
// CHECK-COUNT-1: et.weight @wo_pruned
// CHECK-NOT:   et.weight @wo_pruned
// CHECK-COUNT-1: et.weight @wv_pruned
// CHECK-NOT:   et.weight @wv_pruned
// CHECK-LABEL: func.func @share_weights
// CHECK-COUNT-2: et.attention {{.*}} -> tensor<4x2x1xf32>
// REMARK-COUNT-2: heads of the values keep 1 of 2 features", Weight=wv
func.func @share_weights(%x: tensor<4x2xf32>, %q: tensor<4x2x2xf32>, %k: tensor<4x2x2xf32>) -> tensor<4x2xf32> {
  %wv1 = et.weight_ref @wv : tensor<4x2xf32>
  %wo1 = et.weight_ref @wo : tensor<2x4xf32>
  %v1 = et.linear %x, %wv1 : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %h1 = tensor.expand_shape %v1 [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z1 = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%h1 : tensor<4x2x2xf32>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<4x2x2xf32>
  %j1 = tensor.collapse_shape %z1 [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y1 = et.linear %j1, %wo1 : (tensor<4x4xf32>, tensor<2x4xf32>) -> tensor<4x2xf32>
  %wv2 = et.weight_ref @wv : tensor<4x2xf32>
  %wo2 = et.weight_ref @wo : tensor<2x4xf32>
  %v2 = et.linear %y1, %wv2 : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %h2 = tensor.expand_shape %v2 [[0], [1, 2]] output_shape [4, 2, 2] : tensor<4x4xf32> into tensor<4x2x2xf32>
  %z2 = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%h2 : tensor<4x2x2xf32>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<4x2x2xf32>
  %j2 = tensor.collapse_shape %z2 [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y2 = et.linear %j2, %wo2 : (tensor<4x4xf32>, tensor<2x4xf32>) -> tensor<4x2xf32>
  return %y2 : tensor<4x2xf32>
}

// -----

// Nothing was pruned.
et.weight @wq : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wk : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @wv : tensor<4x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>]
et.weight @bv : tensor<4xf32> from [dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>]
et.weight @wo : tensor<1x4xf32> from [dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>]

// REMARK-NOT:  remark
// CHECK-LABEL: func.func @dense_is_left_alone
// CHECK:       et.attention query(%{{.*}} : tensor<4x2x2xf32>) key(%{{.*}} : tensor<4x2x2xf32>) value(%{{.*}} : tensor<4x2x2xf32>)
func.func @dense_is_left_alone(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
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
  %z = et.attention query(%q : tensor<4x2x2xf32>) key(%k : tensor<4x2x2xf32>) value(%v : tensor<4x2x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x2x2xf32> into tensor<4x4xf32>
  %y = et.linear %j, %wo : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}
