// Two pairs of embedded methods: the higher order goes on, the lower one gives the error. The last stage lies
// at the end of the step, so its slope is the first of the next. bosh3:  order 3(2), 4 stages. P. Bogacki, L.
// F. Shampine, "A 3(2) pair of Runge-Kutta formulas", Appl. Math.
//         Lett. 2 (1989). Between the ends: cubic Hermite, order 3.
// dopri5: order 5(4), 7 stages. J. R. Dormand, P. J. Prince, "A family of embedded Runge-Kutta formulae", J.
//         Comput. Appl. Math. 6 (1980), with the companion of order 4 of L. F. Shampine, "Some practical
//         Runge-Kutta formulas", Math. Comput. 46 (1986), as torchdiffeq has it. Between the ends: the
//         quartic of the same paper through both ends, their slopes and the middle, order 4.
#include <ATen/ATen.h>

#include "solvers/ode_methods.hpp"

namespace fatefield {
namespace {

class EmbeddedSolver : public OdeSolver {
 public:
  EmbeddedSolver(int order, Tableau tableau, std::vector<double> error)
      : order_(order), tableau_(std::move(tableau)), error_(std::move(error)) {}

  int order() const override { return order_; }
  bool adaptive() const override { return true; }
  OdeStep step(const OdeField& f, double t, double h, const at::Tensor& y,
               const at::Tensor& slope) const override {
    OdeStep out{t, h, y, y, {slope}};
    out.to = add_stages(f, tableau_, 1, tableau_.c.size(), out);
    return out;
  }
  double error(const OdeStep& step, const at::Tensor& tolerance) const override {
    return rms(weighted(step.k, error_).detach() * step.h / tolerance);
  }

 private:
  int order_;
  Tableau tableau_;
  std::vector<double> error_;  // weights of the method less those of its companion
};

class Bosh3 final : public EmbeddedSolver {
 public:
  Bosh3()
      : EmbeddedSolver(3, {{0, 0.5, 0.75, 1}, {{}, {0.5}, {0, 0.75}, {2.0 / 9, 1.0 / 3, 4.0 / 9}}},
                       {2.0 / 9 - 7.0 / 24, 1.0 / 3 - 1.0 / 4, 4.0 / 9 - 1.0 / 3, -1.0 / 8}) {}

  at::Tensor between(const OdeField&, OdeStep& s, double x) const override {
    const at::Tensor rise = s.to - s.from;
    const at::Tensor bend = s.k.front() * ((1 - x) * s.h) - s.k.back() * (x * s.h) + rise * (2 * x - 1);
    return s.from + rise * x + bend * (x * (1 - x));
  }
};

class Dopri5 final : public EmbeddedSolver {
 public:
  Dopri5()
      : EmbeddedSolver(
            5,
            {{0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1},
             {{},
              {1.0 / 5},
              {3.0 / 40, 9.0 / 40},
              {44.0 / 45, -56.0 / 15, 32.0 / 9},
              {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
              {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
              {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}}},
            {35.0 / 384 - 1951.0 / 21600, 0, 500.0 / 1113 - 22642.0 / 50085, 125.0 / 192 - 451.0 / 720,
             -2187.0 / 6784 + 12231.0 / 42400, 11.0 / 84 - 649.0 / 6300, -1.0 / 60}) {}

  at::Tensor between(const OdeField&, OdeStep& s, double x) const override {
    static const std::vector<double> middle = {
        0.5 * 6025192743.0 / 30085553152.0,     0,
        0.5 * 51252292925.0 / 65400821598.0,    -0.5 * 2691868925.0 / 45128329728.0,
        0.5 * 187940372067.0 / 1594534317056.0, -0.5 * 1776094331.0 / 19743644256.0,
        0.5 * 11237099.0 / 235043384.0};
    const at::Tensor rise = s.to - s.from;
    const at::Tensor half = weighted(s.k, middle) * s.h;
    // Cubic Hermite, and the quartic that vanishes with its slope at both ends, raised to meet the middle.
    const at::Tensor bend = s.k.front() * ((1 - x) * s.h) - s.k.back() * (x * s.h) + rise * (2 * x - 1);
    const at::Tensor hermite_half = rise * 0.5 + (s.k.front() - s.k.back()) * (0.125 * s.h);
    const double bump = x * (1 - x);
    return s.from + rise * x + bend * bump + (half - hermite_half) * (16 * bump * bump);
  }
};

}  // namespace

std::unique_ptr<OdeSolver> make_bosh3() { return std::make_unique<Bosh3>(); }
std::unique_ptr<OdeSolver> make_dopri5() { return std::make_unique<Dopri5>(); }

}  // namespace fatefield
