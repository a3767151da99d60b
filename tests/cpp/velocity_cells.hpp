// Cells with velocities for tests: stored ones, and a line of cells that move to the right.
#pragma once

#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "base/sparse.hpp"
#include "golden.hpp"
#include "graph/knn.hpp"
#include "io/h5ad.hpp"

struct VelocityCells {
  fatefield::Matrix expression;  // genes x cells
  fatefield::Matrix velocity;    // genes x cells
  fatefield::Neighbours knn;
};

/// n cells at 0, 1, 2, ... on a line through `genes` genes, each moving to the right; neighbours are the k
/// nearest on the line.
inline VelocityCells moving_line(std::int64_t n, std::int64_t genes, std::int64_t k) {
  VelocityCells out{fatefield::Matrix(genes, n), fatefield::Matrix(genes, n), {}};
  for (std::int64_t c = 0; c < n; ++c) {
    for (std::int64_t g = 0; g < genes; ++g) {
      const double slope = std::sin(1.0 + static_cast<double>(g));
      out.velocity(g, c) = slope;
      out.expression(g, c) = 5 + slope * static_cast<double>(c);
    }
  }
  out.knn.n = n;
  out.knn.k = k;
  for (std::int64_t c = 0; c < n; ++c) {
    std::int64_t taken = 0;
    for (std::int64_t step = 1; taken < k; ++step) {
      for (const std::int64_t j : {c - step, c + step}) {
        if (j < 0 || j >= n || taken == k) continue;
        out.knn.index.push_back(static_cast<std::int32_t>(j));
        out.knn.distance.push_back(static_cast<float>(step));
        ++taken;
      }
    }
  }
  return out;
}

/// Whether the gene of each row of a table of reference numbers is a velocity gene: its last column.
inline std::vector<char> golden_velocity_genes(const std::string& set, const std::string& mode) {
  std::ifstream file(std::string(SHARED_DIR) + "/golden/" + set + "." + mode + ".var.csv");
  std::vector<char> out;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) out.push_back(line.substr(line.rfind(',') + 1, 4) == "True");
  return out;
}

/// Expression, velocity (velocity genes only) and neighbours of a stored set.
inline VelocityCells golden_cells(const Golden& golden, const std::string& set, const std::string& mode) {
  using namespace fatefield;
  const H5ad file(std::string(SHARED_DIR) + "/golden/" + set + "_preprocessed.h5ad", "file");
  const H5adShape shape = file.shape("layers/Ms");
  Matrix expression(shape.features, shape.cells);
  file.read_dense("layers/Ms", expression.values.data());
  const std::vector<double> velocity = golden.read(set + "/" + mode + "/velocity").values;
  const std::vector<char> chosen = golden_velocity_genes(set, mode);
  std::vector<std::int64_t> genes;
  for (std::size_t g = 0; g < chosen.size(); ++g)
    if (chosen[g]) genes.push_back(static_cast<std::int64_t>(g));
  VelocityCells out{Matrix(static_cast<std::int64_t>(genes.size()), shape.cells),
                    Matrix(static_cast<std::int64_t>(genes.size()), shape.cells),
                    {}};
  for (std::int64_t c = 0; c < shape.cells; ++c) {
    for (std::size_t g = 0; g < genes.size(); ++g) {
      out.expression(g, c) = expression(genes[g], c);
      out.velocity(g, c) = velocity[c * shape.features + genes[g]];
    }
  }
  const H5adShape distances = file.shape("obsp/distances");
  std::vector<std::int32_t> p(static_cast<std::size_t>(distances.cells + 1)),
      i(static_cast<std::size_t>(distances.stored));
  std::vector<double> x(i.size());
  file.read_sparse("obsp/distances", p.data(), i.data(), x.data());
  out.knn.n = shape.cells;
  out.knn.k = 29;
  out.knn.index.assign(static_cast<std::size_t>(shape.cells * 29), -1);
  for (std::int64_t c = 0; c < shape.cells; ++c)
    for (std::int32_t e = p[c]; e < p[c + 1]; ++e) out.knn.index[c * 29 + e - p[c]] = i[e];
  return out;
}

/// As a full matrix, row-major.
inline std::vector<double> full_rows(const fatefield::SparseRows& x) {
  std::vector<double> out(static_cast<std::size_t>(x.rows * x.cols), 0.0);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) out[i * x.cols + x.index[e]] = x.value[e];
  return out;
}
