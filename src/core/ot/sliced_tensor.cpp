// Takes tensors of points and directions; gives the sliced distance with its gradient. All directions at
// once: rows of the tensors here are directions, columns sorted points or the pieces of the monotone plan
// between them.
#include "ot/sliced_tensor.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <tuple>

#include "base/error.hpp"

namespace fatefield {
namespace {

// Cumulated masses that differ by less are the same.
constexpr double kSameMass = 1e-13;

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
  if (a.defined()) return a / a.sum();
  return at::full({x.size(0)}, 1.0 / static_cast<double>(x.size(0)), x.options());
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

TensorDivergence tensor_sliced(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
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

  TensorDivergence out;
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
