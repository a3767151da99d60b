// Takes an operator; builds a basis of its Krylov space, solves the small problem there and restarts from the
// leading part of it.
#include "velocity/transitions/leading_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/rng.hpp"

namespace fatefield {
namespace {

using Column = std::vector<double>;

// The basis has this many vectors more than twice those asked for.
constexpr std::int64_t kSpare = 20;
// Of the spare vectors, so many are kept at a restart.
constexpr std::int64_t kKept = 5;
// Vectors this small beside what they were before are rounding.
constexpr double kRounding = 1e-13;
// A value below the floor is taken to stay there once it is this well known.
constexpr double kRough = 1e-3;

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
        small_(size_ + 1, size_) {
    set_basis(0, fresh(0));
  }

  LeadingEigenpairs solve(const std::function<bool()>& keep_going) {
    for (std::int64_t restart = 0;; ++restart) {
      if (keep_going && !keep_going()) throw Interrupted();
      extend();
      if (options_.subspace)
        triangulate();
      else
        order();
      const bool last = size_ == n_ || restart == options_.max_restarts;
      if (last || settled()) return collect();
      keep_leading();
    }
  }

 private:
  // A random unit vector at right angles to the first k of the basis.
  Column fresh(std::int64_t k) {
    Column v(static_cast<std::size_t>(n_));
    normals<double>(options_.seed, Stream::Init, static_cast<std::uint64_t>(draws_++) * n_, n_, 0, 1,
                    v.data());
    for (int pass = 0; pass < 2; ++pass) {
      Column part(static_cast<std::size_t>(k));
      if (k > 0) take_projection(leading(k), v.data(), part.data());
      const double length = norm(v);
      for (double& each : v) each /= length > 0 ? length : 1.0;
    }
    return v;
  }

  // Adds vectors until the basis is full.
  void extend() {
    Column w(static_cast<std::size_t>(n_)), part(static_cast<std::size_t>(size_));
    for (std::int64_t j = kept_; j < size_; ++j) {
      apply_(basis_.values.data() + j * n_, w.data());
      const double before = norm(w);
      for (std::int64_t i = 0; i <= j; ++i) small_(i, j) = 0.0;
      for (int pass = 0; pass < 2; ++pass) {
        take_projection(leading(j + 1), w.data(), part.data());
        for (std::int64_t i = 0; i <= j; ++i) small_(i, j) += part[i];
      }
      const double beta = norm(w);
      const bool ended = !(beta > kRounding * before);
      small_(j + 1, j) = ended ? 0.0 : beta;
      if (!ended) {
        for (std::int64_t i = 0; i < n_; ++i) basis_(i, j + 1) = w[i] / beta;
      } else if (j + 1 < n_) {
        set_basis(j + 1, fresh(j + 1));
      }
    }
  }

  // The small problem in its real leading spaces, the largest real parts first.
  void triangulate() {
    schur_ = leading_spaces(row_block(small_, 0, size_), std::min(count_ + kKept, size_));
  }

  // Columns of the spaces that hold the values asked for: one more than those where a pair would be parted.
  std::int64_t wanted() const {
    const bool parted =
        count_ < static_cast<std::int64_t>(schur_.values.size()) && schur_.values[count_ - 1].imag() > 0;
    return count_ + (parted ? 1 : 0);
  }
  double subspace_residual() const {
    if (size_ == n_) return 0.0;
    const Column left =
        row_product(row_block(small_, size_, 1).values.data(), columns(schur_.basis, 0, wanted()));
    return std::sqrt(squared_norm(left.data(), static_cast<std::int64_t>(left.size())));
  }

  // Ritz pairs by their real part, with how far each is from solving the whole problem.
  void order() {
    ritz_ = general_eigen(row_block(small_, 0, size_));
    order_.resize(static_cast<std::size_t>(size_));
    std::iota(order_.begin(), order_.end(), std::int64_t(0));
    std::stable_sort(order_.begin(), order_.end(), [&](std::int64_t a, std::int64_t b) {
      return ritz_.values[a].real() > ritz_.values[b].real();
    });
    residual_.assign(static_cast<std::size_t>(size_), 0.0);
    if (size_ == n_) return;
    for (std::int64_t at = 0; at < size_; ++at) {
      std::complex<double> left = 0.0;
      for (std::int64_t i = 0; i < size_; ++i) left += small_(size_, i) * ritz_.vectors[at * size_ + i];
      residual_[at] = std::abs(left);
    }
  }

