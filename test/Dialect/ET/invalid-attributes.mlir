// Malformed attributes and encodings.
// RUN: et-opt %s --split-input-file --verify-diagnostics

// -----

// mask_kind
// expected-error @+1 {{expected none, causal or window as the kind of mask, but got 'diagonal'}}
#a = #et.mask<diagonal>

// -----

// mask_empty
// expected-error @+1 {{expected valid keyword}}
#a = #et.mask<>

// -----

// mask_no_body
// expected-error @+1 {{expected '<'}}
#a = #et.mask

// -----

// mask_option
// expected-error @+1 {{expected lower_right, left, right or global, but got 'upper_left'}}
#a = #et.mask<causal, upper_left>

// -----

// mask_option_twice
// expected-error @+1 {{expected 'lower_right' once}}
#a = #et.mask<causal, lower_right, lower_right>

// -----

// mask_option_twice
// expected-error @+1 {{expected 'left' once}}
#a = #et.mask<window, left = 1, left = 2>

// -----

// mask_option_without_value
// expected-error @+1 {{expected '='}}
#a = #et.mask<window, left>

// -----

// mask_option_not_a_number
// expected-error @+1 {{expected integer value}}
#a = #et.mask<window, left = many>

// -----

// mask_option_overflow
// expected-error @+1 {{integer value too large}}
#a = #et.mask<window, left = 99999999999999999999999>

// -----

// mask_unterminated
// expected-error @+1 {{unbalanced '<' character in pretty dialect name}}
#a = #et.mask<window, left = 1

// -----

// mask_c1
// expected-error @+1 {{expected left and right of a mask to be at least -1, but got -2 and -1}}
#a = #et.mask<window, left = -2>

// -----

// mask_c1
// expected-error @+1 {{expected left and right of a mask to be at least -1, but got -1 and -7}}
#a = #et.mask<window, right = -7>

// -----

// mask_c1
// expected-error @+1 {{expected global of a mask not to be negative, but got -1}}
#a = #et.mask<window, global = -1>

// -----

// mask_c2
// expected-error @+1 {{expected left, right and global on a window mask only, but the mask is causal}}
#a = #et.mask<causal, left = 3>

// -----

// mask_c2
// expected-error @+1 {{expected left, right and global on a window mask only, but the mask is none}}
#a = #et.mask<none, global = 3>

// -----

// mask_c2
// expected-error @+1 {{expected lower_right on a causal mask only, but the mask is window}}
#a = #et.mask<window, lower_right>

// -----

// tile_syntax
// expected-error @+1 {{expected a tile of two sizes, as in <16x16>, but got 1}}
#a = #et.tile<16>

// -----

// tile_syntax
// expected-error @+1 {{expected a tile of two sizes, as in <16x16>, but got 3}}
#a = #et.tile<16x16x16>

// -----

// tile_syntax
// expected-error @+1 {{expected a tile of two sizes, as in <16x16>, but got 0}}
#a = #et.tile<>

// -----

// tile_dynamic
// expected-error @+1 {{expected static shape}}
#a = #et.tile<16x?>

// -----

// tile_c1
// expected-error @+1 {{expected tile sizes to be positive and to fit in 31 bits, but got 0x16}}
#a = #et.tile<0x16>

// -----

// tile_c1
// expected-error @+1 {{expected tile sizes to be positive and to fit in 31 bits, but got 16x0}}
#a = #et.tile<16x0>

// -----

// tile_c1
// expected-error @+1 {{expected tile sizes to be positive and to fit in 31 bits, but got 16x4294967296}}
#a = #et.tile<16x4294967296>

// -----

// tile_negative
// expected-error @+1 {{expected}}
#a = #et.tile<-1x16>

// -----

// panels_c1
// expected-error @+1 {{expected the width of panels to be positive and to fit in 31 bits, but got 0}}
#a = #et.panels<0>

// -----

// panels_c1
// expected-error @+1 {{expected the width of panels to be positive and to fit in 31 bits, but got 9223372036854775807}}
#a = #et.panels<9223372036854775807>

