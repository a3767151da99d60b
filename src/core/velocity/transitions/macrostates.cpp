// Takes a basis; looks for the memberships that are the most crisp.
#include "velocity/transitions/macrostates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"

namespace fatefield {
namespace {

using Vector = std::vector<double>;

// Rows that bound the memberships from the start: those of the largest norms; others are added as they
// matter.
constexpr std::int64_t kFirstRows = 500;
constexpr int kRounds = 50;
// Of the climb.
constexpr int kSteps = 1000;
constexpr int kHalvings = 60;
constexpr double kArmijo = 1e-4, kWolfe = 0.9;
constexpr double kStill = 1e-12;
// The first step along a line is no longer than this share of where it starts from: the nearest of many
// summits is wanted.
constexpr double kFirstStep = 0.1;
// A state is there where some cell has this membership; the climb does not go below.
constexpr double kPresent = 0.5;
// Squarings of the coarse transitions: walks of 2^50 steps.
constexpr int kSquarings = 50;

double infinity() { return std::numeric_limits<double>::infinity(); }

// What A is made of: all its entries but the first row and column are free. Its rows sum to 0 but for the
// first, whose entries are the least with which no membership is below 0; then all is divided by their sum.
struct Crisp {
  double value = -infinity();
  double present = 0;  // the largest membership of the state that has the smallest such
  Matrix a;            // k x k
  Vector gradient;     // (k - 1) x (k - 1), column-major like the free entries
};

// Rows of the basis, scaled so that their mean square is 1; the first column, which is 1, is left out.
class Crispness {
 public:
  /// @param present what is less present has no value
  Crispness(const Matrix& rows, std::int64_t k, double present) : rows_(rows), k_(k), present_(present) {}

  Crisp at(const Vector& free) const {
    Crisp out;
    out.a = Matrix(k_, k_);
    for (std::int64_t i = 1; i < k_; ++i) {
      for (std::int64_t j = 1; j < k_; ++j) {
        out.a(i, j) = free[(j - 1) * (k_ - 1) + i - 1];
        out.a(i, 0) -= out.a(i, j);
      }
    }
    std::vector<std::int64_t> lowest(static_cast<std::size_t>(k_));
    double sum = 0, least = infinity();
    for (std::int64_t j = 0; j < k_; ++j) {
      const Vector m = product(rows_, out.a.values.data() + j * k_ + 1);
      const auto ends = std::minmax_element(m.begin(), m.end());
      lowest[j] = ends.first - m.begin();
      out.a(0, j) = -*ends.first;
      if (!(out.a(0, j) > 0)) return out;
      sum += out.a(0, j);
      least = std::min(least, *ends.second - *ends.first);
    }
    out.present = least / sum;
    if (out.present < present_) return out;
    climb(lowest, sum, out);
    for (double& v : out.a.values) v /= sum;
    return out;
  }

 private:
  // sum_j (a_0j + sum_i a_ij^2 / a_0j) / sum_j a_0j, and its derivative by the free entries.
  void climb(const std::vector<std::int64_t>& lowest, double sum, Crisp& out) const {
    Matrix slope(k_, k_);
    Vector of_first(static_cast<std::size_t>(k_));
    double all = 0;
    for (std::int64_t j = 0; j < k_; ++j) {
      const double first = out.a(0, j);
      double squares = 0;
      for (std::int64_t i = 1; i < k_; ++i) squares += out.a(i, j) * out.a(i, j);
      all += first + squares / first;
      of_first[j] = 1 - squares / (first * first);
    }
    out.value = all / sum;
    for (std::int64_t j = 0; j < k_; ++j) {
      for (std::int64_t i = 1; i < k_; ++i) {
        const double first_moves = -rows_(lowest[j], i - 1);
        slope(i, j) =
            (2 * out.a(i, j) / out.a(0, j) + first_moves * of_first[j] - first_moves * out.value) / sum;
      }
    }
    out.gradient.resize(static_cast<std::size_t>((k_ - 1) * (k_ - 1)));
    for (std::int64_t j = 1; j < k_; ++j)
      for (std::int64_t i = 1; i < k_; ++i)
        out.gradient[(j - 1) * (k_ - 1) + i - 1] = slope(i, j) - slope(i, 0);
  }

