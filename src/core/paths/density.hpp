// The density of a cloud of states by Gaussian kernels, and the velocity that noise gives it. Takes points
// (points x dims) and the variance of the noise at each; gives -div(g^2 p) / (2 p) at any state.
//
// Kernels have the width b s_i in dimension i, with s the standard deviation of the cloud. Their centres are
// drawn together by sqrt(1 - b^2), so that the density has the variance of the cloud (Jones, "On correcting
// for variance inflation in kernel density estimation", Comput. Stat. Data Anal. 11, 1991); b = 1 is the
// normal density with independent dimensions. b is the one of eight from 1 to 0.13 under which points of the
// cloud are likeliest, each left out in turn. A twentieth of the mass is that normal density, lest the
// kernels of the outermost points push away whatever lies beyond them. The velocity is the mean over the
// kernels, weighted by their densities at x, of g(y_j)^2 (x - centre) / (2 width^2): no derivative of g is
// needed. The more dimensions the fewer points there are around each, and the nearer b comes to 1.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

class CloudDensity {
 public:
  /// @param points   points x dims, at least 2
  /// @param variance g^2 at them, points x dims
  /// @param least    cloud and kernels count as at least as wide as the noise of so much time
  CloudDensity(const Matrix& points, const Matrix& variance, double least);

  /// v += weight times the velocity at x.
  void add_velocity(const double* x, double weight, double* v) const;

 private:
  CloudDensity(const Matrix& points, const Matrix& variance, double least, double width);
  /// The share of each kernel in the density at x, without kernel `skip`; log_density up to a constant.
  std::vector<double> shares(const double* x, std::int64_t skip, double* log_density) const;
  double likelihood(const Matrix& points) const;

  std::int64_t dims_;
  // Kernels in rows; the last is the normal density beneath them.
  std::vector<double> centre_, variance_, scale_, log_weight_;
};

}  // namespace fatefield
