func.func private @printMemrefF32(tensor<*xf32>) attributes {llvm.emit_c_interface}

func.func @main() {
  // Two chunks: means 1.5 and 6, squared differences 0.5 and 8; together mean 3.75, variance 28.75 / 4 = 7.1875.
  // CHECK:      sizes = [1, 2, 2]
  // CHECK:      1.5,    0.5
  // CHECK:      6,    8
  // CHECK:      [0.373002]
  // CHECK:      [3.75]
  %x = arith.constant dense<[[1.0, 2.0, 4.0, 8.0]]> : tensor<1x4xf32>
  %c = et.chunk_stats %x : tensor<1x4xf32> -> tensor<1x2x2xf32>
  %scale, %mean = et.norm_stats %c {size = 2, eps = 0.0 : f32} : tensor<1x2x2xf32> -> tensor<1xf32>, tensor<1xf32>
  // Mean square 85 / 4.
  // CHECK:      [0.21693]
  %rms = et.norm_stats %c {size = 2, eps = 0.0 : f32} : tensor<1x2x2xf32> -> tensor<1xf32>
  %uc = tensor.cast %c : tensor<1x2x2xf32> to tensor<*xf32>
  call @printMemrefF32(%uc) : (tensor<*xf32>) -> ()
  %us = tensor.cast %scale : tensor<1xf32> to tensor<*xf32>
  call @printMemrefF32(%us) : (tensor<*xf32>) -> ()
  %um = tensor.cast %mean : tensor<1xf32> to tensor<*xf32>
  call @printMemrefF32(%um) : (tensor<*xf32>) -> ()
  %ur = tensor.cast %rms : tensor<1xf32> to tensor<*xf32>
  call @printMemrefF32(%ur) : (tensor<*xf32>) -> ()
  return
}