  const Matrix& rows_;
  std::int64_t k_;
  double present_;
};

double inner(const Vector& x, const Vector& y) {
  return dot(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
}

// Upwards from `free` by BFGS.
class Climb {
 public:
  Climb(const Crispness& function, Vector& free) : function_(function), free_(free), n_(free.size()) {}

  Crisp run(const std::function<bool()>& keep_going) {
    now_ = function_.at(free_);
    forget();
    for (int step = 0; step < kSteps; ++step) {
      if (keep_going && !keep_going()) throw Interrupted();
      const double before = now_.value;
      const bool moved = advance();
      still_ = moved && now_.value - before > kStill ? 0 : still_ + 1;
      if (still_ == 1 && !fresh_)
        forget();
      else if (still_ > 0)
        break;
    }
    return now_;
  }

 private:
  // The curvature that is taken for granted: none.
  void forget() {
    inverse_ = Matrix(static_cast<std::int64_t>(n_), static_cast<std::int64_t>(n_));
    for (std::size_t i = 0; i < n_; ++i)
      inverse_(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i)) = 1;
    fresh_ = true;
  }

  // One line search along H g, which bisects until the function rises enough and its slope has fallen enough.
  bool advance() {
    Vector direction = product(inverse_, now_.gradient.data());
    const double slope = inner(direction, now_.gradient);
    if (!(slope > 0)) return false;
    const double length = std::sqrt(inner(direction, direction));
    double low = 0, high = infinity(),
           t = std::min(1.0, kFirstStep * std::sqrt(inner(free_, free_)) / length);
    Vector place(n_), best_place;
    Crisp best;
    for (int k = 0; k < kHalvings; ++k) {
      for (std::size_t i = 0; i < n_; ++i) place[i] = free_[i] + t * direction[i];
      Crisp there = function_.at(place);
      const bool risen = there.value >= now_.value + kArmijo * t * slope;
      const bool steep = risen && inner(there.gradient, direction) > kWolfe * slope;
      if (risen) {
        best = std::move(there);
        best_place = place;
      }
      if (!risen)
        high = t;
      else if (steep)
        low = t;
      else
        break;
      t = high < infinity() ? (low + high) / 2 : 2 * low;
    }
    if (best_place.empty()) return false;
    update(best_place, best);
    free_ = std::move(best_place);
    now_ = std::move(best);
    return true;
  }

  void update(const Vector& place, const Crisp& there) {
    Vector s(n_), y(n_);
    for (std::size_t i = 0; i < n_; ++i) {
      s[i] = place[i] - free_[i];
      y[i] = now_.gradient[i] - there.gradient[i];
    }
    const double sy = inner(s, y);
    if (!(sy > 1e-300)) return;
    if (fresh_) {
      const double scale = sy / inner(y, y);
      for (std::size_t i = 0; i < n_; ++i)
        inverse_(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i)) = scale;
      fresh_ = false;
    }
    const Vector hy = product(inverse_, y.data());
    const double factor = (1 + inner(y, hy) / sy) / sy;
    for (std::size_t j = 0; j < n_; ++j)
      for (std::size_t i = 0; i < n_; ++i)
        inverse_(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)) +=
            factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy;
  }

  const Crispness& function_;
  Vector& free_;
  std::size_t n_;
  Crisp now_;
  Matrix inverse_;
  bool fresh_ = true;
  int still_ = 0;
};

// The first k columns, scaled so that the first is 1.
Matrix scaled_basis(MatrixView basis, std::int64_t k) {
  Matrix x(basis.rows, k);
  for (std::int64_t j = 0; j < k; ++j)
    for (std::int64_t i = 0; i < basis.rows; ++i) x(i, j) = basis(i, j) / basis(0, 0);
  return x;
}

std::vector<double> squared_norms(const Matrix& x) {
  Vector out(static_cast<std::size_t>(x.rows), 0.0);
  for (std::int64_t j = 0; j < x.cols; ++j)
    for (std::int64_t i = 0; i < x.rows; ++i) out[i] += x(i, j) * x(i, j);
  return out;
}

std::int64_t at_largest(const Vector& v) { return std::max_element(v.begin(), v.end()) - v.begin(); }

// Cells at the corners of the simplex that the rows nearly fill: the outermost, then each time the one
// farthest from what those so far span.
std::vector<std::int64_t> corners(Matrix x) {
  std::vector<std::int64_t> out;
  for (std::int64_t k = 0; k < x.cols; ++k) {
    const std::int64_t at = at_largest(squared_norms(x));
    out.push_back(at);
    Vector corner(static_cast<std::size_t>(x.cols));
    for (std::int64_t j = 0; j < x.cols; ++j) corner[j] = x(at, j);
    if (k == 0) {
      for (std::int64_t j = 0; j < x.cols; ++j)
        for (std::int64_t i = 0; i < x.rows; ++i) x(i, j) -= corner[j];
      continue;
    }
    const double length = std::sqrt(inner(corner, corner));
    if (!(length > 0)) break;
    for (double& v : corner) v /= length;
    const Vector along = product(x, corner.data());
    for (std::int64_t j = 0; j < x.cols; ++j)
      for (std::int64_t i = 0; i < x.rows; ++i) x(i, j) -= along[i] * corner[j];
  }
  return out;
}

// Rows of x without the first column.
Matrix rows_of(const Matrix& x, const std::vector<std::int64_t>& rows) {
  Matrix out(static_cast<std::int64_t>(rows.size()), x.cols - 1);
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::int64_t j = 1; j < x.cols; ++j) out(static_cast<std::int64_t>(r), j - 1) = x(rows[r], j);
  return out;
}

