#!/bin/sh
# From nothing to predicted fates: set-up, installation, then the main job, about two minutes on two cores.
#
#   sh tools/quickstart.sh
#       on simulated cells
#   sh tools/quickstart.sh FILE.h5ad|FILE.rds --time COL --label COL [--exclude LABEL,...]
#       on yours: a Seurat object, a SingleCellExperiment or an AnnData file, with the time and the
#       type of each cell in these columns; labels excluded are no fates, such as progenitors
#
# Writes into fatefield-quickstart/ the fates of the cells (CSV), the model, three figures and a report.
set -eu
here=$(pwd)
root=$(cd "$(dirname "$0")/.." && pwd)

sh "$root/tools/setup.sh"

# The package is built from a clean copy and only when its sources are newer than what was installed.
lib=$(Rscript --vanilla "$root/tools/library.R")
stamp="$root/build/installed"
changed=$(cd "$root" && find DESCRIPTION NAMESPACE configure R src inst -newer "$stamp" 2>/dev/null | head -n 1 || true)
if [ ! -f "$stamp" ] || [ -n "$changed" ] || [ ! -d "$lib/fatefield" ]; then
  echo "quickstart: building fatefield, some minutes the first time"
  mkdir -p "$root/build"
  log="$root/build/install.log"
  MAKEFLAGS=${MAKEFLAGS:--j$(nproc 2>/dev/null || echo 2)}
  export MAKEFLAGS
  # Without debugging information the build takes a third of the time.
  if [ -z "${R_MAKEVARS_USER:-}" ] && [ ! -f "$HOME/.R/Makevars" ]; then
    R_MAKEVARS_USER="$root/build/Makevars.quickstart"
    export R_MAKEVARS_USER
    echo "CXX17FLAGS = $(R CMD config CXX17FLAGS | sed 's/^-g //; s/ -g / /')" > "$R_MAKEVARS_USER"
  fi
  if ! (cd "$root/build" && rm -f fatefield_*.tar.gz && R CMD build --no-build-vignettes .. &&
        R CMD INSTALL --library="$lib" fatefield_*.tar.gz) > "$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "quickstart: the installation failed; all of it is in $log" >&2
    exit 1
  fi
  touch "$stamp"
fi
echo "quickstart: fatefield is installed in $lib"

cd "$here"
# Waiting threads sleep: on a busy machine, spinning ones take the time from those that work.
OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
export OMP_WAIT_POLICY
R_LIBS="$lib${R_LIBS:+:$R_LIBS}" exec Rscript "$root/tools/quickstart.R" "$@"
