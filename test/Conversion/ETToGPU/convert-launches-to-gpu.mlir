// RUN: et-opt %s --et-plan-gpu --et-convert-launches-to-gpu --canonicalize --cse --split-input-file | FileCheck %s --check-prefixes=CHECK,SM90
// RUN: et-opt %s --et-plan-gpu=chip=sm_80 --et-convert-launches-to-gpu --canonicalize --cse --split-input-file | FileCheck %s --check-prefixes=CHECK,SM80

// One thread per 16 bytes: 48 of them in a row of 384 f16.
// CHECK-LABEL: func.func @gelu(
// CHECK-SAME:  %[[X:[^:]*]]: memref<?x?x384xf16>
// CHECK-SAME:  et.checks = []
// CHECK:       %[[B:.*]] = memref.dim %[[X]], %c0
// CHECK:       %[[S:.*]] = memref.dim %[[X]], %c1
// CHECK:       %[[Y:.*]] = memref.view
// CHECK:       %[[ROWS:.*]] = arith.muli %[[B]], %[[S]]
// CHECK:       %[[THREADS:.*]] = arith.muli %[[ROWS]], %c48
// CHECK:       %[[BLOCKS:.*]] = arith.ceildivui %[[THREADS]], %c256
// CHECK:       gpu.launch_func @kernels::@gelu_0 blocks in (%[[BLOCKS]], %c1, %c1) threads in (%c256, %c1, %c1)
// CHECK-SAME:  args(%[[X]] : memref<?x?x384xf16>, %[[Y]] : memref<?x?x384xf16>
// CHECK-NOT:   et.programmatic
// CHECK:       gpu.module @kernels
// CHECK:       llvm.func @gelu_0(%{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>, %{{.*}}: i32
// CHECK-SAME:  gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 256, 1, 1>
// SM90:        nvvm.griddepcontrol wait
// SM80-NOT:    nvvm.griddepcontrol
// CHECK:       llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xf16>
// CHECK-NOT:   math.erf
// CHECK:       llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xf16>, !llvm.ptr<1>
func.func @gelu(%x: tensor<?x?x384xf16>) -> tensor<?x?x384xf16> {
  %y = et.gelu %x : tensor<?x?x384xf16>
  return %y : tensor<?x?x384xf16>
}

// -----

// Equal launches share a kernel; a launch behind another may start early where the architecture has that.
// CHECK-LABEL: func.func @norms(
// CHECK-SAME:  et.checks = ["expected every index of input 'ids' to be from 0 to 8, but element {0} is not"]
// CHECK:       gpu.launch_func @kernels::@embedding_0 {{.*}} %arg4 : memref<2xi64>, %{{.*}} : i32, %c1_i32 : i32) {et.check_arguments = array<i32: 6>, et.name = "embedding"}
// SM90:        gpu.launch_func @kernels::@layer_norm_1 {{.*}}{et.name = "layer_norm", et.programmatic}
// SM90:        gpu.launch_func @kernels::@layer_norm_1 {{.*}}{et.name = "layer_norm", et.programmatic}
// SM80:        gpu.launch_func @kernels::@layer_norm_1 {{.*}}{et.name = "layer_norm"}
// CHECK:       llvm.func @embedding_0
// CHECK:       arith.cmpi ult
// CHECK:       llvm.cmpxchg
// CHECK:       llvm.func @layer_norm_1
// With few blocks the next launch starts at once.
// SM90:        nvvm.read.ptx.sreg.nctaid.x
// SM90:        scf.if
// SM90:        nvvm.griddepcontrol launch_dependents
// SM80-NOT:    nvvm.griddepcontrol
// Weights are read before the wait.
// CHECK:       llvm.load %{{.*}} -> vector<8xf16>
// SM90:        nvvm.griddepcontrol wait
// CHECK:       nvvm.shfl.sync
// CHECK:       math.sqrt
// CHECK-NOT:   llvm.func
func.func @norms(%ids: tensor<?xi64> {et.name = "ids"}) -> tensor<?x384xf16> {
  %t = arith.constant dense<1.0> : tensor<9x384xf16>
  %g = arith.constant dense<2.0> : tensor<384xf16>
  %x = et.embedding %ids, %t : (tensor<?xi64>, tensor<9x384xf16>) -> tensor<?x384xf16>
  %y = et.layer_norm %x gamma(%g : tensor<384xf16>) {eps = 1.0e-12 : f32} : tensor<?x384xf16> -> tensor<?x384xf16>
  %z = et.layer_norm %y gamma(%g : tensor<384xf16>) {eps = 1.0e-12 : f32} : tensor<?x384xf16> -> tensor<?x384xf16>
  return %z : tensor<?x384xf16>
}

// -----

// A gamma that is computed is read behind the wait.
// CHECK-LABEL: func.func @computed_gamma(
// CHECK:       llvm.func @layer_norm
// SM90:        nvvm.griddepcontrol wait
// CHECK:       llvm.load
func.func @computed_gamma(%x: tensor<?x384xf16>, %g: tensor<384xf16>) -> tensor<?x384xf16> {
  %h = et.gelu %g : tensor<384xf16>
  %y = et.layer_norm %x gamma(%h : tensor<384xf16>) {eps = 1.0e-12 : f32} : tensor<?x384xf16> -> tensor<?x384xf16>
  return %y : tensor<?x384xf16>
}

