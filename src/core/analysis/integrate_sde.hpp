// A neural SDE dx = f(x, t) dt + g(x, t) dW as an ordinary differential equation: its drift alone, or its
// probability flow.
//
// Drift alone: dx/dt = f. The path a cell would take without noise; its ends are not spread like the cells.
//
// Probability flow: dx/dt = f - 1/(2p) div(g^2 p), under which a cloud of paths has the density p(x, t) of
// the SDE at each time (Song et al., "Score-based generative modeling through stochastic differential
// equations", ICLR 2021). p is estimated from a simulated cloud y_1 ... y_m at each of some times, by
// Gaussian kernels of width b s_i in dimension i, with s the standard deviation of the cloud. Their centres
// are drawn together by sqrt(1 - b^2), so that the estimate has the variance of the cloud (Jones, "On
// correcting for variance inflation in kernel density estimation", Comput. Stat. Data Anal. 11, 1991); b = 1
// is the normal density with independent dimensions. b is the one of eight from 1 to 0.13 under which points
// of the cloud are likeliest, each left out in turn. A twentieth of the mass is that normal density, lest the
// kernels of the outermost points push away whatever lies beyond them. The second term then is the mean over
// the kernels, weighted by their densities at x, of g(y_j)^2 (x - centre) / (2 width^2): no derivative of g
// is needed. It is interpolated linearly between times. The more dimensions the fewer points there are around
// each, and the nearer b comes to 1: branches of the cells are then seen by the drift, not by this term.
#pragma once

#include <functional>
#include <vector>

#include "analysis/integrate_dynamics.hpp"
#include "base/matrix.hpp"
#include "models/neural_sde.hpp"

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
  void evaluate(std::int64_t n, const double* t, const double* x, double* v, FieldRoom& room) const override;
  void push(std::int64_t n, const double* t, const double* x, const double* delta, double* out,
            FieldRoom& room) const override;

 private:
  /// Centres and kernels of a cloud; the last is the normal density beneath them.
  struct Kernels {
    double time;
    std::int64_t count;
    std::vector<double> centre;      ///< count x dims, rows
    std::vector<double> variance;    ///< the same of g^2
    std::vector<double> width;       ///< the same
    std::vector<double> log_weight;  ///< of the mass of each, less the logarithm of its volume
  };
  static Kernels kernels_of(const FutureCloud& cloud);
  static Kernels kernels_of(const FutureCloud& cloud, double b);
  static double likelihood(const Kernels& kernels, const Matrix& points);
  static std::vector<double> shares(const Kernels& kernels, const double* x, std::int64_t skip,
                                    double* log_density);
  void add_flow(const Kernels& k, const double* x, double weight, double* v) const;

  std::int64_t dims_;
  Drift drift_;
  double unit_;
  std::vector<Kernels> kernels_;
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
