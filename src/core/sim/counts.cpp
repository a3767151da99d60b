// Takes a run of uniforms and the parameters; gives gamma, Poisson and negative binomial numbers.
#include "sim/counts.hpp"

#include <cmath>

#include "base/rng.hpp"

namespace fatefield {
namespace {

constexpr double kTwoPi = 6.283185307179586476925286766559;

// log k!: Stirling's series beyond 10, where its error is below 1e-10. std::lgamma writes a global, which
// threads would share.
double log_factorial(double k) {
  if (k < 10) {
    double product = 1;
    for (double i = 2; i <= k; ++i) product *= i;
    return std::log(product);
  }
  const double r = 1 / (k * k);
  return (k + 0.5) * std::log(k) - k + 0.91893853320467274178 +
         (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r / 1680))) / k;
}

// Adds up probabilities until they pass one uniform; exact and quick for small means.
double poisson_by_inversion(double mean, Uniforms& u) {
  double left = u.next();
  double probability = std::exp(-mean);
  double k = 0;
  while (left > probability && probability > 0) {
    left -= probability;
    k += 1;
    probability *= mean / k;
  }
  return k;
}

double poisson_by_rejection(double mean, Uniforms& u) {
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  while (true) {
    const double x = u.next() - 0.5;
    const double v = u.next();
    const double us = 0.5 - std::abs(x);
    const double k = std::floor((2 * a / us + b) * x + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const double bound = std::log(v * inverse_alpha / (a / (us * us) + b));
    if (bound <= k * std::log(mean) - mean - log_factorial(k)) return k;
  }
}

}  // namespace

double Uniforms::next() { return uniform(seed_, Stream::Simulator, id_, draw_++); }

double Uniforms::normal() {
  const double radius = std::sqrt(-2.0 * std::log(next()));
  return radius * std::cos(kTwoPi * next());
}

double draw_gamma(double shape, Uniforms& u) {
  if (shape < 1) {
    const double boosted = draw_gamma(shape + 1, u);
    return boosted * std::pow(u.next(), 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = u.normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(u.next()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double draw_poisson(double mean, Uniforms& u) {
  if (!(mean > 0)) return 0;
  return mean < 10 ? poisson_by_inversion(mean, u) : poisson_by_rejection(mean, u);
}

double draw_negative_binomial(double mean, double dispersion, Uniforms& u) {
  if (!(mean > 0)) return 0;
  // A dispersion too small for its inverse is none.
  if (!(dispersion > 0) || !std::isfinite(1 / dispersion)) return draw_poisson(mean, u);
  return draw_poisson(mean * dispersion * draw_gamma(1 / dispersion, u), u);
}

}  // namespace fatefield
