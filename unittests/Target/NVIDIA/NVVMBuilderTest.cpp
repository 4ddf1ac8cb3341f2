//===- NVVMBuilderTest.cpp - The PTX that each shorthand becomes -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelDump.h"

#include "et/Target/NVIDIA/NVVMBuilder.h"

#include "gtest/gtest.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::nvidia;

/// PTX of a kernel of one global and one tensor map parameter with the body that \p fill emits.
static std::string emit(StringRef chip, llvm::function_ref<void(NVVMBuilder &, Value data, Value map)> fill) {
  SM sm = *SM::get(chip);
  gpu_kernels::KernelModule module(sm);
  OpBuilder builder = module.getBuilder();
  NVVMBuilder b(builder, module.getLoc(), sm);
  LLVM::LLVMFuncOp function = b.createKernel("kernel", {b.globalPtr(), b.tensorMapPtr()}, {256, 2, 1});
  fill(b, function.getArgument(0), function.getArgument(1));
  return module.getPTX();
}

static void storeF32(NVVMBuilder &b, Value data, ValueRange values) {
  for (auto [i, value] : llvm::enumerate(values))
    b.store(value, b.offset(data, 4 * i));
}

TEST(NVVMBuilderTest, KernelLimitsAndSharedMemory) {
  std::string ptx = emit("sm_90a", [](NVVMBuilder &b, Value data, Value) {
    b.store(b.load(b.getI32Type(), b.offset(b.sharedMemory(), 64)), data);
    b.sharedMemory(); // declared once
  });
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, ".version 8.6", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, ".target sm_90a", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, ".extern .shared .align 1024 .b8 et_shared_memory[]", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, ".reqntid 256", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, ".minnctapersm 2", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, ".param .align 64 .b8 kernel_param_1[128]", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, ".maxntid", ptx);
}

TEST(NVVMBuilderTest, ClusterSize) {
  SM sm = *SM::get("sm_90a");
  gpu_kernels::KernelModule module(sm);
  OpBuilder builder = module.getBuilder();
  NVVMBuilder b(builder, module.getLoc(), sm);
  b.createKernel("kernel", {}, {128, 1, 4});
  b.clusterSync();
  std::string ptx = module.getPTX();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, ".reqnctapercluster 4", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "barrier.cluster.arrive.aligned", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "barrier.cluster.wait.aligned", ptx);
}

TEST(NVVMBuilderTest, ApproximationsFlushSubnormals) {
  std::string ptx = emit("sm_80", [](NVVMBuilder &b, Value data, Value) {
    Value x = b.load(b.getF32Type(), data);
    storeF32(b, data, {b.ex2(x), b.rcp(x), b.rsqrt(x), b.lg2(x), b.tanhApprox(x), b.maxf(x, b.ex2(x))});
  });
  for (StringRef op : {"ex2.approx.ftz.f32", "rcp.approx.ftz.f32", "rsqrt.approx.ftz.f32", "lg2.approx.ftz.f32",
                       "tanh.approx.f32", "max.f32"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op.str(), ptx);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "max.NaN", ptx);
}

TEST(NVVMBuilderTest, PackPutsTheFirstValueLow) {
  std::string ptx = emit("sm_80", [](NVVMBuilder &b, Value data, Value) {
    Value x = b.load(b.getF32Type(), data), y = b.load(b.getF32Type(), b.offset(data, 4));
    b.store(b.pack(x, y, b.getF16Type()), data);
    b.store(b.pack(x, y, b.getBF16Type()), b.offset(data, 4));
  });
  // The instruction takes the high half first.
  llvm::Regex loads("ld\\.global\\.b32[ \t]+(%r[0-9]+), \\[%rd[0-9]+\\];(.|\n)*ld\\.global\\.b32[ \t]+(%r[0-9]+), "
                    "\\[%rd[0-9]+\\+4\\];");
  SmallVector<StringRef> groups;
  ASSERT_TRUE(loads.match(ptx, &groups)) << ptx;
  std::string operands = (groups[3] + ", " + groups[1] + ";").str();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "cvt.rn.f16x2.f32", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "cvt.rn.bf16x2.f32", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, operands, ptx);
}

