// Takes cells with times and clones; gives pairs to raise in plans, and what clones say of plans without
// them.
#include "sde/train/clones.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/plan_options.hpp"
#include "ot/time_plan.hpp"

namespace fatefield {
namespace {

using Vector = std::vector<double>;
using Codes = std::vector<std::int64_t>;

// Mates that a cell is paired with, at most.
constexpr std::int64_t kMates = 64;
// No row is given to mates alone.
constexpr double kMostTrust = 0.95;
// Cells of each time, between which plans are a moment's work, and how well these are found.
constexpr std::int64_t kCells = 2000;
constexpr double kTolerance = 0.01, kScaling = 0.7;
constexpr std::int64_t kIterations = 200;
// Noises that are tried, as shares of the variance within times: each 1.5 times the one before.
constexpr double kLeastNoise = 0.05, kNoiseRatio = 1.5;
constexpr std::int64_t kNoises = 11;

std::map<std::int64_t, std::vector<std::int32_t>> members_of(const Codes& clone) {
  std::map<std::int64_t, std::vector<std::int32_t>> out;
  for (std::size_t i = 0; i < clone.size(); ++i)
    if (clone[i] >= 0) out[clone[i]].push_back(static_cast<std::int32_t>(i));
  return out;
}

std::set<std::int64_t> shared_clones(const Codes& clone, const Codes& x, const Codes& y) {
  std::set<std::int64_t> of_x, out;
  for (const std::int64_t i : x) of_x.insert(clone[static_cast<std::size_t>(i)]);
  for (const std::int64_t i : y) {
    const std::int64_t c = clone[static_cast<std::size_t>(i)];
    if (c >= 0 && of_x.count(c) > 0) out.insert(c);
  }
  return out;
}

// Up to kCells of these rows, those of the clones that are asked for before others.
Codes drawn_cells(const Codes& clone, const Codes& rows, const std::set<std::int64_t>& wanted,
                  std::uint64_t seed, std::int64_t time) {
  Codes first, other, out;
  for (const std::int64_t i : rows)
    (wanted.count(clone[static_cast<std::size_t>(i)]) > 0 ? first : other).push_back(i);
  for (const Codes* from : {&first, &other}) {
    const auto n = static_cast<std::int64_t>(from->size());
    const std::int64_t most = kCells - static_cast<std::int64_t>(out.size());
    if (n == 0 || most == 0) continue;
    for (const std::int64_t r : ot::plan_cells(n, most, seed, time))
      out.push_back((*from)[static_cast<std::size_t>(r)]);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The w in [0, 1] that maximises the concave sum_i log(1 + w (r_i - 1)).
double best_trust(const Vector& ratio) {
  const auto slope = [&](double w) {
    double sum = 0.0;
    for (const double r : ratio) sum += (r - 1.0) / (1.0 + w * (r - 1.0));
    return sum;
  };
  if (slope(0.0) <= 0.0) return 0.0;
  double low = 0.0, high = 1.0 - 1e-9;
  if (slope(high) >= 0.0) return 1.0;
  for (int k = 0; k < 60; ++k) {
    const double middle = 0.5 * (low + high);
    (slope(middle) > 0.0 ? low : high) = middle;
  }
  return low;
}

// Two successive times.
struct Pair {
  const MatrixView& x;
  MatrixView ahead;   // x, moved by the drift for the interval
  Codes from, to;     // rows of x
  Codes clone, next;  // their clones
};

// Empty where there is no drift.
Matrix moved_by(const MatrixView& x, const MatrixView& drift, double h) {
  if (drift.data == nullptr) return {};
  Matrix out(x.rows, x.cols);
  for (std::int64_t i = 0; i < x.rows * x.cols; ++i)
    out.values[static_cast<std::size_t>(i)] = x.data[i] + h * drift.data[i];
  return out;
}

// r_i of the linked cells, in order.
Vector mate_ratios(const Pair& p, const ot::PlanScale& scale,
                   const std::map<std::int64_t, std::vector<std::int32_t>>& mates,
                   const std::function<bool()>& keep_going) {
  const auto n = static_cast<std::int64_t>(p.from.size()), m = static_cast<std::int64_t>(p.to.size());
  const Vector a = ot::rows_in_units<double>(p.ahead, p.from, scale.sd);
  const Vector b = ot::rows_in_units<double>(p.x, p.to, scale.sd);
  const Cloud<double> from{a.data(), n, p.x.cols, nullptr}, to{b.data(), m, p.x.cols, nullptr};
  SinkhornOptions o;
  o.blur = 1.0;
  o.scaling = kScaling;
  o.tolerance = kTolerance;
  o.max_iterations = kIterations;
  const auto plan = ot::find_time_plan<double>(from, to, o, false, keep_going);
  Vector out;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto found = mates.find(p.clone[static_cast<std::size_t>(i)]);
    if (found == mates.end()) continue;
    plan.columns.each_row(from, i, i + 1, [&](std::int64_t, const double* share, double) {
      double sum = 0.0;
      for (const std::int32_t j : found->second) sum += share[j];
      out.push_back(sum * static_cast<double>(m) / static_cast<double>(found->second.size()));
    });
  }
  return out;
}

// Mean of log(1 + w (r_i - 1)) and its standard error over clones.
void measure_gain(const Vector& ratio, const Codes& clone_of, double w, CloneEvidence& out) {
  std::map<std::int64_t, std::pair<double, double>> of;  // sum and number of each clone
  double sum = 0.0;
  for (std::size_t i = 0; i < ratio.size(); ++i) {
    const double gain = std::log1p(w * (ratio[i] - 1.0));
    auto& one = of[clone_of[i]];
    one.first += gain;
    one.second += 1.0;
    sum += gain;
  }
  const auto n = static_cast<double>(ratio.size());
  out.gain = sum / n;
  double squares = 0.0;
  for (const auto& one : of) {
    const double off = one.second.first - out.gain * one.second.second;
    squares += off * off;
  }
  out.gain_se = std::sqrt(squares) / n;
}

void measure(const Pair& p, const Vector& variance, const Vector& times, std::size_t k,
             const std::function<bool()>& keep_going, CloneEvidence& out) {
  const auto mates = members_of(p.next);
  Codes clone_of;
  for (const std::int64_t c : p.clone) {
    if (c >= 0) ++out.cells;
    if (mates.count(c) > 0) clone_of.push_back(c);
  }
  out.linked = static_cast<std::int64_t>(clone_of.size());
  if (out.linked == 0) return;
  PlanOptions o;
  o.noise = kLeastNoise;
  double best = -1.0;
  for (std::int64_t step = 0; step < kNoises; ++step, o.noise *= kNoiseRatio) {
    const Vector ratio = mate_ratios(p, ot::plan_scales(variance, times, o)[k], mates, keep_going);
    CloneEvidence here = out;
    here.noise = o.noise;
    here.trust = best_trust(ratio);
    measure_gain(ratio, clone_of, here.trust, here);
    if (here.gain <= best) continue;
    best = here.gain;
    out = here;
  }
}

}  // namespace

ot::RaisedPairs clone_pairs(const Codes& x, const Codes& y, double trust) {
  ot::RaisedPairs out;
  const auto mates = members_of(y);
  double known = 0.0;
  for (const auto& clone : mates) known += static_cast<double>(clone.second.size());
  const auto m = static_cast<double>(y.size());
  const double share = std::min(trust, kMostTrust) * known / m;
  if (!(share > 0.0)) return out;
  const double log_odds = std::log(share / (1.0 - share));
  out.begin.push_back(0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto found = mates.find(x[i]);
    if (found != mates.end()) {
      const auto n = static_cast<std::int64_t>(found->second.size()), some = std::min(n, kMates);
      const auto first = static_cast<std::int64_t>(i) % n;
      std::vector<std::int32_t> columns;
      for (std::int64_t r = 0; r < some; ++r)
        columns.push_back(found->second[static_cast<std::size_t>((first + r * n / some) % n)]);
      std::sort(columns.begin(), columns.end());
      for (const std::int32_t j : columns) {
        out.column.push_back(j);
        out.log_more.push_back(log_odds + std::log(m / static_cast<double>(some)));
      }
    }
    out.begin.push_back(static_cast<std::int64_t>(out.column.size()));
  }
  if (out.column.empty()) out.begin.clear();
  return out;
}

std::vector<CloneEvidence> clone_evidence(const MatrixView& x, const Vector& time, const Codes& clone,
                                          const MatrixView& drift, std::uint64_t seed,
                                          const std::function<bool()>& keep_going) {
  if (time.size() != static_cast<std::size_t>(x.rows) || clone.size() != time.size())
    throw input_error("clone", "`clone` and `time` must have one value for each cell.");
  const OneEigenThread one_thread;
  Vector times;
  std::vector<Codes> rows;
  for (auto& one : ot::rows_by_time(time)) {
    times.push_back(one.first);
    rows.push_back(std::move(one.second));
  }
  const Vector variance = ot::within_variance(x, rows);
  std::vector<CloneEvidence> out;
  for (std::size_t k = 0; k + 1 < times.size(); ++k) {
    const Matrix moved = moved_by(x, drift, times[k + 1] - times[k]);
    Pair p{x, drift.data == nullptr ? x : moved, {}, {}, {}, {}};
    const std::set<std::int64_t> shared = shared_clones(clone, rows[k], rows[k + 1]);
    const auto draw = [&](std::size_t at, Codes& cells, Codes& clones) {
      cells = drawn_cells(clone, rows[at], shared, seed, static_cast<std::int64_t>(at));
      for (const std::int64_t i : cells) clones.push_back(clone[static_cast<std::size_t>(i)]);
    };
    draw(k, p.from, p.clone);
    draw(k + 1, p.to, p.next);
    CloneEvidence one;
    one.from = times[k];
    one.to = times[k + 1];
    measure(p, variance, times, k, keep_going, one);
    out.push_back(one);
  }
  return out;
}

}  // namespace fatefield
