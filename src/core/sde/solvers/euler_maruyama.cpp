// Euler-Maruyama: y1 = y + f(t, y) h + g(t, y) dW.
// G. Maruyama, "Continuous Markov processes and stochastic equations", Rend. Circ. Mat. Palermo 4 (1955).
// Ito; strong order 0.5, 1 where g does not depend on y; weak order 1; all noise types.
#include <ATen/ATen.h>

#include "sde/solvers/methods.hpp"

namespace fatefield {
namespace {

class EulerMaruyama final : public SdeSolver {
 public:
  at::Tensor step(const Sde& sde, double t, double h, const at::Tensor& y,
                  const Increment& w) const override {
    // In this order: dropout masks are numbered as they are drawn.
    const at::Tensor f = sde.drift(t, y);
    const at::Tensor g = sde.diffusion(t, y);
    return y + f * h + noise_product(sde.noise(), g, w.dW);
  }
  double strong_order(NoiseType noise) const override { return noise == NoiseType::Additive ? 1.0 : 0.5; }
  Calculus calculus() const override { return Calculus::Ito; }
  bool euler_maruyama() const override { return true; }
};

}  // namespace

std::unique_ptr<SdeSolver> make_euler_maruyama() { return std::make_unique<EulerMaruyama>(); }

}  // namespace fatefield
