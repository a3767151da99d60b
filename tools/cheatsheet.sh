#!/bin/sh
# The cheat sheet, two pages: build/fatefield-cheatsheet.pdf. Needs pdflatex (Debian: texlive-latex-extra, lmodern).
#
#   sh tools/cheatsheet.sh
set -eu
cd "$(dirname "$0")/.."
command -v pdflatex > /dev/null || {
  echo "cheatsheet: pdflatex is needed: apt-get install texlive-latex-extra texlive-fonts-recommended lmodern" >&2
  exit 1
}
mkdir -p build/cheatsheet
pdflatex -interaction=nonstopmode -halt-on-error -output-directory=build/cheatsheet cheatsheet/fatefield.tex > \
  build/cheatsheet/log || { tail -n 20 build/cheatsheet/log >&2; exit 1; }
mv build/cheatsheet/fatefield.pdf build/fatefield-cheatsheet.pdf
rm -r build/cheatsheet
echo "cheatsheet: build/fatefield-cheatsheet.pdf"
