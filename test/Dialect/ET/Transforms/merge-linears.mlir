// RUN: et-opt %s --et-merge-linears --split-input-file | FileCheck %s

et.weight @q : tensor<8x4xf32> from [dense<1.0> : tensor<8x4xf32>]
et.weight @k : tensor<3x4xf32> from [dense<2.0> : tensor<3x4xf32>]
et.weight @bq : tensor<8xf32> from [dense<3.0> : tensor<8xf32>]
et.weight @bk : tensor<3xf32> from [dense<4.0> : tensor<3xf32>]

// CHECK-DAG:   et.weight @"q|k" : tensor<11x4xf32> from [dense<1.000000e+00> : tensor<8x4xf32>, dense<2.000000e+00> : tensor<3x4xf32>]
// CHECK-DAG:   et.weight @"bq|bk" : tensor<11xf32> from [dense<3.000000e+00> : tensor<8xf32>, dense<4.000000e+00> : tensor<3xf32>]
// CHECK-LABEL: func.func @merge_with_bias
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x4xf32>
// CHECK-DAG:   %[[W:.*]] = et.weight_ref @"q|k"
// CHECK-DAG:   %[[B:.*]] = et.weight_ref @"bq|bk"
// CHECK:       %[[Y:.*]] = et.linear %[[X]], %[[W]] bias(%[[B]] : tensor<11xf32>)
// CHECK-DAG:   %[[Q:.*]] = tensor.extract_slice %[[Y]][0, 0, 0] [%{{.*}}, %{{.*}}, 8] [1, 1, 1] : tensor<?x?x11xf32> to tensor<?x?x8xf32>
// CHECK-DAG:   %[[K:.*]] = tensor.extract_slice %[[Y]][0, 0, 8] [%{{.*}}, %{{.*}}, 3] [1, 1, 1] : tensor<?x?x11xf32> to tensor<?x?x3xf32>
// CHECK:       return %[[Q]], %[[K]]
func.func @merge_with_bias(%x: tensor<?x?x4xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x3xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %bq = et.weight_ref @bq : tensor<8xf32>
  %q = et.linear %x, %wq bias(%bq : tensor<8xf32>) : (tensor<?x?x4xf32>, tensor<8x4xf32>) -> tensor<?x?x8xf32>
  %wk = et.weight_ref @k : tensor<3x4xf32>
  %bk = et.weight_ref @bk : tensor<3xf32>
  %k = et.linear %x, %wk bias(%bk : tensor<3xf32>) : (tensor<?x?x4xf32>, tensor<3x4xf32>) -> tensor<?x?x3xf32>
  return %q, %k : tensor<?x?x8xf32>, tensor<?x?x3xf32>
}

