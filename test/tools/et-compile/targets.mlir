// One saved program for several targets: a plan for each, and weights that plans read in the same form once.

// RUN: et-compile %s --target=cpu,cuda:sm_80,cuda:sm_90a --isa=avx2,baseline,avx2 -o %t.etp
// RUN: et-run-program --describe %t.etp | FileCheck %s --check-prefix=ALL
// RUN: env CUDA_VISIBLE_DEVICES= et-run-program %t.etp --dim rows=3 2>&1 | FileCheck %s --check-prefix=NOGPU
// RUN: env CUDA_VISIBLE_DEVICES= not et-run-program %t.etp --device=0 --dim rows=3 2>&1 | FileCheck %s --check-prefix=NAMED
// RUN: not et-compile %s --target=cpu,rocm -o %t.x 2>&1 | FileCheck %s --check-prefix=ROCM
// RUN: not et-compile %s --target=cpu, -o %t.x 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not et-compile %s --target=cuda:sm_90a,cpu --isa=sse9 -o %t.x 2>&1 | FileCheck %s --check-prefix=ISA
// RUN: not et-compile %s --target=cpu,cuda:sm_80 --emit=planned -o %t.x 2>&1 | FileCheck %s --check-prefix=STAGE
// RUN: not ls %t.x

// The two plans for GPUs share one.
// ALL:      3 weights, 73728 bytes
// ALL:      plan for x86-64-v3: 1 steps
// ALL:      plan for x86-64: 1 steps
// ALL:      plan for sm_80: {{.*}} PTX sm_80
// ALL:      plan for sm_90a: {{.*}} tensor maps
// ALL-NOT:  plan for
// NOGPU:    note: the program runs on the CPU: there is no {{.+}}
// NOGPU:    plan for x86-64
// NAMED:    error: there is no
// ROCM:     expected target to be cpu or cuda: and one of sm_80, sm_86, sm_89, sm_90 and sm_90a, but got 'rocm'
// EMPTY:    expected target to be cpu or cuda: {{.*}}, but got ''
// ISA:      expected isa to be baseline, avx2, avx512 or native, but got 'sse9'
// STAGE:    a saved program can be for several targets, but a stage in front of it is for one; choose one of 'cpu,cuda:sm_80'
func.func @f(%x: tensor<?x96xf16> {et.name = "x", et.dims = ["rows", ""]}) -> tensor<?x96xf16> {
  %w = arith.constant dense<0.5> : tensor<96x96xf16>
  %y = et.linear %x, %w : (tensor<?x96xf16>, tensor<96x96xf16>) -> tensor<?x96xf16>
  return %y : tensor<?x96xf16>
}
