// Simulated differentiation with its truth: takes a design and options, gives cells sampled at several days
// from clones that were marked on the first day, their genes' unspliced and spliced counts, and for each cell
// what no experiment tells: its place, drift, noise, and the fates of its futures. No torch.
//
// States move on a Landscape by Euler and Maruyama. Each cell is sampled once; the members of a clone start
// beside one founder on the first day and move on their own. Where `growth` is not zero, a day's population
// is resampled at each step in proportion to exp(growth h), so that fast dividers leave more descendants.
//
// Gene g is transcribed at alpha_g(z) = top_g { leak_g + (1 - leak_g) / (1 + exp(-slope_g (v_g . z - at_g)))
// }, and along each cell's own path du/dt = alpha - beta u, ds/dt = beta u - gamma s, from the steady state
// of its founder's place. Counts are negative binomial around u and s times the cell's library size.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"
#include "base/simulation_options.hpp"
#include "sim/landscape.hpp"

namespace fatefield {

struct DifferentiationDesign {
  std::int64_t n_cells;
  std::vector<double> days;  ///< increasing; clones are marked on the first
  std::int64_t n_fates;
  std::int64_t n_genes;
  /// Genes per fate that follow a cell's leaning to the fate alone, from the first day on. They stand in the
  /// place of the last genes.
  std::int64_t n_drivers = 0;
};

/// What a gene follows: nothing, the progenitor, fate `module - kFirstFateModule`, or, from kFirstFateModule
/// + n_fates on, the leaning to a fate alone.
constexpr std::int64_t kConstantModule = 0;
constexpr std::int64_t kProgenitorModule = 1;
constexpr std::int64_t kFirstFateModule = 2;

/// One entry, or one row, per gene. Rates are per day; u and s are mean molecules in a cell of library
/// size 1.
struct SimulatedGenes {
  std::vector<std::int64_t> module;
  Matrix direction;  ///< v: genes x dims
  std::vector<double> top, leak, slope, at, beta, gamma;

  std::int64_t size() const { return static_cast<std::int64_t>(module.size()); }
  /// alpha of gene g at a state.
  double transcription(std::int64_t g, const double* z) const;
};

/// One entry or row per cell, or one column in the matrices of genes x cells.
struct Differentiation {
  SimulatedGenes genes;
  Matrix latent;  ///< cells x dims
  std::vector<double> day;
  std::vector<std::int64_t> clone;  ///< from 0
  std::vector<std::int64_t> state;  ///< -1 progenitor, else the fate from 0
  Matrix drift;                     ///< cells x dims
  std::vector<double> diffusion, potential, growth;
  /// cells x fates: share of the cell's simulated futures that end nearest to each fate on the last day.
  /// Empty where no futures were asked for.
  Matrix fate;
  /// The same with each future counted by its expected number of descendants.
  Matrix fate_weighted;
  std::vector<double> library;
  Matrix unspliced, spliced;                ///< genes x cells, means
  Matrix unspliced_counts, spliced_counts;  ///< genes x cells, whole numbers
};

/// The same seed gives the same bytes, whatever the number of threads.
/// Errors of kind Input name `n.cells`, `days`, `n.fates`, `n.genes`, `n.drivers` or the option that is out
/// of range.
Differentiation simulate_differentiation(const DifferentiationDesign& design,
                                         const DifferentiationOptions& options, std::uint64_t seed);

/// u and s of one gene after time h at the rate alpha (exact for a constant alpha).
void splice(double alpha, double beta, double gamma, double h, double& u, double& s);

}  // namespace fatefield