TEST(NVVMBuilderTest, WgmmaFromSharedMemory) {
  std::string ptx = emit("sm_90a", [](NVVMBuilder &b, Value data, Value) {
    Value desc = b.wgmmaDescriptor(b.sharedAddress(b.sharedMemory()));
    b.wgmmaFence();
    SmallVector<Value> acc = b.wgmma(8, b.getF16Type(), desc, b.add(desc, 2), b.undefF32(4), b.threadId());
    acc = b.wgmma(8, b.getBF16Type(), desc, desc, acc, Value(), /*transposeB=*/true);
    b.wgmmaCommit();
    storeF32(b, data, b.wgmmaWait(0, acc));
  });
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "wgmma.fence.sync.aligned", ptx);
  // The 128-byte swizzle, groups of eight rows 1024 bytes apart.
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "4611686293305360384", ptx);
  llvm::Regex runtime("setp.ne.b32 p, %r[0-9]+, 0; wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 "
                      "\\{%r[0-9]+, %r[0-9]+, %r[0-9]+, %r[0-9]+\\}, %rd[0-9]+, %rd[0-9]+, p, 1, 1, 0, 0;");
  EXPECT_TRUE(runtime.match(ptx)) << ptx;
  llvm::Regex always("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 .*, 1, 1, 1, 0, 1;");
  EXPECT_TRUE(always.match(ptx)) << ptx;
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "wgmma.commit_group.sync.aligned", ptx);
  // Results are read behind the wait.
  EXPECT_LT(ptx.find("wgmma.wait_group.sync.aligned 0"), ptx.find("st.global"));
}

TEST(NVVMBuilderTest, WgmmaWithAInRegisters) {
  std::string ptx = emit("sm_90a", [](NVVMBuilder &b, Value data, Value) {
    Value desc = b.wgmmaDescriptor(b.sharedAddress(b.sharedMemory()));
    Value word = b.load(b.getI32Type(), data);
    SmallVector<Value> a(4, word);
    b.wgmmaFence();
    SmallVector<Value> acc = b.wgmma(8, b.getF16Type(), ArrayRef<Value>(a), desc, SmallVector<Value>(4, b.f32(0.0)));
    b.wgmmaCommit();
    storeF32(b, data, b.wgmmaWait(0, acc));
  });
  llvm::Regex form(
      "m64n8k16.f32.f16.f16 \\{[^}]*\\}, \\{%r[0-9]+, %r[0-9]+, %r[0-9]+, %r[0-9]+\\}, %rd[0-9]+, 1, 1, 1, 0;");
  EXPECT_TRUE(form.match(ptx)) << ptx;
}

TEST(NVVMBuilderTest, BarriersAndCopies) {
  std::string ptx = emit("sm_90a", [](NVVMBuilder &b, Value, Value map) {
    Value shared = b.sharedMemory(), barrier = b.offset(shared, 8192), zero = b.i32(0);
    b.prefetchMap(map);
    b.initBarrier(barrier, 3);
    b.fenceBarrierInit();
    b.expectBytes(barrier, 8192);
    b.tmaLoad(shared, map, barrier, {zero, zero});
    b.tmaLoad(shared, map, barrier, {zero, zero, zero}, arith::ConstantOp::create(b, b.getI16IntegerAttr(3)));
    b.waitBarrier(barrier, zero);
    b.arriveBarrier(barrier);
    b.arriveRemoteBarrier(barrier, b.i32(1));
    b.fenceAsyncShared();
    b.tmaStore(map, shared, {zero, zero});
    b.commitBulk();
    b.waitBulk(1, /*read=*/true);
    b.sync(2, 128);
    b.arrive(b.i32(3), 256);
    b.waitForPrevious();
    b.launchNext();
    b.increaseRegisters(232);
  });
  for (StringRef op :
       {"prefetch.tensormap", "mbarrier.init.shared.b64", "fence.mbarrier_init.release.cluster",
        "mbarrier.arrive.expect_tx.shared", "cp.async.bulk.tensor.2d.shared::cta.global.tile",
        "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster",
        "mbarrier.try_wait.parity.shared::cta.b64", "mapa.shared::cluster.u32", "mbarrier.arrive.shared::cluster.b64",
        "fence.proxy.async.shared::cta", "cp.async.bulk.tensor.2d.global.shared::cta", "cp.async.bulk.wait_group.read",
        "griddepcontrol.wait", "griddepcontrol.launch_dependents", "setmaxnreg.inc.sync.aligned.u32"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op.str(), ptx);
  // A release at cluster scope stalls the tensor cores.
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "arrive.release.cluster", ptx);
}

