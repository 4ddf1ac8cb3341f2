// RUN: et-opt %s --et-to-gpu=chip=sm_90a | FileCheck %s

// Two tables and counted positions: one kernel, and a code for each check. The period is the length of a sequence.
//
// CHECK-LABEL: func.func @embed(
// CHECK-SAME:    et.checks = ["expected every index of input 'ids' to be from 0 to 99, but element {0} is not", "expected positions from 0 to 63, but position {0} is not; use shorter sequences"]
// CHECK-COUNT-1: gpu.launch_func {{.*}}et.check_arguments = array<i32: 7, 8>
// CHECK-NOT:   gpu.launch_func
// CHECK:       gpu.module
// CHECK:       llvm.func @{{.*}}embedding{{.*}}(%{{.*}}: !llvm.ptr<1>{{.*}}, %{{.*}}: !llvm.ptr<1>{{.*}}, %{{.*}}: !llvm.ptr<1>{{.*}}, %{{.*}}: !llvm.ptr<1>{{.*}}, %{{.*}}: !llvm.ptr<1>{{.*}}, %{{.*}}: i32, %{{.*}}: i32, %[[FIRST:.*]]: i32, %[[SECOND:.*]]: i32)
// CHECK:         nvvm.griddepcontrol wait
// CHECK:         llvm.cmpxchg %{{.*}}, %{{.*}}, %[[FIRST]]
// CHECK:         llvm.cmpxchg %{{.*}}, %{{.*}}, %[[SECOND]]
// CHECK:         arith.addf {{.*}} : vector<8xf32>
func.func @embed(%ids: tensor<?x?xi64> {et.name = "ids", et.dims = ["b", "s"]}) -> tensor<?x?x64xf16> {
  %words = arith.constant dense<1.0> : tensor<100x64xf16>
  %positions = arith.constant dense<2.0> : tensor<64x64xf16>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %ids, %c0 : tensor<?x?xi64>
  %s = tensor.dim %ids, %c1 : tensor<?x?xi64>
  %n = tensor.empty(%s) : tensor<?xi64>
  %count = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%n : tensor<?xi64>) {
  ^bb0(%out: i64):
    %i = linalg.index 0 : index
    %j = arith.index_cast %i : index to i64
    linalg.yield %j : i64
  } -> tensor<?xi64>
  %w = et.embedding %ids, %words : (tensor<?x?xi64>, tensor<100x64xf16>) -> tensor<?x?x64xf16>
  %p = et.embedding %count, %positions : (tensor<?xi64>, tensor<64x64xf16>) -> tensor<?x64xf16>
  %e = tensor.empty(%b, %s) : tensor<?x?x64xf16>
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%w, %p : tensor<?x?x64xf16>, tensor<?x64xf16>) outs(%e : tensor<?x?x64xf16>) {
  ^bb0(%a: f16, %c: f16, %out: f16):
    %0 = arith.addf %a, %c : f16
    linalg.yield %0 : f16
  } -> tensor<?x?x64xf16>
  return %y : tensor<?x?x64xf16>
}
