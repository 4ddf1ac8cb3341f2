// Weights of two layers joined into one, packed in panels of four output features.
et.weight @query_key : tensor<4x2xf32, #et.panels<4>> at 64 from [dense<1.0> : tensor<2x2xf32>, dense<2.0> : tensor<2x2xf32>]
func.func @use(%x: tensor<?x2xf32>) -> tensor<?x4xf32> {
  %w = et.weight_ref @query_key : tensor<4x2xf32, #et.panels<4>>
  %y = et.linear %x, %w : (tensor<?x2xf32>, tensor<4x2xf32, #et.panels<4>>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
