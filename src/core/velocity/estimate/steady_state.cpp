// Takes moments gene by gene; gives the ratio of each gene and the velocities of all cells.
#include "velocity/estimate/steady_state.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr double kLeastMaximum = 1e-3;  // below this an expression counts as none when genes are scaled
constexpr double kFallbackQuantile = 0.8;

double largest(const double* x, std::int64_t n) { return *std::max_element(x, x + n); }

double or_zero(double v) { return std::isnan(v) ? 0 : v; }

// Spliced and unspliced expression, each relative to its maximum, added.
std::vector<double> expression(const double* s, const double* u, std::int64_t n) {
  const double top_s = std::max(largest(s, n), kLeastMaximum), top_u = std::max(largest(u, n), kLeastMaximum);
  std::vector<double> out(static_cast<std::size_t>(n));
  for (std::int64_t c = 0; c < n; ++c) out[c] = s[c] / top_s + u[c] / top_u;
  return out;
}

struct Sums {
  double n = 0, s = 0, u = 0, ss = 0, su = 0;
  void add(double x, double y) {
    n += 1;
    s += x;
    u += y;
    ss += x * x;
    su += x * y;
  }
};

SteadyLine line_of(const Sums& t, bool with_offset) {
  SteadyLine out;
  if (with_offset) {
    const double mean_s = t.s / t.n, mean_u = t.u / t.n;
    out.gamma = (t.su / t.n - mean_s * mean_u) / (t.ss / t.n - mean_s * mean_s);
    out.offset = mean_u - out.gamma * mean_s;
  }
  if (!with_offset || out.offset < 0) {
    out.gamma = t.su / t.ss;
    out.offset = 0;
  }
  out.gamma = or_zero(out.gamma);
  out.offset = or_zero(out.offset);
  return out;
}

double r2_of(const double* s, const double* u, std::int64_t n, const SteadyLine& line) {
  double mean = 0, residual = 0, total = 0;
  for (std::int64_t c = 0; c < n; ++c) mean += u[c];
  mean /= static_cast<double>(n);
  for (std::int64_t c = 0; c < n; ++c) {
    const double r = u[c] - line.gamma * s[c] - line.offset;
    residual += r * r;
    total += (u[c] - mean) * (u[c] - mean);
  }
  return or_zero(1 - residual / total);
}

// Standard deviation of y - slope x over all cells, population.
double residual_spread(const std::vector<double>& x, const std::vector<double>& y, double slope) {
  const auto n = static_cast<double>(x.size());
  double mean = 0, squares = 0;
  for (std::size_t c = 0; c < x.size(); ++c) mean += y[c] - slope * x[c];
  mean /= n;
  for (std::size_t c = 0; c < x.size(); ++c) {
    const double r = y[c] - slope * x[c] - mean;
    squares += r * r;
  }
  return std::sqrt(squares / n);
}

bool is_velocity_gene(const SteadyLine& line, const VelocityOptions& o) {
  return line.r2 > o.min_r2 && line.gamma > o.min_ratio && line.seen;
}

// Eight neighbouring genes share cache lines of the result, which is genes x cells.
constexpr std::int64_t kBlock = 8;

class Fit {
 public:
  Fit(const Moments& moments, const SteadyStateJob& job, const VelocityOptions& options)
      : moments_(moments), job_(job), options_(options), genes_(moments.genes()), cells_(moments.cells()) {
    const auto n = static_cast<std::size_t>(genes_);
    out_.gamma.resize(n);
    out_.ratio.resize(n);
    out_.offset.resize(n);
    out_.r2.resize(n);
    velocity_gene_.assign(n, 0);
    allowed_.assign(n, 1);
    if (!job.allowed.empty()) allowed_.assign(job.allowed.begin(), job.allowed.end());
  }

  SteadyStates run() {
    run_blocks([&](std::int64_t, const SteadyLine& line) { return is_velocity_gene(line, options_); });
    if (std::count(velocity_gene_.begin(), velocity_gene_.end(), 1) < 2) take_best();
    out_.velocity_gene.assign(velocity_gene_.begin(), velocity_gene_.end());
    return out_;
  }

 private:
  // Where nearly no gene passes, the better half of a bad lot: decided by all genes' r2, so fitted again.
  void take_best() {
    const double limit = quantile(out_.r2, kFallbackQuantile);
    const std::vector<double> r2 = out_.r2;
    out_.few = true;
    const bool any = std::any_of(r2.begin(), r2.end(), [&](double v) { return v > limit; });
    run_blocks([&](std::int64_t g, const SteadyLine&) { return !any || r2[g] > limit; });
    if (!any) velocity_gene_.assign(velocity_gene_.size(), 0);
  }

  template <typename Choose>
  void run_blocks(Choose&& choose) {
    HomeQuestion question(job_.keep_going);
    std::atomic<bool> stopped{false};
    parallel_for((genes_ + kBlock - 1) / kBlock, [&](std::int64_t block) {
      if (stopped || !question.ask()) {
        stopped = true;
        return;
      }
      run_block(block * kBlock, std::min(genes_, (block + 1) * kBlock), choose);
    });
    if (stopped) throw Interrupted();
  }

