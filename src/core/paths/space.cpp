// Takes observed cells and states; gives coordinates, distances from the cells, projections onto them.
#include "paths/space.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/threads.hpp"
#include "graph/pca.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kRows = 256;
// The usual distance is a quantile: this many cells, evenly spread, are plenty.
constexpr std::int64_t kSample = 20000;

// As fields see states: the logarithm goes on below zero as the straight line with the same slope.
double logged(double x) { return x >= 0 ? std::log1p(x) : x; }

IntegrateOptions checked(const IntegrateOptions& o, const SparseRows& cells, const CellAxes& space) {
  if (o.k < 1 || o.k >= cells.rows)
    throw input_error("n.neighbors", "`n.neighbors` is " + std::to_string(o.k) +
                                         ", but must be between 1 and " + std::to_string(cells.rows - 1) +
                                         ", one less than the observed cells.");
  if (o.snap != "none" && o.snap != "partial" && o.snap != "full")
    throw input_error("snap", "`snap` is \"" + o.snap + "\"; \"none\", \"partial\" or \"full\" is needed.");
  if (!(o.snap_share > 0 && o.snap_share < 1))
    throw input_error("snap.share", "`snap.share` is " + std::to_string(o.snap_share) +
                                        "; a number above 0 and below 1 is needed.");
  if (o.snap_statistic != "mean" && o.snap_statistic != "median")
    throw input_error("snap.statistic",
                      "`snap.statistic` is \"" + o.snap_statistic + "\"; \"mean\" or \"median\" is needed.");
  const auto dims = static_cast<std::size_t>(cells.cols);
  if ((!space.centre.empty() && space.centre.size() != dims) ||
      (space.rotation.cols > 0 && space.rotation.rows != cells.cols))
    throw input_error("cells", "The space of the cells has other dimensions than the cells.");
  return o;
}

}  // namespace

CellAxes log_components(const SparseRows& cells, std::int64_t k) {
  const std::int64_t most = std::min(cells.rows - 1, cells.cols);
  if (k < 1 || k > most)
    throw input_error("components", "`components` is " + std::to_string(k) + "; from " +
                                        std::to_string(cells.rows) + " cells of " +
                                        std::to_string(cells.cols) + " genes 1 to " + std::to_string(most) +
                                        " can be found.");
  SparseRows logs = cells;
  for (double& v : logs.value) v = logged(v);
  PrincipalAxes axes = principal_components(sparse_map(logs), k, 0, "components");
  return {true, std::move(axes.centre), std::move(axes.rotation)};
}

std::int64_t CellSpace::components() const {
  return space_.rotation.cols > 0 ? space_.rotation.cols : cells_.cols;
}

void CellSpace::copy_cell(std::int64_t cell, double* out) const {
  std::fill(out, out + dims(), 0.0);
  for (std::int64_t e = cells_.start[cell]; e < cells_.start[cell + 1]; ++e)
    out[cells_.index[e]] = cells_.value[e];
}

void CellSpace::rotate(const double* row, double* z) const {
  const std::int64_t d = dims();
  if (space_.rotation.cols == 0) std::copy(row, row + d, z);
  for (std::int64_t c = 0; c < space_.rotation.cols; ++c) {
    const double* const axis = space_.rotation.values.data() + c * d;
    double sum = 0;
    for (std::int64_t g = 0; g < d; ++g) sum += row[g] * axis[g];
    z[c] = sum;
  }
}

void CellSpace::project(std::int64_t n, const double* x, double* z) const {
  const std::int64_t d = dims();
  std::vector<double> row(static_cast<std::size_t>(d));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t g = 0; g < d; ++g) {
      row[g] = space_.log ? logged(x[i * d + g]) : x[i * d + g];
      if (!space_.centre.empty()) row[g] -= space_.centre[g];
    }
    rotate(row.data(), z + i * components());
  }
}

