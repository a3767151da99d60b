// Three predictor methods that converge to the Stratonovich integral.
// heun:       y' = y + f h + g dW;      y1 = y + (f + f') h / 2 + (g + g') dW / 2
// euler_heun: y' = y + g dW;            y1 = y + f h + (g + g') dW / 2
// midpoint:   y' = y + (f h + g dW)/2;  y1 = y + f' h + g' dW, with f', g' at t + h/2
// W. Ruemelin, "Numerical treatment of stochastic differential equations", SIAM J. Numer. Anal. 19 (1982),
// and Kloeden and Platen (1992), chapter 15. Strong order 1 for diagonal, scalar and additive noise (which
// commute), 0.5 for general noise; all noise types.
#include <ATen/ATen.h>

#include "sde/solvers/methods.hpp"

namespace fatefield {
namespace {

class StratonovichSolver : public SdeSolver {
 public:
  double strong_order(NoiseType noise) const override { return noise == NoiseType::General ? 0.5 : 1.0; }
  Calculus calculus() const override { return Calculus::Stratonovich; }
};

class Heun final : public StratonovichSolver {
 public:
  at::Tensor step(const Sde& sde, double t, double h, const at::Tensor& y,
                  const Increment& w) const override {
    const at::Tensor f = sde.drift(t, y);
    const at::Tensor noise = noise_product(sde.noise(), sde.diffusion(t, y), w.dW);
    const at::Tensor guess = y + f * h + noise;
    const at::Tensor noise_guess = noise_product(sde.noise(), sde.diffusion(t + h, guess), w.dW);
    return y + (f + sde.drift(t + h, guess)) * (0.5 * h) + (noise + noise_guess) * 0.5;
  }
};

class EulerHeun final : public StratonovichSolver {
 public:
  at::Tensor step(const Sde& sde, double t, double h, const at::Tensor& y,
                  const Increment& w) const override {
    const at::Tensor noise = noise_product(sde.noise(), sde.diffusion(t, y), w.dW);
    const at::Tensor noise_guess = noise_product(sde.noise(), sde.diffusion(t + h, y + noise), w.dW);
    return y + sde.drift(t, y) * h + (noise + noise_guess) * 0.5;
  }
};

class Midpoint final : public StratonovichSolver {
 public:
  at::Tensor step(const Sde& sde, double t, double h, const at::Tensor& y,
                  const Increment& w) const override {
    const double middle = t + 0.5 * h;
    const at::Tensor noise = noise_product(sde.noise(), sde.diffusion(t, y), w.dW);
    const at::Tensor guess = y + (sde.drift(t, y) * h + noise) * 0.5;
    return y + sde.drift(middle, guess) * h + noise_product(sde.noise(), sde.diffusion(middle, guess), w.dW);
  }
};

}  // namespace

std::unique_ptr<SdeSolver> make_heun() { return std::make_unique<Heun>(); }
std::unique_ptr<SdeSolver> make_euler_heun() { return std::make_unique<EulerHeun>(); }
std::unique_ptr<SdeSolver> make_midpoint() { return std::make_unique<Midpoint>(); }

}  // namespace fatefield
