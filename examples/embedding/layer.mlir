// The feed-forward part of a layer: gelu(x W1' + b1) W2'.
func.func @layer(%x: tensor<?x4xf32> {et.dims = ["rows", ""]}) -> tensor<?x3xf32> {
  %w1 = arith.constant dense<[[0.5, -0.25, 0.125, 1.0], [-1.0, 0.5, 0.25, -0.125], [0.25, 0.25, -0.5, 0.75], [0.0, 1.0, -1.0, 0.5], [0.125, -0.5, 0.5, 0.25]]> : tensor<5x4xf32>
  %b1 = arith.constant dense<[0.1, -0.2, 0.3, -0.4, 0.5]> : tensor<5xf32>
  %w2 = arith.constant dense<[[1.0, -0.5, 0.25, 0.0, 0.5], [0.5, 0.5, -1.0, 0.25, 0.0], [-0.25, 1.0, 0.5, -0.5, 0.125]]> : tensor<3x5xf32>
  %0 = et.linear %x, %w1 bias(%b1 : tensor<5xf32>) : (tensor<?x4xf32>, tensor<5x4xf32>) -> tensor<?x5xf32>
  %1 = et.gelu %0 : tensor<?x5xf32>
  %2 = et.linear %1, %w2 : (tensor<?x5xf32>, tensor<3x5xf32>) -> tensor<?x3xf32>
  return %2 : tensor<?x3xf32>
}