void CellSpace::project_change(std::int64_t n, const double* x, const double* v, double* dz) const {
  const std::int64_t d = dims();
  std::vector<double> row(static_cast<std::size_t>(d));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t g = 0; g < d; ++g) {
      const double slope = space_.log && x[i * d + g] > 0 ? 1 / (1 + x[i * d + g]) : 1.0;
      row[g] = v[i * d + g] * slope;
    }
    rotate(row.data(), dz + i * components());
  }
}

namespace {

double usual_distance(const NeighbourIndex& index, std::int64_t k) {
  const std::int64_t n = std::min(index.size(), kSample);
  std::vector<std::int64_t> which(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) which[i] = i * index.size() / n;
  const Neighbours near = index.query_self(which, k);
  std::vector<double> mean(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < k; ++j) mean[i] += near.distance[i * k + j] / static_cast<double>(k);
  }
  return quantile(std::move(mean), 0.99);
}

}  // namespace

CellSpace::CellSpace(SparseRows cells, CellAxes space, const IntegrateOptions& options)
    : cells_(std::move(cells)),
      space_(std::move(space)),
      options_(checked(options, cells_, space_)),
      coordinates_(coordinates_of_cells()),
      index_(coordinates_, KnnOptions()),
      usual_distance_(usual_distance(index_, options_.k)) {}

Matrix CellSpace::coordinates_of_cells() const {
  const std::int64_t p = components();
  Matrix out(cells_.rows, p);
  parallel_for((cells_.rows + kRows - 1) / kRows, [&](std::int64_t block) {
    std::vector<double> x(static_cast<std::size_t>(dims())), z(static_cast<std::size_t>(p));
    const std::int64_t end = std::min(cells_.rows, (block + 1) * kRows);
    for (std::int64_t i = block * kRows; i < end; ++i) {
      copy_cell(i, x.data());
      project(1, x.data(), z.data());
      for (std::int64_t c = 0; c < p; ++c) out(i, c) = z[c];
    }
  });
  return out;
}

// The k nearest cells of n states: n x k.
std::vector<Neighbour> CellSpace::nearest(std::int64_t n, const double* x) const {
  const std::int64_t p = components();
  std::vector<double> z(static_cast<std::size_t>(n * p));
  project(n, x, z.data());
  std::vector<float> queries(static_cast<std::size_t>(n * p));
  for (std::int64_t i = 0; i < n; ++i) index_.centre({z.data() + i * p, 1, p}, 0, queries.data() + i * p);
  const std::vector<std::int32_t> skip(static_cast<std::size_t>(n), -1);
  std::vector<Neighbour> out(static_cast<std::size_t>(n * options_.k));
  index_.search_many(queries.data(), n, options_.k, skip.data(), out.data());
  return out;
}

// Tri-cube weights (1 - (d / d_k)^3)^3 of W. S. Cleveland, J. Am. Stat. Assoc. 74 (1979), or equal ones.
void CellSpace::weighted_mean(const Neighbour* near, bool equal, double* out) const {
  const double widest = std::sqrt(static_cast<double>(near[options_.k - 1].squared));
  if (!(near[0].squared < near[options_.k - 1].squared)) equal = true;
  double total = 0;
  std::fill(out, out + dims(), 0.0);
  for (std::int64_t j = 0; j < options_.k; ++j) {
    const double share = equal ? 0 : std::sqrt(static_cast<double>(near[j].squared)) / widest;
    const double weight = std::pow(1 - share * share * share, 3);
    const std::int64_t cell = near[j].index;
    for (std::int64_t e = cells_.start[cell]; e < cells_.start[cell + 1]; ++e)
      out[cells_.index[e]] += weight * cells_.value[e];
    total += weight;
  }
  for (std::int64_t g = 0; g < dims(); ++g) out[g] /= total;
}