// The layer stands where the first one stood: before what reads it.
// CHECK-LABEL: func.func @merge_around_a_use
// CHECK:       et.linear {{.*}} -> tensor<11xf32>
// CHECK:       et.gelu
// CHECK-NOT:   et.linear
func.func @merge_around_a_use(%x: tensor<4xf32>) -> (tensor<8xf32>, tensor<3xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %q = et.linear %x, %wq : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %g = et.gelu %q : tensor<8xf32>
  %wk = et.weight_ref @k : tensor<3x4xf32>
  %k = et.linear %x, %wk : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %g, %k : tensor<8xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @no_merge_one_layer
// CHECK:       et.weight_ref @q
func.func @no_merge_one_layer(%x: tensor<4xf32>) -> tensor<8xf32> {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %q = et.linear %x, %wq : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  return %q : tensor<8xf32>
}

// CHECK-LABEL: func.func @no_merge_other_input
// CHECK-COUNT-2: et.linear
func.func @no_merge_other_input(%x: tensor<4xf32>, %z: tensor<4xf32>) -> (tensor<8xf32>, tensor<3xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %q = et.linear %x, %wq : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %wk = et.weight_ref @k : tensor<3x4xf32>
  %k = et.linear %z, %wk : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %q, %k : tensor<8xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @no_merge_bias_on_one
// CHECK-COUNT-2: et.linear
func.func @no_merge_bias_on_one(%x: tensor<4xf32>) -> (tensor<8xf32>, tensor<3xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %bq = et.weight_ref @bq : tensor<8xf32>
  %q = et.linear %x, %wq bias(%bq : tensor<8xf32>) : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %wk = et.weight_ref @k : tensor<3x4xf32>
  %k = et.linear %x, %wk : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %q, %k : tensor<8xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @no_merge_weight_used_twice
// CHECK-COUNT-2: et.linear
func.func @no_merge_weight_used_twice(%x: tensor<4xf32>) -> (tensor<8xf32>, tensor<3xf32>, tensor<8x4xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %q = et.linear %x, %wq : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %wk = et.weight_ref @k : tensor<3x4xf32>
  %k = et.linear %x, %wk : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %q, %k, %wq : tensor<8xf32>, tensor<3xf32>, tensor<8x4xf32>
}

// CHECK-LABEL: func.func @no_merge_weight_is_an_argument
// CHECK-COUNT-2: et.linear
func.func @no_merge_weight_is_an_argument(%x: tensor<4xf32>, %wq: tensor<8x4xf32>, %wk: tensor<3x4xf32>) -> (tensor<8xf32>, tensor<3xf32>) {
  %q = et.linear %x, %wq : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %k = et.linear %x, %wk : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %q, %k : tensor<8xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @no_merge_bias_is_an_argument
// CHECK-COUNT-2: et.linear
func.func @no_merge_bias_is_an_argument(%x: tensor<4xf32>, %bq: tensor<8xf32>, %bk: tensor<3xf32>) -> (tensor<8xf32>, tensor<3xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %q = et.linear %x, %wq bias(%bq : tensor<8xf32>) : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %wk = et.weight_ref @k : tensor<3x4xf32>
  %k = et.linear %x, %wk bias(%bk : tensor<3xf32>) : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %q, %k : tensor<8xf32>, tensor<3xf32>
}

// -----

et.weight @q : tensor<8x4xf32> from [dense<1.0> : tensor<8x4xf32>]
et.weight @k : tensor<3x4xf32> from [dense<2.0> : tensor<3x4xf32>]
et.weight @h : tensor<3x4xf16> from [dense<2.0> : tensor<3x4xf16>]
et.weight @t : tensor<3x4xf32, #et.tile<1x2>> from [dense<2.0> : tensor<3x4xf32>]
et.weight @bq : tensor<8xf32> from [dense<3.0> : tensor<8xf32>]
et.weight @bh : tensor<3xf16> from [dense<4.0> : tensor<3xf16>]

// CHECK-LABEL: func.func @no_merge_weights_of_two_types
// CHECK-COUNT-2: et.linear
func.func @no_merge_weights_of_two_types(%x: tensor<4xf32>) -> (tensor<8xf32>, tensor<3xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %q = et.linear %x, %wq : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %wk = et.weight_ref @h : tensor<3x4xf16>
  %k = et.linear %x, %wk : (tensor<4xf32>, tensor<3x4xf16>) -> tensor<3xf32>
  return %q, %k : tensor<8xf32>, tensor<3xf32>
}

// Joined biases would be of one type.
// CHECK-LABEL: func.func @no_merge_biases_of_two_types
// CHECK-COUNT-2: et.linear
func.func @no_merge_biases_of_two_types(%x: tensor<4xf32>) -> (tensor<8xf32>, tensor<3xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %bq = et.weight_ref @bq : tensor<8xf32>
  %q = et.linear %x, %wq bias(%bq : tensor<8xf32>) : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %wk = et.weight_ref @k : tensor<3x4xf32>
  %bk = et.weight_ref @bh : tensor<3xf16>
  %k = et.linear %x, %wk bias(%bk : tensor<3xf16>) : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %q, %k : tensor<8xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @no_merge_tiled_weight
// CHECK-COUNT-2: et.linear
func.func @no_merge_tiled_weight(%x: tensor<4xf32>) -> (tensor<8xf32>, tensor<3xf32>) {
  %wq = et.weight_ref @q : tensor<8x4xf32>
  %q = et.linear %x, %wq : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8xf32>
  %wk = et.weight_ref @t : tensor<3x4xf32, #et.tile<1x2>>
  %k = et.linear %x, %wk : (tensor<4xf32>, tensor<3x4xf32, #et.tile<1x2>>) -> tensor<3xf32>
  return %q, %k : tensor<8xf32>, tensor<3xf32>
}
