// RUN: et-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-gelu.sh' | FileCheck %s
// RUN: et-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-gelu.sh' -o %t && FileCheck %s < %t

// What the script asks for stays; the function beside it and the ops that nothing uses go.

// CHECK-NOT: @unrelated
// CHECK:     @culprit
// CHECK:     et.gelu
// CHECK-NOT: et.layer_norm
func.func @unrelated(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = et.layer_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

func.func @culprit(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = et.gelu %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
