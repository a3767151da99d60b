// Takes a field and matrices of cells; gives velocities, their changes, divergences and support, block by
// block on all threads.
#include "field/model/velocity_field.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kRows = 64;

void check_genes(const VelocityField& field, const MatrixView& x) {
  if (x.cols == field.genes()) return;
  throw model_error("The velocity field was fitted on " + std::to_string(field.genes()) +
                    " genes, but the states have " + std::to_string(x.cols) + ".");
}

// Rows [first, first + n) of x, one after the other.
void rows_of(const MatrixView& x, std::int64_t first, std::int64_t n, double* out) {
  for (std::int64_t j = 0; j < x.cols; ++j) {
    for (std::int64_t i = 0; i < n; ++i) out[i * x.cols + j] = x(first + i, j);
  }
}

void put_rows(const double* from, std::int64_t first, std::int64_t n, Matrix& out) {
  for (std::int64_t j = 0; j < out.cols; ++j) {
    for (std::int64_t i = 0; i < n; ++i) out(first + i, j) = from[i * out.cols + j];
  }
}

// What work on a block of rows finds there, and workspace for what it gives.
struct Block {
  std::int64_t first, n;
  std::vector<double> x, out;
  FieldWorkspace& workspace;
};

// body(block) for all blocks of rows.
template <typename F>
void by_blocks(const VelocityField& field, const MatrixView& x, F&& body) {
  check_genes(field, x);
  parallel_for((x.rows + kRows - 1) / kRows, [&](std::int64_t b) {
    const std::unique_ptr<FieldWorkspace> workspace = field.workspace();
    const std::int64_t first = b * kRows, n = std::min(kRows, x.rows - first);
    const auto entries = static_cast<std::size_t>(n * x.cols);
    Block block{first, n, std::vector<double>(entries), std::vector<double>(entries), *workspace};
    rows_of(x, first, n, block.x.data());
    body(block);
  });
}

double trace(const JacobianFactors& j) {
  double sum = 0.0;
  for (std::int64_t k = 0; k < j.left.cols; ++k) {
    for (std::int64_t g = 0; g < j.left.rows; ++g) sum += j.left(g, k) * j.right(k, g);
  }
  return sum;
}

}  // namespace

Matrix field_velocity(const VelocityField& field, const MatrixView& x) {
  Matrix out(x.rows, x.cols);
  by_blocks(field, x, [&](Block& b) {
    field.evaluate(b.n, b.x.data(), b.out.data(), b.workspace);
    put_rows(b.out.data(), b.first, b.n, out);
  });
  return out;
}

Matrix field_jvp(const VelocityField& field, const MatrixView& x, const MatrixView& delta) {
  check_genes(field, delta);
  if (delta.rows != x.rows) throw input_error("delta", "`delta` must have one row for each state.");
  Matrix out(x.rows, x.cols);
  by_blocks(field, x, [&](Block& b) {
    std::vector<double> along(b.x.size());
    rows_of(delta, b.first, b.n, along.data());
    field.jvp(b.n, b.x.data(), along.data(), b.out.data(), b.workspace);
    put_rows(b.out.data(), b.first, b.n, out);
  });
  return out;
}

Matrix field_acceleration(const VelocityField& field, const MatrixView& x) {
  Matrix out(x.rows, x.cols);
  by_blocks(field, x, [&](Block& b) {
    std::vector<double> velocity(b.x.size());
    field.evaluate(b.n, b.x.data(), velocity.data(), b.workspace);
    field.jvp(b.n, b.x.data(), velocity.data(), b.out.data(), b.workspace);
    put_rows(b.out.data(), b.first, b.n, out);
  });
  return out;
}

std::vector<double> field_divergence(const VelocityField& field, const MatrixView& x) {
  std::vector<double> out(static_cast<std::size_t>(x.rows));
  by_blocks(field, x, [&](Block& b) {
    for (std::int64_t i = 0; i < b.n; ++i) {
      out[static_cast<std::size_t>(b.first + i)] = trace(field.factors(b.x.data() + i * x.cols, b.workspace));
    }
  });
  return out;
}

std::vector<double> field_support(const VelocityField& field, const MatrixView& x) {
  std::vector<double> out(static_cast<std::size_t>(x.rows));
  by_blocks(field, x,
            [&](Block& b) { field.support_score(b.n, b.x.data(), out.data() + b.first, b.workspace); });
  return out;
}

Matrix field_jacobian(const VelocityField& field, const MatrixView& x, std::int64_t cell) {
  check_genes(field, x);
  if (cell < 0 || cell >= x.rows) {
    throw input_error("cell", "`cell` is number " + std::to_string(cell + 1) + ", but there are " +
                                  std::to_string(x.rows) + " states.");
  }
  std::vector<double> state(static_cast<std::size_t>(x.cols));
  rows_of(x, cell, 1, state.data());
  const std::unique_ptr<FieldWorkspace> workspace = field.workspace();
  const JacobianFactors j = field.factors(state.data(), *workspace);
  Matrix out(x.cols, x.cols);
  for (std::int64_t to = 0; to < x.cols; ++to) {
    for (std::int64_t k = 0; k < j.left.cols; ++k) {
      for (std::int64_t from = 0; from < x.cols; ++from) out(from, to) += j.left(from, k) * j.right(k, to);
    }
  }
  return out;
}

}  // namespace fatefield
