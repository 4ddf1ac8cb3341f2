// Boxes of 64 rows and 64 columns, swizzled as wgmma reads them.
func.func @tensor_map(%x: memref<?x768xf16>) -> !et.tensor_map {
  %map = et.tensor_map %x box [64, 64] swizzle 128 : memref<?x768xf16>
  return %map : !et.tensor_map
}
