#!/bin/sh
# The site of the package, without the network: pages of all functions in the groups of _pkgdown.yml, articles from the
# vignettes, NEWS and README, in build/site.
#
#   sh tools/site.sh              all, with examples and vignettes run: some minutes
#   sh tools/site.sh quick        neither run: seconds, to look at the index
#
# Needs the installed package, pkgdown (Debian: r-cran-pkgdown) and pandoc.
set -eu
cd "$(dirname "$0")/.."
run=TRUE
[ "${1:-}" = quick ] && run=FALSE
Rscript --vanilla -e 'for (p in c("pkgdown", "fatefield")) if (!requireNamespace(p, quietly = TRUE))
  stop("the package ", p, " is needed: apt-get install r-cran-pkgdown, R CMD INSTALL .")'
# From a copy, so that nothing of the site gets among the sources.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
tar --exclude=./build --exclude=./.git --exclude=./bench/out --exclude=./src -cf - . | tar -xf - -C "$copy"
Rscript --vanilla - "$copy" "$PWD/build/site" "$run" <<'R'
args <- commandArgs(TRUE)
run <- as.logical(args[[3L]])
options(pkgdown.internet = FALSE)
package <- pkgdown::as_pkgdown(args[[1L]], override = list(destination = args[[2L]]))
dir.create(args[[2L]], recursive = TRUE, showWarnings = FALSE)
pkgdown::init_site(package)
pkgdown::build_home(package, preview = FALSE)
pkgdown::build_reference(package, examples = run, run_dont_run = FALSE, lazy = FALSE, preview = FALSE)
if (run) pkgdown::build_articles(package, preview = FALSE) else pkgdown::build_articles_index(package)
pkgdown::build_news(package, preview = FALSE)
try(pkgdown::build_search(package), silent = TRUE)
cat("site:", file.path(args[[2L]], "index.html"), "\n")
R
