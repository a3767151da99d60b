// Takes two clouds, potentials and a temperature; gives softmins, gradients of the cost under the plan and
// column sums, block of rows by block of rows. Exponents are in powers of two.
#include "ot/interaction.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ot/blocks.hpp"

namespace fatefield {
namespace ot {
namespace {

using Vector = std::vector<double>;

// log2 of a weight of zero, finite so that it stays itself under addition.
constexpr double kNothing = -1e30;
constexpr double kLog2E = 1.4426950408889634;
// Scalar products lose the digits that squared distances of near points keep, but cost half from here on.
constexpr std::int64_t kDotDims = 9;

template <typename T>
Vector mean_point(const Cloud<T>& x) {
  Vector centre(static_cast<std::size_t>(x.dims), 0.0);
  for (std::int64_t k = 0; k < x.n * x.dims; ++k)
    centre[k % x.dims] += x.points[k] / static_cast<double>(x.n);
  return centre;
}

}  // namespace

template <typename T>
void Interaction<T>::prepare(Side& side, const Cloud<T>& cloud, const Vector& weights,
                             const Vector& centre) const {
  const std::int64_t width = kernels<T>().width, padded = round_up(cloud.n, width);
  side.n = cloud.n;
  side.rows.assign(static_cast<std::size_t>(padded * dims_ + width), T(0));
  side.panels.assign(static_cast<std::size_t>(padded * dims_), T(0));
  side.half_squares.assign(static_cast<std::size_t>(cloud.n), 0.0);
  side.log_weights.resize(static_cast<std::size_t>(cloud.n));
  for (std::int64_t i = 0; i < cloud.n; ++i) {
    T* panel = side.panels.data() + i / width * width * dims_ + i % width;
    for (std::int64_t k = 0; k < dims_; ++k) {
      const T v = static_cast<T>(cloud.points[i * dims_ + k] - centre[k]);
      side.rows[i * dims_ + k] = v;
      panel[k * width] = v;
      side.half_squares[i] += 0.5 * static_cast<double>(v) * v;
    }
    side.log_weights[i] = weights[i] > 0 ? std::log2(weights[i]) : kNothing;
  }
}

template <typename T>
Interaction<T>::Interaction(const Cloud<T>& x, const Vector& a, const Cloud<T>& y, const Vector& b,
                            std::int64_t p)
    : dims_(x.dims), p_(p), self_(false) {
  form_ = p == 1 ? Form::Distance : (dims_ >= kDotDims ? Form::Dot : Form::Squared);
  const Vector centre = mean_point(x);
  prepare(x_, x, a, centre);
  prepare(y_, y, b, centre);
}

template <typename T>
Interaction<T>::Interaction(const Cloud<T>& x, const Vector& a, std::int64_t p)
    : dims_(x.dims), p_(p), self_(true) {
  form_ = p == 1 ? Form::Distance : (dims_ >= kDotDims ? Form::Dot : Form::Squared);
  prepare(x_, x, a, mean_point(x));
}

// log2(e) / eps as the kernels will see it, so that all parts of an exponent are scaled alike.
template <typename T>
double Interaction<T>::inverse(double eps) const {
  return static_cast<double>(static_cast<T>(kLog2E / eps));
}

// What one side adds to the exponents: potential, weight, and for scalar products its half of the cost.
template <typename T>
Vector Interaction<T>::raw_exponents(const Side& side, const Vector& potential, double inverse,
                                     bool weighted) const {
  Vector out(potential.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double cost = form_ == Form::Dot ? side.half_squares[i] : 0.0;
    const double weight = weighted ? side.log_weights[i] : 0.0;
    out[i] = weight == kNothing ? kNothing : (potential[i] - cost) * inverse + weight;
  }
  return out;
}

// Rounds to multiples of one power of two, so coarse that u_i + v_j is exact in T; factors make up for it.
template <typename T>
void Interaction<T>::round_exponents(const Vector& u, const Vector& v, Exponents& rows,
                                     Exponents& columns) const {
  double most = 1.0;
  for (const Vector* all : {&u, &v}) {
    for (double e : *all) most = e == kNothing ? most : std::max(most, std::abs(e));
  }
  const double unit = std::exp2(std::ilogb(most) + 2 - std::numeric_limits<T>::digits);
  const auto fill = [&](const Vector& from, Exponents& to) {
    const auto padded =
        static_cast<std::size_t>(round_up(static_cast<std::int64_t>(from.size()), kernels<T>().width));
    to.value.assign(padded, static_cast<T>(kNothing));
    to.factor.assign(padded, T(0));
    kernels<T>().round(from.data(), static_cast<std::int64_t>(from.size()), unit, to.value.data(),
                       to.factor.data());
  };
  fill(u, rows);
  fill(v, columns);
}

template <typename T>
Tile<T> Interaction<T>::tile(const Side& rows, const Exponents& u, std::int64_t from, std::int64_t to,
                             const Side& columns, const Exponents& v, std::int64_t first_column,
                             double inverse) const {
  Tile<T> t;
  t.x = rows.rows.data() + from * dims_;
  t.rows = to - from;
  t.dims = dims_;
  t.panels = columns.panels.data() + first_column * dims_;
  t.points = columns.rows.data() + first_column * dims_;
  t.cols = static_cast<std::int64_t>(v.value.size()) - first_column;
  t.form = form_;
  t.scale =
      static_cast<T>(form_ == Form::Dot ? inverse : (form_ == Form::Squared ? -0.5 * inverse : -inverse));
  t.floor = static_cast<T>(kDistanceFloor);
  t.u = u.value.data() + from;
  t.wx = u.factor.data() + from;
  t.v = v.value.data() + first_column;
  t.wy = v.factor.data() + first_column;
  return t;
}

template <typename T>
void Interaction<T>::keep(std::size_t bytes) {
  kept_starts_.clear();
  filled_ = false;
  const std::int64_t columns = round_up(self_ ? x_.n : y_.n, kernels<T>().width), step = block_rows(x_.n);
  std::size_t used = 0;
  for (std::int64_t from = 0; form_ == Form::Dot && from < x_.n; from += step) {
    const std::int64_t rows = std::min(step, x_.n - from);
    const auto more = static_cast<std::size_t>(rows * (self_ ? columns - from : columns));
    if ((used + more) * sizeof(T) > bytes) break;
    kept_starts_.push_back(used);
    used += more;
  }
  kept_ = make_workspace<T>(used);
}

// Where a block keeps its values; nullptr where it keeps none.
template <typename T>
T* Interaction<T>::kept_by(std::int64_t block) const {
  const auto k = static_cast<std::size_t>(block);
  return k < kept_starts_.size() ? kept_.get() + kept_starts_[k] : nullptr;
}

// Sums of 2^t over rows and columns without the factors of the rounding of the row or column itself. With
// itself, blocks above the diagonal count for rows and columns, and `columns` is not touched.
template <typename T>
void Interaction<T>::pass(double inverse, Vector& rows, Vector& columns) {
  const Side& y = self_ ? x_ : y_;
  const Exponents& v = self_ ? u_ : v_;
  const auto stride = static_cast<std::int64_t>(v.value.size());
  const std::int64_t step = block_rows(x_.n), blocks = block_count(x_.n);
  partial_.resize(static_cast<std::size_t>(blocks * stride));
  rows.resize(static_cast<std::size_t>(x_.n));
  for_blocks(x_.n, [&](std::int64_t block, std::int64_t from, std::int64_t to) {
    T* const sums = partial_.data() + block * stride;
    const std::int64_t after = self_ ? std::min(stride, from + step) : 0;
    std::fill(sums + after, sums + stride, T(0));
    Tile<T> rest = tile(x_, u_, from, to, y, v, after, inverse);
    rest.kept = kept_by(block);
    rest.filled = filled_;
    if (!self_) {
      kernels<T>().sums(rest, rows.data() + from, sums);
      return;
    }
    Tile<T> diagonal = tile(x_, u_, from, to, y, v, from, inverse);
    diagonal.cols = after - from;
    diagonal.kept = rest.kept;
    diagonal.filled = filled_;
    kernels<T>().sums(diagonal, rows.data() + from, nullptr);
    if (after >= x_.n) return;
    if (rest.kept != nullptr) rest.kept += diagonal.rows * diagonal.cols;
    Vector right(static_cast<std::size_t>(to - from));
    kernels<T>().sums(rest, right.data(), sums + after);
    for (std::int64_t i = from; i < to; ++i) rows[i] += right[i - from];
  });
  filled_ = true;
  Vector& into = self_ ? rows : columns;
  if (!self_) into.assign(static_cast<std::size_t>(y.n), 0.0);
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t after = self_ ? std::min(y.n, (block + 1) * step) : 0;
    kernels<T>().accumulate(partial_.data() + block * stride + after, y.n - after, into.data() + after);
  }
}

// Softmins of the rows `which`, whatever their range: the maximum is found first and taken off.
template <typename T>
void Interaction<T>::redo(const Side& rows, const Side& columns, double inverse, const Vector& f,
                          const Vector& g, const std::vector<std::int64_t>& which, Vector& out) const {
  const auto count = static_cast<std::int64_t>(which.size());
  Side some;
  some.n = count;
  Vector potential;
  for (std::int64_t i : which) {
    some.rows.insert(some.rows.end(), rows.rows.begin() + i * dims_, rows.rows.begin() + (i + 1) * dims_);
    some.half_squares.push_back(rows.half_squares[i]);
    potential.push_back(f[i]);
  }
  const Vector u = raw_exponents(some, potential, inverse, false);
  Exponents eu, ev;
  round_exponents(u, raw_exponents(columns, g, inverse, true), eu, ev);
  for_blocks(count, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    const Tile<T> t = tile(some, eu, from, to, columns, ev, 0, inverse);
    const auto length = static_cast<std::size_t>(to - from);
    std::vector<T> most(length);
    kernels<T>().row_max(t, most.data());
    for (std::size_t i = 0; i < length; ++i) eu.value[from + i] -= most[i];
    Vector sums(length);
    kernels<T>().sums(t, sums.data(), nullptr);
    for (std::size_t i = 0; i < length; ++i) {
      const double shift = u[from + i] - static_cast<double>(eu.value[from + i]);
      out[which[from + i]] = f[which[from + i]] - (std::log2(sums[i]) + shift) / inverse;
    }
  });
}

