// A layer without its zero columns, and one without its zero rows, from tensors to kernels.
// RUN: et-opt %s --et-plan-gpu | FileCheck %s --check-prefix=PLAN
// RUN: et-opt %s --et-plan-gpu=expected-rows=128 --remarks-filter=et-encode-sparsity 2>%t.few | FileCheck %s --check-prefix=FEW
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.few
// RUN: et-compile %s --target=cuda:sm_90a --expected-rows=128 --emit=planned -o - | FileCheck %s --check-prefix=FEW
// RUN: et-compile %s --target=cuda:sm_80 --emit=ptx -o - | FileCheck %s --check-prefix=PTX
// RUN: et-compile %s --target=cuda:sm_90a --emit=ptx -o - | FileCheck %s --check-prefix=PTX
// RUN: %if ptxas %{ et-compile %s --target=cuda:sm_80 --emit=cubin -o %t.80 %}
// RUN: %if ptxas %{ et-compile %s --target=cuda:sm_90a --emit=cubin --remarks -o %t.90a 2>&1 | FileCheck %s --allow-empty --check-prefix=CUBIN %}

// CUBIN-NOT: kernel elementwise{{.*}} keeps

// A quarter of 128 columns is left and 32 zero ones beside them, as kernels take multiples of 64. The residual is added
// where outputs are put in their places.
//
// PLAN-DAG:   et.weight @{{.*}} : tensor<24x64xf16> at
// PLAN-DAG:   et.weight @{{.*}} : tensor<64xi32> at
// PLAN-DAG:   et.weight @{{.*}} : tensor<256x4096xf16> at
// PLAN-DAG:   et.weight @{{.*}} : tensor<1024xi32> at
// PLAN-LABEL: func.func @block(
// PLAN:       et.launch "elementwise" {{.*}} outs(%{{.*}} : memref<?x?x64xf16>)
// PLAN:         tensor.extract
// PLAN:       et.launch "linear+gelu" {{.*}} ins(%{{.*}} : memref<?x?x64xf16>, memref<24x64xf16>, memref<24xf16>) outs(%{{.*}} : memref<?x?x24xf16>)
// PLAN:       et.launch "linear" {{.*}} ins(%{{.*}} : memref<?x?x4096xf16>, memref<256x4096xf16>, memref<256xf16>) outs(%{{.*}} : memref<?x?x256xf16>)
// PLAN:       et.launch "elementwise" {{.*}} outs(%{{.*}} : memref<?x?x1024xf16>)
// PLAN:         tensor.extract
// PLAN:         arith.addf
// PLAN-NOT:   et.launch

// With a short sequence another launch costs more than it saves. What was said of a weight is done all the same.
//
// FEW-LABEL:  func.func @block(
// FEW:        et.launch "linear+gelu" {{.*}} memref<24x64xf16>
// FEW:        et.launch "linear+elementwise" {{.*}} memref<1024x4096xf16>
// FEW-NOT:    et.launch
// REMARK:     WeightStaysDense{{.*}}with 256 of its 1024 rows left and the rest put back behind it, the layer would take

// PTX:        .visible .entry elementwise_
// PTX:        ld.global
#r = dense<[[1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2.,
            1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2.,
            1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2.,
            1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2., 1., 0., 0., 0., 0., 0., 0., 2.]]> : tensor<1x128xf16>
#one = dense<1.0> : tensor<16x4096xf16>
#zero = dense<0.0> : tensor<48x4096xf16>
#id = affine_map<(a, b, c) -> (a, b, c)>
et.weight @up : tensor<24x128xf16> from [#r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r]
et.weight @down : tensor<1024x4096xf16> from [#one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero]
et.weight @b : tensor<24xf16> from [dense<0.5> : tensor<24xf16>]
et.weight @c : tensor<1024xf16> from [dense<0.25> : tensor<1024xf16>]
func.func @block(%x: tensor<?x?x128xf16>, %u: tensor<?x?x4096xf16>, %r: tensor<?x?x1024xf16>) -> (tensor<?x?x24xf16>, tensor<?x?x1024xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d0 = tensor.dim %r, %c0 : tensor<?x?x1024xf16>
  %d1 = tensor.dim %r, %c1 : tensor<?x?x1024xf16>
  %e = tensor.empty(%d0, %d1) : tensor<?x?x1024xf16>
  %w = et.weight_ref @up : tensor<24x128xf16>
  %s = tensor.cast %w : tensor<24x128xf16> to tensor<24x128xf16, #et.columns>
  %v = et.weight_ref @down : tensor<1024x4096xf16>
  %b = et.weight_ref @b : tensor<24xf16>
  %c = et.weight_ref @c : tensor<1024xf16>
  %y = et.linear %x, %s bias(%b : tensor<24xf16>) : (tensor<?x?x128xf16>, tensor<24x128xf16, #et.columns>) -> tensor<?x?x24xf16>
  %g = et.gelu %y {approximate = #et.gelu<tanh>} : tensor<?x?x24xf16>
  %z = et.linear %u, %v bias(%c : tensor<1024xf16>) : (tensor<?x?x4096xf16>, tensor<1024x4096xf16>) -> tensor<?x?x1024xf16>
  %a = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%r, %z : tensor<?x?x1024xf16>, tensor<?x?x1024xf16>) outs(%e : tensor<?x?x1024xf16>) {
  ^bb0(%i: f16, %j: f16, %o: f16):
    %k = arith.addf %i, %j : f16
    linalg.yield %k : f16
  } -> tensor<?x?x1024xf16>
  return %g, %a : tensor<?x?x24xf16>, tensor<?x?x1024xf16>
}
