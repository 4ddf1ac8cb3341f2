// RUN: et-opt %s --et-schedule-cpu=isa=avx512 --split-input-file | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: et-opt %s --et-schedule-cpu=isa=avx2 --split-input-file | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: et-opt %s --et-schedule-cpu=isa=baseline --split-input-file | FileCheck %s --check-prefixes=CHECK,BASE
// RUN: not et-opt %s --et-schedule-cpu=isa=sse9 --split-input-file 2>&1 | FileCheck %s --check-prefix=ISA

// ISA: expected isa to be baseline, avx2, avx512 or native, but got 'sse9'

// The weight is packed in panels as wide as the register tile; what else reads it keeps it as it is.
// CHECK-DAG:   et.weight @w.panels : tensor<96x4xf32, #et.panels<[[NR:[0-9]+]]>> from [dense<1.000000e+00> : tensor<96x4xf32>]
// CHECK-DAG:   et.weight @w : tensor<96x4xf32>
// CHECK-LABEL: func.func @linear
// CHECK:       %[[P:.*]] = et.weight_ref @w.panels
// AVX512:      et.launch "linear" schedule {isa = "avx512", kc = {{[0-9]+}} : i64, mc = {{[0-9]+}} : i64, mr = {{[0-9]+}} : i64, nr = [[NR]] : i64} ins(%{{.*}}, %[[P]]
// AVX2:        et.launch "linear" schedule {isa = "avx2", kc = {{[0-9]+}} : i64, mc = {{[0-9]+}} : i64, mr = {{[0-9]+}} : i64, nr = [[NR]] : i64} ins(%{{.*}}, %[[P]]
// BASE:        et.launch "linear" schedule {isa = "baseline", kc = {{[0-9]+}} : i64, mc = {{[0-9]+}} : i64, mr = {{[0-9]+}} : i64, nr = [[NR]] : i64} ins(%{{.*}}, %[[P]]
et.weight @w : tensor<96x4xf32> from [dense<1.0> : tensor<96x4xf32>]
func.func @linear(%x: tensor<?x4xf32>, %e: tensor<?x96xf32>) -> (tensor<?x96xf32>, tensor<96x4xf32>) {
  %w = et.weight_ref @w : tensor<96x4xf32>
  %y = et.launch "linear" ins(%x, %w : tensor<?x4xf32>, tensor<96x4xf32>) outs(%e : tensor<?x96xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<96x4xf32>, %o: tensor<?x96xf32>):
    %l = et.linear %a, %b : (tensor<?x4xf32>, tensor<96x4xf32>) -> tensor<?x96xf32>
    et.yield %l : tensor<?x96xf32>
  } -> tensor<?x96xf32>
  return %y, %w : tensor<?x96xf32>, tensor<96x4xf32>
}

// -----

// Without conversion instructions f16 weights are stored as f32.
// AVX512:      et.weight @h.panels : tensor<16x4xf16, #et.panels<
// AVX2:        et.weight @h.panels : tensor<16x4xf16, #et.panels<
// BASE:        et.weight @h.panels : tensor<16x4xf32, #et.panels<{{[0-9]+}}>> from [dense<1.000000e+00> : tensor<16x4xf16>]
// CHECK-LABEL: func.func @linear_f16
et.weight @h : tensor<16x4xf16> from [dense<1.0> : tensor<16x4xf16>]
func.func @linear_f16(%x: tensor<?x4xf16>, %e: tensor<?x16xf16>) -> tensor<?x16xf16> {
  %w = et.weight_ref @h : tensor<16x4xf16>
  %y = et.launch "linear" ins(%x, %w : tensor<?x4xf16>, tensor<16x4xf16>) outs(%e : tensor<?x16xf16>) {
  ^bb0(%a: tensor<?x4xf16>, %b: tensor<16x4xf16>, %o: tensor<?x16xf16>):
    %l = et.linear %a, %b : (tensor<?x4xf16>, tensor<16x4xf16>) -> tensor<?x16xf16>
    et.yield %l : tensor<?x16xf16>
  } -> tensor<?x16xf16>
  return %y : tensor<?x16xf16>
}

// -----

// Other launches know their level, and attention the scratch memory of a thread.
// CHECK-LABEL: func.func @others
// CHECK:       et.launch "gelu" schedule {isa = "{{[a-z0-9]+}}"} ins
// CHECK:       et.launch "attention" schedule {isa = "{{[a-z0-9]+}}", scratch = {{[1-9][0-9]*}} : i64} ins
#q = affine_map<(m, n, k, v) -> (m, k)>
#k = affine_map<(m, n, k, v) -> (n, k)>
#v = affine_map<(m, n, k, v) -> (n, v)>
#o = affine_map<(m, n, k, v) -> (m, v)>
func.func @others(%x: tensor<?x4xf32>, %e: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = et.launch "gelu" ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %o: tensor<?x4xf32>):
    %g = et.gelu %a : tensor<?x4xf32>
    et.yield %g : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  %z = et.launch "attention" ins(%y : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %o: tensor<?x4xf32>):
    %g = et.attention query(%a : tensor<?x4xf32>) key(%a : tensor<?x4xf32>) value(%a : tensor<?x4xf32>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4xf32>
    et.yield %g : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----

// A weight of tiles is stored as the columns of panels that are not zero; its region does not say which, so that layers
// of one shape share a kernel. 128 outputs are 2 panels of 64, and 8 of 16.
// AVX512:      et.weight @t.panels : tensor<128x4xf32, #et.sparse_panels<64, kept = 4>> from [
// AVX2:        et.weight @t.panels : tensor<128x4xf32, #et.sparse_panels<16, kept = 16>> from [
// BASE:        et.weight @t.panels : tensor<128x4xf32, #et.sparse_panels<8, kept = 32>> from [
// CHECK-LABEL: func.func @tiles
// CHECK:       et.launch "linear" schedule
// CHECK-SAME:  ins(%{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<128x4xf32, #et.sparse_panels<
// AVX512:      ^bb0(%{{.*}}: tensor<?x4xf32>, %{{.*}}: tensor<128x4xf32, #et.tile<64x1>>
// AVX2:        ^bb0(%{{.*}}: tensor<?x4xf32>, %{{.*}}: tensor<128x4xf32, #et.tile<16x1>>
// BASE:        ^bb0(%{{.*}}: tensor<?x4xf32>, %{{.*}}: tensor<128x4xf32, #et.tile<8x1>>
et.weight @t : tensor<128x4xf32, #et.tile<64x4>> from [dense<0.0> : tensor<64x4xf32>, dense<1.0> : tensor<64x4xf32>]
func.func @tiles(%x: tensor<?x4xf32>, %e: tensor<?x128xf32>) -> tensor<?x128xf32> {
  %w = et.weight_ref @t : tensor<128x4xf32, #et.tile<64x4>>
  %y = et.launch "linear" ins(%x, %w : tensor<?x4xf32>, tensor<128x4xf32, #et.tile<64x4>>) outs(%e : tensor<?x128xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<128x4xf32, #et.tile<64x4>>, %o: tensor<?x128xf32>):
    %l = et.linear %a, %b : (tensor<?x4xf32>, tensor<128x4xf32, #et.tile<64x4>>) -> tensor<?x128xf32>
    et.yield %l : tensor<?x128xf32>
  } -> tensor<?x128xf32>
  return %y : tensor<?x128xf32>
}
