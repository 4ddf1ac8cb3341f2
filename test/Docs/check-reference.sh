#!/bin/sh
# Compares the committed reference with what this build generated. Usage: check-reference.sh COMMITTED-FOLDER PAGE...
folder=$1
shift
status=0
for page in "$@"; do
  committed=$folder/$(basename "$page")
  diff -u "$committed" "$page" || status=1
done
for committed in "$folder"/*.md; do
  case " $* " in
  *"/$(basename "$committed") "*) ;;
  *)
    echo "error: nothing generates $committed any more; delete it" >&2
    status=1
    ;;
  esac
done
[ $status = 0 ] || echo "error: docs/reference is out of date; run 'make docs' and commit the result" >&2
exit $status
