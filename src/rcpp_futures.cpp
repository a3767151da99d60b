// Futures of cells for R, simulated and labelled in one crossing. Start states are (arms x cells) x dims,
// codes from 1 in R.
#include "core/analysis/futures.hpp"

#include "glue_futures.hpp"
#include "glue_motion.hpp"
#include "glue_tick.hpp"

using namespace fatefield;
using fatefield::glue::at;

namespace {

bool has(const Rcpp::List& list, const char* name) {
  return list.containsElementNamed(name) && !Rf_isNull(list[name]);
}

double number_in(const Rcpp::List& list, const char* name) { return Rcpp::as<double>(list[name]); }

// What is held of the arms, from list(hold, hold.of.arm).
void read_hold(const Rcpp::List& from, SimulationRequest& to) {
  const Rcpp::NumericMatrix hold = from["hold"];
  to.hold = Matrix(hold.nrow(), hold.ncol());
  to.hold.values.assign(hold.begin(), hold.end());
  const Rcpp::NumericVector of_arm = from["hold.of.arm"];
  to.hold_of_arm.assign(of_arm.begin(), of_arm.end());
}

FutureRequest request_of(const Rcpp::NumericMatrix& starts, const Rcpp::NumericVector& times, double end,
                         const Rcpp::List& given) {
  FutureRequest r;
  r.starts = glue::view(starts);
  r.start_times.assign(times.begin(), times.end());
  r.end = end;
  SimulationRequest& s = r.simulation;
  s.n_sim = static_cast<std::int64_t>(number_in(given, "n.sim"));
  s.seed = static_cast<std::uint64_t>(number_in(given, "seed"));
  if (has(given, "noise.sd")) s.noise_sd = Rcpp::as<std::vector<double>>(given["noise.sd"]);
  if (has(given, "arms")) s.arms = static_cast<std::int64_t>(number_in(given, "arms"));
  if (has(given, "hold")) read_hold(given, s);
  if (has(given, "weights")) {
    const Rcpp::List weights = given["weights"];
    for (R_xlen_t t = 0; t < weights.size(); ++t) r.weights.push_back(&at<EndWeight>(weights[t]));
    r.weight_times = Rcpp::as<std::vector<double>>(given["weight.times"]);
  }
  if (has(given, "first")) r.first_labels = Rcpp::as<bool>(given["first"]);
  return r;
}

Rcpp::List shares_in_r(const FateShares& shares) {
  return Rcpp::List::create(Rcpp::_["share"] = glue::to_r(shares.share),
                            Rcpp::_["effective"] = glue::to_vector(shares.effective));
}

Rcpp::List shares_to_r(const LabelledFutures& found) {
  Rcpp::RObject first = R_NilValue;
  if (!found.first.empty()) first = glue::to_one(found.first);
  Rcpp::RObject plain = R_NilValue;
  if (!found.plain.effective.empty()) plain = shares_in_r(found.plain);
  Rcpp::List out = shares_in_r(found.shares);
  out.push_back(first, "first");
  out.push_back(plain, "plain");
  return out;
}

}  // namespace

Rcpp::List glue::sde_fates(const NeuralSde& model, SEXP index, const Rcpp::NumericMatrix& starts,
                           const Rcpp::NumericVector& times, double end, const Rcpp::List& request,
                           const Rcpp::Nullable<Rcpp::Function>& tick) {
  const FutureRequest r = request_of(starts, times, end, request);
  return shares_to_r(
      label_futures(model, r, at<LabelTransfer>(index), glue::counting_tick(tick, r.starts.rows)));
}

// The same along a motion, from its start at 0 to `end`: `motion` and `cells` as for integrate_motion(),
// `hold` numbers of dimensions.
// [[Rcpp::export(rng = false)]]
Rcpp::List motion_fates(SEXP motion, SEXP cells, const Rcpp::List& options, SEXP index,
                        const Rcpp::NumericMatrix& starts, const Rcpp::NumericVector& times, double end,
                        const Rcpp::List& request, Rcpp::Nullable<Rcpp::Function> tick, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    FutureRequest r = request_of(starts, times, end, request);
    for (double& dimension : r.simulation.hold.values) --dimension;
    const CellSpace* space = Rf_isNull(cells) ? nullptr : &at<CellSpace>(cells);
    return shares_to_r(label_futures(*at<Motion>(motion).dynamics, space,
                                     glue::from_list<IntegrateOptions>(options), r, at<LabelTransfer>(index),
                                     glue::counting_tick(tick, r.starts.rows)));
  });
}

// [[Rcpp::export(rng = false)]]
Rcpp::List end_defaults() { return glue::to_list(EndOptions()); }

// list(weight = pointer that lives for one call of a user's function, moved, iterations) of ends (futures x
// dims, `n_sim` of each start side by side) and observed cells.
// [[Rcpp::export(rng = false)]]
Rcpp::List end_weight(const Rcpp::NumericMatrix& ends, const Rcpp::NumericVector& log_weights, double n_sim,
                      const Rcpp::NumericMatrix& observed, bool fixed, const Rcpp::List& options,
                      int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    EndFit found =
        fit_end_weight(glue::view(ends), std::vector<double>(log_weights.begin(), log_weights.end()),
                       static_cast<std::int64_t>(n_sim), glue::view(observed), fixed,
                       glue::from_list<EndOptions>(options), glue::until_interrupt());
    return Rcpp::List::create(
        Rcpp::_["weight"] = Rcpp::XPtr<EndWeight>(new EndWeight(std::move(found.weight))),
        Rcpp::_["moved"] = found.moved, Rcpp::_["iterations"] = static_cast<double>(found.iterations));
  });
}

// log h of states, n x dims.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector end_log_weights(SEXP weight, const Rcpp::NumericMatrix& states, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return glue::to_vector(at<EndWeight>(weight).log_at(glue::view(states)));
  });
}
