#!/bin/sh
# Runs the benchmarks, prints tables with ratios to the limits of this machine, and writes JSON to bench/out/.
#
#   sh bench/run.sh [PART ...]
#
# PARTS, all but the first and the last by default:
#   build       processor time of installing the package, beside that of one LibTorch source (long)
#   limits      what this machine can do
#   step        one training step and one simulation
#   field       one epoch of the network of a velocity field
#   ot          the Sinkhorn divergence
#   neighbours  nearest neighbours and labels among a million cells
#   million     fit, fates and neighbours of 10,000, 100,000 and 1,000,000 cells
#   accuracy    how right fits and fates are where the truth is known, four settings
#   timecourse  real cells, one time left out      (needs the folder of real data)
#   larry       fates of 2,081 cells of LARRY      (needs the folder of real data; long)
#   speed       questions that people wait for     (needs the folder of real data; long)
# THREADS=n sets the threads (default: all). The parts in R take the installed package; R_LIBS may name its library.
set -eu
cd "$(dirname "$0")/.."
threads=${THREADS:-$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)}
data=${FATEFIELD_SHARED:-../shared}
# Waiting threads sleep: the pools of OpenMP and BLAS would else take the processor from each other.
export OMP_WAIT_POLICY=passive
mkdir -p bench/out
parts=${*:-limits step field ot neighbours million accuracy timecourse}

# processor COMMAND...: seconds of processor that a command and its children take.
processor () {
  ( "$@" >> "$log" 2>&1 || exit 1; times ) |
    awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, "m"); s += 60 * t[1] + t[2] } printf "%.1f", s }'
}

# From a clean copy, without the compiler's cache and without debugging information, which would be half of the time.
install_cost () {
  copy=$(mktemp -d)
  log=$PWD/bench/out/install.log
  : > "$log"
  git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$copy"
  compiler=$(R CMD config CXX17 | sed 's/^ *[^ ]*ccache //')
  flags=$(R CMD config CXX17FLAGS | sed 's/^-g //; s/ -g / /')
  printf 'CXX17 = %s\nCXX17FLAGS = %s\n' "$compiler" "$flags" > "$copy/user"
  mkdir "$copy/library"
  installed=$(cd "$copy" && R_MAKEVARS_USER="$copy/user" processor \
    env CCACHE_DISABLE=1 MAKEFLAGS="-j$threads" R CMD INSTALL --library="$copy/library" .)
  torch=$(sed -n 's/^PKG_CPPFLAGS = //p' "$copy/src/Makevars")
  # shellcheck disable=SC2086
  source=$(processor env CCACHE_DISABLE=1 $compiler -std=gnu++17 $flags -fpic $torch -c bench/build_probe.cpp -o "$copy/probe.o")
  rm -rf "$copy"
  [ -n "$installed" ] && [ -n "$source" ] || { tail -n 20 "$log"; exit 1; }
  echo "R CMD INSTALL: $installed s of processor"
  echo "one LibTorch source, bench/build_probe.cpp: $source s"
  awk -v a="$installed" -v b="$source" 'BEGIN { printf "the package costs as much as %.0f of them\n", a / b }'
}

title () { printf '\n== %s ==\n' "$1"; }

built=""
build () {
  [ -n "$built" ] && return
  cmake -S bench -B build/bench > bench/out/build.log 2>&1 &&
    cmake --build build/bench >> bench/out/build.log 2>&1 || { tail -n 20 bench/out/build.log; exit 1; }
  built=yes
}

# number FILE NAME: the value or the seconds of a line of JSON.
number () {
  [ -f "$1" ] || return 0
  sed -n "s#.*\"name\": \"$2\".*\"\(value\|seconds\)\": \([-0-9.e+]*\).*#\2#p" "$1" | head -n 1
}

# ratio A B: A / B in percent, where both are known.
ratio () { awk -v a="${1:-0}" -v b="${2:-0}" 'BEGIN { if (a > 0 && b > 0) printf "%.0f %%", 100 * a / b; else printf "-" }'; }

limits () {
  build
  bench/out/limits "$threads" bench/out/limits.json
  if [ "$(uname -m)" = x86_64 ]; then
    echo
    OPENBLAS_CORETYPE=SkylakeX bench/out/limits "$threads" bench/out/limits-skylakex.json | sed -n '1p;/product/p'
  fi
}

best_product () {
  for file in bench/out/limits.json bench/out/limits-skylakex.json; do number "$file" "float32 product, LibTorch, 2048"; done |
    sort -g | tail -n 1
}

# Exponentials of a dense implementation, four per pair and iteration of two clouds of n points, against the limit.
ot_ratios () {
  peak=$(number bench/out/limits.json "exponentials in sums over pairs")
  echo
  echo "exponentials needed (half those of a dense implementation) against the limit:"
  for case in "2000 50d_0.05_0.5 16" "5000 50d_0.05_0.5 16" "8000 2d_0.05_0.5 16"; do
    set -- $case
    seconds=$(number bench/out/ot.json "sinkhorn_float32_$1_$2")
    [ -n "$seconds" ] || continue
    rate=$(awk -v n="$1" -v i="$3" -v s="$seconds" 'BEGIN { print 2 * n * n * i / s }')
    printf '  n = %-6s %-16s %s\n' "$1" "$2" "$(ratio "$rate" "$peak")"
  done
}

for part in $parts; do
  title "$part"
  case $part in
    build) install_cost ;;
    limits) limits ;;
    step)
      build
      if [ -x bench/out/step ]; then bench/out/step "$threads" bench/out/step.json; else echo "bench/step.cpp is not there"; fi
      echo "best product of matrices here: $(awk -v p="$(best_product)" 'BEGIN { printf "%.0f", p / 1e9 }') GFLOP/s" ;;
    field)
      build
      bench/out/field "$threads" bench/out/field.json ;;
    ot)
      build
      bench/out/ot "$threads" bench/out/ot.json
      ot_ratios ;;
    neighbours)
      build
      bench/out/neighbours "$threads" bench/out/neighbours.json ;;
    million)
      for cells in 10000 100000 1000000; do
        Rscript bench/million.R "$cells" "$threads" "bench/out/million-$cells.json"
        echo
      done ;;
    accuracy | timecourse | larry | speed)
      if [ ! -f "bench/$part.R" ]; then echo "bench/$part.R is not there"
      elif [ ! -d "$data" ]; then echo "passed over: no folder of data at $data"
      else Rscript "bench/$part.R"; fi ;;
    *) echo "no such part; see the head of bench/run.sh" >&2; exit 2 ;;
  esac
done
