// One gene as the dynamical model sees it: smoothed abundances, which cells count, and means over the cells
// around each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/aligned.hpp"
#include "graph/fuzzy.hpp"
#include "velocity/dynamical/kinetics.hpp"

namespace fatefield {

/// Transcription of a gene starts at time 0 and stops at t_switch; u / scaling are the model's units of
/// unspliced molecules.
struct GeneParameters {
  double alpha, beta, gamma, scaling, t_switch;

  Rates rates() const { return {alpha, beta, gamma}; }
  /// From nothing, transcribed at rate alpha.
  Course induction() const { return {rates(), {0, 0}}; }
  /// From the state at t_switch, no longer transcribed.
  Course repression() const { return {{0, beta, gamma}, splicing_state(induction(), t_switch)}; }
};

/// Abundances of one gene in all cells. Arrays are padded with zeros to a multiple of kSplicingLanes.
struct GeneReads {
  std::int64_t cells = 0;
  Aligned<double> u, s;
  /// Cells that the loss counts: both abundances positive, and none among the highest.
  std::vector<char> used;
  /// Those of them with more than a third of the highest abundances: the cells of the likelihood.
  std::vector<char> upper;
  std::int64_t n_used = 0;
  /// Standard deviations among the used cells.
  double std_u = 0, std_s = 0;
  /// Empty, or why the gene cannot be fitted.
  std::string trouble;

  std::int64_t padded() const { return static_cast<std::int64_t>(u.size()); }
};

/// @param u, s `cells` smoothed abundances each
GeneReads read_gene(const double* u, const double* s, std::int64_t cells);

/// When each cell is, and whether it is being induced (t <= t_switch) or repressed.
struct CellTimes {
  std::vector<double> t;
  std::vector<char> on;
};

/// Means over each cell and those around it.
class CellAverages {
 public:
  /// @param sets   must outlive this; without any cells, each cell is alone
  /// @param single hold the shares of the cells in single precision, as scVelo does
  explicit CellAverages(const CellSets& sets, bool single = false);

  bool alone() const { return share_.empty(); }
  /// Cells in a set, on average.
  double mean_size() const;

  /// The means of four columns beside each other, [cell][4], or of two; `cells` rows.
  void of_four(std::int64_t cells, const double* in, double* out) const;
  void of_two(std::int64_t cells, const double* in, double* out) const;
  std::vector<double> of(const std::vector<double>& x) const;
  /// Calls f(j, share) for each cell j in the set of cell i.
  template <typename F>
  void each(std::int64_t i, F&& f) const {
    if (alone()) return f(i, 1.0);
    for (std::int64_t e = sets_.offset[i]; e < sets_.offset[i + 1]; ++e)
      f(static_cast<std::int64_t>(sets_.index[e]), share_[i]);
  }

 private:
  const CellSets& sets_;
  std::vector<double> share_;
};

}  // namespace fatefield
