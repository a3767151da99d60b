// Methods of fixed steps; k0 = f(t, y).
// euler:    y1 = y + h k0. L. Euler, "Institutiones calculi integralis" (1768). Order 1.
// midpoint: y1 = y + h f(t + h/2, y + h k0 / 2). C. Runge, Math. Ann. 46 (1895). Order 2.
// rk4:      the 3/8 rule: k1 at t + h/3 from y + h k0 / 3; k2 at t + 2h/3 from y + h (k1 - k0 / 3); k3 at t +
// h
//           from y + h (k0 - k1 + k2); y1 = y + h (k0 + 3 k1 + 3 k2 + k3) / 8. W. Kutta, Z. Math. Phys. 46
//           (1901). Order 4, with smaller error terms than the better known rule; also torchdiffeq's "rk4".
#include <ATen/ATen.h>

#include "solvers/ode_methods.hpp"

namespace fatefield {
namespace {

class FixedSolver final : public OdeSolver {
 public:
  FixedSolver(int order, Tableau tableau, std::vector<double> weights)
      : order_(order), tableau_(std::move(tableau)), weights_(std::move(weights)) {}

  int order() const override { return order_; }
  OdeStep step(const OdeField& f, double t, double h, const at::Tensor& y,
               const at::Tensor& slope) const override {
    OdeStep out{t, h, y, y, {slope}};
    add_stages(f, tableau_, 1, tableau_.c.size(), out);
    out.to = y + weighted(out.k, weights_) * h;
    return out;
  }

 private:
  int order_;
  Tableau tableau_;
  std::vector<double> weights_;
};

}  // namespace

std::unique_ptr<OdeSolver> make_ode_euler() {
  return std::make_unique<FixedSolver>(1, Tableau{{0}, {{}}}, std::vector<double>{1});
}

std::unique_ptr<OdeSolver> make_ode_midpoint() {
  return std::make_unique<FixedSolver>(2, Tableau{{0, 0.5}, {{}, {0.5}}}, std::vector<double>{0, 1});
}

std::unique_ptr<OdeSolver> make_ode_rk4() {
  const double third = 1.0 / 3;
  return std::make_unique<FixedSolver>(
      4, Tableau{{0, third, 2 * third, 1}, {{}, {third}, {-third, 1}, {1, -1, 1}}},
      std::vector<double>{0.125, 0.375, 0.375, 0.125});
}

}  // namespace fatefield
