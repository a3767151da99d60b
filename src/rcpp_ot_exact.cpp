// Distances between clouds without a blur, for R: exact transport, along many lines, and the energy distance;
// and the draws of cells they are compared on. Matrices are cells x dims.
#include "core/base/sampling.hpp"
#include "core/ot/assignment.hpp"
#include "core/ot/energy.hpp"
#include "core/ot/sliced.hpp"
#include "glue_clouds.hpp"

using namespace fatefield;

namespace {

Rcpp::IntegerVector numbers_for_r(const std::vector<std::int64_t>& from_zero) {
  Rcpp::IntegerVector out(from_zero.size());
  for (std::size_t i = 0; i < from_zero.size(); ++i) out[i] = static_cast<int>(from_zero[i]) + 1;
  return out;
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List sliced_defaults() { return glue::to_list(SlicedOptions()); }

// [[Rcpp::export(rng = false)]]
void check_sliced_options(Rcpp::List options) {
  glue::guarded([&] { check_options(glue::from_list<SlicedOptions>(options)); });
}

// Weights of any length are passed on: the core says that there may be none.
// [[Rcpp::export(rng = false)]]
Rcpp::List ot_exact(const Rcpp::NumericMatrix& x, const Rcpp::NumericMatrix& y, const Rcpp::NumericVector& a,
                    const Rcpp::NumericVector& b, double p) {
  const ThreadScope threads(glue::thread_count());
  return glue::guarded([&] {
    const glue::Points<double> from(x, a, "weights.x"), to(y, b, "weights.y");
    const Assignment found =
        optimal_assignment(from.cloud(), to.cloud(), static_cast<std::int64_t>(p), glue::until_interrupt());
    return Rcpp::List::create(
        Rcpp::_["value"] = found.value, Rcpp::_["match"] = numbers_for_r(found.match),
        Rcpp::_["potentials"] = Rcpp::List::create(Rcpp::_["x"] = glue::to_vector(found.f),
                                                   Rcpp::_["y"] = glue::to_vector(found.g)));
  });
}

// [[Rcpp::export(rng = false)]]
Rcpp::List ot_sliced(const Rcpp::NumericMatrix& x, const Rcpp::NumericMatrix& y, const Rcpp::NumericVector& a,
                     const Rcpp::NumericVector& b, const Rcpp::List& options, double seed, bool gradient) {
  const ThreadScope threads(glue::thread_count());
  return glue::guarded([&] {
    const glue::Points<double> from(x, a, "weights.x"), to(y, b, "weights.y");
    const SlicedResult<double> found =
        sliced_wasserstein(from.cloud(), to.cloud(), glue::from_list<SlicedOptions>(options),
                           static_cast<std::uint64_t>(seed), 0, gradient);
    Rcpp::List out = Rcpp::List::create(Rcpp::_["value"] = found.value,
                                        Rcpp::_["directions"] = glue::to_vector(found.per_direction));
    if (gradient) {
      out.push_back(Rcpp::List::create(Rcpp::_["x"] = glue::rows_to_matrix(found.grad_x, x.nrow(), x.ncol()),
                                       Rcpp::_["weights.x"] = glue::to_vector(found.grad_a)),
                    "gradient");
    }
    return out;
  });
}

// [[Rcpp::export(rng = false)]]
double ot_energy(const Rcpp::NumericMatrix& x, const Rcpp::NumericMatrix& y, const Rcpp::NumericVector& a,
                 const Rcpp::NumericVector& b) {
  const ThreadScope threads(glue::thread_count());
  return glue::guarded([&] {
    const glue::Points<double> from(x, a, "weights.x"), to(y, b, "weights.y");
    return energy_distance(from.cloud(), to.cloud(), glue::until_interrupt());
  });
}

// Numbers of `size` of n cells, from 1: all different where there are no weights, else as often as these say.
// [[Rcpp::export(rng = false)]]
Rcpp::IntegerVector draw_cells(int n, int size, const Rcpp::NumericVector& weights, double seed,
                               double draw) {
  return glue::guarded([&] {
    const auto key = static_cast<std::uint64_t>(seed), number = static_cast<std::uint64_t>(draw);
    if (weights.size() == 0)
      return numbers_for_r(draw_without_replacement(n, size, key, Stream::Bootstrap, number));
    const std::vector<double> w(weights.begin(), weights.end());
    return numbers_for_r(draw_by_weight(w, size, key, Stream::Bootstrap, number));
  });
}