template <typename T>
void Interaction<T>::softmin(double eps, const Vector& f, const Vector& g, Vector& f_new, Vector& g_new) {
  const double inv = inverse(eps);
  const Vector u = raw_exponents(x_, f, inv, true);
  const Vector v = self_ ? Vector() : raw_exponents(y_, g, inv, true);
  round_exponents(u, v, u_, v_);
  Vector rows, columns;
  pass(inv, rows, columns);

  const double reach = exponent_reach<T>();
  const auto finish = [&](const Side& side, const Side& other, const Exponents& rounded, const Vector& sums,
                          const Vector& mine, const Vector& others, Vector& out) {
    // Values held at 2^-reach may add up to this and must not count.
    const double low = std::exp2(30.0 - reach) * static_cast<double>(other.n);
    const double high = std::exp2(reach - 4.0);
    std::vector<std::int64_t> again;
    out.resize(mine.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!(sums[i] > low && sums[i] < high)) again.push_back(static_cast<std::int64_t>(i));
      out[i] = sums[i] * static_cast<double>(rounded.factor[i]);
    }
    kernels<T>().log2(out.data(), static_cast<std::int64_t>(out.size()), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = mine[i] - (out[i] - side.log_weights[i]) / inv;
    if (!again.empty()) redo(side, other, inv, mine, others, again, out);
  };
  finish(x_, self_ ? x_ : y_, u_, rows, f, self_ ? f : g, f_new);
  if (!self_) finish(y_, x_, v_, columns, g, f, g_new);
}

