// RUN: et-opt %s --et-outline-weights --et-fold-attention-scale --remarks-filter=et-fold-attention-scale 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --et-outline-weights --et-fold-attention-scale=rounding | FileCheck %s --check-prefix=ROUNDING

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>

// The scale is 1/2, the size of k being 4. The unscaled weight stays for whoever else uses it.
//
// CHECK-DAG:   et.weight @[[W:.*]] : tensor<4x1xf16> from [dense<{{\[\[}}5.000000e-01], [1.000000e+00], [1.500000e+00], [-2.000000e+00]]> : tensor<4x1xf16>]
// CHECK-DAG:   et.weight @[[B:.*]] : tensor<4xf16> from [dense<[2.500000e+00, 3.000000e+00, 3.500000e+00, 4.000000e+00]> : tensor<4xf16>]
// CHECK-LABEL: func.func @default_scale
// CHECK-DAG:   %[[WREF:.*]] = et.weight_ref @[[W]]
// CHECK-DAG:   %[[BREF:.*]] = et.weight_ref @[[B]]
// CHECK:       et.linear %{{.*}}, %[[WREF]] bias(%[[BREF]] : tensor<4xf16>)
// CHECK:       et.attention {{.*}}scale = 1.000000e+00 : f32
// REMARK:      remark: {{.*}}ScaleFolded{{.*}}put the scale {{0?}}.5{{0*}} of attention into the weight of its query
func.func @default_scale(%x: tensor<?x1xf16>, %k: tensor<?x1x4xf16>, %v: tensor<?x1x4xf16>) -> tensor<?x1x4xf16> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x1xf16>
  %w = arith.constant dense<[[1.0], [2.0], [3.0], [-4.0]]> : tensor<4x1xf16>
  %b = arith.constant dense<[5.0, 6.0, 7.0, 8.0]> : tensor<4xf16>
  %q = et.linear %x, %w bias(%b : tensor<4xf16>) : (tensor<?x1xf16>, tensor<4x1xf16>) -> tensor<?x4xf16>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%m, 1, 4] : tensor<?x4xf16> into tensor<?x1x4xf16>
  %z = et.attention query(%qh : tensor<?x1x4xf16>) key(%k : tensor<?x1x4xf16>) value(%v : tensor<?x1x4xf16>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x1x4xf16>
  return %z : tensor<?x1x4xf16>
}

// A scale of 0.3 rounds.
// CHECK-LABEL:    func.func @rounds
// CHECK:          et.attention {{.*}}scale = 3.000000e-01 : f32
// REMARK:         remark: {{.*}}ScaleStays{{.*}}stays out of the query's weight: a scaled weight would be rounded; the option rounding allows that
// ROUNDING-DAG:   et.weight @{{.*}} : tensor<4x1xf16> from [dense<3.000490e-01> : tensor<4x1xf16>]
// ROUNDING-LABEL: func.func @rounds
// ROUNDING:       et.attention {{.*}}scale = 1.000000e+00 : f32
func.func @rounds(%x: tensor<?x1xf16>, %k: tensor<?x1x4xf16>, %v: tensor<?x1x4xf16>) -> tensor<?x1x4xf16> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x1xf16>
  %w = arith.constant dense<1.0> : tensor<4x1xf16>
  %q = et.linear %x, %w : (tensor<?x1xf16>, tensor<4x1xf16>) -> tensor<?x4xf16>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%m, 1, 4] : tensor<?x4xf16> into tensor<?x1x4xf16>
  %z = et.attention query(%qh : tensor<?x1x4xf16>) key(%k : tensor<?x1x4xf16>) value(%v : tensor<?x1x4xf16>) {indexing_maps = [#q, #k, #v, #o], scale = 0.3 : f32} -> tensor<?x1x4xf16>
  return %z : tensor<?x1x4xf16>
}

// 40000 * 2 is more than f16 holds.
// CHECK-LABEL:    func.func @overflows
// CHECK:          et.attention {{.*}}scale = 2.000000e+00 : f32
// ROUNDING-LABEL: func.func @overflows
// ROUNDING:       et.attention {{.*}}scale = 2.000000e+00 : f32
func.func @overflows(%x: tensor<?x1xf16>, %k: tensor<?x1x4xf16>, %v: tensor<?x1x4xf16>) -> tensor<?x1x4xf16> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x1xf16>
  %w = arith.constant dense<40000.0> : tensor<4x1xf16>
  %q = et.linear %x, %w : (tensor<?x1xf16>, tensor<4x1xf16>) -> tensor<?x4xf16>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%m, 1, 4] : tensor<?x4xf16> into tensor<?x1x4xf16>
  %z = et.attention query(%qh : tensor<?x1x4xf16>) key(%k : tensor<?x1x4xf16>) value(%v : tensor<?x1x4xf16>) {indexing_maps = [#q, #k, #v, #o], scale = 2.0 : f32} -> tensor<?x1x4xf16>
  return %z : tensor<?x1x4xf16>
}

// The query is the value, too.
// CHECK-LABEL: func.func @query_has_other_uses
// CHECK-NOT:   scale = 1.0
// CHECK:       return
// REMARK:      remark: {{.*}}ScaleStays{{.*}}stays out of the query's weight: the query is not a view of a linear layer's result that nothing else uses
func.func @query_has_other_uses(%x: tensor<3x1xf16>, %k: tensor<3x1x4xf16>) -> tensor<3x1x4xf16> {
  %w = arith.constant dense<1.0> : tensor<4x1xf16>
  %q = et.linear %x, %w : (tensor<3x1xf16>, tensor<4x1xf16>) -> tensor<3x4xf16>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [3, 1, 4] : tensor<3x4xf16> into tensor<3x1x4xf16>
  %z = et.attention query(%qh : tensor<3x1x4xf16>) key(%k : tensor<3x1x4xf16>) value(%qh : tensor<3x1x4xf16>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<3x1x4xf16>
  return %z : tensor<3x1x4xf16>
}

// Nothing to do.
// CHECK-LABEL: func.func @scale_is_one
// CHECK:       et.attention {{.*}}scale = 1.000000e+00 : f32
// REMARK-NOT:  remark
func.func @scale_is_one(%q: tensor<3x1x4xf16>, %k: tensor<3x1x4xf16>) -> tensor<3x1x4xf16> {
  %z = et.attention query(%q : tensor<3x1x4xf16>) key(%k : tensor<3x1x4xf16>) value(%k : tensor<3x1x4xf16>) {indexing_maps = [#q, #k, #v, #o], scale = 1.0 : f32} -> tensor<3x1x4xf16>
  return %z : tensor<3x1x4xf16>
}
