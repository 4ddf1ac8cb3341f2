// RUN: et-opt %s --et-propagate-pruning --split-input-file | FileCheck %s
// RUN: et-opt %s --et-propagate-pruning --split-input-file --remarks-filter=et-propagate-pruning 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: et-opt %s --et-propagate-pruning=multiple=2 --split-input-file | FileCheck %s --check-prefix=TWO
// RUN: not et-opt %s --et-propagate-pruning=multiple=0 --split-input-file 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: error: expected option multiple of --et-propagate-pruning to be positive, but got 0

// Feature 1 has a zero row and no bias, feature 2 a zero column.
// REMARK: [[@LINE+12]]:8: remark: {{.*}}FeaturesRemoved{{.*}}removed 2 of 4 features between two linear layers", Weight=w1, WeightBehind=w2
et.weight @w1 : tensor<4x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<4x2xf32>]
et.weight @w2 : tensor<2x4xf32> from [dense<[[1.0, 2.0, 0.0, 4.0], [5.0, 6.0, 0.0, 8.0]]> : tensor<2x4xf32>]

// CHECK-DAG:   et.weight @w1_pruned : tensor<2x2xf32> from [dense<{{\[\[}}1.000000e+00, 2.000000e+00], [5.000000e+00, 6.000000e+00]]>
// CHECK-DAG:   et.weight @w2_pruned : tensor<2x2xf32> from [dense<{{\[\[}}1.000000e+00, 4.000000e+00], [5.000000e+00, 8.000000e+00]]>
// CHECK-LABEL: func.func @remove_row_and_column
// CHECK:       et.linear {{.*}} -> tensor<?x?x2xf32>
// CHECK:       et.gelu {{.*}} : tensor<?x?x2xf32>
// CHECK:       et.linear {{.*}} -> tensor<?x?x2xf32>
func.func @remove_row_and_column(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %w1 = et.weight_ref @w1 : tensor<4x2xf32>
  %h = et.linear %x, %w1 : (tensor<?x?x2xf32>, tensor<4x2xf32>) -> tensor<?x?x4xf32>
  %g = et.gelu %h : tensor<?x?x4xf32>
  %w2 = et.weight_ref @w2 : tensor<2x4xf32>
  %y = et.linear %g, %w2 : (tensor<?x?x4xf32>, tensor<2x4xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

// -----

// The value of feature 1 is its bias behind relu: 3 * [2, 6] go to the second bias.
et.weight @w1 : tensor<3x2xf16> from [dense<[[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]> : tensor<3x2xf16>]
et.weight @b1 : tensor<3xf16> from [dense<[1.0, 3.0, 2.0]> : tensor<3xf16>]
et.weight @w2 : tensor<2x3xf16> from [dense<[[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]> : tensor<2x3xf16>]
et.weight @b2 : tensor<2xf16> from [dense<[0.5, 1.0]> : tensor<2xf16>]

#id = affine_map<(d0, d1) -> (d0, d1)>
// CHECK:       et.weight @b2_pruned : tensor<2xf16> from [dense<[6.500000e+00, 1.900000e+01]>
// CHECK-LABEL: func.func @fold_constant_feature
// CHECK:       et.linear {{.*}} -> tensor<?x2xf16>
// CHECK:       linalg.generic {{.*}} ins(%{{.*}} : tensor<?x2xf16>)
// TWO-LABEL:   func.func @fold_constant_feature
// TWO:         et.linear {{.*}} -> tensor<?x2xf16>
func.func @fold_constant_feature(%x: tensor<?x2xf16>, %e: tensor<?x3xf16>) -> tensor<?x2xf16> {
  %zero = arith.constant 0.0 : f16
  %w1 = et.weight_ref @w1 : tensor<3x2xf16>
  %b1 = et.weight_ref @b1 : tensor<3xf16>
  %h = et.linear %x, %w1 bias(%b1 : tensor<3xf16>) : (tensor<?x2xf16>, tensor<3x2xf16>) -> tensor<?x3xf16>
  %g = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h : tensor<?x3xf16>) outs(%e : tensor<?x3xf16>) {
  ^bb0(%in: f16, %out: f16):
    %max = arith.maximumf %in, %zero : f16
    linalg.yield %max : f16
  } -> tensor<?x3xf16>
  %w2 = et.weight_ref @w2 : tensor<2x3xf16>
  %b2 = et.weight_ref @b2 : tensor<2xf16>
  %y = et.linear %g, %w2 bias(%b2 : tensor<2xf16>) : (tensor<?x3xf16>, tensor<2x3xf16>) -> tensor<?x2xf16>
  return %y : tensor<?x2xf16>
}

// -----

// 0 * inf is not 0.
et.weight @w1 : tensor<2x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0]]> : tensor<2x2xf32>]
et.weight @w2 : tensor<1x2xf32> from [dense<[[1.0, 0x7F800000]]> : tensor<1x2xf32>]

// CHECK-LABEL: func.func @no_remove_infinite_weight
// CHECK:       et.linear {{.*}} -> tensor<?x2xf32>
func.func @no_remove_infinite_weight(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w1 = et.weight_ref @w1 : tensor<2x2xf32>
  %h = et.linear %x, %w1 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w2 = et.weight_ref @w2 : tensor<1x2xf32>
  %y = et.linear %h, %w2 : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

et.weight @w1 : tensor<2x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0]]> : tensor<2x2xf32>]
et.weight @w2 : tensor<1x2xf32> from [dense<[[1.0, 2.0]]> : tensor<1x2xf32>]

