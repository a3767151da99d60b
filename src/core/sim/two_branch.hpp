// A system whose velocities are known: cells go along one path and, behind a fork, along one of two, as
// deterministic splicing kinetics du/dt = alpha - beta u, ds/dt = beta u - gamma s. Takes options and a seed;
// gives counts and, for each cell, what no experiment tells. No torch.
//
// Gene g is transcribed at alpha_g between the times on_g and off_g in the cells of its branch, else at a
// twentieth of it. Cells lie evenly along time. Counts are negative binomial around u and s times the library
// size.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"
#include "base/simulation_options.hpp"

namespace fatefield {

/// Ways of a gene: all cells, or those of one branch only.
enum class Branch { Both = 0, Major = 1, Minor = 2 };

struct TwoBranchGenes {
  std::vector<Branch> branch;
  std::vector<double> alpha, beta, gamma;  ///< per unit of time
  std::vector<double> on, off;  ///< times between which alpha acts; a twentieth of it before and after
};

/// Columns of the matrices and entries of the vectors are cells.
struct TwoBranch {
  TwoBranchGenes genes;
  std::vector<double> time;                 ///< increasing
  std::vector<Branch> branch;               ///< Both before the fork
  std::vector<double> library;              ///< size factors
  Matrix unspliced, spliced;                ///< genes x cells, means at library size 1
  Matrix velocity;                          ///< genes x cells: ds/dt
  Matrix unspliced_counts, spliced_counts;  ///< genes x cells
};

/// The same seed gives the same bytes on any number of threads.
/// Errors of kind Input name the option that is out of range.
TwoBranch simulate_two_branch(const TwoBranchOptions& options, std::uint64_t seed);

}  // namespace fatefield
