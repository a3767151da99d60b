// Stochastic Runge-Kutta of strong order 1.5: schemes SRI2W1 (diagonal, scalar noise) and SRA1 (additive
// noise). A. Roessler, "Runge-Kutta methods for the strong approximation of solutions of stochastic
// differential equations", SIAM J. Numer. Anal. 48 (2010), tables 6.1 and 6.2. Ito; strong order 1.5; needs
// U, the integral of W - W(t). As for Milstein, diagonal noise means that entry i of g depends on entry i of
// y alone; order 0.5 otherwise.
#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "sde/solvers/methods.hpp"

namespace fatefield {
namespace {

// SRI2W1: four stages; rows of the matrices are stages.
constexpr int kStages = 4;
constexpr double kC0[4] = {0, 1, 0.5, 0};
constexpr double kC1[4] = {0, 0.25, 1, 0.25};
constexpr double kA0[4][4] = {{0}, {1}, {0.25, 0.25}, {0}};
constexpr double kA1[4][4] = {{0}, {0.25}, {1, 0}, {0, 0, 0.25}};
constexpr double kB0[4][4] = {{0}, {0}, {1, 0.5}, {0}};
constexpr double kB1[4][4] = {{0}, {-0.5}, {1, 0}, {2, -1, 0.5}};
constexpr double kAlpha[4] = {1.0 / 6, 1.0 / 6, 2.0 / 3, 0};
constexpr double kBeta1[4] = {-1, 4.0 / 3, 2.0 / 3, 0};
constexpr double kBeta2[4] = {1, -4.0 / 3, 1.0 / 3, 0};
constexpr double kBeta3[4] = {2, -4.0 / 3, -2.0 / 3, 0};
constexpr double kBeta4[4] = {-2, 5.0 / 3, -2.0 / 3, 1};

class Srk final : public SdeSolver {
 public:
  at::Tensor step(const Sde& sde, double t, double h, const at::Tensor& y,
                  const Increment& w) const override {
    require_noise("srk", sde.noise(), {NoiseType::Diagonal, NoiseType::Scalar, NoiseType::Additive});
    if (!w.U.defined())
      throw input_error("U", "The solver \"srk\" needs the integral `U` of the Brownian motion.");
    return sde.noise() == NoiseType::Additive ? additive(sde, t, h, y, w) : diagonal(sde, t, h, y, w);
  }
  bool needs_levy() const override { return true; }
  double strong_order(NoiseType) const override { return 1.5; }
  Calculus calculus() const override { return Calculus::Ito; }

 private:
  static at::Tensor diagonal(const Sde& sde, double t, double h, const at::Tensor& y, const Increment& w) {
    const double root = std::sqrt(h);
    const at::Tensor slope = w.U / h;                                          // I(1,0) / h
    const at::Tensor twice = (w.dW * w.dW - h) * (0.5 / root);                 // I(1,1) / sqrt(h)
    const at::Tensor thrice = w.dW * (w.dW * w.dW - 3.0 * h) * (1 / (6 * h));  // I(1,1,1) / h
    const bool scalar = sde.noise() == NoiseType::Scalar;
    std::vector<at::Tensor> f, g;
    at::Tensor end = y;
    for (int s = 0; s < kStages; ++s) {
      at::Tensor at_f = y, at_g = y;
      for (int j = 0; j < s; ++j) {
        if (kA0[s][j] != 0) at_f = at_f + f[j] * (kA0[s][j] * h);
        if (kB0[s][j] != 0) at_f = at_f + g[j] * slope * kB0[s][j];
        if (kA1[s][j] != 0) at_g = at_g + f[j] * (kA1[s][j] * h);
        if (kB1[s][j] != 0) at_g = at_g + g[j] * (kB1[s][j] * root);
      }
      const at::Tensor raw = sde.diffusion(t + kC1[s] * h, at_g);
      g.push_back(scalar ? raw.squeeze(2) : raw);
      end = end + g[s] * (w.dW * kBeta1[s] + twice * kBeta2[s] + slope * kBeta3[s] + thrice * kBeta4[s]);
      // The drift of the last stage has no weight.
      if (s + 1 == kStages) break;
      f.push_back(sde.drift(t + kC0[s] * h, at_f));
      end = end + f[s] * (kAlpha[s] * h);
    }
    return end;
  }

  // SRA1: two stages.
  static at::Tensor additive(const Sde& sde, double t, double h, const at::Tensor& y, const Increment& w) {
    const at::Tensor slope = w.U / h;
    const at::Tensor g_start = sde.diffusion(t, y);
    const at::Tensor g_end = sde.diffusion(t + h, y);
    const auto times = [&](const at::Tensor& g, const at::Tensor& x) {
      return noise_product(sde.noise(), g, x);
    };
    const at::Tensor f0 = sde.drift(t, y);
    const at::Tensor stage = y + f0 * (0.75 * h) + times(g_end, slope) * 1.5;
    const at::Tensor f1 = sde.drift(t + 0.75 * h, stage);
    return y + f0 * (h / 3) + f1 * (2 * h / 3) + times(g_end, w.dW - slope) + times(g_start, slope);
  }
};

}  // namespace

std::unique_ptr<SdeSolver> make_srk() { return std::make_unique<Srk>(); }

}  // namespace fatefield
