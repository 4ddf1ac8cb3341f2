// A saved program is loaded, not compiled: what is wrong with the file is said before a GPU is looked for.

// RUN: rm -rf %t && mkdir %t
// RUN: not et-run %t/none.etp 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: et-run: error: cannot open '{{.*}}none.etp': No such file or directory

// RUN: echo "func.func @f() { return }" > %t/text.etp
// RUN: not et-run %t/text.etp 2>&1 | FileCheck %s --check-prefix=TEXT
// TEXT: et-run: error: cannot load '{{.*}}text.etp': it is not a saved program: it lacks the identifier ETP1
