/*===- dialect.c - Attributes and passes as a C program uses them --*- C -*-===*\
|*
|* Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* Makes, prints, parses and refuses every attribute; builds a module, runs passes
|* on it by name and by function, compiles it and runs it. C99.
|*
\*===----------------------------------------------------------------------===*/

#include "check.h"

#include "et-c/Dialect.h"
#include "et-c/Module.h"
#include "et-c/Passes.h"

#include "mlir-c/BuiltinAttributes.h"
#include "mlir-c/BuiltinTypes.h"
#include "mlir-c/Diagnostics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char printed[1 << 16];

static void append(MlirStringRef text, void *data) {
  char *buffer = data;
  size_t size = strlen(buffer);
  CHECK(size + text.length < sizeof(printed));
  memcpy(buffer + size, text.data, text.length);
  buffer[size + text.length] = 0;
}

static MlirStringRef str(const char *text) { return mlirStringRefCreateFromCString(text); }

/* The last diagnostics, which nobody else sees. */
static char said[1 << 12];

static MlirLogicalResult collect(MlirDiagnostic diagnostic, void *data) {
  mlirDiagnosticPrint(diagnostic, append, data);
  return mlirLogicalResultSuccess();
}

/* The attribute prints as `text`, and the text is parsed to the same attribute. */
static void expectAttribute(MlirContext context, MlirAttribute attr, const char *text) {
  CHECK(!mlirAttributeIsNull(attr));
  printed[0] = 0;
  mlirAttributePrint(attr, append, printed);
  if (strcmp(printed, text)) {
    fprintf(stderr, "expected '%s', but got '%s'\n", text, printed);
    exit(1);
  }
  CHECK(mlirAttributeEqual(attr, mlirAttributeParseGet(context, str(text))));
}

/* The attribute was refused, with a diagnostic that has `text`. */
static void expectRefused(MlirAttribute attr, const char *text) {
  CHECK(mlirAttributeIsNull(attr));
  if (!strstr(said, text)) {
    fprintf(stderr, "expected a diagnostic with '%s', but got '%s'\n", text, said);
    exit(1);
  }
  said[0] = 0;
}

