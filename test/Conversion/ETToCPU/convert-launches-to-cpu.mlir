// RUN: et-opt %s --et-schedule-cpu=isa=avx2 --et-convert-launches-to-cpu --split-input-file --verify-diagnostics | FileCheck %s

// One parallel region holds all launches. Equal launches share a kernel; all threads meet after each but the last.
// CHECK-LABEL: func.func @share_kernel
// CHECK-SAME:    %[[X:[^:]*]]: memref<?x4xf32>, %[[Y:[^:]*]]: memref<?x4xf32>
// CHECK:       omp.parallel
// CHECK-DAG:     %[[T:.*]] = func.call @omp_get_thread_num
// CHECK-DAG:     %[[N:.*]] = func.call @omp_get_num_threads
// CHECK:         call @[[K:kernel0_gelu]](
// CHECK:         omp.barrier
// CHECK:         call @[[K]](
// CHECK:         omp.barrier
// CHECK:         call @[[O:kernel1_gelu]](
// CHECK-NOT:     omp.barrier
// CHECK:         omp.terminator
// CHECK:       return
// CHECK:       func.func private @[[K]](%{{.*}}: index, %{{.*}}: index
// CHECK:       func.func private @[[O]](%{{.*}}: index, %{{.*}}: index
func.func @share_kernel(%x: memref<?x4xf32>, %y: memref<?x4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  et.launch "gelu" ins(%x : memref<?x4xf32>) outs(%y : memref<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %o: tensor<?x4xf32>):
    %g = et.gelu %a : tensor<?x4xf32>
    et.yield %g : tensor<?x4xf32>
  }
  et.launch "gelu" ins(%y : memref<?x4xf32>) outs(%x : memref<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %o: tensor<?x4xf32>):
    %g = et.gelu %a : tensor<?x4xf32>
    et.yield %g : tensor<?x4xf32>
  }
  // Another kind of GELU is another kernel.
  et.launch "gelu" ins(%y : memref<?x4xf32>) outs(%x : memref<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %o: tensor<?x4xf32>):
    %g = et.gelu %a {approximate = #et.gelu<tanh>} : tensor<?x4xf32>
    et.yield %g : tensor<?x4xf32>
  }
  return
}

// -----

// Nothing to launch: no threads are started.
// CHECK-LABEL: func.func @no_launch
// CHECK-NOT:   omp.parallel
func.func @no_launch(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  return
}

// -----

// A function that was not planned stays as it is.
// CHECK-LABEL: func.func @not_planned
// CHECK:       et.launch
func.func @not_planned(%x: memref<4xf32>) {
  et.launch "gelu" ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}

// -----

// What no kernel takes runs as loops: a sum over the first dimension.
// CHECK-LABEL: func.func @loops
// CHECK:       func.func private @kernel0_reduction
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             arith.addf
func.func @loops(%x: memref<?x4xf32>, %y: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  et.launch "reduction" ins(%x : memref<?x4xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %o: tensor<4xf32>):
    %g = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>], iterator_types = ["reduction", "parallel"]} ins(%a : tensor<?x4xf32>) outs(%o : tensor<4xf32>) {
    ^bb0(%p: f32, %q: f32):
      %s = arith.addf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}
