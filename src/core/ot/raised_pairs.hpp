// Pairs of a plan that something besides distance speaks for, such as a clone that both cells belong to:
// their entries of the kernel exp(-C / eps) are multiplied by 1 + m. Takes two clouds and the pairs, few of
// all; adds to softmins what the pairs have beyond their distance.
#pragma once

#include <cstdint>
#include <vector>

#include "ot/sinkhorn.hpp"

namespace fatefield {
namespace ot {

/// Sorted by rows. Empty: no pair is raised.
struct RaisedPairs {
  std::vector<std::int64_t> begin;   ///< rows + 1: where the pairs of each row begin
  std::vector<std::int32_t> column;  ///< of each pair
  std::vector<double> log_more;      ///< of each pair: log m

  bool empty() const { return column.empty(); }
};

/// The raised pairs of two clouds at p = 2.
class Raising {
 public:
  Raising() = default;
  /// @param log_a,log_b of the weights of x and y
  template <typename T>
  Raising(const RaisedPairs& pairs, const Cloud<T>& x, const Cloud<T>& y, std::vector<double> log_a,
          std::vector<double> log_b);

  /// From softmins over unraised pairs, those with them; arguments as of Interaction::softmin().
  void raise(double eps, const std::vector<double>& f, const std::vector<double>& g,
             std::vector<double>& f_new, std::vector<double>& g_new) const;

 private:
  RaisedPairs pairs_;
  std::vector<double> cost_, log_a_, log_b_;
};

}  // namespace ot
}  // namespace fatefield
