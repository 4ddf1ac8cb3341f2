// A packed encoder: the grid of attention follows from tokens and offsets alone.
// RUN: et-opt %s --et-to-gpu=chip=sm_90a | FileCheck %s
// RUN: et-opt %s --et-to-gpu=chip=sm_80 | FileCheck %s --check-prefix=SM80
// RUN: et-compile %s --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=PTX

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>

// Room for a tile that is not full in each sequence, and none without tokens.
// CHECK-LABEL: func.func @packed
// CHECK:       %[[TOKENS:.*]] = memref.dim %arg0
// CHECK:       gpu.launch_func @kernels::@attention_{{[0-9]+}} blocks in (%[[X:.*]], %[[Y:.*]], %{{.*}}) threads in (%{{.*}}) dynamic_shared_memory_size %{{.*}} args({{.*}}memref<?xi32>
// SM80:        gpu.launch_func @kernels::@attention_
// PTX:         .visible .entry attention_
// PTX:         shfl.sync
func.func @packed(%x: tensor<?x128xf16> {et.dims = ["tokens", ""]}, %offsets: tensor<?xi32> {et.dims = ["sequences"]}) -> tensor<?x128xf16> {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x128xf16>
  %h = tensor.expand_shape %x [[0], [1, 2]] output_shape [%t, 2, 64] : tensor<?x128xf16> into tensor<?x2x64xf16>
  %a = et.attention query(%h : tensor<?x2x64xf16>) key(%h : tensor<?x2x64xf16>) value(%h : tensor<?x2x64xf16>)
         offsets(%offsets : tensor<?xi32>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x2x64xf16>
  %r = tensor.collapse_shape %a [[0], [1, 2]] : tensor<?x2x64xf16> into tensor<?x128xf16>
  return %r : tensor<?x128xf16>
}
