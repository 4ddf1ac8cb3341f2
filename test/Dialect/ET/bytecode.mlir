// Bytecode carries the version of the dialect. What is newer, cut off or no et bytecode is refused with a reason.
// RUN: et-opt %S/../../Compatibility/v0.1/ops.mlir --emit-bytecode -o %t.mlirbc
// RUN: et-opt %t.mlirbc | et-opt --emit-bytecode | et-opt -o %t.again
// RUN: et-opt %S/../../Compatibility/v0.1/ops.mlir -o %t.text
// RUN: diff %t.text %t.again
// RUN: %python %S/Inputs/damage_bytecode.py %t.mlirbc %t %et_opt | FileCheck %s

// CHECK:      newer minor version: refused
// CHECK-SAME: expected version 1.0 of the et dialect or an older one, but the file was written by version 1.1; read it with a newer E.T.
// CHECK-NEXT: newer major version: refused
// CHECK-SAME: but the file was written by version 2.0
// CHECK-NEXT: truncated: {{[0-9]+}} refused, 0 crashed
// CHECK-NEXT: altered: 2 attributes, 0 crashed
