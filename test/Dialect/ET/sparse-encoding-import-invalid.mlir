// Sparse encodings that are not block sparse rows, and ops that give an encoding a meaning of their own.
// RUN: et-opt %s --et-import-sparse-encoding --split-input-file --verify-diagnostics

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (i : dense, j : compressed)}>
// expected-error @+1 {{BSR has four levels, two over blocks and two inside a block}}
func.func private @no_import_csr(tensor<32x32xf32, #s>)

// -----

// Rows that may come twice, and blocks of one row of which columns go too.
#s = #sparse_tensor.encoding<{map = (i, j) -> (i : compressed(nonunique), j : dense)}>
// expected-error @+1 {{BSR has four levels, two over blocks and two inside a block}}
func.func private @no_import_rows_twice(tensor<32x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (i : compressed, j : compressed)}>
// expected-error @+1 {{BSR has four levels, two over blocks and two inside a block}}
func.func private @no_import_dcsr(tensor<32x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (i : dense, j floordiv 4 : dense, j mod 4 : structured[2, 4])}>
// expected-error @+1 {{BSR has four levels, two over blocks and two inside a block}}
func.func private @no_import_n_of_m(tensor<32x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 4 : compressed, j floordiv 4 : compressed, i mod 4 : dense, j mod 4 : dense)}>
// expected-error @+1 {{the levels of BSR are dense, compressed, dense, dense}}
func.func private @no_import_compressed_rows(tensor<32x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 4 : dense, j floordiv 4 : compressed(nonordered), i mod 4 : dense, j mod 4 : dense)}>
// expected-error @+1 {{the levels of BSR are dense, compressed, dense, dense}}
func.func private @no_import_unordered(tensor<32x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (j floordiv 4 : dense, i floordiv 4 : compressed, i mod 4 : dense, j mod 4 : dense)}>
// expected-error @+1 {{the map of BSR is (i, j) -> (i floordiv R, j floordiv C, i mod R, j mod C)}}
func.func private @no_import_block_columns(tensor<32x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 4 : dense, j floordiv 4 : compressed, j mod 4 : dense, i mod 4 : dense)}>
// expected-error @+1 {{the map of BSR is (i, j) -> (i floordiv R, j floordiv C, i mod R, j mod C)}}
func.func private @no_import_block_transposed(tensor<32x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 4 : dense, j floordiv 4 : compressed, i mod 4 : dense, j mod 4 : dense)}>
// expected-error @+1 {{the weight is not two-dimensional and static}}
func.func private @no_import_dynamic(tensor<?x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j, k) -> (i : dense, j : compressed, k : dense)}>
// expected-error @+1 {{the weight is not two-dimensional and static}}
func.func private @no_import_rank_3(tensor<2x32x32xf32, #s>)

// -----

#s = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 4 : dense, j floordiv 4 : compressed, i mod 4 : dense, j mod 4 : dense), explicitVal = 1.0 : f32}>
// expected-error @+1 {{the encoding gives stored or missing elements a fixed value}}
func.func private @no_import_implicit_value(tensor<32x32xf32, #s>)

// -----

#bsr = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 4 : dense, j floordiv 4 : compressed, i mod 4 : dense, j mod 4 : dense)}>
func.func @no_import_storage(%w: tensor<32x32xf32, #bsr>) -> memref<?xf32> {
  // expected-error @+1 {{expected only et.linear, constants, conversions, calls and returns to touch an encoded weight, but this op has a value of type}}
  %v = sparse_tensor.values %w : tensor<32x32xf32, #bsr> to memref<?xf32>
  return %v : memref<?xf32>
}

// -----

#bsr = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 4 : dense, j floordiv 4 : compressed, i mod 4 : dense, j mod 4 : dense)}>
func.func @no_import_sparse_elements() -> tensor<4x4xf32, #bsr> {
  // expected-error @+1 {{expected the value of an encoded weight to be dense or a resource}}
  %w = arith.constant sparse<[[0, 0]], [1.0]> : tensor<4x4xf32, #bsr>
  return %w : tensor<4x4xf32, #bsr>
}
