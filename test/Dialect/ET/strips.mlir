// Storage of a weight in strips, in text and bytecode.
// RUN: et-opt %s | et-opt --emit-bytecode | et-opt | FileCheck %s

// Two strips of three blocks: 8 + 12 bytes of numbers, 16 of masks of each strip from 32 on, and, from 128 on, two slabs
// of 2048 bytes.
// CHECK:       et.weight @slabs : tensor<100x140xf16, #et.strips<64x16, kept = 2>> from
// CHECK-LABEL: func.func @slabs
// CHECK:       et.weight_ref @slabs : memref<4224xi8>
et.weight @slabs : tensor<100x140xf16, #et.strips<64x16, kept = 2>> from [dense<1.0> : tensor<100x140xf16>]
func.func @slabs_storage() -> memref<4224xi8> {
  %w = et.weight_ref @slabs : memref<4224xi8>
  return %w : memref<4224xi8>
}

// Squares take 512 bytes.
// CHECK:       et.weight_ref @squares : memref<1152xi8>
et.weight @squares : tensor<100x140xbf16, #et.strips<16x16, kept = 2>> from [dense<1.0> : tensor<100x140xbf16>]
func.func @squares_storage() -> memref<1152xi8> {
  %w = et.weight_ref @squares : memref<1152xi8>
  return %w : memref<1152xi8>
}

// Nothing is kept.
// CHECK:       et.weight_ref @nothing : memref<128xi8>
et.weight @nothing : tensor<100x140xbf16, #et.strips<64x64, kept = 0>> from [dense<0.0> : tensor<100x140xbf16>]
func.func @nothing_storage() -> memref<128xi8> {
  %w = et.weight_ref @nothing : memref<128xi8>
  return %w : memref<128xi8>
}

// A launch may see bytes where its region sees tiles.
// CHECK-LABEL: func.func @launch
// CHECK:       ins(%{{.*}}, %{{.*}} : memref<?x140xf16>, memref<4224xi8>)
func.func @launch(%x: memref<?x140xf16>, %y: memref<?x100xf16>) {
  %w = et.weight_ref @slabs : memref<4224xi8>
  et.launch "linear" ins(%x, %w : memref<?x140xf16>, memref<4224xi8>) outs(%y : memref<?x100xf16>) {
  ^bb0(%a: tensor<?x140xf16>, %b: tensor<100x140xf16, #et.tile<64x16>>, %o: tensor<?x100xf16>):
    %l = et.linear %a, %b : (tensor<?x140xf16>, tensor<100x140xf16, #et.tile<64x16>>) -> tensor<?x100xf16>
    et.yield %l : tensor<?x100xf16>
  }
  return
}
