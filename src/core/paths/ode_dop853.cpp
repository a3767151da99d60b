// Order 8(5,3): the error joins estimates of order 5 and 3, e = h e5^2 / sqrt(e5^2 + e3^2 / 100); between the
// ends a polynomial of degree 7, for which 3 stages are added. Coefficients and sources: tableaux.cpp.
#include <ATen/ATen.h>

#include <cmath>

#include "paths/ode_methods.hpp"

namespace fatefield {
namespace {

class Dop853 final : public OdeSolver {
 public:
  int order() const override { return table().order; }
  bool adaptive() const override { return true; }

  OdeStep step(const OdeField& f, double t, double h, const at::Tensor& y,
               const at::Tensor& slope) const override {
    OdeStep out{t, h, y, y, {slope}};
    out.to = add_stages(f, table(), 1, table().stages, out);
    return out;
  }

  double error(const OdeStep& step, const at::Tensor& tolerance) const override {
    const double e5 = rms(weighted(step.k, table().error).detach() / tolerance);
    const double e3 = rms(weighted(step.k, table().error_low).detach() / tolerance);
    if (e5 == 0 && e3 == 0) return 0;
    return std::abs(step.h) * e5 * e5 / std::sqrt(e5 * e5 + 0.01 * e3 * e3);
  }

  at::Tensor between(const OdeField& f, OdeStep& s, double x) const override {
    if (s.k.size() == table().stages) add_stages(f, table(), table().stages, table().a.size(), s);
    const std::vector<std::vector<double>>& d = table().between;
    const at::Tensor rise = s.to - s.from;
    const at::Tensor start = s.k[0] * s.h - rise;
    const at::Tensor end = rise - s.k[12] * s.h - start;
    at::Tensor y = weighted(s.k, d[3]) * (s.h * x);
    // Nested from the highest degree: factors x and 1 - x in turn.
    y = (y + weighted(s.k, d[2]) * s.h) * (1 - x);
    y = (y + weighted(s.k, d[1]) * s.h) * x;
    y = (y + weighted(s.k, d[0]) * s.h) * (1 - x);
    y = (y + end) * x;
    y = (y + start) * (1 - x);
    return s.from + (y + rise) * x;
  }

 private:
  static const RungeKutta& table() { return dop853_method(); }
};

}  // namespace

std::unique_ptr<OdeSolver> make_dop853() { return std::make_unique<Dop853>(); }

}  // namespace fatefield
