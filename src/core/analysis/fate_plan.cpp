// Takes cells with times and labels; gives the plans between their times, and labels pushed back through
// them.
#include "analysis/fate_plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "ot/time_plan.hpp"

namespace fatefield {
namespace {

using Vector = std::vector<double>;
using KeepGoing = std::function<bool()>;

// Rows of pairs that are worked out at once.
constexpr std::int64_t kRows = 64;
// Plans are found until they miss the masses of cells by this share, which composition then does at most.
constexpr double kTolerance = 1e-3;
constexpr std::int64_t kIterations = 500;
constexpr double kScaling = 0.7;
// Costs over temperature beyond which single precision does not do, as in ot/sinkhorn.cpp.
constexpr double kFloatReach = 1e8;

void check(const PlanPopulation& cells, const PlanOptions& o) {
  if (!(o.noise > 0) || !std::isfinite(o.noise))
    throw input_error("noise", "`noise` must be a number above 0, not " + std::to_string(o.noise) + ".");
  if (!(o.reach >= 0) || !std::isfinite(o.reach))
    throw input_error("reach", "`reach` must be at least 0, not " + std::to_string(o.reach) + ".");
  if (o.marginals != "both" && o.marginals != "target")
    throw input_error("marginals",
                      "`marginals` must be \"both\" or \"target\", not \"" + o.marginals + "\".");
  if (o.max_cells < 2)
    throw input_error("max.cells",
                      "`max.cells` is " + std::to_string(o.max_cells) + "; at least 2 are needed.");
  const auto n = static_cast<std::size_t>(cells.states.rows);
  if (cells.times.size() != n || cells.codes.size() != n)
    throw input_error("time", "Each cell needs a time and the code of a label.");
  if (!cells.rates.empty() && cells.rates.size() != n)
    throw input_error("growth", "There must be one growth rate for each cell, or none.");
}

// What rows of a plan say of labels: the mass-weighted mean of what is known of its columns.
struct Pushed {
  Matrix share;  // rows x (labels + 1)
  Vector effective, descendants;
};

// The plan from one time to the next, with what the cells of the next become.
class Interval {
 public:
  virtual ~Interval() = default;
  virtual Pushed push(MatrixView x, const std::vector<std::int64_t>& rows, double stretch,
                      const KeepGoing& keep_going) const = 0;
  /// body(i, weights of the cells of the next time) for each of the rows, on any thread.
  virtual void each_row(MatrixView x, const std::vector<std::int64_t>& rows, double stretch,
                        const std::function<void(std::size_t, const Vector&)>& body,
                        const KeepGoing& keep_going) const = 0;
};

struct Side {
  MatrixView states;
  const std::vector<std::int64_t>& rows;
  Vector masses;  // of the rows at the end, sum 1; empty where they are equal
};

template <typename T>
class IntervalOf final : public Interval {
 public:
  IntervalOf(const Side& from, const Side& to, const ot::PlanScale& scale, const Pushed& known,
             bool free_targets, const KeepGoing& keep_going)
      : unit_(scale.sd),
        dims_(to.states.cols),
        points_(ot::rows_in_units<T>(to.states, to.rows, unit_)),
        plan_(found(from, scale.reach, free_targets, keep_going)) {
    labels_.resize(static_cast<std::int64_t>(to.rows.size()), known.share.cols);
    for (std::int64_t j = 0; j < labels_.rows(); ++j) {
      for (std::int64_t l = 0; l < labels_.cols(); ++l)
        labels_(j, l) = known.share(j, l) * known.descendants[static_cast<std::size_t>(j)];
    }
  }

  Pushed push(MatrixView x, const std::vector<std::int64_t>& rows, double stretch,
              const KeepGoing& keep_going) const override {
    const auto n = static_cast<std::int64_t>(rows.size());
    Pushed out;
    out.share = Matrix(n, labels_.cols());
    out.effective.resize(rows.size());
    out.descendants.resize(rows.size());
    each_block(
        n, [&](std::int64_t from) { push_block(x, rows, from, stretch, out); }, keep_going);
    return out;
  }

