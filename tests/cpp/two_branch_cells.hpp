// Cells of the two-branch system as a velocity method sees them: size-normalised spliced counts, and
// velocities from means over neighbours with the true rates. Cells x genes.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "field/model/space.hpp"
#include "field/train/data.hpp"
#include "graph/knn.hpp"
#include "graph/pca.hpp"
#include "sim/two_branch.hpp"

struct TwoBranchCells {
  fatefield::Matrix x, y;

  fatefield::FieldData data(std::uint64_t seed = 1, double validation = 0.1, double test = 0.1) const {
    return {x, y, fatefield::field_parts(x.rows, {}, validation, test, seed), {}};
  }
};

inline TwoBranchCells two_branch_cells(std::int64_t n_cells, std::int64_t n_genes, std::uint64_t seed = 1) {
  using namespace fatefield;
  TwoBranchOptions o;
  o.n_cells = n_cells;
  o.n_genes = n_genes;
  const TwoBranch s = simulate_two_branch(o, seed);
  const auto normalised = [&](const Matrix& counts) {
    std::vector<double> size;
    for (std::int64_t i = 0; i < n_cells; ++i) {
      size.push_back(0.0);
      for (std::int64_t g = 0; g < n_genes; ++g) size.back() += counts(g, i);
    }
    std::vector<double> sorted = size;
    std::sort(sorted.begin(), sorted.end());
    Matrix out(n_cells, n_genes);
    for (std::int64_t i = 0; i < n_cells; ++i) {
      const double factor = sorted[sorted.size() / 2] / std::max(1.0, size[static_cast<std::size_t>(i)]);
      for (std::int64_t g = 0; g < n_genes; ++g) out(i, g) = factor * counts(g, i);
    }
    return out;
  };
  TwoBranchCells out{normalised(s.spliced_counts), Matrix(n_cells, n_genes)};
  const Matrix u = normalised(s.unspliced_counts);
  const LinearMap logs = logarithms(out.x);
  const std::int64_t dims = std::min<std::int64_t>(30, n_genes);
  const Matrix scores = component_scores(logs, principal_components(logs, dims, 1, "dims"));
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < n_cells; ++i) all.push_back(i);
  constexpr std::int64_t kNeighbours = 29;
  const Neighbours near = NeighbourIndex(scores, KnnOptions()).query_self(all, kNeighbours);
  for (std::int64_t g = 0; g < n_genes; ++g) {
    const auto gene = static_cast<std::size_t>(g);
    for (std::int64_t i = 0; i < n_cells; ++i) {
      double ms = out.x(i, g), mu = u(i, g);
      for (std::int64_t k = 0; k < kNeighbours; ++k) {
        const std::int32_t other = near.index[static_cast<std::size_t>(i * kNeighbours + k)];
        ms += out.x(other, g);
        mu += u(other, g);
      }
      out.y(i, g) = (s.genes.beta[gene] * mu - s.genes.gamma[gene] * ms) / (kNeighbours + 1);
    }
  }
  return out;
}
