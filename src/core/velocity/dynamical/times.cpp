// Takes parameters and the cells of one gene; gives times and courses (scVelo's assignment of time points;
// Bergen et al. 2020, Methods, "Inferring latent time").
#include "velocity/dynamical/times.hpp"

#include <algorithm>
#include <cmath>

#include "base/quantile.hpp"
#include "velocity/dynamical/loop.hpp"

namespace fatefield {
namespace {

// Increments of time longer than this many times their 99.5 % quantile are gaps.
constexpr double kGapQuantile = 0.995, kGapFactor = 3.0;

struct Jump {
  double at, length;
};

// Sorted by buckets of equal width, which the times of cells fill about evenly.
std::vector<double> sorted(const std::vector<double>& x) {
  const std::size_t n = x.size();
  std::vector<double> out(n);
  if (n == 0) return out;
  const auto ends = std::minmax_element(x.begin(), x.end());
  const double low = *ends.first, width = *ends.second - low;
  if (!(width > 0)) return x;
  const double scale = static_cast<double>(n - 1) / width;
  std::vector<std::uint32_t> bucket(n), begin(n + 1, 0);
  for (std::size_t i = 0; i < n; ++i) {
    bucket[i] = std::min(static_cast<std::uint32_t>((x[i] - low) * scale), static_cast<std::uint32_t>(n - 1));
    ++begin[bucket[i] + 1];
  }
  for (std::size_t k = 0; k < n; ++k) begin[k + 1] += begin[k];
  std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t i = 0; i < n; ++i) out[next[bucket[i]]++] = x[i];
  for (std::size_t k = 0; k < n; ++k)
    if (begin[k + 1] - begin[k] > 1) std::sort(out.begin() + begin[k], out.begin() + begin[k + 1]);
  return out;
}

// Sorted times of the cells on one course, and the steps between them from 0 on.
struct SortedTimes {
  std::vector<double> at, step;

  SortedTimes(const Aligned<double>& tau, const std::vector<char>& on, char which) : at(on.size()) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < on.size(); ++i) {
      at[n] = tau[i];
      n += on[i] == which;
    }
    at.resize(n);
    at = sorted(at);
    step.resize(n);
    for (std::size_t i = 0; i < n; ++i) step[i] = at[i] - (i == 0 ? 0.0 : at[i - 1]);
  }
};

void take_out(const SortedTimes& sorted, double bound, const std::vector<char>& on, char which,
              Aligned<double>& tau) {
  std::vector<Jump> jumps;
  for (std::size_t i = 0; i < sorted.at.size(); ++i)
    if (sorted.step[i] > bound) jumps.push_back({sorted.at[i], sorted.step[i]});
  if (jumps.empty()) return;
  std::vector<double> before(jumps.size() + 1, 0.0);
  for (std::size_t j = 0; j < jumps.size(); ++j) before[j + 1] = before[j] + jumps[j].length;
  for (std::size_t i = 0; i < on.size(); ++i) {
    if (on[i] != which) continue;
    const auto passed = std::upper_bound(jumps.begin(), jumps.end(), tau[i],
                                         [](double t, const Jump& jump) { return t < jump.at; });
    tau[i] -= before[static_cast<std::size_t>(passed - jumps.begin())];
  }
}

// Points evenly spaced in time on a course, `skip` of them left out at its start.
struct CourseGrid {
  std::vector<double> tau, u, s;

  CourseGrid(const Course& course, double end, std::int64_t points, std::int64_t skip) {
    const double step = end / static_cast<double>(points - 1);
    for (std::int64_t k = skip; k < points; ++k) {
      tau.push_back(k + 1 == points ? end : static_cast<double>(k) * step);
      const SplicingState x = splicing_state(course, tau.back());
      u.push_back(x.u);
      s.push_back(x.s);
    }
  }
};

void project_on(const CourseGrid& grid, const Aligned<double>& u, const Aligned<double>& s,
                std::vector<std::int32_t>& nearest, Aligned<double>& tau) {
  const auto n = static_cast<std::int64_t>(u.size());
  splicing_kernel().nearest(n, u.data(), s.data(), static_cast<std::int64_t>(grid.u.size()), grid.u.data(),
                            grid.s.data(), nearest.data());
  for (std::int64_t i = 0; i < n; ++i) tau[i] = grid.tau[nearest[i]];
}

double square(double x) { return x * x; }

}  // namespace

TimeAssignment::TimeAssignment(const GeneReads& gene, const CellAverages& averages)
    : gene_(gene), averages_(averages) {
  const auto n = static_cast<std::size_t>(gene.padded());
  times_.on.resize(n);
  times_.off.resize(n);
  scaled_u_.resize(n);
  distance_.resize(4 * n);
  smoothed_.resize(4 * n);
}

void TimeAssignment::invert(const GeneParameters& p) {
  const SplicingKernel& kernel = splicing_kernel();
  const std::int64_t n = gene_.padded();
  kernel.times(n, p.induction(), scaled_u_.data(), gene_.s.data(), p.t_switch, times_.on.data());
  kernel.times(n, p.repression(), scaled_u_.data(), gene_.s.data(), HUGE_VAL, times_.off.data());
  double last = 0;
  for (std::int64_t i = 0; i < gene_.cells; ++i)
    if (gene_.s[i] > 0) last = std::max(last, times_.off[i]);
  for (double& tau : times_.off) tau = std::min(tau, last);
}

