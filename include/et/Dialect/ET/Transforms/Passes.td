//===- Passes.td - Passes on et and tensors ---------------*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_TRANSFORMS_PASSES_TD
#define ET_DIALECT_ET_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldNormsPass : Pass<"et-fold-norms", "mlir::ModuleOp"> {
  let summary = "Let linear layers apply the norms in front of them";
  let description = [{
    Numerics: class R2 (reassociation). The product of gamma and weight is rounded in place of the norm's result; the sums
    are f32 and are shifted and scaled row by row.

    Before:
    ```mlir
    %y = et.layer_norm %x gamma(%g : tensor<384xf16>) beta(%b : tensor<384xf16>) {eps = 1.0e-5 : f32} : tensor<?x384xf16> -> tensor<?x384xf16>
    %z = et.linear %y, %w bias(%bias : tensor<1536xf16>) : (tensor<?x384xf16>, tensor<1536x384xf16>) -> tensor<?x1536xf16>
    ```
    After, with `W'[n][k] = g[k] * W[n][k]`, `s[n] = sum_k W'[n][k]` and `c[n] = sum_k b[k] * W[n][k] + bias[n]`:
    ```mlir
    %sums = et.linear %x, %w' : (tensor<?x384xf16>, tensor<1536x384xf16>) -> tensor<?x1536xf32>
    %scale, %mean = et.norm_stats %x {eps = 1.0e-5 : f32} : tensor<?x384xf16> -> tensor<?xf32>, tensor<?xf32>
    %z = linalg.generic ... scale * (sums - mean * s) + c
    ```
    A norm whose result is also a residual is applied once more where it is added. A residual of the norm is added in
    front of it, in the kernel that yields the other summand.

    Works on the module, to which the new weights are added. Run `--et-outline-weights` first.

    Refuses, with a remark: f32; norms whose result something else reads, or no linear layer does; weights, biases, gamma
    or beta that are not constants, or whose data is not there when compiling; products that leave the range of f16; sums
    of two values neither of which a kernel has just computed.
  }];
  let statistics = [Statistic<"numFolded", "num-folded", "Norms folded into linear layers">];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::tensor::TensorDialect", "mlir::linalg::LinalgDialect",
                           "mlir::math::MathDialect", "mlir::arith::ArithDialect"];
}

def FormLaunchesPass : InterfacePass<"et-form-launches", "mlir::FunctionOpInterface"> {
  let summary = "Group ops into launches, one per kernel";
  let description = [{
    Numerics: exact.

    Puts every op that computes into an `et.launch`. A linear layer takes with it the activation, element-wise ops,
    residual addition and norm that follow it and that nothing else uses, and the statistics of its input that these
    need. What is left between launches are views, sizes and constants.

    Before:
    ```mlir
    %h = et.linear %x, %w bias(%b : tensor<1536xf32>) : (tensor<?x384xf32>, tensor<1536x384xf32>) -> tensor<?x1536xf32>
    %y = et.gelu %h : tensor<?x1536xf32>
    ```
    After:
    ```mlir
    %y = et.launch "linear+gelu" ins(%x, %w, %b : ...) outs(%e : tensor<?x1536xf32>) { ... } -> tensor<?x1536xf32>
    ```
    Refuses: ops that yield tensors and are neither `et`, `linalg` nor views.
  }];
  let options = [Option<"fuseNorms", "fuse-norms", "bool", /*default=*/"true",
                        "Put a norm behind a linear layer into its launch; for targets whose kernels finish whole rows">,
                 Option<"fuseEmbeddings", "fuse-embeddings", "bool", /*default=*/"false",
                        "Put embeddings that are added up into one launch; for targets that have a kernel for that">,
                 Option<"takesRowValues", "takes-row-values", "bool", /*default=*/"false",
                        "Fuse element-wise ops with operands of one value per row; for targets whose kernels have these">];
  let statistics = [Statistic<"numLaunches", "num-launches", "Launches formed">,
                    Statistic<"numFused", "num-fused", "Ops fused behind a linear layer">];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::tensor::TensorDialect"];
}

