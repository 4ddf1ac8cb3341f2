// RUN: et-opt %s --et-chunk-rows="max-chunks=3" --canonicalize --split-input-file | FileCheck %s
// RUN: et-opt %s --et-chunk-rows="max-chunks=3" --split-input-file --remarks-filter=et-chunk-rows -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK
// RUN: et-opt %s --et-chunk-rows="chip=sm_80" --split-input-file | FileCheck %s --check-prefix=SM80
// RUN: not et-opt %s --et-chunk-rows="chip=sm_42" --split-input-file 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not et-opt %s --et-chunk-rows="max-chunks=1" --split-input-file 2>&1 | FileCheck %s --check-prefix=ONE

// CHIP: expected chip to be sm_80, sm_86, sm_89, sm_90 or sm_90a, but got 'sm_42'
// ONE: expected max-chunks to be at least 2 and l2-bytes at least 1, but got 1 and 50000000
// SM80-NOT: et.rows

// As few chunks as fit, all of about one size, of whole tiles. Both layers of a chunk, then those of the next one.
// CHECK-LABEL: func.func @chunk_dynamic_rows
// CHECK-SAME:    (%[[X:[a-z0-9]*]]: memref<?x768xf16>
// REMARK:      'up' and 'down' run on chunks of up to 4224 rows
func.func @chunk_dynamic_rows(%x: memref<?x768xf16>, %w1: memref<3072x768xf16>, %w2: memref<768x3072xf16>,
                              %y: memref<?x768xf16>) {
  %c0 = arith.constant 0 : index
  %rows = memref.dim %x, %c0 : memref<?x768xf16>
  // CHECK-DAG:  %[[LIMIT:.*]] = arith.constant 4224
  // CHECK-DAG:  %[[THREE:.*]] = arith.constant 3
  // CHECK-DAG:  %[[TILE:.*]] = arith.constant 128
  // CHECK:      %[[ROWS:.*]] = memref.dim %[[X]]
  // CHECK:      %[[NEEDED:.*]] = arith.ceildivui %[[ROWS]], %[[LIMIT]]
  // CHECK:      %[[MOST:.*]] = arith.minui %[[NEEDED]], %[[THREE]]
  // CHECK:      %[[CHUNKS:.*]] = arith.maxui %[[MOST]]
  // CHECK:      %[[EACH:.*]] = arith.ceildivui %[[ROWS]], %[[CHUNKS]]
  // CHECK:      %[[TILES:.*]] = arith.ceildivui %[[EACH]], %[[TILE]]
  // CHECK:      %[[WHOLE:.*]] = arith.muli %[[TILES]], %[[TILE]]
  // CHECK:      %[[SIZE:.*]] = arith.minui %[[WHOLE]], %[[ROWS]]
  // CHECK:      %[[HIDDEN:.*]] = memref.alloc(%[[SIZE]]) : memref<?x3072xf16>
  // CHECK-NOT:  memref.alloc(
  %h = memref.alloc(%rows) : memref<?x3072xf16>
  // CHECK:      %[[H0:.*]] = memref.subview %[[HIDDEN]][0, 0]
  // CHECK:      %[[X0:.*]] = memref.subview %[[X]]
  // CHECK:      et.launch "up" ins(%[[X0]], %{{.*}}outs(%[[H0]]
  // CHECK:      {et.rows = array<i64: 0, 4224>}
  et.launch "up" ins(%x, %w1 : memref<?x768xf16>, memref<3072x768xf16>) outs(%h : memref<?x3072xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
    et.yield %l : tensor<?x3072xf16>
  }
  // CHECK:      et.launch "down" ins(%[[H0]],
  // CHECK:      et.launch "up"
  // CHECK:      et.launch "down"
  // CHECK:      %[[LATER:.*]] = arith.muli %[[SIZE]]
  // CHECK:      %[[START:.*]] = arith.minui %[[LATER]], %[[ROWS]]
  // CHECK:      %[[REST:.*]] = arith.subi %[[ROWS]], %[[START]]
  // CHECK:      %[[LENGTH:.*]] = arith.minui %[[REST]], %[[SIZE]]
  // CHECK:      %[[H2:.*]] = memref.subview %[[HIDDEN]][0, 0] [%[[LENGTH]], 3072]
  // CHECK:      %[[X2:.*]] = memref.subview %[[X]][%[[START]], 0] [%[[LENGTH]], 768]
  // CHECK:      et.launch "up" ins(%[[X2]], %{{.*}}outs(%[[H2]]
  // CHECK:      {et.rows = array<i64: 1024, 4224>}
  // CHECK:      et.launch "down" ins(%[[H2]],
  // CHECK-NOT:  et.launch
  et.launch "down" ins(%h, %w2 : memref<?x3072xf16>, memref<768x3072xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x3072xf16>, %b: tensor<768x3072xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x3072xf16>, tensor<768x3072xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}

// -----

#rows = affine_map<(b, s, n) -> (b, s)>
#columns = affine_map<(b, s, n) -> (n)>
#all = affine_map<(b, s, n) -> (b, s, n)>

// Rows of several dimensions are counted as one. What has a value for each row is cut with them; what has one for each
// column is not.
// CHECK-LABEL: func.func @chunk_rows_of_batches
// CHECK-SAME:    %[[SCALE:[a-z0-9]*]]: memref<?x?xf32>, %[[GAMMA:[a-z0-9]*]]: memref<768xf32>
// CHECK:       %[[S:.*]] = memref.collapse_shape %[[SCALE]] {{\[}}[0, 1]]
// CHECK:       %[[S0:.*]] = memref.subview %[[S]][0]
// CHECK:       %[[SCALES:.*]] = memref.expand_shape %[[S0]] {{\[}}[0, 1]] output_shape [1, %{{.*}}]
// CHECK:       et.launch "down" ins(%{{.*}}, %[[SCALES]], %[[GAMMA]] : memref<1x?x3072xf16
// CHECK:         tensor.empty(%{{.*}}) : tensor<1x?x768xf16>
// CHECK:         linalg.generic
// CHECK-SAME:    ins(%{{.*}} : tensor<1x?x768xf16>, tensor<1x?xf32>, tensor<768xf32>)
// REMARK:      'up' and 'down' run on chunks
func.func @chunk_rows_of_batches(%x: memref<?x?x768xf16>, %w1: memref<3072x768xf16>, %w2: memref<768x3072xf16>,
                                 %scale: memref<?x?xf32>, %gamma: memref<768xf32>, %y: memref<?x?x768xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = memref.dim %x, %c0 : memref<?x?x768xf16>
  %sequence = memref.dim %x, %c1 : memref<?x?x768xf16>
  %h = memref.alloc(%batch, %sequence) : memref<?x?x3072xf16>
  et.launch "up" ins(%x, %w1 : memref<?x?x768xf16>, memref<3072x768xf16>) outs(%h : memref<?x?x3072xf16>) {
  ^bb0(%a: tensor<?x?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x?x3072xf16>):
    %l = et.linear %a, %b : (tensor<?x?x768xf16>, tensor<3072x768xf16>) -> tensor<?x?x3072xf16>
    et.yield %l : tensor<?x?x3072xf16>
  }
  et.launch "down" ins(%h, %w2, %scale, %gamma : memref<?x?x3072xf16>, memref<768x3072xf16>, memref<?x?xf32>, memref<768xf32>)
      outs(%y : memref<?x?x768xf16>) {
  ^bb0(%a: tensor<?x?x3072xf16>, %b: tensor<768x3072xf16>, %s: tensor<?x?xf32>, %g: tensor<768xf32>, %o: tensor<?x?x768xf16>):
    %c0_0 = arith.constant 0 : index
    %c1_0 = arith.constant 1 : index
    %l = et.linear %a, %b : (tensor<?x?x3072xf16>, tensor<768x3072xf16>) -> tensor<?x?x768xf16>
    %d0 = tensor.dim %a, %c0_0 : tensor<?x?x3072xf16>
    %d1 = tensor.dim %a, %c1_0 : tensor<?x?x3072xf16>
    %e = tensor.empty(%d0, %d1) : tensor<?x?x768xf16>
    %r = linalg.generic {indexing_maps = [#all, #rows, #columns, #all], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%l, %s, %g : tensor<?x?x768xf16>, tensor<?x?xf32>, tensor<768xf32>) outs(%e : tensor<?x?x768xf16>) {
    ^bb1(%in: f16, %p: f32, %q: f32, %out: f16):
      %0 = arith.extf %in : f16 to f32
      %1 = arith.mulf %0, %p : f32
      %2 = arith.addf %1, %q : f32
      %3 = arith.truncf %2 : f32 to f16
      linalg.yield %3 : f16
    } -> tensor<?x?x768xf16>
    et.yield %r : tensor<?x?x768xf16>
  }
  return
}

// -----

// Known sizes give as many chunks as there are, the last one shorter. The buffer is used again elsewhere.
// CHECK-LABEL: func.func @chunk_static_rows
// CHECK:       memref.alloc() : memref<4096x3072xf16>
// CHECK:       et.launch "up" {{.*}} memref<4096x3072xf16
// CHECK:       et.launch "down"
// CHECK:       memref.subview %{{.*}}[4096, 0] [3904, 768]
// CHECK:       et.launch "up" {{.*}} memref<3904x3072xf16
// CHECK:       et.launch "down"
// CHECK-NOT:   et.launch "up"
// CHECK:       et.launch "gelu"
func.func @chunk_static_rows(%x: memref<8000x768xf16>, %w1: memref<3072x768xf16>, %w2: memref<768x3072xf16>,
                             %y: memref<8000x768xf16>, %z: memref<8000x3072xf16>) {
  %h = memref.alloc() : memref<8000x3072xf16>
  et.launch "up" ins(%x, %w1 : memref<8000x768xf16>, memref<3072x768xf16>) outs(%h : memref<8000x3072xf16>) {
  ^bb0(%a: tensor<8000x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<8000x3072xf16>):
    %l = et.linear %a, %b : (tensor<8000x768xf16>, tensor<3072x768xf16>) -> tensor<8000x3072xf16>
    et.yield %l : tensor<8000x3072xf16>
  }
  et.launch "down" ins(%h, %w2 : memref<8000x3072xf16>, memref<768x3072xf16>) outs(%y : memref<8000x768xf16>) {
  ^bb0(%a: tensor<8000x3072xf16>, %b: tensor<768x3072xf16>, %o: tensor<8000x768xf16>):
    %l = et.linear %a, %b : (tensor<8000x3072xf16>, tensor<768x3072xf16>) -> tensor<8000x768xf16>
    et.yield %l : tensor<8000x768xf16>
  }
  et.launch "gelu" ins(%z : memref<8000x3072xf16>) outs(%h : memref<8000x3072xf16>) {
  ^bb0(%a: tensor<8000x3072xf16>, %o: tensor<8000x3072xf16>):
    %g = et.gelu %a : tensor<8000x3072xf16>
    et.yield %g : tensor<8000x3072xf16>
  }
  return
}

// -----

// CHECK-LABEL: func.func @no_chunk_few_rows
// CHECK-NOT:   et.rows
func.func @no_chunk_few_rows(%x: memref<4224x768xf16>, %w1: memref<3072x768xf16>, %w2: memref<768x3072xf16>,
                             %y: memref<4224x768xf16>) {
  %h = memref.alloc() : memref<4224x3072xf16>
  et.launch "up" ins(%x, %w1 : memref<4224x768xf16>, memref<3072x768xf16>) outs(%h : memref<4224x3072xf16>) {
  ^bb0(%a: tensor<4224x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<4224x3072xf16>):
    %l = et.linear %a, %b : (tensor<4224x768xf16>, tensor<3072x768xf16>) -> tensor<4224x3072xf16>
    et.yield %l : tensor<4224x3072xf16>
  }
  et.launch "down" ins(%h, %w2 : memref<4224x3072xf16>, memref<768x3072xf16>) outs(%y : memref<4224x768xf16>) {
  ^bb0(%a: tensor<4224x3072xf16>, %b: tensor<768x3072xf16>, %o: tensor<4224x768xf16>):
    %l = et.linear %a, %b : (tensor<4224x3072xf16>, tensor<768x3072xf16>) -> tensor<4224x768xf16>
    et.yield %l : tensor<4224x768xf16>
  }
  return
}

// -----

// A third launch reads what is between the layers.
// CHECK-LABEL: func.func @no_chunk_another_reader
// CHECK-NOT:   et.rows
func.func @no_chunk_another_reader(%x: memref<?x768xf16>, %w1: memref<3072x768xf16>, %w2: memref<768x3072xf16>,
                                   %y: memref<?x768xf16>, %z: memref<?x3072xf16>, %rows: index) {
  %h = memref.alloc(%rows) : memref<?x3072xf16>
  et.launch "up" ins(%x, %w1 : memref<?x768xf16>, memref<3072x768xf16>) outs(%h : memref<?x3072xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
    et.yield %l : tensor<?x3072xf16>
  }
  et.launch "down" ins(%h, %w2 : memref<?x3072xf16>, memref<768x3072xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x3072xf16>, %b: tensor<768x3072xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x3072xf16>, tensor<768x3072xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  et.launch "gelu" ins(%h : memref<?x3072xf16>) outs(%z : memref<?x3072xf16>) {
  ^bb0(%a: tensor<?x3072xf16>, %o: tensor<?x3072xf16>):
    %g = et.gelu %a : tensor<?x3072xf16>
    et.yield %g : tensor<?x3072xf16>
  }
  return
}

// -----

// What is between the layers is the caller's.
// CHECK-LABEL: func.func @no_chunk_visible_buffer
// CHECK-NOT:   et.rows
func.func @no_chunk_visible_buffer(%x: memref<?x768xf16>, %w1: memref<3072x768xf16>, %w2: memref<768x3072xf16>,
                                   %y: memref<?x768xf16>, %h: memref<?x3072xf16>) {
  et.launch "up" ins(%x, %w1 : memref<?x768xf16>, memref<3072x768xf16>) outs(%h : memref<?x3072xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
    et.yield %l : tensor<?x3072xf16>
  }
  et.launch "down" ins(%h, %w2 : memref<?x3072xf16>, memref<768x3072xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x3072xf16>, %b: tensor<768x3072xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x3072xf16>, tensor<768x3072xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}

// -----

// Another launch stands between the layers.
// CHECK-LABEL: func.func @no_chunk_not_neighbours
// CHECK-NOT:   et.rows
func.func @no_chunk_not_neighbours(%x: memref<?x768xf16>, %w1: memref<3072x768xf16>, %w2: memref<768x3072xf16>,
                                   %y: memref<?x768xf16>, %rows: index) {
  %h = memref.alloc(%rows) : memref<?x3072xf16>
  et.launch "up" ins(%x, %w1 : memref<?x768xf16>, memref<3072x768xf16>) outs(%h : memref<?x3072xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
    et.yield %l : tensor<?x3072xf16>
  }
  et.launch "gelu" ins(%x : memref<?x768xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %o: tensor<?x768xf16>):
    %g = et.gelu %a : tensor<?x768xf16>
    et.yield %g : tensor<?x768xf16>
  }
  et.launch "down" ins(%h, %w2 : memref<?x3072xf16>, memref<768x3072xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x3072xf16>, %b: tensor<768x3072xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x3072xf16>, tensor<768x3072xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}

// -----

// CHECK-LABEL: func.func @no_chunk_slice
// CHECK-NOT:   et.rows
// REMARK:      'up' runs on all rows at once: operand 0 of 'up' is a slice whose rows cannot be counted as one
func.func @no_chunk_slice(%x: memref<?x768xf16, strided<[1024, 1]>>, %w1: memref<3072x768xf16>, %w2: memref<768x3072xf16>,
                          %y: memref<?x768xf16>, %rows: index) {
  %h = memref.alloc(%rows) : memref<?x3072xf16>
  et.launch "up" ins(%x, %w1 : memref<?x768xf16, strided<[1024, 1]>>, memref<3072x768xf16>) outs(%h : memref<?x3072xf16>) {
  ^bb0(%a: tensor<?x768xf16>, %b: tensor<3072x768xf16>, %o: tensor<?x3072xf16>):
    %l = et.linear %a, %b : (tensor<?x768xf16>, tensor<3072x768xf16>) -> tensor<?x3072xf16>
    et.yield %l : tensor<?x3072xf16>
  }
  et.launch "down" ins(%h, %w2 : memref<?x3072xf16>, memref<768x3072xf16>) outs(%y : memref<?x768xf16>) {
  ^bb0(%a: tensor<?x3072xf16>, %b: tensor<768x3072xf16>, %o: tensor<?x768xf16>):
    %l = et.linear %a, %b : (tensor<?x3072xf16>, tensor<768x3072xf16>) -> tensor<?x768xf16>
    et.yield %l : tensor<?x768xf16>
  }
  return
}
