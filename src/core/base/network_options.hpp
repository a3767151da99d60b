// Defaults of networks between genes: which edges count and how modules are found.
#pragma once

#include <cstdint>

namespace fatefield {

/// The search for modules (Traag, Waltman and van Eck, Scientific Reports 9, 2019).
struct LeidenOptions {
  /// Factor of the expected weight within modules: the higher, the smaller modules are.
  double resolution = 1.0;
  /// At most this many rounds; fewer where a round finds nothing better.
  std::int64_t max_rounds = 20;
  /// Randomness of the refinement: gains, as shares of a node's weight, are told apart at about this scale.
  double randomness = 0.01;
};

/// From correlations to modules.
struct CoexpressionOptions {
  /// Genes have at least this mean, in the units of the input.
  double min_mean = 0.01;
  /// Power of the correlation; 0 takes the first that makes the network scale-free.
  double power = 0.0;
  /// Largest power tried.
  std::int64_t max_power = 20;
  /// The fit to a power law that is enough.
  double min_fit = 0.8;
  /// Of hard edges: share of all pairs kept at most.
  double top = 0.05;
  /// Of hard edges: share of false ones accepted.
  double fdr = 0.05;
  /// Shuffles that tell how many edges are false.
  std::int64_t n_perm = 5;
  /// Least genes of a module.
  std::int64_t min_size = 10;
  /// (R: `min.kME`) Least correlation of a gene with the first component of its module.
  double min_kme = 0.3;
};

}  // namespace fatefield
