//===- ToolMain.cpp - What the main of every tool does first ----*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A default is added as an argument, in front of the user's: upstream's mains
// parse the command line and create the context in one call, which leaves no
// place to change a default in between.
//
//===----------------------------------------------------------------------===//

#include "et/Support/ToolMain.h"

#include "et/Version.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <string>

using namespace mlir::et;

#ifndef NDEBUG
static llvm::cl::list<std::string> debugOnly("et-debug-only", llvm::cl::CommaSeparated,
                                             llvm::cl::value_desc("debug types"),
                                             llvm::cl::desc("Print the debug output of these passes of E.T."),
                                             llvm::cl::callback([](const std::string &) {
                                               llvm::DebugFlag = true;
                                               llvm::SmallVector<const char *> types;
                                               for (const std::string &type : debugOnly)
                                                 types.push_back(type.c_str());
                                               llvm::setCurrentDebugTypes(types.data(), types.size());
                                             }));
#endif

static void printVersion(llvm::raw_ostream &os) {
  os << "E.T. " ET_VERSION_STRING " (LLVM " LLVM_VERSION_STRING;
#ifndef NDEBUG
  os << ", with assertions";
#endif
  os << ")\n";
}

/// Hides the options that exist before main runs, which are libLLVM's, except for those in \p category and our own.
static void hideLibraryOptions(const llvm::cl::OptionCategory *category) {
  for (auto [name, option] : llvm::cl::getRegisteredOptions()) {
    if (name == "help" || name == "version" || name.starts_with("et-") ||
        llvm::is_contained(option->Categories, category))
      continue;
    if (option->getOptionHiddenFlag() == llvm::cl::NotHidden)
      option->setHiddenFlag(llvm::cl::Hidden);
  }
}

ToolMain::ToolMain(int argc, char **argv, const llvm::cl::OptionCategory *category)
    : init(argc, argv), args(argv, argv + argc) {
  args.push_back(nullptr);
  hideLibraryOptions(category);
  llvm::cl::SetVersionPrinter(printVersion);
}

/// The names of the options on the command line \p args.
static llvm::SmallVector<llvm::StringRef> getOptionNames(llvm::ArrayRef<char *> args) {
  llvm::SmallVector<llvm::StringRef> names;
  for (llvm::StringRef arg : args.drop_front().drop_back()) {
    if (arg == "--")
      break;
    if (arg.consume_front("-")) {
      arg.consume_front("-");
      names.push_back(arg.split('=').first);
    }
  }
  return names;
}

bool ToolMain::hasOption(llvm::StringRef prefix) const {
  return llvm::any_of(getOptionNames(args), [&](llvm::StringRef name) { return name.starts_with(prefix); });
}

void ToolMain::setDefault(llvm::StringRef name, llvm::StringRef value) {
  if (llvm::is_contained(getOptionNames(args), name))
    return;
  // Lives as long as the process, as the strings of argv do.
  static llvm::SmallVector<std::unique_ptr<std::string>> storage;
  storage.push_back(std::make_unique<std::string>(("--" + name + "=" + value).str()));
  args.insert(args.begin() + 1, storage.back()->data());
}
