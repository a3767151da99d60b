#!/bin/sh
# clang-format, clang-tidy, lintr and spelling over the sources, each where it is installed, and the index of the site.
# Prints a line for each and, last, "style: N passed, N failed, N skipped".
#
#   sh tools/style.sh        clang-tidy on few sources: base, and what the last commit or an edit since has changed
#   sh tools/style.sh all    on all that see no LibTorch, which takes minutes of processor
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0
failed=0
skipped=0

# Another clang-format breaks lines otherwise, and other versions of the two linters find other things.
written_for () { "$1" --version 2>/dev/null | grep -q "version $2\."; }
r_has () { Rscript --vanilla -e 'quit(status = !nzchar(system.file(package = commandArgs(TRUE))))' "$1" 2>/dev/null; }

# checked NAME LOG STATUS
checked () {
  if [ "$3" -eq 0 ]; then
    passed=$((passed + 1)); echo "ok      $1"
  else
    failed=$((failed + 1)); echo "FAILED  $1"; head -n 40 "$2" | sed 's/^/          /'
  fi
}
pass_over () { skipped=$((skipped + 1)); echo "skipped $1: $2"; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT

if written_for clang-format 14; then
  find src tests \( -name '*.cpp' -o -name '*.hpp' -o -path '*/solvers/*.inc' \) ! -name 'RcppExports.*' |
    xargs clang-format --dry-run --Werror > "$log" 2>&1
  checked "clang-format" "$log" $?
else
  pass_over "clang-format" "version 14 is not installed"
fi

# What sees LibTorch takes fifteen seconds to read; its own headers are read through other sources.
tidy_files () {
  {
    if [ "$1" = all ]; then find src/core -name '*.cpp'; else
      ls src/core/base/*.cpp
      git diff --name-only --diff-filter=d 'HEAD~1' -- src/core 2>/dev/null | grep '\.cpp$' | head -n 12
    fi
  } | LC_ALL=C sort -u > "$log"
  (cd src && find . -name '*.[ch]pp' -exec awk -f ../tools/sources.awk {} +) |
    awk '/ torch| hdf5/ { print "src/" $1 }' | LC_ALL=C sort -u | LC_ALL=C comm -23 "$log" -
}
package_include () { Rscript --vanilla -e 'cat(system.file("include", package = commandArgs(TRUE)))' "$1"; }
if written_for clang-tidy 14; then
  annoy=$(package_include RcppAnnoy); eigen=$(package_include RcppEigen)
  files=$(tidy_files "${1:-}")
  echo "$files" | xargs -P "$(nproc 2>/dev/null || echo 2)" -n 4 sh -c '
    annoy=$1; eigen=$2; shift 2
    clang-tidy --quiet "$@" -- -std=c++17 -fopenmp -Isrc/core -isystem "$annoy" -isystem "$eigen" 2>/dev/null
    ' tidy "$annoy" "$eigen" > "$log" 2>&1
  checked "clang-tidy, $(echo "$files" | wc -l) sources" "$log" $?
else
  pass_over "clang-tidy" "version 14 is not installed"
fi

if r_has lintr; then
  Rscript --vanilla -e '
    files <- list.files(c("R", "tests", "tools"), "\\.R$", recursive = TRUE, full.names = TRUE)
    found <- lapply(setdiff(files, "R/RcppExports.R"), lintr::lint)
    for (l in unlist(found, FALSE)) cat(l$filename, ":", l$line_number, ": ", l$message, "\n", sep = "")
    quit(status = any(lengths(found) > 0L))' > "$log" 2>&1
  checked "lintr" "$log" $?
else
  pass_over "lintr" "it is not installed"
fi

# Every page of the manual stands in the index of the site, and nothing else does.
index=$(awk '/^reference:/ { on = 1 } /^articles:/ { on = 0 } on && !/^- title|desc:|^reference:/' _pkgdown.yml |
  sed 's/contents://; s/[][]//g' | tr ',' '\n' | sed 's/ //g; /^$/d' | LC_ALL=C sort)
exported=$(sed -n 's/^export(\(.*\))$/\1/p' NAMESPACE)
{
  echo "$index" | uniq -d | sed 's/$/ stands twice in _pkgdown.yml/'
  for name in $exported; do
    page=$(grep -lE "^\\\\alias\{$name\}" man/*.Rd | head -n 1 | sed 's|man/||; s|\.Rd$||')
    echo "$index" | grep -qxF -e "$name" -e "${page:-$name}" || echo "$name is in no group of _pkgdown.yml"
  done
} > "$log"
test ! -s "$log"
checked "index of the site" "$log" $?

if r_has spelling; then
  Rscript --vanilla -e '
    found <- as.data.frame(spelling::spell_check_package(".", vignettes = TRUE))
    for (i in seq_len(nrow(found))) cat(found$word[[i]], ": ", toString(unlist(found$found[[i]])), "\n", sep = "")
    quit(status = nrow(found) > 0L)' > "$log" 2>&1
  checked "spelling" "$log" $?
else
  pass_over "spelling" "the package spelling is not installed"
fi

echo "style: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
