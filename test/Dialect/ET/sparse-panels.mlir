// Storage of a sparse weight, in text and bytecode.
// RUN: et-opt %s | et-opt --emit-bytecode | et-opt | FileCheck %s

// Two starts and four columns of four bytes, and, from 64 on, 4 x 8 elements of two bytes.
// CHECK:       et.weight @w : tensor<6x20xf16, #et.sparse_panels<8, kept = 4>> from
// CHECK-LABEL: func.func @reference
// CHECK:       et.weight_ref @w : memref<128xi8>
et.weight @w : tensor<6x20xf16, #et.sparse_panels<8, kept = 4>> from [dense<1.0> : tensor<6x20xf16>]
func.func @reference() -> memref<128xi8> {
  %w = et.weight_ref @w : memref<128xi8>
  return %w : memref<128xi8>
}

// Nothing is kept: what is left is where panels start.
// CHECK:       et.weight_ref @nothing : memref<64xi8>
et.weight @nothing : tensor<6x20xf32, #et.sparse_panels<8, kept = 0>> from [dense<0.0> : tensor<6x20xf32>]
func.func @empty() -> memref<64xi8> {
  %w = et.weight_ref @nothing : memref<64xi8>
  return %w : memref<64xi8>
}

// f16 widens when it is packed.
// CHECK:       et.weight @wide : tensor<6x20xf32, #et.sparse_panels<8, kept = 4>> from [dense<1.000000e+00> : tensor<6x20xf16>]
et.weight @wide : tensor<6x20xf32, #et.sparse_panels<8, kept = 4>> from [dense<1.0> : tensor<6x20xf16>]

// A launch may see bytes where its region sees tiles.
// CHECK-LABEL: func.func @launch
// CHECK:       ins(%{{.*}}, %{{.*}} : memref<?x20xf32>, memref<128xi8>)
func.func @launch(%x: memref<?x20xf32>, %y: memref<?x6xf32>) {
  %w = et.weight_ref @w : memref<128xi8>
  et.launch "linear" ins(%x, %w : memref<?x20xf32>, memref<128xi8>) outs(%y : memref<?x6xf32>) {
  ^bb0(%a: tensor<?x20xf32>, %b: tensor<6x20xf16, #et.tile<8x1>>, %o: tensor<?x6xf32>):
    %l = et.linear %a, %b : (tensor<?x20xf32>, tensor<6x20xf16, #et.tile<8x1>>) -> tensor<?x6xf32>
    et.yield %l : tensor<?x6xf32>
  }
  return
}
