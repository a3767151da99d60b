// Takes a matrix by its products; gives principal components and scores.
#include "graph/pca.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <string>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kExact = 500;
constexpr std::int64_t kExtra = 10;
constexpr std::int64_t kWidth = 8;  // of a block
constexpr std::int64_t kGrow = 12;  // times the vectors kept, then the space is shrunk
constexpr int kCheckEvery = 6;      // blocks between two checks of the residuals
constexpr int kRestarts = 10;
constexpr double kTolerance = 1e-9;
constexpr std::int64_t kRowBlock = 512, kColumnBlock = 64;

using Dense = Eigen::MatrixXd;
using View = Eigen::Map<const Dense>;

View view(const Matrix& x) { return View(x.values.data(), x.rows, x.cols); }

Matrix from_eigen(const Dense& x) {
  Matrix out(x.rows(), x.cols());
  std::copy(x.data(), x.data() + x.size(), out.values.begin());
  return out;
}

// The covariance of the columns, or for fewer rows than columns the products of centred rows, by what they
// do.
class Centred {
 public:
  explicit Centred(const LinearMap& a)
      : a_(a), means_(Eigen::Map<const Eigen::VectorXd>(a.column_means.data(), a.cols)) {}

  // (A - 1 m') b
  Dense times(const Dense& b) const {
    Matrix out(a_.rows, b.cols());
    a_.times(from_eigen(b), out);
    Dense centred = view(out);
    centred.rowwise() -= (means_.transpose() * b).eval();
    return centred;
  }
  // (A - 1 m')' b
  Dense transposed(const Dense& b) const {
    Matrix out(a_.cols, b.cols());
    a_.transposed(from_eigen(b), out);
    Dense centred = view(out);
    centred.noalias() -= means_ * b.colwise().sum();
    return centred;
  }
  Dense covariance(const Dense& b) const { return transposed(times(b)) / static_cast<double>(a_.rows - 1); }

 private:
  const LinearMap& a_;
  Eigen::VectorXd means_;
};

Dense orthonormal(const Dense& x) {
  Eigen::HouseholderQR<Dense> qr(x);
  return qr.householderQ() * Dense::Identity(x.rows(), x.cols());
}

struct Spectrum {
  Eigen::VectorXd values;  // descending
  Dense vectors;
};

Spectrum descending(const Dense& symmetric, std::int64_t k) {
  const Eigen::SelfAdjointEigenSolver<Dense> solver(symmetric);
  return {solver.eigenvalues().reverse().head(k), solver.eigenvectors().rowwise().reverse().leftCols(k)};
}

