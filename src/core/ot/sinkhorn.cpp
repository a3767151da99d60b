// Takes two clouds and options; gives the Sinkhorn divergence with gradient and potentials: the annealing
// loop and what follows it. The sums over pairs are in interaction.cpp.
#include "ot/sinkhorn.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "ot/anderson.hpp"
#include "ot/clouds.hpp"
#include "ot/interaction.hpp"

namespace fatefield {
namespace {

using ot::Interaction;
using Vector = std::vector<double>;

// Iterations without progress after which the precision of T is taken to be exhausted.
constexpr std::int64_t kPatience = 300;

double total(const Vector& a) {
  double sum = 0.0;
  for (double v : a) sum += v;
  return sum;
}

// What becomes of mass that is not transported: nothing is lost when balanced; else its loss costs rho =
// reach^p times the Kullback-Leibler divergence.
class Marginals {
 public:
  explicit Marginals(const SinkhornOptions& o)
      : balanced_(o.reach == 0), rho_(std::pow(o.reach, static_cast<double>(o.p))) {}

  /// Softmins times this are potentials.
  double damping(double eps) const { return balanced_ ? 1.0 : 1.0 / (1.0 + eps / rho_); }

  /// Share of a point's mass that is transported under potential f.
  double kept(double f) const { return balanced_ ? 1.0 : std::exp(-f / rho_); }

  /// What a unit of weight adds to the value.
  double worth(double f, double self, double eps) const {
    return balanced_ ? f - self : (rho_ + 0.5 * eps) * (kept(self) - kept(f));
  }

  /// The derivative of the converged value in a weight is worth() times this.
  double steepening(double eps) const { return balanced_ ? 1.0 : (rho_ + eps) / (rho_ + 0.5 * eps); }

 private:
  bool balanced_;
  double rho_;
};

// Potentials of one transport: between two clouds, or of a cloud with itself, where g stays empty.
template <typename T>
class Transport {
 public:
  Transport(Interaction<T> pairs, std::size_t n, std::size_t m, const Marginals& marginals)
      : pairs_(std::move(pairs)), marginals_(marginals), f_(n, 0.0), g_(m, 0.0) {}

  void start(double eps) {
    find(eps);
    f_.swap(f_next_);
    g_.swap(g_next_);
  }

  /// One averaged update.
  void update(double eps) {
    find(eps);
    average(f_, f_next_);
    average(g_, g_next_);
  }

  /// One accelerated update at a temperature that stays; gives by how much the marginals of the plan missed
  /// the weights before it, as a share of the mass: near (f_next - f) / eps for each point.
  double sharpen(double eps, const Vector& a, const Vector& b) {
    find(eps);
    const std::size_t n = f_.size();
    const Vector weights = joined(a, pairs_.self() ? Vector() : b);
    const Vector now = joined(f_, g_), image = joined(f_next_, g_next_);
    if (!accelerator_) accelerator_ = std::make_unique<ot::Anderson>(weights);
    const Vector next = accelerator_->next(now, image);
    f_.assign(next.begin(), next.begin() + n);
    g_.assign(next.begin() + n, next.end());
    double missed = 0.0;
    for (std::size_t i = 0; i < now.size(); ++i) missed += weights[i] * std::abs(image[i] - now[i]);
    return missed / (eps * total(a));
  }

  /// The last update, not averaged.
  void finish(double eps) {
    find(eps);
    f_.swap(f_next_);
    g_.swap(g_next_);
  }

  const Vector& f() const { return f_; }
  const Vector& g() const { return g_; }
  /// After finish(): the potential that f came from.
  const Vector& g_before() const { return pairs_.self() ? f_next_ : g_next_; }

  /// After finish(): what the plan with exact rows does; see Interaction::conditional().
  void conditional(double eps, const Vector& mass, Vector* direction, Vector& columns) const {
    Vector softmin = f_;
    for (double& v : softmin) v /= marginals_.damping(eps);
    pairs_.conditional(eps, softmin, g_before(), mass, direction, columns);
  }

 private:
  void find(double eps) {
    pairs_.softmin(eps, f_, g_, f_next_, g_next_);
    const double damping = marginals_.damping(eps);
    for (double& v : f_next_) v *= damping;
    for (double& v : g_next_) v *= damping;
  }

