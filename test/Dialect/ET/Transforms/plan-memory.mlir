// RUN: et-opt %s --et-plan-cpu=isa=baseline --split-input-file | FileCheck %s

// Two intermediate buffers that are never live together share a slot: each launch reads one and writes the other, the
// last one writes to the caller's memory.
// CHECK-LABEL: func.func @chain.sizes
// CHECK-LABEL: func.func @chain(
// CHECK-SAME:    %[[X:[^:]*]]: memref<?x4xf32>, %[[OUT:[^:]*]]: memref<?xi8>, %[[ARENA:[^:]*]]: memref<?xi8>
// CHECK-SAME:    memref<2xi64>, %{{[^:]*}}: i32
// CHECK-DAG:   %[[R:.*]] = memref.view %[[OUT]]
// CHECK-DAG:   %[[A:.*]] = memref.view %[[ARENA]][%[[AT:.*]]][
// CHECK:       et.launch "layer_norm" {{.*}} ins(%[[X]] : {{.*}}) outs(%[[A]]
// CHECK:       et.launch "rms_norm" {{.*}} ins(%[[A]] : {{.*}}) outs(%[[B:.*]] : memref
// CHECK:       et.launch "layer_norm" {{.*}} ins(%[[B]] : {{.*}}) outs(%[[A]]
// CHECK:       et.launch "rms_norm" {{.*}} ins(%[[A]] : {{.*}}) outs(%[[R]]
func.func @chain(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>
  %1 = et.rms_norm %0 {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>
  %2 = et.layer_norm %1 {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>
  %3 = et.rms_norm %2 {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>
  return %3 : tensor<?x4xf32>
}

// -----

// A buffer that is read again later keeps its slot.
// CHECK-LABEL: func.func @live_across(
// CHECK:       et.launch "layer_norm" {{.*}} outs(%[[A:.*]] : memref
// CHECK:       et.launch "rms_norm" {{.*}} ins(%[[A]] : {{.*}}) outs(%[[B:.*]] : memref
// CHECK-NOT:   outs(%[[A]]
// CHECK:       et.launch "layer_norm" {{.*}} ins(%[[B]], %[[A]]
func.func @live_across(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>
  %1 = et.rms_norm %0 {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>
  %2 = et.layer_norm %1 residual(%0 : tensor<?x4xf32>) {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// -----

// A view keeps what it shows alive.
// CHECK-LABEL: func.func @live_through_view(
// CHECK:       et.launch "layer_norm" {{.*}} outs(%[[A:.*]] : memref<2x4xf32>)
// CHECK:       %[[S:.*]] = memref.subview %[[A]][0, 2]
// CHECK:       et.launch "rms_norm"
// CHECK-NOT:   outs(%[[A]]
// CHECK:       et.launch "gelu" {{.*}} ins(%[[S]] :
func.func @live_through_view(%x: tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x4xf32>) {
  %0 = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<2x4xf32> -> tensor<2x4xf32>
  %s = tensor.extract_slice %0[0, 2] [2, 2] [1, 1] : tensor<2x4xf32> to tensor<2x2xf32>
  %1 = et.rms_norm %x {eps = 1.0e-5 : f32} : tensor<2x4xf32> -> tensor<2x4xf32>
  %2 = et.gelu %1 : tensor<2x4xf32>
  %3 = et.gelu %s : tensor<2x2xf32>
  return %3, %2 : tensor<2x2xf32>, tensor<2x4xf32>
}

// -----

// Results that are an argument, or one value twice, or a slice: copied to the caller, each by a launch.
// CHECK-LABEL: func.func @results(
// CHECK:       et.launch "gelu"
// CHECK-COUNT-3: et.launch "copy"
// CHECK-NOT:   et.launch
func.func @results(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x2xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %y = et.gelu %x : tensor<?x4xf32>
  %s = tensor.extract_slice %y[0, 1] [%n, 2] [1, 1] : tensor<?x4xf32> to tensor<?x2xf32>
  return %x, %y, %y, %s : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x2xf32>
}

// -----

// Every size of every result is told, after the bytes of the arena.
// CHECK-LABEL: func.func @sizes.sizes(
// CHECK-SAME:    %[[X:[^:]*]]: memref<?x?x4xf32>, %{{[^:]*}}: i32, %[[S:[^:]*]]: memref<?xi64>
// CHECK-DAG:   %[[D0:.*]] = memref.dim %[[X]], %c0
// CHECK-DAG:   %[[D1:.*]] = memref.dim %[[X]], %c1
// CHECK-COUNT-4: memref.store
func.func @sizes(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %y = et.gelu %x : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

// CHECK-LABEL: func.func @empty_function.sizes
// CHECK-LABEL: func.func @empty_function
// CHECK-NOT:   et.launch
func.func @empty_function() {
  return
}

// -----

// Weights stand one after the other, each at a multiple of 64 bytes; one that nothing reads is dropped.
// CHECK-NOT:   @unused
// CHECK-DAG:   et.weight @{{.*}} : tensor<3xf32> at 0
// CHECK-DAG:   et.weight @{{.*}} : tensor<5xf32> at 64
et.weight @unused : tensor<4xf32> from [dense<1.0> : tensor<4xf32>]
func.func @weights(%x: tensor<3xf32>, %y: tensor<5xf32>) -> (tensor<3xf32>, tensor<5xf32>) {
  %a = arith.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<5xf32>
  %b = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %0 = et.rms_norm %x gamma(%b : tensor<3xf32>) {eps = 1.0e-5 : f32} : tensor<3xf32> -> tensor<3xf32>
  %1 = et.rms_norm %y gamma(%a : tensor<5xf32>) {eps = 1.0e-5 : f32} : tensor<5xf32> -> tensor<5xf32>
  return %0, %1 : tensor<3xf32>, tensor<5xf32>
}
