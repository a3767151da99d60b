// Takes states of paths at successive times; gives how far the profile of each has moved between them.
#include "analysis/criticality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "analysis/profile_kernel.hpp"
#include "base/aligned.hpp"
#include "base/error.hpp"
#include "base/threads.hpp"
#include "nets/packed_layer.hpp"

namespace fatefield {
namespace {

// Few enough that profiles and their logarithms at two times stay in the second cache.
constexpr std::int64_t kRows = 8;

enum class Measure { Kl, Js, Path };

Measure measure_of(const std::string& name) {
  if (name == "kl") return Measure::Kl;
  if (name == "js") return Measure::Js;
  if (name == "path") return Measure::Path;
  throw input_error("measure", "`measure` is \"" + name + "\"; \"kl\", \"js\" or \"path\" is needed.");
}

void check_mean(const std::vector<double>& mean, std::int64_t genes) {
  if (static_cast<std::int64_t>(mean.size()) != genes)
    throw input_error("mean.expression", "`mean.expression` has " + std::to_string(mean.size()) +
                                             " values, but there are " + std::to_string(genes) + " genes.");
  double sum = 0;
  for (const double m : mean) {
    if (!(m >= 0) || !std::isfinite(m))
      throw input_error("mean.expression", "`mean.expression` must be finite and not below 0.");
    sum += m;
  }
  if (sum == 0) throw input_error("mean.expression", "`mean.expression` is 0 for all genes.");
}

double divergence(double a, double b) { return a > 0 ? a * std::log(a / b) : 0.0; }

// a log(a / b) - a + b, infinite where only b is zero.
double generalised(double a, double b) {
  if (!(a > 0)) return b;
  return b > 0 ? a * std::log(a / b) - a + b : std::numeric_limits<double>::infinity();
}

double between(double a, double b, Measure measure, bool drop_infinite) {
  if (measure == Measure::Js) {
    const double middle = (a + b) / 2;
    return (divergence(a, middle) + divergence(b, middle)) / 2;
  }
  const double d = generalised(a, b);
  return drop_infinite && std::isinf(d) ? 0.0 : d;
}

// Profiles of some paths at one time, rows x stride, before they are divided by their sums; nothing where a
// state is not known.
struct Profiles {
  Aligned<double> x, logs;
  double total[kRows];
};

class ProfileChange {
 public:
  ProfileChange(const PathStates& states, const StateExpression* genes, const std::vector<double>& mean,
                Measure measure, const CriticalityOptions& o)
      : states_(states),
        measure_(measure),
        drop_infinite_(o.drop_infinite),
        n_genes_(genes != nullptr ? genes->weights.rows : states.dims),
        width_((n_genes_ + kProfileWidth - 1) / kProfileWidth * kProfileWidth),
        stride_(leading<double>(n_genes_)) {
    floor_.assign(static_cast<std::size_t>(width_), 0.0);
    if (o.epsilon > 0) {
      check_mean(mean, n_genes_);
      for (std::int64_t g = 0; g < n_genes_; ++g) floor_[g] = o.epsilon * mean[g];
    }
    if (genes != nullptr) layer_ = pack(genes->weights, genes->bias.data());
    // Where no gene can be at zero the divergence is a weighted difference of logarithms.
    by_logs_ = measure == Measure::Kl && *std::min_element(floor_.begin(), floor_.begin() + n_genes_) > 0;
  }

  Profiles room() const {
    Profiles out;
    out.x.assign(static_cast<std::size_t>(kRows * stride_), 0.0);
    out.logs = out.x;
    return out;
  }

  void look(std::int64_t first, std::int64_t rows, std::int64_t time, Profiles& to) const {
    if (layer_) {
      express(first, rows, time, to);
    } else {
      take(first, rows, time, to);
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      double* x = to.x.data() + i * stride_;
      // A state without anything has no profile.
      if (std::isfinite(to.total[i]) && to.total[i] > 0) continue;
      to.total[i] = std::numeric_limits<double>::quiet_NaN();
      std::fill(x, x + width_, 0.0);
    }
  }

