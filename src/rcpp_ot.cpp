// Optimal transport for R: options, distances, plans and the class SinkhornLoss.
#include "core/ot/sinkhorn.hpp"
#include "glue.hpp"

using namespace fatefield;

// [[Rcpp::export(rng = false)]]
Rcpp::List sinkhorn_defaults() { return glue::to_list(SinkhornOptions()); }

// [[Rcpp::export(rng = false)]]
void check_sinkhorn_options(Rcpp::List options) {
  glue::guarded([&] { check_options(glue::from_list<SinkhornOptions>(options)); });
}
