// Takes the cells of one gene and a start; gives the nearest loop.
#include "velocity/dynamical/loop.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fatefield {
namespace {

constexpr int kGrid = 32, kFineGrid = 96;
// The way down ends where so little is left, in widths of the data.
constexpr double kRest = 0.01;
constexpr double kMostLog = 4.0;
constexpr double kBelievedDuration = 2.0;
constexpr double kSmallest = 1e-300;

double square(double x) { return x * x; }

double last_time(const Loop& l, bool up) {
  if (up) return l.x_switch;
  const double most = std::max(l.a, l.b * std::max(1.0, l.ratio));
  return std::log(std::max(most / kRest, 2.0)) / std::min(1.0, l.ratio);
}

// A way as a course of the kinetics, and its places.
struct Path {
  Loop loop;
  Course course;

  Path(const Loop& l, bool up) : loop(l), course{{l.ratio, 1, l.ratio}, {0, 0}} {
    if (!up) course = {{0, 1, l.ratio}, splicing_state(course, l.x_switch)};
  }
  SplicingState at(double x) const {
    const SplicingState state = splicing_state(course, x);
    return {loop.a * state.u / loop.ratio, loop.b * state.s};
  }
};

// Points of a way, evenly spaced along its curve.
struct Points {
  std::vector<double> x, u, s;

  Points(const Loop& loop, bool up, double last) {
    const Path path(loop, up);
    const double rate = std::min(1.0, loop.ratio), span = 1 - std::exp(-rate * last);
    std::vector<double> time, length(1, 0.0);
    SplicingState before{0, 0};
    for (int k = 0; k < kFineGrid; ++k) {
      // Even steps of the slower decay, more of them in the beginning for the faster one.
      const double share = square(static_cast<double>(k) / (kFineGrid - 1));
      time.push_back(k + 1 == kFineGrid ? last : std::min(-std::log(1 - span * share) / rate, last));
      const SplicingState at = path.at(time.back());
      if (k > 0)
        length.push_back(length.back() + std::sqrt(square(at.u - before.u) + square(at.s - before.s)));
      before = at;
    }
    std::size_t from = 0;
    for (int k = 0; k < kGrid; ++k) {
      const double target = length.back() * k / (kGrid - 1);
      while (from + 2 < length.size() && length[from + 1] < target) ++from;
      const double step = length[from + 1] - length[from];
      const double part = step > 0 ? std::min((target - length[from]) / step, 1.0) : 0.0;
      x.push_back(k + 1 == kGrid ? last : time[from] + part * (time[from + 1] - time[from]));
      const SplicingState at = path.at(x.back());
      u.push_back(at.u);
      s.push_back(at.s);
    }
  }
};

using Four = std::array<double, 4>;

Loop moved(const Loop& l, const Four& step) {
  const auto bounded = [](double from, double by) {
    return std::exp(std::min(std::max(std::log(from) + by, -kMostLog), kMostLog));
  };
  return {l.a * std::exp(step[0]), l.b * std::exp(step[1]), bounded(l.ratio, step[2]),
          bounded(l.x_switch, step[3])};
}

// Solves a symmetric positive definite system by Cholesky's method; false where it is none.
bool solve(std::array<double, 16> a, Four& b) {
  for (int j = 0; j < 4; ++j) {
    for (int k = 0; k < j; ++k) a[5 * j] -= square(a[4 * j + k]);
    if (!(a[5 * j] > 0)) return false;
    a[5 * j] = std::sqrt(a[5 * j]);
    for (int i = j + 1; i < 4; ++i) {
      for (int k = 0; k < j; ++k) a[4 * i + j] -= a[4 * i + k] * a[4 * j + k];
      a[4 * i + j] /= a[5 * j];
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < i; ++k) b[i] -= a[4 * i + k] * b[k];
    b[i] /= a[5 * i];
  }
  for (int i = 3; i >= 0; --i) {
    for (int k = i + 1; k < 4; ++k) b[i] -= a[4 * k + i] * b[k];
    b[i] /= a[5 * i];
  }
  return true;
}

// The step of the damped normal equations; false where there is none.
bool damped_step(const LoopSums& now, const LoopFit& at, const LoopBelief& belief, double n, double damping,
                 Four& step) {
  std::array<double, 16> a;
  double trace = 0;
  for (int k = 0, e = 0; k < 4; ++k) {
    step[k] = now.gradient[k];
    for (int l = k; l < 4; ++l, ++e) a[4 * l + k] = a[4 * k + l] = now.matrix[e];
    trace += a[5 * k];
  }
  const double strength = belief.weight / n * at.error;
  const auto believe = [&](int k, double distance, double width) {
    if (width <= 0) return;
    a[5 * k] += strength / square(width);
    step[k] -= strength * distance / square(width);
  };
  believe(2, std::log(at.loop.ratio), belief.ratio_width);
  believe(3, std::log(at.loop.x_switch / kBelievedDuration), belief.duration_width);
  for (int k = 0; k < 4; ++k) a[5 * k] += damping * a[5 * k] + 1e-12 * trace + kSmallest;
  if (!solve(a, step)) return false;
  for (double& d : step) d = std::min(std::max(d, -1.0), 1.0);
  return true;
}

}  // namespace

