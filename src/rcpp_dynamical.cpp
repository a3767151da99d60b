// The dynamical model of RNA velocity, and the time its genes share, for R: spliced and unspliced counts are
// genes x cells, dgCMatrix or dense; genes are numbered from 1 in R.
#include "core/velocity/dynamical/dynamical.hpp"
#include "core/velocity/estimate/steady_state.hpp"
#include "core/velocity/transitions/latent_time.hpp"
#include "glue_moments.hpp"
#include "glue_tick.hpp"

using namespace fatefield;

namespace {

using glue::empty_matrix;
using glue::flags;
using glue::indices_from_one;
using glue::MomentInputs;
using glue::numbers;

// A matrix of genes x cells for results, or NULL.
class Wanted {
 public:
  Wanted(const Moments& moments, const Rcpp::List& names, bool is) : is_(is) {
    if (!is) return;
    values_ = empty_matrix(moments.genes(), moments.cells());
    values_.attr("dimnames") = names;
  }
  double* data() { return is_ ? values_.begin() : nullptr; }
  SEXP to_r() const { return is_ ? SEXP(values_) : R_NilValue; }

 private:
  bool is_;
  Rcpp::NumericMatrix values_;
};

// One column of numbers out of the fits.
template <typename F>
Rcpp::NumericVector column(const std::vector<DynamicalGene>& genes, F&& f) {
  Rcpp::NumericVector out(genes.size());
  for (std::size_t g = 0; g < genes.size(); ++g) out[g] = f(genes[g]);
  return out;
}

// A row for each gene; the names are scVelo's, `fit_beta` is that of unspliced molecules on their own scale.
Rcpp::List table_of(const std::vector<DynamicalGene>& genes) {
  Rcpp::CharacterVector status(genes.size());
  Rcpp::LogicalVector converged(genes.size());
  for (std::size_t g = 0; g < genes.size(); ++g) {
    status[g] = genes[g].status;
    converged[g] = genes[g].converged;
  }
  using Gene = DynamicalGene;
  const auto of = [&](auto&& f) { return column(genes, f); };
  return Rcpp::List::create(
      Rcpp::_["fit_alpha"] = of([](const Gene& g) { return g.parameters.alpha; }),
      Rcpp::_["fit_beta"] = of([](const Gene& g) { return g.parameters.beta / g.parameters.scaling; }),
      Rcpp::_["fit_gamma"] = of([](const Gene& g) { return g.parameters.gamma; }),
      Rcpp::_["fit_t_"] = of([](const Gene& g) { return g.parameters.t_switch; }),
      Rcpp::_["fit_scaling"] = of([](const Gene& g) { return g.parameters.scaling; }),
      Rcpp::_["fit_std_u"] = of([](const Gene& g) { return g.std_u; }),
      Rcpp::_["fit_std_s"] = of([](const Gene& g) { return g.std_s; }),
      Rcpp::_["fit_likelihood"] = of([](const Gene& g) { return g.likelihood; }),
      Rcpp::_["fit_pval_steady"] = of([](const Gene& g) { return g.p_steady; }),
      Rcpp::_["fit_steady_u"] = of([](const Gene& g) { return g.steady_u; }),
      Rcpp::_["fit_steady_s"] = of([](const Gene& g) { return g.steady_s; }),
      Rcpp::_["fit_variance"] = of([](const Gene& g) { return g.variance; }),
      Rcpp::_["fit_alignment_scaling"] = of([](const Gene& g) { return g.alignment; }),
      Rcpp::_["fit_status"] = status, Rcpp::_["fit_converged"] = converged,
      Rcpp::_["fit_iterations"] = of([](const Gene& g) { return static_cast<double>(g.iterations); }));
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List dynamical_defaults() { return glue::to_list(DynamicalOptions()); }

// [[Rcpp::export(rng = false)]]
void check_dynamical_options(const Rcpp::List& options) {
  glue::guarded([&] { check_options(glue::from_list<DynamicalOptions>(options)); });
}

// list(r2 of the slope through all cells, chosen, few): genes near enough a steady state to fit their
// kinetics.
// [[Rcpp::export(rng = false)]]
Rcpp::List choose_dynamical_genes(SEXP spliced, SEXP unspliced, const Rcpp::List& how,
                                  const Rcpp::IntegerVector& genes, const Rcpp::Nullable<Rcpp::List>& known,
                                  const Rcpp::LogicalVector& allowed, const Rcpp::List& options,
                                  int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const MomentInputs in(spliced, unspliced, how, indices_from_one(genes), known);
    SteadyStateJob job;
    job.stochastic = false;
    job.allowed = Rcpp::as<std::vector<bool>>(allowed);
    job.keep_going = glue::until_interrupt();
    auto o = glue::from_list<VelocityOptions>(options);
    o.r2_adjusted = true;
    const SteadyStates fit = fit_steady_states(in.moments, job, o);
    return Rcpp::List::create(Rcpp::_["r2"] = fit.r2, Rcpp::_["chosen"] = flags(fit.velocity_gene),
                              Rcpp::_["few"] = fit.few);
  });
}

