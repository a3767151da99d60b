// What clones say of the pairs of cells of successive times. Takes numbers of clones (below 0: none); gives
// pairs to raise in a plan, and how far the clones bear out plans found without them, by the noise that these
// assume.
//
// A cell and a cell of its clone at the next time need not be ancestor and descendant: both may descend from
// a founder long before, barcodes are misread, and two founders may get the same. So a clone is trusted as
// far as plans found without it agree: where the mates of cell i have the share r_i of its row, relative to
// what they would have by chance, the trust w maximises sum_i log((1 - w) + w r_i). Clones that are mixed up
// have w = 0.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/matrix.hpp"
#include "ot/raised_pairs.hpp"

namespace fatefield {

/// Pairs of one clone between two clouds, raised so that a cell's mates have the share `trust` of its row,
/// times the share of the later cells whose clone is known, where distance says nothing. Cells of large
/// clones have some of their mates, which then count for all.
/// @param trust between 0 and 1; 0 raises none
ot::RaisedPairs clone_pairs(const std::vector<std::int64_t>& x, const std::vector<std::int64_t>& y,
                            double trust);

/// Of one interval.
struct CloneEvidence {
  double from = 0.0, to = 0.0;
  std::int64_t cells = 0;   ///< of the earlier time, with a clone
  std::int64_t linked = 0;  ///< of these, with mates at the later time
  double noise = 0.0;       ///< PlanOptions::noise under which clones and plan agree best
  double trust = 0.0;       ///< w there
  double gain = 0.0;        ///< mean of log((1 - w) + w r_i) there
  double gain_se = 0.0;     ///< its standard error; clones are the units
};

/// One an interval between successive times. Plans are of some of the cells of each time where there are
/// many.
/// @param drift cells x dims, per unit of time: of the process that plans are taken from; empty for none
std::vector<CloneEvidence> clone_evidence(const MatrixView& x, const std::vector<double>& time,
                                          const std::vector<std::int64_t>& clone, const MatrixView& drift,
                                          std::uint64_t seed, const std::function<bool()>& keep_going);

}  // namespace fatefield
