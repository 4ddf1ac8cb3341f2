// RUN: et-opt %s --et-decompose | FileCheck %s
// RUN: et-opt %s --et-decompose=accumulate-f64 | FileCheck %s --check-prefix=F64
// RUN: et-opt %s --et-decompose --et-decompose | FileCheck %s

// Nothing of the dialect is left but encodings.
// CHECK-NOT: et.{{[a-z_]+}} %
// F64-NOT:   et.{{[a-z_]+}} %

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#kg = affine_map<(b, h, m, n, k, v) -> (b, n, k)>
#vg = affine_map<(b, h, m, n, k, v) -> (b, n, v)>
#p = affine_map<(b, h, m, n, k, v) -> (b, n)>
#l = affine_map<(b, h, m, n, k, v) -> (b)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>

// CHECK-LABEL: func.func @attention_padding_mask
// CHECK-SAME:  %[[Q:[a-z0-9]+]]: tensor<?x?x12x32xf16>, %[[K:[a-z0-9]+]]: tensor<?x?x12x32xf16>, %[[V:[a-z0-9]+]]: {{.*}}, %[[MASK:[a-z0-9]+]]: tensor<?x?xi1>
// CHECK:       %[[S:.*]] = linalg.generic {{.*}} ins(%[[Q]], %[[K]] : {{.*}}) outs(%{{.*}} : tensor<?x12x?x?xf32>)
// CHECK:       linalg.generic {{.*}} ins(%[[S]], %[[MASK]] :
// CHECK:         arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK:         arith.select
// CHECK:       arith.maximumf
// CHECK:       math.exp
// CHECK:       linalg.generic {{.*}} ins(%{{.*}}, %[[V]] :
// CHECK:       arith.truncf %{{.*}} : f32 to f16
// CHECK:       } -> tensor<?x?x12x32xf16>
// F64-LABEL:   func.func @attention_padding_mask
// F64:         arith.extf %{{.*}} : f16 to f64
// F64:         math.exp %{{.*}} : f64
// F64:         arith.truncf %{{.*}} : f64 to f16
func.func @attention_padding_mask(%q: tensor<?x?x12x32xf16>, %k: tensor<?x?x12x32xf16>, %v: tensor<?x?x12x32xf16>,
                                  %mask: tensor<?x?xi1>) -> tensor<?x?x12x32xf16> {
  %o = et.attention query(%q : tensor<?x?x12x32xf16>) key(%k : tensor<?x?x12x32xf16>) value(%v : tensor<?x?x12x32xf16>)
         mask(%mask : tensor<?x?xi1>) {indexing_maps = [#q, #k, #v, #p, #o]} -> tensor<?x?x12x32xf16>
  return %o : tensor<?x?x12x32xf16>
}

// The score region moves to f64 with its arithmetic; what it reads from outside is converted.
// CHECK-LABEL: func.func @attention_score_region
// CHECK:       math.tanh %{{.*}} : f32
// F64-LABEL:   func.func @attention_score_region
// F64:         %[[CAP:.*]] = arith.constant 5.000000e+01 : f64
// F64:         %[[TANH:.*]] = math.tanh %{{.*}} : f64
// F64:         %[[CAPPED:.*]] = arith.mulf %[[TANH]], %[[CAP]] : f64
// F64:         %[[SLOPE:.*]] = tensor.extract
// F64:         %[[WIDE:.*]] = arith.extf %[[SLOPE]] : f32 to f64
// F64:         arith.addf %[[CAPPED]], %[[WIDE]] : f64
func.func @attention_score_region(%q: tensor<?x?x12x32xf32>, %k: tensor<?x?x32xf32>, %v: tensor<?x?x32xf32>,
                                  %slopes: tensor<12xf32>, %lengths: tensor<?xi32>) -> tensor<?x?x12x32xf32> {
  %o = et.attention query(%q : tensor<?x?x12x32xf32>) key(%k : tensor<?x?x32xf32>) value(%v : tensor<?x?x32xf32>)
         lengths(%lengths : tensor<?xi32>)
         {indexing_maps = [#q, #kg, #vg, #l, #o], padding = #et.padding<left>} score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %cap = arith.constant 50.0 : f32
    %t = math.tanh %s : f32
    %c = arith.mulf %t, %cap : f32
    %slope = tensor.extract %slopes[%h] : tensor<12xf32>
    %r = arith.addf %c, %slope : f32
    et.yield %r : f32
  } -> tensor<?x?x12x32xf32>
  return %o : tensor<?x?x12x32xf32>
}

// CHECK-LABEL: func.func @window
// CHECK-DAG:   arith.cmpi sle
// CHECK-DAG:   arith.cmpi slt
func.func @window(%q: tensor<?x?x12x32xf32>, %k: tensor<?x?x12x32xf32>, %v: tensor<?x?x12x32xf32>) -> tensor<?x?x12x32xf32> {
  %o = et.attention query(%q : tensor<?x?x12x32xf32>) key(%k : tensor<?x?x12x32xf32>) value(%v : tensor<?x?x12x32xf32>)
         {indexing_maps = [#q, #k, #v, #o], structure = #et.mask<window, left = 9223372036854775807, right = 0, global = 1>}
         -> tensor<?x?x12x32xf32>
  return %o : tensor<?x?x12x32xf32>
}

// An encoded weight is read as the dense tensor that it stands for.
// CHECK-LABEL: func.func @linear
// CHECK-SAME:  %[[X:[a-z0-9]+]]: tensor<?x?x384xf32>, %[[W:[a-z0-9]+]]: tensor<1536x384xf32, #et.tile<16x16>>, %[[B:[a-z0-9]+]]:
// CHECK:       %[[P:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W]] :
// CHECK:       linalg.generic {{.*}} ins(%[[P]], %[[B]] :
// F64-LABEL:   func.func @linear
// F64:         arith.mulf %{{.*}} : f64
// F64:         arith.truncf %{{.*}} : f64 to f32
func.func @linear(%x: tensor<?x?x384xf32>, %w: tensor<1536x384xf32, #et.tile<16x16>>, %b: tensor<1536xf32>) -> tensor<?x?x1536xf32> {
  %y = et.linear %x, %w bias(%b : tensor<1536xf32>) : (tensor<?x?x384xf32>, tensor<1536x384xf32, #et.tile<16x16>>) -> tensor<?x?x1536xf32>
  return %y : tensor<?x?x1536xf32>
}

// A vector is a linear layer's input too, and without bias in f32 one op is all of it.
// CHECK-LABEL: func.func @linear_vector
// CHECK:       %[[Y:.*]] = linalg.generic
// CHECK:       return %[[Y]]
func.func @linear_vector(%x: tensor<8xf32>, %w: tensor<4x8xf32>) -> tensor<4xf32> {
  %y = et.linear %x, %w : (tensor<8xf32>, tensor<4x8xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @embedding
// CHECK:       linalg.generic
// CHECK:         tensor.extract
func.func @embedding(%ids: tensor<?x7xi32>, %table: tensor<100x384xbf16>) -> tensor<?x7x384xbf16> {
  %y = et.embedding %ids, %table : (tensor<?x7xi32>, tensor<100x384xbf16>) -> tensor<?x7x384xbf16>
  return %y : tensor<?x7x384xbf16>
}

// The norm reads the sum before it is rounded to f16 for the second result.
// CHECK-LABEL: func.func @layer_norm
// CHECK:       %[[S:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<?x8xf32>)
// CHECK:       %[[Y:.*]] = linalg.generic {{.*}} ins(%[[S]], {{.*}}) outs(%{{.*}} : tensor<?x8xf16>)
// CHECK:       %[[ROUNDED:.*]] = linalg.generic {{.*}} ins(%[[S]] : tensor<?x8xf32>) outs(%{{.*}} : tensor<?x8xf16>)
// CHECK:       return %[[Y]], %[[ROUNDED]]
func.func @layer_norm(%x: tensor<?x8xf16>, %g: tensor<8xf16>, %b: tensor<8xf16>) -> (tensor<?x8xf16>, tensor<?x8xf16>) {
  %y, %s = et.layer_norm %x gamma(%g : tensor<8xf16>) beta(%b : tensor<8xf16>) residual(%x : tensor<?x8xf16>) {eps = 1.0e-5 : f32}
    : tensor<?x8xf16> -> tensor<?x8xf16>, tensor<?x8xf16>
  return %y, %s : tensor<?x8xf16>, tensor<?x8xf16>
}

// CHECK-LABEL: func.func @rms_norm_without_residual
// CHECK-SAME:  %[[X:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK:       math.sqrt
// CHECK:       return %{{.*}}, %[[X]]
func.func @rms_norm_without_residual(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %y, %s = et.rms_norm %x {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
  return %y, %s : tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func.func @gelu
// CHECK:       math.erf
// CHECK:       math.tanh
// CHECK:       math.exp
func.func @gelu(%x: tensor<?xf32>, %scalar: tensor<f32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<f32>) {
  %a = et.gelu %x : tensor<?xf32>
  %b = et.gelu %x {approximate = #et.gelu<tanh>} : tensor<?xf32>
  %c = et.gelu %scalar {approximate = #et.gelu<sigmoid>} : tensor<f32>
  return %a, %b, %c : tensor<?xf32>, tensor<?xf32>, tensor<f32>
}

// A constant loses its encoding, so that passes that know nothing of the dialect can take it from here.
// CHECK-LABEL: func.func @encoded_constants
// CHECK:       arith.constant dense<1.000000e+00> : tensor<2x4xf32>
// CHECK:       arith.constant dense_resource<weight> : tensor<2x4xf32>
func.func @encoded_constants(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = arith.constant dense<1.0> : tensor<2x4xf32, #et.tile<1x4>>
  %w2 = arith.constant dense_resource<weight> : tensor<2x4xf32, #et.tile<1x4>>
  %y = et.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32, #et.tile<1x4>>) -> tensor<?x2xf32>
  %z = et.linear %x, %w2 : (tensor<?x4xf32>, tensor<2x4xf32, #et.tile<1x4>>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}
