#!/bin/sh
# Checks the self-contained flavour: every tool needs libc and libm only, carries no symbol table, and starts without
# anything else of this machine. Usage: check-tools.sh TOOL...
status=0
fail() {
  echo "error: $*" >&2
  status=1
}

for tool in "$@"; do
  needed=$(readelf --dynamic "$tool" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p') || fail "$tool: not an ELF file"
  for library in $needed; do
    case $library in
    libc.so.6 | libm.so.6 | ld-linux-x86-64.so.2) ;;
    *) fail "$tool: expected only libc and libm, but it needs $library" ;;
    esac
  done
  if readelf --sections --wide "$tool" | grep -q ' \.symtab '; then
    fail "$tool: not stripped"
  fi
  env -i "$tool" --version | grep -q '^E\.T\. ' || fail "$tool: --version does not answer"
done
[ $# -gt 0 ] || fail "no tools given"
exit $status
