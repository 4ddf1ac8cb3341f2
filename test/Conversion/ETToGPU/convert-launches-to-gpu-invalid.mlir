// RUN: et-opt %s --et-convert-launches-to-gpu --split-input-file --verify-diagnostics

func.func @no_schedule(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no schedule for a GPU; run --et-schedule-gpu first}}
  et.launch "gelu" ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}

// -----

func.func @unknown_architecture(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule for an unknown architecture, "sm_42"}}
  et.launch "gelu" schedule {chip = "sm_42"} ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}

// -----

func.func @two_ops(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel: it holds 'et.gelu' beside 'et.gelu'; expected one op, sizes and scalars}}
  et.launch "two" schedule {chip = "sm_80"} ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    %h = et.gelu %g : tensor<4xf32>
    et.yield %h : tensor<4xf32>
  }
  return
}

// -----

func.func @float_scalar(%x: memref<4xf32>, %s: f32, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel: it takes a scalar of type 'f32'; expected integers that sizes determine}}
  et.launch "scale" schedule {chip = "sm_80"} ins(%x, %s : memref<4xf32>, f32) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %f: f32, %o: tensor<4xf32>):
    %g = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
           ins(%a : tensor<4xf32>) outs(%o : tensor<4xf32>) {
    ^bb0(%v: f32, %w: f32):
      %m = arith.mulf %v, %f : f32
      linalg.yield %m : f32
    } -> tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}

// -----

// Polynomials are there for f32 only.
func.func @no_form(%x: memref<4xf64>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel: GPUs have no form of 'math.erf'}}
  et.launch "erf" schedule {chip = "sm_80"} ins(%x : memref<4xf64>) outs(%x : memref<4xf64>) {
  ^bb0(%a: tensor<4xf64>, %o: tensor<4xf64>):
    %g = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
           ins(%a : tensor<4xf64>) outs(%o : tensor<4xf64>) {
    ^bb0(%v: f64, %w: f64):
      %m = math.erf %v : f64
      linalg.yield %m : f64
    } -> tensor<4xf64>
    et.yield %g : tensor<4xf64>
  }
  return
}

// -----

func.func @other_output(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel: result 0 of 'linalg.generic' is not computed in an output}}
  et.launch "other" schedule {chip = "sm_80"} ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %g = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
           ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%v: f32, %w: f32):
      linalg.yield %v : f32
    } -> tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}

// -----

func.func @only_sum(%x: memref<?x64xf16>, %y: memref<?x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{expected the result of the norm to be used; remove the norm and add its operands}}
  et.launch "norm" schedule {chip = "sm_80"} ins(%x : memref<?x64xf16>) outs(%y : memref<?x64xf16>) {
  ^bb0(%a: tensor<?x64xf16>, %o: tensor<?x64xf16>):
    %n, %s = et.layer_norm %a residual(%a : tensor<?x64xf16>) {eps = 1.0e-5 : f32} : tensor<?x64xf16> -> tensor<?x64xf16>, tensor<?x64xf16>
    et.yield %s : tensor<?x64xf16>
  }
  return
}

// -----

func.func @linear_no_variants(%x: memref<?x64xf16>, %w: memref<64x64xf16>, %y: memref<?x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule without variants for its linear layer; run --et-schedule-gpu}}
  et.launch "linear" schedule {chip = "sm_80"} ins(%x, %w : memref<?x64xf16>, memref<64x64xf16>) outs(%y : memref<?x64xf16>) {
  ^bb0(%a: tensor<?x64xf16>, %b: tensor<64x64xf16>, %o: tensor<?x64xf16>):
    %l = et.linear %a, %b : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
    et.yield %l : tensor<?x64xf16>
  }
  return
}

// -----

func.func @linear_unknown_kind(%x: memref<?x64xf16>, %w: memref<64x64xf16>, %y: memref<?x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule that is none of a linear layer, or out of order: {from = 0 : i64, kind = "magic"}}}
  et.launch "linear" schedule {chip = "sm_80", variants = [{from = 0 : i64, kind = "magic"}]} ins(%x, %w : memref<?x64xf16>, memref<64x64xf16>) outs(%y : memref<?x64xf16>) {
  ^bb0(%a: tensor<?x64xf16>, %b: tensor<64x64xf16>, %o: tensor<?x64xf16>):
    %l = et.linear %a, %b : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
    et.yield %l : tensor<?x64xf16>
  }
  return
}

