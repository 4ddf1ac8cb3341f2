// A table that was measured where scores may be in memory says nothing where they may not: up to 224 keys, or ever.

// RUN: rm -rf %t && split-file %s %t
// RUN: et-opt %t/module.mlir --et-plan-gpu="chip=sm_90a partial-attention=224 tuned=%t/mine.json" --remarks-filter-missed=et-schedule-gpu -o %t/224 2>%t/err
// RUN: FileCheck %s --input-file=%t/224 && FileCheck %s --check-prefix=DECLINED --input-file=%t/err
// RUN: et-opt %t/module.mlir --et-plan-gpu="chip=sm_90a tuned=%t/mine.json" | FileCheck %s --check-prefix=NEVER

// CHECK-NOT:    from = {{[0-9]|[0-9][0-9]|1[0-9][0-9]}} : i64, {{[^}]*}}kind = "partial"
// CHECK:        from = 225 : i64, {{[^}]*}}kind = "partial"
// NEVER-NOT:    kind = "partial"
// DECLINED:     the tuned table '{{.*}}mine.json' has schedules for {{.*}} of 128 keys, which cannot be used here: expected a buffer for scores in the family that has them in memory; plan with partial-attention

//--- module.mlir
#q = affine_map<(b, h, m, n, k, v) -> (b, h, m, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, h, n, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, h, n, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, h, m, v)>
func.func @attend(%q: tensor<?x12x?x64xf16>) -> tensor<?x12x?x64xf16> {
  %o = et.attention query(%q : tensor<?x12x?x64xf16>) key(%q : tensor<?x12x?x64xf16>) value(%q : tensor<?x12x?x64xf16>)
       {indexing_maps = [#q, #k, #v, #o]} -> tensor<?x12x?x64xf16>
  return %o : tensor<?x12x?x64xf16>
}

//--- mine.json
{"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "here", "entries": [
  {"operation": "attention", "type": "f16", "head_k": 64, "head_v": 64, "mask": "none", "keys": 128, "us": 2.1,
   "schedule": {"kind": "partial", "key_block": 64, "exact_blocks": 1, "warpgroups": 1, "stages": 2, "blocks_per_sm": 2}}
]}
