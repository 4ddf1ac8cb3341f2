//===- Compile.cpp - C API: compile a module and run it -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Session.h"

#include "et/Version.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::et;

const char *etVersion(void) { return ET_VERSION_STRING; }

const char *etErrorGetMessage(EtError error) { return error->message.c_str(); }

void etErrorDestroy(EtError error) { delete error; }

void etStringDestroy(char *string) { std::free(string); }

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

void etCompileOptionsInit(EtCompileOptions *options) {
  *options = {"native", nullptr, 0, 0, "cpu", 0, 0, nullptr, 0, 0, nullptr, {}};
}

EtError et::convertOptions(const EtCompileOptions *given, CompileOptions &options) {
  if (!given)
    return nullptr;
  if (std::optional<std::string> wrong = findReserved(given->reserved, "EtCompileOptions", etVersion()))
    return makeError(std::move(*wrong));
  if (given->isa)
    options.isa = given->isa;
  if (given->entry)
    options.entry = given->entry;
  options.threads = given->threads;
  options.allowNonFinite = given->allowNonFinite != 0;
  options.foldNorms = given->foldNorms == 0 ? FoldNorms::Off : given->foldNorms == 2 ? FoldNorms::Auto : FoldNorms::On;
  options.partialAttention = given->partialAttentionFrom - 1;
  options.expectedRows = given->expectedRows;
  options.tuned.assign(given->tuned, given->tuned + given->numTuned);
  if (given->transformLibrary)
    options.transformLibrary = given->transformLibrary;
  if (given->target)
    options.target = given->target;
  return nullptr;
}

EtError etCompile(const char *source, size_t size, const EtResource *resources, size_t numResources,
                  const EtCompileOptions *options, EtRemarkCallback remarks, void *remarkContext, EtProgram *program) {
  CompileOptions converted;
  if (EtError error = convertOptions(options, converted))
    return error;
  Session session(remarks, remarkContext);
  if (EtError error = session.parse({source, size}, {resources, numResources}))
    return error;
  FailureOr<std::unique_ptr<Program>> compiled = compile(session.getModule(), converted);
  if (failed(compiled))
    return session.takeError("the module cannot be compiled");
  *program = new EtProgramImpl{std::move(*compiled)};
  return nullptr;
}

EtError et::emitModule(ModuleOp module, Messages &messages, Stage stage, const CompileOptions &options, char **output,
                       size_t *outputSize) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (failed(emitStage(module, stage, options, os)))
    return messages.take("the module cannot be compiled");
  return copyOut(text, output, outputSize);
}

EtError et::convertStage(const char *name, Stage &stage) {
  FailureOr<Stage> parsed = parseStage(name ? name : "");
  if (failed(parsed))
    return makeError(
        std::string("expected a stage of et, planned, llvm, llvm-ir, asm, obj, gpu, ptx, cubin or program, "
                    "but got ") +
        (name ? "'" + std::string(name) + "'" : "a null pointer"));
  stage = *parsed;
  return nullptr;
}

EtError etCompileSaved(const char *source, size_t size, const EtResource *resources, size_t numResources,
                       const EtCompileOptions *options, EtRemarkCallback remarks, void *remarkContext, char **output,
                       size_t *outputSize) {
  CompileOptions converted;
  if (EtError error = convertOptions(options, converted))
    return error;
  Session session(remarks, remarkContext);
  if (EtError error = session.parse({source, size}, {resources, numResources}))
    return error;
  return emitModule(session.getModule(), session.getMessages(), Stage::Program, converted, output, outputSize);
}

EtError etEmit(const char *source, size_t size, const EtResource *resources, size_t numResources,
               const EtCompileOptions *options, const char *stageName, char **output, size_t *outputSize) {
  Stage stage;
  CompileOptions converted;
  if (EtError error = convertStage(stageName, stage))
    return error;
  if (EtError error = convertOptions(options, converted))
    return error;
  Session session(nullptr, nullptr);
  if (EtError error = session.parse({source, size}, {resources, numResources}))
    return error;
  return emitModule(session.getModule(), session.getMessages(), stage, converted, output, outputSize);
}

