// Tiled or not, the numbers are the same: rows of a tile know where the tile begins.
// RUN: et-opt %s --et-decompose | mlir-opt --test-transform-dialect-erase-schedule %upstream_to_llvm | %run_main | FileCheck %s
// RUN: et-opt %s --transform-interpreter --et-decompose | mlir-opt --test-transform-dialect-erase-schedule %upstream_to_llvm | %run_main | FileCheck %s

func.func private @printMemrefF32(tensor<*xf32>) attributes {llvm.emit_c_interface}

#q = affine_map<(b, m, n, k, v) -> (b, m, k)>
#k = affine_map<(b, m, n, k, v) -> (b, n, k)>
#v = affine_map<(b, m, n, k, v) -> (b, n, v)>
#o = affine_map<(b, m, n, k, v) -> (m, b, v)>

func.func @attention(%q: tensor<?x?x1xf32>, %v: tensor<?x?x1xf32>) -> (tensor<?x?x1xf32>, tensor<?x?x1xf32>, tensor<?x?x1xf32>) {
  %window = et.attention query(%q : tensor<?x?x1xf32>) key(%v : tensor<?x?x1xf32>) value(%v : tensor<?x?x1xf32>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<window, left = 1, right = 0, global = 1>} -> tensor<?x?x1xf32>
  %lower = et.attention query(%q : tensor<?x?x1xf32>) key(%v : tensor<?x?x1xf32>) value(%v : tensor<?x?x1xf32>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<causal, lower_right>} -> tensor<?x?x1xf32>
  // The score of a row is its number times that of the key: row i sees the largest key only, for large i.
  %score = et.attention query(%q : tensor<?x?x1xf32>) key(%v : tensor<?x?x1xf32>) value(%v : tensor<?x?x1xf32>)
    {indexing_maps = [#q, #k, #v, #o]} score {
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
    %ij = arith.muli %i, %j : index
    %bij = arith.addi %ij, %b : index
    %c = arith.index_cast %bij : index to i32
    %f = arith.sitofp %c : i32 to f32
    et.yield %f : f32
  } -> tensor<?x?x1xf32>
  return %window, %lower, %score : tensor<?x?x1xf32>, tensor<?x?x1xf32>, tensor<?x?x1xf32>
}

// CHECK:      sizes = [5, 1, 1]
// CHECK-NEXT: 3.6
// CHECK-NEXT: 1.5
// CHECK-NEXT: 2
// CHECK-NEXT: 2.66667
// CHECK-NEXT: 4.33333
// CHECK:      sizes = [5, 1, 1]
// CHECK-NEXT: {{[[][[][[]1[]]}}
// CHECK-NEXT: 1.5
// CHECK-NEXT: 2
// CHECK-NEXT: 2.5
// CHECK-NEXT: 3.6
// CHECK:      sizes = [5, 1, 1]
// CHECK-NEXT: 3.6
// CHECK-NEXT: 6.361
// CHECK-NEXT: 7.437
// CHECK-NEXT: 7.798
// CHECK-NEXT: 7.926
func.func @main() {
  %q = arith.constant dense<0.0> : tensor<1x5x1xf32>
  %v = arith.constant dense<[[[1.0], [2.0], [3.0], [4.0], [8.0]]]> : tensor<1x5x1xf32>
  %qd = tensor.cast %q : tensor<1x5x1xf32> to tensor<?x?x1xf32>
  %vd = tensor.cast %v : tensor<1x5x1xf32> to tensor<?x?x1xf32>
  %o:3 = call @attention(%qd, %vd) : (tensor<?x?x1xf32>, tensor<?x?x1xf32>) -> (tensor<?x?x1xf32>, tensor<?x?x1xf32>, tensor<?x?x1xf32>)
  %u0 = tensor.cast %o#0 : tensor<?x?x1xf32> to tensor<*xf32>
  call @printMemrefF32(%u0) : (tensor<*xf32>) -> ()
  %u1 = tensor.cast %o#1 : tensor<?x?x1xf32> to tensor<*xf32>
  call @printMemrefF32(%u1) : (tensor<*xf32>) -> ()
  %u2 = tensor.cast %o#2 : tensor<?x?x1xf32> to tensor<*xf32>
  call @printMemrefF32(%u2) : (tensor<*xf32>) -> ()
  return
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["et.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.tile_using_for %op tile_sizes [1, 2, 0, 0, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}
