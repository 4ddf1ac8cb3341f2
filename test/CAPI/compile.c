/*===- compile.c - The C API as a C program uses it ----------------*- C -*-===*\
|*
|* Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* Compiles and runs a layer, reads what the program says of itself, gets every
|* kind of error, remarks, IR, bytecode and saved programs. C99; takes a folder to
|* write to, and leaves layer.etp there.
|*
\*===----------------------------------------------------------------------===*/

#include "check.h"

#include "et-c/Check.h"
#include "et-c/Compile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char layer[] =
    "func.func @layer(%x: tensor<?x2xf32> {et.name = \"x\", et.dims = [\"rows\", \"\"], et.min_sizes = array<i64: 2, 0>}) -> (tensor<?x3xf32> {et.name = \"y\"}) {\n"
    "  %w = arith.constant dense_resource<w> : tensor<3x2xf32>\n"
    "  %y = et.linear %x, %w : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>\n"
    "  return %y : tensor<?x3xf32>\n"
    "}\n";

/* Runs in f64, which no kernel does: the compiler has a remark. */
static const char slow[] = "func.func @slow(%x: tensor<4xf64>) -> tensor<4xf64> {\n"
                           "  %y = et.gelu %x : tensor<4xf64>\n"
                           "  return %y : tensor<4xf64>\n"
                           "}\n";

/* The error must be there and say `text`. */
static void expectError(EtError error, const char *text) {
  CHECK(error != NULL);
  if (!strstr(etErrorGetMessage(error), text)) {
    fprintf(stderr, "expected an error with '%s', but got '%s'\n", text, etErrorGetMessage(error));
    exit(1);
  }
  etErrorDestroy(error);
}

static void expectSuccess(EtError error) {
  if (error) {
    fprintf(stderr, "expected success, but got '%s'\n", etErrorGetMessage(error));
    exit(1);
  }
}

static void countRemark(const char *text, void *context) {
  CHECK(strlen(text) > 0);
  ++*(int *)context;
}

static void testRun(const EtResource *weight) {
  EtProgram program = NULL;
  EtCompileOptions options;
  const float x[2][2] = {{1, 2}, {3, -1}};
  float y[2][3];
  const int64_t xShape[] = {2, 2}, yShape[] = {2, 3}, badShape[] = {2, 5}, fewShape[] = {1, 2};
  int64_t sizes[2] = {0, 0};
  EtTensor input, output, bad;
  int i, j;

  etCompileOptionsInit(&options);
  options.isa = "baseline";
  options.threads = 2;
  expectSuccess(etCompile(layer, strlen(layer), weight, 1, &options, NULL, NULL, &program));

  CHECK(etProgramGetNumInputs(program) == 1 && etProgramGetNumOutputs(program) == 1);
  CHECK(!strcmp(etProgramGetInputName(program, 0), "x") && !strcmp(etProgramGetOutputName(program, 0), "y"));
  CHECK(etProgramGetInputType(program, 0) == ET_F32 && etProgramGetOutputType(program, 0) == ET_F32);
  CHECK(etProgramGetInputRank(program, 0) == 2 && etProgramGetOutputRank(program, 0) == 2);
  CHECK(etProgramGetInputShape(program, 0)[0] < 0 && etProgramGetInputShape(program, 0)[1] == 2);
  CHECK(etProgramGetOutputShape(program, 0)[1] == 3);
  CHECK(!strcmp(etProgramGetInputDimName(program, 0, 0), "rows") && !strcmp(etProgramGetInputDimName(program, 0, 1), ""));
  CHECK(etProgramGetWeightsSize(program) >= 3 * 2 * sizeof(float));

  input.data = (void *)x;
  input.elementType = ET_F32;
  input.shape = xShape;
  input.rank = 2;
  expectSuccess(etProgramComputeShapes(program, &input, 1, sizes));
  CHECK(sizes[0] == 2 && sizes[1] == 3);
  output = input;
  output.data = y;
  output.shape = yShape;
  expectSuccess(etProgramSetThreads(program, 1));
  expectSuccess(etProgramRun(program, &input, 1, &output, 1));
  for (i = 0; i < 2; ++i)
    for (j = 0; j < 3; ++j)
      CHECK(fabsf(y[i][j] - (x[i][0] * (float)(2 * j + 1) + x[i][1] * (float)(2 * j + 2))) < 1e-6f);

  expectError(etProgramRun(program, &input, 0, &output, 1), "expected 1 inputs, but got 0");
  expectError(etProgramRun(program, &input, 1, &output, 0), "expected memory for 1 outputs, but got 0");
  bad = input;
  bad.shape = badShape;
  expectError(etProgramRun(program, &bad, 1, &output, 1), "expected dimension 1 of input 'x'");
  expectError(etProgramComputeShapes(program, &bad, 1, sizes), "expected dimension 1 of input 'x'");
  bad = input;
  bad.shape = fewShape;
  expectError(etProgramRun(program, &bad, 1, &output, 1),
              "expected dimension 'rows' (dimension 0 of input 'x') to be at least 2, but got 1");
  expectError(etProgramComputeShapes(program, &bad, 1, sizes), "to be at least 2, but got 1");
  bad = input;
  bad.rank = 1;
  expectError(etProgramRun(program, &bad, 1, &output, 1), "to have 2 dimensions");
  bad = input;
  bad.elementType = ET_F64;
  expectError(etProgramRun(program, &bad, 1, &output, 1), "to have f32 elements, but got f64");
  bad = input;
  bad.data = NULL;
  expectError(etProgramRun(program, &bad, 1, &output, 1), "but got a null pointer");
  bad = output;
  bad.shape = badShape;
  expectError(etProgramRun(program, &input, 1, &bad, 1), "expected output 'y' to have shape [2, 3]");
  etProgramDestroy(program);
}