EtError etWriteBytecode(const char *source, size_t size, const EtResource *resources, size_t numResources,
                        const char *path) {
  Session session(nullptr, nullptr);
  if (EtError error = session.parse({source, size}, {resources, numResources}))
    return error;
  std::error_code code;
  llvm::ToolOutputFile file(path, code, llvm::sys::fs::OF_None);
  if (code)
    return makeError(std::string("cannot write '") + path + "': " + code.message());
  if (failed(writeBytecodeToFile(session.getModule(), file.os())))
    return session.takeError("the module cannot be written as bytecode");
  file.keep();
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

void etProgramDestroy(EtProgram program) { delete program; }

static const TensorSignature &getInput(EtProgram program, size_t i) {
  return program->program->getSignature().inputs[i];
}
static const TensorSignature &getOutput(EtProgram program, size_t i) {
  return program->program->getSignature().outputs[i];
}

// The two enums list the same types in the same order.
static_assert(static_cast<int>(ElementType::I64) == ET_I64 && static_cast<int>(ElementType::Bool) == ET_BOOL);
static EtElementType convert(ElementType type) { return static_cast<EtElementType>(type); }

static std::string getName(EtElementType type) {
  return type >= ET_F16 && type <= ET_I64 ? stringifyElementType(static_cast<ElementType>(type)).str() : "unknown";
}

size_t etProgramGetNumInputs(EtProgram program) { return program->program->getSignature().inputs.size(); }
size_t etProgramGetNumOutputs(EtProgram program) { return program->program->getSignature().outputs.size(); }
const char *etProgramGetInputName(EtProgram program, size_t i) { return getInput(program, i).name.c_str(); }
const char *etProgramGetOutputName(EtProgram program, size_t i) { return getOutput(program, i).name.c_str(); }
EtElementType etProgramGetInputType(EtProgram program, size_t i) { return convert(getInput(program, i).elementType); }
EtElementType etProgramGetOutputType(EtProgram program, size_t i) { return convert(getOutput(program, i).elementType); }
size_t etProgramGetInputRank(EtProgram program, size_t i) { return getInput(program, i).shape.size(); }
size_t etProgramGetOutputRank(EtProgram program, size_t i) { return getOutput(program, i).shape.size(); }
const int64_t *etProgramGetInputShape(EtProgram program, size_t i) { return getInput(program, i).shape.data(); }
const int64_t *etProgramGetOutputShape(EtProgram program, size_t i) { return getOutput(program, i).shape.data(); }
const char *etProgramGetInputDimName(EtProgram program, size_t i, size_t dim) {
  return getInput(program, i).dims[dim].c_str();
}
size_t etProgramGetWeightsSize(EtProgram program) { return program->program->getWeightsSize(); }
size_t etProgramGetArenaSize(EtProgram program) { return program->program->getArenaSize(); }

static EtError convert(std::optional<std::string> wrong) { return wrong ? makeError(std::move(*wrong)) : nullptr; }

EtError etProgramSetThreads(EtProgram program, uint32_t threads) {
  return convert(program->program->setThreads(threads));
}

EtError etProgramSave(EtProgram program, const char *path) { return convert(program->program->save(path)); }

/// Views of \p tensors, whose element types must be those of \p signatures.
static EtError makeViews(const EtTensor *tensors, size_t count, const std::vector<TensorSignature> &signatures,
                         const char *what, std::vector<runtime::TensorView> &views) {
  views.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (i < signatures.size() && tensors[i].elementType != convert(signatures[i].elementType))
      return makeError(std::string("expected ") + what + " " + signatures[i].describe() + " to have " +
                       getName(convert(signatures[i].elementType)) + " elements, but got " +
                       getName(tensors[i].elementType));
    views.push_back({tensors[i].data, tensors[i].shape, tensors[i].rank});
  }
  return nullptr;
}

EtError etProgramComputeShapes(EtProgram program, const EtTensor *inputs, size_t numInputs, int64_t *sizes) {
  std::vector<runtime::TensorView> views;
  if (EtError error = makeViews(inputs, numInputs, program->program->getSignature().inputs, "input", views))
    return error;
  std::vector<std::vector<int64_t>> shapes;
  if (EtError error = convert(program->program->computeShapes(views, shapes)))
    return error;
  for (const std::vector<int64_t> &shape : shapes)
    sizes = std::copy(shape.begin(), shape.end(), sizes);
  return nullptr;
}

EtError etProgramRun(EtProgram program, const EtTensor *inputs, size_t numInputs, const EtTensor *outputs,
                     size_t numOutputs) {
  const ProgramSignature &signature = program->program->getSignature();
  std::vector<runtime::TensorView> inputViews, outputViews;
  if (EtError error = makeViews(inputs, numInputs, signature.inputs, "input", inputViews))
    return error;
  if (EtError error = makeViews(outputs, numOutputs, signature.outputs, "output", outputViews))
    return error;
  return convert(program->program->run(inputViews, outputViews));
}
