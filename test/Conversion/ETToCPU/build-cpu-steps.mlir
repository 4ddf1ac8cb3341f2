// RUN: et-opt %s --et-build-cpu-steps --split-input-file --verify-diagnostics | FileCheck %s

// A buffer is its address, its dynamic sizes and its dynamic strides; what the type knows is not passed.
// CHECK-LABEL: llvm.func @k.step(
// CHECK-SAME:    %[[ARGS:[^:]*]]: !llvm.ptr, %[[T:[^:]*]]: i64, %[[N:[^:]*]]: i64, %[[SCRATCH:[^:]*]]: !llvm.ptr)
// CHECK-DAG:     %[[TID:.*]] = arith.index_cast %[[T]] : i64 to index
// CHECK-DAG:     %[[NTH:.*]] = arith.index_cast %[[N]] : i64 to index
// CHECK:         llvm.getelementptr %[[ARGS]][0]
// CHECK:         llvm.load {{.*}} -> !llvm.ptr
// CHECK:         llvm.getelementptr %[[ARGS]][1]
// CHECK:         llvm.load {{.*}} -> i64
// CHECK:         llvm.getelementptr %[[ARGS]][2]
// CHECK:         llvm.load {{.*}} -> i64
// CHECK:         %[[X:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<?x4xf32, strided<[?, 1], offset: ?>>
// CHECK:         llvm.getelementptr %[[ARGS]][3]
// CHECK:         %[[Y:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<4xf32>
// CHECK:         llvm.getelementptr %[[ARGS]][4]
// CHECK:         %[[I:.*]] = arith.index_cast {{.*}} : i64 to index
// CHECK-NOT:     llvm.getelementptr
// CHECK:         llvm.insertvalue %[[SCRATCH]]
// CHECK:         %[[S:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<?xf32>
// CHECK:         llvm.getelementptr %[[ARGS]][5]
// CHECK:         %[[STATUS:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<2xi64>
// CHECK:         call @k(%[[TID]], %[[NTH]], %[[X]], %[[Y]], %[[I]], %[[S]], %[[STATUS]])
// CHECK-NOT:   func.func private @k.step
func.func private @k.step(memref<?x4xf32, strided<[?, 1], offset: ?>>, memref<4xf32>, index) attributes {et.kernel = @k, et.takes_scratch, et.takes_status}
func.func private @k(%t: index, %n: index, %x: memref<?x4xf32, strided<[?, 1], offset: ?>>, %y: memref<4xf32>, %i: index, %s: memref<?xf32>, %status: memref<2xi64>) {
  return
}

// -----

// A function without et.kernel is somebody else's.
// CHECK-LABEL: func.func private @other
func.func private @other(memref<4xf32>)

// -----

// expected-error @+1 {{expected et.kernel to name a function of two numbers, the step's buffers, and scratch memory and status where it takes them}}
func.func private @missing.step(memref<4xf32>) attributes {et.kernel = @missing}

// -----

// expected-error @+1 {{expected et.kernel to name a function of two numbers}}
func.func private @status.step(memref<4xf32>) attributes {et.kernel = @status, et.takes_status}
func.func private @status(%t: index, %n: index, %x: memref<4xf32>) {
  return
}

// -----

// expected-error @+1 {{is still called; a saved program calls it in place of the function that does}}
func.func private @called.step(memref<4xf32>) attributes {et.kernel = @called}
func.func private @called(%t: index, %n: index, %x: memref<4xf32>) {
  return
}
func.func @f(%x: memref<4xf32>) {
  call @called.step(%x) : (memref<4xf32>) -> ()
  return
}

// -----

// expected-error @+1 {{expected buffers and sizes, but an argument is 'f32'}}
func.func private @scalar.step(f32) attributes {et.kernel = @scalar}
func.func private @scalar(%t: index, %n: index, %x: f32) {
  return
}
