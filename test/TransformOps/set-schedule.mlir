// Schedules that a script chooses: as written, from a parameter, of another launch; what lowers them, and who leaves them alone.
// RUN: et-opt %s --split-input-file --transform-interpreter | FileCheck %s
// RUN: et-opt %s --split-input-file --transform-interpreter --remarks-filter=et-transform --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// The scheduling passes keep them.
// RUN: et-opt %s --split-input-file --transform-interpreter --et-schedule-gpu --et-schedule-cpu=isa=avx2 | FileCheck %s

// One variant, for all sizes.
// CHECK-LABEL: @linear
// CHECK:       et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "wgmma", stages = 4 : i64, tile = array<i64: 64, 64, 64>}]}
// REMARK:      Remark="linear: wgmma stages 4 tile 64x64x64, from a transform script"
module attributes {transform.with_named_sequence} {
  func.func @linear(%x: memref<?x768xf16>, %w: memref<3072x768xf16>, %y: memref<?x3072xf16>) {
    et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "simt"}]}
        ins(%x, %w : memref<?x768xf16>, memref<3072x768xf16>) outs(%y : memref<?x3072xf16>) {
    ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
      %0 = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
      et.yield %0 : tensor<?x3072xf16>
    }
    return
  }
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %launch = transform.structured.match ops{["et.launch"]} in %module : (!transform.any_op) -> !transform.any_op
    transform.et.set_schedule %launch to {kind = "wgmma", tile = array<i64: 64, 64, 64>, stages = 4} : !transform.any_op
    transform.yield
  }
}

// -----

// Several, by the number of rows.
// CHECK-LABEL: @by_rows
// CHECK:       variants = [{from = 0 : i64, kind = "mma", stages = 3 : i64, tile = array<i64: 64, 64, 64>}, {from = 1025 : i64, kind = "mma", stages = 2 : i64, tile = array<i64: 128, 128, 64>}]
// REMARK:      Remark="linear: mma stages 3 tile 64x64x64, mma stages 2 tile 128x128x64 from 1025 on, from a transform script"
module attributes {transform.with_named_sequence} {
  func.func @by_rows(%x: memref<?x768xf16>, %w: memref<3072x768xf16>, %y: memref<?x3072xf16>) {
    et.launch "linear" schedule {chip = "sm_80", family = "linear", variants = [{from = 0 : i64, kind = "simt"}]}
        ins(%x, %w : memref<?x768xf16>, memref<3072x768xf16>) outs(%y : memref<?x3072xf16>) {
    ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
      %0 = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
      et.yield %0 : tensor<?x3072xf16>
    }
    return
  }
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %launch = transform.structured.match ops{["et.launch"]} in %module : (!transform.any_op) -> !transform.any_op
    transform.et.set_schedule %launch to [{kind = "mma", tile = array<i64: 64, 64, 64>, stages = 3},
                                          {kind = "mma", tile = array<i64: 128, 128, 64>, stages = 2, from = 1025}] : !transform.any_op
    transform.yield
  }
}

// -----

