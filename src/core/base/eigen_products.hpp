// Products of tall matrices on all threads, a block of columns of the result at a time: the same bytes on any
// number of them. Callers hold Eigen at one thread (base/eigen_threads.hpp).
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>

#include "base/threads.hpp"

namespace fatefield {

/// a' diag(weights) b; nullptr for weights of one.
inline Eigen::MatrixXd cross_product(const Eigen::Ref<const Eigen::MatrixXd>& a,
                                     const Eigen::Ref<const Eigen::MatrixXd>& b,
                                     const Eigen::VectorXd* weights = nullptr) {
  constexpr std::int64_t kBlock = 64;
  Eigen::MatrixXd out(a.cols(), b.cols());
  parallel_for((b.cols() + kBlock - 1) / kBlock, [&](std::int64_t block) {
    const std::int64_t first = block * kBlock, n = std::min<std::int64_t>(kBlock, b.cols() - first);
    if (weights == nullptr) {
      out.middleCols(first, n).noalias() = a.transpose() * b.middleCols(first, n);
    } else {
      const Eigen::MatrixXd part = weights->asDiagonal() * b.middleCols(first, n);
      out.middleCols(first, n).noalias() = a.transpose() * part;
    }
  });
  return out;
}

}  // namespace fatefield
