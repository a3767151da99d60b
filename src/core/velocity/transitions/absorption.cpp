// Takes transitions and terminal states; orders the other cells, factorises, and solves one system a state.
#include "velocity/transitions/absorption.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

using Vector = std::vector<double>;

// Expected numbers of steps are known to this share.
constexpr double kStepsShare = 1e-6;
// Those to single states have residuals this small, and are given where the state has this probability.
constexpr double kStepsResidual = 1e-8;
constexpr double kKnown = 1e-4;
// Below this, products of the iteration are rounding, and it starts again from where it is.
constexpr double kBreakdown = 1e-30;
// Iterations between two questions whether to go on.
constexpr std::int64_t kAskEvery = 16;
// Iterations without a better residual, after which the iteration starts again, and starts without any, after
// which it ends: rounding lets no smaller residual be reached.
constexpr std::int64_t kPatience = 200;
constexpr int kStarts = 4;

void check(const SparseRows& x, const std::vector<std::int32_t>& state, std::int64_t n_states,
           const AbsorptionOptions& o) {
  if (!(o.tolerance > 0 && o.tolerance < 1))
    throw input_error("tolerance", "`tolerance` must be above 0 and below 1.");
  if (o.max_iterations < 1) throw input_error("max.iterations", "`max.iterations` must be at least 1.");
  if (static_cast<std::int64_t>(state.size()) != x.rows)
    throw input_error("states", "`states` must say of each of the " + std::to_string(x.rows) +
                                    " cells in which terminal state it is, if any.");
  std::vector<char> seen(static_cast<std::size_t>(n_states), 0);
  for (const std::int32_t s : state) {
    if (s >= n_states) throw input_error("states", "`states` names a state that is not there.");
    if (s >= 0) seen[static_cast<std::size_t>(s)] = 1;
  }
  if (n_states < 1 || std::count(seen.begin(), seen.end(), 1) != n_states)
    throw input_error("states", "`states`: there is no terminal state, or one without cells.");
}

// Cells that can reach a terminal state and are in none, those nearest to one (in steps) first.
std::vector<std::int32_t> reaching(const SparseRows& x, const std::vector<std::int32_t>& state) {
  const SparseRows in = transpose(x);
  std::vector<char> seen(state.size(), 0);
  std::vector<std::int32_t> queue;
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (state[i] < 0) continue;
    seen[i] = 1;
    queue.push_back(static_cast<std::int32_t>(i));
  }
  const std::size_t terminal = queue.size();
  for (std::size_t k = 0; k < queue.size(); ++k) {
    for (std::int64_t e = in.start[queue[k]]; e < in.start[queue[k] + 1]; ++e) {
      const std::int32_t from = in.index[e];
      if (seen[from] || !(in.value[e] > 0)) continue;
      seen[from] = 1;
      queue.push_back(from);
    }
  }
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(terminal));
  return queue;
}

// I - Q, columns ascending, each row with its diagonal.
SparseRows system_of(const SparseRows& x, const std::vector<std::int32_t>& nodes,
                     const std::vector<std::int32_t>& place) {
  SparseRows out;
  out.rows = out.cols = static_cast<std::int64_t>(nodes.size());
  out.start.push_back(0);
  std::vector<std::pair<std::int32_t, double>> row;
  for (std::size_t a = 0; a < nodes.size(); ++a) {
    row.clear();
    double diagonal = 1;
    for (std::int64_t e = x.start[nodes[a]]; e < x.start[nodes[a] + 1]; ++e) {
      const std::int32_t b = place[x.index[e]];
      if (b == static_cast<std::int32_t>(a))
        diagonal -= x.value[e];
      else if (b >= 0)
        row.emplace_back(b, -x.value[e]);
    }
    row.emplace_back(static_cast<std::int32_t>(a), diagonal);
    append_row(out, row);
  }
  return out;
}

