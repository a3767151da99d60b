#!/bin/sh
# Everything the package is tested by, from a bare machine: set-up, architecture, style, vignettes, Catch2, the words of
# arguments, testthat, R CMD check, a build without HDF5, generated files. Ends with "N passed, N failed" over all of
# them and fails when any failed; before that, with the processor seconds of each part.
#
#   sh tools/test.sh
#
# What it builds stays in build/ and makes the next run faster. MAKEFLAGS=-jN sets the compile jobs.
set -u
cd "$(dirname "$0")/.." || exit 1
sh tools/setup.sh test || { echo "0 passed, 1 failed"; exit 1; }

passed=0
failed=0
skipped=0
start=$(date +%s)
logs=$PWD/build/logs
lib=$PWD/build/library
rm -rf "$lib" build/package
mkdir -p "$logs" "$lib" build/package

cores=$(nproc 2>/dev/null || echo 2)
# A compile job on LibTorch's headers takes up to 1.3 GB.
jobs=$cores
memory=$(awk '/MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo 2>/dev/null || echo "$jobs")
[ "$memory" -lt "$jobs" ] && jobs=$memory
[ "$jobs" -ge 1 ] || jobs=1
MAKEFLAGS=${MAKEFLAGS:--j$jobs}
TEST_JOBS=${TEST_JOBS:-$cores}
export MAKEFLAGS TEST_JOBS

# Waiting threads sleep: on a busy machine, spinning ones take the time from those that work.
OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
export OMP_WAIT_POLICY

# R compiles the same sources for the vignettes, for the library and without HDF5, and Catch2 links them: each is
# compiled once. Without debugging information that takes a third of the time. The user's own settings hold else.
case "$PWD" in
  *" "*) ;; # A compiler's name cannot hold the blank.
  *)
    own=${R_MAKEVARS_USER:-$HOME/.R/Makevars}
    {
      [ ! -f "$own" ] || echo "include $own"
      echo "CXX17 = sh $PWD/tools/keep-objects.sh $PWD/build/objects $(R CMD config CXX17)"
      echo "CXX17FLAGS = $(R CMD config CXX17FLAGS | sed 's/^-g //; s/ -g / /')"
    } > build/Makevars
    R_MAKEVARS_USER=$PWD/build/Makevars
    export R_MAKEVARS_USER ;;
esac

# part NAME: what follows is this part, until the next; notes what the one before took.
part_name=""
part_from=0
: > "$logs/parts"
part () {
  times > "$logs/times"
  now=$(awk 'NR == 2 { gsub(/[ms]/, " "); printf "%d", 60 * ($1 + $3) + $2 + $4 + 0.5 }' "$logs/times")
  [ -z "$part_name" ] || printf '%6d s  %s\n' $((now - part_from)) "$part_name" >> "$logs/parts"
  part_name=$1; part_from=$now
}

say () { echo "== [$(($(date +%s) - start)) s] $*"; }

# count NAME PASSED FAILED [SKIPPED]
count () {
  passed=$((passed + $2)); failed=$((failed + $3)); skipped=$((skipped + ${4:-0}))
  say "$1: $2 passed, $3 failed, ${4:-0} skipped" | sed 's/, 0 skipped$//'
}

# step NAME COMMAND...: one pass or one failure; the end of its output is shown when it fails.
step () {
  name=$1; shift
  if "$@" > "$logs/step.log" 2>&1; then count "$name" 1 0; return 0; fi
  tail -n 60 "$logs/step.log"
  count "$name" 0 1
  return 1
}

# runner NAME LOG STATUS TITLE: adds the "NAME: N passed, N failed[, N skipped]" at the end of the log. A runner that
# ends badly without having counted a failure is one failure.
runner () {
  line=$(grep -E "^$1: [0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$" "$2" | tail -n 1)
  number () { echo "$line" | sed -n "s/.* \([0-9]*\) $1.*/\1/p"; }
  ok=$(number passed); bad=$(number failed); without=$(number skipped)
  ok=${ok:-0}; bad=${bad:-0}
  if [ "$bad" -eq 0 ] && { [ "$3" -ne 0 ] || [ "$ok" -eq 0 ]; }; then bad=1; fi
  count "$4" "$ok" "$bad" "${without:-0}"
}

# script NAME COMMAND...: a script that ends with "NAME: N passed, N failed", over the installed package.
script () {
  name=$1; shift
  R_LIBS=$lib "$@" > "$logs/$name.log" 2>&1; status=$?
  cat "$logs/$name.log"
  runner "$name" "$logs/$name.log" $status "$name"
}

