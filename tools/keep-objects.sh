#!/bin/sh
# A compiler that keeps what it made, so that tools/test.sh compiles a source once for all of its builds: where the same
# command on the same bytes of sources and headers was run before, the kept object is copied.
#
#   sh keep-objects.sh FOLDER COMPILER ARGUMENTS...
#
# One object is kept for each command; anything else than `COMPILER ... -c X.cpp -o X.o` below the current folder, or a
# precompiled header in the place of X.o, is passed on.
keep=$1; shift
out=""; before=""
for word in "$@"; do
  [ "$before" = -o ] && out=$word
  before=$word
done
case "$out" in
  /* | *..*) exec "$@" ;;
  *.o | *.gch) ;;
  *) exec "$@" ;;
esac

# What sources are compiled with but do not name: the compiler and, inside a precompiled header, LibTorch and Rcpp.
key=$keep/$( { echo "$*"; "$1" --version; cat precompiled.key; } 2>/dev/null | sha1sum | cut -c1-40)
if [ -f "$key.kept" ] && sha1sum --check --status "$key.sums" 2>/dev/null; then
  # A precompiled header is hundreds of megabytes.
  case "$out" in
    *.gch) ln -sf "$key.kept" "$out" ;;
    *) cp "$key.kept" "$out" ;;
  esac
  exit
fi

mkdir -p "$keep"
"$@" -MD -MF "$key.d.$$" || { status=$?; rm -f "$key.d.$$"; exit $status; }
rm -f "$key.kept"
tr -d '\\' < "$key.d.$$" | sed 's/^[^ ]*: *//' | tr -s ' ' '\n' | grep -v -e '\.gch$' -e '^$' |
  xargs sha1sum > "$key.sums" && cp "$out" "$key.kept.$$" && mv "$key.kept.$$" "$key.kept"
rm -f "$key.d.$$"
exit 0
