// RUN: et-opt %s --et-copy-uneven-rows --split-input-file --remarks-filter-missed=et-copy-uneven-rows 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// The first of three heads of each token: as rows, they do not lie evenly.
// REMARK:      [Missed]{{.*}}Copy
// REMARK-SAME: an operand is copied: the rows of memref<?x?x8xf32, strided<[?, 24, 1]>> are not evenly spaced in memory
// CHECK-LABEL: func.func @head
// CHECK:         %[[HEAD:.*]] = memref.subview
// CHECK:         %[[BUFFER:.*]] = memref.alloc(%{{.*}}, %{{.*}}) {alignment = 64 : i64} : memref<?x?x8xf32>
// CHECK:         memref.copy %[[HEAD]], %[[BUFFER]]
// CHECK:         et.launch "rms_norm" ins(%[[BUFFER]] : memref<?x?x8xf32>)
func.func @head(%x: memref<?x?x3x8xf32>, %y: memref<?x?x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = memref.dim %x, %c0 : memref<?x?x3x8xf32>
  %s = memref.dim %x, %c1 : memref<?x?x3x8xf32>
  %h = memref.subview %x[0, 0, 0, 0] [%b, %s, 1, 8] [1, 1, 1, 1] : memref<?x?x3x8xf32> to memref<?x?x8xf32, strided<[?, 24, 1]>>
  et.launch "rms_norm" ins(%h : memref<?x?x8xf32, strided<[?, 24, 1]>>) outs(%y : memref<?x?x8xf32>) {
  ^bb0(%a: tensor<?x?x8xf32>, %o: tensor<?x?x8xf32>):
    %r = et.rms_norm %a {eps = 1.0e-5 : f32} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
    et.yield %r : tensor<?x?x8xf32>
  }
  return
}

// -----

// A result that is a part of each sequence is copied there afterwards.
// REMARK:      a result is copied: the rows of memref<?x4x8xf32, strided<[40, 8, 1], offset: 8>>
// CHECK-LABEL: func.func @result
// CHECK:         %[[PART:.*]] = memref.subview
// CHECK:         %[[BUFFER:.*]] = memref.alloc(%{{.*}}) {alignment = 64 : i64} : memref<?x4x8xf32>
// CHECK:         et.launch "rms_norm" ins(%{{.*}}) outs(%[[BUFFER]] : memref<?x4x8xf32>)
// CHECK:         memref.copy %[[BUFFER]], %[[PART]]
func.func @result(%x: memref<?x4x8xf32>, %y: memref<?x5x8xf32>) {
  %c0 = arith.constant 0 : index
  %b = memref.dim %x, %c0 : memref<?x4x8xf32>
  %part = memref.subview %y[0, 1, 0] [%b, 4, 8] [1, 1, 1] : memref<?x5x8xf32> to memref<?x4x8xf32, strided<[40, 8, 1], offset: 8>>
  et.launch "rms_norm" ins(%x : memref<?x4x8xf32>) outs(%part : memref<?x4x8xf32, strided<[40, 8, 1], offset: 8>>) {
  ^bb0(%a: tensor<?x4x8xf32>, %o: tensor<?x4x8xf32>):
    %r = et.rms_norm %a {eps = 1.0e-5 : f32} : tensor<?x4x8xf32> -> tensor<?x4x8xf32>
    et.yield %r : tensor<?x4x8xf32>
  }
  return
}

// -----

