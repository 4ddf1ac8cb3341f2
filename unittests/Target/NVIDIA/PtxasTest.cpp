//===- PtxasTest.cpp - Finding, running and reading ptxas -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A script stands in for ptxas, so that all of it runs without CUDA.
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/Serialize.h"

#include "gtest/gtest.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et::nvidia;

namespace {
/// A folder with an executable `ptxas` that runs \p script.
class PtxasTest : public ::testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("et-ptxas", folder)); }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }
  std::string writePtxas(StringRef script) {
    std::string path = (folder + "/ptxas").str();
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << "#!/bin/sh\n" << script;
    llvm::sys::fs::setPermissions(path, llvm::sys::fs::all_read | llvm::sys::fs::all_exe);
    return path;
  }
  /// Assembles with \p ptxas and keeps what is reported.
  FailureOr<std::string> assemble(StringRef ptxas, AssemblyReport *report = nullptr) {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { said += diagnostic.str(); });
    return assemblePTX(UnknownLoc::get(&context), ".version 8.6\n", *SM::get("sm_80"), ptxas, report);
  }
  MLIRContext context;
  SmallString<128> folder;
  std::string said;
};
} // namespace

TEST_F(PtxasTest, ExplicitPathIsTheOnlyPlace) {
  std::string path = writePtxas("exit 0\n");
  PtxasSearch search;
  search.folders = {folder.str().str()};
  EXPECT_EQ(findPtxas(search), path);
  search.explicitPath = path;
  EXPECT_EQ(findPtxas(search), path);
  search.explicitPath = path + "-missing";
  EXPECT_EQ(findPtxas(search), std::nullopt);
}

TEST_F(PtxasTest, NowhereIsNowhere) {
  PtxasSearch search;
  search.folders = {"/nonexistent", folder.str().str()};
  EXPECT_EQ(findPtxas(search), std::nullopt);
}

TEST_F(PtxasTest, ReturnsTheCubinAndTheReport) {
  std::string path = writePtxas("while [ $# -gt 1 ]; do [ \"$1\" = -o ] && out=$2; shift; done\n"
                                "printf cubin >$out\n"
                                "echo \"ptxas info    : Compiling entry function 'f' for 'sm_80'\" >&2\n"
                                "echo 'ptxas info    : Used 12 registers, used 0 barriers' >&2\n");
  AssemblyReport report;
  FailureOr<std::string> cubin = assemble(path, &report);
  ASSERT_TRUE(succeeded(cubin)) << said;
  EXPECT_EQ(*cubin, "cubin");
  ASSERT_EQ(report.kernels.size(), 1u);
  EXPECT_EQ(report.kernels[0].name, "f");
  EXPECT_EQ(report.kernels[0].registers, 12);
}

TEST_F(PtxasTest, FailureCarriesItsWords) {
  std::string path = writePtxas("echo 'ptxas fatal   : no such thing' >&2; exit 255\n");
  EXPECT_TRUE(failed(assemble(path)));
  EXPECT_NE(said.find("failed for sm_80: ptxas fatal   : no such thing"), std::string::npos) << said;
}

TEST_F(PtxasTest, MissingProgramIsReported) {
  EXPECT_TRUE(failed(assemble("/nonexistent/ptxas")));
  EXPECT_NE(said.find("/nonexistent/ptxas"), std::string::npos) << said;
}

TEST(PtxasOutputTest, ReadsKernelsSpillsAndAdvisories) {
  AssemblyReport report = parsePtxasOutput(R"(ptxas info    : 0 bytes gmem
ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized due to ...
ptxas info    : Compiling entry function 'a' for 'sm_90a'
ptxas info    : Function properties for a
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 168 registers, used 3 barriers, 1024 bytes smem
ptxas info    : Compiling entry function 'b' for 'sm_90a'
ptxas info    : Function properties for b
    8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads
ptxas info    : Used 40 registers
)");
  ASSERT_EQ(report.kernels.size(), 2u);
  EXPECT_EQ(report.kernels[0].registers, 168);
  EXPECT_EQ(report.kernels[0].staticSharedBytes, 1024);
  EXPECT_EQ(report.kernels[1].stackBytes, 8);
  EXPECT_EQ(report.kernels[1].spillStoreBytes, 12);
  EXPECT_EQ(report.kernels[1].spillLoadBytes, 16);
  EXPECT_TRUE(report.hasSpills());
  ASSERT_EQ(report.advisories.size(), 1u);
  EXPECT_NE(report.advisories[0].find("C7510"), std::string::npos);
}

TEST(PtxasOutputTest, NothingIsNothing) {
  AssemblyReport report = parsePtxasOutput("");
  EXPECT_TRUE(report.kernels.empty());
  EXPECT_TRUE(report.advisories.empty());
  EXPECT_FALSE(report.hasSpills());
}
