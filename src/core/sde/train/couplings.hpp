// Which cells of the next time a cell may become: the entropic plan between two clouds, and partners drawn
// from its rows. Takes scaled points; gives numbers of points. No torch here.
//
// Unbalanced plans keep the mass of both clouds by letting it grow along each pair. With potentials f, g and
// rho = reach^2 the plan has the marginals a exp(-f / rho) and b exp(-g / rho), so a path from i to j that
// starts with its share of a_i and ends with its share of b_j multiplies its mass by exp((g_j - f_i) / rho).
// Sources: Liero, Mielke and Savare, Optimal entropy-transport problems, Invent. Math. 211 (2018); Chizat et
// al., Scaling algorithms for unbalanced optimal transport problems, Math. Comp. 87 (2018).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ot/raised_pairs.hpp"
#include "ot/sinkhorn.hpp"

namespace fatefield {

struct Partners {
  std::int64_t draws = 0;            ///< for each source
  std::vector<std::int32_t> target;  ///< sources x draws, row-major: numbers of points of y
  /// sources x draws: log of the mass at the end of a pair over that at its start, per unit of mass; empty
  /// where mass stays.
  std::vector<float> log_growth;
  /// Per point of y: log of its weight, and its potential as a multiple of the temperature; and the part of
  /// log_growth that is its own, empty where there is none.
  std::vector<double> log_weight, potential, target_growth;
  ot::RaisedPairs raised;  ///< those of the plan
};

struct PartnerDraw {
  std::int64_t draws = 1;
  std::uint64_t seed = 0;
  std::uint64_t first = 0;  ///< number of the first source among all sources of all draws
  /// Where mass gives way, that of y does too; else each point of y has its ancestors, and all growth is that
  /// of x.
  bool free_targets = true;
};

/// Draws partners in y for each point of x from its row of the entropic plan at p = 2. Each draw has the
/// frequencies of the row; the draws of a source together are spread over the row (systematic sampling).
/// @param options blur, scaling, reach, tolerance and the number of iterations are used
/// @param x its weights are the masses at the end, relative to equal masses at the start
/// @param raised pairs that are likelier than their distance says
/// Memory grows with n and m, not with their product. Identical bytes for any number of threads.
/// Errors as sinkhorn_divergence().
template <typename T>
Partners draw_partners(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                       const PartnerDraw& draw, const std::function<bool()>& keep_going = {},
                       ot::RaisedPairs raised = {});

}  // namespace fatefield
