// One iteration of Nelder and Mead's simplex (Computer Journal 7, 1965) from a point, in SciPy's order: what
// the published dynamical model takes at each of its steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

namespace fatefield {

class SimplexStep {
 public:
  using Point = std::vector<double>;

  /// @param tolerance of points and values below which the first simplex is already the last
  SimplexStep(std::function<double(const Point&)> value, double tolerance)
      : value_(std::move(value)), tolerance_(tolerance) {}

  /// The best corner after one iteration from the simplex around `start`: each coordinate 5 % larger in turn.
  Point operator()(const Point& start) {
    corners_.assign(1, {start, value_(start)});
    for (std::size_t k = 0; k < start.size(); ++k) {
      Point next = start;
      next[k] = next[k] != 0 ? 1.05 * next[k] : 0.00025;
      corners_.push_back({next, value_(next)});
    }
    sort();
    if (!is_small()) improve();
    sort();
    return corners_.front().at;
  }

 private:
  struct Corner {
    Point at;
    double value;
  };

  // Stable, values that are no numbers last.
  void sort() {
    std::stable_sort(corners_.begin(), corners_.end(), [](const Corner& a, const Corner& b) {
      return a.value < b.value || (std::isnan(b.value) && !std::isnan(a.value));
    });
  }
  bool is_small() const {
    const Corner& best = corners_.front();
    for (const Corner& c : corners_) {
      if (!(std::abs(c.value - best.value) <= tolerance_)) return false;
      for (std::size_t k = 0; k < best.at.size(); ++k)
        if (!(std::abs(c.at[k] - best.at[k]) <= tolerance_)) return false;
    }
    return true;
  }
  // The point (1 + factor) times the centre of the others less factor times the worst.
  Corner across(double factor) const {
    const std::size_t dims = corners_.size() - 1;
    Point at(dims);
    for (std::size_t k = 0; k < dims; ++k) {
      double centre = 0;
      for (std::size_t c = 0; c < dims; ++c) centre += corners_[c].at[k];
      centre /= static_cast<double>(dims);
      at[k] = (1 + factor) * centre - factor * corners_.back().at[k];
    }
    const double value = value_(at);
    return {std::move(at), value};
  }
  void improve() {
    Corner& worst = corners_.back();
    const Corner reflected = across(1.0);
    if (reflected.value < corners_.front().value) {
      const Corner expanded = across(2.0);
      worst = expanded.value < reflected.value ? expanded : reflected;
    } else if (reflected.value < corners_[corners_.size() - 2].value) {
      worst = reflected;
    } else if (reflected.value < worst.value) {
      const Corner outside = across(0.5);
      if (!(outside.value <= reflected.value)) return shrink();
      worst = outside;
    } else {
      const Corner inside = across(-0.5);
      if (!(inside.value < worst.value)) return shrink();
      worst = inside;
    }
  }
  void shrink() {
    const Point best = corners_.front().at;
    for (std::size_t c = 1; c < corners_.size(); ++c) {
      for (std::size_t k = 0; k < best.size(); ++k)
        corners_[c].at[k] = best[k] + 0.5 * (corners_[c].at[k] - best[k]);
      corners_[c].value = value_(corners_[c].at);
    }
  }

  std::function<double(const Point&)> value_;
  double tolerance_;
  std::vector<Corner> corners_;
};

}  // namespace fatefield
