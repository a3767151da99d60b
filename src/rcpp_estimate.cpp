// RNA velocity for R: spliced and unspliced counts are genes x cells, dgCMatrix or dense; genes and cells are
// numbered from 1 in R.
#include "core/graph/fuzzy.hpp"
#include "core/graph/pca.hpp"
#include "core/sim/splicing.hpp"
#include "core/velocity/estimate/counts.hpp"
#include "core/velocity/estimate/normalise.hpp"
#include "core/velocity/estimate/steady_state.hpp"
#include "core/velocity/estimate/variable.hpp"
#include "core/velocity/transitions/confidence.hpp"
#include "glue_moments.hpp"

using namespace fatefield;

namespace {

using glue::counts_view;
using glue::empty_matrix;
using glue::flags;
using glue::indices_from_one;
using glue::MomentInputs;
using glue::numbers;

// Rows become the columns of a dgCMatrix.
Rcpp::List compressed(const SparseRows& x) {
  return Rcpp::List::create(Rcpp::_["p"] = Rcpp::IntegerVector(x.start.begin(), x.start.end()),
                            Rcpp::_["i"] = Rcpp::IntegerVector(x.index.begin(), x.index.end()),
                            Rcpp::_["x"] = Rcpp::NumericVector(x.value.begin(), x.value.end()));
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List velocity_defaults() { return glue::to_list(VelocityOptions()); }

// [[Rcpp::export(rng = false)]]
void check_velocity_options(const Rcpp::List& options) {
  glue::guarded([&] { check_options(glue::from_list<VelocityOptions>(options)); });
}

// Checks values; gives list(whole, first_whole, logged).
// [[Rcpp::export(rng = false)]]
Rcpp::List check_counts(SEXP x, const std::string& argument) {
  return glue::guarded([&] {
    const CountsView view = counts_view(x);
    view.check(argument);
    const CountsKind kind = kind_of(view);
    return Rcpp::List::create(Rcpp::_["whole"] = kind.whole, Rcpp::_["first_whole"] = kind.first_whole,
                              Rcpp::_["logged"] = kind.logged);
  });
}

// Sums by cell and by gene.
// [[Rcpp::export(rng = false)]]
Rcpp::List count_totals(SEXP spliced, SEXP unspliced) {
  return glue::guarded([&] {
    const CountsView s = counts_view(spliced), u = counts_view(unspliced);
    const GeneTotals t = gene_totals(s, u);
    return Rcpp::List::create(Rcpp::_["cell_spliced"] = cell_totals(s),
                              Rcpp::_["cell_unspliced"] = cell_totals(u), Rcpp::_["spliced"] = t.spliced,
                              Rcpp::_["unspliced"] = t.unspliced, Rcpp::_["spliced_cells"] = t.spliced_cells,
                              Rcpp::_["unspliced_cells"] = t.unspliced_cells, Rcpp::_["shared"] = t.shared,
                              Rcpp::_["shared_cells"] = t.shared_cells);
  });
}

// Which genes pass the limits; `totals` from count_totals().
// [[Rcpp::export(rng = false)]]
Rcpp::LogicalVector filter_velocity_genes(const Rcpp::List& totals, const Rcpp::List& options) {
  return glue::guarded([&] {
    const GeneTotals t{numbers(totals["spliced"]),       numbers(totals["unspliced"]),
                       numbers(totals["spliced_cells"]), numbers(totals["unspliced_cells"]),
                       numbers(totals["shared"]),        numbers(totals["shared_cells"])};
    return flags(filter_genes(t, glue::from_list<VelocityOptions>(options)));
  });
}

// list(spliced, unspliced): what cells are divided by. `batch`: codes from 1, or nothing.
// [[Rcpp::export(rng = false)]]
Rcpp::List velocity_sizes(const Rcpp::NumericVector& spliced, const Rcpp::NumericVector& unspliced,
                          const Rcpp::IntegerVector& batch) {
  return glue::guarded([&] {
    const std::vector<double> s = numbers(spliced), u = numbers(unspliced);
    BatchSizes out;
    if (batch.size() == 0) {
      out = {size_factors(s), size_factors(u)};
    } else {
      const std::vector<std::int64_t> codes = indices_from_one(batch);
      out = batch_size_factors(s, u, std::vector<std::int32_t>(codes.begin(), codes.end()));
    }
    return Rcpp::List::create(Rcpp::_["spliced"] = out.spliced, Rcpp::_["unspliced"] = out.unspliced);
  });
}

// Dispersions of the genes that `keep` names, and which of them vary most.
// [[Rcpp::export(rng = false)]]
Rcpp::List choose_variable_genes(SEXP x, const Rcpp::NumericVector& size, const Rcpp::IntegerVector& keep,
                                 double top, double bins) {
  return glue::guarded([&] {
    const GeneSpread all = gene_spread(counts_view(x), numbers(size));
    GeneSpread kept;
    for (std::int64_t g : indices_from_one(keep)) {
      kept.mean.push_back(all.mean[g]);
      kept.variance.push_back(all.variance[g]);
    }
    const VariableGenes found =
        variable_genes(kept, static_cast<std::int64_t>(top), static_cast<std::int64_t>(bins));
    return Rcpp::List::create(Rcpp::_["means"] = found.mean, Rcpp::_["dispersions"] = found.dispersion,
                              Rcpp::_["dispersions_norm"] = found.normalised,
                              Rcpp::_["chosen"] = flags(found.chosen));
  });
}

// Where neighbours are searched: scores of the first k components of ln(1 + x) (cells x k), and loadings
// and standard deviations; k = 0 gives ln(1 + x) itself.
// [[Rcpp::export(rng = false)]]
Rcpp::List velocity_components(SEXP x, const Rcpp::NumericVector& size, const Rcpp::IntegerVector& genes,
                               double k, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const SparseRows logs = logs_by_cell(counts_view(x), indices_from_one(genes), numbers(size));
    if (k == 0) return Rcpp::List::create(Rcpp::_["scores"] = glue::to_r(dense_matrix(logs)));
    const LinearMap map = sparse_map(logs);
    const PrincipalAxes axes = principal_components(map, static_cast<std::int64_t>(k), 0, "dims");
    return Rcpp::List::create(Rcpp::_["scores"] = glue::to_r(component_scores(map, axes)),
                              Rcpp::_["loadings"] = glue::to_r(axes.rotation), Rcpp::_["stdev"] = axes.sd);
  });
}

