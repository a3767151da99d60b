// Ordinary differential equations dy/dt = f(t, y) on clouds of points. Takes y: n x d tensors of any floating
// type; gives the states at output times, forward or backward, differentiable by autograd in y and in
// whatever f depends on. All points share each step, and an adaptive step is chosen by the root mean square
// error over all n x d entries: an adaptive result therefore depends, within its tolerance, on the points
// solved with it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/options.hpp"

namespace fatefield {

/// f(t, y): n x d
using OdeField = std::function<at::Tensor(double, const at::Tensor&)>;

/// One step from (t, from) to (t + h, to).
struct OdeStep {
  double t, h;
  at::Tensor from, to;
  std::vector<at::Tensor> k;  ///< f at the stages; the first is f(t, from)
};

class OdeSolver {
 public:
  virtual ~OdeSolver();
  /// Global error = O(h^order).
  virtual int order() const = 0;
  /// A step whose first slope f(t, y) is known. h may be negative.
  virtual OdeStep step(const OdeField& f, double t, double h, const at::Tensor& y,
                       const at::Tensor& slope) const = 0;
  /// True where error(), between() and the slope at the end, the last of OdeStep::k, are to be had.
  virtual bool adaptive() const { return false; }
  /// Root mean square of the estimated error of the step over `tolerance` (n x d).
  virtual double error(const OdeStep& step, const at::Tensor& tolerance) const;
  /// The state at t + x h, x in (0, 1); stages that this needs beside those of the step are added to it.
  virtual at::Tensor between(const OdeField& f, OdeStep& step, double x) const;
};

/// By the names in OdeOptions::solver; any other is an input_error("solver").
std::unique_ptr<OdeSolver> make_ode_solver(const std::string& name);

struct OdeResult {
  std::vector<at::Tensor> states;  ///< one per output time, the first being the start itself
  std::int64_t evaluations = 0;    ///< of f
  std::int64_t steps = 0;          ///< accepted
  std::int64_t rejected = 0;
};

/// Runs from y0 at times[0] through all times, which increase or decrease strictly.
/// Adaptive: error control and first step of Hairer, Noersett, Wanner, "Solving ordinary differential
/// equations I" (1993), II.4, with safety 0.9 and factors from 0.2 to 10; output times are interpolated, so
/// that they do not shorten steps. Errors: Input names `solver`, `times`, `dt`, `rtol`, `atol`, `first.step`,
/// `max.steps`; Numeric where the field is not finite, the step vanishes, or max_steps are used up.
OdeResult integrate_ode(const OdeField& f, const std::vector<double>& times, const at::Tensor& y0,
                        const OdeOptions& options);

}  // namespace fatefield
