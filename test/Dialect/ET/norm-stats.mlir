// Statistics of chunks, and of rows from those: forms, verifiers, and values.
// RUN: et-opt %s --split-input-file --verify-diagnostics | et-opt --split-input-file | FileCheck %s --check-prefix=FORM
// RUN: et-opt %S/Inputs/norm-stats-run.mlir --et-decompose %upstream_to_llvm | %run_main | FileCheck %S/Inputs/norm-stats-run.mlir
// RUN: et-opt %S/Inputs/norm-stats-run.mlir --et-decompose=accumulate-f64 %upstream_to_llvm | %run_main \
// RUN:   | FileCheck %S/Inputs/norm-stats-run.mlir

// FORM-LABEL: func.func @forms
// FORM:       et.chunk_stats %{{.*}} : tensor<?x64xf16> -> tensor<?x2x2xf32>
// FORM:       et.norm_stats %{{.*}} {eps = 9.99999974E-6 : f32, size = 32 : i64} : tensor<?x2x2xf32> -> tensor<?xf32>, tensor<?xf32>
// FORM:       et.norm_stats %{{.*}} {eps = 0.000000e+00 : f32, size = 32 : i64} : tensor<?x2x2xf32> -> tensor<?xf32>{{$}}
func.func @forms(%x: tensor<?x64xf16>) -> (tensor<?xf32>, tensor<?xf32>) {
  %c = et.chunk_stats %x : tensor<?x64xf16> -> tensor<?x2x2xf32>
  %scale, %mean = "et.norm_stats"(%c) <{size = 32 : i64, eps = 1.0e-5 : f32}> : (tensor<?x2x2xf32>) -> (tensor<?xf32>, tensor<?xf32>)
  %rms = et.norm_stats %c {size = 32, eps = 0.0 : f32} : tensor<?x2x2xf32> -> tensor<?xf32>
  return %scale, %rms : tensor<?xf32>, tensor<?xf32>
}

// -----

func.func @chunk_stats_c1_dynamic(%x: tensor<8x?xf32>) {
  // expected-error @+1 {{expected the last dimension of input to be static and positive, but got 'tensor<8x?xf32>'}}
  %c = et.chunk_stats %x : tensor<8x?xf32> -> tensor<8x2x2xf32>
  return
}

// -----

func.func @chunk_stats_c2_does_not_divide(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected a result of the shape of input with the last dimension replaced by a number that divides it and 2, but got 'tensor<?x3x2xf32>' for 'tensor<?x8xf32>'}}
  %c = et.chunk_stats %x : tensor<?x8xf32> -> tensor<?x3x2xf32>
  return
}

// -----

func.func @chunk_stats_c2_rows(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected a result of the shape of input with the last dimension replaced by a number that divides it and 2, but got 'tensor<4x2x2xf32>' for 'tensor<?x8xf32>'}}
  %c = et.chunk_stats %x : tensor<?x8xf32> -> tensor<4x2x2xf32>
  return
}

// -----

func.func @chunk_stats_c3_element(%x: tensor<?x8xf16>) {
  // expected-error @+1 {{expected the result to be of 'f32', but got 'tensor<?x2x2xf16>'}}
  %c = et.chunk_stats %x : tensor<?x8xf16> -> tensor<?x2x2xf16>
  return
}

// -----

func.func @norm_stats_c1_pairs(%c: tensor<?x2x3xf32>) {
  // expected-error @+1 {{expected chunks to end in a static number of chunks and 2, but got 'tensor<?x2x3xf32>'}}
  %s = et.norm_stats %c {size = 4, eps = 0.0 : f32} : tensor<?x2x3xf32> -> tensor<?xf32>
  return
}

// -----

func.func @norm_stats_c1_dynamic(%c: tensor<?x?x2xf32>) {
  // expected-error @+1 {{expected chunks to end in a static number of chunks and 2, but got 'tensor<?x?x2xf32>'}}
  %s = et.norm_stats %c {size = 4, eps = 0.0 : f32} : tensor<?x?x2xf32> -> tensor<?xf32>
  return
}

// -----

func.func @norm_stats_c2_scale(%c: tensor<?x2x2xf32>) {
  // expected-error @+1 {{expected scale to have the type 'tensor<?xf32>', but got 'tensor<?x2xf32>'}}
  %s = et.norm_stats %c {size = 4, eps = 0.0 : f32} : tensor<?x2x2xf32> -> tensor<?x2xf32>
  return
}

// -----

func.func @norm_stats_c2_mean(%c: tensor<?x2x2xf32>) {
  // expected-error @+1 {{expected mean to have the type 'tensor<?xf32>', but got 'tensor<?xf16>'}}
  %s, %m = et.norm_stats %c {size = 4, eps = 0.0 : f32} : tensor<?x2x2xf32> -> tensor<?xf32>, tensor<?xf16>
  return
}

// -----

func.func @norm_stats_c3_size(%c: tensor<?x2x2xf32>) {
  // expected-error @+1 {{expected size to be positive, but got 0}}
  %s = et.norm_stats %c {size = 0, eps = 0.0 : f32} : tensor<?x2x2xf32> -> tensor<?xf32>
  return
}

// -----

func.func @norm_stats_c4_eps(%c: tensor<?x2x2xf32>) {
  // expected-error @+1 {{expected eps to be finite and not negative, but got -1.0}}
  %s = et.norm_stats %c {size = 4, eps = -1.0 : f32} : tensor<?x2x2xf32> -> tensor<?xf32>
  return
}