// CHECK-LABEL: func.func @no_remove_other_use
// CHECK:       et.linear {{.*}} -> tensor<?x2xf32>
func.func @no_remove_other_use(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>) {
  %w1 = et.weight_ref @w1 : tensor<2x2xf32>
  %h = et.linear %x, %w1 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w2 = et.weight_ref @w2 : tensor<1x2xf32>
  %y = et.linear %h, %w2 : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %h, %y : tensor<?x2xf32>, tensor<?x1xf32>
}

// -----

// Rounded up to a multiple of two, nothing goes.
et.weight @w1 : tensor<2x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0]]> : tensor<2x2xf32>]
et.weight @w2 : tensor<1x2xf32> from [dense<[[1.0, 2.0]]> : tensor<1x2xf32>]

// CHECK-LABEL: func.func @keep_a_multiple
// CHECK:       et.linear {{.*}} -> tensor<?x1xf32>
// TWO-LABEL:   func.func @keep_a_multiple
// TWO:         et.linear {{.*}} -> tensor<?x2xf32>
func.func @keep_a_multiple(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w1 = et.weight_ref @w1 : tensor<2x2xf32>
  %h = et.linear %x, %w1 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w2 = et.weight_ref @w2 : tensor<1x2xf32>
  %y = et.linear %h, %w2 : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// The second layer has no bias: the value of feature 1, tanh-gelu of 1.0, makes one.
et.weight @w1 : tensor<2x2xbf16> from [dense<[[1.0, 2.0], [-0.0, 0.0]]> : tensor<2x2xbf16>]
et.weight @b1 : tensor<2xbf16> from [dense<[1.0, 1.0]> : tensor<2xbf16>]
et.weight @w2 : tensor<1x2xbf16> from [dense<[[1.0, 2.0]]> : tensor<1x2xbf16>]

// CHECK:       et.weight @bias_pruned : tensor<1xbf16> from [dense<1.679690e+00>
// CHECK-LABEL: func.func @make_bias
// CHECK:       et.linear {{.*}} bias({{.*}} : tensor<1xbf16>) {{.*}} -> tensor<?x1xbf16>
// CHECK:       et.linear {{.*}} bias({{.*}} : tensor<1xbf16>) {{.*}} -> tensor<?x1xbf16>
func.func @make_bias(%x: tensor<?x2xbf16>) -> tensor<?x1xbf16> {
  %w1 = et.weight_ref @w1 : tensor<2x2xbf16>
  %b1 = et.weight_ref @b1 : tensor<2xbf16>
  %h = et.linear %x, %w1 bias(%b1 : tensor<2xbf16>) : (tensor<?x2xbf16>, tensor<2x2xbf16>) -> tensor<?x2xbf16>
  %g = et.gelu %h {approximate = #et.gelu<tanh>} : tensor<?x2xbf16>
  %w2 = et.weight_ref @w2 : tensor<1x2xbf16>
  %y = et.linear %g, %w2 : (tensor<?x2xbf16>, tensor<1x2xbf16>) -> tensor<?x1xbf16>
  return %y : tensor<?x1xbf16>
}

// -----

// What the op between makes of a constant is not known here: its other operand is an argument.
et.weight @w1 : tensor<2x2xf32> from [dense<[[1.0, 2.0], [0.0, 0.0]]> : tensor<2x2xf32>]
et.weight @w2 : tensor<1x2xf32> from [dense<[[1.0, 2.0]]> : tensor<1x2xf32>]

#id = affine_map<(d0, d1) -> (d0, d1)>
// REMARK:      FeaturesStay{{.*}}1 of them are constant, but of a value that is not known when compiling", Weight=w1, WeightBehind=w2
// CHECK-LABEL: func.func @no_remove_unknown_value
// CHECK:       et.linear {{.*}} -> tensor<?x2xf32>
func.func @no_remove_unknown_value(%x: tensor<?x2xf32>, %e: tensor<?x2xf32>, %s: f32) -> tensor<?x1xf32> {
  %w1 = et.weight_ref @w1 : tensor<2x2xf32>
  %h = et.linear %x, %w1 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %g = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h : tensor<?x2xf32>) outs(%e : tensor<?x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %sum = arith.addf %in, %s : f32
    linalg.yield %sum : f32
  } -> tensor<?x2xf32>
  %w2 = et.weight_ref @w2 : tensor<1x2xf32>
  %y = et.linear %g, %w2 : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A column of the last weight is zero, which leaves a feature before without readers: the second round finds it.
et.weight @w1 : tensor<2x2xf32> from [dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>]
et.weight @w2 : tensor<2x2xf32> from [dense<[[1.0, 0.0], [0.0, 5.0]]> : tensor<2x2xf32>]
et.weight @w3 : tensor<1x2xf32> from [dense<[[1.0, 0.0]]> : tensor<1x2xf32>]

// CHECK-LABEL: func.func @repeat
// CHECK:       et.linear {{.*}} -> tensor<?x1xf32>
// CHECK:       et.linear {{.*}} -> tensor<?x1xf32>
// CHECK:       et.linear {{.*}} -> tensor<?x1xf32>
func.func @repeat(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w1 = et.weight_ref @w1 : tensor<2x2xf32>
  %a = et.linear %x, %w1 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w2 = et.weight_ref @w2 : tensor<2x2xf32>
  %b = et.linear %a, %w2 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %w3 = et.weight_ref @w3 : tensor<1x2xf32>
  %y = et.linear %b, %w3 : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
