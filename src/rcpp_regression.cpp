// Expression at states by regression on cells, for R. Cells and states are in rows, genes in columns.
#include "core/analysis/gene_regression.hpp"
#include "glue.hpp"

using namespace fatefield;

// Expression of `states` by ridge regression: list(values = states x genes, explained, slope = dims x genes,
// intercept).
// [[Rcpp::export(rng = false)]]
Rcpp::List regress_ridge(const Rcpp::NumericMatrix& cells, const Rcpp::NumericMatrix& expression,
                         const Rcpp::NumericMatrix& states, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const RidgeFit fit = ridge_regression(glue::view(cells), glue::view(expression));
    return Rcpp::List::create(Rcpp::_["values"] = glue::to_r(ridge_predict(fit, glue::view(states))),
                              Rcpp::_["explained"] = glue::to_vector(fit.explained),
                              Rcpp::_["slope"] = glue::to_r(fit.slope),
                              Rcpp::_["intercept"] = glue::to_vector(fit.intercept));
  });
}

// The same by the nearest cells: list(values, explained), the latter measured on the cells `which`.
// [[Rcpp::export(rng = false)]]
Rcpp::List regress_nearest(const Rcpp::NumericMatrix& cells, const Rcpp::NumericMatrix& expression,
                           const Rcpp::NumericMatrix& states, int k, const Rcpp::IntegerVector& which,
                           int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const std::vector<std::int32_t> from = glue::from_one(which);
    const MatrixView x = glue::view(cells), y = glue::view(expression);
    return Rcpp::List::create(
        Rcpp::_["values"] = glue::to_r(nearest_regression(x, y, glue::view(states), k)),
        Rcpp::_["explained"] = glue::to_vector(nearest_explained(x, y, {from.begin(), from.end()}, k)));
  });
}
