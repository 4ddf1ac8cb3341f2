// Every element type goes in and comes out as it is; bf16, which numpy lacks, as f32.

// RUN: rm -rf %t && mkdir %t
// RUN: %python %S/Inputs/element_types.py %t write
// RUN: et-run %s --input f16=%t/f2.npy --input f32=%t/f4.npy --input f64=%t/f8.npy --input bool=%t/b1.npy --input i8=%t/i1.npy --input i16=%t/i2.npy --input i32=%t/i4.npy --input i64=%t/i8.npy --input bf16=%t/f4.npy -o %t/o0.npy -o %t/o1.npy -o %t/o2.npy -o %t/o3.npy -o %t/o4.npy -o %t/o5.npy -o %t/o6.npy -o %t/o7.npy -o %t/o8.npy
// RUN: %python %S/Inputs/element_types.py %t check

func.func @identity(%a: tensor<3xf16> {et.name = "f16"}, %b: tensor<3xf32> {et.name = "f32"}, %c: tensor<3xf64> {et.name = "f64"}, %d: tensor<3xi1> {et.name = "bool"}, %e: tensor<3xi8> {et.name = "i8"},
    %f: tensor<3xi16> {et.name = "i16"}, %g: tensor<3xi32> {et.name = "i32"}, %h: tensor<3xi64> {et.name = "i64"}, %i: tensor<3xbf16> {et.name = "bf16"})
    -> (tensor<3xf16>, tensor<3xf32>, tensor<3xf64>, tensor<3xi1>, tensor<3xi8>, tensor<3xi16>, tensor<3xi32>, tensor<3xi64>, tensor<3xbf16>) {
  return %a, %b, %c, %d, %e, %f, %g, %h, %i : tensor<3xf16>, tensor<3xf32>, tensor<3xf64>, tensor<3xi1>, tensor<3xi8>, tensor<3xi16>, tensor<3xi32>, tensor<3xi64>, tensor<3xbf16>
}
