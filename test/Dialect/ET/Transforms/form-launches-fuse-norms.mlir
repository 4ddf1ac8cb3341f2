// RUN: et-opt %s --pass-pipeline='builtin.module(func.func(et-form-launches))' | FileCheck %s --check-prefix=FUSE
// RUN: et-opt %s --pass-pipeline='builtin.module(func.func(et-form-launches{fuse-norms=false}))' | FileCheck %s --check-prefix=SPLIT
// RUN: et-opt %s --pass-pipeline='builtin.module(func.func(et-form-launches{fuse-norms=false takes-row-values}))' | FileCheck %s --check-prefix=ROWS

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

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// Statistics of the layer's input join it, and come behind its result even where nothing else reads them.
// ROWS-LABEL: func.func @statistics_join_the_layer
// ROWS:       %{{.*}}:3 = et.launch "linear+norm_stats+elementwise" ins
// ROWS:         %[[SUMS:.*]] = et.linear
// ROWS-NEXT:    %[[SCALE:.*]], %[[MEAN:.*]] = et.norm_stats
// ROWS:         %[[Y:.*]] = linalg.generic {{.*}} ins(%[[SUMS]], %[[SCALE]] :
// ROWS:         et.yield %[[Y]], %[[SCALE]], %[[MEAN]] :
// ROWS:       -> tensor<?x8xf16>, tensor<?xf32>, tensor<?xf32>
// FUSE-LABEL: func.func @statistics_join_the_layer
// FUSE:       et.launch "linear" ins
// FUSE:       et.launch "norm_stats" ins
// FUSE:       et.launch "elementwise" ins
func.func @statistics_join_the_layer(%x: tensor<?x4xf16>, %w: tensor<8x4xf16>, %e: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %h = et.linear %x, %w : (tensor<?x4xf16>, tensor<8x4xf16>) -> tensor<?x8xf32>
  %scale, %mean = et.norm_stats %x {eps = 1.0e-5 : f32} : tensor<?x4xf16> -> tensor<?xf32>, tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%h, %scale : tensor<?x8xf32>, tensor<?xf32>) outs(%e : tensor<?x8xf16>) {
  ^bb0(%a: f32, %b: f32, %out: f16):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.truncf %0 : f32 to f16
    linalg.yield %1 : f16
  } -> tensor<?x8xf16>
  return %y : tensor<?x8xf16>
}

// They are read before the layer's launch would have computed them.
// ROWS-LABEL: func.func @statistics_are_read_before
// ROWS:       et.launch "norm_stats" ins
// ROWS:       et.launch "elementwise" ins
// ROWS:       et.launch "linear+elementwise" ins
func.func @statistics_are_read_before(%x: tensor<?x4xf16>, %w: tensor<8x4xf16>, %e: tensor<?x8xf16>, %v: tensor<?xf32>) -> (tensor<?xf32>, tensor<?x8xf16>) {
  %h = et.linear %x, %w : (tensor<?x4xf16>, tensor<8x4xf16>) -> tensor<?x8xf32>
  %scale = et.norm_stats %x {eps = 1.0e-5 : f32} : tensor<?x4xf16> -> tensor<?xf32>
  %twice = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%scale : tensor<?xf32>) outs(%v : tensor<?xf32>) {
  ^bb0(%a: f32, %out: f32):
    %0 = arith.addf %a, %a : f32
    linalg.yield %0 : f32
  } -> tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%h, %scale : tensor<?x8xf32>, tensor<?xf32>) outs(%e : tensor<?x8xf16>) {
  ^bb0(%a: f32, %b: f32, %out: f16):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.truncf %0 : f32 to f16
    linalg.yield %1 : f16
  } -> tensor<?x8xf16>
  return %twice, %y : tensor<?xf32>, tensor<?x8xf16>
}
