// Takes a matrix by its products; gives principal components and scores.
#include "graph/pca.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/rng.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kExact = 500;
constexpr std::int64_t kExtra = 10;
constexpr std::int64_t kWidth = 8;  // of a block
constexpr std::int64_t kGrow = 12;  // times the vectors kept, then the space is shrunk
constexpr int kCheckEvery = 6;      // blocks between two checks of the residuals
constexpr int kRestarts = 10;
constexpr double kTolerance = 1e-9;

Matrix identity(std::int64_t n) {
  Matrix out(n, n);
  for (std::int64_t i = 0; i < n; ++i) out(i, i) = 1.0;
  return out;
}

// (x + x') / 2, divided by more.
Matrix symmetrised(const Matrix& x, double divisor) {
  Matrix out(x.rows, x.cols);
  for (std::int64_t j = 0; j < x.cols; ++j)
    for (std::int64_t i = 0; i < x.rows; ++i) out(i, j) = 0.5 * (x(i, j) + x(j, i)) / divisor;
  return out;
}

// The covariance of the columns, or for fewer rows than columns the products of centred rows, by what they
// do.
class Centred {
 public:
  explicit Centred(const LinearMap& a) : a_(a) {}

  // (A - 1 m') b
  Matrix times(const Matrix& b) const {
    Matrix out(a_.rows, b.cols);
    a_.times(b, out);
    const std::vector<double> shift = row_product(a_.column_means.data(), b);
    for (std::int64_t j = 0; j < b.cols; ++j)
      for (std::int64_t i = 0; i < a_.rows; ++i) out(i, j) -= shift[j];
    return out;
  }
  // (A - 1 m')' b
  Matrix transposed(const Matrix& b) const {
    Matrix out(a_.cols, b.cols);
    a_.transposed(b, out);
    for (std::int64_t j = 0; j < b.cols; ++j) {
      const double total = sum(b.values.data() + j * b.rows, b.rows);
      for (std::int64_t i = 0; i < a_.cols; ++i) out(i, j) -= total * a_.column_means[i];
    }
    return out;
  }
  Matrix covariance(const Matrix& b) const {
    Matrix out = transposed(times(b));
    for (double& v : out.values) v /= static_cast<double>(a_.rows - 1);
    return out;
  }

 private:
  const LinearMap& a_;
};

struct Spectrum {
  std::vector<double> values;  // descending
  Matrix vectors;
};

Spectrum descending(const Matrix& symmetric, std::int64_t k) {
  const SymmetricEigen all = symmetric_eigen(symmetric);
  const std::int64_t n = symmetric.rows;
  Spectrum out = {{all.values.rbegin(), all.values.rbegin() + k}, Matrix(n, k)};
  for (std::int64_t j = 0; j < k; ++j)
    std::copy_n(all.vectors.values.data() + (n - 1 - j) * n, n, out.vectors.values.data() + j * n);
  return out;
}

Spectrum exact(const LinearMap& a, const Centred& c, std::int64_t k) {
  if (a.cols <= a.rows) return descending(c.covariance(identity(a.cols)), k);
  const Matrix gram = c.times(c.transposed(identity(a.rows)));
  Spectrum s = descending(symmetrised(gram, static_cast<double>(a.rows - 1)), k);
  const Matrix vectors = c.transposed(s.vectors);
  // Directions without variance have no rows to come from; any that are orthogonal to the others will do.
  s.vectors = orthonormal(vectors);
  for (std::int64_t j = 0; j < k; ++j) {
    double* found = s.vectors.values.data() + j * a.cols;
    if (!(dot(vectors.values.data() + j * a.cols, found, a.cols) < 0)) continue;
    for (std::int64_t i = 0; i < a.cols; ++i) found[i] *= -1.0;
  }
  return s;
}

// The space that a few vectors span under repeated products with the matrix. Blocks are narrow: with as many
// vectors, a narrow block's space holds higher powers of the matrix than a wide one's.
class Krylov {
 public:
  Krylov(const LinearMap& a, const Centred& c, std::int64_t k, std::uint64_t seed)
      : c_(c),
        k_(k),
        kept_(std::min(k + kExtra, a.cols)),
        most_(std::min(a.cols, kGrow * (k + kExtra))),
        block_(starts(a.cols, seed)),
        basis_(a.cols, 0),
        image_(a.cols, 0) {
    for (Matrix* each : {&basis_, &image_}) each->values.reserve(static_cast<std::size_t>(a.cols * most_));
  }

  Spectrum run() {
    for (int restart = 0; restart <= kRestarts; ++restart) {
      for (int blocks = 1; has_room(); ++blocks) {
        add_block();
        if (basis_.cols < kept_ || (blocks % kCheckEvery != 0 && has_room())) continue;
        check();
        if (worst_ <= kTolerance * values_[0]) return leading();
      }
      if (basis_.cols == block_.rows) break;
      shrink();
    }
    return leading();
  }

