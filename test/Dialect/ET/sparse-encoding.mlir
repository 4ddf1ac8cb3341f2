// RUN: et-opt %s --et-import-sparse-encoding | FileCheck %s
// RUN: et-opt %s --et-import-sparse-encoding --et-import-sparse-encoding | FileCheck %s
// RUN: et-opt %s --et-import-sparse-encoding --et-export-sparse-encoding | FileCheck %s --check-prefix=EXPORT
// RUN: et-opt %s --et-import-sparse-encoding --et-export-sparse-encoding --et-import-sparse-encoding | FileCheck %s

#bsr = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 16 : dense, j floordiv 8 : compressed, i mod 16 : dense, j mod 8 : dense)}>
// The widths are a matter of upstream's storage.
#bsr32 = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 16 : dense, j floordiv 8 : compressed, i mod 16 : dense, j mod 8 : dense), posWidth = 32, crdWidth = 32}>

// EXPORT-DAG:   #[[BSR:.*]] = #sparse_tensor.encoding<{ map = (d0, d1) -> (d0 floordiv 16 : dense, d1 floordiv 8 : compressed, d0 mod 16 : dense, d1 mod 8 : dense) }>
// EXPORT-DAG:   #[[ROWS:.*]] = #sparse_tensor.encoding<{ map = (d0, d1) -> (d0 : compressed, d1 : dense) }>
// EXPORT-DAG:   #[[COLUMNS:.*]] = #sparse_tensor.encoding<{ map = (d0, d1) -> (d1 : compressed, d0 : dense) }>

// CHECK-LABEL:  func.func @argument
// CHECK-SAME:   tensor<30x20xf32, #et.tile<16x8>>
// CHECK:        et.linear {{.*}} : (tensor<?x20xf32>, tensor<30x20xf32, #et.tile<16x8>>)
// EXPORT-LABEL: func.func @argument
// EXPORT-SAME:  tensor<30x20xf32, #[[BSR]]>
// EXPORT:       et.linear {{.*}} : (tensor<?x20xf32>, tensor<30x20xf32, #[[BSR]]>)
func.func @argument(%x: tensor<?x20xf32>, %w: tensor<30x20xf32, #bsr>) -> tensor<?x30xf32> {
  %y = et.linear %x, %w : (tensor<?x20xf32>, tensor<30x20xf32, #bsr>) -> tensor<?x30xf32>
  return %y : tensor<?x30xf32>
}

// CHECK-LABEL:  func.func @constants
// CHECK-DAG:    arith.constant dense<1.000000e+00> : tensor<30x20xf32, #et.tile<16x8>>
// CHECK-DAG:    arith.constant dense_resource<weight> : tensor<30x20xf32, #et.tile<16x8>>
// CHECK-DAG:    tensor.cast %{{.*}} : tensor<30x20xf32> to tensor<30x20xf32, #et.tile<16x8>>
// EXPORT-LABEL: func.func @constants
// EXPORT-DAG:   arith.constant dense<1.000000e+00> : tensor<30x20xf32, #[[BSR]]>
// EXPORT-DAG:   sparse_tensor.convert %{{.*}} : tensor<30x20xf32> to tensor<30x20xf32, #[[BSR]]>
func.func @constants(%x: tensor<?x20xf32>) -> (tensor<?x30xf32>, tensor<?x30xf32>, tensor<?x30xf32>) {
  %a = arith.constant dense<1.0> : tensor<30x20xf32, #bsr>
  %b = arith.constant dense_resource<weight> : tensor<30x20xf32, #bsr32>
  %dense = arith.constant dense<2.0> : tensor<30x20xf32>
  %c = sparse_tensor.convert %dense : tensor<30x20xf32> to tensor<30x20xf32, #bsr>
  %ya = et.linear %x, %a : (tensor<?x20xf32>, tensor<30x20xf32, #bsr>) -> tensor<?x30xf32>
  %yb = et.linear %x, %b : (tensor<?x20xf32>, tensor<30x20xf32, #bsr32>) -> tensor<?x30xf32>
  %yc = et.linear %x, %c : (tensor<?x20xf32>, tensor<30x20xf32, #bsr>) -> tensor<?x30xf32>
  return %ya, %yb, %yc : tensor<?x30xf32>, tensor<?x30xf32>, tensor<?x30xf32>
}

// Rows or columns that are stored or not, and dense inside.
//
// CHECK-LABEL:  func.func private @whole
// CHECK-SAME:   tensor<30x20xf32, #et.rows>
// CHECK-SAME:   tensor<30x20xf32, #et.rows>
// CHECK-SAME:   tensor<30x20xf32, #et.columns>
// EXPORT-LABEL: func.func private @whole
// EXPORT-SAME:  tensor<30x20xf32, #[[ROWS]]>
// EXPORT-SAME:  tensor<30x20xf32, #[[ROWS]]>
// EXPORT-SAME:  tensor<30x20xf32, #[[COLUMNS]]>
#rows = #sparse_tensor.encoding<{map = (i, j) -> (i : compressed, j : dense)}>
#rows32 = #sparse_tensor.encoding<{map = (i, j) -> (i : compressed, j : dense), posWidth = 32, crdWidth = 32}>
#columns = #sparse_tensor.encoding<{map = (i, j) -> (j : compressed, i : dense)}>
func.func private @whole(tensor<30x20xf32, #rows>, tensor<30x20xf32, #rows32>, tensor<30x20xf32, #columns>)

// CHECK-LABEL:  func.func @calls
// CHECK:        call @pass(%{{.*}}) : (tensor<30x20xf32, #et.tile<16x8>>) -> tensor<30x20xf32, #et.tile<16x8>>
// CHECK:        func.func private @pass(tensor<30x20xf32, #et.tile<16x8>>) -> tensor<30x20xf32, #et.tile<16x8>>
func.func @calls(%w: tensor<30x20xf32, #bsr>) -> tensor<30x20xf32, #bsr> {
  %r = call @pass(%w) : (tensor<30x20xf32, #bsr>) -> tensor<30x20xf32, #bsr>
  return %r : tensor<30x20xf32, #bsr>
}
func.func private @pass(tensor<30x20xf32, #bsr>) -> tensor<30x20xf32, #bsr>
