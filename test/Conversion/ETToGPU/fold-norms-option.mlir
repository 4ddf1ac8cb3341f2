// RUN: et-opt %s --et-plan-gpu=chip=sm_90a | FileCheck %s
// RUN: et-opt %s --et-plan-gpu="chip=sm_90a fold-norms=true" | FileCheck %s --check-prefix=FOLD
// RUN: et-compile %s --target=cuda:sm_90a --emit=planned --fold-norms -o - | FileCheck %s --check-prefix=FOLD
// RUN: et-compile %s --target=cuda:sm_90a --emit=planned --fold-norms=on -o - | FileCheck %s --check-prefix=FOLD
// RUN: et-compile %s --target=cuda:sm_90a --emit=planned --fold-norms=off -o - | FileCheck %s
// RUN: env ET_PTXAS=%t.none et-compile %s --target=cuda:sm_90a --fold-norms=auto -o %t.etp
// RUN: et-run-program --describe %t.etp | FileCheck %s --check-prefix=AUTO
// RUN: not et-compile %s --target=cuda:sm_90a --emit=planned --fold-norms=auto -o %t.x 2>&1 | FileCheck %s --check-prefix=STAGE
// RUN: not et-compile %s --target=cuda:sm_90a --fold-norms=maybe -o %t.x 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not ls %t.x

// By the number of rows: one plan, and the kernels of both ways.
// AUTO:     plan for sm_90a: {{.*}} PTX sm_90a {{.*}} PTX sm_90a
// AUTO-NOT: plan for
// STAGE:    only a saved program chooses by its rows whether norms are folded, {{.*}}; choose --fold-norms=on or --fold-norms=off, or --emit=program
// VALUE:    for the --fold-norms option: Cannot find option named 'maybe'

// A norm is a launch of its own unless that is asked for. Folded, every number of rows still runs on tensor cores: with
// many rows the kernel that hides its epilogue gets the statistics from one in front of it.
//
// CHECK-LABEL: func.func @block(
// CHECK:       et.launch "layer_norm"
// CHECK:       et.launch "linear+gelu"
// FOLD-LABEL:  func.func @block(
// FOLD-NOT:    et.launch "layer_norm"
// FOLD:        et.launch "linear+norm_stats+elementwise+gelu"
// FOLD-SAME:   kind = "wgmma"
// FOLD-SAME:   kind = "overlap"
// FOLD-NOT:    kind = "simt"
// FOLD:        return
func.func @block(%a: tensor<?x768xf16>) -> tensor<?x3072xf16> {
  %gamma = arith.constant dense<2.0> : tensor<768xf16>
  %beta = arith.constant dense<1.0> : tensor<768xf16>
  %w = arith.constant dense<0.5> : tensor<3072x768xf16>
  %b = arith.constant dense<0.25> : tensor<3072xf16>
  %wx = arith.constant dense<0.125> : tensor<768x768xf16>
  %x = et.linear %a, %wx : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
  %n = et.layer_norm %x gamma(%gamma : tensor<768xf16>) beta(%beta : tensor<768xf16>) {eps = 1.0e-5 : f32} : tensor<?x768xf16> -> tensor<?x768xf16>
  %y = et.linear %n, %w bias(%b : tensor<3072xf16>) : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
  %g = et.gelu %y {approximate = #et.gelu<erf>} : tensor<?x3072xf16>
  return %g : tensor<?x3072xf16>
}
