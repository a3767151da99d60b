// Nearest neighbours and shortest ways between cells for R. Indices are from 1 in R, from 0 in the core.
#include "core/graph/knn.hpp"
#include "core/graph/ways.hpp"
#include "glue_graph.hpp"

using namespace fatefield;

namespace {

Rcpp::List to_r(const Neighbours& found) {
  Rcpp::IntegerMatrix index(static_cast<int>(found.n), static_cast<int>(found.k));
  Rcpp::NumericMatrix distance(static_cast<int>(found.n), static_cast<int>(found.k));
  for (std::int64_t i = 0; i < found.n; ++i) {
    for (std::int64_t j = 0; j < found.k; ++j) {
      index(i, j) = found.index[i * found.k + j] + 1;
      distance(i, j) = found.distance[i * found.k + j];
    }
  }
  return Rcpp::List::create(Rcpp::Named("index") = index, Rcpp::Named("distance") = distance);
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List knn_defaults() { return glue::to_list(KnnOptions()); }

// The k nearest rows of `reference` for each row of `queries`: list(index, distance), n x k.
// [[Rcpp::export(rng = false)]]
Rcpp::List knn_query(const Rcpp::NumericMatrix& reference, const Rcpp::NumericMatrix& queries, int k,
                     const Rcpp::List& options, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const NeighbourIndex index(glue::view(reference), glue::from_list<KnnOptions>(options));
    return to_r(index.query(glue::view(queries), k));
  });
}

// The k nearest other rows of each row of `x`.
// [[Rcpp::export(rng = false)]]
Rcpp::List knn_self(const Rcpp::NumericMatrix& x, int k, const Rcpp::List& options, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const NeighbourIndex index(glue::view(x), glue::from_list<KnnOptions>(options));
    std::vector<std::int64_t> all(static_cast<std::size_t>(x.nrow()));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    return to_r(index.query_self(all, k));
  });
}

// Shortest ways from one cell to all along a graph of nearest cells: list(index, distance) of k neighbours of
// each. Infinite where there is no way.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector graph_distances(const Rcpp::List& knn, int from) {
  return glue::guarded(
      [&] { return Rcpp::NumericVector(Rcpp::wrap(shortest_ways(glue::neighbours_from(knn), from - 1))); });
}
