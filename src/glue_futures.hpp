// Futures of cells between R and the core, for whatever moves them; rcpp_futures.cpp has the rest.
#pragma once

#include "core/sde/model/neural_sde.hpp"
#include "glue.hpp"

namespace fatefield {
namespace glue {

/// list(share = starts x (labels + 1), effective, first = codes or NULL) of the futures of start states, arm
/// after arm.
/// @param index   pointer of label_index()
/// @param times   when each cell of an arm starts
/// @param request list(n.sim, seed) and, where they are not the usual, noise.sd, arms, hold, hold.of.arm,
/// first
/// @param tick    NULL, or a function of the number of starts that are done
Rcpp::List sde_fates(const NeuralSde& model, SEXP index, const Rcpp::NumericMatrix& starts,
                     const Rcpp::NumericVector& times, double end, const Rcpp::List& request,
                     const Rcpp::Nullable<Rcpp::Function>& tick);

}  // namespace glue
}  // namespace fatefield
