// RUN: et-opt %s --pass-pipeline='builtin.module(func.func(et-form-launches))' | FileCheck %s --check-prefix=FUSE
// RUN: et-opt %s --pass-pipeline='builtin.module(func.func(et-form-launches{fuse-norms=false}))' | FileCheck %s --check-prefix=SPLIT

// FUSE:      et.launch "linear+gelu+layer_norm"
// SPLIT:     et.launch "linear+gelu"
// SPLIT-NOT: et.layer_norm
// SPLIT:     et.launch "layer_norm"
func.func @norm_behind_linear(%x: tensor<?x64xf16>, %w: tensor<64x64xf16>) -> tensor<?x64xf16> {
  %l = et.linear %x, %w : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
  %g = et.gelu %l : tensor<?x64xf16>
  %y = et.layer_norm %g residual(%x : tensor<?x64xf16>) {eps = 1.0e-12 : f32} : tensor<?x64xf16> -> tensor<?x64xf16>
  return %y : tensor<?x64xf16>
}
