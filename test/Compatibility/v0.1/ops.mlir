// What version 0.1 wrote is read for ever: ops.mlirbc was made from this file by et-opt 0.1 and is never made again.
// RUN: et-opt %S/ops.mlirbc -o %t.golden
// RUN: et-opt %s -o %t.text
// RUN: diff %t.text %t.golden

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#p = affine_map<(b, h, m, n, k, v) -> (b, n)>
#l = affine_map<(b, h, m, n, k, v) -> (b)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>

et.weight @joined : tensor<4x2xf32, #et.panels<4>> at 64 from [dense<1.0> : tensor<2x2xf32>, dense<2.0> : tensor<2x2xf32>]

func.func @attention(%q: tensor<?x?x12x32xf16>, %mask: tensor<?x?xf32>, %lengths: tensor<?xi64>, %bool: tensor<?x?xi1>)
    -> (tensor<?x?x12x32xf16>, tensor<?x?x12x32xf16>, tensor<?x?x12x32xf16>) {
  %a = et.attention query(%q : tensor<?x?x12x32xf16>) key(%q : tensor<?x?x12x32xf16>) value(%q : tensor<?x?x12x32xf16>)
    mask(%mask : tensor<?x?xf32>) lengths(%lengths : tensor<?xi64>)
    {indexing_maps = [#q, #k, #v, #p, #l, #o], scale = 0.5 : f32, accumulator = f64, padding = #et.padding<left>,
     structure = #et.mask<causal, lower_right>} -> tensor<?x?x12x32xf16>
  %b = et.attention query(%q : tensor<?x?x12x32xf16>) key(%q : tensor<?x?x12x32xf16>) value(%q : tensor<?x?x12x32xf16>)
    {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<window, left = 64, right = 32, global = 1>} score {
  ^bb0(%s: f32, %x: index, %h: index, %i: index, %j: index):
    %t = math.tanh %s : f32
    et.yield %t : f32
  } -> tensor<?x?x12x32xf16>
  %c = et.attention query(%q : tensor<?x?x12x32xf16>) key(%q : tensor<?x?x12x32xf16>) value(%q : tensor<?x?x12x32xf16>)
    mask(%bool : tensor<?x?xi1>) {indexing_maps = [#q, #k, #v, #p, #o], structure = #et.mask<causal>} -> tensor<?x?x12x32xf16>
  return %a, %b, %c : tensor<?x?x12x32xf16>, tensor<?x?x12x32xf16>, tensor<?x?x12x32xf16>
}

func.func @rest(%ids: tensor<?x?xi64> {et.name = "input_ids", et.dims = ["batch", "sequence"]}, %table: tensor<100x32xf32>,
                %w: tensor<64x32xf32, #et.tile<16x8>>, %bias: tensor<64xf32>, %g: tensor<64xf32>)
    -> (tensor<?x?x64xf32> {et.name = "last_hidden_state"}, tensor<?x?x64xf32>) {
  %x = et.embedding %ids, %table : (tensor<?x?xi64>, tensor<100x32xf32>) -> tensor<?x?x32xf32>
  %y = et.linear %x, %w bias(%bias : tensor<64xf32>) : (tensor<?x?x32xf32>, tensor<64x32xf32, #et.tile<16x8>>) -> tensor<?x?x64xf32>
  %e = et.gelu %y : tensor<?x?x64xf32>
  %t = et.gelu %e {approximate = #et.gelu<tanh>} : tensor<?x?x64xf32>
  %s = et.gelu %t {approximate = #et.gelu<sigmoid>} : tensor<?x?x64xf32>
  %n, %sum = et.layer_norm %s gamma(%g : tensor<64xf32>) beta(%g : tensor<64xf32>) residual(%y : tensor<?x?x64xf32>) {eps = 1.0e-12 : f32}
    : tensor<?x?x64xf32> -> tensor<?x?x64xf32>, tensor<?x?x64xf32>
  %r = et.rms_norm %n gamma(%g : tensor<64xf32>) residual(%sum : tensor<?x?x64xf32>) {eps = 1.0e-6 : f32} : tensor<?x?x64xf32> -> tensor<?x?x64xf32>
  return %r, %sum : tensor<?x?x64xf32>, tensor<?x?x64xf32>
}

func.func @launch(%x: tensor<?x2xf32>, %out: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = et.weight_ref @joined : tensor<4x2xf32, #et.panels<4>>
  %y = et.launch "linear" ins(%x, %w : tensor<?x2xf32>, tensor<4x2xf32, #et.panels<4>>) outs(%out : tensor<?x4xf32>) {
  ^bb0(%xi: tensor<?x2xf32>, %wi: tensor<4x2xf32, #et.panels<4>>, %oi: tensor<?x4xf32>):
    %h = et.linear %xi, %wi : (tensor<?x2xf32>, tensor<4x2xf32, #et.panels<4>>) -> tensor<?x4xf32>
    et.yield %h : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