void CellSpace::median(const Neighbour* near, std::vector<double>& workspace, double* out) const {
  const std::int64_t k = options_.k, d = dims();
  workspace.assign(static_cast<std::size_t>(k * d), 0.0);
  for (std::int64_t j = 0; j < k; ++j) {
    const std::int64_t cell = near[j].index;
    for (std::int64_t e = cells_.start[cell]; e < cells_.start[cell + 1]; ++e)
      workspace[cells_.index[e] * k + j] = cells_.value[e];
  }
  for (std::int64_t g = 0; g < d; ++g) {
    double* const x = workspace.data() + g * k;
    std::sort(x, x + k);
    out[g] = (x[(k - 1) / 2] + x[k / 2]) / 2;
  }
}

void CellSpace::smooth(std::int64_t n, double* x) const {
  const std::vector<Neighbour> near = nearest(n, x);
  for (std::int64_t i = 0; i < n; ++i) weighted_mean(near.data() + i * options_.k, true, x + i * dims());
}

void CellSpace::snap(std::int64_t n, double* x) const {
  if (options_.snap == "none") return;
  const std::vector<Neighbour> near = nearest(n, x);
  std::vector<double> target(static_cast<std::size_t>(dims())), workspace;
  const bool full = options_.snap == "full";
  const double share = full ? 1.0 : options_.snap_share;
  for (std::int64_t i = 0; i < n; ++i) {
    const Neighbour* const of = near.data() + i * options_.k;
    if (full && options_.snap_statistic == "median")
      median(of, workspace, target.data());
    else
      weighted_mean(of, full, target.data());
    double* const row = x + i * dims();
    for (std::int64_t g = 0; g < dims(); ++g) row[g] = (1 - share) * row[g] + share * target[g];
  }
}

void CellSpace::support_score(std::int64_t n, const double* x, double* out) const {
  const std::vector<Neighbour> near = nearest(n, x);
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < options_.k; ++j)
      sum += std::sqrt(static_cast<double>(near[i * options_.k + j].squared));
    out[i] = sum / static_cast<double>(options_.k) / usual_distance_;
  }
}

std::vector<double> CellSpace::residual_sd() const {
  std::vector<std::int64_t> all(static_cast<std::size_t>(cells_.rows));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  const Neighbours near = index_.query_self(all, options_.k);
  const std::int64_t d = dims(), blocks = (cells_.rows + kRows - 1) / kRows;
  // Sums of each block, then those of all blocks in their order: the same for any number of threads.
  std::vector<std::vector<double>> first(static_cast<std::size_t>(blocks)), second(first);
  parallel_for(blocks, [&](std::int64_t b) {
    std::vector<double> residual(static_cast<std::size_t>(d));
    first[b].assign(static_cast<std::size_t>(d), 0.0);
    second[b].assign(static_cast<std::size_t>(d), 0.0);
    for (std::int64_t i = b * kRows; i < std::min(cells_.rows, (b + 1) * kRows); ++i) {
      copy_cell(i, residual.data());
      for (std::int64_t j = 0; j < options_.k; ++j) {
        const std::int64_t cell = near.index[i * options_.k + j];
        for (std::int64_t e = cells_.start[cell]; e < cells_.start[cell + 1]; ++e)
          residual[cells_.index[e]] -= cells_.value[e] / static_cast<double>(options_.k);
      }
      for (std::int64_t g = 0; g < d; ++g) {
        first[b][g] += residual[g];
        second[b][g] += residual[g] * residual[g];
      }
    }
  });
  const auto n = static_cast<double>(cells_.rows);
  std::vector<double> out(static_cast<std::size_t>(d));
  for (std::int64_t g = 0; g < d; ++g) {
    double sum = 0, squares = 0;
    for (std::int64_t b = 0; b < blocks; ++b) {
      sum += first[b][g];
      squares += second[b][g];
    }
    out[g] = std::sqrt(std::max(0.0, squares - sum * sum / n) / (n - 1));
  }
  return out;
}

}  // namespace fatefield
