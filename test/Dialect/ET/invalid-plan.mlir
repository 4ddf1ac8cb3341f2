// Every verifier message of the ops of the planned level; its label is in the name of the function.
// RUN: et-opt %s --split-input-file --verify-diagnostics

func.func @launch_c1_argument_count(%x: tensor<?x4xf32>, %o: tensor<?x4xf32>) {
  // expected-error @+1 {{expected one region argument per input and output, 2, but got 1}}
  %y = et.launch "k" ins(%x : tensor<?x4xf32>) outs(%o : tensor<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>):
    et.yield %a : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  return
}

// -----

func.func @launch_c1_argument_shape(%x: tensor<?x4xf32>, %o: tensor<?x4xf32>) {
  // expected-error @+1 {{expected region argument 0 to be a tensor of the shape and element type of its operand, 'tensor<?x4xf32>', but got 'tensor<?x5xf32>'}}
  %y = et.launch "k" ins(%x : tensor<?x4xf32>) outs(%o : tensor<?x4xf32>) {
  ^bb0(%a: tensor<?x5xf32>, %b: tensor<?x4xf32>):
    et.yield %b : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  return
}

// -----

func.func @launch_c1_argument_of_scalar(%x: index, %o: tensor<?x4xf32>) {
  // expected-error @+1 {{expected region argument 0 to be a tensor of the shape and element type of its operand, 'index', but got 'tensor<4xf32>'}}
  %y = et.launch "k" ins(%x : index) outs(%o : tensor<?x4xf32>) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<?x4xf32>):
    et.yield %b : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  return
}

// -----

func.func @launch_c2_yield_count(%o: tensor<?x4xf32>) {
  // expected-error @+1 {{expected the region to yield one value per output, 1, but it yields 0}}
  %y = et.launch "k" ins() outs(%o : tensor<?x4xf32>) {
  ^bb0(%b: tensor<?x4xf32>):
    et.yield
  } -> tensor<?x4xf32>
  return
}

// -----

func.func @launch_c2_yield_type(%o: tensor<?x4xf32>) {
  // expected-error @+1 {{expected the region to yield 'tensor<?x4xf32>' for output 0, but it yields 'tensor<2x4xf32>'}}
  %y = et.launch "k" ins() outs(%o : tensor<?x4xf32>) {
  ^bb0(%b: tensor<?x4xf32>):
    %c = arith.constant dense<0.0> : tensor<2x4xf32>
    et.yield %c : tensor<2x4xf32>
  } -> tensor<?x4xf32>
  return
}

// -----

func.func @launch_c3_mixed_outputs(%o: tensor<?x4xf32>, %m: memref<?x4xf32>) {
  // expected-error @+1 {{expected outputs to be all tensors or all memrefs}}
  et.launch "k" ins() outs(%o, %m : tensor<?x4xf32>, memref<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>):
    et.yield %a, %b : tensor<?x4xf32>, tensor<?x4xf32>
  }
  return
}

// -----

func.func @launch_c3_no_result(%o: tensor<?x4xf32>) {
  // expected-error @+1 {{expected one result per output tensor, of its type, and none for memrefs}}
  et.launch "k" ins() outs(%o : tensor<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>):
    et.yield %a : tensor<?x4xf32>
  }
  return
}

// -----

func.func @launch_c3_result_of_memref(%m: memref<?x4xf32>) {
  // expected-error @+1 {{expected one result per output tensor, of its type, and none for memrefs}}
  %y = et.launch "k" ins() outs(%m : memref<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>):
    et.yield %a : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  return
}

// -----

