// Passages and fates to come for R. Indices are from 1 in R, from 0 in the core.
#include "core/analysis/commitment.hpp"
#include "glue.hpp"

using namespace fatefield;

// list(first, stays, until) of paths; `shares`: paths x times.
// [[Rcpp::export(rng = false)]]
Rcpp::List path_passages(const Rcpp::NumericMatrix& shares, const Rcpp::NumericVector& times,
                         double threshold) {
  return glue::guarded([&] {
    const Passages found =
        find_passages(glue::view(shares), std::vector<double>(times.begin(), times.end()), threshold);
    return Rcpp::List::create(Rcpp::Named("first") = Rcpp::wrap(found.first),
                              Rcpp::Named("stays") = Rcpp::wrap(found.stays),
                              Rcpp::Named("until") = Rcpp::wrap(found.until));
  });
}

// paths x fates; `near`: paths x k, numbers of other paths.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix path_forward_shares(const Rcpp::IntegerMatrix& near, const Rcpp::NumericMatrix& ends,
                                        const Rcpp::NumericVector& weights, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    std::vector<std::int32_t> by_rows;
    for (int i = 0; i < near.nrow(); ++i)
      for (int j = 0; j < near.ncol(); ++j) by_rows.push_back(near(i, j) - 1);
    return glue::to_r(forward_shares(by_rows, near.ncol(), glue::view(ends),
                                     std::vector<double>(weights.begin(), weights.end())));
  });
}
