// Cores at hand, and the process that loaded the package.
#include "glue.hpp"

// [[Rcpp::export(rng = false)]]
int available_cores() { return fatefield::available_cores(); }

// [[Rcpp::export(rng = false)]]
void remember_process() { fatefield::remember_process(); }
