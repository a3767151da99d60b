// Takes shares along paths, their times and a threshold; gives times of passage, and shares of fates to come.
#include "analysis/commitment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr double kNever = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kRows = 1024;

// One path: times and shares up to its end.
class Path {
 public:
  Path(MatrixView shares, std::int64_t row, const std::vector<double>& times, double threshold)
      : shares_(shares), row_(row), times_(times), threshold_(threshold) {
    while (length_ < shares.cols && std::isfinite(shares(row, length_))) ++length_;
  }

  double until() const { return length_ == 0 ? kNever : times_[static_cast<std::size_t>(length_ - 1)]; }

  double first() const {
    for (std::int64_t k = 0; k < length_; ++k)
      if (inside(k)) return entered(k);
    return kNever;
  }

  double stays() const {
    std::int64_t k = length_;
    while (k > 0 && inside(k - 1)) --k;
    return k == length_ ? kNever : entered(k);
  }

 private:
  double share(std::int64_t k) const { return shares_(row_, k); }
  bool inside(std::int64_t k) const { return share(k) >= threshold_; }

  // When the share reached the threshold, for a path that is inside at k and was not at k - 1.
  double entered(std::int64_t k) const {
    const double after = times_[static_cast<std::size_t>(k)];
    if (k == 0) return after;
    const double before = times_[static_cast<std::size_t>(k - 1)];
    return before + (after - before) * (threshold_ - share(k - 1)) / (share(k) - share(k - 1));
  }

  MatrixView shares_;
  std::int64_t row_;
  const std::vector<double>& times_;
  double threshold_;
  std::int64_t length_ = 0;
};

}  // namespace

Passages find_passages(MatrixView shares, const std::vector<double>& times, double threshold) {
  if (static_cast<std::int64_t>(times.size()) != shares.cols)
    throw input_error("times", "`times` must hold one time for each column of the shares.");
  Passages out;
  for (std::int64_t i = 0; i < shares.rows; ++i) {
    const Path path(shares, i, times, threshold);
    out.first.push_back(path.first());
    out.stays.push_back(path.stays());
    out.until.push_back(path.until());
  }
  return out;
}

Matrix forward_shares(const std::vector<std::int32_t>& near, std::int64_t k, MatrixView ends,
                      const std::vector<double>& weights) {
  const std::int64_t n = ends.rows;
  if (static_cast<std::int64_t>(near.size()) != n * k || static_cast<std::int64_t>(weights.size()) != n)
    throw input_error("near", "Neighbours and weights must be those of all paths.");
  Matrix out(n, ends.cols);
  parallel_for((n + kRows - 1) / kRows, [&](std::int64_t block) {
    for (std::int64_t i = block * kRows; i < std::min(n, (block + 1) * kRows); ++i) {
      double total = 0;
      for (std::int64_t f = 0; f < ends.cols; ++f) {
        double sum = 0;
        for (std::int64_t j = 0; j < k; ++j) {
          const std::int32_t other = near[static_cast<std::size_t>(i * k + j)];
          sum += weights[static_cast<std::size_t>(other)] * ends(other, f);
        }
        out(i, f) = sum;
        total += sum;
      }
      for (std::int64_t f = 0; f < ends.cols; ++f) out(i, f) = total > 0 ? out(i, f) / total : kNever;
    }
  });
  return out;
}

}  // namespace fatefield
