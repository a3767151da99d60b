// Takes two clouds and options; gives the Sinkhorn divergence with gradient and potentials: the annealing
// loop and what follows it. The sums over pairs are in interaction.cpp.
#include "ot/sinkhorn.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "ot/clouds.hpp"
#include "ot/transport.hpp"

namespace fatefield {
namespace {

using ot::Interaction;
using ot::Marginals;
using ot::Transport;
using Vector = std::vector<double>;

// Bytes that may hold the scalar products of pairs: from the cache, or even from memory, they are read in
// less time than they are found.
constexpr std::size_t kKeptBytes = 48u << 20;
// Up to this many pairs a pass, transports may run side by side, where only one of them hears an interrupt.
constexpr std::int64_t kSmallPairs = std::int64_t{1} << 24;
// As many pairs take about the time in which threads are woken for a pass and wait for the last.
constexpr std::int64_t kForkPairs = std::int64_t{1} << 18;

// Costs over temperature beyond which single precision rounds exponents by whole powers of two: sums come out
// as 0 or infinite.
constexpr double kFloatReach = 1e8;

template <typename T>
class Divergence {
 public:
  Divergence(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& o)
      : x_(x), y_(y), options_(o), a_(ot::weights_of(x)), b_(ot::weights_of(y)), marginals_(o) {
    parts_.emplace_back(Interaction<T>(x, a_, y, b_, o.p), a_, b_, marginals_);
    if (!o.debias) return;
    parts_.emplace_back(Interaction<T>(x, a_, o.p), a_, Vector(), marginals_);
    parts_.emplace_back(Interaction<T>(y, b_, o.p), b_, Vector(), marginals_);
  }

  SinkhornResult<T> solve(bool gradient, const std::function<bool()>& keep_going) {
    const double diameter = options_.diameter > 0 ? options_.diameter : bounding_diameter<T>({x_, y_});
    const Vector schedule = epsilon_schedule(options_, diameter);
    out_.epsilon = schedule.back();
    out_.converged = options_.tolerance > 0;
    descend(schedule, gradient, keep_going);
    for (const ot::Descent& found : descents_) {
      out_.iterations = std::max(out_.iterations, found.iterations);
      out_.converged = out_.converged && found.converged;
    }
    report(gradient);
    return std::move(out_);
  }

 private:
  // All transports, side by side where they are small, else one after the other.
  void descend(const Vector& schedule, bool gradient, const std::function<bool()>& keep_going) {
    const auto count = static_cast<std::int64_t>(parts_.size());
    descents_.resize(parts_.size());
    const bool together = side_by_side();
    const std::size_t kept = kKeptBytes / static_cast<std::size_t>(together ? std::min(2, threads()) : 1);
    const auto one = [&](std::int64_t k, const std::function<bool()>& proceed) {
      Transport<T>& part = parts_[static_cast<std::size_t>(k)];
      part.keep(kept);
      descents_[static_cast<std::size_t>(k)] = part.descend(schedule, options_, proceed);
      if (k == 0) find_direction(part, gradient, direction_, columns_);
      if (k == 1 && gradient) find_direction(part, true, self_direction_, self_columns_);
      part.keep(0);
    };
    if (!together) {
      for (std::int64_t k = 0; k < count; ++k) one(k, keep_going);
      return;
    }
    // The calling thread may find all work taken by the others.
    if (keep_going && !keep_going()) throw Interrupted();
    HomeQuestion question(keep_going);
    parallel_for(count, [&](std::int64_t k) { one(k, [&] { return question.ask(); }); });
  }

  // The three transports are two of one size: on two threads they are done together without waiting.
  bool side_by_side() const {
    const auto n = static_cast<std::int64_t>(a_.size()), m = static_cast<std::int64_t>(b_.size());
    const std::int64_t self = std::max(n * n, m * m) / 2, longest = std::max(n * m, self);
    const std::int64_t all = n * m + (n * n + m * m) / 2;
    return options_.debias && threads() > 1 && all <= kSmallPairs && longest <= all / threads() + kForkPairs;
  }

  void find_direction(const Transport<T>& part, bool gradient, Vector& direction, Vector& columns) const {
    part.conditional(out_.epsilon, part.mass(), gradient ? &direction : nullptr, columns);
  }

  double self_x(std::size_t i) const { return options_.debias ? parts_[1].f()[i] : 0.0; }
  double self_y(std::size_t j) const { return options_.debias ? parts_[2].f()[j] : 0.0; }

  double value() const {
    const Transport<T>& xy = parts_[0];
    double sum = 0.0;
    for (std::size_t i = 0; i < a_.size(); ++i)
      sum += a_[i] * marginals_.worth(xy.f()[i], self_x(i), out_.epsilon);
    for (std::size_t j = 0; j < b_.size(); ++j)
      sum += b_[j] * marginals_.worth(xy.g()[j], self_y(j), out_.epsilon);
    return sum;
  }

