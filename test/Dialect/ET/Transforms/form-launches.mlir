// RUN: et-opt %s --pass-pipeline='builtin.module(func.func(et-form-launches))' --split-input-file | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#id3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#row = affine_map<(d0, d1) -> (d0)>
#col = affine_map<(d0, d1) -> (d1)>
#batch = affine_map<(d0, d1, d2) -> (d0, d2)>
#none = affine_map<(d0, d1) -> ()>
#swap = affine_map<(d0, d1) -> (d1, d0)>

// What the layer reads becomes the inputs; constants come along; the output has the size of the layer's result.
// CHECK-LABEL: func.func @fuse_activation
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x4xf32>, %[[W:[^:]*]]: tensor<8x4xf32>
// CHECK:       %[[E:.*]] = tensor.empty(%{{.*}}) : tensor<?x8xf32>
// CHECK:       %[[L:.*]] = et.launch "linear+gelu+elementwise" ins(%[[X]], %[[W]] : {{.*}}) outs(%[[E]] : tensor<?x8xf32>)
// CHECK:         arith.constant 0.000000e+00 : f32
// CHECK:         et.linear
// CHECK:         et.gelu
// CHECK:         %[[G:.*]] = linalg.generic
// CHECK:         et.yield %[[G]]
// CHECK:       return %[[L]]
func.func @fuse_activation(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %g = et.gelu %h : tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%g : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %out: f32):
    %r = arith.maximumf %a, %zero : f32
    linalg.yield %r : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A residual, a vector per column and a scalar are read while the sums are in registers.