def PropagatePruningPass : Pass<"et-propagate-pruning", "mlir::ModuleOp"> {
  let summary = "Remove pruned features between linear layers and around attention";
  let description = [{
    Numerics: R1; a constant feature is folded into a bias in f64 and rounded once.

    Of two linear layers with nothing but elementwise ops between, features go of which the row in the first weight or
    the column in the second weight is zero, and both weights shrink. A feature with a zero row has the value of its bias
    behind those ops: it is put into the second bias. Repeats until nothing changes. Run `--et-outline-weights` first.

    Around attention, features of a head go from value and output when their row in the weight of the value is zero, or
    when nobody reads them. A constant other than zero is put into the bias of the output, unless a row may have nothing
    to attend to. Features go from query and key when they are zero in one of them. A head that has lost all of its values
    goes, with its queries and keys; of grouped heads, whole groups. Heads keep as many features as the one that needs
    most.

    Refuses: results with other uses, weights that are not outlined or not dense, features with weights or biases that
    are not finite, features whose constant value the ops between map to what is not known when compiling; around
    attention anything but reshapes and elementwise ops of one input (rotary embeddings), and heads where a mask, lengths
    or a score region tell one from another.
  }];
  let options = [Option<"multiple", "multiple", "unsigned", /*default=*/"1",
                        "Features that stay are a multiple of this; zero features fill up.">,
                 Option<"headMultiple", "head-multiple", "unsigned", /*default=*/"1",
                        "The same for the features of a head of attention.">];
  let statistics = [Statistic<"numRemoved", "num-removed", "Features removed">];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::tensor::TensorDialect"];
}

def MergeLinearsPass : Pass<"et-merge-linears", "mlir::ModuleOp"> {
  let summary = "Merge linear layers that read the same input";
  let description = [{
    Numerics: exact.

    Linear layers with one input and outlined weights (query, key and value of attention) become one layer whose weight
    joins theirs, and slices of its result. The input is read once, and there is one launch in place of several.
    Run `--et-outline-weights` first.

    Works on the module, to which the joined weights are added.

    Refuses: references to weights that other ops use too, different element types of weights, biases or results, layers
    of which only some have a bias.
  }];
  let statistics = [Statistic<"numMerged", "num-merged", "Linear layers merged into another">];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::tensor::TensorDialect"];
}

