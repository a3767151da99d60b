#!/bin/sh
# Everything the package is tested by, from a bare machine: set-up, architecture, Catch2, vignettes, the words of
# arguments, testthat, R CMD check, a build without HDF5, generated files. Ends with "N passed, N failed" over all of them and fails when any failed.
#
#   sh tools/test.sh
#
# What it builds stays in build/ and makes the next run faster. MAKEFLAGS=-jN sets the compile jobs.
set -u
cd "$(dirname "$0")/.." || exit 1
sh tools/setup.sh test || { echo "0 passed, 1 failed"; exit 1; }

passed=0
failed=0
start=$(date +%s)
logs=$PWD/build/logs
lib=$PWD/build/library
mkdir -p "$logs" "$lib"

# A compile job on LibTorch's headers takes up to 1.3 GB.
jobs=$(nproc 2>/dev/null || echo 2)
memory=$(awk '/MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo 2>/dev/null || echo "$jobs")
[ "$memory" -lt "$jobs" ] && jobs=$memory
[ "$jobs" -ge 1 ] || jobs=1
MAKEFLAGS=${MAKEFLAGS:--j$jobs}
export MAKEFLAGS

# Waiting threads sleep: on a busy machine, spinning ones take the time from those that work.
OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
export OMP_WAIT_POLICY

# R compiles the same sources for the vignettes, for the library and without HDF5: the compiler's cache does it once,
# and without debugging information it takes a third of the time.
if command -v ccache >/dev/null && [ -z "${R_MAKEVARS_USER:-}" ] && [ ! -f "$HOME/.R/Makevars" ]; then
  CCACHE_DIR=${CCACHE_DIR:-$PWD/build/ccache}
  CCACHE_NOHASHDIR=1
  R_MAKEVARS_USER=$PWD/build/Makevars
  export CCACHE_DIR CCACHE_NOHASHDIR R_MAKEVARS_USER
  {
    echo "CXX17 = ccache $(R CMD config CXX17)"
    echo "CXX17FLAGS = $(R CMD config CXX17FLAGS | sed 's/^-g //; s/ -g / /')"
  } > "$R_MAKEVARS_USER"
fi

say () { echo "== [$(($(date +%s) - start)) s] $*"; }

# count NAME PASSED FAILED
count () {
  passed=$((passed + $2)); failed=$((failed + $3))
  say "$1: $2 passed, $3 failed"
}

# step NAME COMMAND...: one pass or one failure; the end of its output is shown when it fails.
step () {
  name=$1; shift
  if "$@" > "$logs/step.log" 2>&1; then count "$name" 1 0; return 0; fi
  tail -n 60 "$logs/step.log"
  count "$name" 0 1
  return 1
}

# runner NAME LOG STATUS: adds the "NAME: N passed, N failed" at the end of the log. A runner that ends badly without
# having counted a failure is one failure.
runner () {
  line=$(grep -E "^$1: [0-9]+ passed, [0-9]+ failed$" "$2" | tail -n 1)
  ok=$(echo "$line" | sed -n 's/.*: \([0-9]*\) passed.*/\1/p'); bad=$(echo "$line" | sed -n 's/.* \([0-9]*\) failed/\1/p')
  ok=${ok:-0}; bad=${bad:-0}
  if [ "$bad" -eq 0 ] && { [ "$3" -ne 0 ] || [ "$ok" -eq 0 ]; }; then bad=1; fi
  count "$4" "$ok" "$bad"
}

sh tools/architecture.sh > "$logs/architecture.log" 2>&1; status=$?
cat "$logs/architecture.log"
runner architecture "$logs/architecture.log" $status "architecture"

# script NAME FILE ARGUMENTS...: an R script that ends with "NAME: N passed, N failed".
script () {
  name=$1; shift
  R_LIBS=$lib Rscript --vanilla "$@" > "$logs/$name.log" 2>&1; status=$?
  cat "$logs/$name.log"
  runner "$name" "$logs/$name.log" $status "$name"
}

core_tests () {
  cmake -S tests/cpp -B build/cpp > "$logs/cmake.log" 2>&1 && cmake --build build/cpp >> "$logs/cmake.log" 2>&1
  status=$?
  if [ $status -ne 0 ]; then tail -n 60 "$logs/cmake.log"; count "Catch2 (build)" 0 1; return; fi
  say "core built"
  ctest --test-dir build/cpp --output-on-failure --no-tests=error > "$logs/ctest.log" 2>&1; status=$?
  sed -n 's/.* \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$logs/ctest.log" |
    awk '{ print "Catch2: " $2 - $1 " passed, " $1 " failed" }' >> "$logs/ctest.log"
  [ $status -eq 0 ] || grep -v ' Passed ' "$logs/ctest.log" | tail -n 200
  runner Catch2 "$logs/ctest.log" $status "Catch2"
}
core_tests

# testthat_in LIBRARY NAME [FILES...]
testthat_in () {
  library=$1; name=$2; shift 2
  R_LIBS=$library Rscript --vanilla tools/testthat.R "$@" > "$logs/testthat.log" 2>&1; status=$?
  cat "$logs/testthat.log"
  runner testthat "$logs/testthat.log" $status "$name"
}

install_in () { # LIBRARY LOG
  mkdir -p "$1"
  _R_SHLIB_BUILD_OBJECTS_SYMBOL_TABLES_=TRUE R CMD INSTALL --library="$1" "$tarball" > "$2" 2>&1 || { cat "$2"; return 1; }
}

check () {
  rm -rf build/fatefield.Rcheck
  _R_CHECK_FORCE_SUGGESTS_=false R_LIBS=$lib R CMD check --no-manual --no-tests --no-build-vignettes \
    --install="check:$logs/install.log" --library="$lib" --output=build "$tarball" > "$logs/check.log" 2>&1
  status=$?
  grep -vE '\.\.\. (OK|SKIPPED|NONE)$' "$logs/check.log"
  bad=$(sed -n 's/^Status: //p' "$logs/check.log" | tr ',' '\n' |
    awk '/ERROR|WARNING/ { n += $1 } END { print n + 0 }')
  grep -q '^Status: ' "$logs/check.log" || bad=1
  if [ "$bad" -eq 0 ] && [ $status -ne 0 ]; then bad=1; fi
  if [ "$bad" -eq 0 ]; then count "R CMD check" 1 0; else count "R CMD check" 0 "$bad"; fi
}

# The tarball lands in build/, where nothing of it can be tracked.
build_package () { (cd build && rm -f fatefield_*.tar.gz && R CMD build ..); }
if step "R CMD build" build_package; then
  tarball=$(ls "$PWD"/build/fatefield_*.tar.gz)
  script vignettes tools/check-vignettes.R "$tarball"
  if step "R CMD INSTALL" install_in "$lib" "$logs/install.log"; then
    script vocabulary tools/vocabulary.R
    testthat_in "$lib" "testthat"
    check
    bare=$PWD/build/library-without-hdf5
    if step "R CMD INSTALL without HDF5" env FATEFIELD_HDF5=no sh -c \
        "mkdir -p '$bare' && R CMD INSTALL --no-docs --library='$bare' '$tarball'"; then
      # shellcheck disable=SC2046
      testthat_in "$bare" "testthat without HDF5" $(grep -liE 'hdf5|h5ad' tests/testthat/test-*.R)
    fi
  fi
fi

# What tools/new-analysis.sh lays keeps the rules of the rooms, and its R code can be read.
new_analysis () {
  fresh=$(mktemp -d)
  tar --exclude=./build --exclude=./.git -cf - . | tar -xf - -C "$fresh"
  (cd "$fresh" && sh tools/new-analysis.sh ConeWidth && sh tools/architecture.sh &&
    Rscript --vanilla -e 'for (f in c("R/cone-width.R", "tests/testthat/test-cone-width.R")) parse(f)' &&
    g++ -std=c++17 -fsyntax-only -Isrc/core src/core/analysis/cone_width.cpp)
  status=$?
  rm -rf "$fresh"
  return $status
}
step "files of a new analysis" new_analysis || true

# NAMESPACE, man and RcppExports come from the sources; another roxygen2 writes other pages.
generated () {
  fresh=$(mktemp -d)
  tar --exclude=./build --exclude=./.git -cf - . | tar -xf - -C "$fresh"
  (cd "$fresh" && R_LIBS=$lib Rscript --vanilla tools/document.R) || return 1
  for f in NAMESPACE man R/RcppExports.R src/RcppExports.cpp; do diff -r "$f" "$fresh/$f" || return 1; done
  rm -rf "$fresh"
}
wanted=$(sed -n 's/^RoxygenNote: *//p' DESCRIPTION)
found=$(Rscript --vanilla -e 'if (requireNamespace("roxygen2", quietly = TRUE)) cat(format(packageVersion("roxygen2")))')
if [ "$found" = "$wanted" ]; then
  step "generated files are up to date" generated || true
else
  say "generated files not compared: made by roxygen2 $wanted, here is ${found:-none}"
fi

say "done"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
