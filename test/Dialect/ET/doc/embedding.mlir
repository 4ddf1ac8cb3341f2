func.func @words(%ids: tensor<?x?xi64>, %table: tensor<30522x384xf32>) -> tensor<?x?x384xf32> {
  %x = et.embedding %ids, %table : (tensor<?x?xi64>, tensor<30522x384xf32>) -> tensor<?x?x384xf32>
  return %x : tensor<?x?x384xf32>
}
