// Runge-Kutta steps of many states at once, each from a time of its own with a length of its own. Takes
// states and slopes in rows; gives states at the ends of the steps, errors, and states between the ends.
// With tangents, a disturbance of each state is carried along by the derivative of the step.
#pragma once

#include <cstdint>
#include <vector>

#include "paths/dynamics.hpp"
#include "paths/tableaux.hpp"

namespace fatefield {

class Steps {
 public:
  Steps(const RungeKutta& method, const RightHand& f, std::int64_t capacity, bool tangents);

  // Where row i begins, to be filled before take(): time, signed length, state and slope, and those of the
  // disturbance.
  double& time(std::int64_t i) { return t_[static_cast<std::size_t>(i)]; }
  double& length(std::int64_t i) { return h_[static_cast<std::size_t>(i)]; }
  double* from(std::int64_t i) { return row(from_, i); }
  double* slope(std::int64_t i) { return row(k_[0], i); }
  double* delta(std::int64_t i) { return row(delta_, i); }
  double* delta_slope(std::int64_t i) { return row(dk_[0], i); }

  /// The step of rows [0, n). Its end may be moved before finish(), but by fixed steps only.
  void take(std::int64_t n, FieldWorkspace& workspace);
  /// The slopes at the ends.
  void finish(std::int64_t n, FieldWorkspace& workspace);

  /// May have entries below zero where states are positive: those are zero.
  double* to(std::int64_t i) { return row(to_, i); }
  double* delta_to(std::int64_t i) { return row(delta_to_, i); }
  const double* end_slope(std::int64_t i) { return row(end_slopes(), i); }
  const double* end_delta_slope(std::int64_t i) { return row(end_delta_slopes(), i); }

  /// Root mean square of the estimated error over atol + rtol max(|from|, |to|). Of adaptive methods.
  double error(std::int64_t i, double rtol, double atol) const;
  /// What between() needs for these rows beside the step.
  void prepare_between(const std::vector<std::int64_t>& rows, FieldWorkspace& workspace);
  /// The state of row i at time + x length, x in (0, 1). Of adaptive methods.
  void between(std::int64_t i, double x, double* out) const;

 private:
  using Rows = std::vector<double>;
  double* row(Rows& rows, std::int64_t i) const { return rows.data() + i * dims_; }
  const double* row(const Rows& rows, std::int64_t i) const { return rows.data() + i * dims_; }
  Rows& end_slopes() { return method_.adaptive() ? k_[method_.stages - 1] : end_k_; }
  Rows& end_delta_slopes() { return method_.adaptive() ? dk_[method_.stages - 1] : end_dk_; }
  void weigh(std::int64_t i, const std::vector<double>& weights, const std::vector<Rows>& k, double h,
             const double* base, double* out) const;
  void stage(std::size_t s, std::int64_t n, double* x, double* delta);
  void evaluate(std::int64_t n, const Rows& at, double* x, Rows& v, double* delta, Rows* dv,
                FieldWorkspace& workspace);
  double error_of_two(std::int64_t i, double rtol, double atol) const;
  void between_of_853(std::int64_t i, double x, double* out) const;

  const RungeKutta& method_;
  const RightHand& f_;
  std::int64_t dims_;
  bool tangents_;
  Rows t_, h_, stage_t_, from_, to_, x_, end_k_;
  std::vector<Rows> k_;
  Rows delta_, delta_to_, dx_, end_dk_;
  std::vector<Rows> dk_;
};

}  // namespace fatefield
