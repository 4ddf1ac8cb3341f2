// Post-norm (one result) and pre-norm (the sum goes on as the residual stream).
func.func @layer_norm(%x: tensor<?x?x384xf32>, %r: tensor<?x?x384xf32>, %g: tensor<384xf32>, %b: tensor<384xf32>)
    -> (tensor<?x?x384xf32>, tensor<?x?x384xf32>, tensor<?x?x384xf32>) {
  %post = et.layer_norm %x gamma(%g : tensor<384xf32>) beta(%b : tensor<384xf32>) residual(%r : tensor<?x?x384xf32>) {eps = 1.0e-12 : f32}
    : tensor<?x?x384xf32> -> tensor<?x?x384xf32>
  %pre, %sum = et.layer_norm %x gamma(%g : tensor<384xf32>) residual(%r : tensor<?x?x384xf32>) {eps = 1.0e-12 : f32}
    : tensor<?x?x384xf32> -> tensor<?x?x384xf32>, tensor<?x?x384xf32>
  return %post, %pre, %sum : tensor<?x?x384xf32>, tensor<?x?x384xf32>, tensor<?x?x384xf32>
}