  void report(bool gradient) {
    const Transport<T>& xy = parts_[0];
    // The value's factor is rho + eps / 2, its derivative's rho + eps; the originals use the former for both.
    const bool exact = options_.tolerance > 0;
    const double steepening = marginals_.steepening(out_.epsilon);
    const double weight_factor = exact ? steepening : 1.0, point_factor = exact ? 1.0 : 1.0 / steepening;
    out_.value = value();
    for (std::size_t i = 0; i < a_.size(); ++i) {
      out_.f.push_back(static_cast<T>(xy.f()[i] - self_x(i)));
      out_.grad_a.push_back(
          static_cast<T>(weight_factor * marginals_.worth(xy.f()[i], self_x(i), out_.epsilon)));
    }
    for (std::size_t j = 0; j < b_.size(); ++j) {
      out_.g.push_back(static_cast<T>(xy.g()[j] - self_y(j)));
      out_.grad_b.push_back(
          static_cast<T>(weight_factor * marginals_.worth(xy.g()[j], self_y(j), out_.epsilon)));
    }

    out_.marginal_error = xy.column_error(columns_);
    if (!gradient) return;

    add(direction_, xy.mass(), point_factor);
    if (options_.debias) add(self_direction_, parts_[1].mass(), -point_factor);
  }

  void add(const Vector& direction, const Vector& mass, double factor) {
    out_.grad_x.resize(direction.size(), T(0));
    const auto dims = static_cast<std::size_t>(x_.dims);
    for (std::size_t k = 0; k < direction.size(); ++k)
      out_.grad_x[k] += static_cast<T>(factor * mass[k / dims] * direction[k]);
  }

  Cloud<T> x_, y_;
  SinkhornOptions options_;
  Vector a_, b_;
  Marginals marginals_;
  std::vector<Transport<T>> parts_;
  std::vector<ot::Descent> descents_;
  Vector direction_, self_direction_, columns_, self_columns_;
  SinkhornResult<T> out_;
};

bool beyond_float(const Cloud<float>& x, const Cloud<float>& y, const SinkhornOptions& o) {
  return std::pow(bounding_diameter<float>({x, y}) / o.blur, static_cast<double>(o.p)) > kFloatReach;
}

// The same in double precision, given back in single.
SinkhornResult<float> in_doubles(const Cloud<float>& x, const Cloud<float>& y, const SinkhornOptions& o,
                                 bool gradient, const std::function<bool()>& keep_going) {
  const auto wide = [](const Cloud<float>& c, Vector& points, Vector& weights) -> Cloud<double> {
    points.assign(c.points, c.points + c.n * c.dims);
    if (c.weights == nullptr) return {points.data(), c.n, c.dims, nullptr};
    weights.assign(c.weights, c.weights + c.n);
    return {points.data(), c.n, c.dims, weights.data()};
  };
  Vector xs, as, ys, bs;
  const Cloud<double> from = wide(x, xs, as), to = wide(y, ys, bs);
  const SinkhornResult<double> r = Divergence<double>(from, to, o).solve(gradient, keep_going);
  const auto narrow = [](const Vector& v) { return std::vector<float>(v.begin(), v.end()); };
  SinkhornResult<float> out;
  out.value = r.value;
  out.grad_x = narrow(r.grad_x);
  out.grad_a = narrow(r.grad_a);
  out.grad_b = narrow(r.grad_b);
  out.f = narrow(r.f);
  out.g = narrow(r.g);
  out.epsilon = r.epsilon;
  out.iterations = r.iterations;
  out.marginal_error = r.marginal_error;
  out.converged = r.converged;
  return out;
}

}  // namespace

template <typename T>
SinkhornResult<T> sinkhorn_divergence(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                                      bool gradient, const std::function<bool()>& keep_going) {
  check_options(options);
  ot::check_pair(x, y, options.reach == 0);
  if constexpr (std::is_same<T, float>::value) {
    if (beyond_float(x, y, options)) return in_doubles(x, y, options, gradient, keep_going);
  }
  return Divergence<T>(x, y, options).solve(gradient, keep_going);
}

template SinkhornResult<float> sinkhorn_divergence(const Cloud<float>&, const Cloud<float>&,
                                                   const SinkhornOptions&, bool,
                                                   const std::function<bool()>&);
template SinkhornResult<double> sinkhorn_divergence(const Cloud<double>&, const Cloud<double>&,
                                                    const SinkhornOptions&, bool,
                                                    const std::function<bool()>&);

}  // namespace fatefield
