// Takes the fit of one gene; gives the alignment of its times and the velocities (scVelo, mode "dynamical").
#include "velocity/dynamical/velocity.hpp"

#include <algorithm>
#include <cmath>

namespace fatefield {
namespace {

// A cell whose states are all less likely than this is in none of them.
constexpr double kLeastLikely = 1e-6;

double square(double x) { return x * x; }

// [cell][4]: squared distances from repression, induction, the origin and the steady state; and the scale
// of the nearer course's.
struct StateDistances {
  std::vector<double> squared;
  double variance = 0;

  StateDistances(const GeneReads& gene, const GeneParameters& p, const Aligned<double>& scaled_u,
                 const CourseTimes& tau)
      : squared(4 * scaled_u.size()) {
    const std::size_t n = scaled_u.size();
    const double wu = gene.std_u / p.scaling, ws = gene.std_s;
    const double top_u = p.alpha / p.beta, top_s = p.alpha / p.gamma;
    Aligned<double> on_u(n), on_s(n), off_u(n), off_s(n);
    splicing_kernel().states(static_cast<std::int64_t>(n), p.induction(), tau.on.data(), on_u.data(),
                             on_s.data());
    splicing_kernel().states(static_cast<std::int64_t>(n), p.repression(), tau.off.data(), off_u.data(),
                             off_s.data());
    double sum = 0, signed_sum = 0;
    for (std::int64_t i = 0; i < gene.cells; ++i) {
      double* d = squared.data() + 4 * i;
      const double u = scaled_u[i], s = gene.s[i];
      d[0] = square((u - off_u[i]) / wu) + square((s - off_s[i]) / ws);
      d[1] = square((u - on_u[i]) / wu) + square((s - on_s[i]) / ws);
      d[2] = square(u / wu) + square(s / ws);
      d[3] = square((u - top_u) / wu) + square((s - top_s) / ws);
      const bool on = d[1] < d[0];
      const double error = s - (on ? on_s[i] : off_s[i]), nearer = std::min(d[0], d[1]);
      sum += nearer;
      signed_sum += error > 0 ? std::sqrt(nearer) : (error < 0 ? -std::sqrt(nearer) : 0.0);
    }
    const auto cells = static_cast<double>(gene.cells);
    variance = sum / cells - square(signed_sum / cells);
  }
};

}  // namespace

double alignment_of(const std::vector<double>& t, double t_switch) {
  double induced = 0, repressed = 0, steady = 0;
  for (const double v : t) {
    if (v < t_switch) induced = std::max(induced, v);
    if (v > t_switch) repressed = std::max(repressed, v - t_switch);
    steady += v == t_switch || v == 0;
  }
  double moving = 1 - steady / static_cast<double>(t.size());
  if (moving == 0) moving = 1;
  const double total = (induced + repressed) / moving;
  return kTotalTime / (total == 0 ? 1.0 : total);
}

GeneParameters rescaled(GeneParameters p, double factor) {
  p.alpha /= factor;
  p.beta /= factor;
  p.gamma /= factor;
  p.t_switch *= factor;
  return p;
}

GeneVelocity velocity_of(const GeneReads& gene, const CellAverages& averages, const GeneParameters& p,
                         const CourseTimes& tau) {
  const std::int64_t cells = gene.cells;
  Aligned<double> scaled_u(gene.u);
  for (double& u : scaled_u) u /= p.scaling;
  const StateDistances distances(gene, p, scaled_u, tau);
  std::vector<double> smoothed(distances.squared.size());
  averages.of_four(cells, distances.squared.data(), smoothed.data());

  const double height = 1 / (6.283185307179586 * std::sqrt(distances.variance));
  std::vector<char> moving(static_cast<std::size_t>(cells));
  std::vector<double> t(static_cast<std::size_t>(cells), 0.0);
  for (std::int64_t i = 0; i < cells; ++i) {
    const double* d = smoothed.data() + 4 * i;
    const auto state = std::min_element(d, d + 4) - d;
    const bool likely = height * std::exp(-0.5 * d[state] / distances.variance) >= kLeastLikely;
    moving[i] = state < 2 && likely;
    if (moving[i]) t[i] = state == 1 ? tau.on[i] : tau.off[i] + p.t_switch;
  }
  t = averages.of(t);

  Aligned<double> padded_t(scaled_u.size(), 0.0), u(scaled_u.size()), s(scaled_u.size());
  std::copy(t.begin(), t.end(), padded_t.begin());
  splicing_kernel().switching(gene.padded(), p.induction(), p.repression(), p.t_switch, padded_t.data(),
                              u.data(), s.data());
  GeneVelocity v;
  v.s.resize(static_cast<std::size_t>(cells));
  v.u.resize(static_cast<std::size_t>(cells));
  for (std::int64_t i = 0; i < cells; ++i) {
    if (!moving[i]) continue;
    const double alpha = t[i] < p.t_switch ? p.alpha : 0.0;
    // At most all there is within one unit of time.
    v.s[i] = std::max(p.beta * u[i] - p.gamma * s[i], -gene.s[i]);
    v.u[i] = std::max((alpha - p.beta * u[i]) * p.scaling, -gene.u[i]);
  }
  return v;
}

}  // namespace fatefield
