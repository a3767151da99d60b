// Takes tensors of points; gives the Sinkhorn divergence and the sliced distance with their gradients.
// Notation as in transport.hpp.
#include "ot/tensors.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "base/error.hpp"
#include "ot/blocks.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/transport.hpp"

namespace fatefield {
namespace {

using ot::Marginals;

// Cumulated masses that differ by less are the same.
constexpr double kSameMass = 1e-13;

at::Tensor equal_weights(const at::Tensor& x) {
  return at::full({x.size(0)}, 1.0 / static_cast<double>(x.size(0)), x.options());
}

// Points with what their costs are made of.
struct Points {
  Points(const at::Tensor& x, const at::Tensor& weights)
      : x(x.contiguous()),
        weights(weights),
        log_weights(weights.log()),
        half_squares(0.5 * x.square().sum(1)) {}
  std::int64_t n() const { return x.size(0); }
  at::Tensor x, weights, log_weights, half_squares;
};

// One direction: from each row of `rows` to all columns, a block of rows at a time.
class Pass {
 public:
  Pass(const Points& rows, const Points& columns, std::int64_t p, std::int64_t pairs)
      : rows_(rows), columns_(columns), p_(p), step_(std::max<std::int64_t>(1, pairs / columns.n())) {}

  /// -eps log sum_j b_j exp((g_j - C_ij) / eps)
  at::Tensor softmin(double eps, const at::Tensor& g) const {
    std::vector<at::Tensor> parts;
    for_blocks([&](std::int64_t from, std::int64_t n) {
      at::Tensor part = at::logsumexp(exponents(eps, columns_.log_weights + g / eps, from, n), 1) * -eps;
      if (p_ == 2) part = part + rows_.half_squares.narrow(0, from, n);
      parts.push_back(part);
    });
    return at::cat(parts, 0);
  }

  /// Rows: sum_j pi_ij dC_ij/dx_i with pi_ij = b_j exp((f_i + g_j - C_ij) / eps), which sum to one.
  at::Tensor direction(double eps, const at::Tensor& g) const {
    std::vector<at::Tensor> parts;
    for_blocks([&](std::int64_t from, std::int64_t n) {
      const at::Tensor x = rows_.x.narrow(0, from, n);
      at::Tensor pi = at::softmax(exponents(eps, columns_.log_weights + g / eps, from, n), 1);
      if (p_ == 2) {
        parts.push_back(x - at::mm(pi, columns_.x));
        return;
      }
      const at::Tensor d = distances(from, n);
      pi = at::where(d > std::sqrt(ot::kDistanceFloor), pi / d, at::zeros({}, pi.options()));
      parts.push_back(x * pi.sum(1, true) - at::mm(pi, columns_.x));
    });
    return at::cat(parts, 0);
  }

 private:
  template <typename F>
  void for_blocks(F&& body) const {
    for (std::int64_t from = 0; from < rows_.n(); from += step_)
      body(from, std::min(step_, rows_.n() - from));
  }

  at::Tensor distances(std::int64_t from, std::int64_t n) const {
    // Differences, not products: near points must not vanish in rounding.
    constexpr std::int64_t kWithoutProducts = 2;
    return at::cdist(rows_.x.narrow(0, from, n), columns_.x, 2.0, kWithoutProducts)
        .clamp_min(std::sqrt(ot::kDistanceFloor));
  }

  // h_j - C_ij / eps; at p = 2 without what is the same for a whole row, -|x_i|^2 / (2 eps).
  at::Tensor exponents(double eps, const at::Tensor& h, std::int64_t from, std::int64_t n) const {
    if (p_ == 1) return at::sub(h.unsqueeze(0), distances(from, n), 1.0 / eps);
    return at::addmm((h - columns_.half_squares / eps).unsqueeze(0), rows_.x.narrow(0, from, n),
                     columns_.x.t(), 1.0, 1.0 / eps);
  }

  const Points& rows_;
  const Points& columns_;
  std::int64_t p_, step_;
};

// The potentials of one transport; of a cloud with itself g is f.
class TensorTransport {
 public:
  TensorTransport(const Points& x, const Points& y, std::int64_t p, std::int64_t pairs,
                  const Marginals& marginals, const std::function<bool()>& keep_going)
      : self_(&x == &y),
        forth_(x, y, p, pairs),
        back_(y, x, p, pairs),
        marginals_(marginals),
        keep_going_(keep_going),
        f_(at::zeros_like(x.weights)),
        g_(at::zeros_like(y.weights)) {}

