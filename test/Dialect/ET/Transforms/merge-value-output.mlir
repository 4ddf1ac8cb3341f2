// RUN: et-opt %s --et-outline-weights --et-merge-value-output --remarks-filter=et-merge-value-output 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --et-outline-weights --et-merge-value-output=force | FileCheck %s --check-prefix=FORCE
// RUN: et-opt %s --et-outline-weights --et-merge-value-output=max-head-size=1 --remarks-filter-missed=et-merge-value-output 2>&1 >/dev/null | FileCheck %s --check-prefix=NARROW
// RUN: et-opt %s --et-outline-weights --et-merge-value-output=assumed-keys=0 | FileCheck %s --check-prefix=FEW

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>
// Two query heads share one head of values.
#qg = affine_map<(b, h, g, m, n, k, v) -> (b, m, h, g, k)>
#kg = affine_map<(b, h, g, m, n, k, v) -> (b, n, h, k)>
#vg = affine_map<(b, h, g, m, n, k, v) -> (b, n, h, v)>
#og = affine_map<(b, h, g, m, n, k, v) -> (b, m, h, g, v)>

// One head: M = wo wv, c = wo bv; the bias of the output is added behind the attention.
//
// CHECK-DAG:   et.weight @[[M:.*]] : tensor<2x2xf32> from [dense<{{\[\[}}1.000000e+00, 2.000000e+00], [4.000000e+00, 6.000000e+00]]> : tensor<2x2xf32>]
// CHECK-DAG:   et.weight @[[C:.*]] : tensor<2xf32> from [dense<[1.000000e+00, 3.000000e+00]> : tensor<2xf32>]
// CHECK-LABEL: func.func @one_head
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?x2xf32>
// CHECK-DAG:   %[[MREF:.*]] = et.weight_ref @[[M]]
// CHECK-DAG:   %[[CREF:.*]] = et.weight_ref @[[C]]
// CHECK:       %[[V:.*]] = et.linear %[[X]], %[[MREF]] bias(%[[CREF]] : tensor<2xf32>)
// CHECK:       %[[HEADS:.*]] = tensor.expand_shape %[[V]]
// CHECK:       %[[Z:.*]] = et.attention {{.*}} value(%[[HEADS]] : tensor<?x?x1x2xf32>)
// CHECK-NOT:   et.linear
// CHECK:       linalg.generic
// REMARK:      remark: {{.*}}ValueOutputMerged{{.*}}merged the projections of value and output: 260 in place of 264 multiply-adds a row
// NARROW:      remark: {{.*}}ValueOutputApart{{.*}}projections of value and output stay apart: values of 2 outputs are wider than the 1 that attention takes here
func.func @one_head(%x: tensor<?x?x2xf32>, %q: tensor<?x?x1x2xf32>, %k: tensor<?x?x1x2xf32>) -> tensor<?x?x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x2xf32>
  %s = tensor.dim %x, %c1 : tensor<?x?x2xf32>
  %wv = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %bv = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %wo = arith.constant dense<[[1.0, 0.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %bo = arith.constant dense<[5.0, 6.0]> : tensor<2xf32>
  %v = et.linear %x, %wv bias(%bv : tensor<2xf32>) : (tensor<?x?x2xf32>, tensor<2x2xf32>) -> tensor<?x?x2xf32>
  %vh = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [%b, %s, 1, 2] : tensor<?x?x2xf32> into tensor<?x?x1x2xf32>
  %z = et.attention query(%q : tensor<?x?x1x2xf32>) key(%k : tensor<?x?x1x2xf32>) value(%vh : tensor<?x?x1x2xf32>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x?x1x2xf32>
  %j = tensor.collapse_shape %z [[0], [1], [2, 3]] : tensor<?x?x1x2xf32> into tensor<?x?x2xf32>
  %y = et.linear %j, %wo bias(%bo : tensor<2xf32>) : (tensor<?x?x2xf32>, tensor<2x2xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

// Two heads would be twice the work; forced, each has its own M_h = wo[:, h] wv[h, :], and heads are summed. No bias: no
// bias of the values, nothing to add behind the sum.
//
// CHECK-LABEL: func.func @two_heads
// CHECK-COUNT-2: et.linear
// REMARK:      remark: {{.*}}ValueOutputApart{{.*}}projections of value and output stay apart: merged they take 1.98 times the multiply-adds (2 heads, 2 outputs)
// FORCE-DAG:   et.weight @[[M:.*]] : tensor<4x2xf32> from [dense<{{\[\[}}1.000000e+00, 2.000000e+00], [1.000000e+00, 2.000000e+00], [0.000000e+00, 0.000000e+00], [3.000000e+00, 4.000000e+00]]> : tensor<4x2xf32>]
// FORCE-LABEL: func.func @two_heads
// FORCE:       %[[V:.*]] = et.linear %{{.*}}, %{{.*}} : (tensor<?x?x2xf32>, tensor<4x2xf32>) -> tensor<?x?x4xf32>
// FORCE:       tensor.expand_shape %[[V]] {{\[\[}}0], [1], [2, 3]] output_shape [%{{.*}}, %{{.*}}, 2, 2] : tensor<?x?x4xf32> into tensor<?x?x2x2xf32>
// FORCE:       et.attention {{.*}} -> tensor<?x?x2x2xf32>
// FORCE:       linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction"]
// FORCE-NOT:   linalg.generic
// FORCE:       return
// Without keys the sum over heads and the inputs remain: 8 + 4 against 4 + 4.
// FEW-LABEL:   func.func @two_heads
// FEW-COUNT-2: et.linear
func.func @two_heads(%x: tensor<?x?x2xf32>, %q: tensor<?x?x2x2xf32>, %k: tensor<?x?x2x2xf32>) -> tensor<?x?x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x2xf32>
  %s = tensor.dim %x, %c1 : tensor<?x?x2xf32>
  %wv = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %wo = arith.constant dense<[[1.0, 0.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %v = et.linear %x, %wv : (tensor<?x?x2xf32>, tensor<2x2xf32>) -> tensor<?x?x2xf32>
  %vh = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [%b, %s, 2, 1] : tensor<?x?x2xf32> into tensor<?x?x2x1xf32>
  %z = et.attention query(%q : tensor<?x?x2x2xf32>) key(%k : tensor<?x?x2x2xf32>) value(%vh : tensor<?x?x2x1xf32>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x?x2x1xf32>
  %j = tensor.collapse_shape %z [[0], [1], [2, 3]] : tensor<?x?x2x1xf32> into tensor<?x?x2xf32>
  %y = et.linear %j, %wo : (tensor<?x?x2xf32>, tensor<2x2xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

// CHECK-LABEL: func.func @joined_heads_used_twice
// CHECK-COUNT-2: et.linear
// REMARK:      remark: {{.*}}ValueOutputApart{{.*}}projections of value and output stay apart: the joined heads have other uses
// FORCE-LABEL: func.func @joined_heads_used_twice
// FORCE-COUNT-2: et.linear
func.func @joined_heads_used_twice(%x: tensor<4x2xf32>, %q: tensor<4x1x2xf32>, %k: tensor<4x1x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %v = et.linear %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [4, 1, 2] : tensor<4x2xf32> into tensor<4x1x2xf32>
  %z = et.attention query(%q : tensor<4x1x2xf32>) key(%k : tensor<4x1x2xf32>) value(%vh : tensor<4x1x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x1x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x1x2xf32> into tensor<4x2xf32>
  %y = et.linear %j, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %y, %j : tensor<4x2xf32>, tensor<4x2xf32>
}

// CHECK-LABEL: func.func @weight_is_an_argument
// CHECK-COUNT-2: et.linear
// REMARK:      remark: {{.*}}ValueOutputApart{{.*}}projections of value and output stay apart: a weight cannot be read: it is no outlined constant
func.func @weight_is_an_argument(%x: tensor<4x2xf32>, %q: tensor<4x1x2xf32>, %k: tensor<4x1x2xf32>, %w: tensor<2x2xf32>) -> tensor<4x2xf32> {
  %v = et.linear %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [4, 1, 2] : tensor<4x2xf32> into tensor<4x1x2xf32>
  %z = et.attention query(%q : tensor<4x1x2xf32>) key(%k : tensor<4x1x2xf32>) value(%vh : tensor<4x1x2xf32>)
    {indexing_maps = [affine_map<(h, m, n, k, v) -> (m, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, k)>, affine_map<(h, m, n, k, v) -> (n, h, v)>, affine_map<(h, m, n, k, v) -> (m, h, v)>]} -> tensor<4x1x2xf32>
  %j = tensor.collapse_shape %z [[0], [1, 2]] : tensor<4x1x2xf32> into tensor<4x2xf32>
  %y = et.linear %j, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// CHECK-LABEL: func.func @grouped_heads
// CHECK-COUNT-2: et.linear
// REMARK:      remark: {{.*}}ValueOutputApart{{.*}}projections of value and output stay apart: the heads of its result are not joined into one dimension
func.func @grouped_heads(%x: tensor<3x4x2xf32>, %q: tensor<3x4x1x2x2xf32>, %k: tensor<3x4x1x2xf32>) -> tensor<3x4x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %wo = arith.constant dense<1.0> : tensor<2x4xf32>
  %v = et.linear %x, %w : (tensor<3x4x2xf32>, tensor<2x2xf32>) -> tensor<3x4x2xf32>
  %vh = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [3, 4, 1, 2] : tensor<3x4x2xf32> into tensor<3x4x1x2xf32>
  %z = et.attention query(%q : tensor<3x4x1x2x2xf32>) key(%k : tensor<3x4x1x2xf32>) value(%vh : tensor<3x4x1x2xf32>) {indexing_maps = [#qg, #kg, #vg, #og]} -> tensor<3x4x1x2x2xf32>
  %j = tensor.collapse_shape %z [[0], [1], [2, 3, 4]] : tensor<3x4x1x2x2xf32> into tensor<3x4x4xf32>
  %y = et.linear %j, %wo : (tensor<3x4x4xf32>, tensor<2x4xf32>) -> tensor<3x4x2xf32>
  return %y : tensor<3x4x2xf32>
}

// One head without a dimension of its own: nothing to sum, and without a bias nothing behind the attention.
// CHECK-LABEL: func.func @no_head_dimension
// CHECK:       %[[V:.*]] = et.linear {{.*}} -> tensor<4x3xf32>
// CHECK-NEXT:  %[[Z:.*]] = et.attention {{.*}} value(%[[V]] : tensor<4x3xf32>) {{.*}} -> tensor<4x3xf32>
// CHECK-NEXT:  return %[[Z]]
// REMARK:      remark: {{.*}}ValueOutputMerged{{.*}}merged the projections of value and output: 18 in place of 36 multiply-adds a row
func.func @no_head_dimension(%x: tensor<4x2xf32>, %q: tensor<4x2xf32>, %k: tensor<4x2xf32>) -> tensor<4x3xf32> {
  %w = arith.constant dense<1.0> : tensor<4x2xf32>
  %wo = arith.constant dense<1.0> : tensor<3x4xf32>
  %v = et.linear %x, %w : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %z = et.attention query(%q : tensor<4x2xf32>) key(%k : tensor<4x2xf32>) value(%v : tensor<4x4xf32>)
    {indexing_maps = [affine_map<(m, n, k, v) -> (m, k)>, affine_map<(m, n, k, v) -> (n, k)>, affine_map<(m, n, k, v) -> (n, v)>, affine_map<(m, n, k, v) -> (m, v)>]} -> tensor<4x4xf32>
  %y = et.linear %z, %wo : (tensor<4x4xf32>, tensor<3x4xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}
