// What matches, and what does not: each matcher puts its name on the launches it takes; the first that fits counts.
// RUN: et-opt %S/Inputs/layers.mlir --et-plan-gpu=chip=sm_90a --et-apply-transforms=library=%s -o %t 2>&1 | FileCheck %s
// CHECK:     layers.mlir:8:{{.*}}remark: kernel
// CHECK:     layers.mlir:10:{{.*}}remark: attention of heads of 64
// CHECK:     layers.mlir:12:{{.*}}remark: any launch
// CHECK-NOT: remark: no

module attributes {transform.with_named_sequence} {
  transform.named_sequence @op(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l computes "rms_norm" : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @label(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l kernel "linear" : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @outputs(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l outputs 768 : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @inputs(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l outputs 3072 inputs 3072 : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @head(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l head_size 32 : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @target(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l target "avx2" : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @no(%l: !transform.any_op {transform.readonly}) {
    transform.debug.emit_remark_at %l, "no" : !transform.any_op
    transform.yield
  }

  transform.named_sequence @is_kernel(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l computes "linear" kernel "linear+gelu" outputs 3072 inputs 768 target "sm_90a" : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @kernel(%l: !transform.any_op {transform.readonly}) {
    transform.debug.emit_remark_at %l, "kernel" : !transform.any_op
    transform.yield
  }
  transform.named_sequence @is_attention(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l computes "attention" head_size 64 : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @attention(%l: !transform.any_op {transform.readonly}) {
    transform.debug.emit_remark_at %l, "attention of heads of 64" : !transform.any_op
    transform.yield
  }
  transform.named_sequence @is_launch(%l: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %l : !transform.any_op
    transform.yield %l : !transform.any_op
  }
  transform.named_sequence @launch(%l: !transform.any_op {transform.readonly}) {
    transform.debug.emit_remark_at %l, "any launch" : !transform.any_op
    transform.yield
  }
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.consumed}) {
    transform.foreach_match in %module @op -> @no, @label -> @no, @outputs -> @no, @inputs -> @no, @head -> @no, @target -> @no,
      @is_kernel -> @kernel, @is_attention -> @attention, @is_launch -> @launch : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
