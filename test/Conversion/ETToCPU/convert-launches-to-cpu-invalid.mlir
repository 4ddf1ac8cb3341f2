// RUN: et-opt %s --et-convert-launches-to-cpu --split-input-file --verify-diagnostics

func.func @no_schedule(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no schedule for a CPU; run --et-schedule-cpu first}}
  et.launch "gelu" ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}

// -----

func.func @unknown_level(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule for an unknown instruction set level, "sse9"}}
  et.launch "gelu" schedule {isa = "sse9"} ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}

// -----

// Loops have no memory for what one op hands to the next.
func.func @two_ops(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{cannot run as loops: 'linalg.generic' reads an intermediate result that has no buffer}}
  et.launch "two" schedule {isa = "baseline"} ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %g = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%p: f32, %q: f32):
      %s = arith.addf %p, %p : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}