// The symmetrised fuzzy graph of list(index, distance).
// [[Rcpp::export(rng = false)]]
Rcpp::S4 fuzzy_neighbours(const Rcpp::List& knn, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return glue::to_r(fuzzy_graph(glue::neighbours_from(knn)));
  });
}

// First moments of some genes, genes x cells: list(Ms, Mu), with `second` also Mss and Mus, the means of
// squares and products. `how`: list(spliced.size, unspliced.size, neighbours, directed).
// [[Rcpp::export(rng = false)]]
Rcpp::List gene_moments(SEXP spliced, SEXP unspliced, const Rcpp::List& how, const Rcpp::IntegerVector& genes,
                        bool second, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const MomentInputs in(spliced, unspliced, how, indices_from_one(genes));
    const std::int64_t n = in.moments.genes(), cells = in.moments.cells();
    std::vector<Rcpp::NumericMatrix> out;
    for (int part = 0; part < (second ? 4 : 2); ++part) out.push_back(empty_matrix(n, cells));
    std::vector<double*> to;
    for (Rcpp::NumericMatrix& matrix : out) to.push_back(matrix.begin());
    parallel_for(n, [&](std::int64_t g) {
      GeneMoments m;
      in.moments.first(g, m);
      if (second) in.moments.second(g, m);
      const std::vector<double>* const parts[] = {&m.s, &m.u, &m.ss, &m.su};
      for (std::size_t part = 0; part < to.size(); ++part)
        for (std::int64_t c = 0; c < cells; ++c) to[part][c * n + g] = (*parts[part])[c];
    });
    Rcpp::List named = Rcpp::List::create(Rcpp::_["Ms"] = out[0], Rcpp::_["Mu"] = out[1]);
    if (second) {
      named["Mss"] = out[2];
      named["Mus"] = out[3];
    }
    return named;
  });
}

