// A neural SDE dx = f(x, t) dt + g(x, t) dW as an ordinary differential equation: its drift alone, or its
// probability flow.
//
// Drift alone: dx/dt = f. The path a cell would take without noise; its ends are not spread like the cells.
//
// Probability flow: dx/dt = f - 1/(2p) div(g^2 p), under which a cloud of paths has the density p(x, t) of
// the SDE at each time (Song et al., "Score-based generative modeling through stochastic differential
// equations", ICLR 2021). p is that of a simulated cloud at each of some times (paths/density.hpp); the
// second term is interpolated linearly between them. The more dimensions, the nearer p to a normal density:
// branches of the cells are then seen by the drift, not by this term. The cloud
// and its kernels count as at least as wide as the noise of one interval between these times: a cloud of one
// point would start at infinite speed.
#pragma once

#include <functional>
#include <vector>

#include "base/matrix.hpp"
#include "paths/density.hpp"
#include "paths/dynamics.hpp"
#include "sde/model/neural_sde.hpp"

namespace fatefield {

/// A simulated cloud at one time.
struct FutureCloud {
  double time = 0.0;
  Matrix states;    ///< points x dims
  Matrix variance;  ///< g^2 at them, points x dims
};

class SdeDynamics final : public Dynamics {
 public:
  /// Drift of rows of states, each at its own time.
  using Drift = std::function<Matrix(const MatrixView& x, const std::vector<double>& t)>;

  /// @param unit   a length over which f changes little: that of the differences that stand for derivatives
  /// @param clouds at increasing times; empty: the drift alone
  SdeDynamics(std::int64_t dims, Drift drift, double unit, std::vector<FutureCloud> clouds = {});

  std::int64_t dims() const override { return dims_; }
  bool wants_all_rows() const override { return true; }
  void evaluate(std::int64_t n, const double* t, const double* x, double* v,
                FieldWorkspace& workspace) const override;
  void jvp(std::int64_t n, const double* t, const double* x, const double* delta, double* out,
           FieldWorkspace& workspace) const override;

 private:
  struct Known {
    double time;
    CloudDensity density;
  };

  std::int64_t dims_;
  Drift drift_;
  double unit_;
  std::vector<Known> clouds_;
};

/// The drift alone. The model must outlive what is given.
SdeDynamics drift_dynamics(const NeuralSde& model);

struct FlowRequest {
  MatrixView population;  ///< cells at the start of the clock: the cloud begins as they are
  double start = 0.0;     ///< of the clock
  double end = 1.0;
  std::int64_t points = 2000;  ///< of the cloud
  std::int64_t clouds = 41;    ///< times at which it is known
  std::uint64_t seed = 42;
};

/// The probability flow. Errors of kind Input name `path` for noise that is not diagonal.
SdeDynamics flow_dynamics(const NeuralSde& model, const FlowRequest& request, const KeepGoing& keep_going);

}  // namespace fatefield
