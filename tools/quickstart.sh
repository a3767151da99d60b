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

# watch_build LOG: until it is killed or this script ends, how many files are compiled and about how long the others
# take: on a terminal one line that is written anew, else a line every 20 seconds. The log has a line for each file
# that was begun.
watch_build () {
  total=$(find "$root/src" -name '*.cpp' | wc -l)
  jobs=$(nproc 2>/dev/null || echo 2)
  began=$(date +%s)
  ticks=0
  while sleep 1 && kill -0 $$ 2>/dev/null; do
    ticks=$((ticks + 1))
    if [ ! -t 1 ] && [ $((ticks % 20)) -ne 0 ]; then continue; fi
    compiled=$(($(grep -c -- ' -c [^ ]*\.cpp -o ' "$1" || true) - jobs))
    took=$(($(date +%s) - began))
    if grep -q -- ' -shared ' "$1"; then state="compiled, the rest takes seconds"
    elif [ "$compiled" -le 0 ]; then state="0 of $total files"
    else state="$compiled of $total files, about $((took * (total - compiled) / compiled + 10)) s left"; fi
    if [ -t 1 ]; then printf '\rquickstart: %-50s' "$state"; else echo "quickstart: $state"; fi
  done
}

sh "$root/tools/setup.sh"

# The package is built from a clean copy and only when its sources are newer than what was installed.
lib=$(Rscript --vanilla "$root/tools/library.R")
stamp="$root/build/installed"
changed=$(cd "$root" && find DESCRIPTION NAMESPACE configure R src inst -newer "$stamp" 2>/dev/null | head -n 1 || true)
if [ ! -f "$stamp" ] || [ -n "$changed" ] || [ ! -d "$lib/fatefield" ]; then
  echo "quickstart: building fatefield, some minutes the first time; what the compiler says is in build/install.log"
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
  : > "$log"
  watch_build "$log" &
  watcher=$!
  built=yes
  (cd "$root/build" && rm -f fatefield_*.tar.gz && R CMD build --no-build-vignettes .. &&
   R CMD INSTALL --library="$lib" fatefield_*.tar.gz) > "$log" 2>&1 || built=no
  kill $watcher 2>/dev/null || true
  if [ -t 1 ]; then printf '\r%70s\r' ''; fi
  if [ $built = no ]; then
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
