// Takes two clouds; gives the divergence between them by independent halves.
#include "sde/train/halves.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace fatefield {
namespace {

// Points of a half, at least.
constexpr std::int64_t kFewest = 8;

// Some rows of a cloud, with weights of their own that sum to one.
template <typename T>
struct Half {
  std::int64_t first = 0;
  std::vector<T> weights;  // empty for equal ones
  double mass = 1.0;       // of these rows in the whole
  Cloud<T> cloud;

  Half(const Cloud<T>& whole, std::int64_t from, std::int64_t n) : first(from) {
    cloud = {whole.points + from * whole.dims, n, whole.dims, nullptr};
    if (whole.weights == nullptr) return;
    weights.assign(whole.weights + from, whole.weights + from + n);
    mass = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (T& w : weights) w = mass > 0.0 ? static_cast<T>(w / mass) : T(1) / static_cast<T>(n);
  }
  // The weights move with a half, so the view of them is made when it is used.
  Cloud<T> view() const {
    return {cloud.points, cloud.n, cloud.dims, weights.empty() ? nullptr : weights.data()};
  }
};

template <typename T>
class Sum {
 public:
  Sum(const SinkhornOptions& options, bool gradient, const std::function<bool()>& keep_going,
      SinkhornResult<T>& out)
      : options_(options), gradient_(gradient), keep_going_(keep_going), out_(out) {}

  // Adds factor * OT(x, y), with its derivatives in x where those are wanted.
  void add(const Half<T>& x, const Half<T>& y, double factor, bool in_x) {
    const SinkhornResult<T> r =
        sinkhorn_divergence<T>(x.view(), y.view(), options_, gradient_ && in_x, keep_going_);
    out_.value += factor * r.value;
    if (gradient_ && in_x) add_gradient(x, r, factor);
  }

  // Adds the derivatives of factor * OT(x, y) in x alone.
  void add_derivative(const Half<T>& x, const Half<T>& y, double factor) {
    if (!gradient_) return;
    add_gradient(x, sinkhorn_divergence<T>(x.view(), y.view(), options_, true, keep_going_), factor);
  }

 private:
  void add_gradient(const Half<T>& x, const SinkhornResult<T>& r, double factor) {
    const std::int64_t dims = x.cloud.dims;
    for (std::size_t i = 0; i < r.grad_x.size(); ++i) {
      out_.grad_x[static_cast<std::size_t>(x.first * dims) + i] += static_cast<T>(factor * r.grad_x[i]);
    }
    if (x.weights.empty() || !(x.mass > 0.0)) return;
    // Through the division of weights by their sum.
    double mean = 0.0;
    for (std::size_t i = 0; i < r.grad_a.size(); ++i) mean += static_cast<double>(x.weights[i]) * r.grad_a[i];
    for (std::size_t i = 0; i < r.grad_a.size(); ++i) {
      out_.grad_a[static_cast<std::size_t>(x.first) + i] +=
          static_cast<T>(factor * (r.grad_a[i] - mean) / x.mass);
    }
  }

  SinkhornOptions options_;
  bool gradient_;
  const std::function<bool()>& keep_going_;
  SinkhornResult<T>& out_;
};

}  // namespace

template <typename T>
SinkhornResult<T> halves_divergence(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                                    bool gradient, const std::function<bool()>& keep_going) {
  const std::int64_t n = std::min(x.n, y.n) / 2;
  if (n < kFewest) return sinkhorn_divergence(x, y, options, gradient, keep_going);
  SinkhornOptions plain = options;
  plain.debias = false;
  if (!(plain.diameter > 0.0)) plain.diameter = bounding_diameter<T>({x, y});
  SinkhornResult<T> out;
  if (gradient) {
    out.grad_x.assign(static_cast<std::size_t>(x.n * x.dims), T(0));
    out.grad_a.assign(static_cast<std::size_t>(x.n), T(0));
  }
  Sum<T> sum(plain, gradient, keep_going, out);
  const std::array<Half<T>, 2> ys{Half<T>(y, 0, n), Half<T>(y, n, n)};
  const std::int64_t pieces = x.n / (2 * n);
  const double share = 1.0 / static_cast<double>(pieces);
  for (std::int64_t p = 0; p < pieces; ++p) {
    const std::array<Half<T>, 2> xs{Half<T>(x, 2 * p * n, n), Half<T>(x, (2 * p + 1) * n, n)};
    for (const Half<T>& xi : xs) {
      for (const Half<T>& yj : ys) sum.add(xi, yj, 0.25 * share, true);
    }
    sum.add(xs[0], xs[1], -0.5 * share, true);
    sum.add_derivative(xs[1], xs[0], -0.5 * share);
  }
  sum.add(ys[0], ys[1], -0.5, false);
  return out;
}

template SinkhornResult<float> halves_divergence(const Cloud<float>&, const Cloud<float>&,
                                                 const SinkhornOptions&, bool, const std::function<bool()>&);
template SinkhornResult<double> halves_divergence(const Cloud<double>&, const Cloud<double>&,
                                                  const SinkhornOptions&, bool, const std::function<bool()>&);

}  // namespace fatefield
