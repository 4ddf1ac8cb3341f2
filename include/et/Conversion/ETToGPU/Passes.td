//===- Passes.td - Passes between the planned level and GPU code -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_PASSES_TD
#define ET_CONVERSION_ETTOGPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def DecomposeForGPUPass : Pass<"et-decompose-for-gpu", "mlir::ModuleOp"> {
  let summary = "Decompose the et ops that no GPU kernel takes";
  let description = [{
    Numerics: as `--et-decompose`.

    An `et` op that no kernel takes becomes linalg, of which each op runs as plain loops; a `missed` remark says why.
  }];
  let options = [Option<"chip", "chip", "std::string", /*default=*/"\"sm_90a\"",
                        "Architecture: sm_80, sm_86, sm_89, sm_90 or sm_90a">];
  let statistics = [Statistic<"numDecomposed", "num-decomposed", "Ops decomposed">];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect",
                           "mlir::arith::ArithDialect", "mlir::math::MathDialect"];
}

def StoreStripsPass : Pass<"et-store-strips", "mlir::ModuleOp"> {
  let summary = "Store sparse weights as GPU kernels read them";
  let description = [{
    Numerics: exact.

    Weights of tiles, `#et.tile`, become weights of strips, `#et.strips`: of slabs of 64 outputs where the rows of the
    tiles are a multiple of 64 and the architecture has wgmma, else of squares of 16 by 16. Which of them there are is
    found in the data. Weights that are not f16 or bf16 become dense, with a missed remark.

    Before:
    ```mlir
    %w = et.weight_ref @w.tiles : tensor<3072x768xf16, #et.tile<64x64>>
    %y = et.launch "linear" ins(%x, %w : ..) outs(%o : ..) {..}
    ```
    After:
    ```mlir
    %w = et.weight_ref @w.tiles.strips : tensor<3072x768xf16, #et.strips<64x64, kept = 460>>
    %y = et.launch "linear" ins(%x, %w : ..) outs(%o : ..) {..}
    ```
    Refuses: weights that are no `et.weight_ref`.
  }];
  let options = [Option<"chip", "chip", "std::string", /*default=*/"\"sm_90a\"",
                        "Architecture: sm_80, sm_86, sm_89, sm_90 or sm_90a">];
  let statistics = [Statistic<"numStored", "num-stored", "Launches whose weight changed its storage">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def ChunkRowsPass : Pass<"et-chunk-rows", "mlir::ModuleOp"> {
  let summary = "Run pairs of linear layers chunk by chunk of rows";
  let description = [{
    Numerics: exact.

    Where one linear layer reads what the layer in front of it writes and nobody else does, as in a feed-forward layer,
    both run on a chunk of rows before the next chunk begins, so that what is between them stays in the L2 cache. One
    buffer of a chunk's rows takes the place of the buffer between them. The rows of a chunk are computed from sizes
    when a call starts: as few chunks as fit, of whole tiles; with few rows there is one. The attribute `et.rows` says
    with how many rows a launch is likely to run.

    Before:
    ```mlir
    et.launch "linear+gelu" ins(%x, %w1 : memref<?x768xf16>, ..) outs(%h : memref<?x3072xf16>) {..}
    et.launch "linear" ins(%h, %w2 : memref<?x3072xf16>, ..) outs(%y : memref<?x768xf16>) {..}
    ```
    After:
    ```mlir
    et.launch "linear+gelu" ins(%x0, %w1 : memref<?x768xf16, strided<..>>, ..) outs(%h0 : ..) {..}
    et.launch "linear" ins(%h0, %w2 : ..) outs(%y0 : ..) {..}
    et.launch "linear+gelu" ins(%x1, %w1 : ..) outs(%h0 : ..) {..}
    ...
    ```

    Refuses: targets without wgmma; layers with other readers in between or behind; fewer rows than one chunk has, where
    that is known; rows that are slices, with a remark.
  }];
  let options = [Option<"chip", "chip", "std::string", /*default=*/"\"sm_90a\"",
                        "Architecture: sm_80, sm_86, sm_89, sm_90 or sm_90a">,
                 Option<"l2Bytes", "l2-bytes", "int64_t", /*default=*/"50000000",
                        "Bytes of L2 that rows of a chunk and the weights may take">,
                 Option<"maxChunks", "max-chunks", "int64_t", /*default=*/"8",
                        "Most chunks: beyond that many rows chunks grow">];
  let statistics = [Statistic<"numChunked", "num-chunked", "Pairs of layers that run in chunks">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::et::ETDialect", "mlir::memref::MemRefDialect",
                           "mlir::tensor::TensorDialect"];
}

def PartialAttentionPass : Pass<"et-partial-attention", "mlir::ModuleOp"> {
  let summary = "Make room in memory for the scores of attention with many keys";
  let description = [{
    Numerics: R2 (blocks of keys are cut elsewhere).

    "Partial on the fly": with more than `more-than` keys, attention runs as two kernels, one of which leaves Q K^T in
    memory as a product of the whole GPU, and the other masks it, takes the softmax and multiplies with V. This pass gives
    the launch a buffer for the scores as a second output, whose contents mean nothing to anyone else, and the attribute
    `et.partial_attention`; `--et-schedule-gpu` then chooses the schedule `partial` for so many keys and for no others.
    The buffer has batch * heads * rows * keys f32, rows and keys rounded up to multiples of 64, and none with fewer keys.

    Nothing chooses this by itself: one kernel that keeps its scores in registers is expected to be faster (docs/Tuning.md).

    Before:
    ```mlir
    et.launch "attention" ins(%q, %k, %v : ..) outs(%o : memref<?x12x?x64xf16>) {..}
    ```
    After:
    ```mlir
    %s = memref.alloc(%elements) : memref<?xf32>
    et.launch "attention" ins(%q, %k, %v : ..) outs(%o, %s : memref<?x12x?x64xf16>, memref<?xf32>) {..}
      {et.partial_attention = 224 : i64}
    ```

    Refuses, with a remark: ragged batches, whose room would follow from offsets; f32 and heads of more than 256, which
    tensor cores do not take.
  }];
  let options = [Option<"chip", "chip", "std::string", /*default=*/"\"sm_90a\"",
                        "Architecture: sm_80, sm_86, sm_89, sm_90 or sm_90a">,
                 Option<"moreThan", "more-than", "int64_t", /*default=*/"-1",
                        "Keys up to which attention runs as one kernel; -1 for any number of them">];
  let statistics = [Statistic<"numPartial", "num-partial", "Launches with room for scores">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::et::ETDialect", "mlir::memref::MemRefDialect",
                           "mlir::tensor::TensorDialect"];
}

def ScheduleGPUPass : Pass<"et-schedule-gpu", "mlir::ModuleOp"> {
  let summary = "Choose how each launch runs on a GPU";
  let description = [{
    Numerics: exact.

    Gives every launch its `schedule`: the architecture, the family of its kernel, and what that family lets choose. A
    launch that `et.rows` says the likely rows of gets variants for those only; one with `et.partial_attention`, the variant
    `partial` for more keys than that. Schedules come from the tables in `tuned`,
    then from that of the project, then from cost models (docs/Tuning.md). A launch that has a schedule, such as one that
    a script chose (docs/Transforms.md), keeps it.

    Remarks: `passed` says which schedule each launch of a linear layer or attention has, for which sizes and from where;
    `missed`, what keeps one from the fastest instructions of the architecture, and why a measured one was not used.

    Refuses: a table that cannot be read, that is for another architecture, or that holds what is no schedule.
  }];
  let options = [Option<"chip", "chip", "std::string", /*default=*/"\"sm_90a\"",
                        "Architecture: sm_80, sm_86, sm_89, sm_90 or sm_90a">,
                 ListOption<"tuned", "tuned", "std::string",
                            "Tables of measured schedules; the first that has one counts">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def PrefetchWeightsPass : Pass<"et-prefetch-weights", "mlir::ModuleOp"> {
  let summary = "Ask for the weights of later layers while launches with few rows run";
  let description = [{
    Numerics: exact.

    With few rows a layer takes as long as it takes to get its weights and to wait for the launch in front, and memory has
    nothing to do in between: 12 layers of BERT-base stream 170 MB, 40 us at 4.2 TB/s, in some 200 us. So each launch of a
    linear layer, attention or norm asks for a share of the weights of linear layers behind it (`et.prefetch`), which L2
    holds when these begin. A share is one and a half times what there is per launch, so that the weights run ahead until
    as many bytes are in flight as is allowed. The weights of the next launches are left out: their own blocks ask for
    those before they wait.

    Before:
    ```mlir
    et.launch "linear" ins(%x, %w1 : ..) outs(%h : memref<?x768xf16>) {..}
    et.launch "attention" ...
    et.launch "linear" ins(%a, %w2 : ..) ...
    ```
    After:
    ```mlir
    %0 = memref.view %weights[%c0][] : memref<?xi8> to memref<1179648xi8>
    et.prefetch %0 rows %rows most 512 : memref<1179648xi8>
    et.launch "linear" ins(%x, %w1 : ..) outs(%h : memref<?x768xf16>) {..}
    et.launch "attention" ...
    et.launch "linear" ins(%a, %w2 : ..) ...
    ```

    Remarks: `passed` says which launch asks for how many bytes of which weights; `missed`, why nothing is asked for.

    Refuses: architectures without bulk copies; weights that L2 holds all the time; launches in chunks of many rows.
  }];
  let options = [Option<"chip", "chip", "std::string", /*default=*/"\"sm_90a\"",
                        "Architecture: sm_80, sm_86, sm_89, sm_90 or sm_90a">,
                 Option<"maxRows", "max-rows", "int64_t", /*default=*/"512", "Most rows with which launches ask">,
                 Option<"distance", "distance", "int64_t", /*default=*/"2",
                        "Launches from the one that asks to the first whose weights it asks for">,
                 Option<"inFlightBytes", "in-flight-bytes", "int64_t", /*default=*/"12000000",
                        "Most bytes that are asked for and not yet used">,
                 Option<"l2Bytes", "l2-bytes", "int64_t", /*default=*/"30000000",
                        "Bytes of weights that L2 holds from one call to the next">];
  let statistics = [Statistic<"numPrefetches", "num-prefetches", "Launches that ask for weights of later ones">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::et::ETDialect", "mlir::memref::MemRefDialect"];
}

def ConvertLaunchesToGPUPass : Pass<"et-convert-launches-to-gpu", "mlir::ModuleOp"> {
  let summary = "Turn launches into launches of generated GPU kernels";
  let description = [{
    Numerics: R2 (sums are taken in another order, exponentials are approximated to a few ulp).

    Builds one kernel per distinct launch, in the `gpu.module` @kernels, and replaces the launch by `gpu.launch_func`.
    Grids, integers and tensor maps are computed from the sizes of the arguments: nothing depends on data. A launch that
    may start before the one in front of it has finished is marked `et.programmatic`. `et.work` in front of a launch says
    what it moves and computes, for profiles. The kernel of a launch behind `et.prefetch` asks for its views where `most` allows
    it. What kernels check is listed in
    `et.checks` of the function; their status codes count from 1, and `et.check_arguments` says which arguments of a launch
    are such codes.

    Refuses: launches without a schedule for a GPU, and launches of which there is no kernel.
  }];
  let statistics = [Statistic<"numLaunches", "num-launches", "Launches converted">,
                    Statistic<"numKernels", "num-kernels", "Kernels built for them">];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect", "mlir::et::ETDialect", "mlir::gpu::GPUDialect",
    "mlir::LLVM::LLVMDialect", "mlir::math::MathDialect", "mlir::memref::MemRefDialect", "mlir::NVVM::NVVMDialect",
    "mlir::scf::SCFDialect", "mlir::vector::VectorDialect",
  ];
}

#endif // ET_CONVERSION_ETTOGPU_PASSES_TD