// CHECK-LABEL: func.func @fuse_operands
// CHECK:       et.launch "linear+elementwise"
func.func @fuse_operands(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %r: tensor<?x8xf32>, %c: tensor<8xf32>, %s: tensor<f32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id, #col, #none, #id], iterator_types = ["parallel", "parallel"]}
      ins(%r, %h, %c, %s : tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>, tensor<f32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %g: f32, %t: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    %1 = arith.mulf %0, %g : f32
    %2 = arith.subf %1, %t : f32
    linalg.yield %2 : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// The norm takes the layer as its input or as its residual, and may yield the sum.
// CHECK-LABEL: func.func @fuse_norm_input
// CHECK:       et.launch "linear+layer_norm"
func.func @fuse_norm_input(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %r: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = et.layer_norm %h residual(%r : tensor<?x8xf32>) {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
// CHECK-LABEL: func.func @fuse_norm_residual_and_sum
// CHECK:       %[[L:.*]]:2 = et.launch "linear+rms_norm" {{.*}} outs(%{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xf32>)
// CHECK:       return %[[L]]#1, %[[L]]#0
func.func @fuse_norm_residual_and_sum(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %r: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y, %s = et.rms_norm %r residual(%h : tensor<?x8xf32>) {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
  return %s, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// Nothing is fused behind a norm.
// CHECK-LABEL: func.func @no_fuse_behind_norm
// CHECK:       et.launch "linear+layer_norm"
// CHECK:       et.launch "gelu"
func.func @no_fuse_behind_norm(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %n = et.layer_norm %h {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  %y = et.gelu %n : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @no_fuse_result_used_twice
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "gelu"
func.func @no_fuse_result_used_twice(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = et.gelu %h : tensor<?x8xf32>
  return %h, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func.func @no_fuse_norm_of_twice_the_layer
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "layer_norm"
func.func @no_fuse_norm_of_twice_the_layer(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = et.layer_norm %h residual(%h : tensor<?x8xf32>) {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// One value per row: the kernel has no such operand.
// CHECK-LABEL: func.func @no_fuse_value_per_row
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "elementwise"
func.func @no_fuse_value_per_row(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %r: tensor<?xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%h, %r : tensor<?x8xf32>, tensor<?xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Some of the leading dimensions: they are one dimension in the kernel.
// CHECK-LABEL: func.func @no_fuse_broadcast_over_tokens
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "elementwise"
func.func @no_fuse_broadcast_over_tokens(%x: tensor<?x?x4xf32>, %w: tensor<8x4xf32>, %r: tensor<?x8xf32>, %e: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %h = et.linear %x, %w : (tensor<?x?x4xf32>, tensor<8x4xf32>) -> tensor<?x?x8xf32>
  %y = linalg.generic {indexing_maps = [#id3, #batch, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%h, %r : tensor<?x?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @no_fuse_transposed
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "elementwise"
func.func @no_fuse_transposed(%x: tensor<8x4xf32>, %w: tensor<8x4xf32>, %e: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %h = et.linear %x, %w : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x8xf32>
  %y = linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %out: f32):
    linalg.yield %a : f32
  } -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// CHECK-LABEL: func.func @no_fuse_reads_destination
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "elementwise"
func.func @no_fuse_reads_destination(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %out: f32):
    %0 = arith.addf %a, %out : f32
    linalg.yield %0 : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Booleans are bytes in memory, doubles do not fit the registers.
// CHECK-LABEL: func.func @no_fuse_boolean_operand
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "elementwise"
func.func @no_fuse_boolean_operand(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %m: tensor<?x8xi1>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%h, %m : tensor<?x8xf32>, tensor<?x8xi1>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: i1, %out: f32):
    %0 = arith.select %b, %a, %zero : f32
    linalg.yield %0 : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
// CHECK-LABEL: func.func @no_fuse_f64_result
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "elementwise"
func.func @no_fuse_f64_result(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %e: tensor<?x8xf64>) -> tensor<?x8xf64> {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<?x8xf32>) outs(%e : tensor<?x8xf64>) {
  ^bb0(%a: f32, %out: f64):
    %0 = arith.extf %a : f32 to f64
    linalg.yield %0 : f64
  } -> tensor<?x8xf64>
  return %y : tensor<?x8xf64>
}

// A value from outside that is no constant.
// CHECK-LABEL: func.func @no_fuse_captured_value
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "elementwise" ins(%{{.*}}, %{{.*}} : tensor<?x8xf32>, f32)
func.func @no_fuse_captured_value(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %s: tensor<f32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %t = tensor.extract %s[] : tensor<f32>
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %out: f32):
    %0 = arith.mulf %a, %t : f32
    linalg.yield %0 : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// What a target marked stays alone.
// CHECK-LABEL: func.func @no_fuse_marked
// CHECK:       et.launch "linear" ins
// CHECK:       et.launch "elementwise"
func.func @no_fuse_marked(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%h : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) attrs = {et.alone} {
  ^bb0(%a: f32, %out: f32):
    linalg.yield %a : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Views stay outside, and what nobody reads gets no launch.
// CHECK-LABEL: func.func @views_and_dead_ops
// CHECK-NOT:   et.launch
// CHECK:       tensor.extract_slice
// CHECK:       tensor.collapse_shape
// CHECK:       return
func.func @views_and_dead_ops(%x: tensor<2x4x8xf32>) -> tensor<64xf32> {
  %dead = et.gelu %x : tensor<2x4x8xf32>
  %s = tensor.extract_slice %x[0, 0, 0] [2, 4, 8] [1, 1, 1] : tensor<2x4x8xf32> to tensor<2x4x8xf32>
  %y = tensor.collapse_shape %s [[0, 1, 2]] : tensor<2x4x8xf32> into tensor<64xf32>
  return %y : tensor<64xf32>
}

// CHECK-LABEL: func.func @empty_function
// CHECK-NEXT:  return
func.func @empty_function() {
  return
}

// Running it again changes nothing.
// CHECK-LABEL: func.func @idempotent
// CHECK-COUNT-1: et.launch
// CHECK-NOT:   et.launch
func.func @idempotent(%x: tensor<4xf32>, %e: tensor<4xf32>) -> tensor<4xf32> {
  %y = et.launch "gelu" ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    et.yield %g : tensor<4xf32>
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// A result that nobody reads may still be read while the op runs: it keeps its destination.
// CHECK-LABEL: func.func @unused_result
// CHECK:         et.launch "reduction" ins(%{{.*}} : tensor<?x?xi32>) outs(%{{.*}}, %{{.*}} : tensor<?xi32>, tensor<?xi64>)
// CHECK-NEXT:    ^bb0(%{{.*}}: tensor<?x?xi32>, %[[MAX:.*]]: tensor<?xi32>, %[[AT:.*]]: tensor<?xi64>):
// CHECK-NEXT:      linalg.generic
// CHECK-SAME:        outs(%[[MAX]], %[[AT]] : tensor<?xi32>, tensor<?xi64>)
func.func @unused_result(%x: tensor<?x?xi32>, %max: tensor<?xi32>, %at: tensor<?xi64>) -> tensor<?xi64> {
  %0:2 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
                         iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x?xi32>) outs(%max, %at : tensor<?xi32>, tensor<?xi64>) {
  ^bb0(%v: i32, %m: i32, %p: i64):
    %j = linalg.index 1 : index
    %ji = arith.index_cast %j : index to i64
    %greater = arith.cmpi sgt, %v, %m : i32
    %nm = arith.select %greater, %v, %m : i32
    %np = arith.select %greater, %ji, %p : i64
    linalg.yield %nm, %np : i32, i64
  } -> (tensor<?xi32>, tensor<?xi64>)
  return %0#1 : tensor<?xi64>
}
