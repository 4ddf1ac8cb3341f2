#!/usr/bin/env bash
# All GPU tests and benchmarks in one go, on a machine that has a GPU, PyTorch and transformers, but no LLVM and no build.
#
#   scripts/gpu.sh prepare FOLDER [BUILD]     here: compiles programs and kernels, and copies what runs them (default: build)
#   FOLDER/gpu.sh run [FOLDER] [quick]        there: checks and times everything; quick leaves torch.compile and sanitizers out
#
# Parts are folders (programs, attention, linear, encoders): where FOLDER is too large to carry at once, carry and run them
# one by one; what is not there is left out. The last lines are one table of what ran; the exit status is that of the worst
# part. Logs and records stay in FOLDER/results.
set -uo pipefail

prepare() {
  local root folder build=$2 python
  root=$(cd "$(dirname "$0")/.." && pwd)
  mkdir -p "$1"
  folder=$(cd "$1" && pwd)
  cd "$root" || exit 1
  python=.venv/bin/python
  build=$(cd "$build" && pwd) || exit 1
  export ET_BUILD_DIR=$build
  set -e
  ninja -C "$build" ETCAPI ETRuntime et-run-program et-runtime-device-test linear_gpu_kernels attention_gpu_kernels
  "$python" scripts/gpu_prepare.py "$folder/programs"
  "$python" benchmarks/gpu/encoders.py prepare "$folder/encoders"
  "$build"/bin/linear_gpu_kernels "$folder/linear"
  "$build"/bin/attention_gpu_kernels "$folder/attention"
  mkdir -p "$folder/scripts"
  cp benchmarks/gpu/{driver,linear,sparse,attention}.py "$folder/scripts"
  cp scripts/gpu.sh "$build"/bin/{et-runtime-device-test,et-run-program} "$folder"
  du -sh "$folder"
}

names=() verdicts=() seconds=() worst=0
# part NAME COMMAND...: runs it, shows the end of what it prints, and notes how it went.
part() {
  local name=$1 start=$SECONDS status
  shift
  printf '\n== %s: %s\n' "$name" "$*"
  "$@" >"results/$name.log" 2>&1
  status=$?
  tail -n "${LINES_SHOWN:-60}" "results/$name.log"
  names+=("$name") seconds+=($((SECONDS - start)))
  if [ $status = 0 ]; then verdicts+=(passed); else verdicts+=("FAILED ($status)") worst=1; fi
}

run() {
  local i sanitizer case
  cd "$1" || exit 1
  mkdir -p results
  nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
  [ ! -x et-runtime-device-test ] || part runtime ./et-runtime-device-test
  [ ! -d programs ] || part programs python3 programs/carried/gpu_check.py programs --tool ./et-run-program
  [ ! -d attention ] || part attention python3 scripts/attention.py attention
  [ ! -d linear ] || part linear python3 scripts/linear.py linear
  [ ! -d linear ] || part sparse python3 scripts/sparse.py linear --output results/sparse.json
  if [ "$2" = quick ]; then
    [ ! -d encoders ] || part encoders python3 encoders/encoders.py run encoders --compiled --output results/encoders.json
  else
    [ ! -d encoders ] || part encoders python3 encoders/encoders.py run encoders --output results/encoders.json
    [ -d programs ] && for sanitizer in memcheck racecheck synccheck; do
      for case in attention_f16 mlp_gelu_f16 residual_f16; do
        part "$sanitizer-$case" compute-sanitizer --tool "$sanitizer" --error-exitcode 1 \
          python3 programs/carried/gpu_check.py programs --only "$case"
      done
    done
  fi
  printf '\n%-28s %-12s %s\n' part result seconds
  for i in "${!names[@]}"; do printf '%-28s %-12s %s\n' "${names[$i]}" "${verdicts[$i]}" "${seconds[$i]}"; done
  exit $worst
}

case ${1:-} in
prepare) [ $# -ge 2 ] || { sed -n 2,10p "$0"; exit 2; }; prepare "$2" "${3:-build}" ;;
run) run "${2:-$(dirname "$0")}" "${3:-all}" ;;
*) sed -n 2,10p "$0"; exit 2 ;;
esac
