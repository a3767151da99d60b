// Which cells are held out, decided once before anything else. No torch here.
#pragma once

#include <cstdint>
#include <vector>

namespace fatefield {

/// TRUE (1) for held-out cells.
/// Without clones: the same share of the cells of each time, rounded down.
/// With clones: whole clones, so that no held-out cell has a sister in training; cells without a clone (below
/// 0) are drawn as without clones.
/// @param time     one per cell
/// @param clone    one per cell, or empty
/// @param fraction in [0, 1)
std::vector<char> held_out_cells(const std::vector<double>& time, const std::vector<std::int64_t>& clone,
                                 double fraction, std::uint64_t seed);

}  // namespace fatefield
