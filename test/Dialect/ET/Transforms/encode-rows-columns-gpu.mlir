// When whole rows or columns that are zero pay on a GPU: a launch and what it moves against products.
// RUN: et-opt %s --split-input-file --et-encode-sparsity="kernels=wgmma multiple=64" --remarks-filter=et-encode-sparsity 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --split-input-file --et-encode-sparsity="kernels=wgmma multiple=64 expected-rows=128" --remarks-filter=et-encode-sparsity 2>%t.few | FileCheck %s --check-prefix=FEW
// RUN: FileCheck %s --check-prefix=FEWREMARK --input-file=%t.few
// RUN: et-opt %s --split-input-file --et-encode-sparsity="kernels=mma multiple=64" | FileCheck %s --check-prefix=MMA

// CHECK-LABEL: func.func @rows
// CHECK:       et.linear {{.*}} tensor<1536x2048xbf16, #et.rows>
// REMARK:      WeightEncoded{{.*}}keeps 256 of 1536 rows (16.7 %): about 0.36 of the dense kernel's time
// MMA-LABEL:   func.func @rows
// MMA:         et.linear {{.*}} #et.rows
// With 128 rows a launch takes more than it saves.
// FEW-LABEL:   func.func @rows
// FEW-NOT:     #et.
// FEW:         return
// FEWREMARK:   WeightStaysDense{{.*}}83 % of its elements are zero, but with 256 of its 1536 rows left and the rest put back behind it, the layer would take
#one = dense<1.0> : tensor<16x2048xbf16>
#zero = dense<0.0> : tensor<80x2048xbf16>
et.weight @w : tensor<1536x2048xbf16> from [#one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                            #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero]
func.func @rows(%x: tensor<?x2048xbf16>) -> tensor<?x1536xbf16> {
  %w = et.weight_ref @w : tensor<1536x2048xbf16>
  %y = et.linear %x, %w : (tensor<?x2048xbf16>, tensor<1536x2048xbf16>) -> tensor<?x1536xbf16>
  return %y : tensor<?x1536xbf16>
}

// -----

// A quarter of the rows of a small weight: the launch behind it costs as much as is saved.
//
// CHECK-LABEL: func.func @no_rows_small
// CHECK-NOT:   #et.rows
// CHECK:       return
// REMARK-NOT:  256 rows
#one = dense<1.0> : tensor<16x256xf16>
#zero = dense<0.0> : tensor<48x256xf16>
et.weight @w : tensor<256x256xf16> from [#one, #zero, #one, #zero, #one, #zero, #one, #zero]
func.func @no_rows_small(%x: tensor<?x256xf16>) -> tensor<?x256xf16> {
  %w = et.weight_ref @w : tensor<256x256xf16>
  %y = et.linear %x, %w : (tensor<?x256xf16>, tensor<256x256xf16>) -> tensor<?x256xf16>
  return %y : tensor<?x256xf16>
}

// -----

// f32 has no sparse kernels, but a smaller dense layer it can be. Static sizes come before what is expected.
//
// CHECK-LABEL: func.func @single
// CHECK:       et.linear {{.*}} tensor<512x1024xf32, #et.rows>
// FEW-LABEL:   func.func @single
// FEW:         et.linear {{.*}} tensor<512x1024xf32, #et.rows>
#one = dense<1.0> : tensor<64x1024xf32>
#zero = dense<0.0> : tensor<448x1024xf32>
et.weight @w : tensor<512x1024xf32> from [#one, #zero]
func.func @single(%x: tensor<8x512x1024xf32>) -> tensor<8x512x512xf32> {
  %w = et.weight_ref @w : tensor<512x1024xf32>
  %y = et.linear %x, %w : (tensor<8x512x1024xf32>, tensor<512x1024xf32>) -> tensor<8x512x512xf32>
  return %y : tensor<8x512x512xf32>
}

// -----

// Few static rows: squares of a small weight do not pay either, whatever the many rows of others would gain.
//
// CHECK-LABEL: func.func @no_squares_few_rows
// CHECK-NOT:   #et.
// CHECK:       return
// REMARK:      WeightStaysDense{{.*}}its tiles of 16x16 are not
#one = dense<1.0> : tensor<16x384xf16>
#zero = dense<0.0> : tensor<48x384xf16>
et.weight @w : tensor<1536x384xf16> from [#one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                         #one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                         #one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                         #one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                         #one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                         #one, #zero, #one, #zero, #one, #zero, #one, #zero]
func.func @no_squares_few_rows(%x: tensor<1x128x384xf16>) -> tensor<1x128x1536xf16> {
  %w = et.weight_ref @w : tensor<1536x384xf16>
  %y = et.linear %x, %w : (tensor<1x128x384xf16>, tensor<1536x384xf16>) -> tensor<1x128x1536xf16>
  return %y : tensor<1x128x1536xf16>
}