// list(velocity, u and t (NULL unless wanted), all genes x cells; genes = columns of a table;
// velocity_genes). `fit`: which of `genes` to fit; `r2` of each; `keep`: names of further matrices; `names`:
// of genes and cells.
// [[Rcpp::export(rng = false)]]
Rcpp::List fit_dynamical(SEXP spliced, SEXP unspliced, const Rcpp::List& how,
                         const Rcpp::IntegerVector& genes, const Rcpp::Nullable<Rcpp::List>& known,
                         const Rcpp::IntegerVector& fit, const Rcpp::NumericVector& r2,
                         const Rcpp::List& names, const std::vector<std::string>& keep, bool parity,
                         const Rcpp::List& options, const Rcpp::Function& tick, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const MomentInputs in(spliced, unspliced, how, indices_from_one(genes), known);
    const auto o = glue::from_list<DynamicalOptions>(options);
    const auto wanted = [&](const char* what) { return std::count(keep.begin(), keep.end(), what) > 0; };
    Wanted velocity(in.moments, names, true), u(in.moments, names, wanted("u")),
        t(in.moments, names, wanted("t"));
    DynamicalJob job;
    job.parity = parity;
    job.genes = indices_from_one(fit);
    job.velocity = velocity.data();
    job.velocity_u = u.data();
    job.time = t.data();
    job.tick = glue::counting_tick(Rcpp::Nullable<Rcpp::Function>(tick));
    const std::vector<DynamicalGene> found = fit_dynamics(in.moments, in.means.sets(), job, o);
    const double min_r2 = glue::from_list<VelocityOptions>(options).min_r2;
    return Rcpp::List::create(
        Rcpp::_["velocity"] = velocity.to_r(), Rcpp::_["u"] = u.to_r(), Rcpp::_["t"] = t.to_r(),
        Rcpp::_["genes"] = table_of(found),
        Rcpp::_["velocity_genes"] = flags(dynamical_velocity_genes(found, numbers(r2), min_r2, o)));
  });
}

// [[Rcpp::export(rng = false)]]
Rcpp::List latent_time_defaults() { return glue::to_list(LatentTimeOptions()); }

// list(time, empty where too few genes tell it; root; genes, their number). `t`: genes x cells; `root`: a
// cell, or 0 for the highest scores; `how`: as for moments.
// [[Rcpp::export(rng = false)]]
Rcpp::List cell_latent_time(const Rcpp::NumericMatrix& t, const Rcpp::NumericVector& likelihood,
                            const Rcpp::NumericVector& r2, const Rcpp::NumericVector& root_score, int root,
                            const Rcpp::List& how, const Rcpp::List& options, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const CellMeans means = glue::means_from(how["neighbours"], Rcpp::as<bool>(how["directed"]));
    const LatentTime found = latent_time(glue::view(t), numbers(likelihood), numbers(r2), numbers(root_score),
                                         root - 1, means.sets(), glue::from_list<LatentTimeOptions>(options));
    Rcpp::IntegerVector roots;
    for (const std::int64_t r : found.root) roots.push_back(static_cast<int>(r) + 1);
    return Rcpp::List::create(Rcpp::_["time"] = found.time, Rcpp::_["root"] = roots,
                              Rcpp::_["genes"] = static_cast<double>(found.genes));
  });
}