// -----

func.func @linear_out_of_order(%x: memref<?x64xf16>, %w: memref<64x64xf16>, %y: memref<?x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule that is none of a linear layer, or out of order: {from = 0 : i64, kind = "simt"}}}
  et.launch "linear" schedule {chip = "sm_80", variants = [{from = 0 : i64, kind = "simt"}, {from = 0 : i64, kind = "simt"}]} ins(%x, %w : memref<?x64xf16>, memref<64x64xf16>) outs(%y : memref<?x64xf16>) {
  ^bb0(%a: tensor<?x64xf16>, %b: tensor<64x64xf16>, %o: tensor<?x64xf16>):
    %l = et.linear %a, %b : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
    et.yield %l : tensor<?x64xf16>
  }
  return
}

// -----

func.func @linear_wrong_architecture(%x: memref<?x64xf16>, %w: memref<64x64xf16>, %y: memref<?x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel with the schedule {from = 0 : i64, kind = "wgmma", stages = 4 : i64, tile = array<i64: 64, 64, 64>}: }}
  et.launch "linear" schedule {chip = "sm_80", variants = [{from = 0 : i64, kind = "wgmma", stages = 4 : i64, tile = array<i64: 64, 64, 64>}]} ins(%x, %w : memref<?x64xf16>, memref<64x64xf16>) outs(%y : memref<?x64xf16>) {
  ^bb0(%a: tensor<?x64xf16>, %b: tensor<64x64xf16>, %o: tensor<?x64xf16>):
    %l = et.linear %a, %b : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
    et.yield %l : tensor<?x64xf16>
  }
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
func.func @attention_no_variants(%x: memref<?x4x64xf16>, %y: memref<?x4x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule without variants for its attention; run --et-schedule-gpu}}
  et.launch "attention" schedule {chip = "sm_80"} ins(%x : memref<?x4x64xf16>) outs(%y : memref<?x4x64xf16>) {
  ^bb0(%a: tensor<?x4x64xf16>, %p: tensor<?x4x64xf16>):
    %0 = et.attention query(%a : tensor<?x4x64xf16>) key(%a : tensor<?x4x64xf16>) value(%a : tensor<?x4x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf16>
    et.yield %0 : tensor<?x4x64xf16>
  }
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
func.func @attention_incomplete(%x: memref<?x4x64xf16>, %y: memref<?x4x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule that is none of an attention, or out of order: {from = 0 : i64, kind = "mma"}}}
  et.launch "attention" schedule {chip = "sm_80", variants = [{from = 0 : i64, kind = "mma"}]} ins(%x : memref<?x4x64xf16>) outs(%y : memref<?x4x64xf16>) {
  ^bb0(%a: tensor<?x4x64xf16>, %p: tensor<?x4x64xf16>):
    %0 = et.attention query(%a : tensor<?x4x64xf16>) key(%a : tensor<?x4x64xf16>) value(%a : tensor<?x4x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf16>
    et.yield %0 : tensor<?x4x64xf16>
  }
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
func.func @attention_wide_head(%x: memref<?x4x1024xf16>, %y: memref<?x4x1024xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel: }}
  et.launch "attention" schedule {chip = "sm_80"} ins(%x : memref<?x4x1024xf16>) outs(%y : memref<?x4x1024xf16>) {
  ^bb0(%a: tensor<?x4x1024xf16>, %p: tensor<?x4x1024xf16>):
    %0 = et.attention query(%a : tensor<?x4x1024xf16>) key(%a : tensor<?x4x1024xf16>) value(%a : tensor<?x4x1024xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x1024xf16>
    et.yield %0 : tensor<?x4x1024xf16>
  }
  return
}

// -----

func.func @bits(%x: memref<4xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel: it takes 16-bit floats for integers, and kernels compute in f32}}
  et.launch "bits" schedule {chip = "sm_80"} ins(%x : memref<4xf16>) outs(%x : memref<4xf16>) {
  ^bb0(%a: tensor<4xf16>, %o: tensor<4xf16>):
    %g = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
           ins(%a : tensor<4xf16>) outs(%o : tensor<4xf16>) {
    ^bb0(%v: f16, %w: f16):
      %i = arith.bitcast %v : f16 to i16
      %f = arith.bitcast %i : i16 to f16
      linalg.yield %f : f16
    } -> tensor<4xf16>
    et.yield %g : tensor<4xf16>
  }
  return
}

