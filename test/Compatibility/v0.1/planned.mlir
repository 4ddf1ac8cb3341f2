// The ops of plans and the encodings that ops.mlir lacks; planned.mlirbc was made from this file by et-opt 0.1 and is never made
// again.
// RUN: et-opt %S/planned.mlirbc -o %t.golden
// RUN: et-opt %s -o %t.text
// RUN: diff %t.text %t.golden

et.weight @strips : tensor<100x140xf16, #et.strips<64x16, kept = 2>> from [dense<1.0> : tensor<100x140xf16>]
et.weight @squares : tensor<100x140xbf16, #et.strips<16x16, kept = 2>> from [dense<1.0> : tensor<100x140xbf16>]
et.weight @panels : tensor<6x20xf16, #et.sparse_panels<8, kept = 4>> from [dense<1.0> : tensor<6x20xf16>]

func.func @encodings(%x: tensor<?x4xf32>, %r: tensor<3x4xf32, #et.rows>, %c: tensor<3x4xf32, #et.columns>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
  %0 = et.linear %x, %r : (tensor<?x4xf32>, tensor<3x4xf32, #et.rows>) -> tensor<?x3xf32>
  %1 = et.linear %x, %c : (tensor<?x4xf32>, tensor<3x4xf32, #et.columns>) -> tensor<?x3xf32>
  return %0, %1 : tensor<?x3xf32>, tensor<?x3xf32>
}

func.func @statistics(%x: tensor<?x?x384xf16>) -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
  %chunks = et.chunk_stats %x : tensor<?x?x384xf16> -> tensor<?x?x12x2xf32>
  %scale, %mean = et.norm_stats %chunks {size = 32, eps = 1.0e-12 : f32} : tensor<?x?x12x2xf32> -> tensor<?x?xf32>, tensor<?x?xf32>
  %rms = et.norm_stats %chunks {size = 32, eps = 1.0e-6 : f32} : tensor<?x?x12x2xf32> -> tensor<?x?xf32>
  return %scale, %mean, %rms : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>
}

func.func @plan(%bytes: index, %weights: memref<?xi8>, %x: memref<?x768xf16>, %y: memref<?x768xf16>) -> !et.tensor_map {
  %c0 = arith.constant 0 : index
  %rows = memref.dim %x, %c0 : memref<?x768xf16>
  %half = memref.view %weights[%c0][] : memref<?xi8> to memref<589824xi8>
  et.prefetch %half rows %rows most 512 : memref<589824xi8>
  et.work bytes %bytes flops %rows tensor
  et.work bytes %bytes
  et.launch "layer_norm" ins(%x : memref<?x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %o: tensor<?x768xf16>):
    %n = et.layer_norm %a {eps = 1.0e-12 : f32} : tensor<?x768xf16> -> tensor<?x768xf16>
    et.yield %n : tensor<?x768xf16>
  }
  %map = et.tensor_map %x box [64, 64] swizzle 128 : memref<?x768xf16>
  return %map : !et.tensor_map
}
