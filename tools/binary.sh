#!/bin/sh
# Makes packages for those who do not compile, for the release of Debian or Ubuntu it runs on, in build/:
#
#   sh tools/binary.sh
#
#   fatefield_VERSION_ARCH.deb              apt-get install ./fatefield_*.deb brings all it depends on
#   fatefield_VERSION_R_PLATFORM.tar.gz     R CMD INSTALL, where R, LibTorch and HDF5 are of the same release
#
# The LibTorch it is built on must be the system's: another cannot be named in the dependencies.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
for tool in dpkg-deb dpkg-shlibdeps; do
  command -v $tool > /dev/null || { echo "binary: $tool is needed (Debian: dpkg-dev)" >&2; exit 1; }
done

stage=$(mktemp -d)
trap 'rm -rf "$stage"' 0
site=usr/lib/R/site-library
log=$root/build/binary.log
mkdir -p build "$stage/package/$site" "$stage/make"

# Without debugging information, and without the user's own choices: the package runs on other machines.
echo "CXX17FLAGS = $(R --vanilla CMD config CXX17FLAGS | sed 's/^-g //; s/ -g / /')" > "$stage/Makevars"
: "${R_MAKEVARS_USER:=$stage/Makevars}" "${MAKEFLAGS:=-j$(nproc)}"
export R_MAKEVARS_USER MAKEFLAGS

echo "binary: compiling; what the compiler says is in build/binary.log"
(cd "$stage/make" && R CMD build --no-build-vignettes "$root" &&
 R CMD INSTALL --build --strip --library="$stage/package/$site" fatefield_*.tar.gz) > "$log" 2>&1 ||
  { tail -n 40 "$log" >&2; echo "binary: the build failed; all of it is in $log" >&2; exit 1; }
if ! grep -q '^LibTorch .*(system)' "$log"; then
  echo "binary: built on a LibTorch that is not the system's: `grep '^LibTorch' "$log"`." \
    "Debian: apt-get install libtorch-dev" >&2
  exit 1
fi
if found=$(grep -rlE "$stage|$root" "$stage/package"); then
  echo "binary: these name folders of this machine: $found" >&2
  exit 1
fi

# field NAME: a field of the package's description.
field () {
  Rscript --vanilla -e 'cat(gsub("\\s+", " ", read.dcf(commandArgs(TRUE)[[1L]], commandArgs(TRUE)[[2L]])))' \
    DESCRIPTION "$1"
}
# The names of Debian packages that hold the R packages it imports, with the versions that are asked for.
imports=$(Rscript --vanilla -e '
  imports <- trimws(strsplit(read.dcf("DESCRIPTION", "Imports"), ",")[[1L]])
  name <- sub("[ (].*", "", imports)
  base <- rownames(installed.packages(priority = "base"))
  version <- ifelse(grepl("(", imports, fixed = TRUE), sub("[^(]*", " ", imports), "")
  cat(paste0("r-cran-", tolower(name), version)[!name %in% base], sep = ", ")')
version=$(field Version)
architecture=$(dpkg --print-architecture)
r_version=$(Rscript --vanilla -e 'cat(format(getRversion()))')
r_api=$(dpkg-query -W -f='${Provides}' r-base-core | tr ',' '\n' | sed -n 's/^ *\(r-api-[^ ]*\).*/\1/p' | head -n 1)
mkdir -p "$stage/make/debian"
printf 'Source: fatefield\n\nPackage: fatefield\nArchitecture: any\n' > "$stage/make/debian/control"
maintainer=$(Rscript --vanilla -e 'cat(packageDescription("fatefield", lib.loc = commandArgs(TRUE))$Maintainer)' \
  "$stage/package/$site")
shared_object=$stage/package/$site/fatefield/libs/fatefield.so
libraries=$(cd "$stage/make" && dpkg-shlibdeps -O -l"$(R RHOME)/lib" "$shared_object" 2>> "$log" |
  sed -n 's/^shlibs:Depends=//p')
[ -n "$libraries" ] || { tail -n 5 "$log" >&2; exit 1; }

mkdir -p "$stage/package/DEBIAN" "$stage/package/usr/share/doc/fatefield"
cp LICENSE "$stage/package/usr/share/doc/fatefield/copyright"
cat > "$stage/package/DEBIAN/control" <<CONTROL
Package: fatefield
Version: $version
Architecture: $architecture
Section: gnu-r
Priority: optional
Maintainer: $maintainer
Installed-Size: $(du -sk "$stage/package/usr" | cut -f 1)
Depends: r-base-core (>= $r_version)${r_api:+, $r_api}, $imports, $libraries
Recommends: libopenblas0-openmp
Suggests: r-cran-seurat, r-bioc-singlecellexperiment, r-cran-patchwork, r-cran-progressr
Homepage: $(field URL)
Description: $(field Title)
$(field Description | fold -s -w 77 | sed 's/^/ /')
CONTROL
(cd "$stage/package" && find usr -type f -exec md5sum {} +) > "$stage/package/DEBIAN/md5sums"
find "$stage/package" -type d -exec chmod 755 {} +
chmod -R u=rwX,go=rX "$stage/package"
rm -f build/fatefield_*.deb build/fatefield_*_R_*.tar.gz
dpkg-deb --build --root-owner-group -Zxz "$stage/package" build > /dev/null
mv "$stage"/make/fatefield_*_R_*.tar.gz build/
for file in build/fatefield_*.deb build/fatefield_*_R_*.tar.gz; do
  echo "binary: $file ($(du -k "$file" | cut -f 1) kB)"
done