Loop loop_of(const GeneParameters& p, const GeneReads& gene) {
  return {p.scaling * p.alpha / p.beta / gene.std_u, p.alpha / p.gamma / gene.std_s, p.gamma / p.beta,
          p.beta * p.t_switch};
}

GeneParameters parameters_of(const Loop& l, const GeneReads& gene) {
  const double alpha = l.ratio * l.b * gene.std_s;
  return {alpha, 1, l.ratio, l.a * gene.std_u / alpha, l.x_switch};
}

LoopCells::LoopCells(const GeneReads& gene)
    : n(gene.cells), u(gene.u), s(gene.s), counts(gene.u.size(), 0.0) {
  for (double& v : u) v /= gene.std_u;
  for (double& v : s) v /= gene.std_s;
  std::copy(gene.used.begin(), gene.used.end(), counts.begin());
  n_counted = static_cast<double>(gene.n_used);
}

LoopCells::LoopCells(const GeneReads& gene, std::int64_t at_most) {
  const std::int64_t stride = std::max<std::int64_t>(1, gene.n_used / at_most);
  std::int64_t seen = 0;
  for (std::int64_t i = 0; i < gene.cells; ++i) {
    if (!gene.used[i] || seen++ % stride != 0) continue;
    u.push_back(gene.u[i] / gene.std_u);
    s.push_back(gene.s[i] / gene.std_s);
  }
  n = static_cast<std::int64_t>(u.size());
  n_counted = static_cast<double>(n);
  const auto padded = static_cast<std::size_t>((n + kSplicingLanes - 1) / kSplicingLanes * kSplicingLanes);
  counts.assign(u.size(), 1.0);
  for (Aligned<double>* x : {&u, &s, &counts}) x->resize(padded, 0.0);
}

void go_nearest(const Loop& loop, bool up, const LoopCells& cells, LoopTimes& out) {
  out.x.resize(cells.u.size());
  out.squared.resize(cells.u.size());
  out.last = last_time(loop, up);
  const Points points(loop, up, out.last);
  loop_kernel().project(static_cast<std::int64_t>(cells.u.size()), loop, up,
                        {kGrid, points.x.data(), points.u.data(), points.s.data()}, cells.u.data(),
                        cells.s.data(), out.x.data(), out.squared.data());
}

LoopProblem::LoopProblem(LoopCells cells, const CellAverages& averages)
    : cells_(std::move(cells)),
      averages_(averages),
      rising_(static_cast<std::size_t>(cells_.n)),
      weight_(cells_.u.size(), 0.0),
      reach_(static_cast<std::size_t>(cells_.n), 0.0),
      workspace_(2 * cells_.u.size(), 0.0),
      averaged_(2 * cells_.u.size()) {
  for (std::int64_t i = 0; i < cells_.n; ++i)
    if (cells_.counts[i] > 0) averages_.each(i, [&](std::int64_t j, double share) { reach_[j] += share; });
}

