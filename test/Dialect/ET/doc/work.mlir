// A product of 128 rows, 768 inputs and 3072 outputs, all f16.
func.func @work(%bytes: index) {
  %flops = arith.constant 603979776 : index
  et.work bytes %bytes flops %flops tensor
  et.work bytes %bytes
  return
}