TEST(NVVMBuilderTest, MatrixFragments) {
  std::string ptx = emit("sm_80", [](NVVMBuilder &b, Value data, Value) {
    Value shared = b.sharedMemory();
    b.copyAsync(shared, data, 16, b.threadId());
    b.copyAsync(shared, data, 4);
    b.commitAsync();
    b.waitAsync(1);
    SmallVector<Value> a = b.ldmatrix(shared, 4), w = b.ldmatrix(shared, 2, /*transpose=*/true);
    storeF32(b, data, b.mma(b.getBF16Type(), a, w, SmallVector<Value>(4, b.f32(0.0))));
    b.store(b.ldmatrix(shared, 1)[0], data);
  });
  for (StringRef op :
       {"cp.async.cg.shared.global", "cp.async.ca.shared.global", "cp.async.commit_group", "cp.async.wait_group",
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16", "ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16",
        "ldmatrix.sync.aligned.m8n8.x1.shared.b16", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op.str(), ptx);
}

TEST(NVVMBuilderTest, MatricesAreTransposedBetweenLanes) {
  std::string ptx = emit("sm_80", [](NVVMBuilder &b, Value data, Value) {
    Value lo = b.load(b.getF32Type(), data), hi = b.load(b.getF32Type(), b.offset(data, 4));
    auto [first, second] = b.transposeF32(lo, hi);
    storeF32(b, data, {first, second});
    b.store(b.popcount(b.movmatrix(b.threadId())), b.offset(data, 8));
  });
  StringRef text(ptx);
  EXPECT_EQ(text.count("movmatrix.sync.aligned.m8n8.trans.b16"), 3u);
  // Lower halves apart from upper halves, and the same way back.
  EXPECT_EQ(text.count("0x5410U"), 2u) << ptx;
  EXPECT_EQ(text.count("0x7632U"), 2u) << ptx;
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "popc.b32", ptx);
}

TEST(NVVMBuilderTest, BarriersCountCopies) {
  auto fill = [](NVVMBuilder &b, Value data, Value) {
    Value shared = b.sharedMemory(), barrier = b.offset(shared, 1024);
    b.copyAsync(b.offset(shared, b.mul(b.laneId(), 16)), data, 16);
    b.arriveAfterCopies(barrier);
    b.waitBarrier(barrier, b.i32(0));
    SmallVector<Value> words = b.loadSharedIf(b.band(b.threadId(), 1), shared);
    b.store(b.bxor(words[0], words[3]), data);
  };
  std::string old = emit("sm_80", fill);
  for (StringRef op : {"cp.async.mbarrier.arrive.noinc.shared.b64", "mbarrier.test_wait.parity.shared::cta.b64",
                       "@p ld.shared.v4.b32"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op.str(), old);
  // Only Hopper can be told to sleep meanwhile.
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "try_wait", old);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "test_wait", emit("sm_90a", fill));
  std::string bulk = emit("sm_90", [](NVVMBuilder &b, Value data, Value) {
    Value shared = b.sharedMemory(), barrier = b.offset(shared, 1024), bytes = b.mul(b.blockId(), 16);
    b.expectBytes(barrier, bytes);
    b.copyBulk(shared, data, bytes, barrier);
  });
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes", bulk);
}

TEST(NVVMBuilderTest, LoopsCarryValues) {
  std::string ptx = emit("sm_80", [](NVVMBuilder &b, Value data, Value) {
    Value count = b.load(b.getI32Type(), data);
    SmallVector<Value> sum = b.loop(b.i32(0), count, b.i32(1), {b.f32(0.0)}, [&](Value iv, ValueRange carried) {
      Value element = b.load(b.getF32Type(), b.element(data, iv, b.getF32Type()));
      return SmallVector<Value>{b.addf(carried[0], b.quadSum(element))};
    });
    b.ifThen(b.eq(b.threadId(), 0), [&] { b.store(sum[0], data); });
  });
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "shfl.sync.bfly.b32", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "add.rn.f32", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "st.global", ptx);
}

TEST(NVVMBuilderTest, PTXNeedsTheTranslation) {
  MLIRContext context;
  context.loadDialect<gpu::GPUDialect>();
  std::string said;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { said += diagnostic.str(); });
  OwningOpRef<ModuleOp> owner = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder builder = OpBuilder::atBlockEnd(owner->getBody());
  auto module = gpu::GPUModuleOp::create(builder, owner->getLoc(), "kernels");
  EXPECT_TRUE(failed(translateToPTX(module, *SM::get("sm_80"))));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "registerPTXTranslation", said);
}
