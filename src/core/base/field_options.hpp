// Defaults of learned velocity fields and of the two-branch system they are tested on.
#pragma once

#include <cstdint>

#include "base/options.hpp"

namespace fatefield {

/// Cells that go along one path and then one of two, with piecewise constant rates of transcription.
struct TwoBranchOptions {
  std::int64_t n_cells = 1500;
  std::int64_t n_genes = 269;
  /// Share of the cells behind the fork that are on the first branch.
  double major_share = 0.61;
  /// When the branches part, and how long the whole lasts, in units of time.
  double fork = 2.8;
  double span = 8.0;
  /// Median over genes of spliced molecules at the steady state of full transcription.
  double depth = 2.0;
  /// Excess variance of counts over the Poisson, relative to the squared mean.
  double dispersion = 0.1;
  /// Standard deviation of the logarithm of the library size.
  double library_spread = 0.3;
};

template <typename O, typename V>
void fields(TwoBranchOptions*, O& o, V&& visit) {
  visit("n.cells", o.n_cells);
  visit("n.genes", o.n_genes);
  visit("major.share", o.major_share);
  visit("fork", o.fork);
  visit("span", o.span);
  visit("depth", o.depth);
  visit("dispersion", o.dispersion);
  visit("library.spread", o.library_spread);
}

}  // namespace fatefield
