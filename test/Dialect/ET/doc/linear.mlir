// A dense layer, and one whose weight keeps only tiles of 16 x 16 elements that are not zero.
func.func @feed_forward(%x: tensor<?x?x384xf32>, %up: tensor<1536x384xf32>, %b: tensor<1536xf32>,
                        %down: tensor<384x1536xf32, #et.tile<16x16>>) -> tensor<?x?x384xf32> {
  %h = et.linear %x, %up bias(%b : tensor<1536xf32>) : (tensor<?x?x384xf32>, tensor<1536x384xf32>) -> tensor<?x?x1536xf32>
  %y = et.linear %h, %down : (tensor<?x?x1536xf32>, tensor<384x1536xf32, #et.tile<16x16>>) -> tensor<?x?x384xf32>
  return %y : tensor<?x?x384xf32>
}