// -----

// sparse_panels_c1
// expected-error @+1 {{expected a positive width and a number of kept columns that is not negative, both of 31 bits, but got 0 and 1}}
#a = #et.sparse_panels<0, kept = 1>

// -----

// sparse_panels_c1
// expected-error @+1 {{but got 16 and -1}}
#a = #et.sparse_panels<16, kept = -1>

// -----

// sparse_panels_c1
// expected-error @+1 {{but got 16 and 9223372036854775807}}
#a = #et.sparse_panels<16, kept = 9223372036854775807>

// -----

// expected-error @+1 {{expected units of two sizes, as in <64x16, kept = 9>, but got 1}}
#a = #et.strips<64, kept = 1>

// -----

// expected-error @+1 {{expected 'kept'}}
#a = #et.strips<64x16, 1>

// -----

// strips_c1
// expected-error @+1 {{expected units of 64 or 16 rows and 64, 32 or 16 columns, but got 32x16}}
#a = #et.strips<32x16, kept = 1>

// -----

// strips_c1
// expected-error @+1 {{expected units of 64 or 16 rows and 64, 32 or 16 columns, but got 64x8}}
#a = #et.strips<64x8, kept = 1>

// -----

// strips_c1
// expected-error @+1 {{expected a number of kept units that is not negative and fits in 31 bits, but got -1}}
#a = #et.strips<64x16, kept = -1>

// -----

// padding_value
// expected-error @+2 {{expected ::mlir::et::PaddingSide to be one of: right, left}}
// expected-error @+1 {{failed to parse ET_PaddingSideAttr parameter 'value'}}
#a = #et.padding<middle>

// -----

// gelu_value
// expected-error @+2 {{expected ::mlir::et::GeluKind to be one of: erf, tanh, sigmoid}}
// expected-error @+1 {{failed to parse ET_GeluKindAttr parameter 'value'}}
#a = #et.gelu<relu>

// -----

// unknown
// expected-error @+1 {{unknown attribute}}
#a = #et.unknown<1>

// -----