// -----

func.func @prefetch_twice(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %w = memref.view %weights[%c0][] : memref<?xi8> to memref<64xi8>
  // expected-error @below {{expected a launch behind it, but there is another et.prefetch; join their views}}
  et.prefetch %w rows %c0 most 1 : memref<64xi8>
  et.prefetch %w rows %c0 most 1 : memref<64xi8>
  et.launch "gelu" schedule {chip = "sm_90a"} ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    et.yield %g : tensor<4xf32>
  }
  return
}

// -----

func.func @prefetch_last(%x: memref<4xf32>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %w = memref.view %weights[%c0][] : memref<?xi8> to memref<64xi8>
  // expected-error @below {{expected a launch behind it, but there is none}}
  et.prefetch %w rows %c0 most 1 : memref<64xi8>
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
func.func @attention_few_tiles_alone(%x: memref<?x4x64xf16>, %y: memref<?x4x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule for few tiles of its attention and none for more of them}}
  et.launch "attention" schedule {chip = "sm_80", variants = [{blocks_per_sm = 1 : i64, exact_blocks = 1 : i64, from = 0 : i64, key_block = 64 : i64, kind = "mma", stages = 2 : i64, to_tiles = 66 : i64, warpgroups = 1 : i64}]} ins(%x : memref<?x4x64xf16>) outs(%y : memref<?x4x64xf16>) {
  ^bb0(%a: tensor<?x4x64xf16>, %p: tensor<?x4x64xf16>):
    %0 = et.attention query(%a : tensor<?x4x64xf16>) key(%a : tensor<?x4x64xf16>) value(%a : tensor<?x4x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf16>
    et.yield %0 : tensor<?x4x64xf16>
  }
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
func.func @attention_no_tiles(%x: memref<?x4x64xf16>, %y: memref<?x4x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has a schedule that is none of an attention, or out of order}}
  et.launch "attention" schedule {chip = "sm_80", variants = [{blocks_per_sm = 1 : i64, exact_blocks = 1 : i64, from = 0 : i64, key_block = 64 : i64, kind = "mma", stages = 2 : i64, to_tiles = 0 : i64, warpgroups = 1 : i64}]} ins(%x : memref<?x4x64xf16>) outs(%y : memref<?x4x64xf16>) {
  ^bb0(%a: tensor<?x4x64xf16>, %p: tensor<?x4x64xf16>):
    %0 = et.attention query(%a : tensor<?x4x64xf16>) key(%a : tensor<?x4x64xf16>) value(%a : tensor<?x4x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf16>
    et.yield %0 : tensor<?x4x64xf16>
  }
  return
}

// -----

func.func @sparse_without_wgmma(%x: memref<?x256xf16>, %w: memref<32896xi8>, %y: memref<?x256xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel with the schedule {from = 0 : i64, kind = "sparse", stages = 4 : i64, tile = array<i64: 64, 64, 64>}: wgmma needs sm_90a, but the target is sm_80; use SparseMma}}
  et.launch "linear" schedule {chip = "sm_80", family = "linear", variants = [{from = 0 : i64, kind = "sparse", stages = 4 : i64, tile = array<i64: 64, 64, 64>}]} ins(%x, %w : memref<?x256xf16>, memref<32896xi8>) outs(%y : memref<?x256xf16>) {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<256x256xf16, #et.tile<64x64>>, %o: tensor<?x256xf16>):
    %l = et.linear %a, %b : (tensor<?x256xf16>, tensor<256x256xf16, #et.tile<64x64>>) -> tensor<?x256xf16>
    et.yield %l : tensor<?x256xf16>
  }
  return
}

// -----

func.func @sparse_of_a_dense_weight(%x: memref<?x256xf16>, %w: memref<256x256xf16>, %y: memref<?x256xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel with the schedule {from = 0 : i64, kind = "sparse", stages = 4 : i64, tile = array<i64: 64, 64, 64>}: Sparse multiplies slabs of 64 outputs, but the weight is not stored in them; use Wgmma for dense weights}}
  et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "sparse", stages = 4 : i64, tile = array<i64: 64, 64, 64>}]} ins(%x, %w : memref<?x256xf16>, memref<256x256xf16>) outs(%y : memref<?x256xf16>) {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<256x256xf16>, %o: tensor<?x256xf16>):
    %l = et.linear %a, %b : (tensor<?x256xf16>, tensor<256x256xf16>) -> tensor<?x256xf16>
    et.yield %l : tensor<?x256xf16>
  }
  return
}

