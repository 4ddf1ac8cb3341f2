// Self-attention of an encoder: [batch, sequence, heads, head size] in and out, a mask of valid keys per sequence.
#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#p = affine_map<(b, h, m, n, k, v) -> (b, n)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>
func.func @encoder(%q: tensor<?x?x12x32xf32>, %k: tensor<?x?x12x32xf32>, %v: tensor<?x?x12x32xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x12x32xf32> {
  %o = et.attention query(%q : tensor<?x?x12x32xf32>) key(%k : tensor<?x?x12x32xf32>) value(%v : tensor<?x?x12x32xf32>)
         mask(%mask : tensor<?x?xi1>) {indexing_maps = [#q, #k, #v, #p, #o]} -> tensor<?x?x12x32xf32>
  return %o : tensor<?x?x12x32xf32>
}

// A decoder with grouped heads: four groups g of eight query heads share one key and value head each. Scores are capped,
// and sequences are padded on the left to the longest.
#gq = affine_map<(b, g, h, m, n, k, v) -> (b, g, h, m, k)>
#gk = affine_map<(b, g, h, m, n, k, v) -> (b, g, n, k)>
#gv = affine_map<(b, g, h, m, n, k, v) -> (b, g, n, v)>
#gl = affine_map<(b, g, h, m, n, k, v) -> (b)>
#go = affine_map<(b, g, h, m, n, k, v) -> (b, g, h, m, v)>
func.func @decoder(%q: tensor<?x4x8x?x64xf16>, %k: tensor<?x4x?x64xf16>, %v: tensor<?x4x?x64xf16>, %lengths: tensor<?xi32>) -> tensor<?x4x8x?x64xf16> {
  %o = et.attention query(%q : tensor<?x4x8x?x64xf16>) key(%k : tensor<?x4x?x64xf16>) value(%v : tensor<?x4x?x64xf16>)
         lengths(%lengths : tensor<?xi32>)
         {indexing_maps = [#gq, #gk, #gv, #gl, #go], structure = #et.mask<causal, lower_right>, padding = #et.padding<left>} score {
  ^bb0(%s: f32, %b: index, %g: index, %h: index, %i: index, %j: index):
    %cap = arith.constant 50.0 : f32
    %small = arith.divf %s, %cap : f32
    %t = math.tanh %small : f32
    %r = arith.mulf %t, %cap : f32
    et.yield %r : f32
  } -> tensor<?x4x8x?x64xf16>
  return %o : tensor<?x4x8x?x64xf16>
}

// A ragged batch: tokens of all sequences one behind the other, [tokens, heads, head size], and where each sequence starts.
#rq = affine_map<(h, m, n, k, v) -> (m, h, k)>
#rk = affine_map<(h, m, n, k, v) -> (n, h, k)>
#rv = affine_map<(h, m, n, k, v) -> (n, h, v)>
#ro = affine_map<(h, m, n, k, v) -> (m, h, v)>
func.func @ragged(%q: tensor<?x12x64xf16>, %k: tensor<?x12x64xf16>, %v: tensor<?x12x64xf16>, %offsets: tensor<?xi32>) -> tensor<?x12x64xf16> {
  %o = et.attention query(%q : tensor<?x12x64xf16>) key(%k : tensor<?x12x64xf16>) value(%v : tensor<?x12x64xf16>)
         offsets(%offsets : tensor<?xi32>) {indexing_maps = [#rq, #rk, #rv, #ro]} -> tensor<?x12x64xf16>
  return %o : tensor<?x12x64xf16>
}
