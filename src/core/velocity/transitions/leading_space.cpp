// Takes transitions; finds the parts that nobody leaves, then the rest of the space at right angles.
#include "velocity/transitions/leading_space.hpp"

#include <algorithm>
#include <cmath>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "graph/connected_components.hpp"
#include "velocity/transitions/absorption.hpp"
#include "velocity/transitions/leading_eigen.hpp"

namespace fatefield {
namespace {

// Chains of so few cells are taken as a whole.
constexpr std::int64_t kWhole = 300;
// Walks do not stay where values have smaller real parts.
constexpr double kSlow = 1e-6;

void check(const SparseRows& x, std::int64_t count, const MacrostateOptions& o) {
  if (x.rows < 2) throw input_error("object", "`object`: at least 2 cells are needed.");
  if (count < 1) throw input_error("n.states", "`n.states` must be at least 1.");
  if (!(o.tolerance > 0 && o.tolerance < 1))
    throw input_error("tolerance", "`tolerance` must be above 0 and below 1.");
  if (o.max_restarts < 1) throw input_error("max.restarts", "`max.restarts` must be at least 1.");
}

// Parts of the cells that are entered, but never left.
void find_closed(const SparseRows& x, LeadingSpace& out) {
  const GraphComponents parts = strong_components(x);
  std::vector<char> left(static_cast<std::size_t>(parts.count), 0);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e)
      if (x.value[e] > 0 && parts.of[x.index[e]] != parts.of[i]) left[parts.of[i]] = 1;
  std::vector<std::int32_t> number(static_cast<std::size_t>(parts.count), -1);
  out.n_closed = 0;
  for (std::size_t p = 0; p < left.size(); ++p)
    if (!left[p]) number[p] = static_cast<std::int32_t>(out.n_closed++);
  out.closed.resize(static_cast<std::size_t>(x.rows));
  for (std::size_t i = 0; i < out.closed.size(); ++i) out.closed[i] = number[parts.of[i]];
}

void append_columns(Matrix& x, MatrixView more) {
  x.rows = more.rows;
  x.values.insert(x.values.end(), more.data, more.data + more.rows * more.cols);
  x.cols += more.cols;
}

// Constant first, then what else the parts that nobody leaves say.
Matrix closed_basis(const SparseRows& x, const LeadingSpace& parts, const std::function<bool()>& keep_going) {
  Matrix out(x.rows, 1);
  std::fill(out.values.begin(), out.values.end(), 1.0);
  if (parts.n_closed > 1) {
    AbsorptionOptions exact;
    exact.tolerance = 1e-10;
    const Absorption found = absorption(x, parts.closed, parts.n_closed, exact, keep_going);
    append_columns(out, columns(found.probability, 0, parts.n_closed - 1));
  }
  return orthonormal(out);
}

void take_away(MatrixView basis, double* v) {
  std::vector<double> part(static_cast<std::size_t>(basis.cols));
  for (int pass = 0; pass < 2; ++pass) take_projection(basis, v, part.data());
}

// The leading space of the transitions at right angles to `known`, which they map into itself.
LeadingEigenpairs beside(const SparseRows& x, const Matrix& known, std::int64_t count,
                         const MacrostateOptions& options, const std::function<bool()>& keep_going) {
  LeadingEigenOptions search;
  search.count = count;
  search.tolerance = options.tolerance;
  search.max_restarts = options.max_restarts;
  search.subspace = true;
  const auto apply = [&](const double* v, double* y) {
    std::vector<double> rest(v, v + x.rows);
    take_away(known, rest.data());
    multiply(x, rest.data(), y);
    take_away(known, y);
  };
  return leading_eigenpairs(x.rows, apply, search, keep_going);
}

// The same of a chain of few cells, whose values may well be there twice.
LeadingEigenpairs beside_whole(const SparseRows& x, const Matrix& known, std::int64_t count) {
  Matrix rest = dense_matrix(x);
  for (std::int64_t j = 0; j < rest.cols; ++j) take_away(known, rest.values.data() + j * rest.rows);
  const Matrix along = product_transposed(product(rest, known), known);
  for (std::size_t e = 0; e < rest.values.size(); ++e) rest.values[e] -= along.values[e];
  LeadingSpaces found = leading_spaces(rest, count);
  return {std::move(found.values), {}, {}, std::move(found.basis), true};
}

}  // namespace

LeadingSpace leading_space(const SparseRows& transitions, std::int64_t count,
                           const MacrostateOptions& options, const std::function<bool()>& keep_going) {
  check(transitions, count, options);
  const OneEigenThread one_thread;
  LeadingSpace out;
  find_closed(transitions, out);
  out.basis = closed_basis(transitions, out, keep_going);
  out.values.assign(static_cast<std::size_t>(out.basis.cols), 1.0);
  out.converged = true;
  const std::int64_t open = std::min(count, transitions.rows) - out.basis.cols;
  if (open < 1) return out;
  const LeadingEigenpairs found = transitions.rows <= kWhole
                                      ? beside_whole(transitions, out.basis, open)
                                      : beside(transitions, out.basis, open, options, keep_going);
  out.converged = found.converged;
  std::int64_t taken = 0;
  for (const auto& value : found.value) {
    if (!(value.real() > kSlow)) break;
    out.values.push_back(value);
    ++taken;
  }
  append_columns(out.basis, columns(found.subspace, 0, taken));
  return out;
}

}  // namespace fatefield
