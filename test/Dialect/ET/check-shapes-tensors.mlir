// What operations on tensors demand.
// RUN: et-opt %s --et-check-shapes --split-input-file --verify-diagnostics

// expected-remark @below {{valid for all sizes}}
func.func @expand(%x: tensor<?x?x768xf32> {et.dims = ["batch", "tokens", ""]}) -> tensor<?x?x12x64xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x768xf32>
  %s = tensor.dim %x, %c1 : tensor<?x?x768xf32>
  %0 = tensor.expand_shape %x [[0], [1], [2, 3]] output_shape [%b, %s, 12, 64]
      : tensor<?x?x768xf32> into tensor<?x?x12x64xf32>
  return %0 : tensor<?x?x12x64xf32>
}

// -----

func.func @expand(%x: tensor<?x?xf32> {et.dims = ["tokens", "features"]}) -> tensor<?x?x64xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %s = tensor.dim %x, %c0 : tensor<?x?xf32>
  %f = tensor.dim %x, %c1 : tensor<?x?xf32>
  %h = arith.divui %f, %c64 : index
  // expected-error @below {{expected dimension 1 of the source to have as many elements as the dimensions that it expands to, which fails with features = 1, tokens = 1}}
  %0 = tensor.expand_shape %x [[0], [1, 2]] output_shape [%s, %h, 64] : tensor<?x?xf32> into tensor<?x?x64xf32>
  return %0 : tensor<?x?x64xf32>
}

// -----

