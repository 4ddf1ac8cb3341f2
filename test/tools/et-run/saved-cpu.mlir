// A program for the CPU, saved and run without the compiler, gives the bytes that running it at once gives.

// RUN: rm -rf %t && split-file %s %t
// RUN: et-compile %t/model.mlir --isa=baseline,avx2,baseline -o %t/model.etp
// RUN: et-run-program %t/model.etp --describe | FileCheck %s --check-prefix=DESCRIBE
// RUN: et-run %t/model.mlir --isa=avx2 --dim n=37 --seed=3 -o %t/jit.npy
// RUN: et-run-program %t/model.etp --dim n=37 --seed=3 --num-threads=2 -o %t/saved.npy | FileCheck %s --check-prefix=FIRST
// RUN: et-run %t/model.etp --device=cpu --dim n=37 --seed=3 --num-threads=1 -o %t/et-run.npy | FileCheck %s --check-prefix=ONE
// RUN: et-run-program %t/model.etp --dim n=37 --seed=3 --map-weights -o %t/mapped.npy
// RUN: cmp %t/jit.npy %t/saved.npy
// RUN: cmp %t/jit.npy %t/mapped.npy
// RUN: cmp %t/jit.npy %t/et-run.npy
// RUN: et-run-program %t/model.etp --dim n=2 --benchmark=3 --profile | FileCheck %s --check-prefix=TIMES
// RUN: et-compile %t/model.mlir --emit=program --isa=baseline -o %t/baseline.etp
// RUN: et-run %t/model.mlir --isa=baseline --dim n=5 -o %t/jit0.npy
// RUN: et-run %t/baseline.etp --dim n=5 -o %t/saved0.npy
// RUN: cmp %t/jit0.npy %t/saved0.npy

// Types that no instruction of the level converts, and a function without launches.
// RUN: et-compile %t/half.mlir --isa=baseline -o %t/half.etp
// RUN: et-run-program %t/half.etp --dim n=9 | FileCheck %s --check-prefix=HALF
// RUN: et-compile %t/empty.mlir -o %t/empty.etp
// RUN: et-run-program %t/empty.etp | FileCheck %s --check-prefix=EMPTY

// What is wrong is said.
// RUN: not et-run-program %t/id.etp 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: et-compile %t/id.mlir -o %t/id.etp
// RUN: %python %S/Inputs/save_ids.py %t/ids.npy 3 9
// RUN: not et-run-program %t/id.etp --input %t/ids.npy 2>&1 | FileCheck %s --check-prefix=ID
// RUN: not et-run-program %t/model.etp --dim n=2 --device=gpu 2>&1 | FileCheck %s --check-prefix=DEVICE
// RUN: not et-run %t/model.etp --dim n=2 --device=gpu 2>&1 | FileCheck %s --check-prefix=DEVICE2
// RUN: not et-run-program %t/model.etp --dim n=2 --num-threads=x 2>&1 | FileCheck %s --check-prefix=THREADS
// RUN: not et-compile %t/model.mlir --isa=avx2,sse9 -o %t/bad.etp 2>&1 | FileCheck %s --check-prefix=ISA
// RUN: not et-compile %t/model.mlir --isa=avx2,avx512 --emit=asm 2>&1 | FileCheck %s --check-prefix=LIST
// RUN: %python %S/Inputs/cut.py %t/model.etp %t/cut.etp 5000
// RUN: not et-run-program %t/cut.etp --dim n=2 2>&1 | FileCheck %s --check-prefix=CUT
// RUN: env ET_PTXAS=%t/none et-compile %t/model.mlir --target=cuda:sm_90a -o %t/gpu.etp
// RUN: not et-run-program %t/gpu.etp --dim n=2 --device=cpu 2>&1 | FileCheck %s --check-prefix=GPU

// DESCRIBE: program 'forward', written by E.T.
// DESCRIBE:   size n: at least 0
// DESCRIBE:   input 'x' [n, 40] f32
// DESCRIBE:   output 'y' [n, 50] f32
// The bias is the same for both plans; the packed weight is not.
// DESCRIBE:   3 weights
// DESCRIBE:   plan for x86-64: {{[0-9]+}} steps, 0 tensor maps; object x86-64 (
// DESCRIBE:     linear+gelu: kernel0_linear_gelu.step
// DESCRIBE:   plan for x86-64-v3: {{[0-9]+}} steps, 0 tensor maps; object x86-64-v3 (
// DESCRIBE-NOT: plan for
// FIRST: plan for x86-64-v3 on the CPU (x86-64-v{{[34]}}, 2 threads), ready in
// FIRST: output 'y' [37, 50] f32
// ONE: on the CPU (x86-64-v{{[34]}}, 1 thread)
// TIMES: 3 runs: {{.*}} (0 of {{[0-9]+}} runs replayed a graph)
// TIMES: profile of '{{.*}}' for {{.*}}: {{[0-9]+}} steps in {{.*}} us
// TIMES: %{{.*}}  linear+gelu (kernel0_linear_gelu.step)
// HALF:  output 'y' [9, 40] f16
// EMPTY: output 'y' [0, 4] f32
// NONE:  et-run-program: error: cannot open '{{.*}}id.etp'
// ID:    et-run-program: error: index 9 is out of range of the embedding table it selects from
// DEVICE: expected --device to be the number of a GPU or cpu, but got 'gpu'
// DEVICE2: expected the number of a GPU or cpu, but got 'gpu'
// THREADS: expected --num-threads to be a number up to 4096, but got 'x'
// ISA:   expected isa to be baseline, avx2, avx512 or native, but got 'sse9'
// LIST:  expected isa to be baseline, avx2, avx512 or native, but got 'avx2,avx512'
// CUT:   cannot load '{{.*}}cut.etp': it is cut short
// GPU:   the program was compiled for sm_90a, but this CPU runs x86-64-v{{[34]}} at most; compile it with et-compile --target=cpu --isa=avx

//--- model.mlir
func.func @forward(%x: tensor<?x40xf32> {et.name = "x", et.dims = ["n", ""]}) -> (tensor<?x50xf32> {et.name = "y"}) {
  %w = arith.constant dense<0.03125> : tensor<50x40xf32>
  %b = arith.constant dense<0.5> : tensor<50xf32>
  %h = et.linear %x, %w bias(%b : tensor<50xf32>) : (tensor<?x40xf32>, tensor<50x40xf32>) -> tensor<?x50xf32>
  %y = et.gelu %h : tensor<?x50xf32>
  return %y : tensor<?x50xf32>
}
//--- half.mlir
func.func @forward(%x: tensor<?x40xf16> {et.name = "x", et.dims = ["n", ""]}) -> (tensor<?x40xf16> {et.name = "y"}) {
  %y = et.gelu %x : tensor<?x40xf16>
  return %y : tensor<?x40xf16>
}
//--- empty.mlir
func.func @forward() -> (tensor<0x4xf32> {et.name = "y"}) {
  %y = tensor.empty() : tensor<0x4xf32>
  return %y : tensor<0x4xf32>
}
//--- id.mlir
func.func @f(%x: tensor<?xi64>) -> tensor<?x4xf32> {
  %t = arith.constant dense<1.0> : tensor<7x4xf32>
  %y = et.embedding %x, %t : (tensor<?xi64>, tensor<7x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
