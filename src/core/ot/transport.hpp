// Potentials of one transport, between two clouds or of a cloud with itself, found by annealing. Takes
// temperatures; the sums over pairs are Interaction's. The divergence and plans are made of this.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "ot/interaction.hpp"
#include "ot/raised_pairs.hpp"
#include "ot/sinkhorn.hpp"

namespace fatefield {
namespace ot {

/// What becomes of mass that is not transported: none when balanced; else its loss costs rho = reach^p times
/// the Kullback-Leibler divergence. Of both sides of a transport, or of one.
class Marginals {
 public:
  explicit Marginals(const SinkhornOptions& o) : Marginals(o.reach, o.p) {}
  Marginals(double reach, std::int64_t p)
      : balanced_(reach == 0), rho_(std::pow(reach, static_cast<double>(p))) {}

  /// Softmins times this are potentials.
  double damping(double eps) const { return balanced_ ? 1.0 : 1.0 / (1.0 + eps / rho_); }

  // Of numbers or of tensors.

  /// What of the mass of a point is transported under potential f.
  template <typename V>
  V transported(const V& mass, const V& f) const {
    return balanced_ ? mass : mass * kept(f);
  }

  /// What a unit of weight adds to the value.
  template <typename V>
  V worth(const V& f, const V& self, double eps) const {
    if (balanced_) return f - self;
    return (rho_ + 0.5 * eps) * (kept(self) - kept(f));
  }

  /// The derivative of the converged value in a weight is worth() times this.
  double steepening(double eps) const { return balanced_ ? 1.0 : (rho_ + eps) / (rho_ + 0.5 * eps); }

 private:
  template <typename V>
  V kept(const V& f) const {
    using std::exp;
    return exp(-f / rho_);
  }

  bool balanced_;
  double rho_;
};

/// The annealing that all executors share: one simultaneous averaged update at each temperature, after one
/// that starts from nothing. `p` has find(eps), which finds the next potentials from the present ones,
/// finish(eps), which also takes them, and average().
template <typename Potentials>
void anneal(Potentials& p, const std::vector<double>& schedule) {
  p.finish(schedule.front());
  for (double eps : schedule) {
    p.find(eps);
    p.average();
  }
}

struct Descent {
  std::int64_t iterations = 0;
  bool converged = false;  ///< the tolerance was reached; false where none was asked for
};

template <typename T>
class Transport {
 public:
  /// @param a,b weights of the rows and columns of `pairs`; of a cloud with itself b is empty, and so is g
  Transport(Interaction<T> pairs, std::vector<double> a, std::vector<double> b, const Marginals& marginals)
      : Transport(std::move(pairs), std::move(a), std::move(b), marginals, marginals) {}
  /// With a rule for each side; one of them balanced makes a semi-relaxed transport.
  Transport(Interaction<T> pairs, std::vector<double> a, std::vector<double> b, const Marginals& rows,
            const Marginals& columns);

  /// One averaged update at each temperature of the schedule, then updates at the last one until the plan
  /// misses the weights by less than options.tolerance of the mass where that is asked for, then one update
  /// that is not averaged. Asks keep_going before each.
  Descent descend(const std::vector<double>& schedule, const SinkhornOptions& options,
                  const std::function<bool()>& keep_going);

  /// As Interaction::keep().
  void keep(std::size_t bytes) { pairs_.keep(bytes); }

  /// Raises some pairs in what descend() finds.
  void raise(Raising raising) { raising_ = std::move(raising); }

  // After descend():
  const std::vector<double>& f() const { return f_; }
  const std::vector<double>& g() const { return g_; }
  /// Potential that f came from: with it the plan has exact rows.
  const std::vector<double>& g_before() const { return pairs_.self() ? f_next_ : g_next_; }
  /// Mass that leaves each point.
  std::vector<double> mass() const;
  /// What the plan with exact rows does; see Interaction::conditional().
  void conditional(double eps, const std::vector<double>& mass, std::vector<double>* direction,
                   std::vector<double>& columns) const;
  /// Sum over columns of |mass that arrives - mass that should|.
  double column_error(const std::vector<double>& columns) const;

  // The steps of anneal().
  void find(double eps);
  void finish(double eps);
  void average();

 private:
  bool converge(double eps, const SinkhornOptions& options, std::int64_t& iterations);

  Interaction<T> pairs_;
  Raising raising_;
  std::vector<double> a_, b_;
  Marginals rows_, columns_;
  std::vector<double> f_, g_, f_next_, g_next_;
  std::function<bool()> keep_going_;
};

}  // namespace ot
}  // namespace fatefield