Spectrum exact(const LinearMap& a, const Centred& c, std::int64_t k) {
  if (a.cols <= a.rows) return descending(c.covariance(Dense::Identity(a.cols, a.cols)), k);
  const Dense gram = c.times(c.transposed(Dense::Identity(a.rows, a.rows)));
  Spectrum s = descending(0.5 * (gram + gram.transpose()) / static_cast<double>(a.rows - 1), k);
  Dense vectors = c.transposed(s.vectors);
  // Directions without variance have no rows to come from; any that are orthogonal to the others will do.
  s.vectors = orthonormal(vectors);
  for (std::int64_t j = 0; j < k; ++j) {
    if (vectors.col(j).dot(s.vectors.col(j)) < 0) s.vectors.col(j) *= -1.0;
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
        image_(a.cols, 0) {}

  Spectrum run() {
    for (int restart = 0; restart <= kRestarts; ++restart) {
      for (int blocks = 1; has_room(); ++blocks) {
        add_block();
        if (basis_.cols() < kept_ || (blocks % kCheckEvery != 0 && has_room())) continue;
        check();
        if (residuals_.maxCoeff() <= kTolerance * values_(0)) return leading();
      }
      if (basis_.cols() == block_.rows()) break;
      shrink();
    }
    return leading();
  }

 private:
  static Dense starts(std::int64_t rows, std::uint64_t seed) {
    Dense out(rows, kWidth);
    std::vector<double> numbers(static_cast<std::size_t>(out.size()));
    normals(seed, Stream::Projection, 0, rows, 0, kWidth, numbers.data());
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < kWidth; ++j) out(i, j) = numbers[static_cast<std::size_t>(i * kWidth + j)];
    return out;
  }

  // For a whole block; the last block of all there is may be narrower.
  bool has_room() const {
    const bool all = most_ == block_.rows();
    return all ? basis_.cols() < most_ : basis_.cols() + kWidth <= most_;
  }

  void add_block() {
    block_.conservativeResize(Eigen::NoChange, std::min<std::int64_t>(kWidth, most_ - basis_.cols()));
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
    if (basis_.cols() > 0) block_ -= basis_ * (basis_.transpose() * block_).eval();
  }

  static void append(Dense& x, const Dense& columns) {
    x.conservativeResize(Eigen::NoChange, x.cols() + columns.cols());
    x.rightCols(columns.cols()) = columns;
  }

  // Rayleigh and Ritz: the best approximations in the space, and how far they are from being components.
  void check() {
    const Dense projected = basis_.transpose() * image_;
    const Spectrum s = descending(0.5 * (projected + projected.transpose()), kept_);
    values_ = s.values;
    inner_ = s.vectors;
    const Dense difference =
        image_ * inner_.leftCols(k_) - basis_ * inner_.leftCols(k_) * values_.head(k_).asDiagonal();
    residuals_ = difference.colwise().norm();
  }

  // Keeps the best approximations and goes on with the same block, which holds all their residuals.
  void shrink() {
    away_from_basis();
    basis_ = (basis_ * inner_).eval();
    image_ = (image_ * inner_).eval();
    inner_.setIdentity(kept_, kept_);
  }

  Spectrum leading() const { return {values_.head(k_), basis_ * inner_.leftCols(k_)}; }

  const Centred& c_;
  const std::int64_t k_, kept_, most_;
  Dense block_, basis_, image_, inner_;
  Eigen::VectorXd values_, residuals_;
};

}  // namespace

LinearMap dense_map(const MatrixView& x) {
  LinearMap a;
  a.rows = x.rows;
  a.cols = x.cols;
  const View all(x.data, x.rows, x.cols);
  const Eigen::VectorXd means = all.colwise().mean();
  a.column_means.assign(means.data(), means.data() + means.size());
  a.times = [x](const Matrix& b, Matrix& out) {
    const OneEigenThread one;
    parallel_for((x.rows + kRowBlock - 1) / kRowBlock, [&](std::int64_t i) {
      const std::int64_t first = i * kRowBlock, n = std::min(kRowBlock, x.rows - first);
      Eigen::Map<Dense>(out.values.data(), out.rows, out.cols).middleRows(first, n).noalias() =
          View(x.data, x.rows, x.cols).middleRows(first, n) * view(b);
    });
  };
  a.transposed = [x](const Matrix& b, Matrix& out) {
    const OneEigenThread one;
    parallel_for((x.cols + kColumnBlock - 1) / kColumnBlock, [&](std::int64_t j) {
      const std::int64_t first = j * kColumnBlock, n = std::min(kColumnBlock, x.cols - first);
      Eigen::Map<Dense>(out.values.data(), out.rows, out.cols).middleRows(first, n).noalias() =
          View(x.data, x.rows, x.cols).middleCols(first, n).transpose() * view(b);
    });
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
  const Spectrum s =
      std::min(a.rows, a.cols) <= kExact ? exact(a, centred, k) : Krylov(a, centred, k, seed).run();
  PrincipalAxes out;
  out.centre = a.column_means;
  out.rotation = from_eigen(s.vectors);
  for (std::int64_t j = 0; j < k; ++j) {
    out.sd.push_back(std::sqrt(std::max(0.0, s.values(j))));
    Eigen::Map<Eigen::VectorXd> column(out.rotation.values.data() + j * a.cols, a.cols);
    Eigen::Index top = 0;
    column.cwiseAbs().maxCoeff(&top);
    if (column(top) < 0) column *= -1.0;
  }
  return out;
}

Matrix component_scores(const LinearMap& a, const PrincipalAxes& c) {
  const OneEigenThread one;
  return from_eigen(Centred(a).times(view(c.rotation)));
}

}  // namespace fatefield
