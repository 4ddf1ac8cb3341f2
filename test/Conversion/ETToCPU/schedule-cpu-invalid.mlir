// RUN: et-opt %s --et-schedule-cpu --verify-diagnostics

func.func @weight_is_no_constant(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{expected the weight of its linear layer to be an et.weight_ref; run --et-outline-weights and --et-decompose-for-cpu first}}
  %y = et.launch "linear" ins(%x, %w : tensor<?x4xf32>, tensor<8x4xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<8x4xf32>, %o: tensor<?x8xf32>):
    %l = et.linear %a, %b : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
    et.yield %l : tensor<?x8xf32>
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
