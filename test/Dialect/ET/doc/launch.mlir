// One kernel computes a linear layer and its activation; nothing in between reaches memory.
func.func @launch(%x: tensor<?x384xf32>, %w: tensor<1536x384xf32>, %out: tensor<?x1536xf32>) -> tensor<?x1536xf32> {
  %y = et.launch "linear+gelu" ins(%x, %w : tensor<?x384xf32>, tensor<1536x384xf32>) outs(%out : tensor<?x1536xf32>) {
  ^bb0(%xi: tensor<?x384xf32>, %wi: tensor<1536x384xf32>, %oi: tensor<?x1536xf32>):
    %h = et.linear %xi, %wi : (tensor<?x384xf32>, tensor<1536x384xf32>) -> tensor<?x1536xf32>
    %a = et.gelu %h : tensor<?x1536xf32>
    et.yield %a : tensor<?x1536xf32>
  } -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}
