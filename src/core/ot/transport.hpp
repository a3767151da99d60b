// Potentials of one transport, between two clouds or of a cloud with itself, found by annealing. Takes
// temperatures; the sums over pairs are Interaction's. The divergence and plans are made of this.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "ot/interaction.hpp"
#include "ot/sinkhorn.hpp"

namespace fatefield {
namespace ot {

/// What becomes of mass that is not transported: none when balanced; else its loss costs rho = reach^p times
/// the Kullback-Leibler divergence.
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

struct Descent {
  std::int64_t iterations = 0;
  bool converged = false;  ///< the tolerance was reached; false where none was asked for
};

template <typename T>
class Transport {
 public:
  /// @param a,b weights of the rows and columns of `pairs`; of a cloud with itself b is empty, and so is g
  Transport(Interaction<T> pairs, std::vector<double> a, std::vector<double> b, const Marginals& marginals);

  /// One averaged update at each temperature of the schedule, then updates at the last one until the plan
  /// misses the weights by less than options.tolerance of the mass where that is asked for, then one update
  /// that is not averaged. Asks keep_going before each.
  Descent descend(const std::vector<double>& schedule, const SinkhornOptions& options,
                  const std::function<bool()>& keep_going);

  /// As Interaction::keep().
  void keep(std::size_t bytes) { pairs_.keep(bytes); }

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

 private:
  void find(double eps);
  void finish(double eps);
  bool converge(double eps, const SinkhornOptions& options, std::int64_t& iterations);

  Interaction<T> pairs_;
  std::vector<double> a_, b_;
  Marginals marginals_;
  std::vector<double> f_, g_, f_next_, g_next_;
  std::function<bool()> keep_going_;
};

}  // namespace ot
}  // namespace fatefield
