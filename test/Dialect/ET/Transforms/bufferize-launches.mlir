// RUN: et-opt %s --et-bufferize-launches --split-input-file | FileCheck %s

// Outside the launch there are memrefs, inside it still speaks of tensors.
// CHECK-LABEL: func.func @launch
// CHECK-SAME:    %[[X:[^:]*]]: memref<?x4xf32>
// CHECK:       %[[A:.*]] = memref.alloc(%{{.*}}) {{.*}}: memref<?x4xf32>
// CHECK:       et.launch "gelu" ins(%[[X]] : memref<?x4xf32>) outs(%[[A]] : memref<?x4xf32>) {
// CHECK-NEXT:  ^bb0(%[[T:.*]]: tensor<?x4xf32>, %{{.*}}: tensor<?x4xf32>):
// CHECK-NEXT:    et.gelu %[[T]]
// CHECK:       return %[[A]] : memref<?x4xf32>
func.func @launch(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%d) : tensor<?x4xf32>
  %y = et.launch "gelu" ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %o: tensor<?x4xf32>):
    %g = et.gelu %a : tensor<?x4xf32>
    et.yield %g : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Slices and reshapes are views: nothing is copied.
// CHECK-LABEL: func.func @views
// CHECK:       memref.subview
// CHECK-NOT:   memref.copy
// CHECK:       et.launch
func.func @views(%x: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %s = tensor.extract_slice %x[0, 4] [4, 4] [1, 1] : tensor<4x8xf32> to tensor<4x4xf32>
  %e = tensor.empty() : tensor<4x4xf32>
  %y = et.launch "gelu" ins(%s : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%a: tensor<4x4xf32>, %o: tensor<4x4xf32>):
    %g = et.gelu %a : tensor<4x4xf32>
    et.yield %g : tensor<4x4xf32>
  } -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

// An output that is read and still needed is copied first; the argument is not written.
// CHECK-LABEL: func.func @output_still_needed
// CHECK-SAME:    %[[X:[^:]*]]: memref<4xf32>
// CHECK:       %[[A:.*]] = memref.alloc
// CHECK:       memref.copy %[[X]], %[[A]]
// CHECK:       et.launch "add" ins(%{{.*}}) outs(%[[A]]
func.func @output_still_needed(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y = et.launch "add" ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%a : tensor<4xf32>) outs(%o : tensor<4xf32>) {
    ^bb0(%p: f32, %q: f32):
      %s = arith.addf %p, %q : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>
    et.yield %g : tensor<4xf32>
  } -> tensor<4xf32>
  return %x, %y : tensor<4xf32>, tensor<4xf32>
}

// -----

// A weight is a memref of its storage.
et.weight @w : tensor<4x4xf32> from [dense<1.0> : tensor<4x4xf32>]
// CHECK-LABEL: func.func @weight
// CHECK:       et.weight_ref @w : memref<4x4xf32>
func.func @weight() -> tensor<4x4xf32> {
  %w = et.weight_ref @w : tensor<4x4xf32>
  return %w : tensor<4x4xf32>
}

// -----

// CHECK-LABEL: func.func @argument_is_result(%{{.*}}: memref<4xf32>) -> memref<4xf32>
// CHECK-NOT:   memref.alloc
func.func @argument_is_result(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
