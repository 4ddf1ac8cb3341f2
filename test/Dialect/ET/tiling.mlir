// RUN: et-opt %s --transform-interpreter --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

#q = affine_map<(b, m, n, k, v) -> (b, m, k)>
#k = affine_map<(b, m, n, k, v) -> (b, n, k)>
#v = affine_map<(b, m, n, k, v) -> (b, n, v)>
#p = affine_map<(b, m, n, k, v) -> (b, n)>
#o = affine_map<(b, m, n, k, v) -> (m, b, v)>

// Causality depends on the row: it moves into the score region, which knows where the tile begins.
// CHECK-LABEL: func.func @attention
// CHECK-SAME:  %[[Q:[a-z0-9]+]]: tensor<?x?x8xf32>, %[[K:[a-z0-9]+]]: tensor<?x?x8xf32>, %{{.*}}: tensor<?x?x8xf32>, %[[MASK:[a-z0-9]+]]:
// CHECK:       scf.forall (%[[B:.*]], %[[I:.*]]) in
// CHECK-DAG:     %[[ROW:.*]] = affine.apply {{.*}}(%[[I]])
// CHECK-DAG:     %[[QT:.*]] = tensor.extract_slice %[[Q]][%[[B]], %[[ROW]], 0] [1, %{{.*}}, 8]
// CHECK-DAG:     %[[KT:.*]] = tensor.extract_slice %[[K]][%[[B]], 0, 0] [1, %{{.*}}, 8]
// CHECK-DAG:     %[[MT:.*]] = tensor.extract_slice %[[MASK]][%[[B]], 0] [1, %{{.*}}]
// CHECK:         et.attention query(%[[QT]] : tensor<1x?x8xf32>) key(%[[KT]] : {{.*}} mask(%[[MT]]
// CHECK-NOT:     structure
// CHECK:         ^bb0(%[[S:.*]]: f32, %{{.*}}: index, %[[ROWARG:.*]]: index, %[[J:.*]]: index):
// CHECK:           %[[SHIFTED:.*]] = arith.addi %[[ROWARG]], %[[ROW]]
// CHECK:           arith.cmpi sle, %[[J]], %[[SHIFTED]]
// CHECK:           arith.select
// CHECK:         -> tensor<?x1x8xf32>
// CHECK:         tensor.parallel_insert_slice {{.*}}[%[[ROW]], %[[B]], 0]
func.func @attention(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) mask(%mask : tensor<?x?xi1>)
    {indexing_maps = [#q, #k, #v, #p, #o], structure = #et.mask<causal>} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["et.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 16, 0, 0, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// CHECK-LABEL: func.func @linear
// CHECK:       scf.forall
// CHECK:         et.linear %{{.*}}, %{{.*}} bias(%{{.*}} : tensor<16xf32>) : (tensor<?x384xf32>, tensor<16x384xf32>) -> tensor<?x16xf32>
func.func @linear(%x: tensor<?x384xf32>, %w: tensor<64x384xf32>, %b: tensor<64xf32>) -> tensor<?x64xf32> {
  %y = et.linear %x, %w bias(%b : tensor<64xf32>) : (tensor<?x384xf32>, tensor<64x384xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
// An encoded weight stays whole.
// CHECK-LABEL: func.func @linear_encoded
// CHECK-SAME:  %{{.*}}, %[[W:[a-z0-9]+]]:
// CHECK:       scf.forall
// CHECK:         et.linear %{{.*}}, %[[W]] {rows} : (tensor<?x384xf32>, tensor<64x384xf32, #et.tile<16x16>>) -> tensor<?x64xf32>
func.func @linear_encoded(%x: tensor<?x384xf32>, %w: tensor<64x384xf32, #et.tile<16x16>>) -> tensor<?x64xf32> {
  %y = et.linear %x, %w {rows} : (tensor<?x384xf32>, tensor<64x384xf32, #et.tile<16x16>>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
// CHECK-LABEL: func.func @rows
// CHECK:       scf.forall
// CHECK:         tensor.extract_slice
// CHECK:         et.embedding {{.*}} -> tensor<?x16xf32>
// CHECK:       scf.forall
// CHECK:         et.layer_norm {{.*}} : tensor<?x64xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
// CHECK:       scf.forall
// CHECK:         et.rms_norm {{.*}} : tensor<?x64xf32> -> tensor<?x64xf32>
// CHECK:       scf.forall
// CHECK:         et.gelu {{.*}} : tensor<?x8xf32>
func.func @rows(%ids: tensor<?xi32>, %table: tensor<10x64xf32>, %r: tensor<?x64xf32>, %g: tensor<64xf32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %x = et.embedding %ids, %table : (tensor<?xi32>, tensor<10x64xf32>) -> tensor<?x64xf32>
  %l, %s = et.layer_norm %x gamma(%g : tensor<64xf32>) beta(%g : tensor<64xf32>) residual(%r : tensor<?x64xf32>) {eps = 1.0e-5 : f32}
    : tensor<?x64xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
  %n = et.rms_norm %l {eps = 1.0e-5 : f32} : tensor<?x64xf32> -> tensor<?x64xf32>
  %y = et.gelu %n : tensor<?x64xf32>
  return %y, %s, %l : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %linears = transform.structured.match ops{["et.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %l0, %l1 = transform.split_handle %linears : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.structured.tile_using_forall %l0 tile_sizes [32, 16, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.structured.tile_using_forall %l1 tile_sizes [32, 0, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %e = transform.structured.match ops{["et.embedding"]} in %root : (!transform.any_op) -> !transform.any_op
    transform.structured.tile_using_forall %e tile_sizes [4, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %n = transform.structured.match ops{["et.layer_norm", "et.rms_norm"]} in %root : (!transform.any_op) -> !transform.any_op
    transform.structured.tile_using_forall %n tile_sizes [4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %g = transform.structured.match ops{["et.gelu"]} in %root : (!transform.any_op) -> !transform.any_op
    transform.structured.tile_using_forall %g tile_sizes [4, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A producer is computed for the tile that its consumer asks for.
// CHECK-LABEL: func.func @fuse_producers
// CHECK:       scf.forall
// CHECK:         et.linear {{.*}} -> tensor<8x64xf32>
// CHECK:         et.gelu {{.*}} : tensor<8x64xf32>
// CHECK:         et.layer_norm {{.*}} : tensor<8x64xf32>
func.func @fuse_producers(%x: tensor<32x384xf32>, %w: tensor<64x384xf32>) -> tensor<32x64xf32> {
  %h = et.linear %x, %w : (tensor<32x384xf32>, tensor<64x384xf32>) -> tensor<32x64xf32>
  %a = et.gelu %h : tensor<32x64xf32>
  %y = et.layer_norm %a {eps = 1.0e-5 : f32} : tensor<32x64xf32> -> tensor<32x64xf32>
  return %y : tensor<32x64xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %n = transform.structured.match ops{["et.layer_norm"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %n tile_sizes [8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %g = transform.structured.match ops{["et.gelu"]} in %root : (!transform.any_op) -> !transform.any_op
    %fg, %loop2 = transform.structured.fuse_into_containing_op %g into %loop : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %l = transform.structured.match ops{["et.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    transform.structured.fuse_into_containing_op %l into %loop2 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The features of an encoded weight are not tiled.
func.func @no_tile_encoded_features(%x: tensor<?x384xf32>, %w: tensor<64x384xf32, #et.tile<16x16>>) -> tensor<?x64xf32> {
  // expected-error @+3 {{failed to generate tiling loops}}
  // expected-error @+2 {{tile operation}}
  // expected-note @+1 {{when applied to this op}}
  %y = et.linear %x, %w : (tensor<?x384xf32>, tensor<64x384xf32, #et.tile<16x16>>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["et.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @+1 {{failed to apply}}
    transform.structured.tile_using_forall %op tile_sizes [0, 16, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