static void testAttributes(MlirContext context) {
  MlirAttribute tile = etTileAttrGet(context, 16, 8), unit = mlirUnitAttrGet(context), attr;
  const int64_t shape[] = {32, 16};
  MlirType type;

  expectAttribute(context, tile, "#et.tile<16x8>");
  CHECK(etAttributeIsATile(tile) && !etAttributeIsATile(unit) && !etAttributeIsARows(tile));
  CHECK(!etAttributeIsATile(mlirAttributeGetNull()));
  CHECK(etTileAttrGetRows(tile) == 16 && etTileAttrGetColumns(tile) == 8);
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(tile), etTileAttrGetTypeID()));
  expectRefused(etTileAttrGet(context, 0, 8), "0");
  expectRefused(etTileAttrGet(context, 16, -1), "-1");
  expectRefused(etTileAttrGet(context, INT64_C(1) << 31, 8), "2147483648");

  attr = etRowsAttrGet(context);
  expectAttribute(context, attr, "#et.rows");
  CHECK(etAttributeIsARows(attr) && !etAttributeIsAColumns(attr));
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(attr), etRowsAttrGetTypeID()));
  attr = etColumnsAttrGet(context);
  expectAttribute(context, attr, "#et.columns");
  CHECK(etAttributeIsAColumns(attr) && !etAttributeIsARows(attr));
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(attr), etColumnsAttrGetTypeID()));

  attr = etPanelsAttrGet(context, 48);
  expectAttribute(context, attr, "#et.panels<48>");
  CHECK(etAttributeIsAPanels(attr) && !etAttributeIsAPanels(tile) && etPanelsAttrGetWidth(attr) == 48);
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(attr), etPanelsAttrGetTypeID()));
  expectRefused(etPanelsAttrGet(context, 0), "0");

  attr = etSparsePanelsAttrGet(context, 64, 921);
  expectAttribute(context, attr, "#et.sparse_panels<64, kept = 921>");
  CHECK(etAttributeIsASparsePanels(attr) && !etAttributeIsASparsePanels(tile));
  CHECK(etSparsePanelsAttrGetWidth(attr) == 64 && etSparsePanelsAttrGetKept(attr) == 921);
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(attr), etSparsePanelsAttrGetTypeID()));
  expectRefused(etSparsePanelsAttrGet(context, 64, -1), "-1");

  attr = etStripsAttrGet(context, 64, 32, 460);
  expectAttribute(context, attr, "#et.strips<64x32, kept = 460>");
  CHECK(etAttributeIsAStrips(attr) && !etAttributeIsAStrips(tile));
  CHECK(etStripsAttrGetRows(attr) == 64 && etStripsAttrGetColumns(attr) == 32 && etStripsAttrGetKept(attr) == 460);
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(attr), etStripsAttrGetTypeID()));
  expectRefused(etStripsAttrGet(context, 48, 32, 1), "48");

  attr = etMaskAttrGet(context, ET_MASK_CAUSAL, true, -1, -1, 0);
  expectAttribute(context, attr, "#et.mask<causal, lower_right>");
  CHECK(etAttributeIsAMask(attr) && !etAttributeIsAMask(tile));
  CHECK(etMaskAttrGetKind(attr) == ET_MASK_CAUSAL && etMaskAttrGetLowerRight(attr));
  attr = etMaskAttrGet(context, ET_MASK_WINDOW, false, 64, 32, 1);
  expectAttribute(context, attr, "#et.mask<window, left = 64, right = 32, global = 1>");
  CHECK(etMaskAttrGetLeft(attr) == 64 && etMaskAttrGetRight(attr) == 32 && etMaskAttrGetGlobal(attr) == 1);
  CHECK(etMaskAttrGetKind(attr) == ET_MASK_WINDOW && !etMaskAttrGetLowerRight(attr));
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(attr), etMaskAttrGetTypeID()));
  expectAttribute(context, etMaskAttrGet(context, ET_MASK_NONE, false, -1, -1, 0), "#et.mask<none>");
  expectRefused(etMaskAttrGet(context, ET_MASK_NONE, false, 64, -1, 0), "window");
  expectRefused(etMaskAttrGet(context, ET_MASK_WINDOW, false, -2, 1, 0), "-2");
  expectRefused(etMaskAttrGet(context, (EtMaskKind)3, false, -1, -1, 0), "expected a kind of mask of 0 to 2, but got 3");

  attr = etPaddingSideAttrGet(context, ET_PADDING_LEFT);
  expectAttribute(context, attr, "#et.padding<left>");
  CHECK(etAttributeIsAPaddingSide(attr) && !etAttributeIsAPaddingSide(tile));
  CHECK(etPaddingSideAttrGetValue(attr) == ET_PADDING_LEFT);
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(attr), etPaddingSideAttrGetTypeID()));
  expectRefused(etPaddingSideAttrGet(context, (EtPaddingSide)-1), "expected a side of padding of 0 or 1, but got -1");

  attr = etGeluKindAttrGet(context, ET_GELU_SIGMOID);
  expectAttribute(context, attr, "#et.gelu<sigmoid>");
  CHECK(etAttributeIsAGeluKind(attr) && !etAttributeIsAGeluKind(tile));
  CHECK(etGeluKindAttrGetValue(attr) == ET_GELU_SIGMOID);
  CHECK(mlirTypeIDEqual(mlirAttributeGetTypeID(attr), etGeluKindAttrGetTypeID()));
  expectRefused(etGeluKindAttrGet(context, (EtGeluKind)7), "expected a form of GELU of 0 to 2, but got 7");

  type = etTensorMapTypeGet(context);
  CHECK(etTypeIsATensorMap(type) && !etTypeIsATensorMap(mlirF32TypeGet(context)));
  CHECK(mlirTypeEqual(type, mlirTypeParseGet(context, str("!et.tensor_map"))));
  CHECK(mlirTypeIDEqual(mlirTypeGetTypeID(type), etTensorMapTypeGetTypeID()));

  /* An encoding is checked against the tensor that has it. */
  type = mlirRankedTensorTypeGetChecked(mlirLocationUnknownGet(context), 2, shape, mlirF32TypeGet(context), tile);
  CHECK(mlirTypeEqual(type, mlirTypeParseGet(context, str("tensor<32x16xf32, #et.tile<16x8>>"))));
  type = mlirRankedTensorTypeGetChecked(mlirLocationUnknownGet(context), 1, shape, mlirF32TypeGet(context), tile);
  CHECK(mlirTypeIsNull(type) && strlen(said) > 0);
  said[0] = 0;
}

