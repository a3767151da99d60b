// The landscape on which simulated cells differentiate: takes a state z, gives the potential V there and what
// follows from it. A state has `dims` = n_fates coordinates: z[0] is progress x, the others, y, tell the
// fates apart. With a = 1.5, L = 2, T = 0.9 / (n_fates - 1), u_k the corners of a regular simplex at
// distance 1 and the gate c(x) = 1 / (1 + exp(-(x - 1) / 0.12)),
//   V(x, y) = speed * { (x - L)^2 / 2 + |y|^2 / 2 - T log( mean_k exp(c(x) a u_k . y / T) ) }.
// Before the gate y is pulled to 0; behind it 0 is unstable at one and a half times the speed, and y goes to
// a corner a u_k.
#pragma once

#include <cstdint>
#include <vector>

#include "base/simulation_options.hpp"

namespace fatefield {

/// What the landscape says at one point.
struct LandscapePoint {
  double potential = 0;        ///< V, per day
  double diffusion = 0;        ///< g: noise per square root of a day, the same in every direction
  double growth = 0;           ///< net rate of division per day
  std::vector<double> drift;   ///< -grad V, `dims` numbers, per day
  std::vector<double> shares;  ///< how far the cell is each fate's, n_fates numbers that sum to 1
};

/// dz = -grad V(z) dt + g(z) dW in the sense of Ito; g falls from `noise` to half of it with commitment.
class Landscape {
 public:
  /// Errors of kind Input: n_fates outside 2..26, options out of range, `growth` of another length.
  Landscape(std::int64_t n_fates, const DifferentiationOptions& options);

  std::int64_t n_fates() const { return n_fates_; }
  std::int64_t dims() const { return n_fates_; }
  /// True where growth() is zero everywhere.
  bool still() const;
  /// u_k: dims() - 1 numbers.
  const double* corner(std::int64_t k) const { return corners_.data() + k * (n_fates_ - 1); }
  /// Where fate k comes to rest without noise, but for the faint pull of the other corners: (L, a u_k).
  std::vector<double> attractor(std::int64_t k) const;
  /// Everything at z (dims() numbers); `out` keeps its memory between calls.
  void at(const double* z, LandscapePoint& out) const;
  /// The fate whose corner is nearest to z.
  std::int64_t nearest_fate(const double* z) const;
  /// -1 for an uncommitted cell, else the fate that has more than 0.9 of the shares.
  static std::int64_t state(const LandscapePoint& point);

 private:
  std::int64_t n_fates_;
  double speed_, noise_, temperature_;
  std::vector<double> growth_;   // one per fate
  std::vector<double> corners_;  // n_fates x (n_fates - 1), rows first
};

}  // namespace fatefield
