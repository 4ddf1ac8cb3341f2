// RUN: et-opt %s --et-plan-cpu --split-input-file --verify-diagnostics

// A size that is computed from what a tensor holds.
func.func @size_from_data(%n: tensor<i64>) -> tensor<?xf32> {
  // expected-error @below {{computes a size from data; expected sizes to depend on the sizes of the arguments only}}
  %v = tensor.extract %n[] : tensor<i64>
  %i = arith.index_cast %v : i64 to index
  %e = tensor.empty(%i) : tensor<?xf32>
  %zero = arith.constant 0.0 : f32
  %y = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

// A slice whose end is data.
func.func @slice_from_data(%n: tensor<i64>, %x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @below {{computes a size from data}}
  %v = tensor.extract %n[] : tensor<i64>
  %i = arith.index_cast %v : i64 to index
  %s = tensor.extract_slice %x[0] [%i] [1] : tensor<?xf32> to tensor<?xf32>
  return %s : tensor<?xf32>
}

// -----

// expected-error @below {{has a size that depends on a scalar argument; expected sizes to depend on sizes only}}
func.func @size_from_scalar(%n: index) -> tensor<?xf32> {
  %e = tensor.empty(%n) : tensor<?xf32>
  %zero = arith.constant 0.0 : f32
  %y = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}
