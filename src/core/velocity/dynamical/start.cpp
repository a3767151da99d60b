// Takes the cells of one gene; gives first parameters. Constants as in scVelo (Bergen et al. 2020, Methods,
// "Parameter initialization").
#include "velocity/dynamical/start.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/quantile.hpp"

namespace fatefield {
namespace {

constexpr int kGridPoints = 30;
// The density is cut where it is least among these grid points.
constexpr int kCutFirst = 13, kCutPoints = 4;

struct Gathering {
  double p_value, level;
};

double mean_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

// Gaussian kernel density with Scott's bandwidth n^(-1/5) sd at the grid points.
std::vector<double> density(const std::vector<double>& x, const std::vector<double>& grid) {
  const auto n = static_cast<double>(x.size());
  const double mean = mean_of(x);
  double squares = 0;
  for (const double v : x) squares += (v - mean) * (v - mean);
  const double variance = squares / (n - 1) * std::pow(n, -0.4);
  std::vector<double> out;
  for (const double at : grid) {
    double sum = 0;
    for (const double v : x) sum += std::exp(-(v - at) * (v - at) / (2 * variance));
    out.push_back(sum / (n * std::sqrt(6.283185307179586 * variance)));
  }
  return out;
}

// Does the upper half hold a peak, and where?
Gathering gathering(const std::vector<double>& x) {
  const double low = *std::min_element(x.begin(), x.end());
  const double near_top = quantile(x, 0.999);
  const double high = near_top <= low ? near_top : *std::max_element(x.begin(), x.end());
  std::vector<double> grid(kGridPoints);
  for (int k = 0; k < kGridPoints; ++k) grid[k] = low + k * ((high - low) / (kGridPoints - 1));
  grid.back() = high;
  const std::vector<double> d = density(x, grid);
  const double mean = mean_of(d);
  double squares = 0;
  for (const double v : d) squares += (v - mean) * (v - mean);
  const double error = std::sqrt(squares / kGridPoints) / std::sqrt(double{kGridPoints});

  const auto cut = std::min_element(d.begin() + kCutFirst, d.begin() + kCutFirst + kCutPoints);
  const auto peak = std::max_element(cut, d.end());
  // The floor of 1 is the original's; it makes the test depend on the units of x.
  const double statistic = (*peak - mean_of({cut, d.end()})) / std::max(error, 1.0);
  const auto at = static_cast<std::size_t>(peak - d.begin());
  const double next = grid[std::min<std::size_t>(at + 1, kGridPoints - 1)];
  return {0.5 * std::erfc(statistic / std::sqrt(2.0)), (grid[at] + next) / 2};
}

// Of the cells with the highest u or s: means and the regression of u on s through the origin.
struct Extremes {
  double u = 0, s = 0, slope = 0;

  Extremes(const std::vector<double>& us, const std::vector<double>& ss) {
    constexpr double kExtreme = 0.98;
    const double most_u = quantile(us, kExtreme), most_s = quantile(ss, kExtreme);
    double n_any = 0, n_s = 0, products = 0, squares = 0;
    for (std::size_t i = 0; i < us.size(); ++i) {
      if (us[i] >= most_u || ss[i] >= most_s) {
        u += us[i];
        ++n_any;
      }
      if (ss[i] < most_s) continue;
      s += ss[i];
      products += us[i] * ss[i];
      squares += ss[i] * ss[i];
      ++n_s;
    }
    u /= n_any;
    s /= n_s;
    slope = products / squares;
  }
};

}  // namespace

GeneStart start_of(const GeneReads& gene) {
  GeneStart out;
  GeneParameters& p = out.parameters;
  p.scaling = gene.std_u / gene.std_s;
  std::vector<double> u, s;
  for (std::int64_t i = 0; i < gene.cells; ++i) {
    if (!gene.used[i]) continue;
    u.push_back(gene.u[i] / p.scaling);
    s.push_back(gene.s[i]);
  }
  const Extremes top(u, s);
  p.beta = 1;
  p.gamma = top.slope + 1e-6;
  // Extreme ratios start nearer to the others.
  if (p.gamma < 0.05 / p.scaling) {
    p.gamma *= 1.2;
  } else if (p.gamma > 1.5 / p.scaling) {
    p.gamma /= 1.2;
  }
  p.alpha = top.u;
  SplicingState end{top.u, top.s};

  const Gathering of_u = gathering(u), of_s = gathering(s);
  out.p_steady = std::max(of_u.p_value, of_s.p_value);
  out.steady = {of_u.level, of_s.level};
  if (out.p_steady < 1e-3) {
    end.u = (end.u + out.steady.u) / 2;
    p.alpha = p.gamma * end.s;
    p.beta = p.alpha / end.u;
  }
  p.t_switch = splicing_time(p.induction(), end);
  return out;
}

}  // namespace fatefield
