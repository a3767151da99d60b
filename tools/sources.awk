# What the sources under src/ see through the headers they include, each header followed to its end.
#
#   cd src && find . \( -name '*.[ch]pp' -o -name '*.inc' \) -exec awk -f ../tools/sources.awk {} +
#
# Prints a line for each .cpp: its path, words out of
#   torch   LibTorch's headers
#   rcpp    those of Rcpp
#   plain   neither
#   hdf5    code that depends on WITH_HDF5
# and, behind a colon, the files of ours that it includes.

FNR == 1 { file = FILENAME; sub(/^\.\//, "", file); files[file] = 1 }
/^#include <(ATen|torch)\// { sees[file, "torch"] = 1 }
/^#include <Rcpp/ { sees[file, "rcpp"] = 1 }
/WITH_HDF5/ { sees[file, "hdf5"] = 1 }
/^#include "/ { split($0, part, "\""); includes[file, ++count[file]] = part[2] }

# The core is on the search path: its headers name each other without "core/".
function path(name) { return name in files ? name : "core/" name }

# Adds to `all` the files that this one includes, and those that they do.
function follow(file, i, name) {
  for (i = 1; i <= count[file]; i++) {
    name = path(includes[file, i])
    if (!(name in files) || (name in seen)) continue
    seen[name] = 1
    all = all " " name
    follow(name)
  }
}

END {
  words = split("torch rcpp hdf5", word, " ")
  do {
    changed = 0
    for (file in files) {
      for (i = 1; i <= count[file]; i++) {
        header = path(includes[file, i])
        for (w = 1; w <= words; w++) {
          if (((header, word[w]) in sees) && !((file, word[w]) in sees)) { sees[file, word[w]] = 1; changed = 1 }
        }
      }
    }
  } while (changed)
  for (file in files) {
    if (file !~ /\.cpp$/) continue
    line = file
    for (w = 1; w <= words; w++) if ((file, word[w]) in sees) line = line " " word[w]
    if (!((file, "torch") in sees) && !((file, "rcpp") in sees)) line = line " plain"
    split("", seen)
    all = ""
    follow(file)
    print line " :" all
  }
}