// -----

func.func @sparse_of_squares(%x: memref<?x256xf16>, %w: memref<8320xi8>, %y: memref<?x256xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel with the schedule {from = 0 : i64, kind = "sparse", stages = 4 : i64, tile = array<i64: 64, 64, 64>}: Sparse multiplies slabs of 64 outputs, but the weight is not stored in them}}
  et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "sparse", stages = 4 : i64, tile = array<i64: 64, 64, 64>}]} ins(%x, %w : memref<?x256xf16>, memref<8320xi8>) outs(%y : memref<?x256xf16>) {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<256x256xf16, #et.tile<16x16>>, %o: tensor<?x256xf16>):
    %l = et.linear %a, %b : (tensor<?x256xf16>, tensor<256x256xf16, #et.tile<16x16>>) -> tensor<?x256xf16>
    et.yield %l : tensor<?x256xf16>
  }
  return
}

// -----

func.func @sparse_in_a_cluster(%x: memref<?x256xf16>, %w: memref<32896xi8>, %y: memref<?x256xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel with the schedule {cluster = 2 : i64, from = 0 : i64, kind = "sparse", stages = 4 : i64, tile = array<i64: 64, 64, 64>}: Sparse neither splits K nor shares loads in a cluster; use 1 and 1}}
  et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{cluster = 2 : i64, from = 0 : i64, kind = "sparse", stages = 4 : i64, tile = array<i64: 64, 64, 64>}]} ins(%x, %w : memref<?x256xf16>, memref<32896xi8>) outs(%y : memref<?x256xf16>) {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<256x256xf16, #et.tile<64x64>>, %o: tensor<?x256xf16>):
    %l = et.linear %a, %b : (tensor<?x256xf16>, tensor<256x256xf16, #et.tile<64x64>>) -> tensor<?x256xf16>
    et.yield %l : tensor<?x256xf16>
  }
  return
}

// -----

func.func @sparse_split(%x: memref<?x256xf16>, %w: memref<32896xi8>, %y: memref<?x256xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel with the schedule {from = 0 : i64, kind = "sparse", split_k = 2 : i64, stages = 4 : i64, tile = array<i64: 64, 64, 64>}: Sparse neither splits K nor shares loads in a cluster; use 1 and 1}}
  et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "sparse", split_k = 2 : i64, stages = 4 : i64, tile = array<i64: 64, 64, 64>}]} ins(%x, %w : memref<?x256xf16>, memref<32896xi8>) outs(%y : memref<?x256xf16>) {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<256x256xf16, #et.tile<64x64>>, %o: tensor<?x256xf16>):
    %l = et.linear %a, %b : (tensor<?x256xf16>, tensor<256x256xf16, #et.tile<64x64>>) -> tensor<?x256xf16>
    et.yield %l : tensor<?x256xf16>
  }
  return
}

// -----

func.func @wgmma_of_strips(%x: memref<?x256xf16>, %w: memref<32896xi8>, %y: memref<?x256xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel with the schedule {from = 0 : i64, kind = "wgmma", stages = 4 : i64, tile = array<i64: 64, 64, 64>}: the weight is stored in strips, but the schedule is one for dense weights; use Sparse for slabs and SparseMma for squares, or Simt}}
  et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "wgmma", stages = 4 : i64, tile = array<i64: 64, 64, 64>}]} ins(%x, %w : memref<?x256xf16>, memref<32896xi8>) outs(%y : memref<?x256xf16>) {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<256x256xf16, #et.tile<64x64>>, %o: tensor<?x256xf16>):
    %l = et.linear %a, %b : (tensor<?x256xf16>, tensor<256x256xf16, #et.tile<64x64>>) -> tensor<?x256xf16>
    et.yield %l : tensor<?x256xf16>
  }
  return
}

// -----

