// Emitted by torch-mlir 20261001 (PyPI; Apache-2.0 WITH LLVM-exception) with output_type="linalg-on-tensors" from a
// PyTorch 2.13 module of ours, weights as arguments; see Inputs/torch-mlir.py.
// With dynamic sizes it computes the shapes of its reshapes at run time: attention is refused, and the user is told.
// RUN: et-opt %s --et-raise-all --remarks-filter-missed=et-raise-attention 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: et-opt %s --et-raise-all | FileCheck %s
// REMARK: the probabilities pass through 'tensor.reshape', which is not understood
// CHECK-LABEL: func.func @bert_self_attention_dynamic(
// CHECK-NOT: et.attention
// CHECK: et.linear

#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d1)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map3 = affine_map<(d0, d1, d2, d3) -> (d0, 0, 0, d3)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map5 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
module {
  func.func @bert_self_attention_dynamic(%arg0: tensor<32x32xf32>, %arg1: tensor<32xf32>, %arg2: tensor<32x32xf32>, %arg3: tensor<32xf32>, %arg4: tensor<32x32xf32>, %arg5: tensor<32xf32>, %arg6: tensor<32x32xf32>, %arg7: tensor<32xf32>, %arg8: tensor<?x?x32xf32>, %arg9: tensor<?x1x1x?xf32>) -> tensor<?x?x32xf32> {
    %c1_i64 = arith.constant 1 : i64
    %c0_i64 = arith.constant 0 : i64
    %c4_i64 = arith.constant 4 : i64
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c32_i64 = arith.constant 32 : i64
    %cst = arith.constant 0.000000e+00 : f32
    %c8_i64 = arith.constant 8 : i64
    %c3 = arith.constant 3 : index
    %cst_0 = arith.constant 0xFF800000 : f32
    %cst_1 = arith.constant 2.8284271247461903 : f64
    %dim = tensor.dim %arg8, %c0 : tensor<?x?x32xf32>
    %0 = arith.index_cast %dim : index to i64
    %dim_2 = tensor.dim %arg9, %c3 : tensor<?x1x1x?xf32>
    %1 = arith.index_cast %dim_2 : index to i64
    %cast = tensor.cast %arg8 : tensor<?x?x32xf32> to tensor<?x1x32xf32>
    %collapsed = tensor.collapse_shape %cast [[0], [1, 2]] : tensor<?x1x32xf32> into tensor<?x32xf32>
    %2 = tensor.empty() : tensor<32x32xf32>
    %transposed = linalg.transpose ins(%arg0 : tensor<32x32xf32>) outs(%2 : tensor<32x32xf32>) permutation = [1, 0] 
    %dim_3 = tensor.dim %arg8, %c0 : tensor<?x?x32xf32>
    %3 = tensor.empty(%dim_3) : tensor<?x32xf32>
    %4 = linalg.fill ins(%cst : f32) outs(%3 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %5 = linalg.matmul ins(%collapsed, %transposed : tensor<?x32xf32>, tensor<32x32xf32>) outs(%4 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %6 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%5, %arg1 : tensor<?x32xf32>, tensor<32xf32>) outs(%3 : tensor<?x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %144 = arith.addf %in, %in_31 : f32
      linalg.yield %144 : f32
    } -> tensor<?x32xf32>
    %7 = arith.cmpi slt, %0, %c0_i64 : i64
    %8 = arith.select %7, %c1_i64, %0 : i64
    %9 = arith.extui %7 : i1 to i64
    %10 = arith.muli %8, %1 : i64
    %11 = arith.addi %9, %c1_i64 : i64
    %12 = arith.cmpi slt, %1, %c0_i64 : i64
    %13 = arith.select %12, %8, %10 : i64
    %14 = arith.select %12, %11, %9 : i64
    %15 = arith.muli %13, %c32_i64 : i64
    %16 = arith.cmpi sle, %14, %c1_i64 : i64
    cf.assert %16, "must have at most one inferred (negative) dimension"
    %17 = arith.index_cast %dim_3 : index to i64
    %18 = arith.muli %17, %c32_i64 : i64
    %19 = arith.divsi %18, %15 : i64
    %20 = arith.select %7, %19, %0 : i64
    %21 = arith.select %12, %19, %1 : i64
    cf.assert %16, "must have at most one inferred (negative) dimension"
    %22 = arith.muli %20, %21 : i64
    %23 = arith.muli %22, %c32_i64 : i64
    %24 = arith.divsi %23, %15 : i64
    %25 = arith.select %7, %24, %0 : i64
    %26 = arith.select %12, %24, %1 : i64
    %from_elements = tensor.from_elements %25, %26, %c4_i64, %c8_i64 : tensor<4xi64>
    %reshape = tensor.reshape %6(%from_elements) : (tensor<?x32xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
    %27 = arith.index_cast %25 : i64 to index
    %28 = arith.index_cast %26 : i64 to index
    %29 = tensor.empty(%27, %28) : tensor<?x4x?x8xf32>
    %transposed_4 = linalg.transpose ins(%reshape : tensor<?x?x4x8xf32>) outs(%29 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3] 
    %transposed_5 = linalg.transpose ins(%arg2 : tensor<32x32xf32>) outs(%2 : tensor<32x32xf32>) permutation = [1, 0] 
    %30 = linalg.matmul ins(%collapsed, %transposed_5 : tensor<?x32xf32>, tensor<32x32xf32>) outs(%4 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %31 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%30, %arg3 : tensor<?x32xf32>, tensor<32xf32>) outs(%3 : tensor<?x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %144 = arith.addf %in, %in_31 : f32
      linalg.yield %144 : f32
    } -> tensor<?x32xf32>
    cf.assert %16, "must have at most one inferred (negative) dimension"
    cf.assert %16, "must have at most one inferred (negative) dimension"
    %reshape_6 = tensor.reshape %31(%from_elements) : (tensor<?x32xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
    %transposed_7 = linalg.transpose ins(%arg4 : tensor<32x32xf32>) outs(%2 : tensor<32x32xf32>) permutation = [1, 0] 
    %32 = linalg.matmul ins(%collapsed, %transposed_7 : tensor<?x32xf32>, tensor<32x32xf32>) outs(%4 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %33 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%32, %arg5 : tensor<?x32xf32>, tensor<32xf32>) outs(%3 : tensor<?x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %144 = arith.addf %in, %in_31 : f32
      linalg.yield %144 : f32
    } -> tensor<?x32xf32>
    cf.assert %16, "must have at most one inferred (negative) dimension"
    cf.assert %16, "must have at most one inferred (negative) dimension"
    %reshape_8 = tensor.reshape %33(%from_elements) : (tensor<?x32xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
    %transposed_9 = linalg.transpose ins(%reshape_8 : tensor<?x?x4x8xf32>) outs(%29 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3] 
    %34 = tensor.empty(%27, %28) : tensor<?x4x8x?xf32>
    %transposed_10 = linalg.transpose ins(%reshape_6 : tensor<?x?x4x8xf32>) outs(%34 : tensor<?x4x8x?xf32>) permutation = [0, 2, 3, 1] 
    %35 = arith.muli %0, %c4_i64 : i64
    %36 = arith.cmpi sge, %0, %c0_i64 : i64
    cf.assert %36, "unimplemented: dynamic negative broadcast sizes"
    %37 = arith.cmpi sge, %1, %c0_i64 : i64
    cf.assert %37, "unimplemented: dynamic negative broadcast sizes"
    %38 = tensor.empty(%dim, %dim_2) : tensor<?x4x?x8xf32>
    %39 = linalg.generic {indexing_maps = [#map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%38 : tensor<?x4x?x8xf32>) {
    ^bb0(%out: f32):
      %144 = linalg.index 0 : index
      %145 = linalg.index 1 : index
      %146 = linalg.index 2 : index
      %147 = linalg.index 3 : index
      %148 = arith.cmpi eq, %27, %c1 : index
      %149 = arith.select %148, %c0, %144 : index
      %150 = arith.cmpi eq, %28, %c1 : index
      %151 = arith.select %150, %c0, %146 : index
      %extracted = tensor.extract %transposed_4[%149, %145, %151, %147] : tensor<?x4x?x8xf32>
      linalg.yield %extracted : f32
    } -> tensor<?x4x?x8xf32>
    %40 = arith.cmpi slt, %35, %c0_i64 : i64
    %41 = arith.select %40, %c1_i64, %35 : i64
    %42 = arith.extui %40 : i1 to i64
    %43 = arith.muli %41, %1 : i64
    %44 = arith.addi %42, %c1_i64 : i64
    %45 = arith.select %12, %41, %43 : i64
    %46 = arith.select %12, %44, %42 : i64
    %47 = arith.muli %45, %c8_i64 : i64
    %48 = arith.cmpi sle, %46, %c1_i64 : i64
    cf.assert %48, "must have at most one inferred (negative) dimension"
    %49 = arith.muli %35, %1 : i64
    %50 = arith.muli %49, %c8_i64 : i64
    %51 = arith.divsi %50, %47 : i64
    %52 = arith.select %40, %51, %35 : i64
    %53 = arith.select %12, %51, %1 : i64
    %from_elements_11 = tensor.from_elements %52, %53, %c8_i64 : tensor<3xi64>
    %reshape_12 = tensor.reshape %39(%from_elements_11) : (tensor<?x4x?x8xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
    cf.assert %36, "unimplemented: dynamic negative broadcast sizes"
    cf.assert %37, "unimplemented: dynamic negative broadcast sizes"
    %54 = tensor.empty(%dim, %dim_2) : tensor<?x4x8x?xf32>
    %55 = linalg.generic {indexing_maps = [#map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%54 : tensor<?x4x8x?xf32>) {
    ^bb0(%out: f32):
      %144 = linalg.index 0 : index
      %145 = linalg.index 1 : index
      %146 = linalg.index 2 : index
      %147 = linalg.index 3 : index
      %148 = arith.cmpi eq, %27, %c1 : index
      %149 = arith.select %148, %c0, %144 : index
      %150 = arith.cmpi eq, %28, %c1 : index
      %151 = arith.select %150, %c0, %147 : index
      %extracted = tensor.extract %transposed_10[%149, %145, %146, %151] : tensor<?x4x8x?xf32>
      linalg.yield %extracted : f32
    } -> tensor<?x4x8x?xf32>
    %56 = arith.muli %41, %c8_i64 : i64
    %57 = arith.muli %56, %1 : i64
    %58 = arith.select %12, %56, %57 : i64
    cf.assert %48, "must have at most one inferred (negative) dimension"
    %59 = arith.muli %0, %c32_i64 : i64
    %60 = arith.muli %59, %1 : i64
    %61 = arith.divsi %60, %58 : i64
    %62 = arith.select %40, %61, %35 : i64
    %63 = arith.select %12, %61, %1 : i64
    %from_elements_13 = tensor.from_elements %62, %c8_i64, %63 : tensor<3xi64>
    %reshape_14 = tensor.reshape %55(%from_elements_13) : (tensor<?x4x8x?xf32>, tensor<3xi64>) -> tensor<?x8x?xf32>
    %64 = arith.index_cast %52 : i64 to index
    %65 = arith.index_cast %53 : i64 to index
    %66 = arith.index_cast %63 : i64 to index
    %67 = arith.cmpi eq, %52, %62 : i64
    cf.assert %67, "mismatching contracting dimension"
    %68 = tensor.empty(%64, %65, %66) : tensor<?x?x?xf32>
    %69 = linalg.fill ins(%cst : f32) outs(%68 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
    %70 = linalg.batch_matmul ins(%reshape_12, %reshape_14 : tensor<?x?x8xf32>, tensor<?x8x?xf32>) outs(%69 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
    %71 = arith.muli %8, %c4_i64 : i64
    %72 = arith.muli %71, %1 : i64
    %73 = arith.select %12, %71, %72 : i64
    %74 = arith.muli %73, %1 : i64
    %75 = arith.addi %14, %c1_i64 : i64
    %76 = arith.select %12, %71, %74 : i64
    %77 = arith.select %12, %75, %9 : i64
    %78 = arith.cmpi sle, %77, %c1_i64 : i64
    cf.assert %78, "must have at most one inferred (negative) dimension"
    %79 = arith.muli %52, %53 : i64
    %80 = arith.muli %79, %63 : i64
    %81 = arith.divsi %80, %76 : i64
    %82 = arith.select %7, %81, %0 : i64
    %83 = arith.select %12, %81, %1 : i64
    %from_elements_15 = tensor.from_elements %82, %c4_i64, %83, %83 : tensor<4xi64>
    %reshape_16 = tensor.reshape %70(%from_elements_15) : (tensor<?x?x?xf32>, tensor<4xi64>) -> tensor<?x4x?x?xf32>
    %84 = arith.index_cast %82 : i64 to index
    %85 = arith.index_cast %83 : i64 to index
    %86 = tensor.empty(%84, %85, %85) : tensor<?x4x?x?xf32>
    %87 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%reshape_16 : tensor<?x4x?x?xf32>) outs(%86 : tensor<?x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %144 = arith.truncf %cst_1 : f64 to f32
      %145 = arith.divf %in, %144 : f32
      linalg.yield %145 : f32
    } -> tensor<?x4x?x?xf32>
    %dim_17 = tensor.dim %arg9, %c0 : tensor<?x1x1x?xf32>
    %88 = arith.cmpi eq, %84, %dim_17 : index
    cf.assert %88, "mismatched size for broadcast"
    %89 = arith.cmpi eq, %85, %dim_2 : index
    cf.assert %89, "mismatched size for broadcast"
    %90 = linalg.generic {indexing_maps = [#map2, #map3, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%87, %arg9 : tensor<?x4x?x?xf32>, tensor<?x1x1x?xf32>) outs(%86 : tensor<?x4x?x?xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %144 = arith.addf %in, %in_31 : f32
      linalg.yield %144 : f32
    } -> tensor<?x4x?x?xf32>
    %91 = tensor.empty(%84, %85) : tensor<?x4x?xi64>
    %92 = linalg.fill ins(%c0_i64 : i64) outs(%91 : tensor<?x4x?xi64>) -> tensor<?x4x?xi64>
    %93 = tensor.empty(%84, %85) : tensor<?x4x?xf32>
    %94 = linalg.fill ins(%cst_0 : f32) outs(%93 : tensor<?x4x?xf32>) -> tensor<?x4x?xf32>
    %95:2 = linalg.generic {indexing_maps = [#map2, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%90 : tensor<?x4x?x?xf32>) outs(%94, %92 : tensor<?x4x?xf32>, tensor<?x4x?xi64>) {
    ^bb0(%in: f32, %out: f32, %out_31: i64):
      %144 = linalg.index 3 : index
      %145 = arith.index_cast %144 : index to i64
      %146 = arith.maximumf %in, %out : f32
      %147 = arith.cmpf ogt, %in, %out : f32
      %148 = arith.select %147, %145, %out_31 : i64
      linalg.yield %146, %148 : f32, i64
    } -> (tensor<?x4x?xf32>, tensor<?x4x?xi64>)
    %expanded = tensor.expand_shape %95#0 [[0], [1], [2, 3]] output_shape [%84, 4, %85, 1] : tensor<?x4x?xf32> into tensor<?x4x?x1xf32>
    %96 = linalg.generic {indexing_maps = [#map2, #map5, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%90, %expanded : tensor<?x4x?x?xf32>, tensor<?x4x?x1xf32>) outs(%86 : tensor<?x4x?x?xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %144 = arith.subf %in, %in_31 : f32
      linalg.yield %144 : f32
    } -> tensor<?x4x?x?xf32>
    %97 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%96 : tensor<?x4x?x?xf32>) outs(%86 : tensor<?x4x?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %144 = math.exp %in : f32
      linalg.yield %144 : f32
    } -> tensor<?x4x?x?xf32>
    %98 = tensor.empty(%84, %85) : tensor<?x4x?x1xf32>
    %99 = linalg.fill ins(%cst : f32) outs(%98 : tensor<?x4x?x1xf32>) -> tensor<?x4x?x1xf32>
    %100 = linalg.generic {indexing_maps = [#map2, #map5], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%97 : tensor<?x4x?x?xf32>) outs(%99 : tensor<?x4x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %144 = arith.addf %in, %out : f32
      linalg.yield %144 : f32
    } -> tensor<?x4x?x1xf32>
    %101 = linalg.generic {indexing_maps = [#map2, #map5, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%97, %100 : tensor<?x4x?x?xf32>, tensor<?x4x?x1xf32>) outs(%86 : tensor<?x4x?x?xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %144 = arith.divf %in, %in_31 : f32
      linalg.yield %144 : f32
    } -> tensor<?x4x?x?xf32>
    cf.assert %36, "unimplemented: dynamic negative broadcast sizes"
    cf.assert %37, "unimplemented: dynamic negative broadcast sizes"
    cf.assert %37, "unimplemented: dynamic negative broadcast sizes"
    %102 = tensor.empty(%dim, %dim_2, %dim_2) : tensor<?x4x?x?xf32>
    %103 = linalg.generic {indexing_maps = [#map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%102 : tensor<?x4x?x?xf32>) {
    ^bb0(%out: f32):
      %144 = linalg.index 0 : index
      %145 = linalg.index 1 : index
      %146 = linalg.index 2 : index
      %147 = linalg.index 3 : index
      %148 = arith.cmpi eq, %84, %c1 : index
      %149 = arith.select %148, %c0, %144 : index
      %150 = arith.cmpi eq, %85, %c1 : index
      %151 = arith.select %150, %c0, %146 : index
      %152 = arith.select %150, %c0, %147 : index
      %extracted = tensor.extract %101[%149, %145, %151, %152] : tensor<?x4x?x?xf32>
      linalg.yield %extracted : f32
    } -> tensor<?x4x?x?xf32>
    %104 = arith.muli %45, %1 : i64
    %105 = arith.addi %46, %c1_i64 : i64
    %106 = arith.select %12, %41, %104 : i64
    %107 = arith.select %12, %105, %42 : i64
    %108 = arith.cmpi sle, %107, %c1_i64 : i64
    cf.assert %108, "must have at most one inferred (negative) dimension"
    %109 = arith.muli %49, %1 : i64
    %110 = arith.divsi %109, %106 : i64
    %111 = arith.select %40, %110, %35 : i64
    %112 = arith.select %12, %110, %1 : i64
    %from_elements_18 = tensor.from_elements %111, %112, %112 : tensor<3xi64>
    %reshape_19 = tensor.reshape %103(%from_elements_18) : (tensor<?x4x?x?xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
    cf.assert %36, "unimplemented: dynamic negative broadcast sizes"
    cf.assert %37, "unimplemented: dynamic negative broadcast sizes"
    %113 = linalg.generic {indexing_maps = [#map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%38 : tensor<?x4x?x8xf32>) {
    ^bb0(%out: f32):
      %144 = linalg.index 0 : index
      %145 = linalg.index 1 : index
      %146 = linalg.index 2 : index
      %147 = linalg.index 3 : index
      %148 = arith.cmpi eq, %27, %c1 : index
      %149 = arith.select %148, %c0, %144 : index
      %150 = arith.cmpi eq, %28, %c1 : index
      %151 = arith.select %150, %c0, %146 : index
      %extracted = tensor.extract %transposed_9[%149, %145, %151, %147] : tensor<?x4x?x8xf32>
      linalg.yield %extracted : f32
    } -> tensor<?x4x?x8xf32>
    cf.assert %48, "must have at most one inferred (negative) dimension"
    %reshape_20 = tensor.reshape %113(%from_elements_11) : (tensor<?x4x?x8xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
    %114 = arith.index_cast %111 : i64 to index
    %115 = arith.index_cast %112 : i64 to index
    %116 = arith.cmpi eq, %111, %52 : i64
    cf.assert %116, "mismatching contracting dimension"
    %117 = arith.cmpi eq, %112, %53 : i64
    cf.assert %117, "mismatching contracting dimension"
    %118 = tensor.empty(%114, %115) : tensor<?x?x8xf32>
    %119 = linalg.fill ins(%cst : f32) outs(%118 : tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
    %120 = linalg.batch_matmul ins(%reshape_19, %reshape_20 : tensor<?x?x?xf32>, tensor<?x?x8xf32>) outs(%119 : tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
    %121 = arith.muli %73, %c8_i64 : i64
    cf.assert %16, "must have at most one inferred (negative) dimension"
    %122 = arith.muli %111, %112 : i64
    %123 = arith.muli %122, %c8_i64 : i64
    %124 = arith.divsi %123, %121 : i64
    %125 = arith.select %7, %124, %0 : i64
    %126 = arith.select %12, %124, %1 : i64
    %from_elements_21 = tensor.from_elements %125, %c4_i64, %126, %c8_i64 : tensor<4xi64>
    %reshape_22 = tensor.reshape %120(%from_elements_21) : (tensor<?x?x8xf32>, tensor<4xi64>) -> tensor<?x4x?x8xf32>
    %127 = arith.index_cast %125 : i64 to index
    %128 = arith.index_cast %126 : i64 to index
    %129 = tensor.empty(%127, %128) : tensor<?x?x4x8xf32>
    %transposed_23 = linalg.transpose ins(%reshape_22 : tensor<?x4x?x8xf32>) outs(%129 : tensor<?x?x4x8xf32>) permutation = [0, 2, 1, 3] 
    cf.assert %16, "must have at most one inferred (negative) dimension"
    %130 = arith.muli %125, %126 : i64
    %131 = arith.muli %130, %c32_i64 : i64
    %132 = arith.divsi %131, %15 : i64
    %133 = arith.select %7, %132, %0 : i64
    %134 = arith.select %12, %132, %1 : i64
    %from_elements_24 = tensor.from_elements %133, %134, %c32_i64 : tensor<3xi64>
    %reshape_25 = tensor.reshape %transposed_23(%from_elements_24) : (tensor<?x?x4x8xf32>, tensor<3xi64>) -> tensor<?x?x32xf32>
    %cast_26 = tensor.cast %reshape_25 : tensor<?x?x32xf32> to tensor<?x1x32xf32>
    %collapsed_27 = tensor.collapse_shape %cast_26 [[0], [1, 2]] : tensor<?x1x32xf32> into tensor<?x32xf32>
    %transposed_28 = linalg.transpose ins(%arg6 : tensor<32x32xf32>) outs(%2 : tensor<32x32xf32>) permutation = [1, 0] 
    %135 = arith.index_cast %133 : i64 to index
    %136 = tensor.empty(%135) : tensor<?x32xf32>
    %137 = linalg.fill ins(%cst : f32) outs(%136 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %138 = linalg.matmul ins(%collapsed_27, %transposed_28 : tensor<?x32xf32>, tensor<32x32xf32>) outs(%137 : tensor<?x32xf32>) -> tensor<?x32xf32>
    %139 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%138, %arg7 : tensor<?x32xf32>, tensor<32xf32>) outs(%136 : tensor<?x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %144 = arith.addf %in, %in_31 : f32
      linalg.yield %144 : f32
    } -> tensor<?x32xf32>
    cf.assert %16, "must have at most one inferred (negative) dimension"
    %140 = arith.muli %133, %c32_i64 : i64
    %141 = arith.divsi %140, %15 : i64
    %142 = arith.select %7, %141, %0 : i64
    %143 = arith.select %12, %141, %1 : i64
    %from_elements_29 = tensor.from_elements %142, %143, %c32_i64 : tensor<3xi64>
    %reshape_30 = tensor.reshape %139(%from_elements_29) : (tensor<?x32xf32>, tensor<3xi64>) -> tensor<?x?x32xf32>
    return %reshape_30 : tensor<?x?x32xf32>
  }
}
