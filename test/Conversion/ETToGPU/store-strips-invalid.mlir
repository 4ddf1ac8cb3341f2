// RUN: et-opt %s --et-store-strips --verify-diagnostics

func.func @argument(%x: tensor<?x128xf16>, %w: tensor<64x128xf16, #et.tile<64x64>>, %y: tensor<?x64xf16>) -> tensor<?x64xf16> {
  // expected-error @+1 {{expected the weight of its linear layer to be an et.weight_ref; run --et-outline-weights first}}
  %0 = et.launch "linear" ins(%x, %w : tensor<?x128xf16>, tensor<64x128xf16, #et.tile<64x64>>) outs(%y : tensor<?x64xf16>) {
  ^bb0(%a: tensor<?x128xf16>, %b: tensor<64x128xf16, #et.tile<64x64>>, %o: tensor<?x64xf16>):
    %l = et.linear %a, %b : (tensor<?x128xf16>, tensor<64x128xf16, #et.tile<64x64>>) -> tensor<?x64xf16>
    et.yield %l : tensor<?x64xf16>
  } -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}