func.func @squares_of_slabs(%x: memref<?x256xf16>, %w: memref<32896xi8>, %y: memref<?x256xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{has no GPU kernel with the schedule {from = 0 : i64, kind = "sparse_mma", stages = 3 : i64, tile = array<i64: 16, 64, 64>}: SparseMma reads squares of 16 outputs, but the weight is stored in slabs of 64; use Sparse}}
  et.launch "linear" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "sparse_mma", stages = 3 : i64, tile = array<i64: 16, 64, 64>}]} ins(%x, %w : memref<?x256xf16>, memref<32896xi8>) outs(%y : memref<?x256xf16>) {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<256x256xf16, #et.tile<64x64>>, %o: tensor<?x256xf16>):
    %l = et.linear %a, %b : (tensor<?x256xf16>, tensor<256x256xf16, #et.tile<64x64>>) -> tensor<?x256xf16>
    et.yield %l : tensor<?x256xf16>
  }
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
func.func @attention_partial_no_buffer(%x: memref<?x4x64xf16>, %y: memref<?x4x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  // expected-error @below {{expected a buffer for scores in the family that has them in memory; plan with partial-attention}}
  et.launch "attention" schedule {chip = "sm_80", variants = [{blocks_per_sm = 1 : i64, exact_blocks = 1 : i64, from = 0 : i64, key_block = 64 : i64, kind = "partial", stages = 2 : i64, warpgroups = 1 : i64}]} ins(%x : memref<?x4x64xf16>) outs(%y : memref<?x4x64xf16>) {
  ^bb0(%a: tensor<?x4x64xf16>, %p: tensor<?x4x64xf16>):
    %0 = et.attention query(%a : tensor<?x4x64xf16>) key(%a : tensor<?x4x64xf16>) value(%a : tensor<?x4x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf16>
    et.yield %0 : tensor<?x4x64xf16>
  }
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
// A second output alone says nothing.
func.func @attention_partial_no_attribute(%x: memref<?x4x64xf16>, %y: memref<?x4x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %s = memref.view %arena[%c0][] : memref<?xi8> to memref<262144xf32>
  // expected-error @below {{expected a buffer for scores in the family that has them in memory; plan with partial-attention}}
  et.launch "attention" schedule {chip = "sm_80", variants = [{blocks_per_sm = 1 : i64, exact_blocks = 1 : i64, from = 0 : i64, key_block = 64 : i64, kind = "partial", stages = 2 : i64, warpgroups = 1 : i64}]} ins(%x : memref<?x4x64xf16>) outs(%y, %s : memref<?x4x64xf16>, memref<262144xf32>) {
  ^bb0(%a: tensor<?x4x64xf16>, %p: tensor<?x4x64xf16>, %r: tensor<262144xf32>):
    %0 = et.attention query(%a : tensor<?x4x64xf16>) key(%a : tensor<?x4x64xf16>) value(%a : tensor<?x4x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf16>
    %1 = tensor.empty() : tensor<262144xf32>
    et.yield %0, %1 : tensor<?x4x64xf16>, tensor<262144xf32>
  }
  return
}

// -----

#q = affine_map<(h, m, n, k, v) -> (m, h, k)>
#k = affine_map<(h, m, n, k, v) -> (n, h, k)>
#v = affine_map<(h, m, n, k, v) -> (n, h, v)>
#o = affine_map<(h, m, n, k, v) -> (m, h, v)>
// With 100 keys the buffer is empty.
func.func @attention_partial_few_keys(%x: memref<?x4x64xf16>, %y: memref<?x4x64xf16>, %arena: memref<?xi8>, %weights: memref<?xi8>, %status: memref<2xi64>, %threads: i32) attributes {et.scratch = 0 : i64} {
  %c0 = arith.constant 0 : index
  %s = memref.view %arena[%c0][] : memref<?xi8> to memref<262144xf32>
  // expected-error @below {{expected scores in memory with more than 224 keys only, for which there is a buffer, but got the schedule {blocks_per_sm = 1}}
  et.launch "attention" schedule {chip = "sm_80", variants = [{blocks_per_sm = 1 : i64, exact_blocks = 1 : i64, from = 0 : i64, key_block = 64 : i64, kind = "partial", stages = 2 : i64, warpgroups = 1 : i64}]} ins(%x : memref<?x4x64xf16>) outs(%y, %s : memref<?x4x64xf16>, memref<262144xf32>) {
  ^bb0(%a: tensor<?x4x64xf16>, %p: tensor<?x4x64xf16>, %r: tensor<262144xf32>):
    %0 = et.attention query(%a : tensor<?x4x64xf16>) key(%a : tensor<?x4x64xf16>) value(%a : tensor<?x4x64xf16>)
         {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x4x64xf16>
    %1 = tensor.empty() : tensor<262144xf32>
    et.yield %0, %1 : tensor<?x4x64xf16>, tensor<262144xf32>
  } {et.partial_attention = 224 : i64}
  return
}
