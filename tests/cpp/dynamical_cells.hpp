// Moments known beforehand, and cells along the kinetics of a gene, for tests of the dynamical model.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "velocity/dynamical/dynamical.hpp"

// Genes x cells of first moments with their sets of cells, as fit_dynamics() takes them.
struct KnownMoments {
  fatefield::Matrix s, u;
  fatefield::SparseRows nothing;
  fatefield::CellMeans means;
  fatefield::Moments moments;

  KnownMoments(fatefield::Matrix spliced, fatefield::Matrix unspliced, fatefield::CellSets sets)
      : s(std::move(spliced)),
        u(std::move(unspliced)),
        nothing(empty(s.rows, s.cols)),
        means(std::move(sets)),
        moments(nothing, nothing, means) {
    moments.take_first(s, u);
  }
  KnownMoments(const KnownMoments&) = delete;

  static fatefield::SparseRows empty(std::int64_t rows, std::int64_t cols) {
    fatefield::SparseRows x;
    x.rows = rows;
    x.cols = cols;
    x.start.assign(static_cast<std::size_t>(rows) + 1, 0);
    return x;
  }
};

// Each cell alone.
inline fatefield::CellSets lonely_cells(std::int64_t n) {
  fatefield::CellSets sets;
  sets.offset.push_back(0);
  for (std::int64_t c = 0; c < n; ++c) {
    sets.index.push_back(static_cast<std::int32_t>(c));
    sets.offset.push_back(c + 1);
  }
  return sets;
}

// n cells on a ring, each with `reach` to either side.
inline fatefield::CellSets ring_of_cells(std::int64_t n, std::int64_t reach) {
  fatefield::CellSets sets;
  sets.offset.push_back(0);
  for (std::int64_t c = 0; c < n; ++c) {
    std::vector<std::int32_t> near;
    for (std::int64_t d = -reach; d <= reach; ++d) near.push_back(static_cast<std::int32_t>((c + d + n) % n));
    std::sort(near.begin(), near.end());
    sets.index.insert(sets.index.end(), near.begin(), near.end());
    sets.offset.push_back(static_cast<std::int64_t>(sets.index.size()));
  }
  return sets;
}

struct FittedCells {
  std::vector<fatefield::DynamicalGene> genes;
  fatefield::Matrix velocity, velocity_u, time;
};

inline FittedCells fit_all(const KnownMoments& k, bool parity, std::vector<std::int64_t> genes = {},
                           const fatefield::DynamicalOptions& options = {}) {
  FittedCells out;
  fatefield::DynamicalJob job;
  job.parity = parity;
  job.genes = std::move(genes);
  if (job.genes.empty())
    for (std::int64_t g = 0; g < k.moments.genes(); ++g) job.genes.push_back(g);
  for (fatefield::Matrix* m : {&out.velocity, &out.velocity_u, &out.time})
    *m = fatefield::Matrix(k.moments.genes(), k.moments.cells());
  job.velocity = out.velocity.values.data();
  job.velocity_u = out.velocity_u.values.data();
  job.time = out.time.values.data();
  out.genes = fatefield::fit_dynamics(k.moments, k.means.sets(), job, options);
  return out;
}

// Cells of one gene on its kinetics: row 0 of s and u, at times t.
inline std::pair<fatefield::Matrix, fatefield::Matrix> on_kinetics(const fatefield::GeneParameters& p,
                                                                   const std::vector<double>& t) {
  const auto n = static_cast<std::int64_t>(t.size());
  fatefield::Matrix s(1, n), u(1, n);
  for (std::int64_t c = 0; c < n; ++c) {
    const bool on = t[c] < p.t_switch;
    const fatefield::SplicingState x =
        on ? splicing_state(p.induction(), t[c]) : splicing_state(p.repression(), t[c] - p.t_switch);
    s(0, c) = x.s;
    u(0, c) = x.u * p.scaling;
  }
  return {s, u};
}