// The free entries with which the corners belong to one state each.
Vector first_guess(const Matrix& x, const std::vector<std::int64_t>& at) {
  Matrix corner(x.cols, x.cols), one(x.cols, x.cols);
  for (std::int64_t i = 0; i < x.cols; ++i) {
    one(i, i) = 1;
    for (std::int64_t j = 0; j < x.cols; ++j) corner(i, j) = x(at[i], j);
  }
  const Matrix a = solve_square(corner, one);
  Vector out;
  for (std::int64_t j = 1; j < x.cols; ++j)
    for (std::int64_t i = 1; i < x.cols; ++i) out.push_back(a(i, j));
  return out;
}

std::vector<std::int64_t> outermost(const Matrix& x, std::int64_t n) {
  const Vector norms = squared_norms(x);
  std::vector<std::int64_t> order(norms.size());
  std::iota(order.begin(), order.end(), std::int64_t(0));
  const auto end = order.begin() + std::min<std::ptrdiff_t>(n, static_cast<std::ptrdiff_t>(order.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](std::int64_t a, std::int64_t b) {
    return norms[a] != norms[b] ? norms[a] > norms[b] : a < b;
  });
  order.erase(end, order.end());
  return order;
}

// Cells whose membership would be below 0.
std::vector<std::int64_t> violators(const Matrix& x, const Matrix& a) {
  std::vector<std::int64_t> out;
  for (std::int64_t j = 0; j < a.cols; ++j) {
    const Vector m = product(x, a.values.data() + j * a.rows);
    const std::int64_t at = std::min_element(m.begin(), m.end()) - m.begin();
    if (m[at] < -kStill) out.push_back(at);
  }
  return out;
}

Matrix shares_of(const Matrix& x, const Matrix& a) {
  Matrix out = product(x, a);
  for (std::int64_t i = 0; i < out.rows; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < out.cols; ++j) sum += out(i, j) = std::max(0.0, out(i, j));
    for (std::int64_t j = 0; j < out.cols; ++j) out(i, j) /= sum;
  }
  return out;
}

}  // namespace

Memberships crisp_memberships(MatrixView basis, std::int64_t n_states,
                              const std::function<bool()>& keep_going) {
  if (n_states < 2 || n_states > basis.cols)
    throw input_error("n.states", "`n.states` must be from 2 to " + std::to_string(basis.cols) + ", not " +
                                      std::to_string(n_states) + ".");
  const OneEigenThread one_thread;
  const Matrix x = scaled_basis(basis, n_states);
  const std::vector<std::int64_t> at = corners(x);
  if (static_cast<std::int64_t>(at.size()) < n_states)
    throw numeric_error("The cells do not tell " + std::to_string(n_states) + " macrostates apart.");
  std::vector<std::int64_t> bounding = outermost(x, kFirstRows);
  bounding.insert(bounding.end(), at.begin(), at.end());
  Vector free = first_guess(x, at);
  Crisp best;
  for (int round = 0; round < kRounds; ++round) {
    const Matrix rows = rows_of(x, bounding);
    // The crispest division may give up a state for the sake of the others: none may become less than it
    // begins.
    const double present = std::min(kPresent, 0.99 * Crispness(rows, n_states, 0).at(free).present);
    best = Climb(Crispness(rows, n_states, present), free).run(keep_going);
    if (!std::isfinite(best.value))
      throw numeric_error("The cells do not tell " + std::to_string(n_states) + " macrostates apart.");
    const std::vector<std::int64_t> more = violators(x, best.a);
    if (more.empty()) break;
    bounding.insert(bounding.end(), more.begin(), more.end());
  }
  return {shares_of(x, best.a), best.value / static_cast<double>(n_states)};
}

Matrix coarse_transitions(const SparseRows& transitions, MatrixView share) {
  const OneEigenThread one_thread;
  Matrix moved(share.rows, share.cols);
  for (std::int64_t k = 0; k < share.cols; ++k)
    multiply(transitions, share.data + k * share.rows, moved.values.data() + k * share.rows);
  return solve_square(transposed_product(share, share), transposed_product(share, moved));
}

std::vector<double> coarse_stationary(MatrixView coarse, const std::vector<double>& start) {
  const OneEigenThread one_thread;
  Matrix walk(coarse.rows, coarse.cols);
  std::copy_n(coarse.data, coarse.rows * coarse.cols, walk.values.begin());
  for (int k = 0; k < kSquarings; ++k) {
    walk = product(walk, walk);
    for (std::int64_t i = 0; i < walk.rows; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < walk.cols; ++j) sum += walk(i, j) = std::max(0.0, walk(i, j));
      for (std::int64_t j = 0; j < walk.cols; ++j) walk(i, j) /= sum;
    }
  }
  return row_product(start.data(), walk);
}

}  // namespace fatefield
