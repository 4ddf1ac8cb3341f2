// RUN: et-opt %s --et-outline-weights --et-fold-norms --split-input-file | FileCheck %s
// RUN: et-opt %s --et-outline-weights --et-fold-norms --split-input-file --remarks-filter=et-fold-norms -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK

// gamma goes into the weight; its sums, and beta times the weight plus the bias, into vectors.
// CHECK:       et.weight @[[C:.*]] : tensor<2xf32> from [dense<[8.500000e+00, 1.250000e+01]>
// CHECK:       et.weight @[[S:.*]] : tensor<2xf32> from [dense<[4.000000e+00, 8.000000e+00]>
// CHECK:       et.weight @[[W:.*]] : tensor<2x8xf16> from [dense<
// CHECK-SAME:    [1.000000e+00, 0.000000e+00, 1.000000e+00, 0.000000e+00, 1.000000e+00, 0.000000e+00, 1.000000e+00, 0.000000e+00]
// CHECK-SAME:    [1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00]
// CHECK-LABEL: func.func @layer_norm_then_linear
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf16>
// CHECK-NOT:   et.layer_norm
// CHECK:       %[[WREF:.*]] = et.weight_ref @[[W]]
// CHECK:       %[[SUMS:.*]] = et.linear %[[X]], %[[WREF]] : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf32>
// CHECK-NEXT:  %[[SCALE:.*]], %[[MEAN:.*]] = et.norm_stats %[[X]] {eps = 9.99999974E-6 : f32} : tensor<?x8xf16> -> tensor<?xf32>, tensor<?xf32>
// CHECK-DAG:   %[[SREF:.*]] = et.weight_ref @[[S]]
// CHECK-DAG:   %[[CREF:.*]] = et.weight_ref @[[C]]
// CHECK:       linalg.generic {{.*}} ins(%[[SUMS]], %[[SCALE]], %[[MEAN]], %[[SREF]], %[[CREF]] :
// CHECK-NEXT:  ^bb0(%[[A:.*]]: f32, %[[R:.*]]: f32, %[[M:.*]]: f32, %[[T:.*]]: f32, %[[U:.*]]: f32, %{{.*}}: f16):
// CHECK-NEXT:    %[[N:.*]] = arith.negf %[[M]]
// CHECK-NEXT:    %[[D:.*]] = math.fma %[[N]], %[[T]], %[[A]]
// CHECK-NEXT:    %[[F:.*]] = math.fma %[[D]], %[[R]], %[[U]]
// CHECK-NEXT:    arith.truncf %[[F]]
// REMARK:      fold-norms.mlir:[[#@LINE+10]]:{{.*}}applied by the layers behind it
func.func @layer_norm_then_linear(%x: tensor<?x8xf16>) -> tensor<?x2xf16> {
  // Every other element of gamma is 2, the others 0 for the first output.
  %g = arith.constant dense<2.0> : tensor<8xf16>
  %b = arith.constant dense<1.0> : tensor<8xf16>
  %w = arith.constant dense<[[0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]]> : tensor<2x8xf16>
  %bias = arith.constant dense<[6.5, 8.5]> : tensor<2xf16>



  %y = et.layer_norm %x gamma(%g : tensor<8xf16>) beta(%b : tensor<8xf16>) {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w bias(%bias : tensor<2xf16>) : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// An RMS norm has no mean, and without beta and bias there is nothing to add. Without gamma the weight stays.
// CHECK-LABEL: func.func @rms_norm_then_linear
// CHECK:       %[[W:.*]] = et.weight_ref @constant
// CHECK:       %[[SUMS:.*]] = et.linear %{{.*}}, %[[W]] : (tensor<?x3x8xbf16>, tensor<2x8xbf16>) -> tensor<?x3x2xf32>
// CHECK-NEXT:  %[[SCALE:.*]] = et.norm_stats %{{.*}} : tensor<?x3x8xbf16> -> tensor<?x3xf32>
// CHECK:       linalg.generic {{.*}} ins(%[[SUMS]], %[[SCALE]] :
// CHECK:         arith.mulf
// CHECK-NEXT:    arith.truncf
func.func @rms_norm_then_linear(%x: tensor<?x3x8xbf16>) -> tensor<?x3x2xbf16> {
  %w = arith.constant dense<0.5> : tensor<2x8xbf16>
  %y = et.rms_norm %x {eps = 1.0e-5 : f32} : tensor<?x3x8xbf16> -> tensor<?x3x8xbf16>
  %z = et.linear %y, %w : (tensor<?x3x8xbf16>, tensor<2x8xbf16>) -> tensor<?x3x2xbf16>
  return %z : tensor<?x3x2xbf16>
}

// -----

// A post-norm block: the sum that is normalised is that of the layer in front, and the norm is applied where its result
// is added again. The last norm is the result of the function and stays, without its residual.
// CHECK-LABEL: func.func @post_norm
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf16>
// CHECK:       %[[O:.*]] = et.linear %[[X]]
// CHECK:       %[[RAW:.*]] = linalg.generic {{.*}} ins(%[[O]], %[[X]] :
// CHECK:         arith.addf
// CHECK:       %[[UP:.*]] = et.linear %[[RAW]], {{.*}} -> tensor<?x8xf32>
// CHECK-NEXT:  %[[SCALE:.*]], %[[MEAN:.*]] = et.norm_stats %[[RAW]]
// CHECK:       %[[H:.*]] = linalg.generic {{.*}} ins(%[[UP]], %[[SCALE]], %[[MEAN]],
// CHECK:       %[[DOWN:.*]] = et.linear %[[H]]
// CHECK:       %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[RAW]], %[[SCALE]], %[[MEAN]], %{{.*}}, %{{.*}}, %[[DOWN]] :
// CHECK:       et.layer_norm %[[SUM]] {eps
// REMARK:      fold-norms.mlir:[[#@LINE+9]]:{{.*}}applied by the layers behind it
// REMARK:      fold-norms.mlir:[[#@LINE+12]]:{{.*}}et.layer_norm runs as a launch of its own: its result is read by 'func.return', for which it has to be in memory
func.func @post_norm(%x: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %g = arith.constant dense<2.0> : tensor<8xf16>
  %b = arith.constant dense<1.0> : tensor<8xf16>
  %w = arith.constant dense<0.5> : tensor<8x8xf16>
  %up = arith.constant dense<0.25> : tensor<8x8xf16>
  %down = arith.constant dense<0.125> : tensor<8x8xf16>
  %o = et.linear %x, %w : (tensor<?x8xf16>, tensor<8x8xf16>) -> tensor<?x8xf16>
  %n = et.layer_norm %o gamma(%g : tensor<8xf16>) beta(%b : tensor<8xf16>) residual(%x : tensor<?x8xf16>) {eps = 1.0e-5 : f32}
    : tensor<?x8xf16> -> tensor<?x8xf16>
  %h = et.linear %n, %up : (tensor<?x8xf16>, tensor<8x8xf16>) -> tensor<?x8xf16>
  %f = et.linear %h, %down : (tensor<?x8xf16>, tensor<8x8xf16>) -> tensor<?x8xf16>
  %y = et.layer_norm %f residual(%n : tensor<?x8xf16>) {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  return %y : tensor<?x8xf16>
}

// -----

// A pre-norm block goes on with the sum itself.
// CHECK-LABEL: func.func @pre_norm
// CHECK:       %[[O:.*]] = et.linear
// CHECK:       %[[RAW:.*]] = linalg.generic {{.*}} ins(%[[O]], %{{.*}} :
// CHECK:       %[[UP:.*]] = et.linear %[[RAW]], {{.*}} -> tensor<?x8xf32>
// CHECK-NEXT:  et.norm_stats %[[RAW]]
// CHECK:       return %{{.*}}, %[[RAW]]
func.func @pre_norm(%x: tensor<?x8xf16>, %r: tensor<?x8xf16>) -> (tensor<?x8xf16>, tensor<?x8xf16>) {
  %w = arith.constant dense<0.5> : tensor<8x8xf16>
  %up = arith.constant dense<0.25> : tensor<8x8xf16>
  %o = et.linear %x, %w : (tensor<?x8xf16>, tensor<8x8xf16>) -> tensor<?x8xf16>
  %n, %s = et.layer_norm %o residual(%r : tensor<?x8xf16>) {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>, tensor<?x8xf16>
  %h = et.linear %n, %up : (tensor<?x8xf16>, tensor<8x8xf16>) -> tensor<?x8xf16>
  return %h, %s : tensor<?x8xf16>, tensor<?x8xf16>
}

// -----

// Something adds the norm's result before the layer runs: the statistics come first.
// CHECK-LABEL: func.func @residual_comes_first
// CHECK:       et.norm_stats
// CHECK:       linalg.generic
// CHECK:       et.linear
func.func @residual_comes_first(%x: tensor<?x8xf16>, %e: tensor<?x8xf16>) -> (tensor<?x8xf16>, tensor<?x8xf16>) {
  %w = arith.constant dense<0.5> : tensor<8x8xf16>
  %n = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%n : tensor<?x8xf16>) outs(%e : tensor<?x8xf16>) {
  ^bb0(%a: f16, %b: f16):
    %r = arith.addf %a, %a : f16
    linalg.yield %r : f16
  } -> tensor<?x8xf16>
  %h = et.linear %n, %w : (tensor<?x8xf16>, tensor<8x8xf16>) -> tensor<?x8xf16>
  return %s, %h : tensor<?x8xf16>, tensor<?x8xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_f32
// CHECK:       et.layer_norm
// REMARK:      et.layer_norm runs as a launch of its own: only layers of f16 and bf16 apply norms to their sums
func.func @no_fold_f32(%x: tensor<?x8xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<0.5> : tensor<2x8xf32>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  %z = et.linear %y, %w : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func.func @no_fold_weight_is_an_argument
// CHECK:       et.layer_norm
// REMARK:      the weight of a layer behind it is not a constant
func.func @no_fold_weight_is_an_argument(%x: tensor<?x8xf16>, %w: tensor<2x8xf16>) -> tensor<?x2xf16> {
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_gamma_is_an_argument
// CHECK:       et.layer_norm
// REMARK:      a vector of it, or of a layer behind it, is not a constant
func.func @no_fold_gamma_is_an_argument(%x: tensor<?x8xf16>, %g: tensor<8xf16>) -> tensor<?x2xf16> {
  %w = arith.constant dense<0.5> : tensor<2x8xf16>
  %y = et.layer_norm %x gamma(%g : tensor<8xf16>) {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_encoded_weight
// CHECK:       et.layer_norm
// REMARK:      only dense weights of f16, bf16 and f32 are read
func.func @no_fold_encoded_weight(%x: tensor<?x8xf16>) -> tensor<?x4xf16> {
  %w = arith.constant dense<0.5> : tensor<4x8xf16, #et.tile<4x4>>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w : (tensor<?x8xf16>, tensor<4x8xf16, #et.tile<4x4>>) -> tensor<?x4xf16>
  return %z : tensor<?x4xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_data_not_there
// CHECK:       et.layer_norm
// REMARK:      the data of resource 'later' is not there when compiling
func.func @no_fold_data_not_there(%x: tensor<?x8xf16>) -> tensor<?x2xf16> {
  %w = arith.constant dense_resource<later> : tensor<2x8xf16>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_product_overflows
// CHECK:       et.layer_norm
// REMARK:      its gamma times the weight of a layer behind it leaves the range of f16
func.func @no_fold_product_overflows(%x: tensor<?x8xf16>) -> tensor<?x2xf16> {
  %g = arith.constant dense<1000.0> : tensor<8xf16>
  %w = arith.constant dense<1000.0> : tensor<2x8xf16>
  %y = et.layer_norm %x gamma(%g : tensor<8xf16>) {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_product_is_subnormal
// CHECK:       et.layer_norm
// REMARK:      its gamma times the weight of a layer behind it leaves the range of f16
func.func @no_fold_product_is_subnormal(%x: tensor<?x8xf16>) -> tensor<?x2xf16> {
  %g = arith.constant dense<0.001> : tensor<8xf16>
  %w = arith.constant dense<0.01> : tensor<2x8xf16>
  %y = et.layer_norm %x gamma(%g : tensor<8xf16>) {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_sum_of_two_arguments
// CHECK:       et.layer_norm {{.*}} residual(
// REMARK:      no kernel yields one of the values whose sum it normalises
func.func @no_fold_sum_of_two_arguments(%x: tensor<?x8xf16>, %r: tensor<?x8xf16>) -> tensor<?x2xf16> {
  %w = arith.constant dense<0.5> : tensor<2x8xf16>
  %y = et.layer_norm %x residual(%r : tensor<?x8xf16>) {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_result_is_viewed
// CHECK:       et.layer_norm
// REMARK:      its result is read by 'tensor.extract_slice', for which it has to be in memory
func.func @no_fold_result_is_viewed(%x: tensor<?x8xf16>) -> (tensor<?x2xf16>, tensor<1x8xf16>) {
  %w = arith.constant dense<0.5> : tensor<2x8xf16>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %z = et.linear %y, %w : (tensor<?x8xf16>, tensor<2x8xf16>) -> tensor<?x2xf16>
  %first = tensor.extract_slice %y[0, 0] [1, 8] [1, 1] : tensor<?x8xf16> to tensor<1x8xf16>
  return %z, %first : tensor<?x2xf16>, tensor<1x8xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_no_layer
// CHECK:       et.layer_norm
// REMARK:      no linear layer reads its result
func.func @no_fold_no_layer(%x: tensor<?x8xf16>, %e: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %n = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf16> -> tensor<?x8xf16>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%n : tensor<?x8xf16>) outs(%e : tensor<?x8xf16>) {
  ^bb0(%a: f16, %b: f16):
    %r = arith.addf %a, %a : f16
    linalg.yield %r : f16
  } -> tensor<?x8xf16>
  return %s : tensor<?x8xf16>
}
