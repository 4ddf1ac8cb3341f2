// RUN: et-opt %s --split-input-file --et-encode-sparsity --remarks-filter=et-encode-sparsity 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --split-input-file --et-encode-sparsity=force | FileCheck %s --check-prefix=FORCE
// RUN: et-opt %s --split-input-file --et-encode-sparsity="tiles=32x8,8x8" | FileCheck %s --check-prefix=TILES
// RUN: et-opt %s --split-input-file --et-encode-sparsity --et-encode-sparsity | FileCheck %s
// RUN: not et-opt %s --split-input-file --et-encode-sparsity=tiles=64 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not et-opt %s --split-input-file --et-encode-sparsity=tiles=0x16 2>&1 | FileCheck %s --check-prefix=ZERO

// BAD:  expected tiles to be sizes such as 64x16, rows or columns, but got '64'
// ZERO: expected tiles to be sizes such as 64x16, rows or columns, but got '0x16'

// One of four panels of 64 outputs is left. The dense weight stays while something else reads it.
//
// CHECK-DAG:   et.weight @quarter.tiles : tensor<256x32xf32, #et.tile<64x16>> from [dense<1.000000e+00> : tensor<64x32xf32>, dense<-0.000000e+00> : tensor<192x32xf32>]
// CHECK-LABEL: func.func @encode_quarter
// CHECK-SAME:    %[[X:[a-z0-9]+]]
// CHECK-DAG:   %[[D:.*]] = et.weight_ref @quarter : tensor<256x32xf32>
// CHECK-DAG:   %[[W:.*]] = et.weight_ref @quarter.tiles
// CHECK:       et.linear %[[X]], %[[W]]
// CHECK:       return %{{.*}}, %[[D]]
// REMARK:      remark: {{.*}}WeightEncoded{{.*}}keeps 2 of 8 tiles of 64x16 (25.0 %): about 0.28 of the dense kernel's time", Weight=quarter
// TILES:       et.weight @quarter.tiles : tensor<256x32xf32, #et.tile<32x8>>
et.weight @quarter : tensor<256x32xf32> from [dense<1.0> : tensor<64x32xf32>, dense<-0.0> : tensor<192x32xf32>]
func.func @encode_quarter(%x: tensor<?x32xf32>) -> (tensor<?x256xf32>, tensor<256x32xf32>) {
  %w = et.weight_ref @quarter : tensor<256x32xf32>
  %y = et.linear %x, %w : (tensor<?x32xf32>, tensor<256x32xf32>) -> tensor<?x256xf32>
  return %y, %w : tensor<?x256xf32>, tensor<256x32xf32>
}

// -----

// Two layers of one weight share the encoded one.
//
// CHECK-COUNT-1: et.weight @
// CHECK-LABEL:   func.func @encode_shared
// CHECK-COUNT-2: et.linear %{{.*}} : (tensor<?x16xf16>, tensor<128x16xf16, #et.tile<64x16>>)
// FORCE-LABEL:   func.func @encode_shared
et.weight @shared : tensor<128x16xf16> from [dense<0.0> : tensor<64x16xf16>, dense<1.0> : tensor<64x16xf16>]
func.func @encode_shared(%x: tensor<?x16xf16>) -> (tensor<?x128xf16>, tensor<?x128xf16>) {
  %w = et.weight_ref @shared : tensor<128x16xf16>
  %y = et.linear %x, %w : (tensor<?x16xf16>, tensor<128x16xf16>) -> tensor<?x128xf16>
  %z = et.linear %x, %w : (tensor<?x16xf16>, tensor<128x16xf16>) -> tensor<?x128xf16>
  return %y, %z : tensor<?x128xf16>, tensor<?x128xf16>
}

// -----

