// Which tiles pay on the tensor cores of a GPU. Whole rows of them, which pay more, are in encode-rows-columns-gpu.mlir.
// RUN: et-opt %s --split-input-file --et-encode-sparsity="kernels=wgmma tiles=64x64,64x32,64x16,16x16" --remarks-filter=et-encode-sparsity 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --split-input-file --et-encode-sparsity="kernels=mma tiles=16x16" | FileCheck %s --check-prefix=MMA
// RUN: not et-opt %s --split-input-file --et-encode-sparsity=kernels=tpu 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: for the --kernels option: Cannot find option named 'tpu'

// A launch costs something of its own: 0.45 of the dense kernel's time where both sizes are small.
//
// CHECK-LABEL: func.func @quarter
// CHECK:       et.linear {{.*}} tensor<256x256xf16, #et.tile<64x64>>
// REMARK:      WeightEncoded{{.*}}keeps 4 of 16 tiles of 64x64 (25.0 %): about 0.76 of the dense kernel's time
// MMA-LABEL:   func.func @quarter
// MMA-NOT:     #et.tile
// MMA:         return
// MMA-LABEL:   func.func @squares
// MMA:         et.linear {{.*}} tensor<1536x2048xbf16, #et.tile<16x16>>
#zero = dense<0.0> : tensor<64x256xf16>
#one = dense<1.0> : tensor<64x256xf16>
et.weight @w : tensor<256x256xf16> from [#one, #zero, #zero, #zero]
func.func @quarter(%x: tensor<?x256xf16>) -> tensor<?x256xf16> {
  %w = et.weight_ref @w : tensor<256x256xf16>
  %y = et.linear %x, %w : (tensor<?x256xf16>, tensor<256x256xf16>) -> tensor<?x256xf16>
  return %y : tensor<?x256xf16>
}

// -----

// With half of the tiles of a small weight left, the dense kernel is faster.
//
// CHECK-LABEL: func.func @half
// CHECK-NOT:   #et.tile
// CHECK:       return
// REMARK:      WeightStaysDense{{.*}}the weight stays dense: 50 % of its elements are zero, but 50 % of its tiles of 64x64 are not, with which a sparse kernel would take 1.04 times as long{{.*}}prune whole tiles of 64 outputs by 64 inputs
#zero = dense<0.0> : tensor<64x256xf16>
#one = dense<1.0> : tensor<64x256xf16>
et.weight @w : tensor<256x256xf16> from [#one, #zero, #zero, #one]
func.func @half(%x: tensor<?x256xf16>) -> tensor<?x256xf16> {
  %w = et.weight_ref @w : tensor<256x256xf16>
  %y = et.linear %x, %w : (tensor<?x256xf16>, tensor<256x256xf16>) -> tensor<?x256xf16>
  return %y : tensor<?x256xf16>
}

// -----

// Two of three strips of 64 rows have one panel of 16: tiles of 64 rows would keep four times as much.
//
// CHECK-LABEL: func.func @squares
// CHECK:       et.linear {{.*}} tensor<1536x2048xbf16, #et.tile<16x16>>
// REMARK:      WeightEncoded{{.*}}keeps 2048 of 12288 tiles of 16x16 (16.7 %): about 0.76 of the dense kernel's time
#one = dense<1.0> : tensor<16x2048xbf16>
#zero = dense<0.0> : tensor<48x2048xbf16>
#more = dense<0.0> : tensor<112x2048xbf16>
et.weight @w : tensor<1536x2048xbf16> from [#one, #zero, #one, #more, #one, #zero, #one, #more,
                                            #one, #zero, #one, #more, #one, #zero, #one, #more,
                                            #one, #zero, #one, #more, #one, #zero, #one, #more,
                                            #one, #zero, #one, #more, #one, #zero, #one, #more]
func.func @squares(%x: tensor<?x2048xbf16>) -> tensor<?x1536xbf16> {
  %w = et.weight_ref @w : tensor<1536x2048xbf16>
  %y = et.linear %x, %w : (tensor<?x2048xbf16>, tensor<1536x2048xbf16>) -> tensor<?x1536xbf16>
  return %y : tensor<?x1536xbf16>
}

// -----

// Tensor cores have no sparse kernels for f32; a CPU has.
//
// CHECK-LABEL: func.func @single
// CHECK-NOT:   #et.tile
// CHECK:       return
// REMARK:      WeightStaysDense{{.*}}tensor cores multiply sparse weights of f16 and bf16 only
#zero = dense<0.0> : tensor<192x256xf32>
#one = dense<1.0> : tensor<64x256xf32>
et.weight @w : tensor<256x256xf32> from [#one, #zero]
func.func @single(%x: tensor<?x256xf32>) -> tensor<?x256xf32> {
  %w = et.weight_ref @w : tensor<256x256xf32>
  %y = et.linear %x, %w : (tensor<?x256xf32>, tensor<256x256xf32>) -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
