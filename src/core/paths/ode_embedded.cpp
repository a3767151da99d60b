// Two pairs of embedded methods: the higher order goes on, the lower one gives the error. The last stage lies
// at the end of the step, so its slope is the first of the next. Coefficients and sources: tableaux.cpp.
// bosh3:  order 3(2); between the ends cubic Hermite, order 3.
// dopri5: order 5(4), as torchdiffeq has it; between the ends the quartic through both ends, their slopes and
//         the middle, order 4.
#include <ATen/ATen.h>

#include "paths/ode_methods.hpp"

namespace fatefield {
namespace {

class EmbeddedSolver final : public OdeSolver {
 public:
  explicit EmbeddedSolver(const RungeKutta& method) : method_(method) {}

  int order() const override { return method_.order; }
  bool adaptive() const override { return true; }
  OdeStep step(const OdeField& f, double t, double h, const at::Tensor& y,
               const at::Tensor& slope) const override {
    OdeStep out{t, h, y, y, {slope}};
    out.to = add_stages(f, method_, 1, method_.stages, out);
    return out;
  }
  double error(const OdeStep& step, const at::Tensor& tolerance) const override {
    return rms(weighted(step.k, method_.error).detach() * step.h / tolerance);
  }

  at::Tensor between(const OdeField&, OdeStep& s, double x) const override {
    const at::Tensor rise = s.to - s.from;
    const at::Tensor bend = s.k.front() * ((1 - x) * s.h) - s.k.back() * (x * s.h) + rise * (2 * x - 1);
    const double bump = x * (1 - x);
    at::Tensor y = s.from + rise * x + bend * bump;
    if (method_.between.empty()) return y;
    // The quartic that vanishes with its slope at both ends, raised to meet the middle.
    const at::Tensor half = weighted(s.k, method_.between[0]) * s.h;
    const at::Tensor hermite_half = rise * 0.5 + (s.k.front() - s.k.back()) * (0.125 * s.h);
    return y + (half - hermite_half) * (16 * bump * bump);
  }

 private:
  const RungeKutta& method_;
};

}  // namespace

std::unique_ptr<OdeSolver> make_bosh3() { return std::make_unique<EmbeddedSolver>(rk23_method()); }
std::unique_ptr<OdeSolver> make_dopri5() { return std::make_unique<EmbeddedSolver>(dopri5_method()); }

}  // namespace fatefield