func.func @launch_other_terminator(%o: tensor<?x4xf32>) {
  // expected-note @+2 {{in custom textual format, the absence of terminator implies 'et.yield'}}
  // expected-error @+1 {{'et.launch' op expects regions to end with 'et.yield', found 'llvm.unreachable'}}
  %y = "et.launch"(%o) <{kernel = "k", operandSegmentSizes = array<i32: 0, 1>}> ({
  ^bb0(%a: tensor<?x4xf32>):
    llvm.unreachable
  }) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @launch_empty_block(%o: tensor<?x4xf32>) {
  // expected-error @+1 {{expects a non-empty block}}
  %y = "et.launch"(%o) <{kernel = "k", operandSegmentSizes = array<i32: 0, 1>}> ({
  ^bb0(%a: tensor<?x4xf32>):
  }) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @launch_reads_outside(%x: tensor<?x4xf32>, %o: tensor<?x4xf32>) {
  // expected-note @+1 {{required by region isolation constraints}}
  %y = et.launch "k" ins() outs(%o : tensor<?x4xf32>) {
  ^bb0(%b: tensor<?x4xf32>):
    // expected-error @+1 {{using value defined outside the region}}
    et.yield %x : tensor<?x4xf32>
  } -> tensor<?x4xf32>
  return
}

// -----

// expected-error @+1 {{expected offset to be a multiple of 64 and not negative, but got 32}}
et.weight @weight_c1_misaligned : tensor<2xf32> at 32 from [dense<1.0> : tensor<2xf32>]

// -----

// expected-error @+1 {{expected offset to be a multiple of 64 and not negative, but got -64}}
et.weight @weight_c1_negative : tensor<2xf32> at -64 from [dense<1.0> : tensor<2xf32>]

// -----

// expected-error @+1 {{expected every source to hold elements that join to 'tensor<2x3xf32>'}}
et.weight @weight_c2_other_columns : tensor<2x3xf32> from [dense<1.0> : tensor<2x4xf32>]

// -----

// expected-error @+1 {{expected every source to hold elements that join to 'tensor<2xf32>'}}
et.weight @weight_c2_other_elements : tensor<2xf32> from [dense<1.0> : tensor<2xf16>]

// -----

// expected-error @+1 {{expected every source to hold elements that join to 'tensor<2xf32>'}}
et.weight @weight_c2_no_elements : tensor<2xf32> from ["text"]

// -----

// expected-error @+1 {{expected the first dimensions of the sources to add up to that of 'tensor<3xf32>', but they add up to 4}}
et.weight @weight_c2_rows : tensor<3xf32> from [dense<1.0> : tensor<2xf32>, dense<1.0> : tensor<2xf32>]

// -----

// expected-error @+1 {{expected the first dimensions of the sources to add up to that of 'tensor<?xf32>', but they add up to 2}}
et.weight @weight_c2_dynamic : tensor<?xf32> from [dense<1.0> : tensor<2xf32>]

// -----

func.func @weight_ref_c1_no_weight() {
  // expected-error @+1 {{expected @weight_ref_c1_no_weight to name an et.weight}}
  %w = et.weight_ref @weight_ref_c1_no_weight : tensor<2xf32>
  return
}

// -----

et.weight @w : tensor<4x2xf32, #et.panels<4>> from [dense<1.0> : tensor<4x2xf32>]
func.func @weight_ref_c2_other_type() {
  // expected-error @+1 {{expected a result of type 'tensor<4x2xf32, #et.panels<4>>' or 'memref<1x2x4xf32>', but got 'tensor<4x2xf32>'}}
  %w = et.weight_ref @w : tensor<4x2xf32>
  return
}

// -----

func.func @tensor_map_c1_rank(%x: memref<1x1x1x1x1x8xf16>) {
  // expected-error @+1 {{expected a view of one to five dimensions with elements of f16, bf16 or f32, but got 'memref<1x1x1x1x1x8xf16>'}}
  %map = et.tensor_map %x box [1, 1, 1, 1, 1, 8] : memref<1x1x1x1x1x8xf16>
  return
}

// -----

func.func @tensor_map_c1_element(%x: memref<8x8xi32>) {
  // expected-error @+1 {{expected a view of one to five dimensions with elements of f16, bf16 or f32, but got 'memref<8x8xi32>'}}
  %map = et.tensor_map %x box [8, 8] : memref<8x8xi32>
  return
}

// -----

func.func @tensor_map_c2_gaps(%x: memref<8x8xf16, strided<[16, 2]>>) {
  // expected-error @+1 {{expected the innermost dimension of the view to have no gaps}}
  %map = et.tensor_map %x box [8, 8] : memref<8x8xf16, strided<[16, 2]>>
  return
}

// -----

func.func @tensor_map_c2_stride(%x: memref<8x12xf16>) {
  // expected-error @+1 {{expected strides that are multiples of 16 bytes, but one is 24}}
  %map = et.tensor_map %x box [8, 8] : memref<8x12xf16>
  return
}

// -----

func.func @tensor_map_c3_rank(%x: memref<8x8xf16>) {
  // expected-error @+1 {{expected one size of the box per dimension of the view, 2, but got 1}}
  %map = et.tensor_map %x box [8] : memref<8x8xf16>
  return
}

// -----

func.func @tensor_map_c3_size(%x: memref<?x8xf16>) {
  // expected-error @+1 {{expected sizes of the box to be from 1 to 256, but got 257}}
  %map = et.tensor_map %x box [257, 8] : memref<?x8xf16>
  return
}

// -----

func.func @tensor_map_c3_row(%x: memref<?x8xf16>) {
  // expected-error @+1 {{expected the innermost size of the box to be a multiple of 16 bytes, but it is 8}}
  %map = et.tensor_map %x box [8, 4] : memref<?x8xf16>
  return
}

// -----

func.func @tensor_map_c4_kind(%x: memref<?x8xf16>) {
  // expected-error @+1 {{expected swizzle to be 0, 32, 64 or 128, but got 16}}
  %map = et.tensor_map %x box [8, 8] swizzle 16 : memref<?x8xf16>
  return
}

// -----

func.func @tensor_map_c4_row(%x: memref<?x64xf16>) {
  // expected-error @+1 {{expected the innermost size of the box to be at most the 64 bytes of the swizzle, but it is 128}}
  %map = et.tensor_map %x box [8, 64] swizzle 64 : memref<?x64xf16>
  return
}

// -----

func.func @work_c1_bytes() {
  %bytes = arith.constant -1 : index
  // expected-error @+1 {{expected bytes not to be negative, but got -1}}
  et.work bytes %bytes
  return
}

// -----

func.func @work_c1_flops(%bytes: index) {
  %flops = arith.constant -2 : index
  // expected-error @+1 {{expected flops not to be negative, but got -2}}
  et.work bytes %bytes flops %flops tensor
  return
}

// -----

func.func @prefetch_c1_none(%rows: index) {
  // expected-error @+1 {{expected a view to prefetch, but got none}}
  "et.prefetch"(%rows) {most = 1 : i64} : (index) -> ()
  return
}

// -----

func.func @prefetch_c1_elements(%x: memref<64xf16>, %rows: index) {
  // expected-error @+1 {{expected view 0 to be a row of bytes, a static multiple of 16 of them, but got 'memref<64xf16>'}}
  et.prefetch %x rows %rows most 1 : memref<64xf16>
  return
}

// -----

func.func @prefetch_c1_multiple(%x: memref<64xi8>, %y: memref<72xi8>, %rows: index) {
  // expected-error @+1 {{expected view 1 to be a row of bytes, a static multiple of 16 of them, but got 'memref<72xi8>'}}
  et.prefetch %x, %y rows %rows most 1 : memref<64xi8>, memref<72xi8>
  return
}

// -----

func.func @prefetch_c1_dynamic(%x: memref<?xi8>, %rows: index) {
  // expected-error @+1 {{expected view 0 to be a row of bytes, a static multiple of 16 of them, but got 'memref<?xi8>'}}
  et.prefetch %x rows %rows most 1 : memref<?xi8>
  return
}

// -----

func.func @prefetch_c1_gaps(%x: memref<64xi8, strided<[2]>>, %rows: index) {
  // expected-error @+1 {{expected view 0 to be a row of bytes, a static multiple of 16 of them, but got 'memref<64xi8, strided<[2]>>'}}
  et.prefetch %x rows %rows most 1 : memref<64xi8, strided<[2]>>
  return
}

// -----

func.func @prefetch_c2_most(%x: memref<64xi8>, %rows: index) {
  // expected-error @+1 {{expected a positive number of rows at most, but got 0}}
  et.prefetch %x rows %rows most 0 : memref<64xi8>
  return
}