// Factors L (unit diagonal) and U of a matrix, where it has entries itself.
class IncompleteFactors {
 public:
  explicit IncompleteFactors(const SparseRows& a) : lu_(a), diagonal_(static_cast<std::size_t>(a.rows)) {
    std::vector<std::int64_t> at(static_cast<std::size_t>(a.rows), -1);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      for (std::int64_t e = lu_.start[i]; e < lu_.start[i + 1]; ++e) {
        at[lu_.index[e]] = e;
        if (lu_.index[e] == i) diagonal_[i] = e;
      }
      for (std::int64_t e = lu_.start[i]; e < diagonal_[i]; ++e) {
        const std::int32_t k = lu_.index[e];
        lu_.value[e] /= lu_.value[diagonal_[k]];
        for (std::int64_t f = diagonal_[k] + 1; f < lu_.start[k + 1]; ++f) {
          const std::int64_t to = at[lu_.index[f]];
          if (to >= 0) lu_.value[to] -= lu_.value[e] * lu_.value[f];
        }
      }
      for (std::int64_t e = lu_.start[i]; e < lu_.start[i + 1]; ++e) at[lu_.index[e]] = -1;
    }
  }

  /// y = (L U)^-1 x
  void solve(const Vector& x, Vector& y) const {
    for (std::int64_t i = 0; i < lu_.rows; ++i) {
      double sum = x[i];
      for (std::int64_t e = lu_.start[i]; e < diagonal_[i]; ++e) sum -= lu_.value[e] * y[lu_.index[e]];
      y[i] = sum;
    }
    for (std::int64_t i = lu_.rows - 1; i >= 0; --i) {
      double sum = y[i];
      for (std::int64_t e = diagonal_[i] + 1; e < lu_.start[i + 1]; ++e)
        sum -= lu_.value[e] * y[lu_.index[e]];
      y[i] = sum / lu_.value[diagonal_[i]];
    }
  }

 private:
  SparseRows lu_;
  std::vector<std::int64_t> diagonal_;
};

// On one thread: systems run side by side.
void product_alone(const SparseRows& a, const Vector& x, Vector& y) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    double sum = 0;
    for (std::int64_t e = a.start[i]; e < a.start[i + 1]; ++e) sum += a.value[e] * x[a.index[e]];
    y[i] = sum;
  }
}

double inner(const Vector& x, const Vector& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

double largest(const Vector& x) {
  double most = 0;
  for (const double v : x) most = std::max(most, std::abs(v));
  return most;
}

struct Solution {
  Vector x;
  double residual = 0;  // the largest of the rows
  std::int64_t iterations = 0;
  bool converged = false;
};

class BiCgStab {
 public:
  BiCgStab(const SparseRows& a, const IncompleteFactors& factors, std::int64_t max_iterations,
           HomeQuestion& question)
      : a_(a), factors_(factors), max_iterations_(max_iterations), question_(question) {}

  /// Until no row of the residual is larger than `enough`.
  Solution solve(const Vector& right, double enough) const {
    Solution best;
    const std::size_t n = right.size();
    best.x.assign(n, 0.0);
    best.residual = largest(right);
    std::int64_t done = 0;
    for (int futile = 0; futile < kStarts && best.residual > enough && done < max_iterations_;) {
      const double before = best.residual;
      done = run(right, enough, done, best);
      futile = best.residual < 0.5 * before ? 0 : futile + 1;
    }
    best.iterations = done;
    best.converged = best.residual <= enough;
    return best;
  }

 private:
  // From the best solution so far; gives the number of iterations.
  std::int64_t run(const Vector& right, double enough, std::int64_t done, Solution& best) const {
    const std::size_t n = right.size();
    Vector x = best.x, r(n), p(n, 0.0), v(n, 0.0), s(n), t(n), step(n), half(n);
    residual_of(right, x, r);
    const Vector shadow = r;
    double rho = 1, alpha = 1, omega = 1;
    for (std::int64_t since = 0; done < max_iterations_ && since < kPatience; ++done, ++since) {
      if (done % kAskEvery == 0 && !question_.ask()) throw Interrupted();
      const double rho_now = inner(shadow, r);
      if (!(std::abs(rho_now) > kBreakdown * inner(r, r))) return done + 1;
      const double beta = rho_now / rho * (alpha / omega);
      rho = rho_now;
      for (std::size_t i = 0; i < n; ++i) p[i] = r[i] + beta * (p[i] - omega * v[i]);
      factors_.solve(p, step);
      product_alone(a_, step, v);
      alpha = rho / inner(shadow, v);
      if (!std::isfinite(alpha)) return done + 1;
      for (std::size_t i = 0; i < n; ++i) s[i] = r[i] - alpha * v[i];
      factors_.solve(s, half);
      product_alone(a_, half, t);
      const double tt = inner(t, t);
      omega = tt > 0 ? inner(t, s) / tt : 0.0;
      for (std::size_t i = 0; i < n; ++i) {
        x[i] += alpha * step[i] + omega * half[i];
        r[i] = s[i] - omega * t[i];
      }
      const double now = largest(r);
      if (now < best.residual && (now <= enough || now < 0.9 * best.residual)) {
        // What the recurrence says of the residual drifts from what it is.
        residual_of(right, x, s);
        const double true_now = largest(s);
        if (true_now < best.residual) {
          best.x = x;
          best.residual = true_now;
          since = 0;
        }
        if (best.residual <= enough || true_now > 2 * now) return done + 1;
      }
      if (!(omega != 0) || !std::isfinite(now)) return done + 1;
    }
    return done;
  }

  void residual_of(const Vector& right, const Vector& x, Vector& out) const {
    product_alone(a_, x, out);
    for (std::size_t i = 0; i < right.size(); ++i) out[i] = right[i] - out[i];
  }

  const SparseRows& a_;
  const IncompleteFactors& factors_;
  std::int64_t max_iterations_;
  HomeQuestion& question_;
};

// The probabilities of one step into each state.
std::vector<Vector> first_steps(const SparseRows& x, const std::vector<std::int32_t>& nodes,
                                const std::vector<std::int32_t>& state, std::int64_t n_states) {
  std::vector<Vector> out(static_cast<std::size_t>(n_states), Vector(nodes.size(), 0.0));
  for (std::size_t a = 0; a < nodes.size(); ++a)
    for (std::int64_t e = x.start[nodes[a]]; e < x.start[nodes[a] + 1]; ++e)
      if (state[x.index[e]] >= 0) out[static_cast<std::size_t>(state[x.index[e]])][a] += x.value[e];
  return out;
}

double clamped(double p) { return std::min(1.0, std::max(0.0, p)); }

}  // namespace

