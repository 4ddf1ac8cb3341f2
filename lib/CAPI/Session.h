//===- Session.h - What functions of the C API share ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CAPI_SESSION_H
#define ET_LIB_CAPI_SESSION_H

#include "Reserved.h"
#include "et-c/Compile.h"

#include "et/Compiler/Compiler.h"
#include "et/Compiler/Register.h"
#include "et/Compiler/Resources.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <cstring>

struct EtErrorImpl {
  std::string message;
};

struct EtProgramImpl {
  std::unique_ptr<mlir::et::Program> program;
};

namespace mlir::et {

inline EtError makeError(std::string message) { return new EtErrorImpl{std::move(message)}; }

/// Stores a copy of \p text, which the caller owns, in \p output.
inline EtError copyOut(const std::string &text, char **output, size_t *outputSize) {
  *output = static_cast<char *>(std::malloc(text.size() + 1));
  if (!*output)
    return makeError("no memory for the output");
  std::memcpy(*output, text.c_str(), text.size() + 1);
  *outputSize = text.size();
  return nullptr;
}

/// What compiling needs, made once.
inline const DialectRegistry &getCompilerRegistry() {
  static const DialectRegistry registry = [] {
    DialectRegistry registry;
    registerCompilerDialects(registry);
    return registry;
  }();
  return registry;
}

/// What the compiler said, but for remarks.
class Messages {
public:
  void add(Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Remark)
      return;
    if (!text.empty())
      text += '\n';
    llvm::raw_string_ostream os(text);
    if (!isa<UnknownLoc>(diagnostic.getLocation()))
      os << diagnostic.getLocation() << ": ";
    os << diagnostic;
    for (Diagnostic &note : diagnostic.getNotes())
      os << "\n  note: " << note;
  }

  /// An error of all of it; of \p fallback where there is nothing.
  EtError take(StringRef fallback) { return makeError(text.empty() ? fallback.str() : std::move(text)); }

private:
  std::string text;
};

/// Stores what \p given says in \p options, which stay the defaults where it is null.
EtError convertOptions(const EtCompileOptions *given, CompileOptions &options);

/// Stores the stage \p name in \p stage.
EtError convertStage(const char *name, Stage &stage);

/// Compiles \p module, which is consumed, to \p stage and stores the result, which the caller owns, in \p output.
EtError emitModule(ModuleOp module, Messages &messages, Stage stage, const CompileOptions &options, char **output,
                   size_t *outputSize);

/// A context, the module parsed into it, and what the compiler said.
class Session {
public:
  Session(EtRemarkCallback remarks, void *remarkContext) : context(getCompilerRegistry()) {
    context.loadAllAvailableDialects();
    context.printOpOnDiagnostic(false);
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) { messages.add(diagnostic); });
    if (remarks)
      enableRemarks(context, [remarks, remarkContext](StringRef text) { remarks(text.str().c_str(), remarkContext); });
  }

  /// Parses \p source and gives its resources their data.
  EtError parse(StringRef source, ArrayRef<EtResource> resources) {
    module = parseSourceString<ModuleOp>(source, ParserConfig(&context));
    if (!module)
      return takeError("the module cannot be parsed");
    for (const EtResource &resource : resources)
      attachResource(context, resource.name, {static_cast<const char *>(resource.data), resource.size});
    return nullptr;
  }

  EtError takeError(StringRef fallback) { return messages.take(fallback); }

  Messages &getMessages() { return messages; }

  ModuleOp getModule() { return *module; }

private:
  Messages messages;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

} // namespace mlir::et

#endif // ET_LIB_CAPI_SESSION_H
