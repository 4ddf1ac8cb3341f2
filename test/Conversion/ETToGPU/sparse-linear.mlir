// A pruned weight from tensors to kernels.
// RUN: et-opt %s --et-plan-gpu --remarks-filter='et-(encode-sparsity|schedule-gpu)' 2>%t.remarks | FileCheck %s --check-prefix=PLAN
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// RUN: et-opt %s --et-plan-gpu=chip=sm_80 | FileCheck %s --check-prefix=SM80
// RUN: et-opt %s --et-to-gpu | FileCheck %s --check-prefix=WORK
// RUN: et-compile %s --target=cuda:sm_90a --emit=ptx -o - | FileCheck %s --check-prefix=PTX

// One of four strips of 64 outputs is left, 256 slabs of 2048 bytes behind 768 bytes of lists, and of the other weight one
// of two. Without wgmma there are only squares, and a quarter of them takes as long as all: the rows that are left are a
// smaller dense layer then, and its outputs are put in their places.
//
// PLAN:       et.weight @{{.*}}.strips : tensor<1024x1024xf16, #et.strips<64x64, kept = 256>>
// PLAN:       et.weight @{{.*}}.strips : tensor<1024x1024xf16, #et.strips<64x64, kept = 512>>
// PLAN-LABEL: func.func @layers
// PLAN:       et.launch {{.*}}{exclusive, from = 0 : i64, kind = "sparse"{{.*}}kind = "sparse", persistent{{.*}}ins(%{{.*}}, %{{.*}} : memref<?x1024xf16>, memref<525056xi8>)
// PLAN:       et.linear {{.*}} tensor<1024x1024xf16, #et.tile<64x64>>
// REMARK:     WeightEncoded{{.*}}keeps 64 of 256 tiles of 64x64 (25.0 %)
// REMARK:     Schedule{{.*}}linear of 1024 outputs and 1024 inputs, f16: sparse {{.*}} from the cost model
// SM80-NOT:   strips
// SM80:       et.weight @first.rows.kept : tensor<256x1024xf16>
// SM80:       et.launch "linear" {{.*}} outs(%{{.*}} : memref<?x256xf16>)
// SM80:       et.launch "elementwise" {{.*}} outs(%{{.*}} : memref<?x1024xf16>)
// PTX-DAG:    cp.async.bulk.shared::cta.global
// PTX-DAG:    wgmma.mma_async
#zero = dense<0.0> : tensor<192x1024xf16>
#one = dense<1.0> : tensor<64x1024xf16>
#two = dense<0.0> : tensor<64x1024xf16>
et.weight @first : tensor<1024x1024xf16> from [#one, #zero, #one, #zero, #one, #zero, #one, #zero]
et.weight @second : tensor<1024x1024xf16> from [#one, #two, #one, #two, #one, #two, #one, #two, #one, #two, #one, #two, #one, #two, #one, #two]

// Operations are those of kept slabs: 2 times 256 times 64 x 16 for each row.
//
// WORK:       %[[KEPT:.*]] = arith.constant 524288 : index
// WORK:       %[[FLOPS:.*]] = arith.muli %{{.*}}, %[[KEPT]] : index
// WORK:       et.work bytes %{{.*}} flops %[[FLOPS]] tensor
func.func @layers(%x: tensor<?x1024xf16>, %u: tensor<?x1024xf16>) -> (tensor<?x1024xf16>, tensor<?x1024xf16>) {
  %w = et.weight_ref @first : tensor<1024x1024xf16>
  %v = et.weight_ref @second : tensor<1024x1024xf16>
  %y = et.linear %x, %w : (tensor<?x1024xf16>, tensor<1024x1024xf16>) -> tensor<?x1024xf16>
  %z = et.linear %u, %v : (tensor<?x1024xf16>, tensor<1024x1024xf16>) -> tensor<?x1024xf16>
  return %y, %z : tensor<?x1024xf16>, tensor<?x1024xf16>
}
