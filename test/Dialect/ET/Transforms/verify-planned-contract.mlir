// RUN: et-opt %s --et-verify-planned-contract --split-input-file --verify-diagnostics

// What a planned function may hold.
et.weight @w : tensor<4xf32> at 0 from [dense<1.0> : tensor<4xf32>]
func.func @allowed(%x: memref<?x4xf32>, %y: memref<?xi8>) {
  %c0 = arith.constant 0 : index
  %d = memref.dim %x, %c0 : memref<?x4xf32>
  %v = memref.view %y[%c0][%d] : memref<?xi8> to memref<?x4xf32>
  %s = memref.subview %v[0, 0] [%d, 4] [1, 1] : memref<?x4xf32> to memref<?x4xf32, strided<[4, 1]>>
  et.launch "gelu" ins(%x : memref<?x4xf32>) outs(%v : memref<?x4xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %o: tensor<?x4xf32>):
    %g = et.gelu %a : tensor<?x4xf32>
    et.yield %g : tensor<?x4xf32>
  }
  return
}

// -----

func.func @launch_on_tensors(%x: tensor<4xf32>) {
  // expected-error @below {{is not allowed in a planned module: it is a launch on tensors, which et-bufferize-launches gives buffers}}
  %y = et.launch "gelu" ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %o: tensor<4xf32>):
    %g = et.gelu %a : tensor<4xf32>
    et.yield %g : tensor<4xf32>
  } -> tensor<4xf32>
  return
}

// -----

func.func @op_on_tensors(%x: tensor<4xf32>) {
  // expected-error @below {{it is an op on tensors, which et-bufferize-launches gives buffers}}
  %y = et.gelu %x : tensor<4xf32>
  return
}

// -----

func.func @allocation() {
  // expected-error @below {{it is an allocation, which et-plan-memory places in the arena}}
  %a = memref.alloc() : memref<4xf32>
  return
}

// -----

func.func @copy(%a: memref<4xf32>, %b: memref<4xf32>) {
  // expected-error @below {{it is a copy outside a launch, which et-plan-memory puts into one}}
  memref.copy %a, %b : memref<4xf32> to memref<4xf32>
  return
}

// -----

func.func @control_flow(%c: i1) {
  // expected-error @below {{it is neither a launch, a view nor index arithmetic}}
  scf.if %c {
  }
  return
}

// -----

func.func private @g()
func.func @call() {
  // expected-error @below {{it is neither a launch, a view nor index arithmetic}}
  func.call @g() : () -> ()
  return
}