  void each_row(MatrixView x, const std::vector<std::int64_t>& rows, double stretch,
                const std::function<void(std::size_t, const Vector&)>& body,
                const KeepGoing& keep_going) const override {
    const Eigen::VectorXd descendants = labels_.rowwise().sum();
    each_block(
        static_cast<std::int64_t>(rows.size()),
        [&](std::int64_t from) {
          Vector weights(static_cast<std::size_t>(labels_.rows()));
          plan_rows(x, rows, from, stretch, [&](std::int64_t i, const double* share, double) {
            for (std::size_t j = 0; j < weights.size(); ++j)
              weights[j] = share[j] * descendants[static_cast<Eigen::Index>(j)];
            body(static_cast<std::size_t>(from + i), weights);
          });
        },
        keep_going);
  }

 private:
  using RowMajor = typename ot::PlanColumns<double>::template RowMajor<double>;

  Cloud<T> cloud(const std::vector<T>& points) const {
    return {points.data(), static_cast<std::int64_t>(points.size()) / dims_, dims_, nullptr};
  }

  ot::TimePlan<T> found(const Side& from, double reach, bool free_targets,
                        const KeepGoing& keep_going) const {
    const std::vector<T> x = ot::rows_in_units<T>(from.states, from.rows, unit_);
    const std::vector<T> masses(from.masses.begin(), from.masses.end());
    Cloud<T> sources = cloud(x);
    if (!masses.empty()) sources.weights = masses.data();
    SinkhornOptions o;
    o.blur = 1.0;
    o.scaling = kScaling;
    o.tolerance = kTolerance;
    o.max_iterations = kIterations;
    o.reach = reach;
    return ot::find_time_plan(sources, cloud(points_), o, free_targets, keep_going);
  }

  // body(first row) for each block of rows, some of them side by side.
  static void each_block(std::int64_t n, const std::function<void(std::int64_t)>& body,
                         const KeepGoing& keep_going) {
    const std::int64_t blocks = (n + kRows - 1) / kRows, group = 4 * std::max(1, threads());
    for (std::int64_t at = 0; at < blocks; at += group) {
      if (keep_going && !keep_going()) throw Interrupted();
      parallel_for(std::min(group, blocks - at), [&](std::int64_t b) { body((at + b) * kRows); });
    }
  }

  // body(i, shares, log sum) for the rows of the block that begins at `from`.
  template <typename Body>
  void plan_rows(MatrixView x, const std::vector<std::int64_t>& rows, std::int64_t from, double stretch,
                 const Body& body) const {
    const std::int64_t to = std::min(static_cast<std::int64_t>(rows.size()), from + kRows);
    const std::vector<std::int64_t> some(rows.begin() + from, rows.begin() + to);
    const std::vector<T> points = ot::rows_in_units<T>(x, some, unit_);
    plan_.columns.each_row(cloud(points), 0, to - from, body, stretch);
  }

  void push_block(MatrixView x, const std::vector<std::int64_t>& rows, std::int64_t from, double stretch,
                  Pushed& out) const {
    plan_rows(x, rows, from, stretch, [&](std::int64_t i, const double* share, double log_sum) {
      const Eigen::Map<const Eigen::RowVectorXd> row(share, labels_.rows());
      const Eigen::RowVectorXd sums = row * labels_;
      const double total = sums.sum();
      for (std::int64_t l = 0; l < sums.size(); ++l) out.share(from + i, l) = sums[l] / total;
      const auto at = static_cast<std::size_t>(from + i);
      out.effective[at] = 1.0 / row.squaredNorm();
      // f = -damping * log_sum at temperature 1.
      out.descendants[at] = plan_.rows.transported(1.0, -plan_.rows.damping(1.0) * log_sum) * total;
    });
  }