double LoopProblem::error(const Loop& loop) {
  go_nearest(loop, false, cells_, down_);
  go_nearest(loop, true, cells_, up_);
  for (std::int64_t i = 0; i < cells_.n; ++i) {
    workspace_[2 * i] = down_.squared[i] * cells_.counts[i];
    workspace_[2 * i + 1] = up_.squared[i] * cells_.counts[i];
  }
  averages_.of_two(cells_.n, workspace_.data(), averaged_.data());
  double sum = 0;
  for (std::int64_t i = 0; i < cells_.n; ++i) {
    rising_[i] = averaged_[2 * i + 1] < averaged_[2 * i];
    sum += cells_.counts[i] * averaged_[2 * i + rising_[i]];
  }
  return sum;
}

LoopSums LoopProblem::sums(const Loop& loop) {
  const auto n = static_cast<std::int64_t>(cells_.u.size());
  LoopSums out{};
  std::fill(weight_.begin(), weight_.end(), 0.0);
  for (std::int64_t i = 0; i < cells_.n; ++i) {
    if (cells_.counts[i] > 0 && rising_[i])
      averages_.each(i, [&](std::int64_t j, double share) { weight_[j] += share; });
  }
  for (std::int64_t j = 0; j < cells_.n; ++j) weight_[j] *= cells_.counts[j];
  const auto add = [&](bool up, const LoopTimes& way) {
    loop_kernel().accumulate(n, loop, up, way.last, cells_.u.data(), cells_.s.data(), way.x.data(),
                             weight_.data(), out);
  };
  add(true, up_);
  for (std::int64_t j = 0; j < cells_.n; ++j)
    weight_[j] = std::max(reach_[j] * cells_.counts[j] - weight_[j], 0.0);
  add(false, down_);
  return out;
}

CellTimes LoopProblem::times(const Loop& loop) const {
  CellTimes out;
  for (std::int64_t i = 0; i < cells_.n; ++i) {
    out.on.push_back(rising_[i]);
    out.t.push_back(rising_[i] ? up_.x[i] : loop.x_switch + down_.x[i]);
  }
  return out;
}

double LoopProblem::objective(const LoopFit& fit, const LoopBelief& belief) const {
  double distance = 0;
  if (belief.ratio_width > 0) distance += square(std::log(fit.loop.ratio) / belief.ratio_width);
  if (belief.duration_width > 0)
    distance += square(std::log(fit.loop.x_switch / kBelievedDuration) / belief.duration_width);
  return std::log(fit.error + kSmallest) + belief.weight / cells_.n_counted * distance;
}

LoopFit LoopProblem::fit(const Loop& start, const LoopBelief& belief, std::int64_t max_iterations,
                         double tolerance) {
  LoopFit now;
  now.loop = start;
  now.error = error(start);
  now.objective = objective(now, belief);
  double damping = 1e-2;
  LoopSums equations = sums(start);
  while (now.iterations < max_iterations && !now.converged) {
    ++now.iterations;
    Four step;
    if (!damped_step(equations, now, belief, cells_.n_counted, damping, step)) {
      damping *= 10;
      now.converged = damping > 1e10;
      continue;
    }
    LoopFit next = now;
    next.loop = moved(now.loop, step);
    next.error = error(next.loop);
    next.objective = objective(next, belief);
    if (next.objective < now.objective) {
      next.converged = now.objective - next.objective < tolerance;
      now = next;
      damping = std::max(damping / 5, 1e-9);
      equations = sums(now.loop);
    } else {
      damping = std::max(damping * 8, 1e-4);
      const auto small = [](double d) { return std::abs(d) < 1e-6; };
      now.converged = std::all_of(step.begin(), step.end(), small) || damping > 1e8;
    }
  }
  error(now.loop);
  return now;
}

}  // namespace fatefield
