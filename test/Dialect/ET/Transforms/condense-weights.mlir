// RUN: et-opt %s --split-input-file --et-condense-weights=multiple=2 --remarks-filter=et-condense-weights 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --split-input-file --et-condense-weights=multiple=2 --et-condense-weights=multiple=2 | FileCheck %s
// RUN: not et-opt %s --split-input-file --et-condense-weights=multiple=0 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: expected option multiple of --et-condense-weights to be positive, but got 0

// Three of eight columns hold something, and one that does not fills up to four. Both layers read one gather.
//
// CHECK-DAG:   et.weight @[[IDS:.*]] : tensor<4xi32> from [dense<[0, 1, 2, 5]> : tensor<4xi32>]
// CHECK-DAG:   et.weight @[[KEPT:.*]] : tensor<3x4xf32> from [dense<{{\[}}[1.000000e+00, 0.000000e+00, 0.000000e+00, 2.000000e+00], [1.000000e+00, 0.000000e+00, 3.000000e+00, 2.000000e+00],
// CHECK-LABEL: func.func @columns
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK:       %[[I:.*]] = et.weight_ref @[[IDS]] : tensor<4xi32>
// CHECK:       %[[G:.*]] = linalg.generic {{.*}} ins(%[[I]] : tensor<4xi32>) outs(%{{.*}} : tensor<?x4xf32>)
// CHECK:         %[[ROW:.*]] = linalg.index 0
// CHECK:         %[[ID:.*]] = arith.index_cast %{{.*}} : i32 to index
// CHECK:         tensor.extract %[[X]][%[[ROW]], %[[ID]]]
// CHECK:       %[[W:.*]] = et.weight_ref @[[KEPT]]
// CHECK:       et.linear %[[G]], %[[W]] : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
// CHECK-NOT:   linalg.generic
// CHECK:       et.linear %[[G]], %{{.*}} bias(%{{.*}}) : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
// REMARK-COUNT-2: WeightCondensed{{.*}}stores 4 of 8 columns; the input is gathered", Weight=w
#r = dense<[[1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, -0.0]]> : tensor<1x8xf32>
#s = dense<[[1.0, 0.0, 3.0, 0.0, 0.0, 2.0, 0.0, 0.0]]> : tensor<1x8xf32>
et.weight @w : tensor<3x8xf32, #et.columns> from [#r, #s, #r]
func.func @columns(%x: tensor<?x8xf32>, %b: tensor<3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
  %w = et.weight_ref @w : tensor<3x8xf32, #et.columns>
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<3x8xf32, #et.columns>) -> tensor<?x3xf32>
  %z = et.linear %x, %w bias(%b : tensor<3xf32>) : (tensor<?x8xf32>, tensor<3x8xf32, #et.columns>) -> tensor<?x3xf32>
  return %y, %z : tensor<?x3xf32>, tensor<?x3xf32>
}

// -----

// Two weights that keep the same columns share a gather and its vector; another input has its own.
//
// CHECK-COUNT-1: tensor<2xi32> from
// CHECK-LABEL:   func.func @shared_gather
// CHECK-COUNT-2: linalg.generic
// CHECK-NOT:     linalg.generic
#r = dense<[[0.0, 0.0, 1.0, 1.0]]> : tensor<1x4xf16>
#s = dense<[[0.0, 0.0, 2.0, 3.0]]> : tensor<1x4xf16>
et.weight @a : tensor<1x4xf16, #et.columns> from [#r]
et.weight @b : tensor<2x4xf16, #et.columns> from [#s, #s]
func.func @shared_gather(%x: tensor<3x5x4xf16>, %u: tensor<3x5x4xf16>) -> (tensor<3x5x1xf16>, tensor<3x5x2xf16>, tensor<3x5x1xf16>) {
  %a = et.weight_ref @a : tensor<1x4xf16, #et.columns>
  %b = et.weight_ref @b : tensor<2x4xf16, #et.columns>
  %y = et.linear %x, %a : (tensor<3x5x4xf16>, tensor<1x4xf16, #et.columns>) -> tensor<3x5x1xf16>
  %z = et.linear %x, %b : (tensor<3x5x4xf16>, tensor<2x4xf16, #et.columns>) -> tensor<3x5x2xf16>
  %v = et.linear %u, %a : (tensor<3x5x4xf16>, tensor<1x4xf16, #et.columns>) -> tensor<3x5x1xf16>
  return %y, %z, %v : tensor<3x5x1xf16>, tensor<3x5x2xf16>, tensor<3x5x1xf16>
}

// -----

// Rows that are gone are their bias. The residual is added where outputs are put in their places.
//
// CHECK-DAG:   et.weight @[[AT:.*]] : tensor<5xi32> from [dense<[0, -1, 1, -1, -1]> : tensor<5xi32>]
// CHECK-DAG:   et.weight @[[KEPT:.*]] : tensor<2x2xf16> from [dense<{{\[}}[1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]>
// CHECK-DAG:   et.weight @[[BIAS:.*]] : tensor<2xf32> from [dense<[1.000000e+00, 3.000000e+00]> : tensor<2xf32>]
// CHECK-LABEL: func.func @rows
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?x2xf16>, %[[R:[a-z0-9]+]]:
// CHECK-DAG:   %[[W:.*]] = et.weight_ref @[[KEPT]]
// CHECK-DAG:   %[[KB:.*]] = et.weight_ref @[[BIAS]]
// CHECK-DAG:   %[[B:.*]] = et.weight_ref @b
// CHECK:       %[[Y:.*]] = et.linear %[[X]], %[[W]] bias(%[[KB]] : tensor<2xf32>) : (tensor<?x?x2xf16>, tensor<2x2xf16>) -> tensor<?x?x2xf16>
// CHECK:       %[[S:.*]] = linalg.generic {{.*}} ins(%[[R]], %{{.*}}, %[[B]] : tensor<?x?x5xf16>, tensor<5xi32>, tensor<5xf32>)
// CHECK:         %[[GONE:.*]] = arith.cmpi slt
// CHECK:         %[[E:.*]] = tensor.extract %[[Y]][
// CHECK:         %[[REST:.*]] = arith.truncf %{{.*}} : f32 to f16
// CHECK:         arith.select %[[GONE]], %[[REST]], %[[E]]
// CHECK:         arith.addf
// CHECK-NOT:   affine.apply
// CHECK-NOT:   linalg.generic
// CHECK:       return %[[S]]
// REMARK:      WeightCondensed{{.*}}stores 2 of 5 rows; the outputs are put in their places behind it", Weight=w
#id = affine_map<(a, b, c) -> (a, b, c)>
et.weight @w : tensor<5x2xf16, #et.rows> from [dense<[[1., 2.], [0., 0.], [3., 4.], [0., 0.], [-0., 0.]]> : tensor<5x2xf16>]
et.weight @b : tensor<5xf32> from [dense<[1., 2., 3., 4., 5.]> : tensor<5xf32>]
func.func @rows(%x: tensor<?x?x2xf16>, %r: tensor<?x?x5xf16>, %e: tensor<?x?x5xf16>) -> tensor<?x?x5xf16> {
  %w = et.weight_ref @w : tensor<5x2xf16, #et.rows>
  %b = et.weight_ref @b : tensor<5xf32>
  %y = et.linear %x, %w bias(%b : tensor<5xf32>) : (tensor<?x?x2xf16>, tensor<5x2xf16, #et.rows>) -> tensor<?x?x5xf16>
  %s = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%r, %y : tensor<?x?x5xf16>, tensor<?x?x5xf16>) outs(%e : tensor<?x?x5xf16>) {
  ^bb0(%i: f16, %j: f16, %o: f16):
    %k = arith.addf %i, %j : f16
    linalg.yield %k : f16
  } -> tensor<?x?x5xf16>
  return %s : tensor<?x?x5xf16>
}

// -----

// Without a bias the others are zero. What two read is not computed twice.
//
// CHECK-LABEL:   func.func @rows_no_bias_two_readers
// CHECK:         et.linear {{.*}} -> tensor<7x2xbf16>
// CHECK:         linalg.generic {{.*}} outs(%{{.*}} : tensor<7x4xbf16>)
// CHECK:           %[[ZERO:.*]] = arith.constant 0.000000e+00 : bf16
// CHECK:           arith.select %{{.*}}, %[[ZERO]], %{{.*}} : bf16
// CHECK:         linalg.generic
// CHECK:           math.exp
#id = affine_map<(a, b) -> (a, b)>
et.weight @w : tensor<4x1xbf16, #et.rows> from [dense<[[0.0], [1.0], [0.0], [2.0]]> : tensor<4x1xbf16>]
func.func @rows_no_bias_two_readers(%x: tensor<7x1xbf16>, %e: tensor<7x4xbf16>) -> (tensor<7x4xbf16>, tensor<7x4xbf16>) {
  %w = et.weight_ref @w : tensor<4x1xbf16, #et.rows>
  %y = et.linear %x, %w : (tensor<7x1xbf16>, tensor<4x1xbf16, #et.rows>) -> tensor<7x4xbf16>
  %s = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<7x4xbf16>) outs(%e : tensor<7x4xbf16>) {
  ^bb0(%i: bf16, %o: bf16):
    %k = math.exp %i : bf16
    linalg.yield %k : bf16
  } -> tensor<7x4xbf16>
  return %y, %s : tensor<7x4xbf16>, tensor<7x4xbf16>
}

// -----

// A sum over the outputs is not taken along: each would be read many times.
//
// CHECK-LABEL: func.func @no_fuse_reduction
// CHECK:       linalg.generic {{.*}} outs(%{{.*}} : tensor<7x4xf32>)
// CHECK:       linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]
#id = affine_map<(a, b) -> (a, b)>
#row = affine_map<(a, b) -> (a)>
et.weight @w : tensor<4x1xf32, #et.rows> from [dense<[[0.0], [1.0], [0.0], [2.0]]> : tensor<4x1xf32>]
func.func @no_fuse_reduction(%x: tensor<7x1xf32>, %e: tensor<7xf32>) -> tensor<7xf32> {
  %w = et.weight_ref @w : tensor<4x1xf32, #et.rows>
  %y = et.linear %x, %w : (tensor<7x1xf32>, tensor<4x1xf32, #et.rows>) -> tensor<7x4xf32>
  %s = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%y : tensor<7x4xf32>) outs(%e : tensor<7xf32>) {
  ^bb0(%i: f32, %o: f32):
    %k = arith.addf %i, %o : f32
    linalg.yield %k : f32
  } -> tensor<7xf32>
  return %s : tensor<7xf32>
}

// -----

// Nothing but zeros: what is left are zeros.
//
// CHECK-LABEL: func.func @all_zero
// CHECK:       et.linear {{.*}} (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
et.weight @w : tensor<3x9xf32, #et.columns> from [dense<0.0> : tensor<3x9xf32>]
func.func @all_zero(%x: tensor<?x9xf32>) -> tensor<?x3xf32> {
  %w = et.weight_ref @w : tensor<3x9xf32, #et.columns>
  %y = et.linear %x, %w : (tensor<?x9xf32>, tensor<3x9xf32, #et.columns>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// CHECK-LABEL: func.func @no_condense_nothing_gone
// CHECK:       et.linear {{.*}} (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
// REMARK:      WeightNotCondensed{{.*}}the weight stays dense: in multiples of 2, all of its 3 columns are kept", Weight=w
et.weight @w : tensor<2x3xf32, #et.columns> from [dense<[[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]> : tensor<2x3xf32>]
func.func @no_condense_nothing_gone(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %w = et.weight_ref @w : tensor<2x3xf32, #et.columns>
  %y = et.linear %x, %w : (tensor<?x3xf32>, tensor<2x3xf32, #et.columns>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// The layer with the bias that is known is condensed all the same.
//
// CHECK-LABEL: func.func @no_condense_unknown_bias
// CHECK:       et.linear {{.*}} (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
// CHECK:       et.linear {{.*}} (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
// REMARK:      WeightNotCondensed{{.*}}the bias, which is what outputs of zero rows are, is not known when compiling", Weight=w
et.weight @w : tensor<4x1xf32, #et.rows> from [dense<[[0.0], [1.0], [0.0], [2.0]]> : tensor<4x1xf32>]
func.func @no_condense_unknown_bias(%x: tensor<?x1xf32>, %b: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = et.weight_ref @w : tensor<4x1xf32, #et.rows>
  %y = et.linear %x, %w bias(%b : tensor<4xf32>) : (tensor<?x1xf32>, tensor<4x1xf32, #et.rows>) -> tensor<?x4xf32>
  %z = et.linear %x, %w : (tensor<?x1xf32>, tensor<4x1xf32, #et.rows>) -> tensor<?x4xf32>
  return %y, %z : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func.func @no_condense_without_data
// CHECK:       et.linear {{.*}} (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
// REMARK:      WeightNotCondensed{{.*}}its data is not there when compiling", Weight=later
et.weight @later : tensor<2x4xf32, #et.columns> from [dense_resource<later> : tensor<2x4xf32>]
func.func @no_condense_without_data(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = et.weight_ref @later : tensor<2x4xf32, #et.columns>
  %y = et.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32, #et.columns>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func.func @no_condense_f64
// CHECK:       et.linear {{.*}} (tensor<?x4xf64>, tensor<2x4xf64>) -> tensor<?x2xf64>
// REMARK:      WeightNotCondensed{{.*}}only weights of f16, bf16 and f32 are condensed", Weight=w
et.weight @w : tensor<2x4xf64, #et.rows> from [dense<0.0> : tensor<2x4xf64>]
func.func @no_condense_f64(%x: tensor<?x4xf64>) -> tensor<?x2xf64> {
  %w = et.weight_ref @w : tensor<2x4xf64, #et.rows>
  %y = et.linear %x, %w : (tensor<?x4xf64>, tensor<2x4xf64, #et.rows>) -> tensor<?x2xf64>
  return %y : tensor<?x2xf64>
}

// -----

// CHECK-LABEL: func.func @no_condense_empty
// CHECK:       et.linear {{.*}} (tensor<?x0xf32>, tensor<2x0xf32>) -> tensor<?x2xf32>
// REMARK:      WeightNotCondensed{{.*}}it has no elements", Weight=w
et.weight @w : tensor<2x0xf32, #et.rows> from [dense<0.0> : tensor<2x0xf32>]
func.func @no_condense_empty(%x: tensor<?x0xf32>) -> tensor<?x2xf32> {
  %w = et.weight_ref @w : tensor<2x0xf32, #et.rows>
  %y = et.linear %x, %w : (tensor<?x0xf32>, tensor<2x0xf32, #et.rows>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// What is no constant, and other encodings, are not this pass's business.
//
// CHECK-LABEL: func.func @no_condense_others
// CHECK:       et.linear {{.*}} (tensor<?x4xf32>, tensor<2x4xf32, #et.columns>)
// CHECK:       et.linear {{.*}} (tensor<?x4xf32>, tensor<2x4xf32, #et.tile<2x2>>)
// CHECK:       et.linear {{.*}} (tensor<?x4xf32>, tensor<2x4xf32>)
// REMARK-NOT:  remark:
et.weight @t : tensor<2x4xf32, #et.tile<2x2>> from [dense<0.0> : tensor<2x4xf32>]
et.weight @d : tensor<2x4xf32> from [dense<0.0> : tensor<2x4xf32>]
func.func @no_condense_others(%x: tensor<?x4xf32>, %w: tensor<2x4xf32, #et.columns>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %t = et.weight_ref @t : tensor<2x4xf32, #et.tile<2x2>>
  %d = et.weight_ref @d : tensor<2x4xf32>
  %y = et.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32, #et.columns>) -> tensor<?x2xf32>
  %z = et.linear %x, %t : (tensor<?x4xf32>, tensor<2x4xf32, #et.tile<2x2>>) -> tensor<?x2xf32>
  %v = et.linear %x, %d : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y, %z, %v : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
