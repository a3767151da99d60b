// Takes two clouds and options; gives the Sinkhorn divergence with gradient and potentials: the annealing
// loop and what follows it. The sums over pairs are in interaction.cpp.
#include "ot/sinkhorn.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ot/clouds.hpp"
#include "ot/transport.hpp"

namespace fatefield {
namespace {

using ot::Interaction;
using ot::Marginals;
using ot::Transport;
using Vector = std::vector<double>;

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
    for (Transport<T>& part : parts_) {
      const ot::Descent found = part.descend(schedule, options_, keep_going);
      out_.iterations = std::max(out_.iterations, found.iterations);
      out_.converged = out_.converged && found.converged;
    }
    report(gradient);
    return std::move(out_);
  }

 private:
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

    Vector direction, self_direction, columns;
    const Vector mass = xy.mass();
    xy.conditional(out_.epsilon, mass, gradient ? &direction : nullptr, columns);
    out_.marginal_error = xy.column_error(columns);
    if (!gradient) return;

    add(direction, mass, point_factor);
    if (!options_.debias) return;
    const Vector self_mass = parts_[1].mass();
    parts_[1].conditional(out_.epsilon, self_mass, &self_direction, columns);
    add(self_direction, self_mass, -point_factor);
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
  SinkhornResult<T> out_;
};

}  // namespace

template <typename T>
SinkhornResult<T> sinkhorn_divergence(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                                      bool gradient, const std::function<bool()>& keep_going) {
  check_options(options);
  ot::check_pair(x, y, options.reach == 0);
  return Divergence<T>(x, y, options).solve(gradient, keep_going);
}

template SinkhornResult<float> sinkhorn_divergence(const Cloud<float>&, const Cloud<float>&,
                                                   const SinkhornOptions&, bool,
                                                   const std::function<bool()>&);
template SinkhornResult<double> sinkhorn_divergence(const Cloud<double>&, const Cloud<double>&,
                                                    const SinkhornOptions&, bool,
                                                    const std::function<bool()>&);

}  // namespace fatefield
