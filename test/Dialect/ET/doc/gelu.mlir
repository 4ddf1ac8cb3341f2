func.func @gelu(%x: tensor<?x1536xf32>) -> (tensor<?x1536xf32>, tensor<?x1536xf32>) {
  %exact = et.gelu %x : tensor<?x1536xf32>
  %tanh = et.gelu %x {approximate = #et.gelu<tanh>} : tensor<?x1536xf32>
  return %exact, %tanh : tensor<?x1536xf32>, tensor<?x1536xf32>
}