static void testCompileErrors(const EtResource *weight) {
  EtProgram program = NULL;
  EtCompileOptions options;
  EtResource small = *weight, other = *weight;
  const char *broken = "func.func @f(";

  expectError(etCompile(broken, strlen(broken), NULL, 0, NULL, NULL, NULL, &program), "expected");
  expectError(etCompile(layer, strlen(layer), NULL, 0, NULL, NULL, NULL, &program), "nothing was given for the resource 'w'");
  small.size = 8;
  expectError(etCompile(layer, strlen(layer), &small, 1, NULL, NULL, NULL, &program), "expected 24 bytes of data for the resource 'w'");
  other.name = "v";
  expectError(etCompile(layer, strlen(layer), &other, 1, NULL, NULL, NULL, &program), "nothing was given for the resource 'w'");
  etCompileOptionsInit(&options);
  options.isa = "sse9";
  expectError(etCompile(layer, strlen(layer), weight, 1, &options, NULL, NULL, &program), "expected isa to be");
  etCompileOptionsInit(&options);
  options.reserved[1] = 7;
  expectError(etCompile(layer, strlen(layer), weight, 1, &options, NULL, NULL, &program),
              "expected reserved[1] of EtCompileOptions to be 0, but got 7");
  etCompileOptionsInit(&options);
  options.entry = "missing";
  expectError(etCompile(layer, strlen(layer), weight, 1, &options, NULL, NULL, &program), "expected a public function named 'missing'");
  CHECK(program == NULL);
}

static void testNonFinite(void) {
  float w[6] = {1, 2, 3, 4, 5, 6};
  EtResource weight;
  EtProgram program = NULL;
  EtCompileOptions options;
  weight.name = "w";
  weight.data = w;
  weight.size = sizeof(w);
  w[3] = (float)NAN;
  expectError(etCompile(layer, strlen(layer), &weight, 1, NULL, NULL, NULL, &program), "not finite at [1, 1]");
  etCompileOptionsInit(&options);
  options.allowNonFinite = 1;
  expectSuccess(etCompile(layer, strlen(layer), &weight, 1, &options, NULL, NULL, &program));
  etProgramDestroy(program);
}

static void testRemarks(void) {
  EtProgram program = NULL;
  int numRemarks = 0;
  expectSuccess(etCompile(slow, strlen(slow), NULL, 0, NULL, countRemark, &numRemarks, &program));
  CHECK(numRemarks > 0);
  etProgramDestroy(program);
}