Absorption absorption(const SparseRows& transitions, const std::vector<std::int32_t>& state,
                      std::int64_t n_states, const AbsorptionOptions& options,
                      const std::function<bool()>& keep_going) {
  check(transitions, state, n_states, options);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::int64_t n = transitions.rows;
  Absorption out;
  out.probability = Matrix(n, n_states);
  out.steps.assign(static_cast<std::size_t>(n), nan);
  out.steps_to = Matrix(n, n_states);
  std::fill(out.steps_to.values.begin(), out.steps_to.values.end(), nan);
  for (std::int64_t i = 0; i < n; ++i) {
    if (state[i] < 0) continue;
    out.probability(i, state[i]) = 1;
    out.steps[i] = out.steps_to(i, state[i]) = 0;
  }
  const std::vector<std::int32_t> nodes = reaching(transitions, state);
  if (nodes.empty()) return out;
  std::vector<std::int32_t> place(static_cast<std::size_t>(n), -1);
  for (std::size_t a = 0; a < nodes.size(); ++a) place[nodes[a]] = static_cast<std::int32_t>(a);

  const SparseRows system = system_of(transitions, nodes, place);
  const IncompleteFactors factors(system);
  HomeQuestion question(keep_going);
  const BiCgStab solver(system, factors, options.max_iterations, question);
  const Solution length = solver.solve(Vector(nodes.size(), 1.0), kStepsShare);
  const double longest = largest(length.x) / (1 - std::min(0.5, length.residual));
  out.converged = length.converged;
  out.iterations = length.iterations;

  const std::vector<Vector> right = first_steps(transitions, nodes, state, n_states);
  std::vector<Solution> share(right.size()), steps(right.size());
  parallel_for(n_states, [&](std::int64_t s) {
    share[s] = solver.solve(right[s], options.tolerance / longest);
    for (double& p : share[s].x) p = clamped(p);
    steps[s] = solver.solve(share[s].x, kStepsResidual);
  });
  for (std::int64_t s = 0; s < n_states; ++s) {
    out.error = std::max(out.error, share[s].residual * longest);
    out.iterations += share[s].iterations + steps[s].iterations;
    out.converged = out.converged && share[s].converged && steps[s].converged;
  }
  for (std::size_t a = 0; a < nodes.size(); ++a) {
    double all = 0, all_steps = 0;
    for (std::int64_t s = 0; s < n_states; ++s) {
      const double p = share[s].x[a];
      out.probability(nodes[a], s) = p;
      all += p;
      all_steps += steps[s].x[a];
      if (p >= kKnown) out.steps_to(nodes[a], s) = steps[s].x[a] / p;
    }
    if (all >= kKnown) out.steps[nodes[a]] = all_steps / all;
  }
  return out;
}

}  // namespace fatefield
