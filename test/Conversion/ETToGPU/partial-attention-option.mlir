// RUN: et-opt %s --et-plan-gpu=chip=sm_90a | FileCheck %s --check-prefix=ONE
// RUN: et-opt %s --et-plan-gpu="chip=sm_90a partial-attention=224" | FileCheck %s --check-prefixes=PLAN,SM90A
// RUN: et-opt %s --et-plan-gpu="chip=sm_80 partial-attention=224" | FileCheck %s --check-prefixes=PLAN,SM80
// RUN: et-opt %s --et-plan-gpu="chip=sm_90a partial-attention=20000" | FileCheck %s --check-prefix=LONG
// RUN: et-opt %s --et-plan-gpu="chip=sm_90a partial-attention=0" | FileCheck %s --check-prefix=ALL
// RUN: et-opt %s --et-to-gpu="chip=sm_90a partial-attention=0" -o /dev/null
// RUN: et-compile %s --target=cuda:sm_90a --emit=planned --no-tuned-cache --partial-attention=224 -o - | FileCheck %s --check-prefixes=PLAN,SM90A
// RUN: et-compile %s --target=cuda:sm_90a --emit=planned --no-tuned-cache -o - | FileCheck %s --check-prefix=ONE
// RUN: et-opt %s --et-to-gpu="chip=sm_80 partial-attention=224" --remarks-filter='et-(partial-attention|schedule-gpu)' -o %t.gpu 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s --check-prefix=GPU --input-file=%t.gpu
// RUN: not et-compile %s --target=cuda:sm_90a --partial-attention=-7 -o %t.x 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not ls %t.x

// VALUE: expected a number of keys from 0 to 1073741824, or -1 for any, but got -7

// Nothing chooses it by itself.
// ONE-NOT: kind = "partial"

// The arena holds scores where there are more keys than 224.
// PLAN-LABEL: func.func @attend.sizes(
// PLAN:         arith.constant 225
// PLAN-LABEL: func.func @attend(
// PLAN:         %[[ROOM:.*]] = memref.view %{{.*}} : memref<?xi8> to memref<?xf32>
// PLAN:         et.launch "attention" schedule
// SM90A-SAME:     to_tiles
// SM90A-SAME:     from = 129 : i64, {{[^}]*}}kind = "wgmma"
// SM90A-SAME:     from = 225 : i64, {{[^}]*}}kind = "partial", {{[^}]*}}}]}
// SM80-SAME:      variants = [{{{[^}]*}}from = 0 : i64, {{[^}]*}}kind = "mma"{{[^}]*}}}, {{{[^}]*}}from = 225 : i64, {{[^}]*}}kind = "partial"{{[^}]*}}}]}
// PLAN-SAME:      outs(%{{.*}}, %[[ROOM]] :

// Beyond the lengths that schedules are asked for.
// LONG:         from = 20001 : i64, {{[^}]*}}kind = "partial"
// ALL:          variants = [{{{[^}]*}}from = 0 : i64, {{[^}]*}}kind = "simt"{{[^}]*}}}, {{{[^}]*}}from = 1 : i64, {{[^}]*}}kind = "partial"{{[^}]*}}}]

// REMARK: [Passed] PartialAttention{{.*}}'attention' has its scores in memory with more than 224 keys
// REMARK: [Passed] Schedule{{.*}}mma 64x64 {{.*}} for up to 224 keys, from the cost model
// REMARK: [Passed] Schedule{{.*}}partial 64x64 {{.*}} for more than 224 keys, from partial-attention
// REMARK-NOT: SlowSchedule

// Three kernels, of which the last two run where the first has no blocks.
// GPU-LABEL:  func.func @attend(
// GPU:          %[[ROOM:.*]] = memref.view %{{.*}} : memref<?xi8> to memref<?xf32>
// GPU:          gpu.launch_func @kernels::@attention_0_from0
// GPU-NOT:      %[[ROOM]]
// GPU:          gpu.launch_func @kernels::@attention_0_from225_scores
// GPU-SAME:     %[[ROOM]] : memref<?xf32>
// GPU:          gpu.launch_func @kernels::@attention_0_from225 
// GPU-SAME:     %[[ROOM]] : memref<?xf32>

#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>

func.func @attend(%q: tensor<?x12x?x64xf16>, %k: tensor<?x12x?x64xf16>, %v: tensor<?x12x?x64xf16>) -> tensor<?x12x?x64xf16> {
  %o = et.attention query(%q : tensor<?x12x?x64xf16>) key(%k : tensor<?x12x?x64xf16>) value(%v : tensor<?x12x?x64xf16>)
       {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x12x?x64xf16>
  return %o : tensor<?x12x?x64xf16>
}
