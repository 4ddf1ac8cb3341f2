#!/bin/sh
# Fails if one of the files needs a shared library other than those of the C library.
status=0
for file in "$@"; do
  needed=$(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|libdl|libpthread|ld-linux-x86-64)\.so') || continue
  echo "$file needs" $needed >&2
  status=1
done
exit $status
