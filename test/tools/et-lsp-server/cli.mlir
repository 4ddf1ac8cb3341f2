// The protocol itself is tested in test/python/test_lsp_server.py.

// RUN: et-lsp-server --help | FileCheck %s --check-prefix=HELP
// RUN: et-lsp-server --version | FileCheck %s --check-prefix=VERSION
// RUN: not et-lsp-server %s 2>&1 | FileCheck %s --check-prefix=ARGUMENT

// HELP:     USAGE: et-lsp-server [options]
// VERSION:  E.T. {{[0-9.]+}} (LLVM 22.1
// ARGUMENT: Unknown command line argument
