// Weights by name from a safetensors file, which is checked before it is believed.

// RUN: rm -rf %t && mkdir %t && %python %S/Inputs/tensors.py %t
// RUN: et-run %s --weights %t/good.safetensors | FileCheck %s --check-prefix=GOOD
// RUN: et-compile %s --weights %t/good.safetensors --emit=bytecode -o %t/model.mlirbc
// RUN: et-run %t/model.mlirbc | FileCheck %s --check-prefix=GOOD
// RUN: not et-run %s --weights %t/lacking.safetensors 2>&1 | FileCheck %s --check-prefix=LACKING
// RUN: not et-run %s --weights %t/dtype.safetensors 2>&1 | FileCheck %s --check-prefix=DTYPE
// RUN: not et-run %s --weights %t/shape.safetensors 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not et-run %s --weights %t/truncated.safetensors 2>&1 | FileCheck %s --check-prefix=TRUNCATED
// RUN: not et-run %s --weights %t/overlap.safetensors 2>&1 | FileCheck %s --check-prefix=OVERLAP
// RUN: not et-run %s --weights %t/gap.safetensors 2>&1 | FileCheck %s --check-prefix=GAP
// RUN: not et-run %s --weights %t/size.safetensors 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not et-run %s --weights %t/unknown.safetensors 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not et-run %s --weights %t/fields.safetensors 2>&1 | FileCheck %s --check-prefix=FIELDS
// RUN: not et-run %s --weights %t/negative.safetensors 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not et-run %s --weights %t/tail.safetensors 2>&1 | FileCheck %s --check-prefix=TAIL
// RUN: not et-run %s --weights %t/json.safetensors 2>&1 | FileCheck %s --check-prefix=JSON
// RUN: not et-run %s --weights %t/long.safetensors 2>&1 | FileCheck %s --check-prefix=HEADER
// RUN: not et-run %s --weights %t/empty.safetensors 2>&1 | FileCheck %s --check-prefix=EMPTY

// GOOD:      output 'output0' [3] f32: min 1, max 3, mean 2
// LACKING:   cannot take weights from '{{.*}}': the module needs tensor 'w', which the file lacks
// DTYPE:     expected tensor 'w' to be F32 [3], but got F16 [3]
// SHAPE:     expected tensor 'w' to be F32 [3], but got F32 [3, 1]
// TRUNCATED: tensor 'w' expects data at [8, 20), but the file has 19 bytes of data; it is truncated or damaged
// OVERLAP:   tensor 'w' overlaps with another
// GAP:       tensor 'w' follows a gap of 4 bytes that belong to no tensor
// SIZE:      tensor 'w' has 8 bytes of data, but its dtype and shape need 12
// UNKNOWN:   tensor 'w' has the unknown dtype 'F33'
// FIELDS:    tensor 'w' lacks dtype, shape or two data_offsets
// NEGATIVE:  tensor 'w' has a size that is not a number, or negative
// TAIL:      the last 1 bytes belong to no tensor
// JSON:      its header is not JSON
// HEADER:    expected a header of {{[0-9]+}} bytes, but the file has
// EMPTY:     the file is too short to be a safetensors file

func.func @forward() -> tensor<3xf32> {
  %w = arith.constant dense_resource<w> : tensor<3xf32>
  return %w : tensor<3xf32>
}