def EncodeSparsityPass : Pass<"et-encode-sparsity", "mlir::ModuleOp"> {
  let summary = "Find the zero tiles of weights and stop storing them";
  let description = [{
    Numerics: exact for finite inputs; a NaN or an infinity in the input that only meets zeros no longer spreads.

    Looks at the weights of linear layers, plain dense tensors, for tiles that are zero. Where leaving them out is
    faster, the weight gets the encoding `#et.tile<RxC>`: of the sizes in `tiles` the one with which its kernel has least
    to do. The cost model knows that tiles of few outputs are multiplied at a lower rate than dense weights: with more
    than about 80 % of its 64x16 tiles left, or 58 % of its 16x16 tiles, a weight stays dense. A weight that has an
    encoding already keeps it.

    Where whole rows or columns are zero, the encodings `#et.rows` and `#et.columns` compete with tiles: what is left is
    a smaller dense layer, and a gather of its inputs in front of it or a copy of its outputs to their places behind it,
    by `--et-condense-weights`. The time of these counts, and so do launches that they keep from being fused. On a GPU
    that depends on the rows of the input: static sizes are known, and for others `expected-rows` stands.

    Works on the module, to which the encoded weights are added, with the data of the dense ones. Run
    `--et-outline-weights` first, and `--et-merge-linears`, which does not merge encoded weights.

    Before:
    ```mlir
    %w = et.weight_ref @w : tensor<1536x384xf32>
    %y = et.linear %x, %w : (tensor<?x384xf32>, tensor<1536x384xf32>) -> tensor<?x1536xf32>
    ```
    After:
    ```mlir
    %w = et.weight_ref @w.tiles : tensor<1536x384xf32, #et.tile<64x16>>
    %y = et.linear %x, %w : (tensor<?x384xf32>, tensor<1536x384xf32, #et.tile<64x16>>) -> tensor<?x1536xf32>
    ```
    Refuses: weights that are not constants, whose data is not there when compiling, or that are not f32, f16 or bf16;
    and, with a missed remark, pruned weights with too few zero tiles. A weight with less than 20 % zeros was not pruned.
  }];
  let options = [
    ListOption<"tiles", "tiles", "std::string",
               "Tile sizes to try, outputs by inputs, and rows and columns; by default 64x16,32x16,16x16,64x1,32x1,16x4,"
               "16x1 on CPUs, 64x64,64x32,64x16,16x16 with wgmma, 16x16 with mma, and rows,columns">,
    Option<"kernels", "kernels", "mlir::et::SparseKernels", /*default=*/"mlir::et::SparseKernels::CPU",
           "Kernels that multiply encoded weights", [{llvm::cl::values(
             clEnumValN(mlir::et::SparseKernels::CPU, "cpu", "vector instructions of a CPU"),
             clEnumValN(mlir::et::SparseKernels::Wgmma, "wgmma", "tensor cores of NVIDIA GPUs from sm_90a on"),
             clEnumValN(mlir::et::SparseKernels::Mma, "mma", "tensor cores of NVIDIA GPUs from sm_80 on")
           )}]>,
    Option<"force", "force", "bool", /*default=*/"false", "Encode every weight, whatever the cost model says">,
    Option<"multiple", "multiple", "unsigned", /*default=*/"16",
           "Rows and columns are left in multiples of this, as --et-condense-weights does">,
    Option<"expectedRows", "expected-rows", "unsigned", /*default=*/"0",
           "Rows of the inputs of layers whose sizes are dynamic; 0 for thousands">,
  ];
  let statistics = [Statistic<"numEncoded", "num-encoded", "Layers whose weight was encoded">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def CondenseWeightsPass : Pass<"et-condense-weights", "mlir::ModuleOp"> {
  let summary = "Store only the rows or columns of weights that are not zero";
  let description = [{
    Numerics: exact for finite inputs; a NaN or an infinity in the input that only meets zeros no longer spreads.

    Makes a dense layer of each linear layer whose weight has the encoding `#et.rows` or `#et.columns`. Columns: the
    features of the input that are left are gathered, once for all layers of a block that read the same ones. Rows: the
    narrower result is put in its places, and the other outputs are the bias; an element-wise `linalg.generic` that alone
    reads the result, such as a residual, is fused with that. Some rows or columns that are zero stay, so that there are
    a multiple of `multiple`.

    Before:
    ```mlir
    %w = et.weight_ref @w.columns : tensor<1536x384xf32, #et.columns>
    %y = et.linear %x, %w : (tensor<?x384xf32>, tensor<1536x384xf32, #et.columns>) -> tensor<?x1536xf32>
    ```
    After:
    ```mlir
    %ids = et.weight_ref @w.columns.kept.columns : tensor<96xi32>
    %g = linalg.generic ... ins(%ids : tensor<96xi32>) outs(%empty : tensor<?x96xf32>) {
    ^bb0(%id: i32, %out: f32):
      ... tensor.extract %x[%row, %id]
    } -> tensor<?x96xf32>
    %w = et.weight_ref @w.columns.kept : tensor<1536x96xf32>
    %y = et.linear %g, %w : (tensor<?x96xf32>, tensor<1536x96xf32>) -> tensor<?x1536xf32>
    ```
    Refuses, with a missed remark and the weight dense: weights whose data is not there when compiling or that are not
    f32, f16 or bf16, rows with a bias that is not known when compiling, and weights of which nothing goes.
  }];
  let options = [
    Option<"multiple", "multiple", "unsigned", /*default=*/"16", "Rows and columns are left in multiples of this">,
  ];
  let statistics = [
    Statistic<"numCondensed", "num-condensed", "Layers whose weight became smaller">,
    Statistic<"numGathers", "num-gathers", "Gathers in front of layers">,
    Statistic<"numScatters", "num-scatters", "Results put in their places">,
  ];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect",
                           "mlir::arith::ArithDialect"];
}

def MergeValueOutputPass : Pass<"et-merge-value-output", "mlir::ModuleOp"> {
  let summary = "Merge the projections of value and output of attention";
  let description = [{
    Numerics: R1; the product of the two weights is rounded to their type once.

    Attention between two linear layers, `sum_h S_h (x Wv_h^T) Wo_h^T`, becomes `sum_h S_h (x M_h^T)` with
    `M_h = Wo_h Wv_h` computed here: one layer in front of the attention, values as wide as the output, a sum over heads
    behind it (Chen et al., SC 2021, section 3.1). The cost model counts multiply-adds of a row of the input: what pays
    is a single head. Run `--et-outline-weights` first.

    Before, with one head of 64 in 64 features:
    ```mlir
    %v = et.linear %x, %wv : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
    %z = et.attention query(%q : ...) key(%k : ...) value(%v as heads : ...) -> tensor<?x1x64xf16>
    %y = et.linear %z as rows, %wo : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
    ```
    After:
    ```mlir
    %v = et.linear %x, %m : (tensor<?x64xf16>, tensor<64x64xf16>) -> tensor<?x64xf16>
    %z = et.attention query(%q : ...) key(%k : ...) value(%v as heads : ...) -> tensor<?x1x64xf16>
    ```
    Refuses, with a missed remark: results with other uses, grouped heads, sparse weights, outputs wider than
    `max-head-size`, and what does not pay.
  }];
  let options = [
    Option<"maxHeadSize", "max-head-size", "int64_t", /*default=*/"256",
           "Widest values that the attention of the target takes">,
    Option<"assumedKeys", "assumed-keys", "int64_t", /*default=*/"128",
           "Number of keys in the cost model when it is not known">,
    Option<"force", "force", "bool", /*default=*/"false", "Merge whatever the cost model says">,
  ];
  let statistics = [Statistic<"numMerged", "num-merged", "Pairs of projections merged">];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect",
                           "mlir::arith::ArithDialect"];
}

