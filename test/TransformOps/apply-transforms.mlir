// A script in a file, from each place that takes one; what it chooses is in the kernels.
// RUN: et-opt %S/Inputs/layers.mlir --et-plan-gpu="chip=sm_90a transform-library=%S/Inputs/script.mlir" | FileCheck %s
// RUN: et-opt %S/Inputs/layers.mlir --et-plan-gpu=chip=sm_90a --et-apply-transforms=library=%S/Inputs/script.mlir | FileCheck %s
// RUN: et-opt %S/Inputs/layers.mlir --et-plan-gpu=chip=sm_90a --transform-preload-library=transform-library-paths=%S/Inputs/script.mlir --transform-interpreter | FileCheck %s
// RUN: et-compile %S/Inputs/layers.mlir --target=cuda:sm_90a --emit=planned --transform-library=%S/Inputs/script.mlir | FileCheck %s
// RUN: et-compile %S/Inputs/layers.mlir --target=cuda:sm_90a --emit=ptx --transform-library=%S/Inputs/script.mlir --remarks 2>&1 | FileCheck %s --check-prefix=PTX
// RUN: et-opt %S/Inputs/layers.mlir --et-to-gpu="chip=sm_90a transform-library=%S/Inputs/script.mlir" | FileCheck %s --check-prefix=KERNELS

// CHECK: et.launch "linear+gelu" schedule {chip = "sm_90a", family = "linear", variants = [{from = 0 : i64, kind = "wgmma", stages = 4 : i64, tile = array<i64: 64, 64, 64>}]}
// CHECK: et.launch "attention" schedule {{.*}}kind = "mma"
// CHECK: et.launch "layer_norm" schedule {chip = "sm_90a", family = "rows"}

// PTX: linear+gelu: wgmma stages 4 tile 64x64x64, from a transform script
// PTX: .visible .entry linear_gelu_0(
// PTX: wgmma.mma_async{{.*}}m64n64k16
// PTX: .visible .entry attention_1(
// PTX: mma.sync

// One kernel each, where the compiler's own choice has several by the number of rows.
// KERNELS:     llvm.func @linear_gelu_0(
// KERNELS:     llvm.func @attention_1(
// KERNELS-NOT: llvm.func @{{(linear|attention).*}}_from

// Of several plans each has the matches that are for it: the script says sm_90a.
// RUN: et-opt %S/Inputs/layers.mlir --et-plan-gpu="chip=sm_80 transform-library=%S/Inputs/script.mlir" -o %t.script
// RUN: et-opt %S/Inputs/layers.mlir --et-plan-gpu=chip=sm_80 -o %t.none
// RUN: diff %t.script %t.none

// Pipelines and passes with options run from a script of upstream's ops alone.
// RUN: et-opt %s --transform-interpreter | FileCheck %s --check-prefix=REGISTERED
// REGISTERED-LABEL: module @payload
// REGISTERED:       et.launch "gelu" schedule {chip = "sm_80", family = "loops"}
module attributes {transform.with_named_sequence} {
  module @payload {
    func.func @gelu(%x: tensor<?x8xf16>) -> tensor<?x8xf16> {
      %0 = et.gelu %x : tensor<?x8xf16>
      return %0 : tensor<?x8xf16>
    }
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %module = transform.structured.match ops{["builtin.module"]} attributes{sym_name = "payload"} in %root : (!transform.any_op) -> !transform.any_op
    %planned = transform.apply_registered_pass "et-plan-gpu" with options = {"chip" = "sm_80", "fold-norms" = true} to %module : (!transform.any_op) -> !transform.any_op
    %checked = transform.apply_registered_pass "et-verify-planned-contract" to %planned : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// Files that are none, and scripts that fail: an error, and no output.
// RUN: not et-opt %S/Inputs/layers.mlir --et-apply-transforms 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not et-opt %S/Inputs/layers.mlir --et-apply-transforms=library=%t.missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not et-opt %S/Inputs/layers.mlir --et-apply-transforms=library=%S/Inputs/layers.mlir 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not et-opt %S/Inputs/layers.mlir --et-apply-transforms=library=%S/Inputs/fails.mlir 2>&1 | FileCheck %s --check-prefix=FAILS
// RUN: not et-compile %S/Inputs/layers.mlir --target=cpu,cuda:sm_90a --transform-library=%S/Inputs/fails.mlir -o %t.etp 2>&1 | FileCheck %s --check-prefix=FAILS
// RUN: not ls %t.etp

// EMPTY:   error: expected a file with a transform script: library=FILE
// MISSING: error: {{.*}}missing.mlir
// NONE:    error: could not find a nested named sequence with name: __transform_main
// FAILS:   fails.mlir:4:{{.*}}error: expected an et.launch, but got func.func
