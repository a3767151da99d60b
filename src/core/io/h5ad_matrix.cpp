// Takes a matrix of cells x features in a file (csr, csc or dense), gives it as compressed columns of
// features x cells.
#ifdef WITH_HDF5

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "io/h5ad_parts.hpp"

namespace fatefield {
namespace h5ad {
namespace {

// Values of a dense matrix read together.
constexpr std::int64_t kBlock = 1 << 22;
constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();

// Compressed by cell: "csr".
bool by_cell(const hdf5::Node& node) {
  std::string kind = node.text_attribute("encoding-type");
  if (kind.empty()) kind = node.text_attribute("h5sparse_format");
  if (kind.compare(0, 3, "csr") == 0) return true;
  if (kind.compare(0, 3, "csc") == 0) return false;
  node.place().fail("it is a sparse matrix of unknown encoding \"" + kind +
                    "\"; known are csr_matrix and csc_matrix.");
}

// Cells and features, as said by the attribute of the group.
std::pair<std::int64_t, std::int64_t> sparse_extent(const hdf5::Node& node) {
  const char* const name = node.has_attribute("shape") ? "shape" : "h5sparse_shape";
  const hdf5::Values shape = node.attribute(name);
  if (shape.kind() != hdf5::Kind::Integer || shape.count() != 2) {
    node.place().fail("its shape must be two whole numbers.");
  }
  std::int64_t extent[2];
  shape.into(extent);
  for (const std::int64_t n : extent) {
    if (n < 0 || n > kLargest) node.place().fail("its shape says " + std::to_string(n) + " rows or columns.");
  }
  return {extent[0], extent[1]};
}

// Starts of the rows (or columns) of a compressed matrix: as many as needed, from 0 up to the number of
// values.
std::vector<std::int64_t> row_starts(const hdf5::Node& node, std::int64_t rows, std::int64_t stored) {
  const hdf5::Node at = node.child("indptr");
  const hdf5::Values values = at.values();
  if (values.kind() != hdf5::Kind::Integer) at.place().fail("it must hold whole numbers.");
  if (values.count() != rows + 1) {
    at.place().fail("it holds " + std::to_string(values.count()) + " numbers, but the shape needs " +
                    std::to_string(rows + 1) + ".");
  }
  std::vector<std::int64_t> starts(static_cast<std::size_t>(values.count()));
  values.into(starts.data());
  if (starts.front() != 0 || starts.back() != stored || !std::is_sorted(starts.begin(), starts.end())) {
    at.place().fail("it must ascend from 0 to the " + std::to_string(stored) + " stored values.");
  }
  return starts;
}

// Numbers of features (or cells), each in [0, limit).
void read_indices(const hdf5::Node& node, std::int64_t stored, std::int64_t limit, std::int32_t* out) {
  const hdf5::Node at = node.child("indices");
  const hdf5::Values values = at.values();
  if (values.kind() != hdf5::Kind::Integer) at.place().fail("it must hold whole numbers.");
  if (values.count() != stored) {
    at.place().fail("it holds " + std::to_string(values.count()) + " numbers, but there are " +
                    std::to_string(stored) + " values.");
  }
  values.into(out);
  const std::int32_t* const bad =
      std::find_if(out, out + stored, [limit](std::int32_t v) { return v < 0 || v >= limit; });
  if (bad != out + stored) {
    at.place().fail("it points at " + std::to_string(*bad) + ", but there are only " + std::to_string(limit) +
                    ".");
  }
}

void read_values(const hdf5::Node& node, double* out) { node.child("data").values().into(out); }

// Rows [begin, end) of one column brought into ascending order.
void sort_column(std::int32_t* i, double* x, std::int64_t begin, std::int64_t end) {
  if (std::is_sorted(i + begin, i + end)) return;
  std::vector<std::pair<std::int32_t, double>> entries;
  for (std::int64_t k = begin; k < end; ++k) entries.emplace_back(i[k], x[k]);
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::int64_t k = begin; k < end; ++k)
    std::tie(i[k], x[k]) = entries[static_cast<std::size_t>(k - begin)];
}

// Sorts each column and adds up what is given twice; returns how many entries are left.
std::int64_t make_canonical(const std::vector<std::int64_t>& starts, std::int32_t* p, std::int32_t* i,
                            double* x) {
  std::int64_t left = 0;
  p[0] = 0;
  for (std::size_t column = 0; column + 1 < starts.size(); ++column) {
    sort_column(i, x, starts[column], starts[column + 1]);
    const std::int64_t first = left;
    for (std::int64_t k = starts[column]; k < starts[column + 1]; ++k) {
      if (left > first && i[left - 1] == i[k]) {
        x[left - 1] += x[k];
        continue;
      }
      i[left] = i[k];
      x[left++] = x[k];
    }
    p[column + 1] = static_cast<std::int32_t>(left);
  }
  return left;
}

// Compressed by feature to compressed by cell: the entries of each feature in turn go behind those of the
// features before.
std::vector<std::int64_t> transpose(const hdf5::Node& node, std::int64_t cells, std::int64_t features,
                                    std::int64_t stored, std::int32_t* i, double* x) {
  const std::vector<std::int64_t> by_feature = row_starts(node, features, stored);
  std::vector<std::int32_t> cell(static_cast<std::size_t>(stored));
  std::vector<double> value(static_cast<std::size_t>(stored));
  read_indices(node, stored, cells, cell.data());
  read_values(node, value.data());

  std::vector<std::int64_t> starts(static_cast<std::size_t>(cells + 1), 0);
  for (const std::int32_t c : cell) ++starts[static_cast<std::size_t>(c) + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<std::int64_t> next = starts;
  for (std::int64_t f = 0; f < features; ++f) {
    for (std::int64_t k = by_feature[f]; k < by_feature[f + 1]; ++k) {
      const std::int64_t to = next[cell[k]]++;
      i[to] = static_cast<std::int32_t>(f);
      x[to] = value[k];
    }
  }
  return starts;
}

// Calls visit(cell, values of its features) for the cells of a dense matrix, a block of them in memory.
template <typename Visit>
void each_cell(const hdf5::Values& values, Visit&& visit) {
  const H5adShape shape = dense_shape(values);
  const std::int64_t together = std::max<std::int64_t>(1, kBlock / std::max<std::int64_t>(1, shape.features));
  std::vector<double> block(static_cast<std::size_t>(std::min(together, shape.cells) * shape.features));
  for (std::int64_t first = 0; first < shape.cells; first += together) {
    const std::int64_t n = std::min(together, shape.cells - first);
    values.rows_into(first, n, block.data());
    for (std::int64_t c = 0; c < n; ++c) visit(first + c, block.data() + c * shape.features, shape.features);
  }
}

std::int64_t stored_values(const hdf5::Node& node) {
  const std::int64_t stored = node.child("data").values().count();
  if (stored > kLargest) {
    node.place().fail("it has " + std::to_string(stored) + " values; a sparse matrix of R has room for " +
                      std::to_string(kLargest) + ".");
  }
  return stored;
}

}  // namespace

bool is_sparse(const hdf5::Node& node) {
  return node.is_group() && node.has("data") && node.has("indices") && node.has("indptr");
}

H5adShape sparse_shape(const hdf5::Node& node) {
  H5adShape out;
  std::tie(out.cells, out.features) = sparse_extent(node);
  out.stored = stored_values(node);
  return out;
}

std::int64_t read_sparse(const hdf5::Node& node, std::int32_t* p, std::int32_t* i, double* x) {
  const H5adShape shape = sparse_shape(node);
  if (!by_cell(node)) {
    return make_canonical(transpose(node, shape.cells, shape.features, shape.stored, i, x), p, i, x);
  }
  const std::vector<std::int64_t> starts = row_starts(node, shape.cells, shape.stored);
  read_indices(node, shape.stored, shape.features, i);
  read_values(node, x);
  return make_canonical(starts, p, i, x);
}

bool is_dense(const hdf5::Values& values) {
  const bool numeric = values.kind() != hdf5::Kind::Text && values.kind() != hdf5::Kind::Other;
  return numeric && (values.dims().size() == 1 || values.dims().size() == 2);
}

H5adShape dense_shape(const hdf5::Values& values) {
  H5adShape out;
  out.cells = values.dims()[0];
  out.features = values.dims().size() == 2 ? values.dims()[1] : 1;
  out.stored = values.count();
  if (out.cells > kLargest || out.features > kLargest) values.place().fail("it is too large for R.");
  return out;
}

std::int64_t count_nonzero(const hdf5::Values& values) {
  std::int64_t n = 0;
  each_cell(values, [&n](std::int64_t, const double* v, std::int64_t features) {
    n += std::count_if(v, v + features, [](double e) { return e != 0; });
  });
  return n;
}

SparseRows read_dense_rows(const hdf5::Values& values) {
  const H5adShape shape = dense_shape(values);
  SparseRows out;
  out.rows = shape.cells;
  out.cols = shape.features;
  out.start.push_back(0);
  each_cell(values, [&](std::int64_t, const double* v, std::int64_t columns) {
    for (std::int64_t j = 0; j < columns; ++j) {
      if (v[j] == 0) continue;
      out.index.push_back(static_cast<std::int32_t>(j));
      out.value.push_back(v[j]);
    }
    if (out.stored() > kLargest)
      values.place().fail("it has more values than a sparse matrix of R has room for.");
    out.start.push_back(out.stored());
  });
  return out;
}

std::int64_t read_dense_as_sparse(const hdf5::Values& values, std::int32_t* p, std::int32_t* i, double* x) {
  std::int32_t at = 0;
  p[0] = 0;
  each_cell(values, [&](std::int64_t c, const double* v, std::int64_t features) {
    for (std::int64_t f = 0; f < features; ++f) {
      if (v[f] == 0) continue;
      i[at] = static_cast<std::int32_t>(f);
      x[at++] = v[f];
    }
    p[c + 1] = at;
  });
  return at;
}

}  // namespace h5ad
}  // namespace fatefield

#endif
