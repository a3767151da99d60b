// Two clouds and the cost between them: the sums over all pairs of points that Sinkhorn's iterations and
// plans need, in tiles, so that memory stays at a few vectors of length n and m.
//
// The cost is C_ij = |x_i - y_j|^2 / 2 for p = 2 and |x_i - y_j| for p = 1. Potentials, weights and results
// are doubles; pairs are worked on in T.
#pragma once

#include <cstdint>
#include <vector>

#include "ot/sinkhorn.hpp"

namespace fatefield {
namespace ot {

template <typename T>
class Interaction {
 public:
  /// The clouds' points must outlive this object.
  /// @param a,b weights, n and m, not negative
  Interaction(const Cloud<T>& x, std::vector<double> a, const Cloud<T>& y, std::vector<double> b,
              std::int64_t p);
  /// A cloud with itself: both sides of every pair are the same points, and g is f throughout.
  Interaction(const Cloud<T>& x, std::vector<double> a, std::int64_t p);

  bool self() const { return self_; }

  /// Both softmins at temperature eps from the potentials f (n) and g (m):
  ///   f_new_i = -eps log sum_j b_j exp((g_j - C_ij) / eps)
  ///   g_new_j = -eps log sum_i a_i exp((f_i - C_ij) / eps)
  /// With itself only f is read and only f_new written, from g = f.
  void softmin(double eps, const std::vector<double>& f, const std::vector<double>& g,
               std::vector<double>& f_new, std::vector<double>& g_new) const;

  /// What the conditional plan pi_ij = b_j exp((f_i + g_j - C_ij) / eps) does; f must be the softmin of g, so
  /// that rows sum to one.
  /// @param direction n x dims: sum_j pi_ij dC_ij/dx_i; nullptr where it is not needed
  /// @param columns   m: sum_i mass_i pi_ij
  void conditional(double eps, const std::vector<double>& f, const std::vector<double>& g,
                   const std::vector<double>& mass, std::vector<double>* direction,
                   std::vector<double>& columns) const;

 private:
  void softmin_rows(const Cloud<T>& x, const Cloud<T>& y, const std::vector<double>& b, double eps,
                    const std::vector<double>& g, std::vector<double>& out) const;

  Cloud<T> x_, y_;
  std::vector<double> a_, b_;
  std::int64_t p_;
  bool self_;
};

}  // namespace ot
}  // namespace fatefield
