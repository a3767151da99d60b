// Takes the parameters, the times and the cells of one gene; gives errors and the likelihood.
#include "velocity/dynamical/loss.hpp"

#include <algorithm>
#include <cmath>

namespace fatefield {

DynamicalLoss::DynamicalLoss(const GeneReads& gene)
    : gene_(gene), t_(gene.u.size(), 0.0), u_(gene.u.size()), s_(gene.u.size()) {}

SquaredError DynamicalLoss::error(const GeneParameters& p, const std::vector<double>& t, Counted counted,
                                  double ratio) {
  std::copy(t.begin(), t.end(), t_.begin());
  splicing_kernel().switching(gene_.padded(), p.induction(), p.repression(), p.t_switch, t_.data(), u_.data(),
                              s_.data());
  const double of_ratio = std::isnan(ratio) ? 0.0 : p.gamma / p.beta - ratio;
  const std::vector<char>& which = counted == Counted::Used ? gene_.used : gene_.upper;
  SquaredError e;
  for (std::size_t i = 0; i < which.size(); ++i) {
    if (!which[i]) continue;
    const double du = (u_[i] - gene_.u[i] / p.scaling) / gene_.std_u * p.scaling;
    const double ds = (s_[i] - gene_.s[i]) / gene_.std_s;
    const double dr = of_ratio * gene_.s[i] / gene_.std_s;
    const double d = du * du + ds * ds + dr * dr;
    e.n += 1;
    e.sum += d;
    e.signed_sum += ds > 0 ? std::sqrt(d) : (ds < 0 ? -std::sqrt(d) : 0.0);
  }
  return e;
}

double DynamicalLoss::likelihood(const GeneParameters& p, const std::vector<double>& t, double ratio) {
  const SquaredError e = error(p, t, Counted::Upper, ratio);
  const double n = std::max(e.n - 0.01 * static_cast<double>(gene_.cells), 2.0);
  double v = e.variance();
  if (v == 0) v = 1;
  return std::exp(-e.sum / (2 * n * v) - 0.5 * std::log(6.283185307179586 * v));
}

}  // namespace fatefield
