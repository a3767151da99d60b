// Walks by transitions for R: transitions without velocity, macrostates, absorption. Transitions are
// dgCMatrix of cells x cells whose rows are the cells that steps start from; cells and states are numbered
// from 1 in R.
#include "core/analysis/fate_plan.hpp"
#include "core/base/chain_options.hpp"
#include "core/graph/connected_components.hpp"
#include "core/velocity/transitions/absorption.hpp"
#include "core/velocity/transitions/kernels.hpp"
#include "core/velocity/transitions/leading_space.hpp"
#include "core/velocity/transitions/macrostates.hpp"
#include "core/velocity/transitions/transition.hpp"
#include "glue_graph.hpp"

using namespace fatefield;

namespace {

Rcpp::ComplexVector complex_values(const std::vector<std::complex<double>>& x) {
  Rcpp::ComplexVector out(static_cast<R_xlen_t>(x.size()));
  for (std::size_t k = 0; k < x.size(); ++k) {
    out[static_cast<R_xlen_t>(k)].r = x[k].real();
    out[static_cast<R_xlen_t>(k)].i = x[k].imag();
  }
  return out;
}

std::vector<double> numbers(const Rcpp::NumericVector& x) { return {x.begin(), x.end()}; }

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List absorption_defaults() { return glue::to_list(AbsorptionOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List macrostate_defaults() { return glue::to_list(MacrostateOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List kernel_defaults() { return glue::to_list(KernelOptions()); }

// Weights of neighbours as probabilities.
// [[Rcpp::export(rng = false)]]
Rcpp::S4 connectivity_steps(const Rcpp::S4& weights) {
  return glue::guarded([&] { return glue::to_r(connectivity_transitions(glue::sparse_from(weights))); });
}

// [[Rcpp::export(rng = false)]]
Rcpp::S4 pseudotime_steps(const Rcpp::S4& weights, const Rcpp::NumericVector& time) {
  return glue::guarded(
      [&] { return glue::to_r(pseudotime_transitions(glue::sparse_from(weights), numbers(time))); });
}

// `x`, `drift`, `noise`: cells x dims.
// [[Rcpp::export(rng = false)]]
Rcpp::S4 jump_steps(const Rcpp::S4& near, const Rcpp::NumericMatrix& x, const Rcpp::NumericMatrix& drift,
                    const Rcpp::NumericMatrix& noise, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return glue::to_r(
        drift_transitions(glue::sparse_from(near), glue::view(x), glue::view(drift), glue::view(noise)));
  });
}

// Steps of the cells `from` (numbers) to the cells of their next time, cells x cells; other rows are empty.
// [[Rcpp::export(rng = false)]]
Rcpp::S4 plan_steps(const Rcpp::NumericMatrix& x, const Rcpp::NumericVector& times,
                    const Rcpp::IntegerVector& from, const Rcpp::NumericVector& rates,
                    const Rcpp::List& options, int draws, double seed, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    PlanPopulation cells;
    cells.states = glue::view(x);
    cells.times = numbers(times);
    cells.codes.assign(static_cast<std::size_t>(x.nrow()), 0);
    cells.n_labels = 1;
    cells.rates = numbers(rates);
    const auto go_on = glue::until_interrupt();
    const FatePlan plan(cells, glue::from_list<PlanOptions>(options), static_cast<std::uint64_t>(seed),
                        go_on);
    Matrix states(from.size(), x.ncol());
    std::vector<double> starts;
    for (R_xlen_t i = 0; i < from.size(); ++i) {
      for (int d = 0; d < x.ncol(); ++d) states(i, d) = x(from[i] - 1, d);
      starts.push_back(times[from[i] - 1]);
    }
    const SparseRows steps = plan.steps(states, starts, draws, static_cast<std::uint64_t>(seed), go_on);
    SparseRows all;
    all.rows = all.cols = x.nrow();
    all.index = steps.index;
    all.value = steps.value;
    std::vector<std::int64_t> size(static_cast<std::size_t>(x.nrow()), 0);
    for (R_xlen_t i = 0; i < from.size(); ++i)
      size[static_cast<std::size_t>(from[i] - 1)] = steps.start[i + 1] - steps.start[i];
    all.start.push_back(0);
    for (const std::int64_t n : size) all.start.push_back(all.start.back() + n);
    return glue::to_r(all);
  });
}

// Cells whose walks go on for ever: TRUE/FALSE each.
// [[Rcpp::export(rng = false)]]
Rcpp::LogicalVector walking_cells(const Rcpp::S4& transitions) {
  return glue::guarded([&] {
    const SparseRows x = without_dead_ends(glue::sparse_from(transitions));
    Rcpp::LogicalVector out(static_cast<R_xlen_t>(x.rows));
    for (std::int64_t i = 0; i < x.rows; ++i) out[i] = x.start[i + 1] > x.start[i];
    return out;
  });
}

// The number of the part of each cell; there are no steps between parts.
// [[Rcpp::export(rng = false)]]
Rcpp::IntegerVector weak_parts(const Rcpp::S4& transitions) {
  return glue::guarded([&] { return glue::to_one(weak_components(glue::sparse_from(transitions)).of); });
}

// list(basis, values, closed, converged). Cells without steps must have been taken out.
// [[Rcpp::export(rng = false)]]
Rcpp::List schur_space(const Rcpp::S4& transitions, int count, const Rcpp::List& options, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const LeadingSpace found =
        leading_space(glue::sparse_from(transitions), count, glue::from_list<MacrostateOptions>(options),
                      glue::until_interrupt());
    return Rcpp::List::create(
        Rcpp::_["basis"] = glue::to_r(found.basis), Rcpp::_["values"] = complex_values(found.values),
        Rcpp::_["closed"] = glue::to_one(found.closed), Rcpp::_["converged"] = found.converged);
  });
}

