// RUN: et-opt %s --split-input-file --et-store-strips --remarks-filter=et-store-strips 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --split-input-file --et-store-strips=chip=sm_80 | FileCheck %s --check-prefix=SM80
// RUN: not et-opt %s --split-input-file --et-store-strips=chip=sm_1 2>&1 | FileCheck %s --check-prefix=CHIP

// CHIP: expected chip to be sm_80, sm_86, sm_89, sm_90 or sm_90a, but got 'sm_1'

// Slabs with wgmma, squares without; two launches share them, and their regions say nothing of how many there are.
//
// CHECK:       et.weight @w.strips : tensor<192x128xf16, #et.strips<64x64, kept = 8>> from
// SM80:        et.weight @w.strips : tensor<192x128xf16, #et.strips<16x64, kept = 32>> from
// CHECK-LABEL: func.func @tiles
// CHECK-COUNT-2: et.launch "linear" ins(%{{.*}}, %{{.*}} : tensor<?x128xf16>, tensor<192x128xf16, #et.strips<64x64, kept = 8>>)
// SM80-LABEL:  func.func @tiles
// SM80:        et.linear {{.*}} tensor<192x128xf16, #et.tile<16x64>>
#zero = dense<0.0> : tensor<128x128xf16>
#one = dense<1.0> : tensor<64x128xf16>
et.weight @w : tensor<192x128xf16, #et.tile<64x64>> from [#one, #zero]
func.func @tiles(%x: tensor<?x128xf16>, %y: tensor<?x192xf16>) -> (tensor<?x192xf16>, tensor<?x192xf16>) {
  %w = et.weight_ref @w : tensor<192x128xf16, #et.tile<64x64>>
  %v = et.weight_ref @w : tensor<192x128xf16, #et.tile<64x64>>
  %0 = et.launch "linear" ins(%x, %w : tensor<?x128xf16>, tensor<192x128xf16, #et.tile<64x64>>) outs(%y : tensor<?x192xf16>) {
  ^bb0(%a: tensor<?x128xf16>, %b: tensor<192x128xf16, #et.tile<64x64>>, %o: tensor<?x192xf16>):
    %l = et.linear %a, %b : (tensor<?x128xf16>, tensor<192x128xf16, #et.tile<64x64>>) -> tensor<?x192xf16>
    et.yield %l : tensor<?x192xf16>
  } -> tensor<?x192xf16>
  %1 = et.launch "linear" ins(%x, %v : tensor<?x128xf16>, tensor<192x128xf16, #et.tile<64x64>>) outs(%y : tensor<?x192xf16>) {
  ^bb0(%a: tensor<?x128xf16>, %b: tensor<192x128xf16, #et.tile<64x64>>, %o: tensor<?x192xf16>):
    %l = et.linear %a, %b : (tensor<?x128xf16>, tensor<192x128xf16, #et.tile<64x64>>) -> tensor<?x192xf16>
    et.yield %l : tensor<?x192xf16>
  } -> tensor<?x192xf16>
  return %0, %1 : tensor<?x192xf16>, tensor<?x192xf16>
}

// -----

// f32 has no sparse kernels on tensor cores: what it stands for is stored.
//
// CHECK:       et.weight @w.dense : tensor<64x128xf32> from
// CHECK-LABEL: func.func @single
// CHECK:       ins(%{{.*}}, %{{.*}} : tensor<?x128xf32>, tensor<64x128xf32>)
// CHECK:       et.linear {{.*}} (tensor<?x128xf32>, tensor<64x128xf32>)
// REMARK:      [Missed] TilesStoredDense{{.*}}the weight is stored dense: tensor cores multiply sparse weights of f16 and bf16 only{{.*}}convert the model to half precision
et.weight @w : tensor<64x128xf32, #et.tile<16x16>> from [dense<1.0> : tensor<64x128xf32>]
func.func @single(%x: tensor<?x128xf32>, %y: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %w = et.weight_ref @w : tensor<64x128xf32, #et.tile<16x16>>
  %0 = et.launch "linear" ins(%x, %w : tensor<?x128xf32>, tensor<64x128xf32, #et.tile<16x16>>) outs(%y : tensor<?x64xf32>) {
  ^bb0(%a: tensor<?x128xf32>, %b: tensor<64x128xf32, #et.tile<16x16>>, %o: tensor<?x64xf32>):
    %l = et.linear %a, %b : (tensor<?x128xf32>, tensor<64x128xf32, #et.tile<16x16>>) -> tensor<?x64xf32>
    et.yield %l : tensor<?x64xf32>
  } -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Dense weights are none of its business.
//
// CHECK-LABEL: func.func @dense
// CHECK:       ins(%{{.*}}, %{{.*}} : tensor<?x128xf16>, tensor<64x128xf16>)
et.weight @w : tensor<64x128xf16> from [dense<0.0> : tensor<64x128xf16>]
func.func @dense(%x: tensor<?x128xf16>, %y: tensor<?x64xf16>) -> tensor<?x64xf16> {
  %w = et.weight_ref @w : tensor<64x128xf16>
  %0 = et.launch "linear" ins(%x, %w : tensor<?x128xf16>, tensor<64x128xf16>) outs(%y : tensor<?x64xf16>) {
  ^bb0(%a: tensor<?x128xf16>, %b: tensor<64x128xf16>, %o: tensor<?x64xf16>):
    %l = et.linear %a, %b : (tensor<?x128xf16>, tensor<64x128xf16>) -> tensor<?x64xf16>
    et.yield %l : tensor<?x64xf16>
  } -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}