  static void average(Vector& now, const Vector& next) {
    for (std::size_t i = 0; i < now.size(); ++i) now[i] = 0.5 * (now[i] + next[i]);
  }

  static Vector joined(Vector u, const Vector& v) {
    u.insert(u.end(), v.begin(), v.end());
    return u;
  }

  Interaction<T> pairs_;
  const Marginals& marginals_;
  Vector f_, g_, f_next_, g_next_;
  std::unique_ptr<ot::Anderson> accelerator_;
};

template <typename T>
class Divergence {
 public:
  Divergence(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& o)
      : x_(x), y_(y), options_(o), a_(ot::weights_of(x)), b_(ot::weights_of(y)), marginals_(o) {
    parts_.emplace_back(Interaction<T>(x, a_, y, b_, o.p), a_.size(), b_.size(), marginals_);
    if (!o.debias) return;
    parts_.emplace_back(Interaction<T>(x, a_, o.p), a_.size(), 0, marginals_);
    parts_.emplace_back(Interaction<T>(y, b_, o.p), b_.size(), 0, marginals_);
  }

  SinkhornResult<T> solve(bool gradient) {
    const double diameter = options_.diameter > 0 ? options_.diameter : bounding_diameter<T>({x_, y_});
    const Vector schedule = epsilon_schedule(options_, diameter);
    for (Transport<T>& part : parts_) part.start(schedule.front());
    for (double eps : schedule) {
      for (Transport<T>& part : parts_) part.update(eps);
    }
    out_.iterations = static_cast<std::int64_t>(schedule.size());
    out_.epsilon = schedule.back();
    if (options_.tolerance > 0) converge();
    for (Transport<T>& part : parts_) part.finish(out_.epsilon);
    ++out_.iterations;
    report(gradient);
    return std::move(out_);
  }

 private:
  // Updates a part and how much it misses its marginals; a part that has converged rests.
  void sharpen(std::size_t part, const Vector& a, const Vector& b, double& missed) {
    if (missed > options_.tolerance) missed = parts_[part].sharpen(out_.epsilon, a, b);
  }

  void converge() {
    double missed[3] = {INFINITY, options_.debias ? INFINITY : 0.0, options_.debias ? INFINITY : 0.0};
    double best = INFINITY;
    std::int64_t best_at = 0;
    for (std::int64_t k = 0; k < options_.max_iterations && !out_.converged; ++k) {
      sharpen(0, a_, b_, missed[0]);
      sharpen(1, a_, {}, missed[1]);
      sharpen(2, b_, {}, missed[2]);
      ++out_.iterations;
      const double worst = *std::max_element(missed, missed + 3);
      out_.converged = worst <= options_.tolerance;
      if (worst < best) best_at = k;
      best = std::min(best, worst);
      if (k - best_at > kPatience) return;
    }
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

    Vector direction, self_direction, columns;
    Vector mass = transported(xy.f());
    xy.conditional(out_.epsilon, mass, gradient ? &direction : nullptr, columns);
    for (std::size_t j = 0; j < b_.size(); ++j)
      out_.marginal_error += std::abs(columns[j] - b_[j] * marginals_.kept(xy.g_before()[j]));
    if (!gradient) return;

    add(direction, mass, point_factor);
    if (!options_.debias) return;
    mass = transported(parts_[1].f());
    parts_[1].conditional(out_.epsilon, mass, &self_direction, columns);
    add(self_direction, mass, -point_factor);
  }

  Vector transported(const Vector& f) const {
    Vector mass = a_;
    for (std::size_t i = 0; i < mass.size(); ++i) mass[i] *= marginals_.kept(f[i]);
    return mass;
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
                                      bool gradient) {
  check_options(options);
  ot::check_pair(x, y, options.reach == 0);
  return Divergence<T>(x, y, options).solve(gradient);
}

template SinkhornResult<float> sinkhorn_divergence(const Cloud<float>&, const Cloud<float>&,
                                                   const SinkhornOptions&, bool);
template SinkhornResult<double> sinkhorn_divergence(const Cloud<double>&, const Cloud<double>&,
                                                    const SinkhornOptions&, bool);

}  // namespace fatefield