// Cells of known kinetics: list(spliced, unspliced (parts of a dgCMatrix), time, library, alpha, beta, gamma,
// switched).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_simulate_splicing(double n_cells, double n_genes, double rate, double seed, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    SplicingDesign design;
    design.n_cells = static_cast<std::int64_t>(n_cells);
    design.n_genes = static_cast<std::int64_t>(n_genes);
    design.rate = rate;
    const SplicedCells x = simulate_splicing(design, static_cast<std::uint64_t>(seed));
    return Rcpp::List::create(
        Rcpp::_["spliced"] = compressed(x.spliced), Rcpp::_["unspliced"] = compressed(x.unspliced),
        Rcpp::_["time"] = x.time, Rcpp::_["library"] = x.library, Rcpp::_["alpha"] = x.alpha,
        Rcpp::_["beta"] = x.beta, Rcpp::_["gamma"] = x.gamma, Rcpp::_["switched"] = x.switched);
  });
}

// list(velocity, variance or NULL (genes x cells), gamma, ratio, offset, r2, velocity_genes, few). `known`:
// list(Ms, Mu) of the same genes, or NULL; `allowed`: TRUE where a gene may be a velocity gene; `names`: of
// genes and cells, set here because R would copy the matrices to set them.
// [[Rcpp::export(rng = false)]]
Rcpp::List fit_steady_state(SEXP spliced, SEXP unspliced, const Rcpp::List& how,
                            const Rcpp::IntegerVector& genes, const Rcpp::Nullable<Rcpp::List>& known,
                            const Rcpp::LogicalVector& allowed, const Rcpp::List& names, bool stochastic,
                            bool variance, const Rcpp::List& options, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const MomentInputs in(spliced, unspliced, how, indices_from_one(genes), known);
    Rcpp::NumericMatrix velocity = empty_matrix(in.moments.genes(), in.moments.cells());
    Rcpp::NumericMatrix spread =
        variance ? empty_matrix(velocity.nrow(), velocity.ncol()) : empty_matrix(0, 0);
    SteadyStateJob job;
    job.stochastic = stochastic;
    job.allowed = Rcpp::as<std::vector<bool>>(allowed);
    job.velocity = velocity.begin();
    job.variance = variance ? spread.begin() : nullptr;
    job.keep_going = glue::until_interrupt();
    velocity.attr("dimnames") = names;
    if (variance) spread.attr("dimnames") = names;
    const SteadyStates fit = fit_steady_states(in.moments, job, glue::from_list<VelocityOptions>(options));
    return Rcpp::List::create(Rcpp::_["velocity"] = velocity,
                              Rcpp::_["variance"] = variance ? SEXP(spread) : R_NilValue,
                              Rcpp::_["gamma"] = fit.gamma, Rcpp::_["ratio"] = fit.ratio,
                              Rcpp::_["offset"] = fit.offset, Rcpp::_["r2"] = fit.r2,
                              Rcpp::_["velocity_genes"] = flags(fit.velocity_gene), Rcpp::_["few"] = fit.few);
  });
}

// list(length, confidence) of each cell over these genes.
// [[Rcpp::export(rng = false)]]
Rcpp::List cell_confidence(const Rcpp::NumericMatrix& velocity, const Rcpp::IntegerVector& genes,
                           const Rcpp::List& knn, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const VelocityConfidence out =
        velocity_confidence(glue::view(velocity), indices_from_one(genes), glue::neighbours_from(knn));
    return Rcpp::List::create(Rcpp::_["length"] = out.length, Rcpp::_["confidence"] = out.confidence);
  });
}
