// Anderson acceleration of a fixed-point iteration z = G(z): the next point is the mix of the last few whose
// linearised residuals nearly cancel. Takes points and images as vectors of one unit; gives the next point.
//
// Source: Walker and Ni, Anderson Acceleration for Fixed-Point Iterations, SIAM J. Numer. Anal. 2011.
#pragma once

#include <cstddef>
#include <vector>

namespace fatefield {
namespace ot {

class Anderson {
 public:
  /// @param weights of the entries in the norm of residuals, not negative
  explicit Anderson(std::vector<double> weights) : weights_(std::move(weights)) {}

  /// The point after z, whose image under G is `image`. Starts anew, with half a plain step, where the
  /// residual has grown.
  std::vector<double> next(const std::vector<double>& z, const std::vector<double>& image);

 private:
  double dot(const std::vector<double>& u, const std::vector<double>& v) const;
  void remember(std::vector<double> point, std::vector<double> residual);
  void forget();
  std::vector<double> solve(const std::vector<double>& residual) const;

  std::vector<double> weights_;
  std::vector<std::vector<double>> points_, residuals_;  // differences of successive ones, oldest first
  std::vector<std::vector<double>> products_;            // of residuals: row i holds those with 0 to i
  std::vector<double> last_point_, last_residual_;
  double best_ = 0.0;
};

}  // namespace ot
}  // namespace fatefield
