// RUN: et-opt %s --et-prefetch-weights="l2-bytes=1000000" --split-input-file | FileCheck %s
// RUN: et-opt %s --et-prefetch-weights="l2-bytes=1000000 distance=1 max-rows=96" --split-input-file | FileCheck %s --check-prefix=NEAR
// RUN: et-opt %s --et-prefetch-weights="l2-bytes=1000000 in-flight-bytes=8192" --split-input-file | FileCheck %s --check-prefix=LITTLE
// RUN: et-opt %s --et-prefetch-weights="l2-bytes=2400000" --split-input-file | FileCheck %s --check-prefix=SHARED
// RUN: et-opt %s --et-prefetch-weights="chip=sm_80 l2-bytes=1000000" --split-input-file | FileCheck %s --check-prefix=OLD
// RUN: et-opt %s --et-prefetch-weights="l2-bytes=1000000" --split-input-file --remarks-filter=et-prefetch-weights --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not et-opt %s --et-prefetch-weights="chip=sm_42" 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not et-opt %s --et-prefetch-weights="distance=0" 2>&1 | FileCheck %s --check-prefix=DISTANCE

// CHIP:     expected chip to be sm_80, sm_86, sm_89, sm_90 or sm_90a, but got 'sm_42'
// DISTANCE: expected max-rows and distance to be positive, but got 512 and 0
// There is nothing that could ask without bulk copies.
// OLD-NOT:  et.prefetch

