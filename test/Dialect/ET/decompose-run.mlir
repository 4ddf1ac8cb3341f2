// The decompositions, run through upstream passes alone, in f32 and with f64 arithmetic.
// RUN: et-opt %s --et-decompose %upstream_to_llvm | %run_main | FileCheck %s
// RUN: et-opt %s --et-decompose=accumulate-f64 %upstream_to_llvm | %run_main | FileCheck %s

func.func private @printMemrefF32(tensor<*xf32>) attributes {llvm.emit_c_interface}

#q = affine_map<(b, m, n, k, v) -> (b, m, k)>
#k = affine_map<(b, m, n, k, v) -> (b, n, k)>
#v = affine_map<(b, m, n, k, v) -> (b, n, v)>
#kg = affine_map<(b, m, n, k, v) -> (n, k)>
#vg = affine_map<(b, m, n, k, v) -> (v, n)>
#mn = affine_map<(b, m, n, k, v) -> (m, n)>
#nm = affine_map<(b, m, n, k, v) -> (n, m)>
#l = affine_map<(b, m, n, k, v) -> (b)>
#o = affine_map<(b, m, n, k, v) -> (b, m, v)>
#ot = affine_map<(b, m, n, k, v) -> (v, b, m)>

// Keys are all alike, so each row is the mean of the values it may see.
func.func @causal_and_mask(%q: tensor<?x?x2xf32>, %k: tensor<?x?x2xf32>, %v: tensor<?x?x2xf32>, %mask: tensor<?x?xi1>) -> tensor<2x?x?xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x?x2xf32>) value(%v : tensor<?x?x2xf32>) mask(%mask : tensor<?x?xi1>)
    {indexing_maps = [#q, #k, #v, #mn, #ot], structure = #et.mask<causal>} -> tensor<2x?x?xf32>
  return %o : tensor<2x?x?xf32>
}
func.func @lower_right(%q: tensor<?x?x2xf32>, %k: tensor<?x?x2xf32>, %v: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x?x2xf32>) value(%v : tensor<?x?x2xf32>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<causal, lower_right>} -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
func.func @window(%q: tensor<?x?x2xf32>, %k: tensor<?x?x2xf32>, %v: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x?x2xf32>) value(%v : tensor<?x?x2xf32>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<window, left = 0, right = 1>} -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
func.func @window_global(%q: tensor<?x?x2xf32>, %k: tensor<?x?x2xf32>, %v: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x?x2xf32>) value(%v : tensor<?x?x2xf32>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<window, left = 0, right = 0, global = 1>} -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
func.func @lengths_right(%q: tensor<?x?x2xf32>, %k: tensor<?x?x2xf32>, %v: tensor<?x?x2xf32>, %len: tensor<?xi32>) -> tensor<?x?x2xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x?x2xf32>) value(%v : tensor<?x?x2xf32>) lengths(%len : tensor<?xi32>)
    {indexing_maps = [#q, #k, #v, #l, #o]} -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
func.func @lengths_left(%q: tensor<?x?x2xf32>, %k: tensor<?x?x2xf32>, %v: tensor<?x?x2xf32>, %len: tensor<?xi32>) -> tensor<?x?x2xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x?x2xf32>) value(%v : tensor<?x?x2xf32>) lengths(%len : tensor<?xi32>)
    {indexing_maps = [#q, #k, #v, #l, #o], padding = #et.padding<left>} -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
// Ragged: two sequences with keys of their own.
func.func @ragged(%q: tensor<?x?x2xf32>, %k: tensor<?x?x2xf32>, %v: tensor<?x?x2xf32>, %off: tensor<?xi32>) -> tensor<?x?x2xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x?x2xf32>) value(%v : tensor<?x?x2xf32>) offsets(%off : tensor<?xi32>)
    {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
func.func @ragged_keys(%q: tensor<?x?x2xf32>, %k: tensor<?x?x2xf32>, %v: tensor<?x?x2xf32>, %off: tensor<?xi32>, %koff: tensor<?xi64>) -> tensor<?x?x2xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x?x2xf32>) value(%v : tensor<?x?x2xf32>) offsets(%off : tensor<?xi32>) key_offsets(%koff : tensor<?xi64>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<causal, lower_right>} -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
// Grouped keys and values, values transposed, a float mask transposed, and a score that grows with the key index.
func.func @grouped_score(%q: tensor<?x?x2xf32>, %k: tensor<?x2xf32>, %v: tensor<1x?xf32>, %mask: tensor<?x?xf32>) -> tensor<?x?x1xf32> {
  %o = et.attention query(%q : tensor<?x?x2xf32>) key(%k : tensor<?x2xf32>) value(%v : tensor<1x?xf32>) mask(%mask : tensor<?x?xf32>)
    {indexing_maps = [#q, #kg, #vg, #nm, #o], scale = 1.0 : f32} score {
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
    %int = arith.index_cast %j : index to i32
    %bias = arith.sitofp %int : i32 to f32
    %half = arith.constant 0.5 : f32
    %r = arith.mulf %bias, %half : f32
    %t = arith.addf %s, %r : f32
    et.yield %t : f32
  } -> tensor<?x?x1xf32>
  return %o : tensor<?x?x1xf32>
}

func.func @main() {
  %q = arith.constant dense<0.0> : tensor<1x3x2xf32>
  %k = arith.constant dense<1.0> : tensor<1x3x2xf32>
  %v = arith.constant dense<[[[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]]]> : tensor<1x3x2xf32>
  %mask = arith.constant dense<[[true, true, true], [false, false, true], [true, true, true]]> : tensor<3x3xi1>
  %qd = tensor.cast %q : tensor<1x3x2xf32> to tensor<?x?x2xf32>
  %kd = tensor.cast %k : tensor<1x3x2xf32> to tensor<?x?x2xf32>
  %vd = tensor.cast %v : tensor<1x3x2xf32> to tensor<?x?x2xf32>
  %md = tensor.cast %mask : tensor<3x3xi1> to tensor<?x?xi1>

  // Row 1 sees key 2 by the mask and keys 0 and 1 by causality: nothing, hence zeros.
  // CHECK:      sizes = [2, 1, 3]
  // CHECK-NEXT: [1, 0, 3]
  // CHECK-NEXT: [10, 0, 30]
  %r0 = call @causal_and_mask(%qd, %kd, %vd, %md) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?xi1>) -> tensor<2x?x?xf32>
  %u0 = tensor.cast %r0 : tensor<2x?x?xf32> to tensor<*xf32>
  call @printMemrefF32(%u0) : (tensor<*xf32>) -> ()

  // Two queries at the end of three keys.
  // CHECK:      sizes = [1, 2, 2]
  // CHECK-NEXT: [1.5, 15],
  // CHECK-NEXT: [3, 30]
  %q2 = tensor.extract_slice %qd[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<?x?x2xf32> to tensor<1x2x2xf32>
  %q2d = tensor.cast %q2 : tensor<1x2x2xf32> to tensor<?x?x2xf32>
  %r1 = call @lower_right(%q2d, %kd, %vd) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %u1 = tensor.cast %r1 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u1) : (tensor<*xf32>) -> ()

  // CHECK:      [1.5, 15],
  // CHECK-NEXT: [4, 40],
  // CHECK-NEXT: [6, 60]
  %r2 = call @window(%qd, %kd, %vd) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %u2 = tensor.cast %r2 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u2) : (tensor<*xf32>) -> ()

  // CHECK:      [3, 30],
  // CHECK-NEXT: [1.5, 15],
  // CHECK-NEXT: [3.5, 35]
  %r3 = call @window_global(%qd, %kd, %vd) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %u3 = tensor.cast %r3 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u3) : (tensor<*xf32>) -> ()

  // CHECK:      [1.5, 15],
  // CHECK-NEXT: [1.5, 15],
  // CHECK-NEXT: [1.5, 15]
  %two = arith.constant dense<2> : tensor<1xi32>
  %twod = tensor.cast %two : tensor<1xi32> to tensor<?xi32>
  %r4 = call @lengths_right(%qd, %kd, %vd, %twod) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x?x2xf32>
  %u4 = tensor.cast %r4 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u4) : (tensor<*xf32>) -> ()

  // CHECK:      [4, 40],
  // CHECK-NEXT: [4, 40],
  // CHECK-NEXT: [4, 40]
  %r5 = call @lengths_left(%qd, %kd, %vd, %twod) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x?x2xf32>
  %u5 = tensor.cast %r5 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u5) : (tensor<*xf32>) -> ()

  // An empty sequence, one of two tokens, and a token that belongs to none.
  // CHECK:      [1.5, 15],
  // CHECK-NEXT: [1.5, 15],
  // CHECK-NEXT: [0, 0]
  %off = arith.constant dense<[0, 0, 2]> : tensor<3xi32>
  %offd = tensor.cast %off : tensor<3xi32> to tensor<?xi32>
  %r20 = call @ragged(%qd, %kd, %vd, %offd) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x?x2xf32>
  %u20 = tensor.cast %r20 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u20) : (tensor<*xf32>) -> ()

  // One token with key 0; two that stand at the end of keys 1 and 2.
  // CHECK:      [1, 10],
  // CHECK-NEXT: [2, 20],
  // CHECK-NEXT: [4, 40]
  %off1 = arith.constant dense<[0, 1, 3]> : tensor<3xi32>
  %off1d = tensor.cast %off1 : tensor<3xi32> to tensor<?xi32>
  %koff = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
  %koffd = tensor.cast %koff : tensor<3xi64> to tensor<?xi64>
  %r21 = call @ragged_keys(%qd, %kd, %vd, %off1d, %koffd) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?xi32>, tensor<?xi64>) -> tensor<?x?x2xf32>
  %u21 = tensor.cast %r21 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u21) : (tensor<*xf32>) -> ()

  // A sequence without a valid key, then no keys at all.
  // CHECK:      sizes = [1, 3, 2]
  // CHECK-NEXT: [0, 0],
  // CHECK-NEXT: [0, 0],
  // CHECK-NEXT: [0, 0]
  %none = arith.constant dense<0> : tensor<1xi32>
  %noned = tensor.cast %none : tensor<1xi32> to tensor<?xi32>
  %r6 = call @lengths_right(%qd, %kd, %vd, %noned) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x?x2xf32>
  %u6 = tensor.cast %r6 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u6) : (tensor<*xf32>) -> ()
  // CHECK:      sizes = [1, 3, 2]
  // CHECK-NEXT: [0, 0],
  // CHECK-NEXT: [0, 0],
  // CHECK-NEXT: [0, 0]
  %c0 = arith.constant 0 : index
  %k0 = tensor.extract_slice %kd[0, 0, 0] [1, %c0, 2] [1, 1, 1] : tensor<?x?x2xf32> to tensor<1x?x2xf32>
  %k0d = tensor.cast %k0 : tensor<1x?x2xf32> to tensor<?x?x2xf32>
  %r7 = call @lower_right(%qd, %k0d, %k0d) : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %u7 = tensor.cast %r7 : tensor<?x?x2xf32> to tensor<*xf32>
  call @printMemrefF32(%u7) : (tensor<*xf32>) -> ()

  // Scores 0, 0.5 and -inf + 1: weights e^0 and e^0.5, values 1 and 2.
  // CHECK:      sizes = [1, 1, 1]
  // CHECK-NEXT: 1.62246
  %kg = arith.constant dense<1.0> : tensor<3x2xf32>
  %vg = arith.constant dense<[[1.0, 2.0, 6.0]]> : tensor<1x3xf32>
  %fmask = arith.constant dense<[[0.0], [0.0], [0xFF800000]]> : tensor<3x1xf32>
  %q1 = tensor.extract_slice %qd[0, 0, 0] [1, 1, 2] [1, 1, 1] : tensor<?x?x2xf32> to tensor<1x1x2xf32>
  %q1d = tensor.cast %q1 : tensor<1x1x2xf32> to tensor<?x?x2xf32>
  %kgd = tensor.cast %kg : tensor<3x2xf32> to tensor<?x2xf32>
  %vgd = tensor.cast %vg : tensor<1x3xf32> to tensor<1x?xf32>
  %fd = tensor.cast %fmask : tensor<3x1xf32> to tensor<?x?xf32>
  %r8 = call @grouped_score(%q1d, %kgd, %vgd, %fd) : (tensor<?x?x2xf32>, tensor<?x2xf32>, tensor<1x?xf32>, tensor<?x?xf32>) -> tensor<?x?x1xf32>
  %u8 = tensor.cast %r8 : tensor<?x?x1xf32> to tensor<*xf32>
  call @printMemrefF32(%u8) : (tensor<*xf32>) -> ()

  // A linear layer whose weight is a constant with an encoding.
  // CHECK:      sizes = [1, 2]
  // CHECK-NEXT: [13, 2]
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %w = arith.constant dense<[[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]> : tensor<2x4xf32, #et.tile<1x4>>
  %b = arith.constant dense<[3.0, 2.0]> : tensor<2xf32>
  %y = et.linear %x, %w bias(%b : tensor<2xf32>) : (tensor<1x4xf32>, tensor<2x4xf32, #et.tile<1x4>>) -> tensor<1x2xf32>
  %uy = tensor.cast %y : tensor<1x2xf32> to tensor<*xf32>
  call @printMemrefF32(%uy) : (tensor<*xf32>) -> ()

  // s = [2, 4, 6, 8]: mean 5, variance 5.
  // CHECK:      {{\[}}[-1.34164,   -0.447214,   2.44721,   4.34164]]
  // CHECK:      {{\[}}[2, 4, 6, 8]]
  %g = arith.constant dense<[1.0, 1.0, 1.0, 1.0]> : tensor<4xf32>
  %beta = arith.constant dense<[0.0, 0.0, 2.0, 3.0]> : tensor<4xf32>
  %n, %s = et.layer_norm %x gamma(%g : tensor<4xf32>) beta(%beta : tensor<4xf32>) residual(%x : tensor<1x4xf32>) {eps = 0.0 : f32}
    : tensor<1x4xf32> -> tensor<1x4xf32>, tensor<1x4xf32>
  %un = tensor.cast %n : tensor<1x4xf32> to tensor<*xf32>
  call @printMemrefF32(%un) : (tensor<*xf32>) -> ()
  %us = tensor.cast %s : tensor<1x4xf32> to tensor<*xf32>
  call @printMemrefF32(%us) : (tensor<*xf32>) -> ()

  // Mean square 7.5.
  // CHECK:      {{\[}}[0.365148,   0.730297,   1.09545,   1.46059]]
  %rms = et.rms_norm %x {eps = 0.0 : f32} : tensor<1x4xf32> -> tensor<1x4xf32>
  %ur = tensor.cast %rms : tensor<1x4xf32> to tensor<*xf32>
  call @printMemrefF32(%ur) : (tensor<*xf32>) -> ()

  // CHECK:      {{\[}}[0.841345, 1.9545, 2.99595, 3.99987]]
  // CHECK:      {{\[}}[0.841192, 1.9546, 2.99636, 3.99993]]
  // CHECK:      {{\[}}[0.845796, 1.93566, 2.98193, 3.9955{{[89]}}]]
  %g0 = et.gelu %x : tensor<1x4xf32>
  %ug0 = tensor.cast %g0 : tensor<1x4xf32> to tensor<*xf32>
  call @printMemrefF32(%ug0) : (tensor<*xf32>) -> ()
  %g1 = et.gelu %x {approximate = #et.gelu<tanh>} : tensor<1x4xf32>
  %ug1 = tensor.cast %g1 : tensor<1x4xf32> to tensor<*xf32>
  call @printMemrefF32(%ug1) : (tensor<*xf32>) -> ()
  %g2 = et.gelu %x {approximate = #et.gelu<sigmoid>} : tensor<1x4xf32>
  %ug2 = tensor.cast %g2 : tensor<1x4xf32> to tensor<*xf32>
  call @printMemrefF32(%ug2) : (tensor<*xf32>) -> ()

  // CHECK:      sizes = [2, 4]
  // CHECK-NEXT: [0, 0, 0, 0]
  // CHECK-NEXT: [1, 1, 1, 1]
  %ids = arith.constant dense<[1, 0]> : tensor<2xi64>
  %table = arith.constant dense<[[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]> : tensor<2x4xf32>
  %rows = et.embedding %ids, %table : (tensor<2xi64>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %urows = tensor.cast %rows : tensor<2x4xf32> to tensor<*xf32>
  call @printMemrefF32(%urows) : (tensor<*xf32>) -> ()
  return
}
