// Criticality, local divergence and correlations of genes with dynamics, for R. States are cells x dims,
// genes of cells genes x cells.
#include <algorithm>

#include "core/analysis/criticality.hpp"
#include "core/analysis/gene_dynamics.hpp"
#include "core/field/model/velocity_field.hpp"
#include "core/paths/lyapunov.hpp"
#include "core/paths/sde.hpp"
#include "glue.hpp"
#include "glue_counts.hpp"
#include "glue_tick.hpp"

using namespace fatefield;

namespace {

Rcpp::List parts_of(const Correlations& c) {
  return Rcpp::List::create(Rcpp::_["estimate"] = glue::to_r(c.estimate), Rcpp::_["low"] = glue::to_r(c.low),
                            Rcpp::_["high"] = glue::to_r(c.high), Rcpp::_["se"] = glue::to_r(c.se));
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List criticality_defaults() { return glue::to_list(CriticalityOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List lyapunov_defaults() { return glue::to_list(LyapunovOptions()); }

// How far each path has moved between successive times, paths x (times - 1). `states`: array path x dim x
// time; `genes`: NULL, or list(weights = genes x dims, bias); `mean`: one number for each gene, or none.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix path_changes(const Rcpp::NumericVector& states, Rcpp::Nullable<Rcpp::List> genes,
                                 const Rcpp::NumericVector& mean, const Rcpp::List& options, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const Rcpp::IntegerVector size = states.attr("dim");
    StateExpression expression;
    if (genes.isNotNull()) {
      const Rcpp::List given(genes);
      const Rcpp::NumericMatrix weights = given["weights"];
      expression.weights = Matrix(weights.nrow(), weights.ncol());
      std::copy(weights.begin(), weights.end(), expression.weights.values.begin());
      expression.bias = Rcpp::as<std::vector<double>>(given["bias"]);
    }
    return glue::to_r(path_changes(
        {states.begin(), size[0], size[1], size[2]}, genes.isNotNull() ? &expression : nullptr,
        std::vector<double>(mean.begin(), mean.end()), glue::from_list<CriticalityOptions>(options)));
  });
}

// `genes`: genes x cells; `block`: codes from 1. list(pearson, spearman, partial, detected), each of the
// first three list(estimate, low, high, se), genes x quantities.
// [[Rcpp::export(rng = false)]]
Rcpp::List gene_correlations(SEXP genes, const Rcpp::NumericMatrix& quantities,
                             const Rcpp::NumericMatrix& covariates, const Rcpp::IntegerVector& block,
                             int blocks, double n_boot, double level, double seed, const Rcpp::Function& tick,
                             int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const CountsView view = glue::counts_view(genes);
    GeneDynamicsRequest r;
    r.genes = &view;
    r.quantities = glue::view(quantities);
    r.covariates = glue::view(covariates);
    r.block.assign(block.begin(), block.end());
    for (std::int32_t& b : r.block) --b;
    r.blocks = blocks;
    r.n_boot = static_cast<std::int64_t>(n_boot);
    r.level = level;
    r.seed = static_cast<std::uint64_t>(seed);
    const GeneDynamics found = gene_dynamics(r, glue::counting_tick(Rcpp::Nullable<Rcpp::Function>(tick)));
    return Rcpp::List::create(
        Rcpp::_["pearson"] = parts_of(found.pearson), Rcpp::_["spearman"] = parts_of(found.spearman),
        Rcpp::_["partial"] = parts_of(found.partial),
        Rcpp::_["detected"] = Rcpp::NumericVector(found.detected.begin(), found.detected.end()));
  });
}

// Exponents (cells x k) along a model of `type` "sde" or "field" that these bytes are of.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix lyapunov_of(const Rcpp::RawVector& bytes, std::string type,
                                const Rcpp::NumericMatrix& starts, const Rcpp::NumericMatrix& directions,
                                double start, double horizon, int k, const Rcpp::List& options,
                                const Rcpp::Function& tick, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    LyapunovRequest r;
    r.starts = glue::view(starts);
    r.directions = glue::view(directions);
    r.start = start;
    r.horizon = horizon;
    r.leading = k;
    const auto o = glue::from_list<LyapunovOptions>(options);
    if (type == "field") {
      const auto field = restore_field(glue::from_raw(bytes), "model");
      return glue::to_r(lyapunov_exponents(FieldDynamics(*field), r, o,
                                           glue::counting_tick(Rcpp::Nullable<Rcpp::Function>(tick))));
    }
    const NeuralSde sde(glue::from_raw(bytes), "model");
    return glue::to_r(lyapunov_exponents(drift_dynamics(sde), r, o,
                                         glue::counting_tick(Rcpp::Nullable<Rcpp::Function>(tick))));
  });
}
