// When paths commit: first passage into the region of a fate, the time from which they stay there, and the
// probability of each fate that a path still has at a time. Takes shares of labels along paths; gives times
// in the units of `times` and shares.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

/// One fate and n paths. NaN: it has not happened by the end of the path.
struct Passages {
  std::vector<double> first;  ///< the share reaches the threshold for the first time
  std::vector<double> stays;  ///< the last time it does so, where it is not left again until the end
  std::vector<double> until;  ///< the end of the path: the last time with a finite share; NaN for none
};

/// Crossings of the threshold, with the share taken as linear between two times.
/// @param shares     paths x times; what is not finite ends a path
/// @param times     increasing, one for each column
/// @param threshold in (0, 1]
/// @throws Error (input) for wrong lengths
Passages find_passages(MatrixView shares, const std::vector<double>& times, double threshold);

/// What becomes of paths that are at some state: the mean of the ends of the k other paths whose states are
/// nearest, weighted by mass.
/// @param near    paths x k: numbers of the nearest other paths, row by row
/// @param ends    paths x fates: shares of the fates at the end of each path
/// @param weights paths: the mass that each path gains from here on
/// @return paths x fates, rows summing to 1; NaN where none of the neighbours ends in a fate
Matrix forward_shares(const std::vector<std::int32_t>& near, std::int64_t k, MatrixView ends,
                      const std::vector<double>& weights);

}  // namespace fatefield
