// Networks between genes for R. Observations are cells or states x genes;
// graphs and correlations are genes x genes. Codes of modules and groups start from 1 in R.
#include "core/analysis/coexpression.hpp"
#include "core/graph/leiden.hpp"
#include "glue_graph.hpp"

using namespace fatefield;

// [[Rcpp::export(rng = false)]]
Rcpp::List network_defaults() { return glue::to_list(CoexpressionOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List leiden_defaults() { return glue::to_list(LeidenOptions()); }

// Correlations between columns; the rank correlation with `ranks`.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix column_correlations(const Rcpp::NumericMatrix& x, bool ranks, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return glue::to_r(correlations(standardised(glue::view(x), ranks)));
  });
}

// Numbers of pairs by their correlation in `bins` bins, of `r` and of shuffled `x`: list(observed, shuffled).
// [[Rcpp::export(rng = false)]]
Rcpp::List edge_counts(const Rcpp::NumericMatrix& r, const Rcpp::NumericMatrix& x, bool ranks,
                       const Rcpp::IntegerVector& groups, bool sign, int bins, int n_perm, double seed,
                       int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const std::vector<double> seen = correlation_counts(glue::view(r), sign, bins);
    const std::vector<double> shuffled =
        shuffled_counts(standardised(glue::view(x), ranks), glue::from_one(groups), sign, bins, n_perm,
                        static_cast<std::uint64_t>(seed));
    return Rcpp::List::create(Rcpp::_["observed"] = glue::to_vector(seen),
                              Rcpp::_["shuffled"] = glue::to_vector(shuffled));
  });
}

// Sums of the edges of each gene, genes x powers.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix power_strengths(const Rcpp::NumericMatrix& r, int max_power, bool sign, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return glue::to_r(soft_strengths(glue::view(r), max_power, sign));
  });
}

// Edges between genes, a dgCMatrix: r^power, or with a threshold above 0 the correlations from there on.
// [[Rcpp::export(rng = false)]]
Rcpp::S4 gene_graph(const Rcpp::NumericMatrix& r, double power, double threshold, bool sign) {
  return glue::guarded([&] {
    const MatrixView view = glue::view(r);
    return glue::to_r(threshold > 0 ? hard_graph(view, threshold, sign) : soft_graph(view, power, sign));
  });
}

// list(module, count, quality) of a symmetric dgCMatrix.
// [[Rcpp::export(rng = false)]]
Rcpp::List graph_modules(const Rcpp::S4& graph, const Rcpp::List& options, double seed) {
  return glue::guarded([&] {
    const Modules found = leiden(glue::sparse_from(graph), glue::from_list<LeidenOptions>(options),
                                 static_cast<std::uint64_t>(seed));
    Rcpp::IntegerVector module(found.of.begin(), found.of.end());
    return Rcpp::List::create(Rcpp::_["module"] = module + 1,
                              Rcpp::_["count"] = static_cast<double>(found.count),
                              Rcpp::_["quality"] = found.quality);
  });
}

// [[Rcpp::export(rng = false)]]
double graph_modularity(const Rcpp::S4& graph, const Rcpp::IntegerVector& module, double resolution) {
  return modularity(glue::sparse_from(graph), glue::from_one(module), resolution);
}

// genes x modules.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix gene_membership(const Rcpp::NumericMatrix& r, const Rcpp::IntegerVector& module,
                                    int modules, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return glue::to_r(module_membership(glue::view(r), glue::from_one(module), modules));
  });
}
