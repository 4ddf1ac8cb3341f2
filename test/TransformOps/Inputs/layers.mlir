// A linear layer, attention and a norm on f16; the scripts of the tests choose schedules for them.
#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>
func.func @layers(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>, %q: tensor<?x?x12x64xf16>)
    -> (tensor<?x3072xf16>, tensor<?x?x12x64xf16>, tensor<?x768xf16>) {
  %0 = et.linear %x, %w : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
  %1 = et.gelu %0 : tensor<?x3072xf16>
  %a = et.attention query(%q : tensor<?x?x12x64xf16>) key(%q : tensor<?x?x12x64xf16>) value(%q : tensor<?x?x12x64xf16>)
    {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x?x12x64xf16>
  %n = et.layer_norm %x {eps = 1.0e-12 : f32} : tensor<?x768xf16> -> tensor<?x768xf16>
  return %1, %a, %n : tensor<?x3072xf16>, tensor<?x?x12x64xf16>, tensor<?x768xf16>
}
