// RUN: et-opt %s --pass-pipeline='builtin.module(func.func(et-form-launches))' --split-input-file --verify-diagnostics

// expected-error @below {{expected a function of one block; control flow cannot be planned}}
func.func @control_flow(%c: i1, %x: tensor<4xf32>) -> tensor<4xf32> {
  cf.cond_br %c, ^a, ^b
^a:
  return %x : tensor<4xf32>
^b:
  %y = et.gelu %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @structured_control_flow(%c: i1, %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{yields a tensor but is not an op that can be launched; expected et, linalg or a view}}
  %r = scf.if %c -> tensor<4xf32> {
    scf.yield %x : tensor<4xf32>
  } else {
    %y = et.gelu %x : tensor<4xf32>
    scf.yield %y : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

func.func private @other(tensor<4xf32>) -> tensor<4xf32>
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{yields a tensor but is not an op that can be launched}}
  %r = func.call @other(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

func.func @arith_on_tensors(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{yields a tensor but is not an op that can be launched}}
  %r = arith.addf %x, %x : tensor<4xf32>
  return %r : tensor<4xf32>
}
