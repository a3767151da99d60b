// Methods of fixed steps. Coefficients and sources: tableaux.cpp.
#include <ATen/ATen.h>

#include "paths/ode_methods.hpp"

namespace fatefield {
namespace {

class FixedSolver final : public OdeSolver {
 public:
  explicit FixedSolver(const RungeKutta& method) : method_(method) {}

  int order() const override { return method_.order; }
  OdeStep step(const OdeField& f, double t, double h, const at::Tensor& y,
               const at::Tensor& slope) const override {
    OdeStep out{t, h, y, y, {slope}};
    add_stages(f, method_, 1, method_.stages, out);
    out.to = y + weighted(out.k, method_.weights) * h;
    return out;
  }

 private:
  const RungeKutta& method_;
};

}  // namespace

std::unique_ptr<OdeSolver> make_ode_euler() { return std::make_unique<FixedSolver>(euler_method()); }
std::unique_ptr<OdeSolver> make_ode_midpoint() { return std::make_unique<FixedSolver>(midpoint_method()); }
std::unique_ptr<OdeSolver> make_ode_rk4() { return std::make_unique<FixedSolver>(rk4_method()); }

}  // namespace fatefield