// Columns of all rows, whose number is told by memref.dim, an allocation or a view; and rows of rank 2: nothing to copy.
// CHECK-LABEL: func.func @even
// CHECK-NOT:     memref.copy
func.func @even(%x: memref<?x?x24xf32>, %bytes: memref<?xi8>, %b: index, %s: index, %y: memref<?x?x8xf32>, %z: memref<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %xb = memref.dim %x, %c0 : memref<?x?x24xf32>
  %xs = memref.dim %x, %c1 : memref<?x?x24xf32>
  %0 = memref.subview %x[0, 0, 8] [%xb, %xs, 8] [1, 1, 1] : memref<?x?x24xf32> to memref<?x?x8xf32, strided<[?, 24, 1], offset: 8>>
  et.launch "rms_norm" ins(%0 : memref<?x?x8xf32, strided<[?, 24, 1], offset: 8>>) outs(%y : memref<?x?x8xf32>) {
  ^bb0(%a: tensor<?x?x8xf32>, %o: tensor<?x?x8xf32>):
    %r = et.rms_norm %a {eps = 1.0e-5 : f32} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
    et.yield %r : tensor<?x?x8xf32>
  }
  %view = memref.view %bytes[%c0][%b, %s] : memref<?xi8> to memref<?x?x24xf32>
  %1 = memref.subview %view[0, 0, 8] [%b, %s, 8] [1, 1, 1] : memref<?x?x24xf32> to memref<?x?x8xf32, strided<[?, 24, 1], offset: 8>>
  et.launch "rms_norm" ins(%1 : memref<?x?x8xf32, strided<[?, 24, 1], offset: 8>>) outs(%y : memref<?x?x8xf32>) {
  ^bb0(%a: tensor<?x?x8xf32>, %o: tensor<?x?x8xf32>):
    %r = et.rms_norm %a {eps = 1.0e-5 : f32} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
    et.yield %r : tensor<?x?x8xf32>
  }
  %alloc = memref.alloc(%b, %s) : memref<?x?x24xf32>
  %2 = memref.subview %alloc[0, 0, 8] [%b, %s, 8] [1, 1, 1] : memref<?x?x24xf32> to memref<?x?x8xf32, strided<[?, 24, 1], offset: 8>>
  et.launch "rms_norm" ins(%2 : memref<?x?x8xf32, strided<[?, 24, 1], offset: 8>>) outs(%y : memref<?x?x8xf32>) {
  ^bb0(%a: tensor<?x?x8xf32>, %o: tensor<?x?x8xf32>):
    %r = et.rms_norm %a {eps = 1.0e-5 : f32} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
    et.yield %r : tensor<?x?x8xf32>
  }
  %first = memref.subview %x[0, 0, 0] [%xb, 1, 8] [1, 1, 1] : memref<?x?x24xf32> to memref<?x8xf32, strided<[?, 1]>>
  et.launch "rms_norm" ins(%first : memref<?x8xf32, strided<[?, 1]>>) outs(%z : memref<?x8xf32>) {
  ^bb0(%a: tensor<?x8xf32>, %o: tensor<?x8xf32>):
    %r = et.rms_norm %a {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
    et.yield %r : tensor<?x8xf32>
  }
  return
}

// -----

// Only some rows of each sequence, told by another size than that of the source: a copy. Indices without gaps: a copy.
// REMARK:      memref<?x?x8xf32, strided<[?, 24, 1]>>
// REMARK:      memref<?x?xi64, strided<[?, 1]>>
// CHECK-LABEL: func.func @some_rows
// CHECK-COUNT-2: memref.copy
func.func @some_rows(%x: memref<?x?x24xf32>, %n: index, %y: memref<?x?x8xf32>, %ids: memref<?x?xi64>, %table: memref<5x8xf32>) {
  %c0 = arith.constant 0 : index
  %b = memref.dim %x, %c0 : memref<?x?x24xf32>
  %0 = memref.subview %x[0, 0, 0] [%b, %n, 8] [1, 1, 1] : memref<?x?x24xf32> to memref<?x?x8xf32, strided<[?, 24, 1]>>
  et.launch "rms_norm" ins(%0 : memref<?x?x8xf32, strided<[?, 24, 1]>>) outs(%y : memref<?x?x8xf32>) {
  ^bb0(%a: tensor<?x?x8xf32>, %o: tensor<?x?x8xf32>):
    %r = et.rms_norm %a {eps = 1.0e-5 : f32} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
    et.yield %r : tensor<?x?x8xf32>
  }
  %1 = memref.subview %ids[0, 0] [%b, %n] [1, 1] : memref<?x?xi64> to memref<?x?xi64, strided<[?, 1]>>
  et.launch "embedding" ins(%1, %table : memref<?x?xi64, strided<[?, 1]>>, memref<5x8xf32>) outs(%y : memref<?x?x8xf32>) {
  ^bb0(%i: tensor<?x?xi64>, %t: tensor<5x8xf32>, %o: tensor<?x?x8xf32>):
    %r = et.embedding %i, %t : (tensor<?x?xi64>, tensor<5x8xf32>) -> tensor<?x?x8xf32>
    et.yield %r : tensor<?x?x8xf32>
  }
  return
}