 private:
  static Matrix starts(std::int64_t rows, std::uint64_t seed) {
    Matrix out(rows, kWidth);
    std::vector<double> numbers(out.values.size());
    normals(seed, Stream::Projection, 0, rows, 0, kWidth, numbers.data());
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < kWidth; ++j) out(i, j) = numbers[static_cast<std::size_t>(i * kWidth + j)];
    return out;
  }

  // For a whole block; the last block of all there is may be narrower.
  bool has_room() const {
    const bool all = most_ == block_.rows;
    return all ? basis_.cols < most_ : basis_.cols + kWidth <= most_;
  }

  void add_block() {
    block_.cols = std::min(kWidth, most_ - basis_.cols);
    block_.values.resize(static_cast<std::size_t>(block_.rows * block_.cols));
    // Twice, because once leaves rounding errors of what was taken away.
    for (int pass = 0; pass < 2; ++pass) {
      away_from_basis();
      block_ = orthonormal(block_);
    }
    append(basis_, block_);
    block_ = c_.covariance(block_);
    append(image_, block_);
  }

  void away_from_basis() {
    if (basis_.cols == 0) return;
    const Matrix away = product(basis_, transposed_product(basis_, block_));
    for (std::size_t i = 0; i < away.values.size(); ++i) block_.values[i] -= away.values[i];
  }

  static void append(Matrix& x, const Matrix& more) {
    x.values.insert(x.values.end(), more.values.begin(), more.values.end());
    x.cols += more.cols;
  }

  // Rayleigh and Ritz: the best approximations in the space, and how far they are from being components.
  void check() {
    Spectrum s = descending(symmetrised(transposed_product(basis_, image_), 1.0), kept_);
    values_ = std::move(s.values);
    inner_ = std::move(s.vectors);
    Matrix difference = product(image_, columns(inner_, 0, k_));
    const Matrix vectors = product(basis_, columns(inner_, 0, k_));
    worst_ = 0.0;
    for (std::int64_t j = 0; j < k_; ++j) {
      for (std::int64_t i = 0; i < vectors.rows; ++i) difference(i, j) -= vectors(i, j) * values_[j];
      const double squares = squared_norm(difference.values.data() + j * vectors.rows, vectors.rows);
      worst_ = std::max(worst_, std::sqrt(squares));
    }
  }

  // Keeps the best approximations and goes on with the same block, which holds all their residuals.
  void shrink() {
    away_from_basis();
    basis_ = product(basis_, inner_);
    image_ = product(image_, inner_);
    inner_ = identity(kept_);
  }

  Spectrum leading() const {
    return {{values_.begin(), values_.begin() + k_}, product(basis_, columns(inner_, 0, k_))};
  }

  const Centred& c_;
  const std::int64_t k_, kept_, most_;
  Matrix block_, basis_, image_, inner_;
  std::vector<double> values_;
  double worst_ = 0.0;  // of the residuals
};

}  // namespace

LinearMap dense_map(const MatrixView& x) {
  LinearMap a;
  a.rows = x.rows;
  a.cols = x.cols;
  a.column_means = column_means(x);
  a.times = [x](const Matrix& b, Matrix& out) {
    const OneEigenThread one;
    product_by_rows(x, b, out);
  };
  a.transposed = [x](const Matrix& b, Matrix& out) {
    const OneEigenThread one;
    transposed_product_by_rows(x, b, out);
  };
  return a;
}

PrincipalAxes principal_components(const LinearMap& a, std::int64_t k, std::uint64_t seed,
                                   const char* argument) {
  const std::int64_t most = std::min(a.rows - 1, a.cols);
  if (k < 1 || k > most) {
    throw input_error(argument, std::string("`") + argument + "` asks for " + std::to_string(k) +
                                    " principal components; " + std::to_string(a.rows) + " cells and " +
                                    std::to_string(a.cols) + " columns allow 1 to " + std::to_string(most) +
                                    ".");
  }
  const OneEigenThread one;
  const Centred centred(a);
  Spectrum s = std::min(a.rows, a.cols) <= kExact ? exact(a, centred, k) : Krylov(a, centred, k, seed).run();
  PrincipalAxes out;
  out.centre = a.column_means;
  out.rotation = std::move(s.vectors);
  for (std::int64_t j = 0; j < k; ++j) {
    out.sd.push_back(std::sqrt(std::max(0.0, s.values[j])));
    double* column = out.rotation.values.data() + j * a.cols;
    const auto smaller = [](double u, double v) { return std::abs(u) < std::abs(v); };
    if (!(*std::max_element(column, column + a.cols, smaller) < 0)) continue;
    for (std::int64_t i = 0; i < a.cols; ++i) column[i] *= -1.0;
  }
  return out;
}

Matrix component_scores(const LinearMap& a, const PrincipalAxes& c) {
  const OneEigenThread one;
  return Centred(a).times(c.rotation);
}

}  // namespace fatefield
