// RUN: et-opt %s --canonicalize --split-input-file | FileCheck %s
// RUN: et-opt %s --canonicalize --canonicalize --split-input-file | FileCheck %s

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#bmn = affine_map<(b, h, m, n, k, v) -> (b, h, m, n)>
#bn = affine_map<(b, h, m, n, k, v) -> (b, n)>
#l = affine_map<(b, h, m, n, k, v) -> (b)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>
!t = tensor<?x?x12x32xf32>

// CHECK-LABEL: func.func @attention_drop_true_mask
// CHECK-NOT:   mask(
// CHECK:       return
func.func @attention_drop_true_mask(%q: !t) -> !t {
  %mask = arith.constant dense<true> : tensor<2x7xi1>
  %o = et.attention query(%q : !t) key(%q : !t) value(%q : !t) mask(%mask : tensor<2x7xi1>) {indexing_maps = [#q, #k, #v, #bn, #o]} -> !t
  return %o : !t
}

// CHECK-LABEL: func.func @attention_drop_filled_mask
// CHECK-NOT:   mask(
// CHECK:       return
func.func @attention_drop_filled_mask(%q: !t, %b: index, %n: index) -> !t {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%b, %n) : tensor<?x?xf32>
  %mask = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %o = et.attention query(%q : !t) key(%q : !t) value(%q : !t) mask(%mask : tensor<?x?xf32>) {indexing_maps = [#q, #k, #v, #bn, #o]} -> !t
  return %o : !t
}

// A mask of zeros is additive: in i1 it would let nothing pass.
// CHECK-LABEL: func.func @attention_keep_false_mask
// CHECK:       mask(
func.func @attention_keep_false_mask(%q: !t) -> !t {
  %mask = arith.constant dense<false> : tensor<2x7xi1>
  %o = et.attention query(%q : !t) key(%q : !t) value(%q : !t) mask(%mask : tensor<2x7xi1>) {indexing_maps = [#q, #k, #v, #bn, #o]} -> !t
  return %o : !t
}

// CHECK-LABEL: func.func @attention_keep_mask_of_ones
// CHECK:       mask(
func.func @attention_keep_mask_of_ones(%q: !t) -> !t {
  %mask = arith.constant dense<1.0> : tensor<2x7xf32>
  %o = et.attention query(%q : !t) key(%q : !t) value(%q : !t) mask(%mask : tensor<2x7xf32>) {indexing_maps = [#q, #k, #v, #bn, #o]} -> !t
  return %o : !t
}

// CHECK-LABEL: func.func @attention_drop_full_lengths
// CHECK-NOT:   lengths(
// CHECK-NOT:   padding
// CHECK:       return
func.func @attention_drop_full_lengths(%q: !t, %k: tensor<2x7x12x32xf32>) -> !t {
  %len = arith.constant dense<[7, 9]> : tensor<2xi32>
  %o = et.attention query(%q : !t) key(%k : tensor<2x7x12x32xf32>) value(%k : tensor<2x7x12x32xf32>) lengths(%len : tensor<2xi32>)
    {indexing_maps = [#q, #k, #v, #l, #o], padding = #et.padding<left>} -> !t
  return %o : !t
}

// CHECK-LABEL: func.func @attention_keep_short_lengths
// CHECK:       lengths(
func.func @attention_keep_short_lengths(%q: !t, %k: tensor<2x7x12x32xf32>) -> !t {
  %len = arith.constant dense<[7, 6]> : tensor<2xi32>
  %o = et.attention query(%q : !t) key(%k : tensor<2x7x12x32xf32>) value(%k : tensor<2x7x12x32xf32>) lengths(%len : tensor<2xi32>)
    {indexing_maps = [#q, #k, #v, #l, #o]} -> !t
  return %o : !t
}

// CHECK-LABEL: func.func @attention_keep_lengths_of_dynamic_keys
// CHECK:       lengths(
func.func @attention_keep_lengths_of_dynamic_keys(%q: !t) -> !t {
  %len = arith.constant dense<[7, 9]> : tensor<2xi32>
  %o = et.attention query(%q : !t) key(%q : !t) value(%q : !t) lengths(%len : tensor<2xi32>) {indexing_maps = [#q, #k, #v, #l, #o]} -> !t
  return %o : !t
}

// The scale stays, although 0.17677669 is 1 / sqrt(32) in f32: it says what the model was written with.
// CHECK-LABEL: func.func @attention_drop_defaults
// CHECK:       scale = 0.176776692
// CHECK-NOT:   accumulator
// CHECK-NOT:   score
// CHECK:       return
func.func @attention_drop_defaults(%q: !t) -> !t {
  %o = et.attention query(%q : !t) key(%q : !t) value(%q : !t) {indexing_maps = [#q, #k, #v, #o], scale = 0.17677669 : f32, accumulator = f32} score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %unused = math.tanh %s : f32
    et.yield %s : f32
  } -> !t
  return %o : !t
}

// CHECK-LABEL: func.func @attention_keep_other_scale
// CHECK:       scale
func.func @attention_keep_other_scale(%q: !t) -> !t {
  %o = et.attention query(%q : !t) key(%q : !t) value(%q : !t) {indexing_maps = [#q, #k, #v, #o], scale = 0.17 : f32} -> !t
  return %o : !t
}

// In f64 the default scale has more digits than an f32 can say.
// CHECK-LABEL: func.func @attention_keep_scale_in_f64
// CHECK:       accumulator = f64
// CHECK-SAME:  scale
func.func @attention_keep_scale_in_f64(%q: !t) -> !t {
  %o = et.attention query(%q : !t) key(%q : !t) value(%q : !t) {indexing_maps = [#q, #k, #v, #o], scale = 0.17677669 : f32, accumulator = f64} -> !t
  return %o : !t
}

// CHECK-LABEL: func.func @attention_structures
// CHECK-NOT:   structure
// CHECK:       et.attention
// CHECK-SAME:  -> tensor<?x1x12x32xf32>
// CHECK:       structure = #et.mask<causal>}
// CHECK:       structure = #et.mask<causal, lower_right>}
func.func @attention_structures(%q: tensor<?x1x12x32xf32>, %k: tensor<?x7x12x32xf32>, %d: !t)
    -> (tensor<?x1x12x32xf32>, tensor<?x1x12x32xf32>, tensor<?x7x12x32xf32>, !t) {
  %w = et.attention query(%q : tensor<?x1x12x32xf32>) key(%k : tensor<?x7x12x32xf32>) value(%k : tensor<?x7x12x32xf32>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<window, global = 3>} -> tensor<?x1x12x32xf32>
  %decode = et.attention query(%q : tensor<?x1x12x32xf32>) key(%k : tensor<?x7x12x32xf32>) value(%k : tensor<?x7x12x32xf32>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<causal, lower_right>} -> tensor<?x1x12x32xf32>
  %square = et.attention query(%k : tensor<?x7x12x32xf32>) key(%k : tensor<?x7x12x32xf32>) value(%k : tensor<?x7x12x32xf32>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<causal, lower_right>} -> tensor<?x7x12x32xf32>
  %dynamic = et.attention query(%d : !t) key(%d : !t) value(%d : !t)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<causal, lower_right>} -> !t
  return %w, %decode, %square, %dynamic : tensor<?x1x12x32xf32>, tensor<?x1x12x32xf32>, tensor<?x7x12x32xf32>, !t
}

// -----

// PyTorch's layout: transposes around the attention become maps, and heads repeated for the queries become grouped heads.

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// CHECK-DAG:   #[[Q:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d2, d1, d4)>
// CHECK-DAG:   #[[K:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d3, d4)>
// CHECK-DAG:   #[[V:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d3, d1, d5)>
// CHECK-DAG:   #[[O:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d2, d1, d5)>
// CHECK-LABEL: func.func @attention_fold_transposes
// CHECK-SAME:  %[[Q0:[a-z0-9]+]]: tensor<2x5x12x32xf32>, %[[K0:[a-z0-9]+]]: tensor<2x7x32xf32>, %[[V0:[a-z0-9]+]]: tensor<2x7x12x32xf32>
// CHECK-NEXT:  %[[O0:.*]] = et.attention query(%[[Q0]] : {{.*}}) key(%[[K0]] : {{.*}}) value(%[[V0]] : {{.*}}) {indexing_maps = [#[[Q]], #[[K]], #[[V]], #[[O]]]} -> tensor<2x5x12x32xf32>
// CHECK-NEXT:  return %[[O0]]
func.func @attention_fold_transposes(%q: tensor<2x5x12x32xf32>, %k: tensor<2x7x32xf32>, %v: tensor<2x7x12x32xf32>) -> tensor<2x5x12x32xf32> {
  %eq = tensor.empty() : tensor<2x12x5x32xf32>
  %tq = linalg.transpose ins(%q : tensor<2x5x12x32xf32>) outs(%eq : tensor<2x12x5x32xf32>) permutation = [0, 2, 1, 3]
  %ek = tensor.empty() : tensor<2x12x7x32xf32>
  %tk = linalg.broadcast ins(%k : tensor<2x7x32xf32>) outs(%ek : tensor<2x12x7x32xf32>) dimensions = [1]
  %tv = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, c, b, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
                        iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%v : tensor<2x7x12x32xf32>) outs(%ek : tensor<2x12x7x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x12x7x32xf32>
  %o = et.attention query(%tq : tensor<2x12x5x32xf32>) key(%tk : tensor<2x12x7x32xf32>) value(%tv : tensor<2x12x7x32xf32>)
    {indexing_maps = [#q, #k, #v, #o]} -> tensor<2x12x5x32xf32>
  %eo = tensor.empty() : tensor<2x5x12x32xf32>
  %to = linalg.transpose ins(%o : tensor<2x12x5x32xf32>) outs(%eo : tensor<2x5x12x32xf32>) permutation = [0, 2, 1, 3]
  return %to : tensor<2x5x12x32xf32>
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#bhmn = affine_map<(b, h, m, n, k, v) -> (b, h, m, n)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// A rotation has order three: it tells a permutation from its inverse.
// CHECK-DAG:   #[[O:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d2, d0, d5)>
// CHECK-LABEL: func.func @attention_fold_rotation_of_result
// CHECK:       et.attention {{.*}}#[[O]]]} -> tensor<12x5x2x32xf32>
// CHECK-NOT:   linalg.transpose
// CHECK:       return
func.func @attention_fold_rotation_of_result(%q: tensor<2x12x5x32xf32>) -> tensor<12x5x2x32xf32> {
  %o = et.attention query(%q : tensor<2x12x5x32xf32>) key(%q : tensor<2x12x5x32xf32>) value(%q : tensor<2x12x5x32xf32>)
    {indexing_maps = [#q, #k, #v, #o]} -> tensor<2x12x5x32xf32>
  %e = tensor.empty() : tensor<12x5x2x32xf32>
  %t = linalg.transpose ins(%o : tensor<2x12x5x32xf32>) outs(%e : tensor<12x5x2x32xf32>) permutation = [1, 2, 0, 3]
  return %t : tensor<12x5x2x32xf32>
}

// Someone else reads the result as it is.
// CHECK-LABEL: func.func @attention_keep_transpose_of_shared_result
// CHECK:       linalg.transpose
func.func @attention_keep_transpose_of_shared_result(%q: tensor<2x12x5x32xf32>) -> (tensor<2x12x5x32xf32>, tensor<2x5x12x32xf32>) {
  %o = et.attention query(%q : tensor<2x12x5x32xf32>) key(%q : tensor<2x12x5x32xf32>) value(%q : tensor<2x12x5x32xf32>)
    {indexing_maps = [#q, #k, #v, #o]} -> tensor<2x12x5x32xf32>
  %e = tensor.empty() : tensor<2x5x12x32xf32>
  %t = linalg.transpose ins(%o : tensor<2x12x5x32xf32>) outs(%e : tensor<2x5x12x32xf32>) permutation = [0, 2, 1, 3]
  return %o, %t : tensor<2x12x5x32xf32>, tensor<2x5x12x32xf32>
}

// A query is broadcast on purpose: each of its heads is a row of the result.
// CHECK-LABEL: func.func @attention_keep_broadcast_of_query
// CHECK:       linalg.broadcast
func.func @attention_keep_broadcast_of_query(%q: tensor<2x5x32xf32>, %k: tensor<2x12x5x32xf32>) -> tensor<2x12x5x32xf32> {
  %e = tensor.empty() : tensor<2x12x5x32xf32>
  %b = linalg.broadcast ins(%q : tensor<2x5x32xf32>) outs(%e : tensor<2x12x5x32xf32>) dimensions = [1]
  %o = et.attention query(%b : tensor<2x12x5x32xf32>) key(%k : tensor<2x12x5x32xf32>) value(%k : tensor<2x12x5x32xf32>)
    {indexing_maps = [#q, #k, #v, #o]} -> tensor<2x12x5x32xf32>
  return %o : tensor<2x12x5x32xf32>
}

// An op that also computes is no movement of data.
// CHECK-LABEL: func.func @attention_keep_transpose_that_computes
// CHECK:       linalg.generic
func.func @attention_keep_transpose_that_computes(%q: tensor<2x5x12x32xf32>) -> tensor<2x12x5x32xf32> {
  %e = tensor.empty() : tensor<2x12x5x32xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, c, b, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
                        iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%q : tensor<2x5x12x32xf32>) outs(%e : tensor<2x12x5x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    linalg.yield %n : f32
  } -> tensor<2x12x5x32xf32>
  %o = et.attention query(%t : tensor<2x12x5x32xf32>) key(%t : tensor<2x12x5x32xf32>) value(%t : tensor<2x12x5x32xf32>)
    {indexing_maps = [#q, #k, #v, #o]} -> tensor<2x12x5x32xf32>
  return %o : tensor<2x12x5x32xf32>
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#bhmn = affine_map<(b, h, m, n, k, v) -> (b, h, m, n)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// Tokenizers give [batch, keys]; models broadcast it to [batch, heads, queries, keys].
// CHECK-DAG:   #[[M:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d3)>
// CHECK-LABEL: func.func @attention_fold_broadcast_of_mask
// CHECK-SAME:  %[[MASK:[a-z0-9]+]]: tensor<?x?xi1>
// CHECK:       et.attention {{.*}} mask(%[[MASK]] : tensor<?x?xi1>) {indexing_maps = [#{{.*}}, #{{.*}}, #{{.*}}, #[[M]], #{{.*}}]}
func.func @attention_fold_broadcast_of_mask(%q: tensor<?x12x?x32xf32>, %mask: tensor<?x?xi1>, %b: index, %m: index, %n: index) -> tensor<?x12x?x32xf32> {
  %e = tensor.empty(%b, %m, %n) : tensor<?x12x?x?xi1>
  %big = linalg.broadcast ins(%mask : tensor<?x?xi1>) outs(%e : tensor<?x12x?x?xi1>) dimensions = [1, 2]
  %o = et.attention query(%q : tensor<?x12x?x32xf32>) key(%q : tensor<?x12x?x32xf32>) value(%q : tensor<?x12x?x32xf32>)
    mask(%big : tensor<?x12x?x?xi1>) {indexing_maps = [#q, #k, #v, #bhmn, #o]} -> tensor<?x12x?x32xf32>
  return %o : tensor<?x12x?x32xf32>
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#bhmn = affine_map<(b, h, m, n, k, v) -> (b, h, m, n)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

// One head: the dimension of size 1 that expand_shape adds is no dimension at all.
// CHECK-DAG:   #[[M:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d2, d3)>
// CHECK-LABEL: func.func @attention_fold_unit_dimensions_of_mask
// CHECK-SAME:  %[[MASK:[a-z0-9]+]]: tensor<2x?x7xf32>
// CHECK:       et.attention {{.*}} mask(%[[MASK]] : tensor<2x?x7xf32>) {indexing_maps = [#{{.*}}, #{{.*}}, #{{.*}}, #[[M]], #{{.*}}]}
func.func @attention_fold_unit_dimensions_of_mask(%q: tensor<2x1x?x32xf32>, %mask: tensor<2x?x7xf32>, %m: index) -> tensor<2x1x?x32xf32> {
  %big = tensor.expand_shape %mask [[0, 1], [2], [3]] output_shape [2, 1, %m, 7] : tensor<2x?x7xf32> into tensor<2x1x?x7xf32>
  %o = et.attention query(%q : tensor<2x1x?x32xf32>) key(%q : tensor<2x1x?x32xf32>) value(%q : tensor<2x1x?x32xf32>)
    mask(%big : tensor<2x1x?x7xf32>) {indexing_maps = [#q, #k, #v, #bhmn, #o]} -> tensor<2x1x?x32xf32>
  return %o : tensor<2x1x?x32xf32>
}

// Two dimensions made of one: no map can say that.
// CHECK-LABEL: func.func @attention_keep_split_of_mask
// CHECK:       tensor.expand_shape
func.func @attention_keep_split_of_mask(%q: tensor<2x3x?x32xf32>, %mask: tensor<6x5x7xf32>) -> tensor<2x3x?x32xf32> {
  %big = tensor.expand_shape %mask [[0, 1], [2], [3]] output_shape [2, 3, 5, 7] : tensor<6x5x7xf32> into tensor<2x3x5x7xf32>
  %o = et.attention query(%q : tensor<2x3x?x32xf32>) key(%q : tensor<2x3x?x32xf32>) value(%q : tensor<2x3x?x32xf32>)
    mask(%big : tensor<2x3x5x7xf32>) {indexing_maps = [#q, #k, #v, #bhmn, #o]} -> tensor<2x3x?x32xf32>
  return %o : tensor<2x3x?x32xf32>
}

// -----

// CHECK-LABEL: func.func @linear_drop_zero_bias
// CHECK-NOT:   bias
// CHECK:       return
func.func @linear_drop_zero_bias(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  %b = arith.constant dense<0.0> : tensor<4xf32>
  %y = et.linear %x, %w bias(%b : tensor<4xf32>) : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @linear_keep_bias
// CHECK:       bias
func.func @linear_keep_bias(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  %b = arith.constant dense<[0.0, 0.0, 0.0, 1.0]> : tensor<4xf32>
  %y = et.linear %x, %w bias(%b : tensor<4xf32>) : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @norms_drop_neutral_operands
// CHECK-SAME:  %[[X:[a-z0-9]+]]: tensor<4x8xf32>
// CHECK-DAG:   %[[L:.*]] = et.layer_norm %[[X]] {eps = 9.99999974E-6 : f32} : tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK-DAG:   %[[R:.*]] = et.rms_norm %[[X]] {eps = 9.99999974E-6 : f32} : tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK:       return %[[L]], %[[X]], %[[R]]
func.func @norms_drop_neutral_operands(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %one = arith.constant dense<1.0> : tensor<8xf32>
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %zeros = arith.constant dense<0.0> : tensor<4x8xf32>
  %l, %s = et.layer_norm %x gamma(%one : tensor<8xf32>) beta(%zero : tensor<8xf32>) residual(%zeros : tensor<4x8xf32>) {eps = 1.0e-5 : f32}
    : tensor<4x8xf32> -> tensor<4x8xf32>, tensor<4x8xf32>
  %r, %s2 = et.rms_norm %x gamma(%one : tensor<8xf32>) residual(%zeros : tensor<4x8xf32>) {eps = 1.0e-5 : f32}
    : tensor<4x8xf32> -> tensor<4x8xf32>, tensor<4x8xf32>
  return %l, %s, %r : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// CHECK-LABEL: func.func @norms_drop_unused_sum
// CHECK:       et.layer_norm {{.*}} residual({{.*}} -> tensor<4x8xf32>{{$}}
// CHECK:       et.rms_norm {{.*}} residual({{.*}} -> tensor<4x8xf32>{{$}}
func.func @norms_drop_unused_sum(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %l, %s = et.layer_norm %x residual(%y : tensor<4x8xf32>) {eps = 1.0e-5 : f32} : tensor<4x8xf32> -> tensor<4x8xf32>, tensor<4x8xf32>
  %r, %s2 = et.rms_norm %x residual(%y : tensor<4x8xf32>) {eps = 1.0e-5 : f32} : tensor<4x8xf32> -> tensor<4x8xf32>, tensor<4x8xf32>
  return %l, %r : tensor<4x8xf32>, tensor<4x8xf32>
}

// CHECK-LABEL: func.func @norms_keep_used_sum
// CHECK:       et.layer_norm {{.*}}gamma({{.*}}beta({{.*}}residual({{.*}} -> tensor<4x8xf32>, tensor<4x8xf32>
func.func @norms_keep_used_sum(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %two = arith.constant dense<2.0> : tensor<8xf32>
  %l, %s = et.layer_norm %x gamma(%two : tensor<8xf32>) beta(%two : tensor<8xf32>) residual(%y : tensor<4x8xf32>) {eps = 1.0e-5 : f32}
    : tensor<4x8xf32> -> tensor<4x8xf32>, tensor<4x8xf32>
  return %l, %s : tensor<4x8xf32>, tensor<4x8xf32>
}

// Ops without uses are dead: all of the dialect is pure on tensors.
// CHECK-LABEL: func.func @erase_unused
// CHECK-NEXT:  return
func.func @erase_unused(%ids: tensor<4xi32>, %table: tensor<10x8xf32>, %w: tensor<4x8xf32>) {
  %x = et.embedding %ids, %table : (tensor<4xi32>, tensor<10x8xf32>) -> tensor<4x8xf32>
  %g = et.gelu %x : tensor<4x8xf32>
  %y = et.linear %g, %w : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  return
}
