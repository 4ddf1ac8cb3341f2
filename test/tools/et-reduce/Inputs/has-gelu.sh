#!/bin/sh
# Interesting (1, as et-reduce wants it) while the module still computes a GELU.
grep -q 'et\.gelu' "$1" && exit 1
exit 0
