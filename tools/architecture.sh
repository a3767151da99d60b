#!/bin/sh
# The rules that keep the rooms of the package apart, each one a search that must find nothing.
# Prints a line for each rule and, last, "architecture: N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0
failed=0

# rule NAME FINDINGS: passes when FINDINGS is empty.
rule () {
  if [ -z "$2" ]; then
    passed=$((passed + 1)); echo "ok      $1"
  else
    failed=$((failed + 1)); echo "FAILED  $1"; echo "$2" | sed 's/^/          /'
  fi
}

# code FILES: their lines as "file:line:text" without what follows // or, in R, #.
cpp_code () {
  find "$@" \( -name '*.cpp' -o -name '*.hpp' \) ! -name RcppExports.cpp -exec grep -Hn '' {} + | sed 's|//.*||'
}
r_code () {
  find R -name '*.R' ! -name RcppExports.R -exec grep -Hn '' {} + |
    sed "s/:[[:space:]]*#.*/:/; s/[[:space:]]#[[:space:]].*//"
}
# written FOLDERS: the files in them that someone wrote.
written () {
  find "$@" \( -name '*.R' -o -name '*.[ch]pp' -o -name '*.inc' -o -name '*.sh' -o -name '*.awk' \) \
    ! -name 'RcppExports.*' ! -name '._*'
}

rule "the core does not know R" \
  "$(grep -rEn '#include *[<"](Rcpp|R\.h|Rinternals|Rmath|R_ext)' src/core)"
rule "only base/ compiles Eigen: the others ask base/linear_algebra.hpp" \
  "$(grep -rEn '#include *<Eigen/' src/core | grep -v '^src/core/base/' |
    grep -v '^src/core/ot/plan_columns\.hpp:')"
rule "the glue does not know torch" \
  "$(grep -En '#include *[<"](torch|ATen|c10)/' src/rcpp_*.cpp src/glue*.hpp 2>/dev/null)"
rule "only seurat-compat.R knows the layers of Seurat's versions" \
  "$(r_code | grep -E 'GetAssayData|SetAssayData|LayerData|@assays|@meta\.data' | grep -v '^R/seurat-compat\.R:')"

# Rooms of the core and what each may include, besides itself.
rooms="base:
io: base
graph: base
nets: base
ot: base
velocity: base graph
sde: base nets ot graph
field: base nets graph
paths: base graph sde field
sim: base
analysis: base graph nets ot velocity sde field paths sim"
rule "rooms of the core include only rooms above them" \
  "$(echo "$rooms" | while IFS=: read -r room may; do
    grep -rHnoE '#include "[a-z]+/' "src/core/$room" |
      awk -F'"' -v may=" $room$may " '{ sub("/", "", $2); if (index(may, " " $2 " ") == 0) print $1 "\"" $2 }'
  done; ls -d src/core/*/ | sed 's|src/core/||; s|/$||' | while read -r room; do
    echo "$rooms" | grep -q "^$room:" || echo "$room is in no table"; done)"

# LibTorch's headers cost 5 to 15 seconds and a gigabyte a source, also where they come through other headers.
rule "at most 14 sources of the core see LibTorch's headers" \
  "$(cd src && find core -name '*.[ch]pp' -exec awk -f ../tools/sources.awk {} + |
    awk '/ torch/ { all = all "\n" $1; n++ } END { if (n > 14) print n " sources:" all }')"

# Inside a print method (print.x <- function up to the closing brace in the first column) printing is the job.
prints=$(for f in R/*.R; do
  [ "$f" = R/RcppExports.R ] && continue
  awk -v f="$f" '
    /^(print|format|summary|show)[._A-Za-z0-9]* *<- *function/ { inside = 1 }
    inside && /^}/ { inside = 0; next }
    { line = $0; sub(/^[[:space:]]*#.*/, "", line) }
    !inside && line ~ /(^|[^._A-Za-z0-9])(cat|print)\(/ { print f ":" NR ":" $0 }' "$f"
done)
rule "R code prints in print methods only" "$prints"
rule "R code changes neither the random numbers nor the environment, and downloads nothing" \
  "$(r_code | grep -E '(^|[^._A-Za-z0-9])(set\.seed|Sys\.setenv|setwd|download\.file|download) *\(')"
rule "no two things of R have one name, of which the later file's would win" \
  "$(grep -ohE '^[A-Za-z_.][A-Za-z0-9_.]* <- ' $(ls R/*.R | grep -v RcppExports) | sort | uniq -d)"
rule "C++ code prints nothing, ends no process and draws no numbers of the C library" \
  "$(cpp_code src |
    grep -E 'std::(cout|cerr)|(^|[^._A-Za-z0-9])(printf|fprintf|puts|exit|_exit|abort|s?rand)[[:space:]]*\(')"
rule "no source file is longer than 500 lines" \
  "$(written R src tests tools |
    while read -r f; do awk 'END { if (FNR > 500) print FILENAME ": " FNR " lines" }' "$f"; done)"
rule "no line is longer than 120 characters" \
  "$(written R src tests tools | xargs grep -HnE '^.{121}' | cut -c 1-100)"
rule "a C++ test that lacks what it needs says SKIP()" \
  "$(grep -nE 'WARN\(.*(missing\(\)|no such|passed over)' tests/cpp/*.cpp)"

[ "$failed" -eq 0 ]
status=$?
echo "architecture: $passed passed, $failed failed"
exit $status
