// When whole rows or columns that are zero pay on a CPU, beside tiles.
// RUN: et-opt %s --split-input-file --et-encode-sparsity --remarks-filter=et-encode-sparsity 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --split-input-file --et-encode-sparsity --et-encode-sparsity | FileCheck %s
// RUN: et-opt %s --split-input-file --et-encode-sparsity="tiles=rows,columns" --remarks-filter=et-encode-sparsity 2>%t.whole | FileCheck %s --check-prefix=WHOLE
// RUN: FileCheck %s --check-prefix=WHOLEREMARK --input-file=%t.whole
// RUN: et-opt %s --split-input-file --et-encode-sparsity="tiles=rows,columns multiple=64" | FileCheck %s --check-prefix=MULTIPLE
// RUN: et-opt %s --split-input-file --et-encode-sparsity="tiles=rows,columns force" | FileCheck %s --check-prefix=FORCE
// RUN: not et-opt %s --split-input-file --et-encode-sparsity=multiple=0 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: expected option multiple of --et-encode-sparsity to be positive, but got 0

// Every fourth row is left. Tiles of 16 rows hold something everywhere.
//
// CHECK:       et.weight @fourth.rows : tensor<64x512xf32, #et.rows> from
// CHECK-LABEL: func.func @encode_rows
// CHECK:       et.linear {{.*}} tensor<64x512xf32, #et.rows>
// REMARK:      WeightEncoded{{.*}}keeps 16 of 64 rows (25.0 %): about 0.35 of the dense kernel's time", Weight=fourth
// MULTIPLE-LABEL: func.func @encode_rows
// MULTIPLE-NOT:   et.rows
// MULTIPLE:       return
#one = dense<1.0> : tensor<1x512xf32>
#zero = dense<-0.0> : tensor<3x512xf32>
et.weight @fourth : tensor<64x512xf32> from [#one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                             #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero]
func.func @encode_rows(%x: tensor<?x512xf32>) -> tensor<?x64xf32> {
  %w = et.weight_ref @fourth : tensor<64x512xf32>
  %y = et.linear %x, %w : (tensor<?x512xf32>, tensor<64x512xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// With few inputs it counts that the outputs are put in their places.
//
// CHECK-LABEL: func.func @no_encode_rows_few_inputs
// CHECK-NOT:   et.rows
// CHECK:       return
// REMARK:      WeightStaysDense{{.*}}50 % of its elements are zero, but 100 % of its tiles of 32x16 are not
// WHOLEREMARK: WeightStaysDense{{.*}}50 % of its elements are zero, but with 16 of its 32 rows left and the rest put back behind it, the layer would take 1.{{[0-9]*}} times as long
#one = dense<1.0> : tensor<1x64xf32>
#zero = dense<0.0> : tensor<1x64xf32>
et.weight @half : tensor<32x64xf32> from [#one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                          #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero]
func.func @no_encode_rows_few_inputs(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = et.weight_ref @half : tensor<32x64xf32>
  %y = et.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// Half of the columns of a weight. Kernels of the CPU read columns as tiles of one, without a gather.
//
// CHECK:       et.weight @half.tiles : tensor<80x32xbf16, #et.tile<32x1>> from
// CHECK-LABEL: func.func @encode_columns
// WHOLE:       et.weight @half.columns : tensor<80x32xbf16, #et.columns> from
// WHOLE-LABEL: func.func @encode_columns
// WHOLEREMARK: WeightEncoded{{.*}}keeps 16 of 32 columns (50.0 %): about 0.72 of the dense kernel's time", Weight=half
#row = dense<[[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0,
               1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]]> : tensor<1x32xbf16>
et.weight @half : tensor<80x32xbf16> from [#row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row,
                                           #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row,
                                           #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row,
                                           #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row, #row]
func.func @encode_columns(%x: tensor<?x32xbf16>) -> tensor<?x80xbf16> {
  %w = et.weight_ref @half : tensor<80x32xbf16>
  %y = et.linear %x, %w : (tensor<?x32xbf16>, tensor<80x32xbf16>) -> tensor<?x80xbf16>
  return %y : tensor<?x80xbf16>
}

// -----

// Zeros here and there, no row or column of them: only tiles have something to say, and without these nothing has.
//
// CHECK-LABEL: func.func @no_encode_scattered
// CHECK-NOT:   #et.
// CHECK:       return
// REMARK:      WeightStaysDense{{.*}}50 % of its elements are zero, but 100 % of its tiles of 16x16 are not
// WHOLEREMARK: WeightStaysDense{{.*}}50 % of its elements are zero, but too few whole rows or columns
// FORCE-LABEL: func.func @no_encode_scattered
// FORCE-NOT:   #et.
// FORCE:       return
#even = dense<[[1.0, 0.0]]> : tensor<1x2xf32>
#odd = dense<[[0.0, 1.0]]> : tensor<1x2xf32>
et.weight @chess : tensor<4x2xf32> from [#even, #odd, #even, #odd]
func.func @no_encode_scattered(%x: tensor<?x2xf32>) -> tensor<?x4xf32> {
  %w = et.weight_ref @chess : tensor<4x2xf32>
  %y = et.linear %x, %w : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// What was said of a weight is taken.
//
// CHECK-DAG:   et.weight @given.rows : tensor<64x16xf32, #et.rows>
// CHECK-DAG:   et.weight @given.columns : tensor<64x16xf32, #et.columns>
// CHECK-LABEL: func.func @take_given
// CHECK-NOT:   tensor.cast
et.weight @given : tensor<64x16xf32> from [dense<1.0> : tensor<64x16xf32>]
func.func @take_given(%x: tensor<?x16xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %w = et.weight_ref @given : tensor<64x16xf32>
  %a = tensor.cast %w : tensor<64x16xf32> to tensor<64x16xf32, #et.rows>
  %b = tensor.cast %w : tensor<64x16xf32> to tensor<64x16xf32, #et.columns>
  %y = et.linear %x, %a : (tensor<?x16xf32>, tensor<64x16xf32, #et.rows>) -> tensor<?x64xf32>
  %z = et.linear %x, %b : (tensor<?x16xf32>, tensor<64x16xf32, #et.columns>) -> tensor<?x64xf32>
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// A norm behind the layer, and what is between them, are no longer fused with it. One elementwise op is fused with what
// puts outputs in their places, and costs nothing more.
//
// CHECK-LABEL: func.func @norm_behind
// REMARK:      keeps 16 of 32 rows (50.0 %): about 0.60 of the dense kernel's time
// REMARK:      keeps 16 of 32 rows (50.0 %): about 0.71 of the dense kernel's time
#one = dense<1.0> : tensor<1x512xf32>
#zero = dense<0.0> : tensor<1x512xf32>
#map = affine_map<(a, b) -> (a, b)>
et.weight @half : tensor<32x512xf32> from [#one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero,
                                           #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero, #one, #zero]
func.func @norm_behind(%x: tensor<7x512xf32>, %r: tensor<7x32xf32>, %g: tensor<32xf32>) -> (tensor<7x32xf32>, tensor<7x32xf32>) {
  %w = et.weight_ref @half : tensor<32x512xf32>
  %e = tensor.empty() : tensor<7x32xf32>
  %y = et.linear %x, %w : (tensor<7x512xf32>, tensor<32x512xf32>) -> tensor<7x32xf32>
  %s = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]}
      ins(%y, %r : tensor<7x32xf32>, tensor<7x32xf32>) outs(%e : tensor<7x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %t = arith.addf %a, %b : f32
    linalg.yield %t : f32
  } -> tensor<7x32xf32>
  %z = et.linear %x, %w : (tensor<7x512xf32>, tensor<32x512xf32>) -> tensor<7x32xf32>
  %n = et.rms_norm %z gamma(%g : tensor<32xf32>) {eps = 1.0e-6 : f32} : tensor<7x32xf32> -> tensor<7x32xf32>
  return %s, %n : tensor<7x32xf32>, tensor<7x32xf32>
}
