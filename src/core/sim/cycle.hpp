// Cells that go round, simulated with their truth: takes a design and a seed; gives cells sampled at several
// times, uniform on a ring at each of them, with clones, their genes' unspliced and spliced counts, and their
// velocity. So clouds of different times are the same, and do not tell which way cells go. No torch.
//
// A cell of angle q turns at w = 2 pi turns and keeps its radius. Gene g is transcribed at
// alpha = top (1 + 0.9 cos(q - phase)) / 2; with du/dt = alpha - beta u and ds/dt = beta u - gamma s its
// means are those of a cell that has turned for ever: with psi = q - phase, u = top / 2 (1 / beta +
// 0.9 Re[exp(i psi) / (beta + i w)]) and s = top / 2 (1 / gamma + 0.9 Re[exp(i psi) beta / ((beta + i w)
// (gamma + i w))]).
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

struct CycleDesign {
  std::int64_t n_cells, n_genes, n_clones;
  std::vector<double> times;    ///< increasing; clones are marked at the first
  double turns;                 ///< per unit of time; below 0 for the other way round
  double spread, clone_spread;  ///< standard deviation of the radius around 1; of the angle in a clone
  double dispersion, library_spread;
};

/// One entry or row per cell or gene; matrices of counts and means are genes x cells.
struct Cycle {
  std::vector<double> top, phase, beta, gamma;
  std::vector<double> angle, radius, time, library;
  std::vector<std::int64_t> clone;  ///< from 0
  Matrix unspliced, spliced, velocity;
  Matrix unspliced_counts, spliced_counts;
};

/// The same seed gives the same bytes, whatever the number of threads. Errors of kind Input name the
/// argument.
Cycle simulate_cycle(const CycleDesign& design, std::uint64_t seed);

}  // namespace fatefield