// expected-error @+1 {{expected a tensor with the encoding #et.rows to be two-dimensional and static, but its shape is [16]}}
func.func private @rows_c1_rank(tensor<16xf32, #et.rows>)

// -----

// expected-error @+1 {{expected a tensor with the encoding #et.rows to be two-dimensional and static, but its shape is [?, 16]}}
func.func private @rows_c1_dynamic(tensor<?x16xf32, #et.rows>)

// -----

// expected-error @+1 {{expected float or integer elements with the encoding #et.rows, but got 'complex<f32>'}}
func.func private @rows_c2(tensor<16x16xcomplex<f32>, #et.rows>)

// -----

// expected-error @+1 {{expected a tensor with the encoding #et.columns to be two-dimensional and static, but its shape is [1, 2, 3]}}
func.func private @columns_c1_rank(tensor<1x2x3xf32, #et.columns>)

// -----

// expected-error @+1 {{expected a tensor with the encoding #et.columns to be two-dimensional and static, but its shape is [16, ?]}}
func.func private @columns_c1_dynamic(tensor<16x?xf32, #et.columns>)

// -----

// expected-error @+1 {{expected float or integer elements with the encoding #et.columns, but got 'complex<f32>'}}
func.func private @columns_c2(tensor<16x16xcomplex<f32>, #et.columns>)

// -----

// expected-error @+1 {{expected a tensor with the encoding #et.tile<4x4> to be two-dimensional and static, but its shape is [16]}}
func.func private @tile_c2_rank(tensor<16xf32, #et.tile<4x4>>)

// -----

// expected-error @+1 {{expected a tensor with the encoding #et.tile<4x4> to be two-dimensional and static, but its shape is [?, 16]}}
func.func private @tile_c2_dynamic(tensor<?x16xf32, #et.tile<4x4>>)

// -----

// expected-error @+1 {{to be two-dimensional and static, but its shape is []}}
func.func private @tile_c2_scalar(tensor<f32, #et.tile<4x4>>)

// -----

// expected-error @+1 {{expected float or integer elements with the encoding #et.tile<4x4>, but got 'index'}}
func.func private @tile_c3_element_type(tensor<16x16xindex, #et.tile<4x4>>)

// -----

// expected-error @+1 {{to be two-dimensional and static, but its shape is [16, 16, 16]}}
func.func private @panels_c2_rank(tensor<16x16x16xf32, #et.panels<8>>)

// -----

// expected-error @+1 {{to be two-dimensional and static, but its shape is [16]}}
func.func private @sparse_panels_c2_rank(tensor<16xf32, #et.sparse_panels<8, kept = 1>>)

// -----

// expected-error @+1 {{expected at most 9 kept columns, all that a tensor of shape [17, 3] has in panels of 8, but got 10}}
func.func private @sparse_panels_c3(tensor<17x3xf32, #et.sparse_panels<8, kept = 10>>)

// -----

// expected-error @+1 {{to be two-dimensional and static, but its shape is [?, 16]}}
func.func private @strips_c2_static(tensor<?x16xf16, #et.strips<64x16, kept = 1>>)

// -----

// expected-error @+1 {{expected f16 or bf16 elements with the encoding #et.strips<16x16, kept = 1>, but got 'f32'}}
func.func private @strips_c3_element_type(tensor<16x16xf32, #et.strips<16x16, kept = 1>>)

// -----

// expected-error @+1 {{expected at most 16 kept units, all that a tensor of shape [100, 120] has, but got 17}}
func.func private @strips_c4(tensor<100x120xf16, #et.strips<64x16, kept = 17>>)

// -----

// expected-error @below {{expected 'et.min_sizes' of argument 0 to be an array of i64, but got "7"}}
func.func private @min_sizes_type(%x: tensor<?x4xf32> {et.min_sizes = "7"})

// -----

// expected-error @below {{expected 'et.min_sizes' of argument 0 to be an array of i64, but got array<i32: 0, 7>}}
func.func private @min_sizes_element_type(%x: tensor<?x4xf32> {et.min_sizes = array<i32: 0, 7>})

// -----

// expected-error @below {{expected 'et.min_sizes' of argument 0 to have one size per dimension of 'tensor<?x4xf32>', but it has 1}}
func.func private @min_sizes_rank(%x: tensor<?x4xf32> {et.min_sizes = array<i64: 7>})

// -----

// expected-error @below {{expected 'et.min_sizes' of argument 0 to have one size per dimension of 'index', but it has 1}}
func.func private @min_sizes_of_size(%x: index {et.min_sizes = array<i64: 7>})

// -----

// expected-error @below {{expected 'et.min_sizes' of argument 0 not to be negative, but dimension 1 has -2}}
func.func private @min_sizes_negative(%x: tensor<?x?xf32> {et.min_sizes = array<i64: 3, -2>})

// -----

// expected-error @below {{expected 'et.min_sizes' of argument 0 to be met by its type, but dimension 1 of 'tensor<?x4xf32>' is smaller than 5}}
func.func private @min_sizes_static(%x: tensor<?x4xf32> {et.min_sizes = array<i64: 0, 5>})

// -----

// expected-error @below {{expected 'et.dim' on a size, but argument 0 has the type 'tensor<4xf32>'}}
func.func private @size_of_tensor(%x: tensor<4xf32> {et.dim = "n"})

// -----

// expected-error @below {{expected 'et.dim' of argument 0 to be a string, but got 4 : i64}}
func.func private @size_name(%x: index {et.dim = 4})

// -----

// expected-error @below {{expected 'et.min' of argument 0 to be an integer, but got "1"}}
func.func private @size_min(%x: index {et.min = "1"})

// -----

// expected-error @below {{expected 'et.max' of argument 0 to be an integer, but got 4.000000e+00 : f64}}
func.func private @size_max(%x: index {et.max = 4.0})

// -----

// expected-error @below {{expected 'et.multiple_of' of argument 0 to be positive, but got 0 : i64}}
func.func private @size_multiple(%x: index {et.multiple_of = 0})
