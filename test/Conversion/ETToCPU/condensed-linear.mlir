// Layers without zero columns or rows on a CPU: plain dense kernels, with a gather in front or a scatter behind.
// RUN: et-opt %s --et-plan-cpu=isa=avx512 | FileCheck %s --check-prefix=PLAN
// RUN: et-opt %s --et-to-cpu=isa=avx2 | FileCheck %s --check-prefix=LLVM
// RUN: et-opt %s --et-to-cpu=isa=baseline | FileCheck %s --check-prefix=LLVM
// RUN: et-compile %s -o %t.etp && et-run %t.etp --dim rows=3

// PLAN-DAG:   et.weight @{{.*}} : tensor<16xi32> at {{.*}} from [dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 18]>
// PLAN-DAG:   et.weight @{{.*}} : tensor<2x16xf32, #et.panels<16>> at
// PLAN-DAG:   et.weight @{{.*}} : tensor<16x2xf32, #et.panels<16>> at
// PLAN-DAG:   et.weight @{{.*}} : tensor<24xi32> at
// PLAN-LABEL: func.func @main
// PLAN:       et.launch "elementwise" {{.*}} ins(%{{.*}}, %{{.*}} : memref<16xi32>, memref<?x19xf32>) outs(%{{.*}} : memref<?x16xf32>)
// PLAN:       et.launch "linear" {{.*}} outs(%{{.*}} : memref<?x2xf32>)
// PLAN:       et.launch "linear" {{.*}} outs(%{{.*}} : memref<?x16xf32>)
// The residual is added where outputs are put in their places, and the norm comes behind it.
// PLAN:       et.launch "elementwise" {{.*}} outs(%{{.*}} : memref<?x24xf32>)
// PLAN:         tensor.extract
// PLAN:         arith.addf
// PLAN:       et.launch "rms_norm"
// PLAN-NOT:   et.launch

// LLVM:       llvm.func @main
#row = dense<[[1., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 2., 3., 4.]]> : tensor<1x19xf32>
#id = affine_map<(a, b) -> (a, b)>
et.weight @up : tensor<2x19xf32> from [#row, #row]
et.weight @down : tensor<24x2xf32> from [dense<1.0> : tensor<3x2xf32>, dense<0.0> : tensor<20x2xf32>, dense<-1.0> : tensor<1x2xf32>]
et.weight @bias : tensor<24xf32> from [dense<0.5> : tensor<24xf32>]
func.func @main(%x: tensor<?x19xf32> {et.dims = ["rows", ""]}, %r: tensor<?x24xf32> {et.dims = ["rows", ""]}, %g: tensor<24xf32>) -> tensor<?x24xf32> {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %r, %c0 : tensor<?x24xf32>
  %e = tensor.empty(%d) : tensor<?x24xf32>
  %w = et.weight_ref @up : tensor<2x19xf32>
  %s = tensor.cast %w : tensor<2x19xf32> to tensor<2x19xf32, #et.columns>
  %v = et.weight_ref @down : tensor<24x2xf32>
  %t = tensor.cast %v : tensor<24x2xf32> to tensor<24x2xf32, #et.rows>
  %b = et.weight_ref @bias : tensor<24xf32>
  %y = et.linear %x, %s : (tensor<?x19xf32>, tensor<2x19xf32, #et.columns>) -> tensor<?x2xf32>
  %z = et.linear %y, %t bias(%b : tensor<24xf32>) : (tensor<?x2xf32>, tensor<24x2xf32, #et.rows>) -> tensor<?x24xf32>
  %a = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%z, %r : tensor<?x24xf32>, tensor<?x24xf32>) outs(%e : tensor<?x24xf32>) {
  ^bb0(%i: f32, %j: f32, %o: f32):
    %k = arith.addf %i, %j : f32
    linalg.yield %k : f32
  } -> tensor<?x24xf32>
  %n = et.rms_norm %a gamma(%g : tensor<24xf32>) {eps = 1.0e-6 : f32} : tensor<?x24xf32> -> tensor<?x24xf32>
  return %n : tensor<?x24xf32>
}
