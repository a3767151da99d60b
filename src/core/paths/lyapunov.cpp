// Takes a velocity and start states; gives the leading rates at which disturbances grow.
#include "paths/lyapunov.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kRows = 16;
// Models that work on all threads by themselves are given so many cells at a time.
constexpr std::int64_t kManyRows = 512;

void check(const Dynamics& f, const LyapunovRequest& r, const LyapunovOptions& o) {
  if (r.starts.cols != f.dims())
    throw input_error("object", "The cells have " + std::to_string(r.starts.cols) +
                                    " dimensions, but the model has " + std::to_string(f.dims()) + ".");
  if (!(r.horizon > 0) || !std::isfinite(r.horizon)) throw input_error("t.max", "`t.max` must be above 0.");
  if (o.steps < 1) throw input_error("n.steps", "`n.steps` must be at least 1.");
  if (o.orthonormalise < 1) throw input_error("orthonormalise", "`orthonormalise` must be at least 1.");
  if (!(o.kappa > 0) || !std::isfinite(o.kappa)) throw input_error("kappa", "`kappa` must be above 0.");
  if (r.directions.rows != f.dims() || r.directions.cols < 1 || r.directions.cols > f.dims())
    throw input_error("n.directions", "`n.directions` must be from 1 to the number of dimensions, " +
                                          std::to_string(f.dims()) + ".");
  if (r.leading < 1 || r.leading > r.directions.cols)
    throw input_error("n.exponents", "`n.exponents` is " + std::to_string(r.leading) +
                                         ", but must be between 1 and " + std::to_string(r.directions.cols) +
                                         ", the number of directions.");
}

// Some cells with their disturbances: states n x dims in rows, then those of each disturbance likewise.
class Bundle {
 public:
  Bundle(const Dynamics& f, const LyapunovRequest& r, const LyapunovOptions& o, std::int64_t first,
         std::int64_t n)
      : f_(f),
        o_(o),
        workspace_(f.workspace()),
        n_(n),
        dims_(f.dims()),
        m_(r.directions.cols),
        time_(r.start) {
    y_.resize(static_cast<std::size_t>(n * dims_ * (m_ + 1)));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t d = 0; d < dims_; ++d) {
        y_[i * dims_ + d] = r.starts(first + i, d);
        for (std::int64_t k = 0; k < m_; ++k) y_[((k + 1) * n_ + i) * dims_ + d] = r.directions(d, k);
      }
    }
    Matrix identity(m_, m_);
    for (std::int64_t k = 0; k < m_; ++k) identity(k, k) = 1.0;
    product_.assign(static_cast<std::size_t>(n), identity);
    log_scale_.assign(static_cast<std::size_t>(n), 0.0);
  }

  void step(double h) {
    const std::size_t size = y_.size();
    slope(time_, y_, k1_);
    at_.resize(size);
    for (std::size_t e = 0; e < size; ++e) at_[e] = y_[e] + h / 2 * k1_[e];
    slope(time_ + h / 2, at_, k2_);
    for (std::size_t e = 0; e < size; ++e) at_[e] = y_[e] + h / 2 * k2_[e];
    slope(time_ + h / 2, at_, k3_);
    for (std::size_t e = 0; e < size; ++e) at_[e] = y_[e] + h * k3_[e];
    slope(time_ + h, at_, k4_);
    for (std::size_t e = 0; e < size; ++e) y_[e] += h / 6 * (k1_[e] + 2 * k2_[e] + 2 * k3_[e] + k4_[e]);
    time_ += h;
  }

  // The disturbances become orthonormal; what that takes out is multiplied into the product.
  void orthonormalise() {
    Matrix a(dims_, m_);
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t k = 0; k < m_; ++k)
        for (std::int64_t d = 0; d < dims_; ++d) a(d, k) = y_[((k + 1) * n_ + i) * dims_ + d];
      const ThinQr qr = thin_qr(a);
      product_[i] = product(qr.r, product_[i]);
      double most = 0.0;
      for (const double v : product_[i].values) most = std::max(most, std::abs(v));
      if (most > 0 && std::isfinite(most)) {
        for (double& v : product_[i].values) v /= most;
        log_scale_[i] += std::log(most);
      }
      for (std::int64_t k = 0; k < m_; ++k)
        for (std::int64_t d = 0; d < dims_; ++d) y_[((k + 1) * n_ + i) * dims_ + d] = qr.q(d, k);
    }
  }

  void exponents(double horizon, std::int64_t leading, std::int64_t first, Matrix& out) const {
    for (std::int64_t i = 0; i < n_; ++i) {
      const std::vector<double>& all = product_[i].values;
      const bool finite = std::isfinite(log_scale_[i]) &&
                          std::all_of(all.begin(), all.end(), [](double v) { return std::isfinite(v); });
      const std::vector<double> s = finite ? singular_values(product_[i])
                                           : std::vector<double>(static_cast<std::size_t>(m_),
                                                                 std::numeric_limits<double>::quiet_NaN());
      for (std::int64_t k = 0; k < leading; ++k)
        out(first + i, k) = (std::log(s[k]) + log_scale_[i]) / horizon;
    }
  }

 private:
  void slope(double time, const std::vector<double>& y, std::vector<double>& out) {
    const std::int64_t entries = n_ * dims_;
    held_ = y;
    out.resize(y.size());
    times_.assign(static_cast<std::size_t>(n_), time);
    if (o_.positive) {
      for (std::int64_t e = 0; e < entries; ++e) {
        if (!(held_[e] < 0)) continue;
        held_[e] = 0;
        for (std::int64_t k = 1; k <= m_; ++k) held_[k * entries + e] = 0;
      }
    }
    f_.evaluate(n_, times_.data(), held_.data(), out.data(), *workspace_);
    for (std::int64_t k = 1; k <= m_; ++k)
      f_.jvp(n_, times_.data(), held_.data(), held_.data() + k * entries, out.data() + k * entries,
             *workspace_);
    if (o_.kappa != 1)
      for (double& v : out) v *= o_.kappa;
  }

  const Dynamics& f_;
  const LyapunovOptions& o_;
  std::unique_ptr<FieldWorkspace> workspace_;
  std::int64_t n_, dims_, m_;
  double time_;
  std::vector<double> y_, at_, held_, k1_, k2_, k3_, k4_, times_;
  std::vector<Matrix> product_;
  std::vector<double> log_scale_;
};

