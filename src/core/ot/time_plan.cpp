// Takes the cells of observed times; gives the scale of the plans between them, and the plans.
#include "ot/time_plan.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/sampling.hpp"
#include "ot/clouds.hpp"

namespace fatefield {
namespace ot {
namespace {

using Vector = std::vector<double>;

// Draws of cells in the stream of bridges, so that no two purposes share any.
constexpr std::uint64_t kCellDraws = 1ULL << 41;
// Bytes that may hold what the iterations of a plan have in common.
constexpr std::size_t kKeptBytes = 48u << 20;
// Variances of dimensions count as at least this share of their mean.
constexpr double kLeastVariance = 1e-4;
// Two independent draws from a cloud differ by this many times its variance.
constexpr double kIndependent = 2.0;

Vector logs(Vector v) {
  for (double& each : v) each = std::log(each);
  return v;
}

}  // namespace

std::vector<std::int64_t> plan_cells(std::int64_t n, std::int64_t most, std::uint64_t seed, std::int64_t k) {
  return draw_at_most(n, most, seed, Stream::Bridge, kCellDraws + static_cast<std::uint64_t>(k));
}

std::map<double, std::vector<std::int64_t>> rows_by_time(const Vector& times) {
  std::map<double, std::vector<std::int64_t>> out;
  for (std::size_t i = 0; i < times.size(); ++i) out[times[i]].push_back(static_cast<std::int64_t>(i));
  return out;
}

template <typename T>
std::vector<T> rows_in_units(const MatrixView& x, const std::vector<std::int64_t>& rows, const Vector& unit) {
  std::vector<T> out;
  out.reserve(rows.size() * static_cast<std::size_t>(x.cols));
  for (const std::int64_t i : rows) {
    for (std::int64_t k = 0; k < x.cols; ++k)
      out.push_back(static_cast<T>(x(i, k) / unit[static_cast<std::size_t>(k)]));
  }
  return out;
}

template std::vector<float> rows_in_units(const MatrixView&, const std::vector<std::int64_t>&, const Vector&);
template std::vector<double> rows_in_units(const MatrixView&, const std::vector<std::int64_t>&,
                                           const Vector&);

Vector within_variance(const std::vector<std::int64_t>& sizes, std::int64_t dims,
                       const std::function<double(std::size_t, std::int64_t, std::int64_t)>& value) {
  double n = 0.0, all = 0.0;
  for (const std::int64_t size : sizes) n += static_cast<double>(size);
  Vector out(static_cast<std::size_t>(dims), 0.0);
  for (std::int64_t d = 0; d < dims; ++d) {
    double& variance = out[static_cast<std::size_t>(d)];
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      double mean = 0.0;
      for (std::int64_t i = 0; i < sizes[k]; ++i) mean += value(k, i, d);
      mean /= static_cast<double>(sizes[k]);
      for (std::int64_t i = 0; i < sizes[k]; ++i) {
        const double off = value(k, i, d) - mean;
        variance += off * off;
      }
    }
    variance /= n;
    all += variance;
  }
  for (double& v : out) v = std::max(v, all / static_cast<double>(dims) * kLeastVariance);
  return out;
}

Vector within_variance(const MatrixView& x, const std::vector<std::vector<std::int64_t>>& of) {
  std::vector<std::int64_t> sizes;
  sizes.reserve(of.size());
  for (const auto& some : of) sizes.push_back(static_cast<std::int64_t>(some.size()));
  return within_variance(sizes, x.cols, [&](std::size_t k, std::int64_t i, std::int64_t d) {
    return x(of[k][static_cast<std::size_t>(i)], d);
  });
}

double usual_distance(const Vector& variance, const Vector& unit) {
  double sum = 0.0;
  for (std::size_t d = 0; d < variance.size(); ++d) sum += variance[d] / (unit[d] * unit[d]);
  return std::sqrt(sum);
}

double usual_distance(const MatrixView& x, const Vector& times) {
  std::vector<std::vector<std::int64_t>> of;
  for (auto& some : rows_by_time(times)) of.push_back(std::move(some.second));
  return usual_distance(within_variance(x, of), Vector(static_cast<std::size_t>(x.cols), 1.0));
}

std::vector<PlanScale> plan_scales(const Vector& variance, const Vector& times, const PlanOptions& options) {
  double sum = 0.0, squares = 0.0;
  for (const double v : variance) {
    sum += v;
    squares += v * v;
  }
  const double usual_length = (times.back() - times.front()) / static_cast<double>(times.size() - 1);
  std::vector<PlanScale> out;
  for (std::size_t k = 0; k + 1 < times.size(); ++k) {
    const double of_interval = options.noise * (squares / sum) * (times[k + 1] - times[k]) / usual_length;
    PlanScale scale;
    for (const double v : variance) scale.sd.push_back(std::sqrt(std::min(of_interval, v * kIndependent)));
    scale.reach = options.reach * usual_distance(variance, scale.sd);
    out.push_back(std::move(scale));
  }
  return out;
}

template <typename T>
TimePlan<T> find_time_plan(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                           bool free_targets, const std::function<bool()>& keep_going,
                           const RaisedPairs& raised) {
  Vector a = weights_of(x);
  const Vector b = weights_of(y);
  const Vector schedule = epsilon_schedule(options, bounding_diameter<T>({x, y}));
  const Marginals rows(options), columns(free_targets ? options.reach : 0.0, options.p);
  Transport<T> transport(Interaction<T>(x, a, y, b, options.p), a, b, rows, columns);
  transport.keep(kKeptBytes);
  if (!raised.empty()) transport.raise(Raising(raised, x, y, logs(a), logs(b)));
  transport.descend(schedule, options, keep_going);
  return {std::move(a), transport.f(), rows, PlanColumns<T>(y, transport.g_before(), b, schedule.back())};
}

template TimePlan<float> find_time_plan(const Cloud<float>&, const Cloud<float>&, const SinkhornOptions&,
                                        bool, const std::function<bool()>&, const RaisedPairs&);
template TimePlan<double> find_time_plan(const Cloud<double>&, const Cloud<double>&, const SinkhornOptions&,
                                         bool, const std::function<bool()>&, const RaisedPairs&);

}  // namespace ot
}  // namespace fatefield
