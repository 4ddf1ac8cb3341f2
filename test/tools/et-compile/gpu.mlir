// What et-compile makes for a GPU; a saved program is the default.

// RUN: et-compile %s --target=cuda:sm_90a --emit=planned | FileCheck %s --check-prefix=PLANNED
// RUN: et-compile %s --target=cuda:sm_90a --emit=gpu | FileCheck %s --check-prefix=GPU
// RUN: et-compile %s --target=cuda:sm_80 --emit=ptx | FileCheck %s --check-prefix=PTX
// RUN: env ET_PTXAS=%t.none et-compile %s --target=cuda:sm_90a --remarks -o %t.etp 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: et-run-program --describe %t.etp | FileCheck %s --check-prefix=PROGRAM
// RUN: env ET_PTXAS=%t.none not et-compile %s --target=cuda:sm_90a --emit=cubin -o %t.cubin 2>&1 | FileCheck %s --check-prefix=NOPTXAS
// RUN: not et-compile %s --target=cuda:sm_42 -o %t.x 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not et-compile %s --target=rocm -o %t.x 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not et-compile %s --target=cuda:sm_90a --emit=asm -o %t.x 2>&1 | FileCheck %s --check-prefix=OFCPU
// RUN: not et-compile %s --emit=ptx -o %t.x 2>&1 | FileCheck %s --check-prefix=OFGPU
// RUN: not ls %t.x

// PLANNED: et.launch "gelu" schedule {chip = "sm_90a", family = "loops"}
// GPU:     gpu.launch_func @kernels::@gelu_0
// GPU:     gpu.module @kernels
// PTX:     .target sm_80
// PTX:     .entry gelu_0
// REMARK:  the program holds PTX only, which the driver compiles when it is loaded: there is no ptxas
// PROGRAM: gelu
// NOPTXAS: there is no ptxas to make a cubin; install the CUDA toolkit or PyPI's nvidia-cuda-nvcc, or name one with ET_PTXAS
// TARGET:  expected target to be cpu or cuda: and one of sm_80, sm_86, sm_89, sm_90 and sm_90a, but got
// OFCPU:   the stages llvm, llvm-ir, asm and obj are those of a CPU; for a GPU there are gpu, ptx, cubin and program
// OFGPU:   the stages gpu, ptx and cubin are those of a GPU; compile for a target such as cuda:sm_90a
func.func @f(%x: tensor<?x?x384xf16> {et.name = "x", et.dims = ["batch", "sequence", ""]}) -> tensor<?x?x384xf16> {
  %y = et.gelu %x : tensor<?x?x384xf16>
  return %y : tensor<?x?x384xf16>
}