static const char layer[] =
    "func.func @layer(%x: tensor<?x2xf32> {et.name = \"x\"}) -> tensor<?x3xf32> {\n"
    "  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>\n"
    "  %0 = et.linear %x, %w : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>\n"
    "  %1 = et.gelu %0 : tensor<?x3xf32>\n"
    "  return %1 : tensor<?x3xf32>\n"
    "}\n";

/* Runs in f64, which no kernel does: the compiler has a remark. */
static const char slow[] = "func.func @slow(%x: tensor<4xf64>) -> tensor<4xf64> {\n"
                           "  %y = et.gelu %x : tensor<4xf64>\n"
                           "  return %y : tensor<4xf64>\n"
                           "}\n";

static MlirModule parse(MlirContext context, const char *text) {
  MlirModule module = mlirModuleCreateParse(context, str(text));
  CHECK(!mlirModuleIsNull(module));
  return module;
}

static const char *print(MlirModule module) {
  printed[0] = 0;
  mlirOperationPrint(mlirModuleGetOperation(module), append, printed);
  return printed;
}

/* Passes by the functions that TableGen generates, by name, and ones that there are not. */
static void testPasses(MlirContext context) {
  MlirModule module = parse(context, layer);
  MlirPassManager pm = mlirPassManagerCreate(context);
  char unknown[512] = "";

  mlirPassManagerAddOwnedPass(pm, mlirCreateETDecomposePass());
  CHECK(mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  CHECK(!strstr(print(module), "et.gelu") && strstr(printed, "linalg.generic"));
  mlirPassManagerDestroy(pm);

  pm = mlirPassManagerCreate(context);
  mlirPassManagerAddOwnedPass(pm, mlirCreateETRaiseRaiseGeluPass());
  CHECK(mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  CHECK(strstr(print(module), "et.gelu"));
  mlirPassManagerDestroy(pm);
  mlirModuleDestroy(module);

  etRegisterPasses();
  etRegisterPasses();
  module = parse(context, layer);
  pm = mlirPassManagerCreate(context);
  CHECK(mlirLogicalResultIsSuccess(mlirOpPassManagerAddPipeline(mlirPassManagerGetAsOpPassManager(pm),
                                                                str("et-plan-gpu{chip=sm_80}"), append, unknown)));
  CHECK(mlirLogicalResultIsFailure(mlirOpPassManagerAddPipeline(mlirPassManagerGetAsOpPassManager(pm),
                                                                str("et-nothing"), append, unknown)));
  CHECK(strstr(unknown, "'et-nothing' does not refer to a registered pass or pass pipeline"));
  CHECK(mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  CHECK(strstr(print(module), "et.launch") && strstr(printed, "sm_80"));
  mlirPassManagerDestroy(pm);
  mlirModuleDestroy(module);

  /* A pass that fails says why. */
  module = parse(context, layer);
  pm = mlirPassManagerCreate(context);
  CHECK(mlirLogicalResultIsSuccess(mlirOpPassManagerAddPipeline(mlirPassManagerGetAsOpPassManager(pm),
                                                                str("et-plan-gpu{chip=sm_42}"), append, unknown)));
  said[0] = 0;
  CHECK(mlirLogicalResultIsFailure(mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  CHECK(strstr(said, "sm_42"));
  said[0] = 0;
  mlirPassManagerDestroy(pm);
  mlirModuleDestroy(module);
}

static void expectError(EtError error, const char *text) {
  CHECK(error != NULL);
  if (!strstr(etErrorGetMessage(error), text)) {
    fprintf(stderr, "expected an error with '%s', but got '%s'\n", text, etErrorGetMessage(error));
    exit(1);
  }
  etErrorDestroy(error);
}

static double gelu(double x) { return x / 2 * (1 + erf(x / sqrt(2.0))); }

/* A module in memory is compiled and stays as it is; its errors are the call's and not the context's. */
static void testModule(MlirContext context) {
  MlirModule module = parse(context, layer), wrong;
  MlirModule none = {NULL};
  MlirOperation function;
  EtProgram program = NULL;
  EtCompileOptions options;
  EtTensor input, output;
  const float x[2][2] = {{0.5f, -0.25f}, {-1, 0.125f}};
  float y[2][3];
  const int64_t xShape[] = {2, 2}, yShape[] = {2, 3};
  char *text = NULL, *before;
  size_t size = 0;
  int i, j;

  before = strcpy(malloc(strlen(print(module)) + 1), printed);
  etCompileOptionsInit(&options);
  options.isa = "baseline";
  CHECK(etModuleCompile(module, &options, &program) == NULL);
  CHECK(!strcmp(print(module), before));
  free(before);
  input.data = (void *)x;
  input.elementType = ET_F32;
  input.shape = xShape;
  input.rank = 2;
  output = input;
  output.data = y;
  output.shape = yShape;
  CHECK(etProgramRun(program, &input, 1, &output, 1) == NULL);
  for (i = 0; i < 2; ++i)
    for (j = 0; j < 3; ++j)
      CHECK(fabs(y[i][j] - gelu(x[i][0] * (2.0 * j + 1) + x[i][1] * (2.0 * j + 2))) < 1e-6);
  etProgramDestroy(program);

  CHECK(etModuleCompile(module, NULL, &program) == NULL);
  etProgramDestroy(program);

  CHECK(etModuleEmit(module, &options, "planned", &text, &size) == NULL);
  CHECK(size == strlen(text) && strstr(text, "et.launch"));
  etStringDestroy(text);
  CHECK(etModuleEmit(module, &options, "program", &text, &size) == NULL);
  CHECK(size > 32 && !memcmp(text + size - 8, "ETP1.END", 8));
  etStringDestroy(text);

  said[0] = 0;
  expectError(etModuleEmit(module, &options, "binary", &text, &size), "but got 'binary'");
  expectError(etModuleEmit(module, &options, NULL, &text, &size), "or program, but got a null pointer");
  options.reserved[0] = 1;
  expectError(etModuleEmit(module, &options, "et", &text, &size), "expected reserved[0] of EtCompileOptions to be 0, but got 1");
  expectError(etModuleCompile(module, &options, &program), "expected reserved[0] of EtCompileOptions to be 0, but got 1");
  options.reserved[0] = 0;
  options.isa = "sse9";
  expectError(etModuleCompile(module, &options, &program), "sse9");
  expectError(etModuleCompile(none, NULL, &program), "expected a module, but got a null one");
  wrong = parse(context, "module {}");
  expectError(etModuleCompile(wrong, NULL, &program), "function");
  mlirModuleDestroy(wrong);
  /* Not valid any more. */
  wrong = parse(context, layer);
  function = mlirBlockGetFirstOperation(mlirModuleGetBody(wrong));
  CHECK(mlirOperationRemoveAttributeByName(function, str("function_type")));
  expectError(etModuleCompile(wrong, NULL, &program), "function_type");
  mlirModuleDestroy(wrong);
  CHECK(said[0] == 0);
  mlirModuleDestroy(module);
}

static void countRemark(const char *text, void *data) {
  CHECK(strlen(text) > 0);
  ++*(int *)data;
}

/* Remarks go to the last callback that was set, of what E.T. compiles and of what MLIR's pass manager runs. */
static void testRemarks(MlirContext context) {
  MlirModule module = parse(context, slow);
  MlirPassManager pm = mlirPassManagerCreate(context);
  EtProgram program = NULL;
  int first = 0, second = 0, seen;

  etContextSetRemarkCallback(context, countRemark, &first);
  CHECK(etModuleCompile(module, NULL, &program) == NULL);
  etProgramDestroy(program);
  CHECK(first > 0);

  seen = first;
  etContextSetRemarkCallback(context, countRemark, &second);
  CHECK(mlirLogicalResultIsSuccess(
      mlirOpPassManagerAddPipeline(mlirPassManagerGetAsOpPassManager(pm), str("et-plan-cpu"), append, said)));
  CHECK(mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  CHECK(first == seen && second > 0);
  mlirPassManagerDestroy(pm);
  mlirModuleDestroy(module);

  seen = second;
  etContextSetRemarkCallback(context, NULL, NULL);
  module = parse(context, slow);
  CHECK(etModuleCompile(module, NULL, &program) == NULL);
  etProgramDestroy(program);
  CHECK(first > 0 && second == seen);
  mlirModuleDestroy(module);
}

/* A program needs neither its module nor the context any more. */
static void testProgramOutlivesModule(void) {
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  MlirContext context;
  MlirModule module;
  EtProgram program = NULL;
  EtTensor input, output;
  const float x[1][2] = {{0.5f, -0.25f}};
  float y[1][3];
  const int64_t xShape[] = {1, 2}, yShape[] = {1, 3};
  int j;

  etRegisterDialects(registry);
  context = mlirContextCreateWithRegistry(registry, /*threadingEnabled=*/true);
  mlirDialectRegistryDestroy(registry);
  module = parse(context, layer);
  CHECK(etModuleCompile(module, NULL, &program) == NULL);
  mlirModuleDestroy(module);
  mlirContextDestroy(context);
  input.data = (void *)x;
  input.elementType = ET_F32;
  input.shape = xShape;
  input.rank = 2;
  output = input;
  output.data = y;
  output.shape = yShape;
  CHECK(etProgramRun(program, &input, 1, &output, 1) == NULL);
  for (j = 0; j < 3; ++j)
    CHECK(fabs(y[0][j] - gelu(x[0][0] * (2.0 * j + 1) + x[0][1] * (2.0 * j + 2))) < 1e-6);
  etProgramDestroy(program);
}

/* The dialect's handle registers the dialect alone, and what compiling needs comes when it is asked for. */
static void testHandle(void) {
  MlirContext context = mlirContextCreate();
  MlirModule module;
  EtProgram program = NULL;
  CHECK(mlirDialectHandleGetNamespace(mlirGetDialectHandle__et__()).length == 2);
  mlirDialectHandleRegisterDialect(mlirGetDialectHandle__et__(), context);
  CHECK(!mlirDialectIsNull(mlirContextGetOrLoadDialect(context, str("et"))));
  module = mlirModuleCreateEmpty(mlirLocationUnknownGet(context));
  expectError(etModuleCompile(module, NULL, &program), "function");
  mlirModuleDestroy(module);
  mlirContextDestroy(context);
}

int main(void) {
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  MlirContext context;
  MlirDiagnosticHandlerID handler;

  etRegisterDialects(registry);
  context = mlirContextCreateWithRegistry(registry, /*threadingEnabled=*/false);
  mlirDialectRegistryDestroy(registry);
  handler = mlirContextAttachDiagnosticHandler(context, collect, said, NULL);

  testAttributes(context);
  testPasses(context);
  testModule(context);
  testRemarks(context);
  testProgramOutlivesModule();
  testHandle();

  mlirContextDetachDiagnosticHandler(context, handler);
  mlirContextDestroy(context);
  puts("passed");
  return 0;
}
