// Fields whose paths are known, and shorthands to integrate along them.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "paths/integrate.hpp"

/// dx/dt from a function of one state; its derivative by central differences unless it is linear.
class GivenDynamics : public fatefield::Dynamics {
 public:
  using Velocity = std::function<void(double t, const double* x, double* v)>;
  GivenDynamics(std::int64_t dims, Velocity velocity) : dims_(dims), velocity_(std::move(velocity)) {}

  std::int64_t dims() const override { return dims_; }
  void evaluate(std::int64_t n, const double* t, const double* x, double* v,
                fatefield::FieldWorkspace&) const override {
    for (std::int64_t i = 0; i < n; ++i) velocity_(t[i], x + i * dims_, v + i * dims_);
  }
  void jvp(std::int64_t n, const double* t, const double* x, const double* delta, double* out,
           fatefield::FieldWorkspace&) const override {
    const double e = 1e-6;
    std::vector<double> up(static_cast<std::size_t>(dims_)), down(up), high(up), low(up);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t g = 0; g < dims_; ++g) {
        up[g] = x[i * dims_ + g] + e * delta[i * dims_ + g];
        down[g] = x[i * dims_ + g] - e * delta[i * dims_ + g];
      }
      velocity_(t[i], up.data(), high.data());
      velocity_(t[i], down.data(), low.data());
      for (std::int64_t g = 0; g < dims_; ++g) out[i * dims_ + g] = (high[g] - low[g]) / (2 * e);
    }
  }

 private:
  std::int64_t dims_;
  Velocity velocity_;
};

/// dx/dt = A x, A row after row.
inline GivenDynamics linear_dynamics(std::int64_t dims, const std::vector<double>& a) {
  return GivenDynamics(dims, [dims, a](double, const double* x, double* v) {
    for (std::int64_t i = 0; i < dims; ++i) {
      v[i] = 0;
      for (std::int64_t j = 0; j < dims; ++j) v[i] += a[i * dims + j] * x[j];
    }
  });
}

/// Start states, one after the other.
inline fatefield::Matrix starts_of(std::int64_t dims, const std::vector<double>& rows) {
  const auto n = static_cast<std::int64_t>(rows.size()) / dims;
  fatefield::Matrix out(n, dims);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t g = 0; g < dims; ++g) out(i, g) = rows[i * dims + g];
  }
  return out;
}

/// Nothing but the solver: no snapping, no events, states of any sign.
inline fatefield::IntegrateOptions plain_options(const std::string& solver, double rtol = 1e-3,
                                                 double atol = 1e-6) {
  fatefield::IntegrateOptions o;
  o.solver = solver;
  o.rtol = rtol;
  o.atol = atol;
  o.positive = false;
  o.snap = o.support = "none";
  o.shadow = "never";
  o.fixed_point = 0;
  return o;
}

inline fatefield::Paths integrated(const fatefield::Dynamics& f, const fatefield::Matrix& starts,
                                   const std::vector<double>& times, const fatefield::IntegrateOptions& o) {
  fatefield::IntegrationRequest r;
  r.starts = starts;
  r.times = times;
  return fatefield::integrate_cells(f, r, o, {});
}

inline double state_of(const fatefield::Paths& p, std::int64_t path, std::int64_t dim, std::int64_t time) {
  return p.states[path + p.n * (dim + p.dims * time)];
}
