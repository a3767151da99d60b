// Label transfer and fates for R. Codes are from 1 in R, from 0 in the core.
#include "core/analysis/fate.hpp"
#include "core/analysis/fate_plan.hpp"
#include "core/graph/labels.hpp"
#include "core/ot/time_plan.hpp"
#include "glue.hpp"

using namespace fatefield;

namespace {

const LabelTransfer& labels_of(SEXP pointer) {
  const Rcpp::XPtr<LabelTransfer> labels(pointer);
  return *labels.checked_get();
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List label_defaults() { return glue::to_list(LabelOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List fate_defaults() { return glue::to_list(FateOptions()); }

// Reference cells prepared: a pointer that lives for one call of a user's function and is never
// kept.
// [[Rcpp::export(rng = false)]]
SEXP label_index(const Rcpp::NumericMatrix& reference, const Rcpp::IntegerVector& codes, int n_labels,
                 const Rcpp::List& options, int threads) {
  return glue::guarded([&]() -> SEXP {
    const ThreadScope scope(threads);
    return Rcpp::XPtr<LabelTransfer>(new LabelTransfer(glue::view(reference), glue::from_one(codes), n_labels,
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
    return Rcpp::List::create(
        Rcpp::Named("probability") = glue::to_r(found.probability),
        Rcpp::Named("label") = glue::to_one(found.label),
        Rcpp::Named("distance") = Rcpp::NumericVector(found.distance.begin(), found.distance.end()));
  });
}

// list(share = cells x (labels + 1), effective) of end states; `log_weights` may be empty.
// [[Rcpp::export(rng = false)]]
Rcpp::List fate_shares(SEXP index, const Rcpp::NumericMatrix& states, const Rcpp::NumericVector& log_weights,
                       const Rcpp::IntegerVector& cell, int n_cells, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const FateShares found = tally_fates(labels_of(index), glue::view(states),
                                         std::vector<double>(log_weights.begin(), log_weights.end()),
                                         glue::from_one(cell), n_cells);
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
    const FateTable t = summarise_fates(all, glue::from_one(fates), glue::from_list<FateOptions>(options));
    const auto numbers = [](const std::vector<double>& v) { return Rcpp::NumericVector(v.begin(), v.end()); };
    return Rcpp::List::create(
        Rcpp::Named("probability") = glue::to_r(t.probability), Rcpp::Named("se") = glue::to_r(t.se),
        Rcpp::Named("spread") = glue::to_r(t.spread), Rcpp::Named("entropy") = numbers(t.entropy),
        Rcpp::Named("unassigned") = numbers(t.unassigned), Rcpp::Named("other") = numbers(t.other),
        Rcpp::Named("effective") = numbers(t.effective));
  });
}

// [[Rcpp::export(rng = false)]]
Rcpp::List plan_defaults() { return glue::to_list(PlanOptions()); }

// The usual distance of two cells of one time, in the units of the states.
// [[Rcpp::export(rng = false)]]
double usual_distance(const Rcpp::NumericMatrix& states, const Rcpp::NumericVector& times) {
  return ot::usual_distance(glue::view(states), std::vector<double>(times.begin(), times.end()));
}

// list(share = queries x (labels + 1), effective, descendants) of queries before the last time, by plans
// between the times of the cells `states`. `codes`: labels of the cells of the last time, NA for none.
// `rates`, `query_rates`: growth, one each or none.
// [[Rcpp::export(rng = false)]]
Rcpp::List plan_fates(const Rcpp::NumericMatrix& states, const Rcpp::NumericVector& times,
                      const Rcpp::IntegerVector& codes, int n_labels, const Rcpp::NumericMatrix& queries,
                      const Rcpp::NumericVector& query_times, const Rcpp::NumericVector& rates,
                      const Rcpp::NumericVector& query_rates, const Rcpp::List& options, double seed,
                      int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    PlanPopulation cells;
    cells.states = glue::view(states);
    cells.times.assign(times.begin(), times.end());
    for (const int code : codes) cells.codes.push_back(code == NA_INTEGER ? -1 : code - 1);
    cells.n_labels = n_labels;
    cells.rates.assign(rates.begin(), rates.end());
    const FatePlan plan(cells, glue::from_list<PlanOptions>(options), static_cast<std::uint64_t>(seed),
                        glue::until_interrupt());
    const PlanShares found =
        plan.shares(glue::view(queries), std::vector<double>(query_times.begin(), query_times.end()),
                    std::vector<double>(query_rates.begin(), query_rates.end()), glue::until_interrupt());
    return Rcpp::List::create(Rcpp::_["share"] = glue::to_r(found.shares.share),
                              Rcpp::_["effective"] = glue::to_vector(found.shares.effective),
                              Rcpp::_["descendants"] = glue::to_vector(found.descendants));
  });
}