// -----

// Each schedule of a linear layer is a launch whose grid is empty outside of its range of rows. A norm behind a layer has
// its own launch.
// CHECK-LABEL: func.func @linear(
// CHECK:       %[[M:.*]] = memref.dim %arg0, %c0
// SM90:        et.tensor_map %{{.*}} box [64, 64] swizzle 128 : memref<?x768xf16, strided<[768, 1], offset: ?>>
// CHECK:       arith.divui %[[M]], %c{{[0-9]+}}
// CHECK:       arith.minui
// CHECK:       gpu.launch_func @kernels::@linear_gelu_0_from0 {{.*}}{et.name = "linear+gelu", et.rows_argument = {{[0-9]+}} : i32}
// CHECK:       gpu.launch_func @kernels::@linear_gelu_0_from{{[1-9][0-9]*}}
// CHECK:       gpu.launch_func @kernels::@layer_norm_1
func.func @linear(%x: tensor<?x768xf16>) -> tensor<?x768xf16> {
  %w = arith.constant dense<2.0> : tensor<768x768xf16>
  %b = arith.constant dense<2.0> : tensor<768xf16>
  %l = et.linear %x, %w bias(%b : tensor<768xf16>) : (tensor<?x768xf16>, tensor<768x768xf16>) -> tensor<?x768xf16>
  %g = et.gelu %l : tensor<?x768xf16>
  %y = et.layer_norm %g residual(%x : tensor<?x768xf16>) {eps = 1.0e-12 : f32} : tensor<?x768xf16> -> tensor<?x768xf16>
  return %y : tensor<?x768xf16>
}

// -----

// Element-wise ops of any payload run on the sums, in f32.
// CHECK-LABEL: func.func @epilogue(
// CHECK:       gpu.launch_func @kernels::@linear_elementwise_0
// CHECK-NOT:   gpu.launch_func @kernels::@elementwise
// CHECK:       llvm.func @linear_elementwise_0
// CHECK-NOT:   arith.mulf %{{.*}} : f16
// CHECK:       llvm.return
#id = affine_map<(i, j) -> (i, j)>
func.func @epilogue(%x: tensor<?x64xf16>) -> tensor<?x64xf16> {
  %c0 = arith.constant 0 : index
  %two = arith.constant 2.0 : f16
  %w = arith.constant dense<2.0> : tensor<64x64xf16>
  %l = et.linear %x, %w : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
  %n = tensor.dim %x, %c0 : tensor<?x64xf16>
  %e = tensor.empty(%n) : tensor<?x64xf16>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
         ins(%l, %x : tensor<?x64xf16>, tensor<?x64xf16>) outs(%e : tensor<?x64xf16>) {
  ^bb0(%a: f16, %r: f16, %o: f16):
    %m = arith.mulf %a, %two : f16
    %t = math.tanh %m : f16
    %s = arith.addf %t, %r : f16
    linalg.yield %s : f16
  } -> tensor<?x64xf16>
  return %y : tensor<?x64xf16>
}

// -----

// A reduction is one thread per result. Its inputs are 16-bit, its arithmetic f32.
// CHECK-LABEL: func.func @reduction(
// CHECK:       gpu.launch_func @kernels::@reduction
// CHECK:       llvm.func @reduction
// CHECK:       scf.for
// CHECK:       arith.extf %{{.*}} : f16 to f32
// CHECK:       arith.addf %{{.*}} : f32
func.func @reduction(%x: tensor<?x?x40xf16>) -> tensor<?x40xf16> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f16
  %n = tensor.dim %x, %c0 : tensor<?x?x40xf16>
  %e = tensor.empty(%n) : tensor<?x40xf16>
  %f = linalg.fill ins(%zero : f16) outs(%e : tensor<?x40xf16>) -> tensor<?x40xf16>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k, j)>, affine_map<(i, j, k) -> (i, j)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
         ins(%x : tensor<?x?x40xf16>) outs(%f : tensor<?x40xf16>) {
  ^bb0(%a: f16, %o: f16):
    %s = arith.addf %a, %o : f16
    linalg.yield %s : f16
  } -> tensor<?x40xf16>
  return %y : tensor<?x40xf16>
}

// -----

// Elements read at computed positions, positions, and sizes in the payload.
// CHECK-LABEL: func.func @gather(
// CHECK:       llvm.func @elementwise
// CHECK-NOT:   tensor.extract
// CHECK-NOT:   linalg.index
// CHECK:       llvm.load %{{.*}} -> i64
// CHECK:       llvm.load %{{.*}} -> f32
func.func @gather(%x: tensor<?xf32>, %ids: tensor<?xi64>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi64>
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
         ins(%ids : tensor<?xi64>) outs(%e : tensor<?xf32>) {
  ^bb0(%id: i64, %o: f32):
    %p = linalg.index 0 : index
    %i = arith.index_cast %id : i64 to index
    %j = arith.minsi %i, %n : index
    %k = arith.maxsi %j, %p : index
    %v = tensor.extract %x[%k] : tensor<?xf32>
    linalg.yield %v : f32
  } -> tensor<?xf32>
  return %y : tensor<?xf32>
}
