#!/bin/sh
# Damaged .h5ad and .loom files, read one after the other in one R session of the installed package.
# Usage: sh tools/fuzz-files.sh [N] [SEED]. Ends with a count of objects, classed errors, unclassed errors, crashes and
# reads that took more than 15 processor seconds; a file that made one of the last three stays in build/fuzz.
set -u
cd "$(dirname "$0")/.." || exit 1
n=${1:-2000}
seed=${2:-1}
out=build/fuzz
mkdir -p "$out"
rm -f "$out"/state "$out"/log
first=1
crashes=0
# A session that ends is a crash: the next goes on behind the file that ended it.
while [ "$first" -le "$n" ]; do
  Rscript --vanilla tools/fuzz-files.R "$first" "$n" "$seed" "$out" && break
  at=$(cat "$out/state" 2> /dev/null || echo 0)
  if [ "$at" -lt "$first" ]; then echo "fuzz-files: the session did not start"; exit 1; fi
  crashes=$((crashes + 1))
  cp "$out/now" "$out/crash-$seed-$at"
  echo "crash at file $at"
  first=$((at + 1))
done
awk -v crashes="$crashes" '{ count[$1]++ } END {
  printf "files: %d read, %d as objects, %d classed errors, %d unclassed errors, %d crashes, %d slow\n", NR + crashes,
    count["object"], count["classed"], count["unclassed"], crashes, count["slow"]
  exit crashes + count["unclassed"] + count["slow"] > 0 }' "$out/log"
