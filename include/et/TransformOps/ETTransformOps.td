//===- ETTransformOps.td - Transform ops for launches -----*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TRANSFORMOPS_ETTRANSFORMOPS_TD
#define ET_TRANSFORMOPS_ETTRANSFORMOPS_TD

include "mlir/Dialect/Transform/IR/TransformDialect.td"
include "mlir/Dialect/Transform/Interfaces/MatchInterfaces.td"
include "mlir/Dialect/Transform/Interfaces/TransformInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class ET_TransformOp<string mnemonic, list<Trait> traits = []> : Op<Transform_Dialect, "et." # mnemonic, traits>;

def MatchLaunchOp : ET_TransformOp<"match.launch", [
    SingleOpMatcher, MatchOpInterface, MemoryEffectsOpInterface]> {
  let summary = "Match a launch by what it computes";
  let description = [{
    Succeeds where `launch` is an `et.launch` for which all of the following hold that are given:

    - `computes`: the op that its kernel is built around: `linear`, `attention`, `layer_norm`, `rms_norm`, `embedding`,
      `gelu`, or that of another dialect (`linalg.generic`);
    - `kernel`: its label, such as `linear+gelu`;
    - `outputs`, `inputs`: of its linear layer;
    - `head_size`: of the keys of its attention;
    - `target`: what its schedule is for: an architecture (`sm_90a`) or an instruction set level (`avx2`).

    For `transform.foreach_match` and `transform.collect_matching`.

    #### Return modes

    Silenceable failure where one of them does not hold, which is what a matcher does to say no; definite failure
    where `launch` is not exactly one op.
  }];
  let arguments = (ins TransformHandleTypeInterface:$launch, OptionalAttr<StrAttr>:$computes,
                       OptionalAttr<StrAttr>:$kernel, OptionalAttr<I64Attr>:$outputs, OptionalAttr<I64Attr>:$inputs,
                       OptionalAttr<I64Attr>:$head_size, OptionalAttr<StrAttr>:$target);
  let assemblyFormat = [{
    $launch (`computes` $computes^)? (`kernel` $kernel^)? (`outputs` $outputs^)? (`inputs` $inputs^)?
    (`head_size` $head_size^)? (`target` $target^)? attr-dict `:` type($launch)
  }];
  let extraClassDeclaration = SingleOpMatcher.extraDeclaration # [{
    ::mlir::Value getOperandHandle() { return getLaunch(); }
  }];
}

def GetScheduleOp : ET_TransformOp<"get_schedule", [
    TransformOpInterface, TransformEachOpTrait, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "The schedule of launches, as a parameter";
  let description = [{
    Yields the `schedule` of each launch, whole: target, family, and what the family lets choose. `set_schedule` takes it
    for launches of the same target and family.

    #### Return modes

    Silenceable failure where an op is no launch, or has no schedule yet.
  }];
  let arguments = (ins TransformHandleTypeInterface:$target);
  let results = (outs TransformParamTypeInterface:$schedule);
  let assemblyFormat = "$target attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    ::mlir::DiagnosedSilenceableFailure applyToOne(
        ::mlir::transform::TransformRewriter &rewriter, ::mlir::Operation *target,
        ::mlir::transform::ApplyToEachResultList &results, ::mlir::transform::TransformState &state);
  }];
}

def CandidateSchedulesOp : ET_TransformOp<"candidate_schedules", [
    DeclareOpInterfaceMethods<TransformOpInterface>, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Schedules that a launch on a GPU could have, the best first";
  let description = [{
    Yields up to `count` variants that `target`, one launch of a linear layer or attention, has kernels with, for `size`
    rows (of a linear layer) or keys (of attention): first the one it has, which a table has measured or a cost model
    chose, then what the cost model ranks behind it. These are what `et-bench --tune` measures.

    #### Return modes

    Silenceable failure where `target` is not one launch, or has nothing to choose from.
  }];
  let arguments = (ins TransformHandleTypeInterface:$target, ConfinedAttr<I64Attr, [IntPositive]>:$size,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>, "8">:$count);
  let results = (outs TransformParamTypeInterface:$schedules);
  let assemblyFormat = "$target `for` $size attr-dict `:` functional-type(operands, results)";
}

def SetScheduleOp : ET_TransformOp<"set_schedule", [
    DeclareOpInterfaceMethods<TransformOpInterface>, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Choose the schedule of launches";
  let description = [{
    Gives each launch another schedule. `schedule`, or each value of `param`, is one of

    - a variant (GPU), for all sizes: `{kind = "wgmma", tile = array<i64: 64, 64, 64>, stages = 4}`;
    - a list of variants, each `from` a number of rows or keys on: `[{..., from = 0}, {..., from = 1025} ]`;
    - changes (CPU): `{mr = 4, kc = 256}`;
    - a whole schedule, as `get_schedule` yields it.

    Of several values each launch takes the first that it has a kernel with. docs/Tuning.md says what the members mean. A
    remark of `et-transform` says what a launch has now. `--et-schedule-gpu` and `--et-schedule-cpu` leave it alone.

    #### Return modes

    Silenceable failure where a launch has no kernel with any of them, with the reason: a tile that takes too much
    shared memory, an instruction that the architecture lacks, a family that the launch is not of. All launches of
    `target` then keep the schedules they had. Does not invalidate the handle.
  }];
  let arguments = (ins TransformHandleTypeInterface:$target, OptionalAttr<AnyAttr>:$schedule,
                       Optional<TransformParamTypeInterface>:$param);
  let results = (outs);
  let assemblyFormat = [{
    $target (`to` custom<ScheduleAttr>($schedule)^)? (`from` $param^)? attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

#endif // ET_TRANSFORMOPS_ETTRANSFORMOPS_TD
