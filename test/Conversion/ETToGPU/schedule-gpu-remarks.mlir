// RUN: et-opt %s --et-schedule-gpu --remarks-filter=et-schedule-gpu --remark-policy=all -o /dev/null 2>&1 | FileCheck %s
// RUN: et-opt %s --et-schedule-gpu=chip=sm_80 --remarks-filter=et-schedule-gpu --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=SM80

// What was measured, and in between and behind it the cost model.
// CHECK: [Passed]{{.*}}et-schedule-gpu{{.*}}linear of 768 outputs and 768 inputs, f16: wgmma 64x{{.*}} exclusive for up to {{[0-9]+}} rows, from the tuned table{{"?$}}
// CHECK: linear of 768 outputs and 768 inputs, f16: {{.*}} for more than 4096 rows, from the cost model
// SM80:  linear of 768 outputs and 768 inputs, f16: mma 32x32x64 stages 4 for up to 512 rows, from the cost model
func.func @linear(%x: memref<?x768xf16>, %w: memref<768x768xf16>, %y: memref<?x768xf16>) {
  et.launch "linear" ins(%x, %w : memref<?x768xf16>, memref<768x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<768x768xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}

// A path without tensor cores is taken with a reason.
// CHECK:     linear of 96 outputs and 768 inputs, f32: simt for 128 rows, from the cost model
// CHECK:     [Missed]{{.*}}linear of 96 outputs and 768 inputs, f32: simt for 128 rows: tensor cores need the input and the weight to be both f16 or both bf16{{"?$}}
func.func @linear_f32(%x: memref<128x768xf32>, %w: memref<96x768xf32>, %y: memref<128x96xf32>) {
  et.launch "linear" ins(%x, %w : memref<128x768xf32>, memref<96x768xf32>) outs(%y : memref<128x96xf32>) {
  ^bb0(%a: tensor<128x768xf32>, %b: tensor<96x768xf32>, %o: tensor<128x96xf32>):
    %l = et.linear %a, %b : (tensor<128x768xf32>, tensor<96x768xf32>) -> tensor<128x96xf32>
    et.yield %l : tensor<128x96xf32>
  }
  return
}

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>

// CHECK:     attention with heads of 64 and 64, mask none, f16: wgmma 64x64 stages 2 {{.*}} for up to {{[0-9]+}} keys, from the cost model
// SM80:      attention with heads of 64 and 64, mask none, f16: mma {{.*}} for any number of keys, from the cost model
// SM80-NOT:  [Missed]{{.*}}mask none, f16
func.func @attention(%q: memref<?x?x12x64xf16>, %y: memref<?x?x12x64xf16>) {
  et.launch "attention" ins(%q : memref<?x?x12x64xf16>) outs(%y : memref<?x?x12x64xf16>) {
  ^bb0(%a: tensor<?x?x12x64xf16>, %p: tensor<?x?x12x64xf16>):
    %l = et.attention query(%a : tensor<?x?x12x64xf16>) key(%a : tensor<?x?x12x64xf16>) value(%a : tensor<?x?x12x64xf16>)
         {indexing_maps = [#q, #k, #v, #o], scale = 0.125 : f32} -> tensor<?x?x12x64xf16>
    et.yield %l : tensor<?x?x12x64xf16>
  }
  return
}

// Heads of 60 elements do not start at multiples of 16 bytes.
// CHECK:     [Missed]{{.*}}attention with heads of 60 and 60, mask causal, bf16: mma {{.*}} for 64 keys: expected mma.sync for this query: a tensor map needs strides that are multiples of 8 elements
func.func @attention_odd(%q: memref<2x64x12x60xbf16>, %y: memref<2x64x12x60xbf16>) {
  et.launch "attention" ins(%q : memref<2x64x12x60xbf16>) outs(%y : memref<2x64x12x60xbf16>) {
  ^bb0(%a: tensor<2x64x12x60xbf16>, %p: tensor<2x64x12x60xbf16>):
    %l = et.attention query(%a : tensor<2x64x12x60xbf16>) key(%a : tensor<2x64x12x60xbf16>) value(%a : tensor<2x64x12x60xbf16>)
         {indexing_maps = [#q, #k, #v, #o], scale = 0.125 : f32, structure = #et.mask<causal>} -> tensor<2x64x12x60xbf16>
    et.yield %l : tensor<2x64x12x60xbf16>
  }
  return
}
