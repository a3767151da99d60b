// Two clouds and the cost between them: the sums over all pairs of points that Sinkhorn's iterations and
// plans need, in tiles, so that memory stays at a few vectors of length n and m.
//
// The cost is C_ij = |x_i - y_j|^2 / 2 for p = 2 and |x_i - y_j| for p = 1. Potentials, weights and results
// are doubles; pairs are worked on in T.
//
// One exponential serves both softmins: with e_ij = a_i b_j exp((f_i + g_j - C_ij) / eps),
//   -eps log sum_j b_j exp((g_j - C_ij) / eps) = f_i - eps log(sum_j e_ij / a_i)
// and likewise for columns, so a pass over the pairs costs one exponential each, and for a cloud with itself
// half of one. Where the sum of a row or column leaves the range of T, that row is done anew with its maximum
// subtracted.
#pragma once

#include <cstdint>
#include <vector>

#include "ot/sinkhorn.hpp"
#include "ot/tile.hpp"

namespace fatefield {
namespace ot {

template <typename T>
class Interaction {
 public:
  /// Copies the points.
  /// @param a,b weights, n and m, not negative
  Interaction(const Cloud<T>& x, const std::vector<double>& a, const Cloud<T>& y,
              const std::vector<double>& b, std::int64_t p);
  /// A cloud with itself: both sides of every pair are the same points, and g is f throughout.
  Interaction(const Cloud<T>& x, const std::vector<double>& a, std::int64_t p);

  /// Lets up to this many bytes hold what passes over the pairs have in common. 0 frees them.
  void keep(std::size_t bytes);

  bool self() const { return self_; }

  /// Both softmins at temperature eps from the potentials f (n) and g (m):
  ///   f_new_i = -eps log sum_j b_j exp((g_j - C_ij) / eps)
  ///   g_new_j = -eps log sum_i a_i exp((f_i - C_ij) / eps)
  /// With itself only f is read and only f_new written, from g = f.
  void softmin(double eps, const std::vector<double>& f, const std::vector<double>& g,
               std::vector<double>& f_new, std::vector<double>& g_new);

  /// What the conditional plan pi_ij = b_j exp((f_i + g_j - C_ij) / eps) does; f must be the softmin of g, so
  /// that rows sum to one.
  /// @param direction n x dims: sum_j pi_ij dC_ij/dx_i; nullptr where it is not needed
  /// @param columns   m: sum_i mass_i pi_ij
  void conditional(double eps, const std::vector<double>& f, const std::vector<double>& g,
                   const std::vector<double>& mass, std::vector<double>* direction,
                   std::vector<double>& columns) const;

 private:
  // Points of one cloud as rows and as panels of columns, around a common centre.
  struct Side {
    std::int64_t n = 0;
    Aligned<T> rows;    // n x dims, and zeros up to whole panels and a vector beyond
    Aligned<T> panels;  // see Tile
    std::vector<double> half_squares;
    std::vector<double> log_weights;  // natural; kNothing for zero
  };
  // Exponents of one side in T, and what rounding took from them, as factors.
  struct Exponents {
    Aligned<T> value;   // padded to panels
    Aligned<T> factor;  // 2^(lost), zero in the padding
  };

  void prepare(Side& side, const Cloud<T>& cloud, const std::vector<double>& weights,
               const std::vector<double>& centre) const;
  double inverse(double eps) const;
  std::vector<double> raw_exponents(const Side& side, const std::vector<double>& potential, double inverse,
                                    bool weighted) const;
  void round_exponents(const std::vector<double>& u, const std::vector<double>& v, Exponents& rows,
                       Exponents& columns) const;
  T* kept_by(std::int64_t block) const;
  Tile<T> tile(const Side& rows, const Exponents& u, std::int64_t from, std::int64_t to, const Side& columns,
               const Exponents& v, std::int64_t first_column, double inverse) const;
  void pass(double inverse, std::vector<double>& rows, std::vector<double>& columns);
  void redo(const Side& rows, const Side& columns, double inverse, const std::vector<double>& f,
            const std::vector<double>& g, const std::vector<std::int64_t>& which,
            std::vector<double>& out) const;

  std::int64_t dims_, p_;
  bool self_;
  Form form_;
  Side x_, y_;
  Exponents u_, v_;
  Aligned<T> partial_;
  Workspace<T> kept_;                     // z of the pairs of the first blocks, see Tile
  std::vector<std::size_t> kept_starts_;  // of these blocks
  bool filled_ = false;
};

}  // namespace ot
}  // namespace fatefield
