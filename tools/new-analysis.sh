#!/bin/sh
# Lays the files of a new analysis, which compile and pass their tests as they are: how far each cell is from the mean.
#
#   sh tools/new-analysis.sh ConeWidth
#
# The name is that of the verb, in capitals as ConeWidth; files are cone_width in C++ and cone-width in R.
# Written are src/core/analysis/, src/rcpp_, R/, tests/testthat/ and tests/cpp/ of that name, a line in NEWS.md, the
# lines of NAMESPACE, and RcppExports. It prints what is next. Nothing that is there is overwritten.
set -eu
cd "$(dirname "$0")/.."

stop () { echo "new-analysis: $*" >&2; exit 1; }

[ $# -eq 1 ] || stop "give the name of the verb, such as ConeWidth"
name=$1
echo "$name" | grep -Eq '^([A-Z][a-z0-9]+)+$' || stop "\"$name\" is no name such as ConeWidth"
kebab=$(echo "$name" | sed 's/\([a-z0-9]\)\([A-Z]\)/\1-\2/g' | tr '[:upper:]' '[:lower:]')
snake=$(echo "$kebab" | tr - _)

# Every file to write, as TEMPLATE TARGET.
files="core.hpp src/core/analysis/$snake.hpp
core.cpp src/core/analysis/$snake.cpp
glue.cpp src/rcpp_$snake.cpp
verb.R R/$kebab.R
test.R tests/testthat/test-$kebab.R
test.cpp tests/cpp/test_$snake.cpp"

echo "$files" | while read -r template target; do
  [ ! -e "$target" ] || stop "$target is there already"
done
grep -qx "export($name)" NAMESPACE && stop "$name() is there already"

echo "$files" | while read -r template target; do
  sed "s/@Name@/$name/g; s/@snake@/$snake/g; s/@kebab@/$kebab/g" "tools/new-analysis/$template.in" > "$target"
  echo "$target"
done

# NAMESPACE as tools/document.R will write it: sorted, beneath two lines of its own.
{
  head -n 2 NAMESPACE
  {
    tail -n +3 NAMESPACE
    printf 'S3method(%s,Seurat)\nS3method(%s,SingleCellExperiment)\nS3method(%s,default)\nexport(%s)\n' \
      "$name" "$name" "$name" "$name"
    printf 'S3method(plot,fatefield_%s)\n' "$snake"
  } | LC_ALL=C sort
} > NAMESPACE.new
mv NAMESPACE.new NAMESPACE
awk -v line="- \`$name()\`: how far each cell is from the mean of all, in the coordinates of a model." \
  '{ print } /^## New$/ && !done { getline; print; print line; done = 1 }' NEWS.md > NEWS.md.new
mv NEWS.md.new NEWS.md
Rscript --vanilla -e 'Rcpp::compileAttributes(".")'

cat <<END
Next: write what it does in the place of the distances, and
  Rscript -e 'Rcpp::compileAttributes(".")' && R CMD INSTALL . && Rscript tools/document.R
  Rscript tools/testthat.R test-$kebab.R
  cmake -S tests/cpp -B build/cpp -DCORE_OBJECTS=\$PWD/src/core && cmake --build build/cpp -j2
  build/cpp/core_tests "[$snake]"
DEVELOPING.md has the services that it may use, and the recipe.
END