  bool good(std::int64_t at) const { return residual_[at] <= options_.tolerance; }
  bool below(std::int64_t at) const {
    return residual_[at] < kRough && ritz_.values[at].real() + residual_[at] < options_.floor;
  }
  Column real(std::int64_t at) const {
    return part_of(at, [](const std::complex<double>& v) { return v.real(); });
  }
  Column imaginary(std::int64_t at) const {
    return part_of(at, [](const std::complex<double>& v) { return v.imag(); });
  }
  bool settled() const {
    if (options_.subspace) return subspace_residual() <= options_.tolerance;
    for (std::int64_t k = 0; k < count_; ++k) {
      if (below(order_[k])) return true;
      if (!good(order_[k])) return false;
    }
    return true;
  }

  // The leading Ritz vectors span the new start; pairs of conjugates stay together.
  void keep_leading() {
    if (options_.subspace) {
      restart_from(columns(schur_.basis, 0, std::min(schur_.basis.cols, size_ - 1)));
      return;
    }
    std::int64_t take = std::min(count_ + kKept, size_ - 1);
    const auto partner = [&](std::int64_t k) {
      return ritz_.values[order_[k]].imag() != 0 && k + 1 < size_ &&
             ritz_.values[order_[k]] == std::conj(ritz_.values[order_[k + 1]]);
    };
    Matrix span(size_, 0);
    const auto append = [&](const Column& v) {
      span.values.insert(span.values.end(), v.begin(), v.end());
      ++span.cols;
    };
    for (std::int64_t k = 0; k < size_ && span.cols < take; ++k) {
      append(real(order_[k]));
      if (!partner(k)) continue;
      append(imaginary(order_[k]));
      ++k;
    }
    const Matrix q = orthonormal(span);
    restart_from(q);
  }

  void restart_from(MatrixView q) {
    const Matrix reduced = product(transposed_product(q, row_block(small_, 0, size_)), q);
    const Column spike = row_product(row_block(small_, size_, 1).values.data(), q);
    multiply_leading_columns(q, basis_);
    kept_ = q.cols;
    std::copy_n(basis_.values.data() + size_ * n_, n_, basis_.values.data() + kept_ * n_);
    small_ = Matrix(size_ + 1, size_);
    for (std::int64_t j = 0; j < kept_; ++j) {
      for (std::int64_t i = 0; i < kept_; ++i) small_(i, j) = reduced(i, j);
      small_(kept_, j) = spike[j];
    }
  }

  LeadingEigenpairs collect() const {
    LeadingEigenpairs out;
    if (options_.subspace) {
      const std::int64_t k = wanted();
      out.converged = subspace_residual() <= options_.tolerance;
      out.value.assign(schur_.values.begin(), schur_.values.begin() + k);
      out.subspace = product(leading(size_), columns(schur_.basis, 0, k));
      return out;
    }
    out.converged = true;
    for (std::int64_t k = 0; k < count_; ++k) {
      const std::int64_t at = order_[k];
      if (below(at) || ritz_.values[at].real() < options_.floor) break;
      if (!good(at)) {
        out.converged = false;
        continue;
      }
      out.value.push_back(ritz_.values[at]);
      out.real.push_back(product(leading(size_), real(at).data()));
      out.imaginary.push_back(product(leading(size_), imaginary(at).data()));
    }
    return out;
  }

  // The first k vectors of the basis.
  MatrixView leading(std::int64_t k) const { return columns(basis_, 0, k); }
  void set_basis(std::int64_t k, const Column& v) {
    std::copy(v.begin(), v.end(), basis_.values.begin() + k * n_);
  }
  double norm(const Column& v) const { return std::sqrt(squared_norm(v.data(), n_)); }
  template <typename Part>
  Column part_of(std::int64_t at, const Part& part) const {
    Column out(static_cast<std::size_t>(size_));
    std::transform(ritz_.vectors.begin() + at * size_, ritz_.vectors.begin() + (at + 1) * size_, out.begin(),
                   part);
    return out;
  }

  std::int64_t n_;
  const std::function<void(const double*, double*)>& apply_;
  const LeadingEigenOptions& options_;
  std::int64_t count_;
  std::int64_t size_;
  std::int64_t kept_ = 0;
  std::int64_t draws_ = 0;
  Matrix basis_;
  // A basis = basis small: the last row belongs to the vector behind the basis.
  Matrix small_;
  GeneralEigen ritz_;
  LeadingSpaces schur_;
  std::vector<std::int64_t> order_;
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