  double change(std::int64_t i, const Profiles& before, const Profiles& after) const {
    const double a = before.total[i], b = after.total[i];
    if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
    const double *x = before.x.data() + i * stride_, *y = after.x.data() + i * stride_;
    double sum = 0;
    if (by_logs_) {
      const double* log_x = before.logs.data() + i * stride_;
      sum = kernel_.weighed(width_, x, log_x, after.logs.data() + i * stride_) / a + std::log(b / a);
    } else {
      for (std::int64_t g = 0; g < n_genes_; ++g)
        sum += between(x[g] / a, y[g] / b, measure_, drop_infinite_);
    }
    // Rounding can leave a divergence of equal profiles a little below zero.
    return sum < 0 ? 0.0 : sum;
  }

 private:
  void express(std::int64_t first, std::int64_t rows, std::int64_t time, Profiles& to) const {
    const std::int64_t dims = states_.dims;
    std::vector<double> s(static_cast<std::size_t>(rows * dims));
    for (std::int64_t j = 0; j < dims; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) s[i * dims + j] = states_(first + i, j, time);
    }
    layer_->forward(rows, s.data(), dims, to.x.data());
    for (std::int64_t i = 0; i < rows; ++i)
      to.total[i] = kernel_.express(width_, floor_.data(), to.x.data() + i * stride_, log_of(i, to));
  }

  // States that are the expression of genes.
  void take(std::int64_t first, std::int64_t rows, std::int64_t time, Profiles& to) const {
    std::fill(to.total, to.total + rows, 0.0);
    for (std::int64_t g = 0; g < n_genes_; ++g) {
      for (std::int64_t i = 0; i < rows; ++i) {
        const double state = states_(first + i, g, time);
        // A number that is not one stays so: max() would hide it.
        const double x = (state < 0 ? 0.0 : state) + floor_[g];
        to.x[i * stride_ + g] = x;
        to.total[i] += x;
      }
    }
    for (std::int64_t i = 0; i < rows && by_logs_; ++i)
      kernel_.logs(width_, to.x.data() + i * stride_, log_of(i, to));
  }

  double* log_of(std::int64_t i, Profiles& of) const { return of.logs.data() + i * stride_; }

  const PathStates& states_;
  Measure measure_;
  bool drop_infinite_, by_logs_ = false;
  std::int64_t n_genes_, width_, stride_;
  std::vector<double> floor_;
  std::optional<PackedLayer<double>> layer_;
  const ProfileKernel& kernel_ = profile_kernel();
};

// Distances of the states themselves.
void lengths(const PathStates& s, std::int64_t first, std::int64_t rows, Matrix& out) {
  for (std::int64_t t = 0; t < out.cols; ++t) {
    double sum[kRows] = {};
    for (std::int64_t j = 0; j < s.dims; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) {
        const double step = s(first + i, j, t + 1) - s(first + i, j, t);
        sum[i] += step * step;
      }
    }
    for (std::int64_t i = 0; i < rows; ++i) out(first + i, t) = std::sqrt(sum[i]);
  }
}

}  // namespace

Matrix path_changes(const PathStates& states, const StateExpression* genes, const std::vector<double>& mean,
                    const CriticalityOptions& options) {
  const Measure measure = measure_of(options.measure);
  if (!(options.epsilon >= 0) || !std::isfinite(options.epsilon))
    throw input_error("epsilon", "`epsilon` must be a number of at least 0.");
  std::optional<ProfileChange> profiles;
  if (measure != Measure::Path) profiles.emplace(states, genes, mean, measure, options);
  Matrix out(states.paths, std::max<std::int64_t>(states.times - 1, 0));
  parallel_for((states.paths + kRows - 1) / kRows, [&](std::int64_t block) {
    const std::int64_t first = block * kRows, rows = std::min(kRows, states.paths - first);
    if (!profiles) return lengths(states, first, rows, out);
    Profiles before = profiles->room(), after = before;
    profiles->look(first, rows, 0, before);
    for (std::int64_t t = 0; t < out.cols; ++t) {
      profiles->look(first, rows, t + 1, after);
      for (std::int64_t i = 0; i < rows; ++i) out(first + i, t) = profiles->change(i, before, after);
      std::swap(before, after);
    }
  });
  return out;
}

}  // namespace fatefield
