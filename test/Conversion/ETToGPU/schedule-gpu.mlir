// RUN: et-opt %s --et-schedule-gpu --split-input-file | FileCheck %s --check-prefixes=CHECK,SM90A
// RUN: et-opt %s --et-schedule-gpu=chip=sm_80 --split-input-file | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: not et-opt %s --et-schedule-gpu=chip=sm_42 --split-input-file 2>&1 | FileCheck %s --check-prefix=CHIP

// CHIP: expected chip to be sm_80, sm_86, sm_89, sm_90 or sm_90a, but got 'sm_42'

// CHECK-LABEL: func.func @loops
// SM90A:       et.launch "gelu" schedule {chip = "sm_90a", family = "loops"}
// SM80:        et.launch "gelu" schedule {chip = "sm_80", family = "loops"}
func.func @loops(%x: memref<?x384xf16>) {
  et.launch "gelu" ins(%x : memref<?x384xf16>) outs(%x : memref<?x384xf16>) {
  ^bb0(%a: tensor<?x384xf16>, %o: tensor<?x384xf16>):
    %g = et.gelu %a : tensor<?x384xf16>
    et.yield %g : tensor<?x384xf16>
  }
  return
}

// -----

// CHECK-LABEL: func.func @rows
// CHECK:       family = "rows"
func.func @rows(%x: memref<?x384xf16>) {
  et.launch "rms_norm" ins(%x : memref<?x384xf16>) outs(%x : memref<?x384xf16>) {
  ^bb0(%a: tensor<?x384xf16>, %o: tensor<?x384xf16>):
    %g = et.rms_norm %a {eps = 1.0e-6 : f32} : tensor<?x384xf16> -> tensor<?x384xf16>
    et.yield %g : tensor<?x384xf16>
  }
  return
}

// -----

// A linear layer has a schedule for few rows and others for more, in order.
// CHECK-LABEL: func.func @linear
// SM90A:       family = "linear", variants = [{from = 0 : i64, kind = "wgmma", {{.*}}tile = array<i64: 64,{{.*}}}, {from = {{[1-9][0-9]*}} : i64, kind = "wgmma"
// SM80:        family = "linear", variants = [{from = 0 : i64, kind = "mma"
func.func @linear(%x: memref<?x768xf16>, %w: memref<3072x768xf16>, %y: memref<?x3072xf16>) {
  et.launch "linear" ins(%x, %w : memref<?x768xf16>, memref<3072x768xf16>) outs(%y : memref<?x3072xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
    et.yield %l : tensor<?x3072xf16>
  }
  return
}

// -----

// With a known number of rows there is one.
// CHECK-LABEL: func.func @static_rows
// CHECK:       variants = [{from = 0 : i64, kind = "{{[^{]*}}}]}
func.func @static_rows(%x: memref<128x768xf16>, %w: memref<3072x768xf16>, %y: memref<128x3072xf16>) {
  et.launch "linear" ins(%x, %w : memref<128x768xf16>, memref<3072x768xf16>) outs(%y : memref<128x3072xf16>) {
  ^bb0(%a: tensor<128x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<128x3072xf16>):
    %l = et.linear %a, %b : (tensor<128x768xf16>, tensor<3072x768xf16>) -> tensor<128x3072xf16>
    et.yield %l : tensor<128x3072xf16>
  }
  return
}

// -----