// That of another launch; both have rows without keys, for which no tensor map can be made: those keep a kernel of their own.
// CHECK-LABEL: @attention
// CHECK:       et.launch "first" schedule {chip = "sm_90a", family = "attention", variants = [{blocks_per_sm = 2 : i64, {{.*}}key_block = 128 : i64, kind = "mma"
// CHECK:       et.launch "second" schedule {chip = "sm_90a", family = "attention", variants = [{blocks_per_sm = 2 : i64, {{.*}}key_block = 128 : i64, kind = "mma"
// CHECK:       et.launch "third" schedule {chip = "sm_90a", family = "attention", variants = [{{.*}}from = 0 : i64, key_block = 32 : i64, kind = "simt", {{.*}}from = 1 : i64, key_block = 64 : i64, kind = "wgmma"
// REMARK:      Remark="second: mma blocks_per_sm 2 exact_blocks 1 key_block 128 stages 2 warpgroups 1, from a transform script"
#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>
module attributes {transform.with_named_sequence} {
  func.func @attention(%q: memref<?x?x12x64xf16>, %c: memref<?x?x12x64xf16>, %y: memref<?x?x12x64xf16>) {
    et.launch "first" schedule {chip = "sm_90a", family = "attention", variants = [{blocks_per_sm = 2, exact_blocks = 1, from = 0, key_block = 128, kind = "mma", stages = 2, warpgroups = 1}]}
        ins(%q, %c : memref<?x?x12x64xf16>, memref<?x?x12x64xf16>) outs(%y : memref<?x?x12x64xf16>) {
    ^bb0(%a: tensor<?x?x12x64xf16>, %b: tensor<?x?x12x64xf16>, %d: tensor<?x?x12x64xf16>):
      %0 = et.attention query(%a : tensor<?x?x12x64xf16>) key(%b : tensor<?x?x12x64xf16>) value(%b : tensor<?x?x12x64xf16>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x?x12x64xf16>
      et.yield %0 : tensor<?x?x12x64xf16>
    }
    et.launch "second" schedule {chip = "sm_90a", family = "attention", variants = [{blocks_per_sm = 1, exact_blocks = 1, from = 0, key_block = 64, kind = "mma", stages = 2, warpgroups = 1}]}
        ins(%q, %c : memref<?x?x12x64xf16>, memref<?x?x12x64xf16>) outs(%y : memref<?x?x12x64xf16>) {
    ^bb0(%a: tensor<?x?x12x64xf16>, %b: tensor<?x?x12x64xf16>, %d: tensor<?x?x12x64xf16>):
      %0 = et.attention query(%a : tensor<?x?x12x64xf16>) key(%b : tensor<?x?x12x64xf16>) value(%b : tensor<?x?x12x64xf16>) {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<causal>} -> tensor<?x?x12x64xf16>
      et.yield %0 : tensor<?x?x12x64xf16>
    }
    et.launch "third" schedule {chip = "sm_90a", family = "attention", variants = [{blocks_per_sm = 1, exact_blocks = 1, from = 0, key_block = 64, kind = "mma", stages = 2, warpgroups = 1}]}
        ins(%q, %c : memref<?x?x12x64xf16>, memref<?x?x12x64xf16>) outs(%y : memref<?x?x12x64xf16>) {
    ^bb0(%a: tensor<?x?x12x64xf16>, %b: tensor<?x?x12x64xf16>, %d: tensor<?x?x12x64xf16>):
      %0 = et.attention query(%a : tensor<?x?x12x64xf16>) key(%b : tensor<?x?x12x64xf16>) value(%b : tensor<?x?x12x64xf16>) {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x?x12x64xf16>
      et.yield %0 : tensor<?x?x12x64xf16>
    }
    return
  }
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %launches = transform.structured.match ops{["et.launch"]} in %module : (!transform.any_op) -> !transform.any_op
    %first, %second, %third = transform.split_handle %launches : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %schedule = transform.et.get_schedule %first : (!transform.any_op) -> !transform.any_param
    transform.et.set_schedule %second from %schedule : !transform.any_op, !transform.any_param
    transform.et.set_schedule %third to {blocks_per_sm = 5, exact_blocks = 1, key_block = 64, kind = "wgmma", stages = 2, warpgroups = 1} : !transform.any_op
    transform.yield
  }
}

// -----

// The first of several that there is a kernel with: the others take too much shared memory, or are of another family.
// CHECK-LABEL: @first_that_fits
// CHECK:       variants = [{from = 0 : i64, kind = "wgmma", stages = 3 : i64, tile = array<i64: 128, 128, 64>}]
module attributes {transform.with_named_sequence} {
  func.func @first_that_fits(%x: memref<?x768xf16>, %w: memref<3072x768xf16>, %y: memref<?x3072xf16>) {
    et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "simt"}]}
        ins(%x, %w : memref<?x768xf16>, memref<3072x768xf16>) outs(%y : memref<?x3072xf16>) {
    ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
      %0 = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
      et.yield %0 : tensor<?x3072xf16>
    }
    return
  }
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %launch = transform.structured.match ops{["et.launch"]} in %module : (!transform.any_op) -> !transform.any_op
    %large = transform.param.constant {kind = "wgmma", tile = array<i64: 128, 256, 64>, stages = 8} -> !transform.any_param
    %other = transform.param.constant {kind = "ping_pong"} -> !transform.any_param
    %small = transform.param.constant {kind = "wgmma", tile = array<i64: 128, 128, 64>, stages = 3} -> !transform.any_param
    %all = transform.merge_handles %large, %other, %small : !transform.any_param
    transform.et.set_schedule %launch from %all : !transform.any_op, !transform.any_param
    transform.yield
  }
}

// -----

// On a CPU: some of the entries.
// CHECK-LABEL: @cpu
// CHECK:       et.launch "linear" schedule {isa = "avx2", kc = 128 : i64, mc = 128 : i64, mr = 2 : i64, nr = 24 : i64}
// REMARK:      Remark="linear: {isa = "avx2", kc = 128 : i64, mc = 128 : i64, mr = 2 : i64, nr = 24 : i64}, from a transform script"
module attributes {transform.with_named_sequence} {
  func.func @cpu(%x: memref<?x768xf32>, %w: memref<32x768x24xf32>, %y: memref<?x768xf32>) {
    et.launch "linear" schedule {isa = "avx2", kc = 768 : i64, mc = 128 : i64, mr = 4 : i64, nr = 24 : i64}
        ins(%x, %w : memref<?x768xf32>, memref<32x768x24xf32>) outs(%y : memref<?x768xf32>) {
    ^bb0(%a: tensor<?x768xf32>, %b: tensor<768x768xf32, #et.panels<24>>, %o: tensor<?x768xf32>):
      %0 = et.linear %a, %b : (tensor<?x768xf32>, tensor<768x768xf32, #et.panels<24>>) -> tensor<?x768xf32>
      et.yield %0 : tensor<?x768xf32>
    }
    return
  }
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %launch = transform.structured.match ops{["et.launch"]} in %module : (!transform.any_op) -> !transform.any_op
    transform.et.set_schedule %launch to {mr = 2, kc = 128, isa = "avx2"} : !transform.any_op
    transform.yield
  }
}
