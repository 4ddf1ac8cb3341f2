// RUN: et-opt %s --et-decompose-for-gpu --remarks-filter-missed=et-decompose-for-gpu --remark-policy=all 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.err
// RUN: not et-opt %s --et-decompose-for-gpu=chip=h100 2>&1 | FileCheck %s --check-prefix=CHIP

// CHIP: expected chip to be sm_80, sm_86, sm_89, sm_90 or sm_90a, but got 'h100'

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>

// What a kernel takes stays: a weight need not be a constant.
// CHECK-LABEL: func.func @keep
// CHECK:       et.embedding
// CHECK:       et.linear
// CHECK:       et.gelu
// CHECK:       et.layer_norm
// CHECK:       et.rms_norm
func.func @keep(%ids: tensor<?xi32>, %t: tensor<9x64xf16>, %w: tensor<64x64xf16>) -> tensor<?x64xf16> {
  %x = et.embedding %ids, %t : (tensor<?xi32>, tensor<9x64xf16>) -> tensor<?x64xf16>
  %0 = et.linear %x, %w : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
  %1 = et.gelu %0 : tensor<?x64xf16>
  %2 = et.layer_norm %1 {eps = 1.0e-5 : f32} : tensor<?x64xf16> -> tensor<?x64xf16>
  %3 = et.rms_norm %2 {eps = 1.0e-5 : f32} : tensor<?x64xf16> -> tensor<?x64xf16>
  return %3 : tensor<?x64xf16>
}

// CHECK-LABEL: func.func @keep_attention_f16
// CHECK:       et.attention
func.func @keep_attention_f16(%x: tensor<?x4x64xf16>) -> tensor<?x4x64xf16> {
  %0 = et.attention query(%x : tensor<?x4x64xf16>) key(%x : tensor<?x4x64xf16>) value(%x : tensor<?x4x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf16>
  return %0 : tensor<?x4x64xf16>
}

// CHECK-LABEL: func.func @keep_attention_f32
// CHECK:       et.attention
func.func @keep_attention_f32(%x: tensor<?x4x64xf32>) -> tensor<?x4x64xf32> {
  %0 = et.attention query(%x : tensor<?x4x64xf32>) key(%x : tensor<?x4x64xf32>) value(%x : tensor<?x4x64xf32>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf32>
  return %0 : tensor<?x4x64xf32>
}

// REMARK-DAG: et.attention runs as plain loops:
// CHECK-LABEL: func.func @attention_wide_head
// CHECK-NOT:   et.attention
// CHECK:       linalg.generic
func.func @attention_wide_head(%x: tensor<?x4x1024xf16>) -> tensor<?x4x1024xf16> {
  %0 = et.attention query(%x : tensor<?x4x1024xf16>) key(%x : tensor<?x4x1024xf16>) value(%x : tensor<?x4x1024xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x1024xf16>
  return %0 : tensor<?x4x1024xf16>
}

// REMARK-DAG: et.linear runs as plain loops: the weight has an encoding that has no GPU kernel
// CHECK-LABEL: func.func @panels
// CHECK-NOT:   et.linear
// CHECK:       linalg.generic
func.func @panels(%x: tensor<?x64xf16>, %w: tensor<64x64xf16, #et.panels<16>>) -> tensor<?x64xf16> {
  %0 = et.linear %x, %w : (tensor<?x64xf16>, tensor<64x64xf16, #et.panels<16>>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// Which tiles there are is data.
//
// REMARK-DAG: et.linear runs as plain loops: its sparse weight is not known when compiling
// CHECK-LABEL: func.func @encoded_weight
// CHECK-NOT:   et.linear
// CHECK:       linalg.generic
func.func @encoded_weight(%x: tensor<?x64xf16>, %w: tensor<64x64xf16, #et.tile<16x16>>) -> tensor<?x64xf16> {
  %0 = et.linear %x, %w : (tensor<?x64xf16>, tensor<64x64xf16, #et.tile<16x16>>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// REMARK-DAG: et.gelu runs as plain loops: kernels compute in f32, and the op has operands of f64
// CHECK-LABEL: func.func @gelu_f64
// CHECK-NOT:   et.gelu
func.func @gelu_f64(%x: tensor<?xf64>) -> tensor<?xf64> {
  %0 = et.gelu %x : tensor<?xf64>
  return %0 : tensor<?xf64>
}

// REMARK-DAG: et.layer_norm runs as plain loops: expected rows of at most 32768 elements, but got 65536
// CHECK-LABEL: func.func @wide_norm
// CHECK-NOT:   et.layer_norm
func.func @wide_norm(%x: tensor<?x65536xf16>) -> tensor<?x65536xf16> {
  %0 = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x65536xf16> -> tensor<?x65536xf16>
  return %0 : tensor<?x65536xf16>
}

// REMARK-DAG: et.layer_norm runs as plain loops: gamma and beta have different element types
// CHECK-LABEL: func.func @mixed_vectors
// CHECK-NOT:   et.layer_norm
func.func @mixed_vectors(%x: tensor<?x64xf16>, %g: tensor<64xf16>, %b: tensor<64xf32>) -> tensor<?x64xf16> {
  %0 = et.layer_norm %x gamma(%g : tensor<64xf16>) beta(%b : tensor<64xf32>) {eps = 1.0e-5 : f32} : tensor<?x64xf16> -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// REMARK-DAG: et.rms_norm runs as plain loops: only the sum of the norm is used
// CHECK-LABEL: func.func @only_sum
// CHECK-NOT:   et.rms_norm
func.func @only_sum(%x: tensor<?x64xf16>) -> tensor<?x64xf16> {
  %0, %s = et.rms_norm %x residual(%x : tensor<?x64xf16>) {eps = 1.0e-5 : f32} : tensor<?x64xf16> -> tensor<?x64xf16>, tensor<?x64xf16>
  return %s : tensor<?x64xf16>
}

// REMARK-DAG: a product of two tensors runs as plain loops: it is neither a linear layer nor attention
// CHECK-LABEL: func.func @product
func.func @product(%x: tensor<4x8xf16>, %y: tensor<8x4xf16>, %z: tensor<4x4xf16>) -> tensor<4x4xf16> {
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
         ins(%x, %y : tensor<4x8xf16>, tensor<8x4xf16>) outs(%z : tensor<4x4xf16>) {
  ^bb0(%a: f16, %b: f16, %c: f16):
    %m = arith.mulf %a, %b : f16
    %s = arith.addf %c, %m : f16
    linalg.yield %s : f16
  } -> tensor<4x4xf16>
  return %0 : tensor<4x4xf16>
}
