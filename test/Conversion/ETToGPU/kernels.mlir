// Every family of kernels assembles for every architecture, through every layer above it.
// REQUIRES: ptxas
// RUN: et-compile %s --target=cuda:sm_80 --emit=cubin -o %t.80
// RUN: et-compile %s --target=cuda:sm_86 --emit=cubin -o %t.86
// RUN: et-compile %s --target=cuda:sm_89 --emit=cubin -o %t.89
// RUN: et-compile %s --target=cuda:sm_90 --emit=cubin -o %t.90
// RUN: et-compile %s --target=cuda:sm_90a --emit=cubin --remarks -o %t.90a 2>&1 | FileCheck %s --allow-empty
// RUN: et-compile %s --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=PTX

// No kernel that is written here keeps registers in memory.
// CHECK-NOT: kernel {{embedding|layer_norm|rms_norm|gelu|elementwise|reduction}}{{.*}} keeps

// PTX:     .target sm_90a
// PTX-DAG: .visible .entry embedding_
// PTX-DAG: .visible .entry layer_norm_
// PTX-DAG: .visible .entry linear_
// PTX-DAG: .visible .entry attention_
// PTX-DAG: wgmma.mma_async
// PTX-DAG: cp.async.bulk.tensor

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#p = affine_map<(b, h, m, n, k, v) -> (b, n)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>
#in = affine_map<(i, j, k) -> (i, k, j)>
#out = affine_map<(i, j, k) -> (i, j)>
func.func @layer(%ids: tensor<?x?xi64> {et.dims = ["b", "s"]}, %mask: tensor<?x?xi1> {et.dims = ["b", "s"]}) -> (tensor<?x128xf16>, tensor<?x?x128xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f16
  %b = tensor.dim %ids, %c0 : tensor<?x?xi64>
  %s = tensor.dim %ids, %c1 : tensor<?x?xi64>
  %t = arith.constant dense<1.0> : tensor<50x128xf16>
  %w = arith.constant dense<1.0> : tensor<128x128xf16>
  %g = arith.constant dense<1.0> : tensor<128xf16>
  %x = et.embedding %ids, %t : (tensor<?x?xi64>, tensor<50x128xf16>) -> tensor<?x?x128xf16>
  %n = et.layer_norm %x gamma(%g : tensor<128xf16>) beta(%g : tensor<128xf16>) {eps = 1.0e-12 : f32} : tensor<?x?x128xf16> -> tensor<?x?x128xf16>
  %l = et.linear %n, %w bias(%g : tensor<128xf16>) : (tensor<?x?x128xf16>, tensor<128x128xf16>) -> tensor<?x?x128xf16>
  %h = tensor.expand_shape %l [[0], [1], [2, 3]] output_shape [%b, %s, 2, 64] : tensor<?x?x128xf16> into tensor<?x?x2x64xf16>
  %a = et.attention query(%h : tensor<?x?x2x64xf16>) key(%h : tensor<?x?x2x64xf16>) value(%h : tensor<?x?x2x64xf16>)
         mask(%mask : tensor<?x?xi1>) {indexing_maps = [#q, #k, #v, #p, #o], scale = 0.125 : f32} -> tensor<?x?x2x64xf16>
  %c = tensor.collapse_shape %a [[0], [1], [2, 3]] : tensor<?x?x2x64xf16> into tensor<?x?x128xf16>
  %r, %sum = et.rms_norm %c gamma(%g : tensor<128xf16>) residual(%n : tensor<?x?x128xf16>) {eps = 1.0e-6 : f32} : tensor<?x?x128xf16> -> tensor<?x?x128xf16>, tensor<?x?x128xf16>
  %e = et.gelu %r {approximate = #et.gelu<tanh>} : tensor<?x?x128xf16>
  %i = tensor.empty(%b) : tensor<?x128xf16>
  %f = linalg.fill ins(%zero : f16) outs(%i : tensor<?x128xf16>) -> tensor<?x128xf16>
  %m = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel", "reduction"]}
         ins(%e : tensor<?x?x128xf16>) outs(%f : tensor<?x128xf16>) {
  ^bb0(%y: f16, %z: f16):
    %add = arith.addf %y, %z : f16
    linalg.yield %add : f16
  } -> tensor<?x128xf16>
  return %m, %sum : tensor<?x128xf16>, tensor<?x?x128xf16>
}