static void testEmit(const EtResource *weight) {
  EtCompileOptions options;
  char *text = NULL;
  size_t size = 0;
  expectSuccess(etEmit(layer, strlen(layer), weight, 1, NULL, "planned", &text, &size));
  CHECK(size == strlen(text) && strstr(text, "et.launch \"linear\""));
  etStringDestroy(text);
  expectSuccess(etEmit(layer, strlen(layer), weight, 1, NULL, "obj", &text, &size));
  CHECK(size > 4 && !memcmp(text, "\177ELF", 4));
  etStringDestroy(text);
  expectError(etEmit(layer, strlen(layer), weight, 1, NULL, "gold", &text, &size), "expected a stage of et, planned");
  expectError(etEmit(layer, strlen(layer), weight, 1, NULL, NULL, &text, &size), "or program, but got a null pointer");
  etCompileOptionsInit(&options);
  options.reserved[5] = 1;
  expectError(etEmit(layer, strlen(layer), weight, 1, &options, "et", &text, &size),
              "expected reserved[5] of EtCompileOptions to be 0, but got 1");
  expectError(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &text, &size),
              "expected reserved[5] of EtCompileOptions to be 0, but got 1");
}

static size_t readFile(const char *path, char *buffer, size_t capacity) {
  FILE *file = fopen(path, "rb");
  size_t size;
  CHECK(file != NULL);
  size = fread(buffer, 1, capacity, file);
  CHECK(size < capacity);
  fclose(file);
  return size;
}

static void testSaved(const EtResource *weight, const char *folder) {
  static char written[1 << 20];
  char path[4096];
  char *bytes = NULL, *more = NULL;
  size_t size = 0, moreSize = 0;
  int numRemarks = 0;
  EtCompileOptions options;
  EtProgram program = NULL;

  etCompileOptionsInit(&options);
  options.isa = "baseline";
  expectSuccess(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &bytes, &size));
  CHECK(size > 12 && !memcmp(bytes + 8, "ETP1", 4));
  /* What was compiled to run at once is the same program. runtime.c runs what this leaves. */
  expectSuccess(etCompile(layer, strlen(layer), weight, 1, &options, NULL, NULL, &program));
  snprintf(path, sizeof(path), "%s/layer.etp", folder);
  expectSuccess(etProgramSave(program, path));
  CHECK(readFile(path, written, sizeof(written)) == size && !memcmp(written, bytes, size));
  snprintf(path, sizeof(path), "%s/none/layer.etp", folder);
  expectError(etProgramSave(program, path), "cannot write '");
  etProgramDestroy(program);

  /* Plans for two levels; emitted as a stage they are the same. */
  options.isa = "baseline,avx2";
  expectSuccess(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &more, &moreSize));
  CHECK(moreSize > size);
  etStringDestroy(bytes);
  expectSuccess(etEmit(layer, strlen(layer), weight, 1, &options, "program", &bytes, &size));
  CHECK(size == moreSize && !memcmp(bytes, more, size));
  etStringDestroy(bytes);
  etStringDestroy(more);
  expectError(etCompile(layer, strlen(layer), weight, 1, &options, NULL, NULL, &program), "but got 'baseline,avx2'");
  expectSuccess(etCompileSaved(slow, strlen(slow), NULL, 0, &options, countRemark, &numRemarks, &bytes, &size));
  CHECK(numRemarks > 0);
  etStringDestroy(bytes);

  expectError(etCompileSaved(layer, strlen(layer), NULL, 0, &options, NULL, NULL, &bytes, &size),
              "nothing was given for the resource 'w'");
  expectError(etCompileSaved("func.func @f(", 13, NULL, 0, &options, NULL, NULL, &bytes, &size), "expected");
  options.isa = "avx2,";
  expectError(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &bytes, &size),
              "expected isa to be baseline, avx2, avx512 or native, but got ''");
  etCompileOptionsInit(&options);
  options.target = "cuda:sm_1";
  expectError(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &bytes, &size),
              "expected target to be cpu or cuda: and one of");
  options.target = "cuda:sm_90a";
  expectError(etCompile(layer, strlen(layer), weight, 1, &options, NULL, NULL, &program),
              "save a program for the target 'cuda:sm_90a'");
  expectSuccess(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &bytes, &size));
  CHECK(size > 12 && !memcmp(bytes + 8, "ETP1", 4));
  etStringDestroy(bytes);

  options.partialAttentionFrom = 225;
  expectSuccess(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &bytes, &size));
  etStringDestroy(bytes);
  options.partialAttentionFrom = -4;
  expectError(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &bytes, &size),
              "expected a number of keys from 0 to 1073741824, or -1 for any, but got -5");

  etCompileOptionsInit(&options);
  CHECK(options.expectedRows == 0);
  options.target = "cuda:sm_90a";
  options.expectedRows = 128;
  expectSuccess(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &bytes, &size));
  etStringDestroy(bytes);

  const char *tables[] = {"/no/such/table.json"};
  etCompileOptionsInit(&options);
  options.target = "cuda:sm_90a";
  options.tuned = tables;
  options.numTuned = 1;
  expectError(etCompileSaved(layer, strlen(layer), weight, 1, &options, NULL, NULL, &bytes, &size),
              "cannot read the tuned table '/no/such/table.json': No such file or directory");
}