// list(share, crispness).
// [[Rcpp::export(rng = false)]]
Rcpp::List pcca_memberships(const Rcpp::NumericMatrix& basis, int n_states, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const Memberships found = crisp_memberships(glue::view(basis), n_states, glue::until_interrupt());
    return Rcpp::List::create(Rcpp::_["share"] = glue::to_r(found.share),
                              Rcpp::_["crispness"] = found.crispness);
  });
}

// list(transitions between macrostates, stationary).
// [[Rcpp::export(rng = false)]]
Rcpp::List coarse_chain(const Rcpp::S4& transitions, const Rcpp::NumericMatrix& share, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const Matrix coarse = coarse_transitions(glue::sparse_from(transitions), glue::view(share));
    std::vector<double> start;
    for (int k = 0; k < share.ncol(); ++k) start.push_back(Rcpp::mean(share(Rcpp::_, k)));
    return Rcpp::List::create(Rcpp::_["transitions"] = glue::to_r(coarse),
                              Rcpp::_["stationary"] = glue::to_vector(coarse_stationary(coarse, start)));
  });
}

// list(probability, steps, steps.to, error, iterations, converged). `state`: number or NA of each cell.
// [[Rcpp::export(rng = false)]]
Rcpp::List chain_absorption(const Rcpp::S4& transitions, const Rcpp::IntegerVector& state, int n_states,
                            const Rcpp::List& options, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const Absorption found = absorption(glue::sparse_from(transitions), glue::from_one(state), n_states,
                                        glue::from_list<AbsorptionOptions>(options), glue::until_interrupt());
    return Rcpp::List::create(
        Rcpp::_["probability"] = glue::to_r(found.probability),
        Rcpp::_["steps"] = glue::to_vector(found.steps), Rcpp::_["steps.to"] = glue::to_r(found.steps_to),
        Rcpp::_["error"] = found.error, Rcpp::_["iterations"] = static_cast<double>(found.iterations),
        Rcpp::_["converged"] = found.converged);
  });
}
