// A layer norm that is applied to the sums of the layer behind it: row by row, sums are shifted and scaled.
func.func @norm_stats(%x: tensor<?x?x384xf16>) -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
  %scale, %mean = et.norm_stats %x {eps = 1.0e-12 : f32} : tensor<?x?x384xf16> -> tensor<?x?xf32>, tensor<?x?xf32>
  %rms = et.norm_stats %x {eps = 1.0e-6 : f32} : tensor<?x?x384xf16> -> tensor<?x?xf32>
  return %scale, %mean, %rms : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>
}
