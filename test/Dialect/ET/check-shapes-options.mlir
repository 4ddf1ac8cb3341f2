// The report as JSON, and limits.
// RUN: et-opt %s --et-check-shapes="report=%t.json" -o /dev/null
// RUN: FileCheck %s --check-prefix=JSON --input-file=%t.json
// RUN: et-opt %s --et-check-shapes=max-paths=3 -o /dev/null 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: et-opt %s --et-check-shapes=max-paths=4 -o /dev/null 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: not et-opt %s --et-check-shapes=max-paths=0 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not et-opt %s --et-check-shapes=time-limit-ms=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not et-opt %s --et-check-shapes=report=%t.none/report.json 2>&1 | FileCheck %s --check-prefix=FOLDER

// JSON: "functions": [
// JSON: "complete": true,
// JSON-NEXT: "name": "paths",
// JSON: "holds": true,
// JSON: "line": [[# @LINE + 16]]
// JSON: "verdict": "valid"
// JSON: "complete": false,
// JSON-NEXT: "name": "blocks",
// JSON-NEXT: "paths": []

// FEW: warning: 'paths' has paths that were not followed: it has more than 3 of them
// ALL-NOT: 'paths' has paths
// ALL: warning: 'blocks' has paths that were not followed: it has more than 4 of them, or its body has branches that are not scf.if
// ZERO: error: max-paths and time-limit-ms have to be positive, but they are 0 and 5000
// NEGATIVE: error: max-paths and time-limit-ms have to be positive, but they are 256 and -1
// FOLDER: error: the report cannot be written: cannot open output file '{{.*}}report.json'

func.func @paths(%a: index {et.dim = "a"}, %first: i1, %second: i1) {
  %c1 = arith.constant 1 : index
  %ok = arith.cmpi sge, %a, %c1 : index
  scf.if %first {
    cf.assert %ok, "some"
  }
  scf.if %second {
    cf.assert %ok, "some"
  } else {
    cf.assert %ok, "some"
  }
  cf.assert %ok, "some"
  return
}

func.func @blocks(%flag: i1) {
  cf.cond_br %flag, ^one, ^two
^one:
  cf.br ^two
^two:
  return
}