  void descend(const std::vector<double>& schedule) {
    ot::anneal(*this, schedule);
    finish(schedule.back());
  }

  const at::Tensor& f() const { return f_; }
  const at::Tensor& g() const { return g_; }
  at::Tensor direction(double eps) const { return forth_.direction(eps, g_next_); }

  // The steps of ot::anneal().
  void find(double eps) {
    if (keep_going_ && !keep_going_()) throw Interrupted();
    const double damping = marginals_.damping(eps);
    f_next_ = forth_.softmin(eps, g_) * damping;
    g_next_ = self_ ? f_next_ : back_.softmin(eps, f_) * damping;
  }
  // After it the potentials that the last ones came from are in f_next_, g_next_.
  void finish(double eps) {
    find(eps);
    std::swap(f_, f_next_);
    std::swap(g_, g_next_);
  }
  void average() {
    f_ = 0.5 * (f_ + f_next_);
    g_ = self_ ? f_ : 0.5 * (g_ + g_next_);
  }

 private:
  bool self_;
  Pass forth_, back_;
  const Marginals& marginals_;
  const std::function<bool()>& keep_going_;
  at::Tensor f_, g_, f_next_, g_next_;
};

double diameter_of(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor high = at::maximum(std::get<0>(x.max(0)), std::get<0>(y.max(0)));
  const at::Tensor low = at::minimum(std::get<0>(x.min(0)), std::get<0>(y.min(0)));
  return (high - low).norm().item<double>();
}

double weighted_sum(const at::Tensor& weights, const at::Tensor& values) {
  return (weights * values).sum(at::kDouble).item<double>();
}

void check_tensors(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y) {
  if (x.dim() != 2 || y.dim() != 2 || x.size(0) < 1 || y.size(0) < 1 || x.size(1) != y.size(1)) {
    throw input_error("y", "`y` must have points in the dimensions of `x`, and both must have some.");
  }
  if (x.scalar_type() != y.scalar_type() || x.device() != y.device()) {
    throw input_error("y", "`y` must be of the type of `x` and on its device.");
  }
  if (!a.defined()) return;
  if (a.dim() != 1 || a.size(0) != x.size(0) || a.scalar_type() != x.scalar_type() ||
      a.device() != x.device()) {
    throw input_error("weights.x", "`weights.x` must be one number for each point of `x`, on its device.");
  }
}

// The sliced distance: all directions at once. Rows of its tensors are directions, columns sorted points or
// the pieces of the monotone plan between them.

// Projections in ascending order, and the mass up to and with each.
struct Sorted {
  Sorted(const at::Tensor& x, const at::Tensor& weights, const at::Tensor& directions) {
    std::tie(values, order) = at::sort(at::mm(directions, x.t()).to(at::kDouble), 1);
    upto = weights.to(at::kDouble).index_select(0, order.reshape(-1)).view(order.sizes()).cumsum(1);
  }
  // The point at each mass: directions x masses.
  at::Tensor at_mass(const at::Tensor& mass) const {
    const at::Tensor place = at::searchsorted(upto, mass).clamp_max(values.size(1) - 1);
    return values.gather(1, place);
  }
  at::Tensor values, order, upto;
};

at::Tensor proportions(const at::Tensor& x, const at::Tensor& a) {
  return a.defined() ? a / a.sum() : equal_weights(x);
}

// The dual potential on sorted x: between neighbours it grows by (x' - x) (x' + x - y - y'), where y and y'
// are what the plan gives just before and just after the mass up to x.
at::Tensor potential(const Sorted& x, const Sorted& y) {
  const std::int64_t n = x.values.size(1);
  const at::Tensor low = x.values.narrow(1, 0, n - 1), high = x.values.narrow(1, 1, n - 1);
  const at::Tensor mass = x.upto.narrow(1, 0, n - 1);
  const at::Tensor before = y.at_mass(mass - kSameMass), after = y.at_mass(mass + kSameMass);
  const at::Tensor growth = (high - low) * (high + low - before - after);
  return at::cat({at::zeros_like(x.values.narrow(1, 0, 1)), growth.cumsum(1)}, 1);
}

// Rows of `sorted` back in the order of the points.
at::Tensor unsorted(const at::Tensor& sorted, const at::Tensor& order) {
  return at::zeros_like(sorted).scatter(1, order, sorted);
}

}  // namespace

TensorDistance tensor_sinkhorn(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
                               const SinkhornOptions& options, bool gradient,
                               const std::function<bool()>& keep_going, std::int64_t pairs) {
  check_options(options);
  check_tensors(x, a, y);
  const c10::NoGradGuard no_gradients;
  // Small coordinates lose least in products.
  const at::Tensor centre = 0.5 * (x.mean(0, true) + y.mean(0, true));
  const Points from(x - centre, a.defined() ? a : equal_weights(x)), to(y - centre, equal_weights(y));
  const double diameter = options.diameter > 0 ? options.diameter : diameter_of(x, y);
  const std::vector<double> schedule = epsilon_schedule(options, diameter);
  const double eps = schedule.back();
  const Marginals marginals(options);

  TensorTransport both(from, to, options.p, pairs, marginals, keep_going);
  both.descend(schedule);
  at::Tensor self_x = at::zeros_like(from.weights), self_y = at::zeros_like(to.weights);
  TensorTransport within(from, from, options.p, pairs, marginals, keep_going);
  if (options.debias) {
    within.descend(schedule);
    self_x = within.f();
    TensorTransport other(to, to, options.p, pairs, marginals, keep_going);
    other.descend(schedule);
    self_y = other.f();
  }

  TensorDistance out;
  const at::Tensor worth_x = marginals.worth(both.f(), self_x, eps);
  out.value =
      weighted_sum(from.weights, worth_x) + weighted_sum(to.weights, marginals.worth(both.g(), self_y, eps));
  if (!gradient) return out;
  out.grad_a = worth_x;
  const double factor = 1.0 / marginals.steepening(eps);
  out.grad_x = factor * marginals.transported(from.weights, both.f()).unsqueeze(1) * both.direction(eps);
  if (options.debias)
    out.grad_x -= factor * marginals.transported(from.weights, self_x).unsqueeze(1) * within.direction(eps);
  return out;
}

TensorDistance tensor_sliced(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
                             const at::Tensor& directions, bool gradient) {
  check_tensors(x, a, y);
  if (directions.dim() != 2 || directions.size(0) < 1 || directions.size(1) != x.size(1)) {
    throw input_error("directions", "`directions` must be at least one row in the dimensions of `x`.");
  }
  const c10::NoGradGuard no_gradients;
  const at::Tensor lines = directions.to(x.options());
  const at::Tensor weights = proportions(x, a);
  const Sorted from(x, weights, lines), to(y, proportions(y, {}), lines);

  // The plan is cut at every mass at which either side steps.
  const at::Tensor cuts = std::get<0>(at::sort(at::cat({from.upto, to.upto}, 1), 1));
  const at::Tensor start =
      at::cat({at::zeros_like(cuts.narrow(1, 0, 1)), cuts.narrow(1, 0, cuts.size(1) - 1)}, 1);
  const at::Tensor mass = cuts - start, middle = 0.5 * (cuts + start);
  const at::Tensor place = at::searchsorted(from.upto, middle).clamp_max(from.values.size(1) - 1);
  const at::Tensor way = from.values.gather(1, place) - to.at_mass(middle);
  const double share = 1.0 / static_cast<double>(lines.size(0));

  TensorDistance out;
  out.value = share * (mass * way.square()).sum().item<double>();
  if (!gradient) return out;
  const at::Tensor slopes = at::zeros_like(from.values).scatter_add(1, place, 2.0 * mass * way);
  out.grad_x = share * at::mm(unsorted(slopes, from.order).to(x.scalar_type()).t(), lines);
  const at::Tensor phi = share * unsorted(potential(from, to), from.order).sum(0);
  const at::Tensor centred = phi - (phi * weights.to(at::kDouble)).sum();
  const double all = a.defined() ? a.sum(at::kDouble).item<double>() : 1.0;
  out.grad_a = (centred / all).to(x.scalar_type());
  return out;
}

}  // namespace fatefield
