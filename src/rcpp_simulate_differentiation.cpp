// SimulateDifferentiation(): R lists <-> the simulator of the core, and principal components for any matrix.
#include "glue.hpp"

#include "core/sim/components.hpp"
#include "core/sim/differentiation.hpp"

namespace {

using fatefield::glue::to_r;

Rcpp::IntegerVector from_one(const std::vector<std::int64_t>& x) {
  Rcpp::IntegerVector out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = static_cast<int>(x[i]) + 1;
  return out;
}

Rcpp::List genes_list(const fatefield::SimulatedGenes& genes) {
  using Rcpp::Named;
  return Rcpp::List::create(Named("module") = from_one(genes.module),
                            Named("direction") = to_r(genes.direction), Named("top") = genes.top,
                            Named("leak") = genes.leak, Named("slope") = genes.slope, Named("at") = genes.at,
                            Named("beta") = genes.beta, Named("gamma") = genes.gamma);
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List differentiation_defaults() {
  return fatefield::glue::to_list(fatefield::DifferentiationOptions());
}

// state: 1 progenitor, 2 and above the fates; module: 1 constant, 2 progenitor, 3 and above the fates, then
// the drivers.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_simulate_differentiation(double n_cells, Rcpp::NumericVector days, double n_fates,
                                        double n_genes, double n_drivers, Rcpp::List options, double seed,
                                        int threads) {
  return fatefield::glue::guarded([&] {
    const fatefield::ThreadScope scope(threads);
    const auto o = fatefield::glue::from_list<fatefield::DifferentiationOptions>(options);
    const fatefield::DifferentiationDesign design{
        static_cast<std::int64_t>(n_cells), Rcpp::as<std::vector<double>>(days),
        static_cast<std::int64_t>(n_fates), static_cast<std::int64_t>(n_genes),
        static_cast<std::int64_t>(n_drivers)};
    const auto x = fatefield::simulate_differentiation(design, o, static_cast<std::uint64_t>(seed));
    Rcpp::List out;
    std::vector<std::int64_t> state(x.state);
    for (std::int64_t& s : state) ++s;
    out["genes"] = genes_list(x.genes);
    out["day"] = x.day;
    out["clone"] = from_one(x.clone);
    out["state"] = from_one(state);
    out["latent"] = to_r(x.latent);
    out["drift"] = to_r(x.drift);
    out["diffusion"] = x.diffusion;
    out["potential"] = x.potential;
    out["growth"] = x.growth;
    out["fate"] = to_r(x.fate);
    out["fate.weighted"] = to_r(x.fate_weighted);
    out["library"] = x.library;
    out["unspliced"] = to_r(x.unspliced);
    out["spliced"] = to_r(x.spliced);
    out["unspliced.counts"] = to_r(x.unspliced_counts);
    out["spliced.counts"] = to_r(x.spliced_counts);
    const fatefield::Landscape landscape(design.n_fates, o);
    Rcpp::NumericMatrix attractors(static_cast<int>(design.n_fates), static_cast<int>(landscape.dims()));
    for (std::int64_t k = 0; k < design.n_fates; ++k) {
      const std::vector<double> z = landscape.attractor(k);
      for (std::size_t j = 0; j < z.size(); ++j) attractors(k, j) = z[j];
    }
    out["attractors"] = attractors;
    out["options"] = fatefield::glue::to_list(o);
    return out;
  });
}

// The truth at any states (states x dims) of the landscape with these options.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_landscape(Rcpp::NumericMatrix states, double n_fates, Rcpp::List options) {
  return fatefield::glue::guarded([&] {
    const auto o = fatefield::glue::from_list<fatefield::DifferentiationOptions>(options);
    const fatefield::Landscape landscape(static_cast<std::int64_t>(n_fates), o);
    if (states.ncol() != landscape.dims()) {
      throw fatefield::input_error("states", "`states` has " + std::to_string(states.ncol()) + " columns; " +
                                                 std::to_string(landscape.dims()) + " are needed.");
    }
    const int n = states.nrow(), dims = states.ncol();
    Rcpp::NumericMatrix drift(n, dims), shares(n, static_cast<int>(landscape.n_fates()));
    Rcpp::NumericVector potential(n), diffusion(n), growth(n);
    std::vector<double> z(dims);
    fatefield::LandscapePoint point;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < dims; ++j) z[j] = states(i, j);
      landscape.at(z.data(), point);
      potential[i] = point.potential;
      diffusion[i] = point.diffusion;
      growth[i] = point.growth;
      for (int j = 0; j < dims; ++j) drift(i, j) = point.drift[j];
      for (int k = 0; k < shares.ncol(); ++k) shares(i, k) = point.shares[k];
    }
    return Rcpp::List::create(Rcpp::Named("potential") = potential, Rcpp::Named("drift") = drift,
                              Rcpp::Named("diffusion") = diffusion, Rcpp::Named("growth") = growth,
                              Rcpp::Named("shares") = shares);
  });
}

// Principal components of cells x features: scores, loadings, stdev.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_principal_components(Rcpp::NumericMatrix x, double k) {
  return fatefield::glue::guarded([&] {
    const auto c = fatefield::principal_components(fatefield::glue::view(x), static_cast<std::int64_t>(k));
    return Rcpp::List::create(Rcpp::Named("scores") = to_r(c.scores),
                              Rcpp::Named("loadings") = to_r(c.loadings), Rcpp::Named("stdev") = c.stdev);
  });
}
