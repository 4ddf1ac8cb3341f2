// A layer norm, and an RMS norm, that are applied to the sums of the layer behind them: row by row, sums are shifted and
// scaled. Whoever computes %x has 32 neighbours of a row at a time.
func.func @norm_stats(%x: tensor<?x?x384xf16>) -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
  %chunks = et.chunk_stats %x : tensor<?x?x384xf16> -> tensor<?x?x12x2xf32>
  %scale, %mean = et.norm_stats %chunks {size = 32, eps = 1.0e-12 : f32} : tensor<?x?x12x2xf32> -> tensor<?x?xf32>, tensor<?x?xf32>
  %rms = et.norm_stats %chunks {size = 32, eps = 1.0e-6 : f32} : tensor<?x?x12x2xf32> -> tensor<?x?xf32>
  return %scale, %mean, %rms : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>
}
