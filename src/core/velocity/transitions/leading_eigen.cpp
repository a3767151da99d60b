// Takes an operator; builds a basis of its Krylov space, solves the small problem there and restarts from the
// leading part of it.
#include "velocity/transitions/leading_eigen.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>

#include <algorithm>
#include <numeric>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"

namespace fatefield {
namespace {

using Eigen::Index;
using Dense = Eigen::MatrixXd;
using Column = Eigen::VectorXd;

// The basis has this many vectors more than twice those asked for.
constexpr std::int64_t kSpare = 20;
// Of the spare vectors, so many are kept at a restart.
constexpr std::int64_t kKept = 5;
// Vectors this small beside what they were before are rounding.
constexpr double kRounding = 1e-13;
// A value below the floor is taken to stay there once it is this well known.
constexpr double kRough = 1e-3;
// Rows of the basis that are multiplied together.
constexpr Index kRows = 4096;

class KrylovSchur {
 public:
  KrylovSchur(std::int64_t n, const std::function<void(const double*, double*)>& apply,
              const LeadingEigenOptions& options)
      : n_(n),
        apply_(apply),
        options_(options),
        count_(std::min(options.count, n)),
        size_(std::min(n, 2 * count_ + kSpare)),
        basis_(n, size_ + 1),
        small_(Dense::Zero(size_ + 1, size_)) {
    basis_.col(0) = fresh(0);
  }

  LeadingEigenpairs solve(const std::function<bool()>& keep_going) {
    for (std::int64_t restart = 0;; ++restart) {
      if (keep_going && !keep_going()) throw Interrupted();
      extend();
      const Eigen::EigenSolver<Dense> solver(small_.topRows(size_));
      order(solver);
      const bool last = size_ == n_ || restart == options_.max_restarts;
      if (last || settled()) return collect();
      keep_leading();
    }
  }

 private:
  // A random unit vector at right angles to the first k of the basis.
  Column fresh(Index k) {
    Column v(n_);
    normals<double>(options_.seed, Stream::Init, static_cast<std::uint64_t>(draws_++) * n_, n_, 0, 1,
                    v.data());
    for (int pass = 0; pass < 2; ++pass) {
      if (k > 0) v -= basis_.leftCols(k) * (basis_.leftCols(k).transpose() * v);
      v.normalize();
    }
    return v;
  }

  // Adds vectors until the basis is full.
  void extend() {
    for (Index j = kept_; j < size_; ++j) {
      Column w(n_);
      apply_(basis_.col(j).data(), w.data());
      const double before = w.norm();
      Column h = Column::Zero(j + 1);
      for (int pass = 0; pass < 2; ++pass) {
        const Column part = basis_.leftCols(j + 1).transpose() * w;
        w -= basis_.leftCols(j + 1) * part;
        h += part;
      }
      small_.col(j).head(j + 1) = h;
      const double beta = w.norm();
      const bool ended = !(beta > kRounding * before);
      small_(j + 1, j) = ended ? 0.0 : beta;
      if (!ended) {
        basis_.col(j + 1) = w / beta;
      } else if (j + 1 < n_) {
        basis_.col(j + 1) = fresh(j + 1);
      }
    }
  }

  // Ritz pairs by their real part, with how far each is from solving the whole problem.
  void order(const Eigen::EigenSolver<Dense>& solver) {
    values_ = solver.eigenvalues();
    vectors_ = solver.eigenvectors();
    order_.resize(static_cast<std::size_t>(size_));
    std::iota(order_.begin(), order_.end(), Index(0));
    std::stable_sort(order_.begin(), order_.end(),
                     [&](Index a, Index b) { return values_(a).real() > values_(b).real(); });
    residual_ = (small_.row(size_).cast<std::complex<double>>() * vectors_).cwiseAbs().transpose();
    if (size_ == n_) residual_.setZero();
  }

  bool good(Index at) const { return residual_(at) <= options_.tolerance; }
  bool below(Index at) const {
    return residual_(at) < kRough && values_(at).real() + residual_(at) < options_.floor;
  }
  bool settled() const {
    for (std::int64_t k = 0; k < count_; ++k) {
      if (below(order_[k])) return true;
      if (!good(order_[k])) return false;
    }
    return true;
  }

  // The leading Ritz vectors span the new start; pairs of conjugates stay together.
  void keep_leading() {
    std::int64_t take = std::min(count_ + kKept, size_ - 1);
    const auto partner = [&](std::int64_t k) {
      return values_(order_[k]).imag() != 0 && k + 1 < size_ &&
             values_(order_[k]) == std::conj(values_(order_[k + 1]));
    };
    Dense span(size_, take + 1);
    Index filled = 0;
    for (std::int64_t k = 0; k < size_ && filled < take; ++k) {
      span.col(filled++) = vectors_.col(order_[k]).real();
      if (!partner(k)) continue;
      span.col(filled++) = vectors_.col(order_[k]).imag();
      ++k;
    }
    const Eigen::HouseholderQR<Dense> qr(span.leftCols(filled));
    const Dense q = qr.householderQ() * Dense::Identity(size_, filled);
    const Dense reduced = q.transpose() * small_.topRows(size_) * q;
    const Eigen::RowVectorXd spike = small_.row(size_) * q;
    for (Index row = 0; row < n_; row += kRows) {
      const Index rows = std::min(kRows, static_cast<Index>(n_) - row);
      const Dense block = basis_.block(row, 0, rows, size_) * q;
      basis_.block(row, 0, rows, filled) = block;
    }
    basis_.col(filled) = basis_.col(size_);
    small_.setZero();
    small_.topLeftCorner(filled, filled) = reduced;
    small_.row(filled).head(filled) = spike;
    kept_ = filled;
  }

  LeadingEigenpairs collect() const {
    LeadingEigenpairs out;
    out.converged = true;
    for (std::int64_t k = 0; k < count_; ++k) {
      const Index at = order_[k];
      if (below(at) || values_(at).real() < options_.floor) break;
      if (!good(at)) {
        out.converged = false;
        continue;
      }
      const Column re = basis_.leftCols(size_) * vectors_.col(at).real();
      const Column im = basis_.leftCols(size_) * vectors_.col(at).imag();
      out.value.push_back(values_(at));
      out.real.emplace_back(re.data(), re.data() + n_);
      out.imaginary.emplace_back(im.data(), im.data() + n_);
    }
    return out;
  }

  std::int64_t n_;
  const std::function<void(const double*, double*)>& apply_;
  const LeadingEigenOptions& options_;
  std::int64_t count_;
  Index size_;
  Index kept_ = 0;
  std::int64_t draws_ = 0;
  Dense basis_;
  // A basis = basis small: the last row belongs to the vector behind the basis.
  Dense small_;
  Eigen::VectorXcd values_;
  Eigen::MatrixXcd vectors_;
  std::vector<Index> order_;
  Column residual_;
};

}  // namespace

LeadingEigenpairs leading_eigenpairs(std::int64_t n,
                                     const std::function<void(const double* x, double* y)>& apply,
                                     const LeadingEigenOptions& options,
                                     const std::function<bool()>& keep_going) {
  if (n < 1 || options.count < 1) throw input_error("count", "`count` must be at least 1.");
  const OneEigenThread hold;
  return KrylovSchur(n, apply, options).solve(keep_going);
}

}  // namespace fatefield
