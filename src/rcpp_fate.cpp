// Neighbours, label transfer and fates for R. Codes and indices are from 1 in R, from 0 in the core.
#include "core/analysis/fate.hpp"
#include "core/base/rng.hpp"
#include "core/graph/knn.hpp"
#include "core/graph/labels.hpp"
#include "glue.hpp"

using namespace fatefield;

namespace {

std::vector<std::int32_t> from_one(const Rcpp::IntegerVector& codes) {
  std::vector<std::int32_t> out(codes.begin(), codes.end());
  for (std::int32_t& code : out) --code;
  return out;
}

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

const LabelTransfer& labels_of(SEXP pointer) {
  const Rcpp::XPtr<LabelTransfer> labels(pointer);
  return *labels.checked_get();
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List knn_defaults() { return glue::to_list(KnnOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List label_defaults() { return glue::to_list(LabelOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List fate_defaults() { return glue::to_list(FateOptions()); }

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

// Reference cells prepared: a pointer that lives for one call of a user's function and is never
// kept.
// [[Rcpp::export(rng = false)]]
SEXP label_index(const Rcpp::NumericMatrix& reference, const Rcpp::IntegerVector& codes, int n_labels,
                 const Rcpp::List& options, int threads) {
  return glue::guarded([&]() -> SEXP {
    const ThreadScope scope(threads);
    return Rcpp::XPtr<LabelTransfer>(new LabelTransfer(glue::view(reference), from_one(codes), n_labels,
                                                       glue::from_list<LabelOptions>(options), KnnOptions()));
  });
}

// [[Rcpp::export(rng = false)]]
double label_cutoff(SEXP index) { return labels_of(index).cutoff(); }

// list(probability = n x labels, label = codes or NA, distance) of states (n x dims).
// [[Rcpp::export(rng = false)]]
Rcpp::List label_states(SEXP index, const Rcpp::NumericMatrix& states, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const Labels found = labels_of(index).transfer(glue::view(states));
    Rcpp::IntegerVector label(found.label.begin(), found.label.end());
    for (int& code : label) code = code < 0 ? NA_INTEGER : code + 1;
    return Rcpp::List::create(
        Rcpp::Named("probability") = glue::to_r(found.probability), Rcpp::Named("label") = label,
        Rcpp::Named("distance") = Rcpp::NumericVector(found.distance.begin(), found.distance.end()));
  });
}

// list(share = cells x (labels + 1), effective) of end states; `log_weights` may be empty.
// [[Rcpp::export(rng = false)]]
Rcpp::List fate_shares(SEXP index, const Rcpp::NumericMatrix& states, const Rcpp::NumericVector& log_weights,
                       const Rcpp::IntegerVector& cell, int n_cells, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const FateShares found =
        tally_fates(labels_of(index), glue::view(states),
                    std::vector<double>(log_weights.begin(), log_weights.end()), from_one(cell), n_cells);
    return Rcpp::List::create(
        Rcpp::Named("share") = glue::to_r(found.share),
        Rcpp::Named("effective") = Rcpp::NumericVector(found.effective.begin(), found.effective.end()));
  });
}

// `members`: one list(share, effective) for each member of the ensemble. `fates`: codes of labels.
// [[Rcpp::export(rng = false)]]
Rcpp::List fate_summary(const Rcpp::List& members, const Rcpp::IntegerVector& fates,
                        const Rcpp::List& options) {
  return glue::guarded([&] {
    std::vector<FateShares> all;
    for (R_xlen_t m = 0; m < members.size(); ++m) {
      const Rcpp::List member = members[m];
      const Rcpp::NumericMatrix share = member["share"];
      const Rcpp::NumericVector effective = member["effective"];
      FateShares one;
      one.share = Matrix(share.nrow(), share.ncol());
      one.share.values.assign(share.begin(), share.end());
      one.effective.assign(effective.begin(), effective.end());
      all.push_back(std::move(one));
    }
    const FateTable t = summarise_fates(all, from_one(fates), glue::from_list<FateOptions>(options));
    const auto numbers = [](const std::vector<double>& v) { return Rcpp::NumericVector(v.begin(), v.end()); };
    return Rcpp::List::create(
        Rcpp::Named("probability") = glue::to_r(t.probability), Rcpp::Named("se") = glue::to_r(t.se),
        Rcpp::Named("spread") = glue::to_r(t.spread), Rcpp::Named("entropy") = numbers(t.entropy),
        Rcpp::Named("unassigned") = numbers(t.unassigned), Rcpp::Named("other") = numbers(t.other),
        Rcpp::Named("effective") = numbers(t.effective));
  });
}

// How often each of n groups is drawn in each of n_boot samples with replacement: n x n_boot.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix bootstrap_counts(int n, int n_boot, double seed) {
  Rcpp::NumericMatrix counts(n, n_boot);
  const auto groups = static_cast<std::uint64_t>(n);
  for (int b = 0; b < n_boot; ++b)
    for (int i = 0; i < n; ++i)
      counts(uniform_index(static_cast<std::uint64_t>(seed), Stream::Bootstrap, i, b, groups), b) += 1;
  return counts;
}

// Rows are random directions of length 1 in as many dimensions as `root` has rows: a standard normal vector
// times it.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix random_directions(int n, Rcpp::NumericMatrix root, double seed) {
  const int inner = root.nrow(), dims = root.ncol();
  Rcpp::NumericMatrix out(n, dims);
  std::vector<double> z(inner);
  for (int i = 0; i < n; ++i) {
    fatefield::normals<double>(static_cast<std::uint64_t>(seed), Stream::Projection,
                               static_cast<std::uint64_t>(i), 1, 0, inner, z.data());
    double squares = 0.0;
    for (int j = 0; j < dims; ++j) {
      for (int k = 0; k < inner; ++k) out(i, j) += z[k] * root(k, j);
      squares += out(i, j) * out(i, j);
    }
    for (int j = 0; j < dims; ++j) out(i, j) /= std::sqrt(squares);
  }
  return out;
}