def FoldAttentionScalePass : Pass<"et-fold-attention-scale", "mlir::ModuleOp"> {
  let summary = "Put the scale of attention into the weight of its query";
  let description = [{
    Numerics: exact; R1 with `rounding`.

    Where the query of an attention is a view of a linear layer with outlined weights, that layer's weight and bias are
    multiplied by the scale, and the scale becomes 1 (Chen et al., SC 2021, section 3.3). Scores then have their final
    size from the start, so that they do not overflow a narrow accumulator. In no pipeline: kernels that sum in f32 take
    the scale along for free. Run `--et-outline-weights` first.

    Refuses, with a missed remark: queries with other uses, sparse weights, and, without `rounding`, weights of which
    one would be rounded.
  }];
  let options = [Option<"rounding", "rounding", "bool", /*default=*/"false", "Scale weights that are rounded then, too">];
  let statistics = [Statistic<"numFolded", "num-folded", "Scales folded">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def CheckShapesPass : Pass<"et-check-shapes", "mlir::ModuleOp"> {
  let summary = "Find sizes that break a module";
  let description = [{
    Numerics: exact; changes nothing.

    Follows every path (`scf.if`) of each function with its dynamic sizes as symbols, collects what operations demand of
    them, and decides each demand for all sizes at once, with MLIR's Presburger library. Of each path one of four things
    is said: valid (a remark), invalid (an error at the first demand that can fail, with sizes that break it), undecidable
    (a warning, with the reason) or unreachable (a remark). docs/ShapeChecking.md has what is understood.

    Demands come from linalg (dimensions of one loop agree), tensor (reshapes keep the number of elements, slices stay
    inside, static dimensions are what they say), element-wise ops, et ops through their decomposition, and `cf.assert`;
    a `cf.assert` with `et.note` is a wish: that it fails is a remark. `et.dims` on tensor arguments names sizes, equal
    names mean equal sizes, and `et.min_sizes` bounds them; `et.dim`, `et.min`, `et.max` and `et.multiple_of` on index arguments say what is known of
    them, `et.unknown` that they are computed when the program runs.

    ```mlir
    func.func @f(%x: tensor<?x?xf32> {et.dims = ["batch", "tokens"]}) -> tensor<?x64xf32> {
      // error: expected dimension 1 to have the size 64, which fails with batch = 1, tokens = 1
      %0 = tensor.cast %x : tensor<?x?xf32> to tensor<?x64xf32>
      return %0 : tensor<?x64xf32>
    }
    ```
  }];
  let options = [
    Option<"maxPaths", "max-paths", "int64_t", /*default=*/"256", "Paths of a function that are followed">,
    Option<"timeLimit", "time-limit-ms", "int64_t", /*default=*/"5000",
           "Milliseconds for a function; what is asked later is undecidable">,
    Option<"reportFile", "report", "std::string", /*default=*/"\"\"", "File for the report, as JSON">,
  ];
  let statistics = [
    Statistic<"numInvalid", "num-invalid", "Paths that sizes can break">,
    Statistic<"numUndecidable", "num-undecidable", "Paths that could not be decided">,
  ];
}

def NormalizeTensorsPass : InterfacePass<"et-normalize-tensors", "mlir::FunctionOpInterface"> {
  let summary = "Rewrite what stands beside et into linalg.generic and views";
  let description = [{
    Numerics: exact.

    Softmax, padding, concatenation, generated tensors and named linalg ops become `linalg.generic` and slices;
    element-wise ops are fused into their consumers. What remains is what `--et-form-launches` takes.
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect", "mlir::tensor::TensorDialect", "mlir::math::MathDialect"];
}

def OutlineWeightsPass : Pass<"et-outline-weights", "mlir::ModuleOp"> {
  let summary = "Turn tensor constants into entries of the weights section";
  let description = [{
    Numerics: exact.

    Every constant tensor becomes an `et.weight`, once however often it stands in the module, and an `et.weight_ref`
    where it is used.
  }];
  let statistics = [Statistic<"numWeights", "num-weights", "Weights outlined">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def BufferizeLaunchesPass : Pass<"et-bufferize-launches", "mlir::ModuleOp"> {
  let summary = "Give the tensors between launches buffers";
  let description = [{
    Numerics: exact.

    Runs upstream's one-shot bufferization on everything outside the regions of launches, which keep saying in terms of
    tensors what they compute. Each result of a function becomes an argument behind its own arguments.
  }];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::bufferization::BufferizationDialect", "mlir::memref::MemRefDialect"];
}

def PlanMemoryPass : Pass<"et-plan-memory", "mlir::ModuleOp"> {
  let summary = "Lay out weights and place every buffer in one arena";
  let description = [{
    Numerics: exact.

    Buffers whose lifetimes do not overlap share memory. Offsets are functions of the dynamic sizes of the arguments:
    a call allocates nothing. The function gets the arguments `arena` and `weights` (bytes), `status` (two i64 in which
    a kernel reports an error) and `threads`, and beside it stands `@<name>.sizes`, which stores the number of bytes of
    the arena and then every size of every result into its last argument.

    Refuses: sizes that depend on data.
  }];
  let statistics = [Statistic<"numBuffers", "num-buffers", "Buffers placed in the arena">,
                    Statistic<"numSlots", "num-slots", "Slots of the arena they share">];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::memref::MemRefDialect", "mlir::arith::ArithDialect"];
}

def VerifyPlannedContractPass : Pass<"et-verify-planned-contract", "mlir::ModuleOp"> {
  let summary = "Verify that a planned module holds launches, views and sizes only";
  let description = [{
    Numerics: exact (changes nothing).

    A planned function may hold `et.launch` on memrefs, views of memrefs, `et.weight_ref`, index arithmetic and its
    return. Anything else is an error that names the op and the pass that should have removed it.
  }];
}

def DecomposePass : Pass<"et-decompose"> {
  let summary = "Write et ops with linalg";
  let description = [{
    Numerics: exact; the result defines what each op means. With `accumulate-f64` class R1 (rounding): all arithmetic of
    an op is done in f64 and only its results are rounded, which makes the pass the reference of every numeric test.

    Replaces each op of the et dialect by its decomposition into linalg, tensor, arith and math. Not a lowering: the
    scores of attention are written out in full.

    ```mlir
    // Before
    %y = et.gelu %x {approximate = #et.gelu<sigmoid>} : tensor<4xf32>
    // After
    %y = linalg.generic ... ins(%x : tensor<4xf32>) outs(%empty : tensor<4xf32>) {
    ^bb0(%in: f32, %out: f32):
      ... x / (1 + exp(-1.702 x))
    } -> tensor<4xf32>
    ```
  }];
  let options = [
    Option<"accumulateF64", "accumulate-f64", "bool", /*default=*/"false",
           "Do all arithmetic in f64, whatever the operands are stored in">,
  ];
  let statistics = [Statistic<"numDecomposed", "num-decomposed", "Ops decomposed">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def ExportSparseEncodingPass : Pass<"et-export-sparse-encoding"> {
  let summary = "Turn et tiles into upstream block sparse rows";
  let description = [{
    Numerics: exact.

    Gives every tensor with the encoding `#et.tile<RxC>` the `#sparse_tensor.encoding` of block sparse rows with blocks
    of RxC, with `#et.rows` or `#et.columns` that of compressed rows or columns which are dense inside, in constants, arguments, calls and returns alike. The reverse of `--et-import-sparse-encoding`.

    Refuses: other encodings of the et dialect; ops other than `et.linear`, constants, conversions, calls and returns
    that touch an encoded tensor.
  }];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::sparse_tensor::SparseTensorDialect"];
}

def ImportSparseEncodingPass : Pass<"et-import-sparse-encoding"> {
  let summary = "Turn upstream block sparse rows into et tiles";
  let description = [{
    Numerics: exact.

    Gives every weight whose type says block sparse rows with blocks of RxC in upstream's way the encoding
    `#et.tile<RxC>`, and rows or columns that are compressed and dense inside, `(i : compressed, j : dense)` or
    `(j : compressed, i : dense)`, `#et.rows` or `#et.columns`. Widths of positions and coordinates, which say how upstream stores it, are dropped.

    Before:
    ```mlir
    #bsr = #sparse_tensor.encoding<{map = (i, j) -> (i floordiv 16 : dense, j floordiv 16 : compressed,
                                                     i mod 16 : dense, j mod 16 : dense)}>
    %y = et.linear %x, %w : (tensor<?x768xf32>, tensor<3072x768xf32, #bsr>) -> tensor<?x3072xf32>
    ```
    After:
    ```mlir
    %y = et.linear %x, %w : (tensor<?x768xf32>, tensor<3072x768xf32, #et.tile<16x16>>) -> tensor<?x3072xf32>
    ```
    Refuses: any other sparse encoding, with what about it is not block sparse rows; ops other than `et.linear`,
    constants, conversions, calls and returns that touch a sparse tensor.
  }];
  let dependentDialects = ["mlir::et::ETDialect", "mlir::tensor::TensorDialect"];
}

#endif // ET_DIALECT_ET_TRANSFORMS_PASSES_TD
