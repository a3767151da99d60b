# Rules of make for the sources, from what tools/sources.awk prints: the headers each is made from, and how it is
# compiled where not like the others.
#
#   awk -v pch="torch rcpp plain" -f rules.awk      which headers are precompiled; none when empty
#
# A precompiled header is named by -include, the only way that GCC and clang share.

BEGIN {
  header["torch"] = "core/precompiled_torch.hpp"
  header["rcpp"] = "precompiled_rcpp.hpp"
  header["plain"] = "core/precompiled_plain.hpp"
  n = split(pch, wanted, " ")
  for (i = 1; i <= n; i++) {
    used = header[wanted[i]]
    precompiled[wanted[i]] = used
    printf "\n%s.gch: %s\n\t$(COMPILE) $(PCH_FLAGS) -x c++-header %s -o %s.gch\n", used, used, used, used
  }
}
{
  object = $1; sub(/cpp$/, "o", object)
  needs = ""; flags = ""
  for (i = 2; $i != ":"; i++) {
    if ($i in precompiled) {
      needs = needs " " precompiled[$i] ".gch"
      flags = flags " $(PCH_FLAGS) -include " precompiled[$i]
    }
    if ($i == "hdf5") flags = flags " $(HDF5_CPPFLAGS)"
  }
  # Rcpp writes an include of all of Eigen into its exports, which use nothing of it.
  if ($1 == "RcppExports.cpp") flags = flags " -DRcppEigen__RcppEigen__h"
  while (++i <= NF) needs = needs " " $i
  printf "\n%s: %s%s\n", object, $1, needs
  if (flags != "") printf "\t$(COMPILE)%s -c %s -o %s\n", flags, $1, object
}