func.func @collapse(%x: tensor<?x?xf32> {et.dims = ["a", "b"]}, %y: tensor<?xf32> {et.dims = ["n"]}) -> tensor<?xf32> {
  %0 = tensor.collapse_shape %x [[0, 1]] : tensor<?x?xf32> into tensor<?xf32>
  // expected-error @below {{expected dimension 0 of all operands to have one size, which fails with}}
  %1 = arith.addf %0, %y : tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

func.func @cast(%x: tensor<?xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected dimension 0 to have the size 4, which fails with arg0.0 = 1}}
  %0 = tensor.cast %x : tensor<?xf32> to tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @matmul(%x: tensor<?x?xf32> {et.dims = ["m", "k"]}, %w: tensor<?x?xf32> {et.dims = ["l", "n"]}) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = tensor.dim %x, %c0 : tensor<?x?xf32>
  %n = tensor.dim %w, %c1 : tensor<?x?xf32>
  %init = tensor.empty(%m, %n) : tensor<?x?xf32>
  // expected-error @below {{expected dimension 0 of operand 1 to have the size of dimension 1 of operand 0, which fails with k = 2, l = 1, m = 1, n = 1}}
  %0 = linalg.matmul ins(%x, %w : tensor<?x?xf32>, tensor<?x?xf32>) outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @slice(%x: tensor<?x8xf32> {et.dims = ["tokens", ""]}) -> tensor<4x8xf32> {
  // expected-error @below {{expected the slice to end inside of dimension 0, which fails with tokens = 1}}
  %0 = tensor.extract_slice %x[0, 0] [4, 8] [1, 1] : tensor<?x8xf32> to tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// Every other row of all that there are, and padding to hold them.
// expected-remark @below {{valid for all sizes}}
func.func @rows(%x: tensor<?x8xf32> {et.dims = ["tokens", ""]}) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %s = tensor.dim %x, %c0 : tensor<?x8xf32>
  %h = arith.ceildivui %s, %c2 : index
  %0 = tensor.extract_slice %x[0, 0] [%h, 8] [2, 1] : tensor<?x8xf32> to tensor<?x8xf32>
  %more = arith.subi %s, %h : index
  %1 = tensor.pad %0 low[0, 0] high[%more, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<?x8xf32> to tensor<?x8xf32>
  %2 = arith.addf %1, %x : tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// -----

func.func @insert(%x: tensor<?xf32> {et.dims = ["n"]}, %y: tensor<?xf32> {et.dims = ["m"]}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  // expected-error @below {{expected dimension 0 of the source to have the size of the slice, which fails with m = 2, n = 1}}
  %0 = tensor.insert_slice %y into %x[0] [%n] [1] : tensor<?xf32> into tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @concat(%x: tensor<?x?xf32> {et.dims = ["a", "b"]}, %y: tensor<?x?xf32> {et.dims = ["c", "b"]},
                  %z: tensor<?x?xf32> {et.dims = ["c", "d"]}) -> tensor<?x?xf32> {
  %0 = tensor.concat dim(0) %x, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  // expected-error @below {{expected dimension 1 of input 1 to have the size of input 0, which fails with}}
  %1 = tensor.concat dim(0) %0, %z : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// -----

// Sizes that nothing is known of.
func.func @called(%x: tensor<?xf32> {et.dims = ["n"]}) -> tensor<?xf32> {
  %0 = func.call @other(%x) : (tensor<?xf32>) -> tensor<?xf32>
  // expected-warning @below {{could not be decided: it depends on a value}}
  %1 = arith.addf %0, %x : tensor<?xf32>
  return %1 : tensor<?xf32>
}
func.func private @other(tensor<?xf32>) -> tensor<?xf32>

// -----

// Shapes come out of branches.
// expected-remark @below {{a path of 'branch' is valid for all sizes}}
func.func @branch(%x: tensor<?xf32> {et.dims = ["n"]}, %flag: i1) -> tensor<8xf32> {
  // expected-note @below {{on the path where this condition holds}}
  // expected-note @below {{on the path where this condition does not hold}}
  %0 = scf.if %flag -> tensor<?xf32> {
    scf.yield %x : tensor<?xf32>
  } else {
    %c8 = arith.constant 8 : index
    %1 = tensor.empty(%c8) : tensor<?xf32>
    scf.yield %1 : tensor<?xf32>
  }
  // expected-error @below {{expected dimension 0 to have the size 8, which fails with n = 1}}
  %2 = tensor.cast %0 : tensor<?xf32> to tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// et ops demand what they decompose into: as many values as keys, and queries of the batch of the keys.
func.func @attention(%q: tensor<?x?x12x64xf32> {et.dims = ["batch", "tokens", "", ""]},
                     %k: tensor<?x?x12x64xf32> {et.dims = ["batch", "keys", "", ""]},
                     %v: tensor<?x?x12x64xf32> {et.dims = ["batch", "values", "", ""]}) -> tensor<?x?x12x64xf32> {
  // expected-error @below {{which fails with batch = 1, keys = 2, tokens = 1, values = 1}}
  %0 = et.attention query(%q : tensor<?x?x12x64xf32>) key(%k : tensor<?x?x12x64xf32>) value(%v : tensor<?x?x12x64xf32>)
      {indexing_maps = [affine_map<(b, h, m, n, d, e) -> (b, m, h, d)>, affine_map<(b, h, m, n, d, e) -> (b, n, h, d)>,
                        affine_map<(b, h, m, n, d, e) -> (b, n, h, e)>, affine_map<(b, h, m, n, d, e) -> (b, m, h, e)>]}
      -> tensor<?x?x12x64xf32>
  return %0 : tensor<?x?x12x64xf32>
}

// -----

// Sizes that arguments promise, by name: what one promises holds for the other.
// expected-remark @below {{valid for all sizes}}
func.func @promised(%x: tensor<?x8xf32> {et.dims = ["rows", ""]}, %y: tensor<?x8xf32> {et.dims = ["rows", ""], et.min_sizes = array<i64: 7, 0>}) -> tensor<6x8xf32> {
  %0 = tensor.extract_slice %x[1, 0] [6, 8] [1, 1] : tensor<?x8xf32> to tensor<6x8xf32>
  return %0 : tensor<6x8xf32>
}

// -----

// One without a name is its own.
// expected-remark @below {{valid for all sizes}}
func.func @promised_without_a_name(%x: tensor<?x8xf32> {et.min_sizes = array<i64: 7, 8>}) -> tensor<6x8xf32> {
  %0 = tensor.extract_slice %x[1, 0] [6, 8] [1, 1] : tensor<?x8xf32> to tensor<6x8xf32>
  return %0 : tensor<6x8xf32>
}

// -----

// Too little is promised.
func.func @promised_too_little(%x: tensor<?x8xf32> {et.dims = ["rows", ""], et.min_sizes = array<i64: 6, 0>}) -> tensor<6x8xf32> {
  // expected-error @below {{which fails with rows = 6}}
  %0 = tensor.extract_slice %x[1, 0] [6, 8] [1, 1] : tensor<?x8xf32> to tensor<6x8xf32>
  return %0 : tensor<6x8xf32>
}