// f32 has no tensor core path of full precision.
// CHECK-LABEL: func.func @linear_f32
// CHECK:       variants = [{from = 0 : i64, kind = "simt"}]
func.func @linear_f32(%x: memref<?x768xf32>, %w: memref<96x768xf32>, %y: memref<?x96xf32>) {
  et.launch "linear" ins(%x, %w : memref<?x768xf32>, memref<96x768xf32>) outs(%y : memref<?x96xf32>) {
  ^bb0(%a: tensor<?x768xf32>, %b: tensor<96x768xf32>, %o: tensor<?x96xf32>):
    %l = et.linear %a, %b : (tensor<?x768xf32>, tensor<96x768xf32>) -> tensor<?x96xf32>
    et.yield %l : tensor<?x96xf32>
  }
  return
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>

// Short rows are exact in registers; longer ones have schedules of their own.
// CHECK-LABEL: func.func @attention
// A few tiles share their rows between blocks.
// SM90A:       family = "attention", variants = [{{{.*}}from = 0 : i64, {{[^}]*}}kind = "wgmma"{{[^}]*}}to_tiles = 66 : i64, value_splits = 2 : i64{{[^}]*}}}, {{{.*}}from = 0 : i64, {{.*}}kind = "wgmma"{{.*}}from = {{[1-9][0-9]*}} : i64
// SM80:        family = "attention", variants = [{{.*}}from = 0 : i64, {{.*}}kind = "mma"
func.func @attention(%q: memref<?x?x12x64xf16>, %y: memref<?x?x12x64xf16>) {
  et.launch "attention" ins(%q : memref<?x?x12x64xf16>) outs(%y : memref<?x?x12x64xf16>) {
  ^bb0(%a: tensor<?x?x12x64xf16>, %p: tensor<?x?x12x64xf16>):
    %l = et.attention query(%a : tensor<?x?x12x64xf16>) key(%a : tensor<?x?x12x64xf16>) value(%a : tensor<?x?x12x64xf16>)
         {indexing_maps = [#q, #k, #v, #o], scale = 0.125 : f32} -> tensor<?x?x12x64xf16>
    et.yield %l : tensor<?x?x12x64xf16>
  }
  return
}

// -----

#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>

// No keys have no tensor map: rows without them are zeros by a kernel that needs none.
// CHECK-LABEL: func.func @no_keys
// SM90A:       variants = [{{{.*}}from = 0 : i64, {{[^}]*}}kind = "simt"{{[^}]*}}}, {{{[^}]*}}from = 1 : i64, {{[^}]*}}kind = "wgmma"
// SM80:        variants = [{{{.*}}from = 0 : i64, {{[^}]*}}kind = "mma"
func.func @no_keys(%q: memref<?x?x12x64xf16>, %k: memref<?x?x12x64xf16>, %y: memref<?x?x12x64xf16>) {
  et.launch "attention" ins(%q, %k : memref<?x?x12x64xf16>, memref<?x?x12x64xf16>) outs(%y : memref<?x?x12x64xf16>) {
  ^bb0(%a: tensor<?x?x12x64xf16>, %b: tensor<?x?x12x64xf16>, %p: tensor<?x?x12x64xf16>):
    %l = et.attention query(%a : tensor<?x?x12x64xf16>) key(%b : tensor<?x?x12x64xf16>) value(%b : tensor<?x?x12x64xf16>)
         {indexing_maps = [#q, #k, #v, #o], scale = 0.125 : f32} -> tensor<?x?x12x64xf16>
    et.yield %l : tensor<?x?x12x64xf16>
  }
  return
}

// Slices of one buffer have as many keys as rows.
// CHECK-LABEL: func.func @as_many_keys
// CHECK-NOT:   simt
func.func @as_many_keys(%x: memref<?x?x36x64xf16>, %b: index, %s: index, %y: memref<?x?x12x64xf16>) {
  %q = memref.subview %x[0, 0, 0, 0] [%b, %s, 12, 64] [1, 1, 1, 1] : memref<?x?x36x64xf16> to memref<?x?x12x64xf16, strided<[?, 2304, 64, 1]>>
  %k = memref.subview %x[0, 0, 12, 0] [%b, %s, 12, 64] [1, 1, 1, 1] : memref<?x?x36x64xf16> to memref<?x?x12x64xf16, strided<[?, 2304, 64, 1], offset: 768>>
  et.launch "attention" ins(%q, %k : memref<?x?x12x64xf16, strided<[?, 2304, 64, 1]>>, memref<?x?x12x64xf16, strided<[?, 2304, 64, 1], offset: 768>>)
      outs(%y : memref<?x?x12x64xf16>) {
  ^bb0(%a: tensor<?x?x12x64xf16>, %c: tensor<?x?x12x64xf16>, %p: tensor<?x?x12x64xf16>):
    %l = et.attention query(%a : tensor<?x?x12x64xf16>) key(%c : tensor<?x?x12x64xf16>) value(%c : tensor<?x?x12x64xf16>)
         {indexing_maps = [#q, #k, #v, #o], scale = 0.125 : f32} -> tensor<?x?x12x64xf16>
    et.yield %l : tensor<?x?x12x64xf16>
  }
  return
}

// -----

#rq = affine_map<(h, m, n, k, v) -> (m, h, k)>
#rk = affine_map<(h, m, n, k, v) -> (n, h, k)>
#rv = affine_map<(h, m, n, k, v) -> (n, h, v)>
#ro = affine_map<(h, m, n, k, v) -> (m, h, v)>

// How long the sequences are is not a size: there is one schedule, of blocks that need not be alike.
// CHECK-LABEL: func.func @ragged
// SM90A:       family = "attention", variants = [{{{.*}}from = 0 : i64, {{.*}}kind = "wgmma"{{[^{]*}}}]
// SM80:        family = "attention", variants = [{{{.*}}from = 0 : i64, {{.*}}kind = "mma"{{[^{]*}}}]
func.func @ragged(%q: memref<?x12x64xf16>, %o: memref<?xi32>, %y: memref<?x12x64xf16>) {
  et.launch "attention" ins(%q, %o : memref<?x12x64xf16>, memref<?xi32>) outs(%y : memref<?x12x64xf16>) {
  ^bb0(%a: tensor<?x12x64xf16>, %off: tensor<?xi32>, %p: tensor<?x12x64xf16>):
    %l = et.attention query(%a : tensor<?x12x64xf16>) key(%a : tensor<?x12x64xf16>) value(%a : tensor<?x12x64xf16>)
         offsets(%off : tensor<?xi32>) {indexing_maps = [#rq, #rk, #rv, #ro], scale = 0.125 : f32} -> tensor<?x12x64xf16>
    et.yield %l : tensor<?x12x64xf16>
  }
  return
}

// -----

// What has a schedule keeps it.
// CHECK-LABEL: func.func @keep
// CHECK:       et.launch "gelu" schedule {chip = "sm_86", family = "loops"}
func.func @keep(%x: memref<?x384xf16>) {
  et.launch "gelu" schedule {chip = "sm_86", family = "loops"} ins(%x : memref<?x384xf16>) outs(%x : memref<?x384xf16>) {
  ^bb0(%a: tensor<?x384xf16>, %o: tensor<?x384xf16>):
    %g = et.gelu %a : tensor<?x384xf16>
    et.yield %g : tensor<?x384xf16>
  }
  return
}
