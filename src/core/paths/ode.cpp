// Takes a field, times, a start and options; gives states by fixed or by adaptive steps.
#include "paths/ode.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "paths/ode_methods.hpp"
#include "sde/solvers/grid.hpp"

namespace fatefield {
namespace {

constexpr double kSafety = 0.9, kMostGrowth = 10.0, kMostShrinkage = 0.2;

void check_positive(const char* name, double value, bool zero_allowed) {
  if (std::isfinite(value) && (value > 0 || (zero_allowed && value == 0))) return;
  throw input_error(name, std::string("`") + name + "` is " + std::to_string(value) + "; a number above 0" +
                              (zero_allowed ? ", or 0," : "") + " is needed.");
}

void check_options(const OdeOptions& o) {
  check_positive("dt", o.dt, true);
  check_positive("rtol", o.rtol, true);
  check_positive("atol", o.atol, true);
  check_positive("first.step", o.first_step, true);
  if (o.rtol == 0 && o.atol == 0)
    throw input_error("rtol", "`rtol` and `atol` are both 0; one must be above 0.");
  if (o.max_steps < 1) throw input_error("max.steps", "`max.steps` must be at least 1.");
}

[[noreturn]] void give_up(const std::string& why, double t) {
  throw numeric_error(
      "The integration " + why + " at time " + std::to_string(t) +
      ". The field may be stiff or not finite there; a larger tolerance or a shorter time helps.");
}

void finish(OdeResult& out, const at::Tensor& y, double t) {
  if (!at::isfinite(y).all().item<bool>()) give_up("left the finite numbers", t);
  out.states.push_back(y);
}

void fixed_steps(const OdeSolver& solver, const OdeField& f, const std::vector<double>& times, double dt,
                 OdeResult& out) {
  // A step longer than any interval leaves one step in each.
  const double whole = std::abs(times.back() - times.front());
  const StepGrid grid = step_grid(times, dt > 0 ? dt : std::max(whole, 1.0));
  at::Tensor y = out.states.front();
  for (std::int64_t k = 0; k < grid.steps(); ++k) {
    y = solver.step(f, grid.t[k], grid.h[k], y, f(grid.t[k], y)).to;
    ++out.steps;
    if (grid.outputs[out.states.size()].step == k) finish(out, y, grid.t[k] + grid.h[k]);
  }
}

// A step at which Euler's method is off by about a hundredth of the tolerance (Hairer et al. II.4, p. 169).
double starting_step(const OdeSolver& solver, const OdeField& f, double t, double sign, const at::Tensor& y,
                     const at::Tensor& slope, const OdeOptions& o) {
  const at::Tensor scale = y.abs() * o.rtol + o.atol;
  const double d0 = rms(y / scale), d1 = rms(slope / scale);
  if (!std::isfinite(d0) || !std::isfinite(d1)) give_up("cannot start: the field is not finite", t);
  const double h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1;
  const double d2 = rms((f(t + sign * h0, y + slope * (sign * h0)) - slope) / scale) / h0;
  const double h1 = d1 <= 1e-15 && d2 <= 1e-15 ? std::max(1e-6, h0 * 1e-3)
                                               : std::pow(0.01 / std::max(d1, d2), 1.0 / solver.order());
  // A probe that leaves the finite numbers says nothing about the second derivative.
  return std::isfinite(h1) ? std::min(100 * h0, h1) : h0;
}

double next_factor(double error, int order) {
  if (error == 0) return kMostGrowth;
  if (!std::isfinite(error)) return kMostShrinkage;
  const double least = error < 1 ? 1.0 : kMostShrinkage;
  return std::min(kMostGrowth, std::max(least, kSafety / std::pow(error, 1.0 / order)));
}

void adaptive_steps(const OdeSolver& solver, const OdeField& f, const std::vector<double>& times,
                    const OdeOptions& o, OdeResult& out) {
  const double sign = times.back() < times.front() ? -1.0 : 1.0;
  double now = times.front();
  OdeStep last{now, 0.0, out.states.front(), out.states.front(), {}};
  at::Tensor slope = f(now, last.to);
  double h = o.first_step > 0   ? o.first_step
             : times.size() > 1 ? starting_step(solver, f, now, sign, last.to, slope, o)
                                : 0.0;
  while (out.states.size() < times.size()) {
    const double wanted = times[out.states.size()];
    if (sign * (wanted - now) <= 0) {
      const double x = (wanted - last.t) / last.h;
      finish(out, wanted == now ? last.to : solver.between(f, last, x), wanted);
      continue;
    }
    if (out.steps + out.rejected >= o.max_steps) give_up("used up `max.steps`", now);
    if (!(now + sign * h != now)) give_up("needs steps too small to tell", now);
    OdeStep step = solver.step(f, now, sign * h, last.to, slope);
    const at::Tensor tolerance = at::maximum(step.from.abs(), step.to.abs()) * o.rtol + o.atol;
    const double error = solver.error(step, tolerance.detach());
    h *= next_factor(error, solver.order());
    if (!(error <= 1)) {
      ++out.rejected;
      continue;
    }
    ++out.steps;
    now += step.h;
    slope = step.k.back();
    last = std::move(step);
  }
}

}  // namespace

OdeSolver::~OdeSolver() = default;

double OdeSolver::error(const OdeStep&, const at::Tensor&) const {
  return std::numeric_limits<double>::quiet_NaN();
}

at::Tensor OdeSolver::between(const OdeField&, OdeStep& step, double x) const {
  return step.from * (1.0 - x) + step.to * x;
}

std::unique_ptr<OdeSolver> make_ode_solver(const std::string& name) {
  if (name == "euler") return make_ode_euler();
  if (name == "midpoint") return make_ode_midpoint();
  if (name == "rk4") return make_ode_rk4();
  if (name == "bosh3") return make_bosh3();
  if (name == "dopri5") return make_dopri5();
  if (name == "dop853") return make_dop853();
  throw input_error(
      "solver", "`solver` is \"" + name +
                    "\"; \"euler\", \"midpoint\", \"rk4\", \"bosh3\", \"dopri5\" or \"dop853\" is needed.");
}

at::Tensor weighted(const std::vector<at::Tensor>& k, const std::vector<double>& weights) {
  at::Tensor sum;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] == 0) continue;
    sum = sum.defined() ? at::add(sum, k[j], weights[j]) : k[j] * weights[j];
  }
  return sum;
}

at::Tensor add_stages(const OdeField& f, const RungeKutta& method, std::size_t from, std::size_t to,
                      OdeStep& step) {
  at::Tensor y = step.from;
  for (std::size_t s = from; s < to; ++s) {
    y = step.from + weighted(step.k, method.a[s]) * step.h;
    step.k.push_back(f(step.t + method.c[s] * step.h, y));
  }
  return y;
}

double rms(const at::Tensor& x) { return (x * x).mean().sqrt().item<double>(); }

OdeResult integrate_ode(const OdeField& f, const std::vector<double>& times, const at::Tensor& y0,
                        const OdeOptions& options) {
  check_options(options);
  const auto solver = make_ode_solver(options.solver);
  // Checks the times, whatever the solver.
  step_grid(times, std::numeric_limits<double>::max());
  OdeResult out;
  const OdeField counted = [&](double t, const at::Tensor& y) {
    ++out.evaluations;
    return f(t, y);
  };
  out.states.push_back(y0);
  if (solver->adaptive()) {
    adaptive_steps(*solver, counted, times, options, out);
  } else {
    fixed_steps(*solver, counted, times, options.dt, out);
  }
  return out;
}

}  // namespace fatefield
