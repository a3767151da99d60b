// Plain matrices between R and the core: column-major doubles, cells in rows, as R keeps them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace fatefield {

/// A matrix somebody else owns: rows x cols, column-major.
struct MatrixView {
  const double* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  double operator()(std::int64_t i, std::int64_t j) const { return data[i + j * rows]; }
};

/// A matrix of our own: rows x cols, column-major.
struct Matrix {
  std::vector<double> values;
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  Matrix() = default;
  Matrix(std::int64_t r, std::int64_t c) : values(static_cast<std::size_t>(r * c)), rows(r), cols(c) {}

  double& operator()(std::int64_t i, std::int64_t j) { return values[i + j * rows]; }
  double operator()(std::int64_t i, std::int64_t j) const { return values[i + j * rows]; }
  operator MatrixView() const { return {values.data(), rows, cols}; }
};

}  // namespace fatefield
