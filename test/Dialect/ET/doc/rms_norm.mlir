func.func @rms_norm(%x: tensor<?x?x384xbf16>, %r: tensor<?x?x384xbf16>, %g: tensor<384xbf16>) -> (tensor<?x?x384xbf16>, tensor<?x?x384xbf16>) {
  %y, %sum = et.rms_norm %x gamma(%g : tensor<384xbf16>) residual(%r : tensor<?x?x384xbf16>) {eps = 1.0e-6 : f32}
    : tensor<?x?x384xbf16> -> tensor<?x?x384xbf16>, tensor<?x?x384xbf16>
  return %y, %sum : tensor<?x?x384xbf16>, tensor<?x?x384xbf16>
}