void follow(Bundle& bundle, const LyapunovRequest& r, const LyapunovOptions& o) {
  const double h = r.horizon / static_cast<double>(o.steps);
  for (std::int64_t s = 1; s <= o.steps; ++s) {
    bundle.step(h);
    if (s % o.orthonormalise == 0 || s == o.steps) bundle.orthonormalise();
  }
}

}  // namespace

Matrix lyapunov_exponents(const Dynamics& f, const LyapunovRequest& request, const LyapunovOptions& options,
                          const LyapunovTick& tick) {
  check(f, request, options);
  const OneEigenThread one;
  const std::int64_t cells = request.starts.rows;
  Matrix out(cells, request.leading);
  if (f.wants_all_rows()) {
    for (std::int64_t first = 0; first < cells; first += kManyRows) {
      Bundle bundle(f, request, options, first, std::min(kManyRows, cells - first));
      follow(bundle, request, options);
      bundle.exponents(request.horizon, request.leading, first, out);
      if (!tick(std::min(cells, first + kManyRows))) throw Interrupted();
    }
    return out;
  }
  // Rounds of blocks, so that the tick is asked between them on its own thread.
  const std::int64_t round = kRows * 8;
  for (std::int64_t begin = 0; begin < cells; begin += round) {
    const std::int64_t end = std::min(cells, begin + round);
    parallel_for((end - begin + kRows - 1) / kRows, [&](std::int64_t block) {
      const std::int64_t first = begin + block * kRows;
      Bundle bundle(f, request, options, first, std::min(kRows, end - first));
      follow(bundle, request, options);
      bundle.exponents(request.horizon, request.leading, first, out);
    });
    if (!tick(end)) throw Interrupted();
  }
  return out;
}

}  // namespace fatefield
