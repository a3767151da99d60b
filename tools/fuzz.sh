#!/bin/sh
# Every argument of every verb with values that it does not take, in sessions of the installed package that are started
# anew where one dies. Usage: sh tools/fuzz.sh [VERBS] [FIRST] [LAST]: a regular expression of names of calls, and the
# part of the plan that is run. Ends with counts; a call that is not told within 20 seconds hangs. The log is
# build/poison/log: number, outcome, call, argument, value, seconds, message, call that failed.
set -u
cd "$(dirname "$0")/.." || exit 1
out=${POISON_FOLDER:-build/poison}
mkdir -p "$out"
rm -f "$out"/state "$out"/log
n=$(Rscript --vanilla tools/poison.R "$out" plan "${1:-}") || exit 1
first=${2:-1}
last=${3:-$n}
[ "$last" -gt "$n" ] && last=$n
# Ends a session whose state has not moved for 20 seconds.
watch() {
  while kill -0 "$1" 2> /dev/null; do
    sleep 1
    [ -f "$out/state" ] || continue
    age=$(($(date +%s) - $(stat -c %Y "$out/state")))
    if [ "$age" -gt 20 ]; then
      touch "$out/hung"
      kill -9 "$1" 2> /dev/null
    fi
  done
}
while [ "$first" -le "$last" ]; do
  rm -f "$out/hung" "$out/state"
  Rscript --vanilla tools/poison.R "$out" run "$first" "$last" > "$out/said" 2>&1 &
  worker=$!
  watch "$worker"
  wait "$worker" && break
  if [ ! -f "$out/state" ]; then tail -5 "$out/said"; exit 1; fi
  at=$(cat "$out/state")
  outcome=crash
  [ -f "$out/hung" ] && outcome=hang
  printf '%s\t%s\n' "$at" "$outcome" >> "$out/log"
  first=$((at + 1))
done
awk -F '\t' '{ count[$2]++ } $6 > 5 { slow++ } END {
  printf "calls: %d; %d values, %d errors that name the argument, %d of a class that do not, %d unclassed, ", NR,
    count["value"], count["classed"], count["unnamed"], count["unclassed"]
  printf "%d crashes, %d hangs, %d objects changed; %d took more than 5 seconds\n", count["crash"], count["hang"],
    count["changed"], slow
  exit count["unclassed"] + count["crash"] + count["hang"] + count["changed"] > 0 }' "$out/log"
