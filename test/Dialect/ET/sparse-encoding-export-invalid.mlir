// RUN: et-opt %s --et-export-sparse-encoding --split-input-file --verify-diagnostics

// expected-error @+1 {{sparse_tensor has no form for this encoding}}
func.func private @no_export_panels(tensor<32x32xf32, #et.panels<8>>)

// -----

func.func @no_export_reshaped(%w: tensor<32x32xf32, #et.tile<8x8>>) -> tensor<1024xf32> {
  // expected-error @+1 {{expected only et.linear, constants, conversions, calls and returns to touch an encoded weight}}
  %r = tensor.collapse_shape %w [[0, 1]] : tensor<32x32xf32, #et.tile<8x8>> into tensor<1024xf32>
  return %r : tensor<1024xf32>
}