// Four weights of 1179648 bytes and five launches that may ask: 1.5 times a fifth of all for each, as long as there is
// some. The weight of the launch behind the next is the first. An element-wise launch does not ask.
// CHECK-LABEL:  func.func @four(
// CHECK-SAME:   %[[X:[^:]*]]: memref<?x768xf16>, %{{.*}}, %{{.*}}, %[[WEIGHTS:[^:]*]]: memref<?xi8>, %{{.*}}, %{{.*}})
// CHECK:        %[[C2:c1179648_.*]] = arith.constant 1179648 : index
// CHECK-NEXT:   %[[SECOND:.*]] = memref.view %[[WEIGHTS]][%[[C2]]][] : memref<?xi8> to memref<1179648xi8>
// CHECK-NEXT:   %[[C3:.*]] = arith.constant 2359296 : index
// CHECK-NEXT:   %[[THIRD:.*]] = memref.view %[[WEIGHTS]][%[[C3]]][] : memref<?xi8> to memref<237568xi8>
// CHECK:        %[[ROWS:.*]] = memref.dim %[[X]]
// CHECK-NEXT:   et.prefetch %[[SECOND]], %[[THIRD]] rows %[[ROWS]] most 512 : memref<1179648xi8>, memref<237568xi8>
// CHECK-NEXT:   et.launch "first"
// CHECK-NOT:    et.prefetch
// CHECK:        et.launch "gelu"
// CHECK:        %[[C3B:.*]] = arith.constant 2596864 : index
// CHECK-NEXT:   memref.view %[[WEIGHTS]][%[[C3B]]][] : memref<?xi8> to memref<942080xi8>
// CHECK:        et.prefetch %{{.*}}, %{{.*}} most 512 : memref<942080xi8>, memref<475136xi8>
// CHECK-NEXT:   et.launch "layer_norm"
// CHECK:        et.prefetch %{{.*}} most 512 : memref<704512xi8>
// CHECK-NEXT:   et.launch "second"
// CHECK-NOT:    et.prefetch
// CHECK:        return
// NEAR-LABEL:   func.func @four(
// NEAR:         et.prefetch %{{.*}} most 96 : memref<1179648xi8>, memref<237568xi8>
// NEAR-NEXT:    et.launch "first"
// LITTLE-LABEL: func.func @four(
// LITTLE:       et.prefetch %{{.*}} most 512 : memref<8192xi8>
// LITTLE-NEXT:  et.launch "first"
// REMARK:       first asks for 1179648 of 1179648 bytes for launch 3, 237568 of 1179648 bytes for launch 4, with up to 512 rows
// REMARK:       second asks for 704512 of 1179648 bytes for launch 5, with up to 512 rows
func.func @four(%x: memref<?x768xf16>, %y: memref<?x768xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %w0 = memref.view %weights[%c0][] : memref<?xi8> to memref<768x768xf16>
  %c1179648 = arith.constant 1179648 : index
  %w1 = memref.view %weights[%c1179648][] : memref<?xi8> to memref<768x768xf16>
  %c2359296 = arith.constant 2359296 : index
  %w2 = memref.view %weights[%c2359296][] : memref<?xi8> to memref<768x768xf16>
  %c3538944 = arith.constant 3538944 : index
  %w3 = memref.view %weights[%c3538944][] : memref<?xi8> to memref<768x768xf16>
  et.launch "first" ins(%x, %w0 : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "gelu" ins(%y : memref<?x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %o: tensor<?x768xf16>):
    %n = et.gelu %a : tensor<?x768xf16>
    et.yield %n : tensor<?x768xf16>
  }
  et.launch "layer_norm" ins(%y : memref<?x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %o: tensor<?x768xf16>):
    %n = et.layer_norm %a {eps = 1.0e-12 : f32} : tensor<?x768xf16> -> tensor<?x768xf16>
    et.yield %n : tensor<?x768xf16>
  }
  et.launch "second" ins(%y, %w1 : memref<?x768xf16>, memref<768x768xf16>) outs(%x : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "third" ins(%x, %w2 : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "fourth" ins(%y, %w3 : memref<?x768xf16>, memref<768x768xf16>) outs(%x : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}

// -----

// Half a megabyte of weights stays in L2 anyway.
// CHECK-LABEL: func.func @no_prefetch_small(
// CHECK-NOT:   et.prefetch
// REMARK:      the 196608 bytes of weights stay in L2 from call to call, which holds 1000000 of them
func.func @no_prefetch_small(%x: memref<?x768xf16>, %y: memref<?x768xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %w = memref.view %weights[%c0][] : memref<?xi8> to memref<128x768xf16>
  %z = memref.view %arena[%c0][] : memref<?xi8> to memref<64x128xf16>
  et.launch "linear" ins(%x, %w : memref<?x768xf16>, memref<128x768xf16>) outs(%z : memref<64x128xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<128x768xf16>, %o: tensor<64x128xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<128x768xf16>) -> tensor<?x128xf16>
    %s = tensor.cast %l : tensor<?x128xf16> to tensor<64x128xf16>
    et.yield %s : tensor<64x128xf16>
  }
  return
}

// -----

// Chunks that only many rows have neither ask nor are asked for.
// CHECK-LABEL: func.func @chunks(
// CHECK-NOT:   et.prefetch
// CHECK:       et.prefetch %{{.*}} rows %{{.*}} most 512 : memref<1179648xi8>
// CHECK-NEXT:  et.launch "first"
// CHECK-NOT:   et.prefetch
// CHECK:       return
func.func @chunks(%x: memref<?x768xf16>, %y: memref<?x768xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %w0 = memref.view %weights[%c0][] : memref<?xi8> to memref<768x768xf16>
  %c1179648 = arith.constant 1179648 : index
  %w1 = memref.view %weights[%c1179648][] : memref<?xi8> to memref<768x768xf16>
  %c2359296 = arith.constant 2359296 : index
  %w2 = memref.view %weights[%c2359296][] : memref<?xi8> to memref<768x768xf16>
  et.launch "first" ins(%x, %w0 : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "second" ins(%y, %w1 : memref<?x768xf16>, memref<768x768xf16>) outs(%x : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  } {et.rows = array<i64: 0, 4224>}
  et.launch "again" ins(%y, %w1 : memref<?x768xf16>, memref<768x768xf16>) outs(%x : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  } {et.rows = array<i64: 1024, 4224>}
  et.launch "third" ins(%x, %w2 : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}

// -----

// An input of the program is no weight that is there before a call.
// CHECK-LABEL: func.func @no_prefetch_input(
// CHECK-NOT:   et.prefetch
// CHECK:       return
func.func @no_prefetch_input(%x: memref<?x768xf16>, %y: memref<?x768xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %w0 = memref.view %weights[%c0][] : memref<?xi8> to memref<768x768xf16>
  %c1179648 = arith.constant 1179648 : index
  %w1 = memref.view %weights[%c1179648][] : memref<?xi8> to memref<768x768xf16>
  %v = memref.view %arena[%c0][] : memref<?xi8> to memref<768x768xf16>
  et.launch "first" ins(%x, %w0 : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "second" ins(%y, %w1 : memref<?x768xf16>, memref<768x768xf16>) outs(%x : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "third" ins(%x, %v : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}

// -----

// Layers that share one weight find it in L2 from the first of them on, with which the call begins anyway.
// SHARED-LABEL: func.func @four(
// SHARED:       et.prefetch
// SHARED-LABEL: func.func @no_prefetch_shared(
// SHARED-NOT:   et.prefetch
func.func @no_prefetch_shared(%x: memref<?x768xf16>, %y: memref<?x768xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %c1179648 = arith.constant 1179648 : index
  %w0 = memref.view %weights[%c0][] : memref<?xi8> to memref<768x768xf16>
  %w1 = memref.view %weights[%c1179648][] : memref<?xi8> to memref<768x768xf16>
  et.launch "first" ins(%x, %w0 : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "second" ins(%y, %w1 : memref<?x768xf16>, memref<768x768xf16>) outs(%x : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "third" ins(%x, %w0 : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "fourth" ins(%y, %w1 : memref<?x768xf16>, memref<768x768xf16>) outs(%x : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}