template <typename T>
void Interaction<T>::conditional(double eps, const Vector& f, const Vector& g, const Vector& mass,
                                 Vector* direction, Vector& columns) const {
  const Side& y = self_ ? x_ : y_;
  const double inv = inverse(eps);
  Exponents u, v;
  round_exponents(raw_exponents(x_, f, inv, false), raw_exponents(y, g, inv, true), u, v);
  Aligned<T> weights(u.factor);
  for (std::int64_t i = 0; i < x_.n; ++i) weights[i] *= static_cast<T>(mass[i]);

  const auto stride = static_cast<std::int64_t>(v.value.size());
  Aligned<T> partial(static_cast<std::size_t>(block_count(x_.n) * stride), T(0));
  if (direction != nullptr) direction->resize(static_cast<std::size_t>(x_.n * dims_));
  for_blocks(x_.n, [&](std::int64_t block, std::int64_t from, std::int64_t to) {
    Tile<T> t = tile(x_, u, from, to, y, v, 0, inv);
    t.wx = weights.data() + from;
    t.kept = self_ ? nullptr : kept_by(block);
    t.filled = filled_;
    Vector sums(static_cast<std::size_t>(to - from));
    T* into = partial.data() + block * stride;
    if (direction == nullptr) {
      kernels<T>().sums(t, sums.data(), into);
      return;
    }
    double* out = direction->data() + from * dims_;
    kernels<T>().directions(t, sums.data(), into, out);
    for (std::int64_t k = 0; k < (to - from) * dims_; ++k) out[k] /= sums[k / dims_];
  });
  columns.assign(static_cast<std::size_t>(y.n), 0.0);
  for (std::int64_t block = 0; block < block_count(x_.n); ++block)
    kernels<T>().accumulate(partial.data() + block * stride, y.n, columns.data());
  for (std::int64_t j = 0; j < y.n; ++j) {
    columns[j] = y.log_weights[j] == kNothing ? 0.0 : columns[j] * static_cast<double>(v.factor[j]);
  }
}

template class Interaction<float>;
template class Interaction<double>;

}  // namespace ot
}  // namespace fatefield
