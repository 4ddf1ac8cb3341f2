// RUN: et-opt %s | et-opt | FileCheck %s
// RUN: et-opt %s --mlir-print-op-generic | et-opt | FileCheck %s

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#p = affine_map<(b, h, m, n, k, v) -> (b, n)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>

// CHECK-LABEL: func.func @attention_padding_mask
// CHECK: et.attention query(%{{.*}} : tensor<?x?x12x32xf32>)
// CHECK-SAME: mask(%{{.*}} : tensor<?x?xi1>)
func.func @attention_padding_mask(%q: tensor<?x?x12x32xf32>, %k: tensor<?x?x12x32xf32>, %v: tensor<?x?x12x32xf32>,
                                  %mask: tensor<?x?xi1>) -> tensor<?x?x12x32xf32> {
  %o = et.attention query(%q : tensor<?x?x12x32xf32>) key(%k : tensor<?x?x12x32xf32>) value(%v : tensor<?x?x12x32xf32>)
         mask(%mask : tensor<?x?xi1>)
         {indexing_maps = [#q, #k, #v, #p, #o], scale = 0.17677669 : f32} -> tensor<?x?x12x32xf32>
  return %o : tensor<?x?x12x32xf32>
}

// CHECK-LABEL: func.func @attention_score_region
// CHECK: structure = #et.mask<causal, lower_right>
// CHECK: score {
func.func @attention_score_region(%q: tensor<?x?x12x32xf32>, %k: tensor<?x?x12x32xf32>, %v: tensor<?x?x12x32xf32>)
    -> tensor<?x?x12x32xf32> {
  %o = et.attention query(%q : tensor<?x?x12x32xf32>) key(%k : tensor<?x?x12x32xf32>) value(%v : tensor<?x?x12x32xf32>)
         {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<causal, lower_right>} score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %t = math.tanh %s : f32
    et.yield %t : f32
  } -> tensor<?x?x12x32xf32>
  return %o : tensor<?x?x12x32xf32>
}

// CHECK-LABEL: func.func @encoder_pieces(
// CHECK-SAME: et.min_sizes = array<i64: 0, 2>
func.func @encoder_pieces(%ids: tensor<?x?xi64> {et.name = "ids", et.dims = ["batch", "sequence"], et.min_sizes = array<i64: 0, 2>},
                          %table: tensor<100x384xf32>, %w: tensor<1536x384xf32, #et.tile<16x16>>, %b: tensor<1536xf32>,
                          %g: tensor<384xf32>, %w2: tensor<384x1536xf32>) -> (tensor<?x?x384xf32>, tensor<?x?x384xf32>) {
  // CHECK: et.embedding
  %x = et.embedding %ids, %table : (tensor<?x?xi64>, tensor<100x384xf32>) -> tensor<?x?x384xf32>
  // CHECK: et.linear %{{.*}}, %{{.*}} bias(%{{.*}} : tensor<1536xf32>) : (tensor<?x?x384xf32>, tensor<1536x384xf32, #et.tile<16x16>>)
  %h = et.linear %x, %w bias(%b : tensor<1536xf32>) : (tensor<?x?x384xf32>, tensor<1536x384xf32, #et.tile<16x16>>) -> tensor<?x?x1536xf32>
  // CHECK: et.gelu %{{.*}} {approximate = #et.gelu<tanh>}
  %a = et.gelu %h {approximate = #et.gelu<tanh>} : tensor<?x?x1536xf32>
  %y = et.linear %a, %w2 : (tensor<?x?x1536xf32>, tensor<384x1536xf32>) -> tensor<?x?x384xf32>
  // CHECK: et.layer_norm
  %n, %s = et.layer_norm %y gamma(%g : tensor<384xf32>) beta(%g : tensor<384xf32>) residual(%x : tensor<?x?x384xf32>) {eps = 1.0e-12 : f32}
     : tensor<?x?x384xf32> -> tensor<?x?x384xf32>, tensor<?x?x384xf32>
  // CHECK: et.rms_norm
  %r = et.rms_norm %s gamma(%g : tensor<384xf32>) {eps = 1.0e-6 : f32} : tensor<?x?x384xf32> -> tensor<?x?x384xf32>
  return %n, %r : tensor<?x?x384xf32>, tensor<?x?x384xf32>
}
