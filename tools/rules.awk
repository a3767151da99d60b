# Rules of make for the sources that are not compiled like the others, from what tools/sources.awk prints.
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
  needs = $1; flags = ""
  for (i = 2; i <= NF; i++) {
    if ($i in precompiled) {
      needs = needs " " precompiled[$i] ".gch"
      flags = flags " $(PCH_FLAGS) -include " precompiled[$i]
    }
    if ($i == "hdf5") flags = flags " $(HDF5_CPPFLAGS)"
  }
  # Rcpp writes an include of all of Eigen into its exports, which use nothing of it.
  if ($1 == "RcppExports.cpp") flags = flags " -DRcppEigen__RcppEigen__h"
  if (flags != "") printf "\n%s: %s\n\t$(COMPILE)%s -c %s -o %s\n", object, needs, flags, $1, object
}