void TimeAssignment::project(const GeneParameters& p) {
  const Course off = p.repression();
  double least = HUGE_VAL;
  for (std::int64_t i = 0; i < gene_.cells; ++i)
    if (gene_.s[i] > 0) least = std::min(least, scaled_u_[i]);
  // By u alone, as where gamma >= beta.
  const double last = splicing_time({{0, p.beta, p.beta}, off.start}, {least, 0});
  const std::int64_t points = std::min<std::int64_t>(std::max<std::int64_t>(gene_.cells / 5, 200), 500);
  std::vector<std::int32_t> nearest(static_cast<std::size_t>(gene_.padded()));
  project_on(CourseGrid(p.induction(), p.t_switch, points, 0), scaled_u_, gene_.s, nearest, times_.on);
  project_on(CourseGrid(off, last, points, 1), scaled_u_, gene_.s, nearest, times_.off);
}

void TimeAssignment::take_nearest(const GeneParameters& p) {
  const Loop loop = loop_of(p, gene_);
  const LoopCells cells(gene_);
  LoopTimes way;
  for (const bool up : {true, false}) {
    go_nearest(loop, up, cells, way);
    for (double& x : way.x) x /= p.beta;
    (up ? times_.on : times_.off) = way.x;
  }
}

void TimeAssignment::squared_distances(const GeneParameters& p) {
  const SplicingKernel& kernel = splicing_kernel();
  const SplicingState width{gene_.std_u / p.scaling, gene_.std_s};
  kernel.distances(gene_.padded(), p.repression(), times_.off.data(), scaled_u_.data(), gene_.s.data(), width,
                   4, distance_.data());
  kernel.distances(gene_.padded(), p.induction(), times_.on.data(), scaled_u_.data(), gene_.s.data(), width,
                   4, distance_.data() + 1);
}

void TimeAssignment::remove_gaps(const GeneParameters& p) {
  squared_distances(p);
  std::vector<double> nearer(static_cast<std::size_t>(gene_.cells));
  for (std::int64_t i = 0; i < gene_.cells; ++i) nearer[i] = distance_[4 * i] - distance_[4 * i + 1];
  nearer = averages_.of(nearer);
  std::vector<char> on(static_cast<std::size_t>(gene_.cells));
  for (std::int64_t i = 0; i < gene_.cells; ++i) on[i] = nearer[i] > 0;
  const SortedTimes rising(times_.on, on, 1), falling(times_.off, on, 0);
  std::vector<double> steps(rising.step);
  steps.insert(steps.end(), falling.step.begin(), falling.step.end());
  const double bound = kGapFactor * quantile(std::move(steps), kGapQuantile);
  take_out(rising, bound, on, 1, times_.on);
  take_out(falling, bound, on, 0, times_.off);
}

const CourseTimes& TimeAssignment::raw_times(const GeneParameters& p, TimeRule rule) {
  for (std::int64_t i = 0; i < gene_.padded(); ++i) scaled_u_[i] = gene_.u[i] / p.scaling;
  if (rule == TimeRule::Nearest) {
    take_nearest(p);
  } else if (rule == TimeRule::Projection && p.beta < p.gamma) {
    project(p);
  } else {
    invert(p);
  }
  return times_;
}

const CourseTimes& TimeAssignment::course_times(const GeneParameters& p, TimeRule rule) {
  raw_times(p, rule);
  remove_gaps(p);
  return times_;
}

CellTimes TimeAssignment::assign(const GeneParameters& p, TimeRule rule) {
  course_times(p, rule);
  // The published fit compares distances at times whose gaps are gone already, which are no longer those of
  // the nearest points: cells that are far behind the switch then appear as if they were before it.
  if (rule != TimeRule::Nearest) squared_distances(p);
  const double wu = gene_.std_u / p.scaling, ws = gene_.std_s;
  const double top_u = p.alpha / p.beta, top_s = p.alpha / p.gamma;
  for (std::int64_t i = 0; i < gene_.cells; ++i) {
    const double u = scaled_u_[i], s = gene_.s[i];
    distance_[4 * i + 2] = square(u / wu) + square(s / ws);
    distance_[4 * i + 3] = square((u - top_u) / wu) + square((s - top_s) / ws);
  }
  averages_.of_four(gene_.cells, distance_.data(), smoothed_.data());
  CellTimes out;
  out.t.resize(static_cast<std::size_t>(gene_.cells));
  out.on.resize(static_cast<std::size_t>(gene_.cells));
  for (std::int64_t i = 0; i < gene_.cells; ++i) {
    const double* d = smoothed_.data() + 4 * i;
    switch (std::min_element(d, d + 4) - d) {
      case 0:
        out.t[i] = p.t_switch + times_.off[i];
        break;
      case 1:
        out.t[i] = times_.on[i];
        out.on[i] = 1;
        break;
      case 2:
        out.on[i] = 1;
        break;
      default:
        out.t[i] = p.t_switch;
    }
  }
  return out;
}

}  // namespace fatefield
