// The time all genes share (Bergen et al., Nature Biotechnology 2020). Takes the time of each cell by each
// gene, from the dynamical model, and scores of roots; gives a time from 0 to 1 for each cell. No torch.
#pragma once

#include <cstdint>
#include <vector>

#include "base/dynamical_options.hpp"
#include "base/matrix.hpp"
#include "graph/fuzzy.hpp"

namespace fatefield {

struct LatentTime {
  /// Empty where fewer than two genes tell the time.
  std::vector<double> time;
  /// The cells from which it is counted.
  std::vector<std::int64_t> root;
  /// How many genes tell it.
  std::int64_t genes = 0;
};

/// Gene by gene, times are counted from a root, and cells before it put behind all others: kinetics are taken
/// as a circle. A cell's place is one of five quantiles over the genes, the two whose distribution over the
/// cells is nearest to uniform added up. This is averaged over several roots, and then over each cell's set,
/// without the cells that disagree with theirs.
/// @param t          genes x cells; genes with values that are not finite are left out
/// @param likelihood, r2 of each gene
/// @param root_score from 0 to 1; roots have the highest, those of the least total time first
/// @param root       a cell in whose set the roots are, whatever the scores, or -1
LatentTime latent_time(MatrixView t, const std::vector<double>& likelihood, const std::vector<double>& r2,
                       const std::vector<double>& root_score, std::int64_t root, const CellSets& sets,
                       const LatentTimeOptions& options);

}  // namespace fatefield
