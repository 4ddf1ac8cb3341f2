// The examples in the op definitions are programs.
// RUN: %python %S/Inputs/check_doc_examples.py %et_src %et_opt | FileCheck %s

// CHECK-DAG: attention: ok
// CHECK-DAG: embedding: ok
// CHECK-DAG: gelu: ok
// CHECK-DAG: launch: ok
// CHECK-DAG: layer_norm: ok
// CHECK-DAG: linear: ok
// CHECK-DAG: norm_stats: ok
// CHECK-DAG: prefetch: ok
// CHECK-DAG: rms_norm: ok
// CHECK-DAG: tensor_map: ok
// CHECK-DAG: weight: ok