core_tests () {
  {
    cmake -S tests/cpp -B build/cpp -DCORE_OBJECTS="$PWD/build/package/fatefield/src/core" &&
      cmake --build build/cpp
  } > "$logs/cmake.log" 2>&1
  status=$?
  if [ $status -ne 0 ]; then tail -n 60 "$logs/cmake.log"; count "Catch2 (build)" 0 1; return; fi
  say "core tests built"
  ctest --test-dir build/cpp -j "$cores" --no-tests=error --verbose > "$logs/ctest.log" 2>&1; status=$?
  # Each case is a line of tests/cpp/main.cpp, behind the number of its process.
  sed -n -E 's/^[0-9]+: ((passed|failed|skipped) +[0-9.]+  .*)/\1/p' "$logs/ctest.log" > "$logs/cases"
  awk '{ n[$1]++ }
    END { printf "Catch2: %d passed, %d failed, %d skipped\n", n["passed"], n["failed"], n["skipped"] }' \
    "$logs/cases" >> "$logs/ctest.log"
  grep '^skipped' "$logs/cases"
  [ $status -eq 0 ] || grep -vE ' Passed |^[0-9]+: passed|^[0-9]+: *$|Test timeout' "$logs/ctest.log" | tail -n 200
  echo "cases that took most processor time:"
  sort -k2,2nr "$logs/cases" | head -n 8 | cut -c 9-
  runner Catch2 "$logs/ctest.log" $status "Catch2"
}

# testthat_in LIBRARY NAME [FILES...]
testthat_in () {
  library=$1; name=$2; shift 2
  R_LIBS=$library Rscript --vanilla tools/testthat.R "$@" > "$logs/testthat.log" 2>&1; status=$?
  cat "$logs/testthat.log"
  runner testthat "$logs/testthat.log" $status "$name"
}

# From a folder, in which the objects stay.
install_package () {
  tar -xzf "$tarball" -C build/package &&
    _R_SHLIB_BUILD_OBJECTS_SYMBOL_TABLES_=TRUE R CMD INSTALL --library="$lib" build/package/fatefield \
      > "$logs/install.log" 2>&1 || { cat "$logs/install.log"; return 1; }
}

install_without_hdf5 () {
  mkdir -p "$bare" && FATEFIELD_HDF5=no R CMD INSTALL --no-docs --library="$bare" "$tarball"
}

# The code of the vignettes has run when the tarball was built.
check () {
  rm -rf build/fatefield.Rcheck
  _R_CHECK_FORCE_SUGGESTS_=false R_LIBS=$lib R CMD check --no-manual --no-tests --no-build-vignettes --no-vignettes \
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

# A copy of the tree in which files may be written: $fresh.
copy_tree () {
  fresh=$(mktemp -d)
  tar --exclude=./build --exclude=./.git -cf - . | tar -xf - -C "$fresh"
}

# What tools/new-analysis.sh lays keeps the rules of the rooms, and its R code can be read.
new_analysis () {
  copy_tree
  (cd "$fresh" && sh tools/new-analysis.sh ConeWidth && sh tools/architecture.sh &&
    Rscript --vanilla -e 'for (f in c("R/cone-width.R", "tests/testthat/test-cone-width.R")) parse(f)' &&
    g++ -std=c++17 -fsyntax-only -Isrc/core src/core/analysis/cone_width.cpp)
  status=$?
  rm -rf "$fresh"
  return $status
}

# NAMESPACE, man and RcppExports come from the sources.
generated () {
  copy_tree
  (cd "$fresh" && R_LIBS=$lib Rscript --vanilla tools/document.R) || return 1
  for f in NAMESPACE man R/RcppExports.R R/option-functions.R src/RcppExports.cpp src/core/base/option_fields.hpp; do
    diff -r "$f" "$fresh/$f" || return 1
  done
  rm -rf "$fresh"
}

# Another roxygen2 writes other pages.
compare_generated () {
  wanted=$(sed -n 's/^RoxygenNote: *//p' DESCRIPTION)
  found=$(Rscript --vanilla -e 'if (nzchar(system.file(package = "roxygen2"))) cat(format(packageVersion("roxygen2")))')
  if [ "$found" = "$wanted" ]; then
    step "generated files are up to date" generated || true
  else
    say "generated files not compared: made by roxygen2 $wanted, here is ${found:-none}"
  fi
}

part "architecture"
script architecture sh tools/architecture.sh
step "files of a new analysis" new_analysis || true
part "style"
script style sh tools/style.sh
part "R CMD build (all is compiled here; vignettes)"
if step "R CMD build" build_package; then
  tarball=$(ls "$PWD"/build/fatefield_*.tar.gz)
  script vignettes Rscript --vanilla tools/check-vignettes.R "$tarball"
  part "R CMD INSTALL"
  if step "R CMD INSTALL" install_package; then
    part "Catch2"
    core_tests
    part "words of arguments"
    script vocabulary Rscript --vanilla tools/vocabulary.R
    part "testthat"
    testthat_in "$lib" "testthat"
    part "R CMD check"
    check
    part "without HDF5"
    bare=$PWD/build/library-without-hdf5
    if step "R CMD INSTALL without HDF5" install_without_hdf5; then
      # shellcheck disable=SC2046
      testthat_in "$bare" "testthat without HDF5" $(grep -liE 'hdf5|h5ad' tests/testthat/test-*.R)
    fi
    part "generated files"
    compare_generated
  fi
fi
part ""

say "done, $skipped skipped; processor time of the parts:"
cat "$logs/parts"
awk '{ all += $1 } END { printf "%6d s  in all\n", all }' "$logs/parts"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
