// RUN: et-opt %s --et-schedule-cpu=isa=avx2 --et-convert-launches-to-cpu=steps | FileCheck %s

// With steps each launch is a call that takes its buffers alone, and no thread is started.
// CHECK-LABEL: func.func @share_kernel
// CHECK-NOT:     omp.parallel
// CHECK:         call @[[K:kernel0_gelu]].step(%{{.*}}, %{{.*}}) {et.name = "gelu"} : (memref<?x?xf32{{.*}}>, memref<?x?xf32{{.*}}>) -> ()
// CHECK:         call @[[K]].step(
// CHECK-NOT:     call
// CHECK:       func.func private @[[K]].step(memref<?x?xf32{{.*}}>, memref<?x?xf32{{.*}}>) attributes {et.kernel = @[[K]]}
// CHECK-NOT:   func.func private @{{.*}}.step
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
  return
}
