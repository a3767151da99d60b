// Milstein: y1 = y + f h + g dW + (1/2) (Dg g) v, with v = dW^2 - h (Ito) or dW^2 (Stratonovich).
// G. N. Milstein, "Approximate integration of stochastic differential equations", Theory Probab. Appl. 19
// (1975). Derivative-free form (Platen; Kloeden and Platen 1992, 11.1): Dg g is (g(t, y') - g(t, y)) /
// sqrt(h), with y' = y + f h + g sqrt(h) (Ito) or y + g sqrt(h) (Stratonovich). Strong order 1 for diagonal
// and scalar noise; additive noise needs no correction. Diagonal noise means that entry i of g depends on
// entry i of y alone: where it depends on others too, the order is 0.5 as without the correction, since the
// areas between Brownian motions are not known.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "base/error.hpp"
#include "sde/solvers/methods.hpp"

namespace fatefield {
namespace {

// d sum(outputs * seed) / d input; zeros where the outputs do not depend on it.
at::Tensor vjp(const at::Tensor& outputs, const at::Tensor& input, const at::Tensor& seed, bool keep_graph) {
  if (!outputs.requires_grad()) return at::zeros_like(input);
  const auto grads = torch::autograd::grad({outputs}, {input}, {seed}, true, keep_graph, true);
  return grads[0].defined() ? grads[0] : at::zeros_like(input);
}

class Milstein final : public SdeSolver {
 public:
  Milstein(Calculus calculus, MilsteinDerivative derivative) : calculus_(calculus), derivative_(derivative) {}

  at::Tensor step(const Sde& sde, double t, double h, const at::Tensor& y,
                  const Increment& w) const override {
    const NoiseType noise = sde.noise();
    require_noise("milstein", noise, {NoiseType::Diagonal, NoiseType::Scalar, NoiseType::Additive});
    const at::Tensor f = sde.drift(t, y);
    const at::Tensor g = sde.diffusion(t, y);
    const at::Tensor euler = y + f * h + noise_product(noise, g, w.dW);
    if (noise == NoiseType::Additive) return euler;
    const at::Tensor square = w.dW * w.dW;
    const at::Tensor v = calculus_ == Calculus::Ito ? square - h : square;
    return euler + (by_autograd() ? exact(sde, t, y, v) : difference(sde, t, h, y, f, g, v)) * 0.5;
  }
  double strong_order(NoiseType) const override { return 1.0; }
  Calculus calculus() const override { return calculus_; }

 private:
  bool by_autograd() const {
    if (derivative_ == MilsteinDerivative::Automatic) return c10::GradMode::is_enabled();
    return derivative_ == MilsteinDerivative::Autograd;
  }

  // (Dg g) v by reverse mode: for diagonal noise the Jacobian is its own transpose; for scalar noise the
  // product is the derivative, in a dummy seed, of the transposed product.
  static at::Tensor exact(const Sde& sde, double t, const at::Tensor& y, const at::Tensor& v) {
    const bool keep_graph = c10::GradMode::is_enabled();
    const c10::AutoGradMode on(true);
    const at::Tensor at_y = y.requires_grad() ? y : y.detach().requires_grad_(true);
    const at::Tensor g = sde.diffusion(t, at_y);
    at::Tensor product;
    if (sde.noise() == NoiseType::Diagonal) {
      product = vjp(g, at_y, g * v, keep_graph);
    } else {
      const at::Tensor seed = at::zeros_like(g).requires_grad_(true);
      const at::Tensor transposed = vjp(g, at_y, seed, true);
      product = vjp(transposed, seed, g.squeeze(2), keep_graph).squeeze(2) * v;
    }
    return keep_graph ? product : product.detach();
  }

  at::Tensor difference(const Sde& sde, double t, double h, const at::Tensor& y, const at::Tensor& f,
                        const at::Tensor& g, const at::Tensor& v) const {
    const double root = std::sqrt(h);
    const at::Tensor along = sde.noise() == NoiseType::Scalar ? g.squeeze(2) : g;
    const at::Tensor moved = calculus_ == Calculus::Ito ? y + f * h + along * root : y + along * root;
    return noise_product(sde.noise(), sde.diffusion(t, moved) - g, v) / root;
  }

  Calculus calculus_;
  MilsteinDerivative derivative_;
};

}  // namespace

std::unique_ptr<SdeSolver> make_milstein(Calculus calculus, MilsteinDerivative derivative) {
  return std::make_unique<Milstein>(calculus, derivative);
}

}  // namespace fatefield
