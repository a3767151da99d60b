#!/bin/sh
# Installs what fatefield is built from and runs on, where apt exists; elsewhere prints the list.
#
#   sh tools/setup.sh         to build and use the package
#   sh tools/setup.sh test    also what the tests need
#
# Does nothing when all is there. An R package counts as there when R finds it, however it came.
set -eu
for_tests=no
[ "${1:-}" = test ] && for_tests=yes

say () { echo "setup: $*"; }

# To build and load the package.
system="g++ gfortran make pkg-config libhdf5-dev libopenblas0-openmp libopenblas-openmp-dev r-base-core r-base-dev"
[ -n "${LIBTORCH:-}" ] || system="$system libtorch-dev"
r_packages="Rcpp RcppEigen RcppAnnoy Matrix SeuratObject ggplot2 rlang cli"
# For the quick start: normalisation and PCA, panels, a report.
r_packages="$r_packages Seurat patchwork progressr rmarkdown knitr"
system="$system pandoc"
# Welcome, not needed.
extra=""
if [ $for_tests = yes ]; then
  system="$system cmake catch2 libeigen3-dev git qpdf"
  r_packages="$r_packages testthat callr future hdf5r SingleCellExperiment"
  extra="clang-format clang-tidy hdf5-tools tidy r-cran-lintr r-cran-roxygen2 r-cran-spelling"
  extra="$extra r-cran-igraph r-bioc-annotationdbi r-bioc-go.db r-bioc-org.hs.eg.db"
fi

debian_name () {
  case "$1" in
    SingleCellExperiment) echo r-bioc-singlecellexperiment ;;
    *) echo "r-cran-$1" | tr '[:upper:]' '[:lower:]' ;;
  esac
}

apt_has () { [ "`dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null`" = installed ]; }

# The names of Debian packages that are missing, needed ones and welcome ones apart.
find_missing () {
  missing=""; missing_extra=""
  for name in $system; do apt_has "$name" || missing="$missing $name"; done
  for name in $extra; do apt_has "$name" || missing_extra="$missing_extra $name"; done
  lost="$r_packages"
  if command -v Rscript >/dev/null 2>&1; then
    lost=`Rscript --vanilla -e '
      p <- commandArgs(TRUE)
      cat(p[!nzchar(vapply(p, function(x) system.file(package = x), ""))])' $r_packages`
  fi
  for name in $lost; do missing="$missing `debian_name "$name"`"; done
}

as_root () { if [ "`id -u`" = 0 ]; then "$@"; else sudo "$@"; fi; }

# apt_get ARGS: quiet, tried three times; its output is shown when it fails.
apt_get () {
  log=`mktemp`
  for try in 1 2 3; do
    if as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 -q "$@" >"$log" 2>&1; then
      rm -f "$log"
      return 0
    fi
    say "apt-get $1 failed (try $try of 3)"
    sleep $((try * 5))
  done
  tail -n 30 "$log" >&2
  rm -f "$log"
  return 1
}

# Of the names given, those this release has.
known () {
  for name in "$@"; do
    if apt-cache show "$name" >/dev/null 2>&1; then printf ' %s' "$name"; fi
  done
}

# Threads of OpenBLAS's pthreads build fight those of OpenMP, and the reference BLAS is some thirty times slower:
# where several are installed, the OpenMP build is chosen. Any other choice, such as MKL, is left alone.
choose_blas () {
  command -v update-alternatives >/dev/null 2>&1 || return 0
  update-alternatives --get-selections 2>/dev/null |
    awk '$1 ~ /^(libblas\.so\.3|liblapack\.so\.3|libopenblas\.so\.0)/ { print $1, $3 }' |
    while read -r name now; do
      best=`update-alternatives --list "$name" | grep openblas-openmp | head -n 1`
      [ -n "$best" ] && [ "$now" != "$best" ] || continue
      case "$now" in
        */blas/*|*/lapack/*|*/openblas-pthread/*|*/openblas-serial/*)
          if as_root update-alternatives --set "$name" "$best" >/dev/null; then say "$name is now $best"; fi ;;
      esac
    done
}

if ! command -v apt-get >/dev/null 2>&1; then
  say "no apt here. Install these, if they are missing:"
  echo "  a C++17 compiler, gfortran, make, pkg-config, R (>= 4.2), OpenBLAS, pandoc"
  echo "  LibTorch (>= 1.13)   https://pytorch.org, or conda install -c conda-forge libtorch"
  echo "  HDF5 (optional)      dnf install hdf5-devel, brew install hdf5"
  [ $for_tests = no ] || echo "  for the tests        cmake, Catch2, git, qpdf"
  echo "  R packages           $r_packages"
  command -v R >/dev/null 2>&1 || { echo "setup: R was not found" >&2; exit 1; }
  exit 0
fi

find_missing
if [ -n "$missing$missing_extra" ]; then
  if [ "`id -u`" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
    if [ -z "$missing" ]; then exit 0; fi
    echo "setup: run this as root, then start again: apt-get install$missing$missing_extra" >&2
    exit 1
  fi
  say "apt-get update"
  apt_get update || say "the package lists could not be renewed; trying with those at hand"
  names="$missing`known $missing_extra`"
  say "apt-get install`echo "$names" | fold -s -w 90 | sed '2,$s/^/  /'`"
  # shellcheck disable=SC2086
  apt_get install -y --no-install-recommends $names || true
  find_missing
  if [ -n "$missing" ]; then echo "setup: could not install$missing" >&2; exit 1; fi
fi
choose_blas
say "all is there"
