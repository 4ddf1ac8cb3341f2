// What a launch could have: first what it has, then what the cost model ranks; all of them have kernels, and a script can go through them.
// RUN: et-opt %S/Inputs/layers.mlir --et-plan-gpu=chip=sm_90a --et-apply-transforms=library=%s -o %t.mlir 2>%t.remarks
// RUN: cat %t.remarks %t.mlir | FileCheck %s

// CHECK:      remark: {kind = "wgmma", stages = [[STAGES:[0-9]+]] : i64, tile = array<i64: [[TILE:[0-9, ]+]]>}, {
// CHECK-SAME: kind = "wgmma"
// CHECK-SAME: kind = "wgmma"
// CHECK:      remark: {{.*}}kind = "wgmma"{{.*}}kind = "wgmma"{{.*}}

// The whole list sets the first, as it was chosen for 128 rows.
// CHECK:      et.launch "linear+gelu" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "wgmma", stages = [[STAGES]] : i64, tile = array<i64: [[TILE]]>}]}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %launches = transform.structured.match ops{["et.launch"]} in %module : (!transform.any_op) -> !transform.any_op
    %linear, %attention, %norm = transform.split_handle %launches : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %c = transform.et.candidate_schedules %linear for 128 {count = 3} : (!transform.any_op) -> !transform.any_param
    transform.debug.emit_param_as_remark %c : !transform.any_param
    %a = transform.et.candidate_schedules %attention for 512 {count = 2} : (!transform.any_op) -> !transform.any_param
    transform.debug.emit_param_as_remark %a : !transform.any_param
    transform.et.set_schedule %linear from %c : !transform.any_op, !transform.any_param
    transform.foreach %linear : !transform.any_op {
    ^bb0(%l: !transform.any_op):
      transform.et.set_schedule %l from %c : !transform.any_op, !transform.any_param
    }
    transform.yield
  }
}
