// Emitted by torch-mlir 20261001 (PyPI; Apache-2.0 WITH LLVM-exception) with output_type="linalg-on-tensors" from a
// PyTorch 2.13 module of ours, weights as arguments; see Inputs/torch-mlir.py.
// RUN: et-opt %s --et-raise-all | FileCheck %s
// RUN: %python %S/../Inputs/compare.py %s --opt=et-opt --runner="%run_main" --lower="%upstream_to_llvm"
// CHECK-LABEL: func.func @bert_layer(
// CHECK-COUNT-3: et.linear
// CHECK: et.attention
// CHECK: et.linear
// CHECK: arith.addf
// CHECK: et.layer_norm
// CHECK-NOT: linalg
// CHECK: et.linear
// CHECK: et.gelu
// CHECK: et.linear
// CHECK: arith.addf
// CHECK: et.layer_norm

#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d1)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map3 = affine_map<(d0, d1, d2, d3) -> (d0, 0, 0, d3)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map5 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
#map6 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map7 = affine_map<(d0, d1, d2) -> (d0, d1, 0)>
#map8 = affine_map<(d0, d1, d2) -> (d2)>
module {
  func.func @bert_layer(%arg0: tensor<32x32xf32>, %arg1: tensor<32xf32>, %arg2: tensor<32x32xf32>, %arg3: tensor<32xf32>, %arg4: tensor<32x32xf32>, %arg5: tensor<32xf32>, %arg6: tensor<32x32xf32>, %arg7: tensor<32xf32>, %arg8: tensor<32xf32>, %arg9: tensor<32xf32>, %arg10: tensor<128x32xf32>, %arg11: tensor<128xf32>, %arg12: tensor<32x128xf32>, %arg13: tensor<32xf32>, %arg14: tensor<32xf32>, %arg15: tensor<32xf32>, %arg16: tensor<2x16x32xf32>, %arg17: tensor<2x1x1x16xf32>) -> tensor<2x16x32xf32> {
    %cst = arith.constant 0.000000e+00 : f32
    %c0_i64 = arith.constant 0 : i64
    %cst_0 = arith.constant 0xFF800000 : f32
    %cst_1 = arith.constant 0.000000e+00 : f64
    %cst_2 = arith.constant 1.000000e+00 : f32
    %cst_3 = arith.constant 5.000000e-01 : f32
    %cst_4 = arith.constant 9.9999999999999998E-13 : f64
    %cst_5 = arith.constant 2.8284271247461903 : f64
    %cst_6 = arith.constant 3.200000e+01 : f64
    %cst_7 = arith.constant 3.200000e+01 : f32
    %cst_8 = arith.constant 1.41421354 : f32
    %collapsed = tensor.collapse_shape %arg16 [[0, 1], [2]] : tensor<2x16x32xf32> into tensor<32x32xf32>
    %0 = tensor.empty() : tensor<32x32xf32>
    %transposed = linalg.transpose ins(%arg0 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %2 = linalg.matmul ins(%collapsed, %transposed : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%2, %arg1 : tensor<32x32xf32>, tensor<32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<32x32xf32>
    %expanded = tensor.expand_shape %3 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %4 = tensor.empty() : tensor<2x4x16x8xf32>
    %transposed_9 = linalg.transpose ins(%expanded : tensor<2x16x4x8xf32>) outs(%4 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %transposed_10 = linalg.transpose ins(%arg2 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %5 = linalg.matmul ins(%collapsed, %transposed_10 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %6 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%5, %arg3 : tensor<32x32xf32>, tensor<32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<32x32xf32>
    %expanded_11 = tensor.expand_shape %6 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %transposed_12 = linalg.transpose ins(%arg4 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %7 = linalg.matmul ins(%collapsed, %transposed_12 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %8 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%7, %arg5 : tensor<32x32xf32>, tensor<32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<32x32xf32>
    %expanded_13 = tensor.expand_shape %8 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %transposed_14 = linalg.transpose ins(%expanded_13 : tensor<2x16x4x8xf32>) outs(%4 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %9 = tensor.empty() : tensor<2x4x8x16xf32>
    %transposed_15 = linalg.transpose ins(%expanded_11 : tensor<2x16x4x8xf32>) outs(%9 : tensor<2x4x8x16xf32>) permutation = [0, 2, 3, 1] 
    %collapsed_16 = tensor.collapse_shape %transposed_9 [[0, 1], [2], [3]] : tensor<2x4x16x8xf32> into tensor<8x16x8xf32>
    %collapsed_17 = tensor.collapse_shape %transposed_15 [[0, 1], [2], [3]] : tensor<2x4x8x16xf32> into tensor<8x8x16xf32>
    %10 = tensor.empty() : tensor<8x16x16xf32>
    %11 = linalg.fill ins(%cst : f32) outs(%10 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %12 = linalg.batch_matmul ins(%collapsed_16, %collapsed_17 : tensor<8x16x8xf32>, tensor<8x8x16xf32>) outs(%11 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %expanded_18 = tensor.expand_shape %12 [[0, 1], [2], [3]] output_shape [2, 4, 16, 16] : tensor<8x16x16xf32> into tensor<2x4x16x16xf32>
    %13 = tensor.empty() : tensor<2x4x16x16xf32>
    %14 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_18 : tensor<2x4x16x16xf32>) outs(%13 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.truncf %cst_5 : f64 to f32
      %83 = arith.divf %in, %82 : f32
      linalg.yield %83 : f32
    } -> tensor<2x4x16x16xf32>
    %15 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%14, %arg17 : tensor<2x4x16x16xf32>, tensor<2x1x1x16xf32>) outs(%13 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x4x16x16xf32>
    %16 = tensor.empty() : tensor<2x4x16xi64>
    %17 = linalg.fill ins(%c0_i64 : i64) outs(%16 : tensor<2x4x16xi64>) -> tensor<2x4x16xi64>
    %18 = tensor.empty() : tensor<2x4x16xf32>
    %19 = linalg.fill ins(%cst_0 : f32) outs(%18 : tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
    %20:2 = linalg.generic {indexing_maps = [#map2, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%15 : tensor<2x4x16x16xf32>) outs(%19, %17 : tensor<2x4x16xf32>, tensor<2x4x16xi64>) {
    ^bb0(%in: f32, %out: f32, %out_33: i64):
      %82 = linalg.index 3 : index
      %83 = arith.index_cast %82 : index to i64
      %84 = arith.maximumf %in, %out : f32
      %85 = arith.cmpf ogt, %in, %out : f32
      %86 = arith.select %85, %83, %out_33 : i64
      linalg.yield %84, %86 : f32, i64
    } -> (tensor<2x4x16xf32>, tensor<2x4x16xi64>)
    %expanded_19 = tensor.expand_shape %20#0 [[0], [1], [2, 3]] output_shape [2, 4, 16, 1] : tensor<2x4x16xf32> into tensor<2x4x16x1xf32>
    %21 = linalg.generic {indexing_maps = [#map2, #map5, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%15, %expanded_19 : tensor<2x4x16x16xf32>, tensor<2x4x16x1xf32>) outs(%13 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.subf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x4x16x16xf32>
    %22 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%21 : tensor<2x4x16x16xf32>) outs(%13 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = math.exp %in : f32
      linalg.yield %82 : f32
    } -> tensor<2x4x16x16xf32>
    %23 = tensor.empty() : tensor<2x4x16x1xf32>
    %24 = linalg.fill ins(%cst : f32) outs(%23 : tensor<2x4x16x1xf32>) -> tensor<2x4x16x1xf32>
    %25 = linalg.generic {indexing_maps = [#map2, #map5], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%22 : tensor<2x4x16x16xf32>) outs(%24 : tensor<2x4x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.addf %in, %out : f32
      linalg.yield %82 : f32
    } -> tensor<2x4x16x1xf32>
    %26 = linalg.generic {indexing_maps = [#map2, #map5, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%22, %25 : tensor<2x4x16x16xf32>, tensor<2x4x16x1xf32>) outs(%13 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.divf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x4x16x16xf32>
    %collapsed_20 = tensor.collapse_shape %26 [[0, 1], [2], [3]] : tensor<2x4x16x16xf32> into tensor<8x16x16xf32>
    %collapsed_21 = tensor.collapse_shape %transposed_14 [[0, 1], [2], [3]] : tensor<2x4x16x8xf32> into tensor<8x16x8xf32>
    %27 = tensor.empty() : tensor<8x16x8xf32>
    %28 = linalg.fill ins(%cst : f32) outs(%27 : tensor<8x16x8xf32>) -> tensor<8x16x8xf32>
    %29 = linalg.batch_matmul ins(%collapsed_20, %collapsed_21 : tensor<8x16x16xf32>, tensor<8x16x8xf32>) outs(%28 : tensor<8x16x8xf32>) -> tensor<8x16x8xf32>
    %expanded_22 = tensor.expand_shape %29 [[0, 1], [2], [3]] output_shape [2, 4, 16, 8] : tensor<8x16x8xf32> into tensor<2x4x16x8xf32>
    %30 = tensor.empty() : tensor<2x16x4x8xf32>
    %transposed_23 = linalg.transpose ins(%expanded_22 : tensor<2x4x16x8xf32>) outs(%30 : tensor<2x16x4x8xf32>) permutation = [0, 2, 1, 3] 
    %collapsed_24 = tensor.collapse_shape %transposed_23 [[0, 1], [2, 3]] : tensor<2x16x4x8xf32> into tensor<32x32xf32>
    %transposed_25 = linalg.transpose ins(%arg6 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %31 = linalg.matmul ins(%collapsed_24, %transposed_25 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %32 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%31, %arg7 : tensor<32x32xf32>, tensor<32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<32x32xf32>
    %expanded_26 = tensor.expand_shape %32 [[0, 1], [2]] output_shape [2, 16, 32] : tensor<32x32xf32> into tensor<2x16x32xf32>
    %33 = tensor.empty() : tensor<2x16x32xf32>
    %34 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg16, %expanded_26 : tensor<2x16x32xf32>, tensor<2x16x32xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %35 = tensor.empty() : tensor<2x16x32xf64>
    %36 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%34 : tensor<2x16x32xf32>) outs(%35 : tensor<2x16x32xf64>) {
    ^bb0(%in: f32, %out: f64):
      %82 = arith.extf %in : f32 to f64
      linalg.yield %82 : f64
    } -> tensor<2x16x32xf64>
    %37 = tensor.empty() : tensor<2x16x1xf64>
    %38 = linalg.fill ins(%cst_1 : f64) outs(%37 : tensor<2x16x1xf64>) -> tensor<2x16x1xf64>
    %39 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%36 : tensor<2x16x32xf64>) outs(%38 : tensor<2x16x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %82 = arith.addf %in, %out : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x1xf64>
    %40 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%39 : tensor<2x16x1xf64>) outs(%37 : tensor<2x16x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %82 = arith.divf %in, %cst_6 : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x1xf64>
    %41 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%36, %40 : tensor<2x16x32xf64>, tensor<2x16x1xf64>) outs(%35 : tensor<2x16x32xf64>) {
    ^bb0(%in: f64, %in_33: f64, %out: f64):
      %82 = arith.subf %in, %in_33 : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x32xf64>
    %42 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%41, %41 : tensor<2x16x32xf64>, tensor<2x16x32xf64>) outs(%35 : tensor<2x16x32xf64>) {
    ^bb0(%in: f64, %in_33: f64, %out: f64):
      %82 = arith.mulf %in, %in_33 : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x32xf64>
    %43 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%42 : tensor<2x16x32xf64>) outs(%38 : tensor<2x16x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %82 = arith.addf %in, %out : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x1xf64>
    %44 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%43 : tensor<2x16x1xf64>) outs(%37 : tensor<2x16x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %82 = arith.divf %in, %cst_6 : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x1xf64>
    %45 = tensor.empty() : tensor<2x16x1xf32>
    %46 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%44 : tensor<2x16x1xf64>) outs(%45 : tensor<2x16x1xf32>) {
    ^bb0(%in: f64, %out: f32):
      %82 = arith.truncf %in : f64 to f32
      linalg.yield %82 : f32
    } -> tensor<2x16x1xf32>
    %47 = linalg.fill ins(%cst : f32) outs(%45 : tensor<2x16x1xf32>) -> tensor<2x16x1xf32>
    %48 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%34 : tensor<2x16x32xf32>) outs(%47 : tensor<2x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.addf %in, %out : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x1xf32>
    %49 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%48 : tensor<2x16x1xf32>) outs(%45 : tensor<2x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.divf %in, %cst_7 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x1xf32>
    %50 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%46 : tensor<2x16x1xf32>) outs(%45 : tensor<2x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.truncf %cst_4 : f64 to f32
      %83 = arith.addf %in, %82 : f32
      linalg.yield %83 : f32
    } -> tensor<2x16x1xf32>
    %51 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%50 : tensor<2x16x1xf32>) outs(%45 : tensor<2x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = math.rsqrt %in : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x1xf32>
    %52 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%34, %49 : tensor<2x16x32xf32>, tensor<2x16x1xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.subf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %53 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%52, %51 : tensor<2x16x32xf32>, tensor<2x16x1xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.mulf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %54 = linalg.generic {indexing_maps = [#map6, #map8, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%53, %arg8 : tensor<2x16x32xf32>, tensor<32xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.mulf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %55 = linalg.generic {indexing_maps = [#map6, #map8, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%54, %arg9 : tensor<2x16x32xf32>, tensor<32xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %collapsed_27 = tensor.collapse_shape %55 [[0, 1], [2]] : tensor<2x16x32xf32> into tensor<32x32xf32>
    %56 = tensor.empty() : tensor<32x128xf32>
    %transposed_28 = linalg.transpose ins(%arg10 : tensor<128x32xf32>) outs(%56 : tensor<32x128xf32>) permutation = [1, 0] 
    %57 = linalg.fill ins(%cst : f32) outs(%56 : tensor<32x128xf32>) -> tensor<32x128xf32>
    %58 = linalg.matmul ins(%collapsed_27, %transposed_28 : tensor<32x32xf32>, tensor<32x128xf32>) outs(%57 : tensor<32x128xf32>) -> tensor<32x128xf32>
    %59 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%58, %arg11 : tensor<32x128xf32>, tensor<128xf32>) outs(%56 : tensor<32x128xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<32x128xf32>
    %expanded_29 = tensor.expand_shape %59 [[0, 1], [2]] output_shape [2, 16, 128] : tensor<32x128xf32> into tensor<2x16x128xf32>
    %60 = tensor.empty() : tensor<2x16x128xf32>
    %61 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_29 : tensor<2x16x128xf32>) outs(%60 : tensor<2x16x128xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.divf %in, %cst_8 : f32
      %83 = math.erf %82 : f32
      %84 = arith.addf %83, %cst_2 : f32
      %85 = arith.mulf %84, %cst_3 : f32
      %86 = arith.mulf %in, %85 : f32
      linalg.yield %86 : f32
    } -> tensor<2x16x128xf32>
    %collapsed_30 = tensor.collapse_shape %61 [[0, 1], [2]] : tensor<2x16x128xf32> into tensor<32x128xf32>
    %62 = tensor.empty() : tensor<128x32xf32>
    %transposed_31 = linalg.transpose ins(%arg12 : tensor<32x128xf32>) outs(%62 : tensor<128x32xf32>) permutation = [1, 0] 
    %63 = linalg.matmul ins(%collapsed_30, %transposed_31 : tensor<32x128xf32>, tensor<128x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %64 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%63, %arg13 : tensor<32x32xf32>, tensor<32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<32x32xf32>
    %expanded_32 = tensor.expand_shape %64 [[0, 1], [2]] output_shape [2, 16, 32] : tensor<32x32xf32> into tensor<2x16x32xf32>
    %65 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%55, %expanded_32 : tensor<2x16x32xf32>, tensor<2x16x32xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %66 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%65 : tensor<2x16x32xf32>) outs(%35 : tensor<2x16x32xf64>) {
    ^bb0(%in: f32, %out: f64):
      %82 = arith.extf %in : f32 to f64
      linalg.yield %82 : f64
    } -> tensor<2x16x32xf64>
    %67 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%66 : tensor<2x16x32xf64>) outs(%38 : tensor<2x16x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %82 = arith.addf %in, %out : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x1xf64>
    %68 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%67 : tensor<2x16x1xf64>) outs(%37 : tensor<2x16x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %82 = arith.divf %in, %cst_6 : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x1xf64>
    %69 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%66, %68 : tensor<2x16x32xf64>, tensor<2x16x1xf64>) outs(%35 : tensor<2x16x32xf64>) {
    ^bb0(%in: f64, %in_33: f64, %out: f64):
      %82 = arith.subf %in, %in_33 : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x32xf64>
    %70 = linalg.generic {indexing_maps = [#map6, #map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%69, %69 : tensor<2x16x32xf64>, tensor<2x16x32xf64>) outs(%35 : tensor<2x16x32xf64>) {
    ^bb0(%in: f64, %in_33: f64, %out: f64):
      %82 = arith.mulf %in, %in_33 : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x32xf64>
    %71 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%70 : tensor<2x16x32xf64>) outs(%38 : tensor<2x16x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %82 = arith.addf %in, %out : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x1xf64>
    %72 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%71 : tensor<2x16x1xf64>) outs(%37 : tensor<2x16x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %82 = arith.divf %in, %cst_6 : f64
      linalg.yield %82 : f64
    } -> tensor<2x16x1xf64>
    %73 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%72 : tensor<2x16x1xf64>) outs(%45 : tensor<2x16x1xf32>) {
    ^bb0(%in: f64, %out: f32):
      %82 = arith.truncf %in : f64 to f32
      linalg.yield %82 : f32
    } -> tensor<2x16x1xf32>
    %74 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%65 : tensor<2x16x32xf32>) outs(%47 : tensor<2x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.addf %in, %out : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x1xf32>
    %75 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%74 : tensor<2x16x1xf32>) outs(%45 : tensor<2x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.divf %in, %cst_7 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x1xf32>
    %76 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%73 : tensor<2x16x1xf32>) outs(%45 : tensor<2x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = arith.truncf %cst_4 : f64 to f32
      %83 = arith.addf %in, %82 : f32
      linalg.yield %83 : f32
    } -> tensor<2x16x1xf32>
    %77 = linalg.generic {indexing_maps = [#map6, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%76 : tensor<2x16x1xf32>) outs(%45 : tensor<2x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %82 = math.rsqrt %in : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x1xf32>
    %78 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%65, %75 : tensor<2x16x32xf32>, tensor<2x16x1xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.subf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %79 = linalg.generic {indexing_maps = [#map6, #map7, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%78, %77 : tensor<2x16x32xf32>, tensor<2x16x1xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.mulf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %80 = linalg.generic {indexing_maps = [#map6, #map8, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%79, %arg14 : tensor<2x16x32xf32>, tensor<32xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.mulf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    %81 = linalg.generic {indexing_maps = [#map6, #map8, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%80, %arg15 : tensor<2x16x32xf32>, tensor<32xf32>) outs(%33 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_33: f32, %out: f32):
      %82 = arith.addf %in, %in_33 : f32
      linalg.yield %82 : f32
    } -> tensor<2x16x32xf32>
    return %81 : tensor<2x16x32xf32>
  }
}