// Rows 32 at a time: wider tiles would keep twice as much.
//
// CHECK:       et.weight @rows.tiles : tensor<128x16xf32, #et.tile<32x16>>
// CHECK-LABEL: func.func @encode_finest_rows
#zero = dense<0.0> : tensor<32x16xf32>
#one = dense<1.0> : tensor<32x16xf32>
et.weight @rows : tensor<128x16xf32> from [#one, #zero, #zero, #zero]
func.func @encode_finest_rows(%x: tensor<?x16xf32>) -> tensor<?x128xf32> {
  %w = et.weight_ref @rows : tensor<128x16xf32>
  %y = et.linear %x, %w : (tensor<?x16xf32>, tensor<128x16xf32>) -> tensor<?x128xf32>
  return %y : tensor<?x128xf32>
}

// -----

// Four inputs of eight in a row of outputs: tiles of 16 inputs would keep everything, and so would those of 4.
//
// CHECK:       et.weight @columns.tiles : tensor<16x8xf32, #et.tile<16x1>>
// CHECK-LABEL: func.func @encode_finest_columns
#r = dense<[[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]]> : tensor<1x8xf32>
et.weight @columns : tensor<16x8xf32> from [#r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r, #r]
func.func @encode_finest_columns(%x: tensor<?x8xf32>) -> tensor<?x16xf32> {
  %w = et.weight_ref @columns : tensor<16x8xf32>
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<16x8xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// CHECK:       et.weight @nothing.tiles : tensor<20x6xbf16, #et.tile<64x16>>
// CHECK-LABEL: func.func @encode_all_zero
// REMARK:      keeps 0 of 1 tiles
et.weight @nothing : tensor<20x6xbf16> from [dense<0.0> : tensor<20x6xbf16>]
func.func @encode_all_zero(%x: tensor<?x6xbf16>) -> tensor<?x20xbf16> {
  %w = et.weight_ref @nothing : tensor<20x6xbf16>
  %y = et.linear %x, %w : (tensor<?x6xbf16>, tensor<20x6xbf16>) -> tensor<?x20xbf16>
  return %y : tensor<?x20xbf16>
}

// -----

// A weight that came from dense through a conversion keeps the tile it was given, whether it pays or not.
//
// CHECK:       et.weight @given.tiles : tensor<64x16xf32, #et.tile<8x8>> from [dense<1.000000e+00> : tensor<64x16xf32>]
// CHECK-LABEL: func.func @take_given
// CHECK:       %[[W:.*]] = et.weight_ref @given.tiles
// CHECK-NOT:   tensor.cast
// CHECK:       et.linear %{{.*}}, %[[W]]
et.weight @given : tensor<64x16xf32> from [dense<1.0> : tensor<64x16xf32>]
func.func @take_given(%x: tensor<?x16xf32>) -> tensor<?x64xf32> {
  %w = et.weight_ref @given : tensor<64x16xf32>
  %t = tensor.cast %w : tensor<64x16xf32> to tensor<64x16xf32, #et.tile<8x8>>
  %y = et.linear %x, %t : (tensor<?x16xf32>, tensor<64x16xf32, #et.tile<8x8>>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Not pruned: nothing happens, and nothing is said.
//
// CHECK:       et.weight @dense :
// CHECK-NOT:   et.tile
// CHECK-LABEL: func.func @no_encode_dense
// REMARK-NOT:  remark:
// FORCE:       et.weight @dense.tiles : tensor<64x32xf32, #et.tile<64x16>>
et.weight @dense : tensor<64x32xf32> from [dense<1.0> : tensor<64x32xf32>]
func.func @no_encode_dense(%x: tensor<?x32xf32>) -> tensor<?x64xf32> {
  %w = et.weight_ref @dense : tensor<64x32xf32>
  %y = et.linear %x, %w : (tensor<?x32xf32>, tensor<64x32xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// A quarter of the elements is zero, but in rows here and there: no tile is.
//
// CHECK:       et.weight @scattered :
// CHECK-NOT:   et.tile
// CHECK-LABEL: func.func @no_encode_scattered
// REMARK:      remark: {{.*}}WeightStaysDense{{.*}}the weight stays dense: 25 % of its elements are zero, but 100 % of its tiles of 64x16 are not
// REMARK-SAME: prune whole tiles of 64 outputs by 16 inputs", Weight=scattered
#zero = dense<0.0> : tensor<4x16xf32>
#one = dense<1.0> : tensor<12x16xf32>
et.weight @scattered : tensor<64x16xf32> from [#zero, #one, #zero, #one, #zero, #one, #zero, #one]
func.func @no_encode_scattered(%x: tensor<?x16xf32>) -> tensor<?x64xf32> {
  %w = et.weight_ref @scattered : tensor<64x16xf32>
  %y = et.linear %x, %w : (tensor<?x16xf32>, tensor<64x16xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// One tile of six is zero: below break-even.
//
// CHECK:       et.weight @sixth :
// CHECK-NOT:   et.tile
// CHECK-LABEL: func.func @no_encode_below_break_even
// FORCE:       et.weight @sixth.tiles
et.weight @sixth : tensor<384x16xf32> from [dense<0.0> : tensor<64x16xf32>, dense<1.0> : tensor<320x16xf32>]
func.func @no_encode_below_break_even(%x: tensor<?x16xf32>) -> tensor<?x384xf32> {
  %w = et.weight_ref @sixth : tensor<384x16xf32>
  %y = et.linear %x, %w : (tensor<?x16xf32>, tensor<384x16xf32>) -> tensor<?x384xf32>
  return %y : tensor<?x384xf32>
}

// -----

// Two layers may want one weight in different tiles.
//
// CHECK-DAG:   et.weight @{{.*}} : tensor<64x16xf32, #et.tile<8x8>>
// CHECK-DAG:   et.weight @{{.*}} : tensor<64x16xf32, #et.tile<4x4>>
// CHECK-LABEL: func.func @take_two_given
et.weight @both : tensor<64x16xf32> from [dense<1.0> : tensor<64x16xf32>]
func.func @take_two_given(%x: tensor<?x16xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %w = et.weight_ref @both : tensor<64x16xf32>
  %a = tensor.cast %w : tensor<64x16xf32> to tensor<64x16xf32, #et.tile<8x8>>
  %b = tensor.cast %w : tensor<64x16xf32> to tensor<64x16xf32, #et.tile<4x4>>
  %y = et.linear %x, %a : (tensor<?x16xf32>, tensor<64x16xf32, #et.tile<8x8>>) -> tensor<?x64xf32>
  %z = et.linear %x, %b : (tensor<?x16xf32>, tensor<64x16xf32, #et.tile<4x4>>) -> tensor<?x64xf32>
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// Not a constant.
//
// CHECK-LABEL: func.func @no_encode_argument
// CHECK:       et.linear %{{.*}} : (tensor<?x16xf32>, tensor<64x16xf32>)
func.func @no_encode_argument(%x: tensor<?x16xf32>, %w: tensor<64x16xf32>) -> tensor<?x64xf32> {
  %y = et.linear %x, %w : (tensor<?x16xf32>, tensor<64x16xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// f64 has no kernel, sparse or not.
//
// CHECK:       et.weight @double :
// CHECK-NOT:   et.tile
// CHECK-LABEL: func.func @no_encode_f64
et.weight @double : tensor<64x16xf64> from [dense<0.0> : tensor<64x16xf64>]
func.func @no_encode_f64(%x: tensor<?x16xf64>) -> tensor<?x64xf64> {
  %w = et.weight_ref @double : tensor<64x16xf64>
  %y = et.linear %x, %w : (tensor<?x16xf64>, tensor<64x16xf64>) -> tensor<?x64xf64>
  return %y : tensor<?x64xf64>
}

// -----

// The data comes later.
//
// CHECK:       et.weight @later :
// CHECK-NOT:   et.tile
// CHECK-LABEL: func.func @no_encode_without_data
et.weight @later : tensor<64x16xf32> from [dense_resource<later> : tensor<64x16xf32>]
func.func @no_encode_without_data(%x: tensor<?x16xf32>) -> tensor<?x64xf32> {
  %w = et.weight_ref @later : tensor<64x16xf32>
  %y = et.linear %x, %w : (tensor<?x16xf32>, tensor<64x16xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Only linear layers read tiles.
//
// CHECK:       et.weight @table :
// CHECK-NOT:   et.tile
// CHECK-LABEL: func.func @no_encode_embedding
et.weight @table : tensor<64x16xf32> from [dense<0.0> : tensor<64x16xf32>]
func.func @no_encode_embedding(%ids: tensor<?xi64>) -> tensor<?x16xf32> {
  %w = et.weight_ref @table : tensor<64x16xf32>
  %y = et.embedding %ids, %w : (tensor<?xi64>, tensor<64x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