  template <typename Choose>
  void run_block(std::int64_t first, std::int64_t last, Choose&& choose) {
    const auto entries = static_cast<std::size_t>((last - first) * cells_);
    std::vector<double> velocity(job_.velocity == nullptr ? 0 : entries);
    std::vector<double> variance(job_.variance == nullptr ? 0 : entries, 0.0);
    GeneMoments m;
    for (std::int64_t g = first; g < last; ++g) {
      fit_gene(g, m, choose);
      if (velocity.empty()) continue;
      double* const to = velocity.data() + (g - first) * cells_;
      for (std::int64_t c = 0; c < cells_; ++c) to[c] = m.u[c] - out_.gamma[g] * m.s[c] - out_.offset[g];
      if (velocity_gene_[g] && !variance.empty())
        variance_velocity(m, out_.gamma[g], variance.data() + (g - first) * cells_);
    }
    if (!velocity.empty()) put(velocity, first, last, job_.velocity);
    if (!variance.empty()) put(variance, first, last, job_.variance);
  }

  template <typename Choose>
  void fit_gene(std::int64_t g, GeneMoments& m, Choose&& choose) {
    moments_.first(g, m);
    const SteadyLine line = fit_line(m.s.data(), m.u.data(), cells_, options_);
    out_.ratio[g] = out_.gamma[g] = line.gamma;
    out_.offset[g] = line.offset;
    out_.r2[g] = line.r2;
    velocity_gene_[g] = allowed_[g] && choose(g, line);
    if (!job_.stochastic || !velocity_gene_[g]) return;
    moments_.second(g, m);
    out_.gamma[g] = fit_stochastic(m, line, options_);
  }

  void variance_velocity(const GeneMoments& m, double gamma, double* out) const {
    for (std::int64_t c = 0; c < cells_; ++c) {
      const double covariance = 2 * m.su[c] + m.u[c] - 2 * m.s[c] * m.u[c];
      const double variance = 2 * m.ss[c] - m.s[c] - 2 * m.s[c] * m.s[c];
      out[c] = covariance - gamma * variance;
    }
  }

  // Genes of a block, each a run of cells, into their rows of genes x cells.
  void put(const std::vector<double>& block, std::int64_t first, std::int64_t last, double* to) const {
    for (std::int64_t c = 0; c < cells_; ++c)
      for (std::int64_t g = first; g < last; ++g) to[c * genes_ + g] = block[(g - first) * cells_ + c];
  }

  const Moments& moments_;
  const SteadyStateJob& job_;
  const VelocityOptions& options_;
  const std::int64_t genes_, cells_;
  SteadyStates out_;
  // Bytes, as the bits of vector<bool> cannot be written by several threads.
  std::vector<char> velocity_gene_, allowed_;
};

}  // namespace

SteadyLine fit_line(const double* s, const double* u, std::int64_t n, const VelocityOptions& o) {
  const std::vector<double> a = expression(s, u, n);
  const double top = quantile(a, o.percentile_upper / 100);
  const double bottom = o.fit_offset ? quantile(a, o.percentile_lower / 100) : 0;
  Sums extreme, all;
  for (std::int64_t c = 0; c < n; ++c) {
    if (a[c] >= top || (o.fit_offset && a[c] <= bottom)) extreme.add(s[c], u[c]);
    if (o.r2_adjusted) all.add(s[c], u[c]);
  }
  SteadyLine out = line_of(extreme, o.fit_offset);
  out.r2 = r2_of(s, u, n, o.r2_adjusted ? line_of(all, o.fit_offset) : out);
  out.seen = largest(s, n) > 0 && largest(u, n) > 0;
  return out;
}

double fit_stochastic(const GeneMoments& m, const SteadyLine& line, const VelocityOptions& o) {
  const std::size_t n = m.s.size();
  std::vector<double> x(n), y(n);
  double xx = 0, xy = 0;
  for (std::size_t c = 0; c < n; ++c) {
    x[c] = 2 * m.ss[c] - m.s[c];
    y[c] = 2 * m.su[c] + m.u[c];
    xx += x[c] * x[c];
    xy += x[c] * y[c];
  }
  const double spread1 = residual_spread(m.s, m.u, line.gamma);
  const double spread2 = residual_spread(x, y, xy / xx);
  if (!(spread1 > 0) || !(spread2 > 0)) return line.gamma;
  const std::vector<double> a = expression(m.s.data(), m.u.data(), static_cast<std::int64_t>(n));
  const double top = quantile(a, o.percentile_upper / 100), top_s = quantile(m.s, o.percentile_upper / 100);
  double s_xx = 0, s_xy = 0;
  for (std::size_t c = 0; c < n; ++c) {
    if (a[c] < top && m.s[c] < top_s) continue;
    s_xx += m.s[c] * m.s[c];
    s_xy += m.s[c] * m.u[c];
  }
  const double w1 = 1 / (spread1 * spread1), w2 = 1 / (spread2 * spread2);
  return (w1 * s_xy + w2 * xy) / (w1 * s_xx + w2 * xx);
}

SteadyStates fit_steady_states(const Moments& moments, const SteadyStateJob& job,
                               const VelocityOptions& options) {
  check_options(options);
  if (job.stochastic && options.fit_offset)
    throw input_error("fit.offset", "`fit.offset` is for mode \"deterministic\" only.");
  return Fit(moments, job, options).run();
}

}  // namespace fatefield
