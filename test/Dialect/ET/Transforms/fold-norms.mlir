// RUN: et-opt %s --et-outline-weights --et-fold-norms --split-input-file | FileCheck %s
// RUN: et-opt %s --et-outline-weights --et-fold-norms --split-input-file --remarks-filter=et-fold-norms -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK

// gamma goes into the weight; its sums, and beta times the weight plus the bias, into vectors. The layer in front yields
// statistics of chunks.
// CHECK:       et.weight @[[C:.*]] : tensor<2xf32> from [dense<[2.250000e+01, 2.450000e+01]>
// CHECK:       et.weight @[[S:.*]] : tensor<2xf32> from [dense<3.200000e+01>
// CHECK:       et.weight @[[W:.*]] : tensor<2x32xf16> from [dense<1.000000e+00>
// CHECK-LABEL: func.func @layer_norm_then_linear
// CHECK:       %[[X:.*]] = et.linear
// CHECK-NEXT:  %[[CHUNKS:.*]] = et.chunk_stats %[[X]] : tensor<?x32xf16> -> tensor<?x1x2xf32>
// CHECK-NOT:   et.layer_norm
// CHECK:       %[[WREF:.*]] = et.weight_ref @[[W]]
// CHECK:       %[[SUMS:.*]] = et.linear %[[X]], %[[WREF]] : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf32>
// CHECK-NEXT:  %[[SCALE:.*]], %[[MEAN:.*]] = et.norm_stats %[[CHUNKS]] {eps = 9.99999974E-6 : f32, size = 32 : i64}
// CHECK-DAG:   %[[SREF:.*]] = et.weight_ref @[[S]]
// CHECK-DAG:   %[[CREF:.*]] = et.weight_ref @[[C]]
// CHECK:       linalg.generic {{.*}} ins(%[[SUMS]], %[[SCALE]], %[[MEAN]], %[[SREF]], %[[CREF]] :
// CHECK-NEXT:  ^bb0(%[[A:.*]]: f32, %[[R:.*]]: f32, %[[M:.*]]: f32, %[[T:.*]]: f32, %[[U:.*]]: f32, %{{.*}}: f16):
// CHECK-NEXT:    %[[N:.*]] = arith.negf %[[M]]
// CHECK-NEXT:    %[[D:.*]] = math.fma %[[N]], %[[T]], %[[A]]
// CHECK-NEXT:    %[[F:.*]] = math.fma %[[D]], %[[R]], %[[U]]
// CHECK-NEXT:    arith.truncf %[[F]]
// REMARK:      applied by the layers behind it
func.func @layer_norm_then_linear(%a: tensor<?x32xf16>) -> tensor<?x2xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %g = arith.constant dense<2.0> : tensor<32xf16>
  %b = arith.constant dense<1.0> : tensor<32xf16>
  %w = arith.constant dense<0.5> : tensor<2x32xf16>
  %bias = arith.constant dense<[6.5, 8.5]> : tensor<2xf16>
  %y = et.layer_norm %x gamma(%g : tensor<32xf16>) beta(%b : tensor<32xf16>) {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w bias(%bias : tensor<2xf16>) : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// An RMS norm has no mean, and without beta and bias there is nothing to add. Without gamma the weight stays.
// CHECK-LABEL: func.func @rms_norm_then_linear
// CHECK:       %[[X:.*]] = et.linear
// CHECK-NEXT:  et.chunk_stats %[[X]] : tensor<?x3x64xbf16> -> tensor<?x3x2x2xf32>
// CHECK:       %[[SUMS:.*]] = et.linear %[[X]], %{{.*}} : (tensor<?x3x64xbf16>, tensor<2x64xbf16>) -> tensor<?x3x2xf32>
// CHECK-NEXT:  %[[SCALE:.*]] = et.norm_stats %{{.*}} : tensor<?x3x2x2xf32> -> tensor<?x3xf32>
// CHECK:       linalg.generic {{.*}} ins(%[[SUMS]], %[[SCALE]] :
// CHECK:         arith.mulf
// CHECK-NEXT:    arith.truncf
func.func @rms_norm_then_linear(%a: tensor<?x3x64xbf16>) -> tensor<?x3x2xbf16> {
  %front = arith.constant dense<0.125> : tensor<64x64xbf16>
  %w = arith.constant dense<0.5> : tensor<2x64xbf16>
  %x = et.linear %a, %front : (tensor<?x3x64xbf16>, tensor<64x64xbf16>) -> tensor<?x3x64xbf16>
  %y = et.rms_norm %x {eps = 1.0e-5 : f32} : tensor<?x3x64xbf16> -> tensor<?x3x64xbf16>
  %z = et.linear %y, %w : (tensor<?x3x64xbf16>, tensor<2x64xbf16>) -> tensor<?x3x2xbf16>
  return %z : tensor<?x3x2xbf16>
}

// -----

// A post-norm block: the sum that is normalised is that of the layer in front, and the norm is applied where its result
// is added again. The last norm is the result of the function and stays, without its residual.
// CHECK-LABEL: func.func @post_norm
// CHECK-SAME:    %[[A:.*]]: tensor<?x32xf16>
// CHECK:       %[[O:.*]] = et.linear %[[A]]
// CHECK:       %[[RAW:.*]] = linalg.generic {{.*}} ins(%[[O]], %[[A]] :
// CHECK:         arith.addf
// CHECK:       et.chunk_stats %[[RAW]]
// CHECK:       %[[UP:.*]] = et.linear %[[RAW]], {{.*}} -> tensor<?x32xf32>
// CHECK-NEXT:  %[[SCALE:.*]], %[[MEAN:.*]] = et.norm_stats
// CHECK:       %[[H:.*]] = linalg.generic {{.*}} ins(%[[UP]], %[[SCALE]], %[[MEAN]],
// CHECK:       %[[DOWN:.*]] = et.linear %[[H]]
// CHECK:       %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[RAW]], %[[SCALE]], %[[MEAN]], %{{.*}}, %{{.*}}, %[[DOWN]] :
// CHECK:       et.layer_norm %[[SUM]] {eps
// REMARK:      applied by the layers behind it
// REMARK:      et.layer_norm runs as a launch of its own: its result is read by 'func.return', for which it has to be in memory
func.func @post_norm(%a: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %g = arith.constant dense<2.0> : tensor<32xf16>
  %b = arith.constant dense<1.0> : tensor<32xf16>
  %up = arith.constant dense<0.25> : tensor<32x32xf16>
  %down = arith.constant dense<0.5> : tensor<32x32xf16>
  %n = et.layer_norm %x gamma(%g : tensor<32xf16>) beta(%b : tensor<32xf16>) residual(%a : tensor<?x32xf16>) {eps = 1.0e-5 : f32}
    : tensor<?x32xf16> -> tensor<?x32xf16>
  %h = et.linear %n, %up : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %f = et.linear %h, %down : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %y = et.layer_norm %f residual(%n : tensor<?x32xf16>) {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  return %y : tensor<?x32xf16>
}

// -----

// A pre-norm block goes on with the sum itself.
// CHECK-LABEL: func.func @pre_norm
// CHECK:       %[[O:.*]] = et.linear
// CHECK:       %[[RAW:.*]] = linalg.generic {{.*}} ins(%[[O]], %{{.*}} :
// CHECK:       %[[UP:.*]] = et.linear %[[RAW]], {{.*}} -> tensor<?x32xf32>
// CHECK-NEXT:  et.norm_stats
// CHECK:       return %{{.*}}, %[[RAW]]
func.func @pre_norm(%a: tensor<?x32xf16>, %r: tensor<?x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf16>) {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %up = arith.constant dense<0.25> : tensor<32x32xf16>
  %n, %s = et.layer_norm %x residual(%r : tensor<?x32xf16>) {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>, tensor<?x32xf16>
  %h = et.linear %n, %up : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  return %h, %s : tensor<?x32xf16>, tensor<?x32xf16>
}

// -----

// Something reads the norm's result before the layer runs: the statistics come first.
// CHECK-LABEL: func.func @residual_comes_first
// CHECK:       et.linear
// CHECK:       et.chunk_stats
// CHECK:       et.norm_stats
// CHECK:       linalg.generic
// CHECK:       et.linear
func.func @residual_comes_first(%a: tensor<?x32xf16>, %e: tensor<?x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf16>) {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %w = arith.constant dense<0.5> : tensor<32x32xf16>
  %n = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%n : tensor<?x32xf16>) outs(%e : tensor<?x32xf16>) {
  ^bb0(%i: f16, %j: f16):
    %k = arith.addf %i, %i : f16
    linalg.yield %k : f16
  } -> tensor<?x32xf16>
  %h = et.linear %n, %w : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  return %s, %h : tensor<?x32xf16>, tensor<?x32xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_f32
// CHECK:       et.layer_norm
// REMARK:      et.layer_norm runs as a launch of its own: only layers of f16 and bf16 apply norms to their sums
func.func @no_fold_f32(%a: tensor<?x32xf32>) -> tensor<?x2xf32> {
  %front = arith.constant dense<0.125> : tensor<32x32xf32>
  %x = et.linear %a, %front : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32>
  %w = arith.constant dense<0.5> : tensor<2x32xf32>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x32xf32> -> tensor<?x32xf32>
  %z = et.linear %y, %w : (tensor<?x32xf32>, tensor<2x32xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func.func @no_fold_weight_is_an_argument
// CHECK:       et.layer_norm
// REMARK:      the weight of a layer behind it is not a constant
func.func @no_fold_weight_is_an_argument(%a: tensor<?x32xf16>, %w: tensor<2x32xf16>) -> tensor<?x2xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_gamma_is_an_argument
// CHECK:       et.layer_norm
// REMARK:      a vector of it, or of a layer behind it, is not a constant
func.func @no_fold_gamma_is_an_argument(%a: tensor<?x32xf16>, %g: tensor<32xf16>) -> tensor<?x2xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %w = arith.constant dense<0.5> : tensor<2x32xf16>
  %y = et.layer_norm %x gamma(%g : tensor<32xf16>) {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_encoded_weight
// CHECK:       et.layer_norm
// REMARK:      only dense weights of f16, bf16 and f32 are read
func.func @no_fold_encoded_weight(%a: tensor<?x32xf16>) -> tensor<?x4xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %w = arith.constant dense<0.5> : tensor<4x32xf16, #et.tile<4x4>>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<4x32xf16, #et.tile<4x4>>) -> tensor<?x4xf16>
  return %z : tensor<?x4xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_data_not_there
// CHECK:       et.layer_norm
// REMARK:      the data of resource 'later' is not there when compiling
func.func @no_fold_data_not_there(%a: tensor<?x32xf16>) -> tensor<?x2xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %w = arith.constant dense_resource<later> : tensor<2x32xf16>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_product_overflows
// CHECK:       et.layer_norm
// REMARK:      its gamma times the weight of a layer behind it leaves the range of f16
func.func @no_fold_product_overflows(%a: tensor<?x32xf16>) -> tensor<?x2xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %g = arith.constant dense<1000.0> : tensor<32xf16>
  %w = arith.constant dense<1000.0> : tensor<2x32xf16>
  %y = et.layer_norm %x gamma(%g : tensor<32xf16>) {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_product_is_subnormal
// CHECK:       et.layer_norm
// REMARK:      its gamma times the weight of a layer behind it leaves the range of f16
func.func @no_fold_product_is_subnormal(%a: tensor<?x32xf16>) -> tensor<?x2xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %g = arith.constant dense<0.001> : tensor<32xf16>
  %w = arith.constant dense<0.01> : tensor<2x32xf16>
  %y = et.layer_norm %x gamma(%g : tensor<32xf16>) {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_rows_are_an_argument
// CHECK:       et.layer_norm
// REMARK:      no linear layer yields the rows it normalises
func.func @no_fold_rows_are_an_argument(%x: tensor<?x32xf16>) -> tensor<?x2xf16> {
  %w = arith.constant dense<0.5> : tensor<2x32xf16>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_sum_of_two_arguments
// CHECK:       et.layer_norm
// REMARK:      no linear layer yields the rows it normalises
func.func @no_fold_sum_of_two_arguments(%x: tensor<?x32xf16>, %r: tensor<?x32xf16>) -> tensor<?x2xf16> {
  %w = arith.constant dense<0.5> : tensor<2x32xf16>
  %y = et.layer_norm %x residual(%r : tensor<?x32xf16>) {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_odd_rows
// CHECK:       et.layer_norm
// REMARK:      its rows are no multiple of 32 elements
func.func @no_fold_odd_rows(%a: tensor<?x40xf16>) -> tensor<?x2xf16> {
  %front = arith.constant dense<0.125> : tensor<40x40xf16>
  %x = et.linear %a, %front : (tensor<?x40xf16>, tensor<40x40xf16>) -> tensor<?x40xf16>
  %w = arith.constant dense<0.5> : tensor<2x40xf16>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x40xf16> -> tensor<?x40xf16>
  %z = et.linear %y, %w : (tensor<?x40xf16>, tensor<2x40xf16>) -> tensor<?x2xf16>
  return %z : tensor<?x2xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_result_is_viewed
// CHECK:       et.layer_norm
// REMARK:      its result is read by 'tensor.extract_slice', for which it has to be in memory
func.func @no_fold_result_is_viewed(%a: tensor<?x32xf16>) -> (tensor<?x2xf16>, tensor<1x32xf16>) {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %w = arith.constant dense<0.5> : tensor<2x32xf16>
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %z = et.linear %y, %w : (tensor<?x32xf16>, tensor<2x32xf16>) -> tensor<?x2xf16>
  %first = tensor.extract_slice %y[0, 0] [1, 32] [1, 1] : tensor<?x32xf16> to tensor<1x32xf16>
  return %z, %first : tensor<?x2xf16>, tensor<1x32xf16>
}

// -----

// CHECK-LABEL: func.func @no_fold_no_layer
// CHECK:       et.layer_norm
// REMARK:      no linear layer reads its result
func.func @no_fold_no_layer(%a: tensor<?x32xf16>, %e: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %front = arith.constant dense<0.125> : tensor<32x32xf16>
  %x = et.linear %a, %front : (tensor<?x32xf16>, tensor<32x32xf16>) -> tensor<?x32xf16>
  %n = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x32xf16> -> tensor<?x32xf16>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%n : tensor<?x32xf16>) outs(%e : tensor<?x32xf16>) {
  ^bb0(%i: f16, %j: f16):
    %k = arith.addf %i, %i : f16
    linalg.yield %k : f16
  } -> tensor<?x32xf16>
  return %s : tensor<?x32xf16>
}