  Vector unit_;
  std::int64_t dims_;
  std::vector<T> points_;
  ot::TimePlan<T> plan_;
  RowMajor labels_;
};

}  // namespace

struct FatePlan::Impl {
  Vector times;                                  // observed
  std::vector<std::vector<std::int64_t>> drawn;  // cells of each time between which plans are found
  std::int64_t cells = 0;                        // of the population
  std::vector<std::unique_ptr<Interval>> plans;  // one less
  Vector usual_mass;  // of each interval: mean of exp(rate * length), where there are rates
  std::int64_t n_labels = 0, dims = 0;
};

namespace {

// Cells of each time, of the last one those with a label.
std::map<double, std::vector<std::int64_t>> cells_by_time(const PlanPopulation& cells) {
  std::map<double, std::vector<std::int64_t>> out = ot::rows_by_time(cells.times);
  if (out.size() < 2) throw input_error("time", "`time`: plans need cells of at least two times.");
  auto& last = out.rbegin()->second;
  last.erase(std::remove_if(last.begin(), last.end(),
                            [&](std::int64_t i) { return cells.codes[static_cast<std::size_t>(i)] < 0; }),
             last.end());
  if (last.empty()) throw input_error("labels", "`labels`: no reference cell of the last time has a label.");
  return out;
}

Vector variance_of(MatrixView x, const std::vector<std::vector<std::int64_t>>& of) {
  Vector out = ot::within_variance(x, of);
  if (!(out.front() > 0)) throw input_error("object", "`object`: all cells of each time are the same.");
  return out;
}

// Masses after `length`, from 1 each.
Vector grown_by(const Vector& rates, const std::vector<std::int64_t>& rows, double length) {
  Vector out;
  for (const std::int64_t i : rows) out.push_back(std::exp(rates[static_cast<std::size_t>(i)] * length));
  return out;
}

bool beyond_float(MatrixView x, const Vector& unit) {
  double sum = 0.0;
  for (std::int64_t k = 0; k < x.cols; ++k) {
    const auto range = std::minmax_element(x.data + k * x.rows, x.data + (k + 1) * x.rows);
    const double side = (*range.second - *range.first) / unit[static_cast<std::size_t>(k)];
    sum += side * side;
  }
  return sum > kFloatReach;
}

}  // namespace

FatePlan::FatePlan(const PlanPopulation& cells, const PlanOptions& options, std::uint64_t seed,
                   const KeepGoing& keep_going)
    : impl_(std::make_unique<Impl>()) {
  check(cells, options);
  const OneEigenThread one_thread;
  std::vector<std::vector<std::int64_t>> all, drawn;
  for (auto& some : cells_by_time(cells)) {
    impl_->times.push_back(some.first);
    all.push_back(std::move(some.second));
    const auto n = static_cast<std::int64_t>(all.back().size());
    drawn.push_back(
        ot::plan_cells(n, options.max_cells, seed, static_cast<std::int64_t>(impl_->times.size()) - 1));
    for (std::int64_t& i : drawn.back()) i = all.back()[static_cast<std::size_t>(i)];
  }
  const auto scales = ot::plan_scales(variance_of(cells.states, all), impl_->times, options);
  impl_->n_labels = cells.n_labels;
  impl_->dims = cells.states.cols;
  impl_->cells = cells.states.rows;
  impl_->usual_mass.resize(scales.size());
  impl_->plans.resize(scales.size());
  Pushed known;
  known.share = Matrix(static_cast<std::int64_t>(drawn.back().size()), cells.n_labels + 1);
  for (std::size_t j = 0; j < drawn.back().size(); ++j)
    known.share(static_cast<std::int64_t>(j), cells.codes[static_cast<std::size_t>(drawn.back()[j])]) = 1.0;
  known.descendants.assign(drawn.back().size(), 1.0);
  for (std::size_t k = scales.size(); k-- > 0;) {
    Side from{cells.states, drawn[k], {}};
    if (!cells.rates.empty()) {
      const Vector grown = grown_by(cells.rates, drawn[k], impl_->times[k + 1] - impl_->times[k]);
      const double sum = std::accumulate(grown.begin(), grown.end(), 0.0);
      impl_->usual_mass[k] = sum / static_cast<double>(grown.size());
      for (const double m : grown) from.masses.push_back(m / sum);
    }
    const Side to{cells.states, drawn[k + 1], {}};
    const bool free_targets = options.marginals == "both";
    if (beyond_float(cells.states, scales[k].sd))
      impl_->plans[k] =
          std::make_unique<IntervalOf<double>>(from, to, scales[k], known, free_targets, keep_going);
    else
      impl_->plans[k] =
          std::make_unique<IntervalOf<float>>(from, to, scales[k], known, free_targets, keep_going);
    if (k == 0) break;
    known = impl_->plans[k]->push(cells.states, drawn[k], 1.0, keep_going);
    for (std::size_t i = 0; i < from.masses.size(); ++i)
      known.descendants[i] *= from.masses[i] * static_cast<double>(from.masses.size());
  }
  impl_->drawn = std::move(drawn);
}

FatePlan::~FatePlan() = default;

namespace {

void check_states(MatrixView states, std::int64_t dims) {
  if (states.cols != dims)
    throw input_error("states", "The states have " + std::to_string(states.cols) + " dimensions, the plans " +
                                    std::to_string(dims) + ".");
}

// The plan that states of this time go by.
std::size_t next_plan(const Vector& observed, double time) {
  if (!(time < observed.back())) throw input_error("times", "States at the last time have no plan to go by.");
  std::size_t k = 0;
  while (time >= observed[k + 1]) ++k;
  return k;
}

// The points (u + 0), (u + 1), ... of `draws` equal steps along the sum of the weights: list(column, share).
std::vector<std::pair<std::int32_t, double>> systematic_draws(const Vector& weights, std::int64_t draws,
                                                              double u) {
  double total = 0;
  for (const double w : weights) total += w;
  std::vector<std::pair<std::int32_t, double>> out;
  double reached = 0;
  std::int64_t taken = 0;
  for (std::size_t j = 0; j < weights.size() && taken < draws; ++j) {
    reached += weights[j];
    const double upto = reached / total * static_cast<double>(draws) - u;
    std::int64_t here = std::min(draws, static_cast<std::int64_t>(std::floor(upto)) + 1) - taken;
    if (here <= 0) continue;
    out.emplace_back(static_cast<std::int32_t>(j), static_cast<double>(here) / static_cast<double>(draws));
    taken += here;
  }
  return out;
}

}  // namespace

SparseRows FatePlan::steps(MatrixView states, const Vector& times, std::int64_t draws, std::uint64_t seed,
                           const KeepGoing& keep_going) const {
  check_states(states, impl_->dims);
  const OneEigenThread one_thread;
  std::vector<std::vector<std::pair<std::int32_t, double>>> rows(times.size());
  for (const auto& some : ot::rows_by_time(times)) {
    const std::size_t k = next_plan(impl_->times, some.first);
    const double left = impl_->times[k + 1] - some.first, length = impl_->times[k + 1] - impl_->times[k];
    impl_->plans[k]->each_row(
        states, some.second, left / length,
        [&](std::size_t r, const Vector& weights) {
          const auto i = static_cast<std::size_t>(some.second[r]);
          rows[i] = systematic_draws(weights, draws, uniform(seed, Stream::Projection, i, k));
          for (auto& entry : rows[i])
            entry.first =
                static_cast<std::int32_t>(impl_->drawn[k + 1][static_cast<std::size_t>(entry.first)]);
        },
        keep_going);
  }
  SparseRows out;
  out.rows = states.rows;
  out.cols = impl_->cells;
  out.start.push_back(0);
  for (auto& row : rows) append_row(out, row);
  return out;
}

PlanShares FatePlan::shares(MatrixView states, const Vector& times, const Vector& rates,
                            const KeepGoing& keep_going) const {
  check_states(states, impl_->dims);
  const OneEigenThread one_thread;
  PlanShares out;
  out.shares.share = Matrix(states.rows, impl_->n_labels + 1);
  out.shares.effective.resize(times.size());
  out.descendants.resize(times.size());
  for (const auto& some : ot::rows_by_time(times)) {
    const std::size_t k = next_plan(impl_->times, some.first);
    const double left = impl_->times[k + 1] - some.first, length = impl_->times[k + 1] - impl_->times[k];
    Pushed found = impl_->plans[k]->push(states, some.second, left / length, keep_going);
    const Vector grown = rates.empty() ? Vector() : grown_by(rates, some.second, left);
    for (std::size_t r = 0; r < grown.size(); ++r) found.descendants[r] *= grown[r] / impl_->usual_mass[k];
    for (std::size_t r = 0; r < some.second.size(); ++r) {
      const std::int64_t i = some.second[r];
      for (std::int64_t l = 0; l <= impl_->n_labels; ++l)
        out.shares.share(i, l) = found.share(static_cast<std::int64_t>(r), l);
      out.shares.effective[static_cast<std::size_t>(i)] = found.effective[r];
      out.descendants[static_cast<std::size_t>(i)] = found.descendants[r];
    }
  }
  return out;
}

}  // namespace fatefield
