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

FutureRequest request_of(const Rcpp::NumericMatrix& starts, const Rcpp::NumericVector& times, double end,
                         const Rcpp::List& given) {
  FutureRequest r;
  r.starts = glue::view(starts);
  r.start_times.assign(times.begin(), times.end());
  r.end = end;
  r.n_sim = static_cast<std::int64_t>(number_in(given, "n.sim"));
  r.seed = static_cast<std::uint64_t>(number_in(given, "seed"));
  if (has(given, "noise.sd")) r.noise_sd = Rcpp::as<std::vector<double>>(given["noise.sd"]);
  if (has(given, "arms")) r.arms = static_cast<std::int64_t>(number_in(given, "arms"));
  if (has(given, "hold")) glue::read_hold(given, r);
  if (has(given, "first")) r.first_labels = Rcpp::as<bool>(given["first"]);
  return r;
}

Rcpp::List shares_to_r(const LabelledFutures& found) {
  Rcpp::RObject first = R_NilValue;
  if (!found.first.empty()) first = glue::to_one(found.first);
  return Rcpp::List::create(Rcpp::_["share"] = glue::to_r(found.shares.share),
                            Rcpp::_["effective"] = glue::to_vector(found.shares.effective),
                            Rcpp::_["first"] = first);
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
    for (double& dimension : r.hold.values) --dimension;
    const CellSpace* space = Rf_isNull(cells) ? nullptr : &at<CellSpace>(cells);
    return shares_to_r(label_futures(*at<Motion>(motion).dynamics, space,
                                     glue::from_list<IntegrateOptions>(options), r, at<LabelTransfer>(index),
                                     glue::counting_tick(tick, r.starts.rows)));
  });
}