static void testBytecode(const EtResource *weight, const char *folder) {
  char path[4096], buffer[1 << 16];
  size_t size;
  FILE *file;
  EtProgram program = NULL;
  snprintf(path, sizeof(path), "%s/layer.mlirbc", folder);
  expectSuccess(etWriteBytecode(layer, strlen(layer), weight, 1, path));
  file = fopen(path, "rb");
  CHECK(file != NULL);
  size = fread(buffer, 1, sizeof(buffer), file);
  fclose(file);
  remove(path);
  /* The weight is inside: it is compiled without resources. */
  expectSuccess(etCompile(buffer, size, NULL, 0, NULL, NULL, NULL, &program));
  etProgramDestroy(program);
  expectError(etCompile(buffer, size / 2, NULL, 0, NULL, NULL, NULL, &program), "");
  snprintf(path, sizeof(path), "%s/none/layer.mlirbc", folder);
  expectError(etWriteBytecode(layer, strlen(layer), weight, 1, path), "cannot write");
}

static void testCheck(void) {
  static const char *source = "func.func @f(%x: tensor<?xf32> {et.dims = [\"n\"]}) -> tensor<4xf32> {\n"
                              "  %0 = tensor.cast %x : tensor<?xf32> to tensor<4xf32>\n"
                              "  return %0 : tensor<4xf32>\n"
                              "}\n";
  EtCheckOptions options;
  char *report = NULL;
  size_t size = 0;
  etCheckOptionsInit(&options);
  CHECK(options.maxPaths == 256 && options.timeLimit == 5000);
  expectSuccess(etCheckShapes(source, strlen(source), &options, &report, &size));
  CHECK(report && strlen(report) == size);
  CHECK(strstr(report, "\"verdict\":\"invalid\"") && strstr(report, "\"example\":{\"n\":1}"));
  CHECK(strstr(report, "\"line\":2") && strstr(report, "\"always\":false"));
  etStringDestroy(report);
  expectSuccess(etCheckShapes(source, strlen(source), NULL, &report, &size));
  etStringDestroy(report);
  expectError(etCheckShapes("func.func @", 11, &options, &report, &size), "expected");
  options.reserved[5] = 1;
  expectError(etCheckShapes(source, strlen(source), &options, &report, &size),
              "expected reserved[5] of EtCheckOptions to be 0, but got 1");
  etCheckOptionsInit(&options);
  options.maxPaths = 0;
  expectError(etCheckShapes(source, strlen(source), &options, &report, &size),
              "maxPaths and timeLimit have to be positive, but they are 0 and 5000");
}

int main(int argc, char **argv) {
  static const float w[6] = {1, 2, 3, 4, 5, 6};
  EtResource weight;
  weight.name = "w";
  weight.data = w;
  weight.size = sizeof(w);
  CHECK(argc == 2);
  CHECK(strlen(etVersion()) > 0);
  testRun(&weight);
  testCompileErrors(&weight);
  testNonFinite();
  testRemarks();
  testCheck();
  testEmit(&weight);
  testSaved(&weight, argv[1]);
  testBytecode(&weight, argv[1]);
  return 0;
}
