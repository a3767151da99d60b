// Takes reference points and queries; gives neighbours: centring, choice of the method, blocks of queries.
#include "graph/knn.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "graph/knn_search.hpp"

namespace fatefield {
namespace {

// Beyond these the boxes of a tree no longer keep points away, and all distances take longer than lists.
constexpr std::int64_t tree_dims = 8;
constexpr std::int64_t brute_numbers = 2000000;

std::string choose_method(const std::string& wanted, std::int64_t n, std::int64_t dims) {
  if (wanted != "auto") return wanted;
  if (dims <= tree_dims) return "tree";
  return n * dims <= brute_numbers ? "brute" : "lists";
}

// Near the middle of column d, but a multiple of a power of two about as large as the column's range: taking
// it away keeps the digits that tell points apart and leaves equal distances equal.
double coarse_centre(MatrixView x, std::int64_t d) {
  double low = x(0, d), high = x(0, d);
  for (std::int64_t i = 1; i < x.rows; ++i) {
    low = std::min(low, x(i, d));
    high = std::max(high, x(i, d));
  }
  const double middle = low + (high - low) / 2;
  if (!(high > low)) return middle;
  const double grid = std::exp2(std::ceil(std::log2(high - low)));
  return std::round(middle / grid) * grid;
}

void check_k(std::int64_t k, std::int64_t available) {
  if (k >= 1 && k <= available) return;
  throw input_error("k", "`k` is " + std::to_string(k) + ", but must be between 1 and the " +
                             std::to_string(available) + " reference cells.");
}

// All n queries; point(i, out) writes query i, centred, and returns the reference point to leave out, or -1.
template <typename Point>
Neighbours query_all(const NeighbourIndex& index, std::int64_t n, std::int64_t k, const Point& point) {
  Neighbours out;
  out.n = n;
  out.k = k;
  out.index.resize(static_cast<std::size_t>(n * k));
  out.distance.resize(static_cast<std::size_t>(n * k));
  const std::int64_t step = index.block_of(n);
  parallel_for((n + step - 1) / step, [&](std::int64_t block) {
    const std::int64_t first = block * step, rows = std::min(step, n - first);
    std::vector<Neighbour> best(static_cast<std::size_t>(rows * k));
    std::vector<float> queries(static_cast<std::size_t>(rows * index.dims()));
    std::vector<std::int32_t> skip(static_cast<std::size_t>(rows));
    for (std::int64_t i = 0; i < rows; ++i) skip[i] = point(first + i, queries.data() + i * index.dims());
    index.search_many(queries.data(), rows, k, skip.data(), best.data());
    for (std::int64_t j = 0; j < rows * k; ++j) {
      out.index[first * k + j] = best[j].index;
      out.distance[first * k + j] = std::sqrt(best[j].squared);
    }
  });
  return out;
}

}  // namespace

void NeighbourIndex::Search::search_many(const float* queries, std::int64_t n, std::int64_t dims,
                                         std::int64_t k, const std::int32_t* skip, Neighbour* out) const {
  for (std::int64_t i = 0; i < n; ++i) search(queries + i * dims, k, skip[i], out + i * k);
}

NeighbourIndex::NeighbourIndex(MatrixView reference, const KnnOptions& options)
    : centre_(static_cast<std::size_t>(reference.cols)),
      points_(static_cast<std::size_t>(reference.rows * reference.cols)),
      size_(reference.rows),
      dims_(reference.cols) {
  if (size_ < 1 || dims_ < 1) throw input_error("reference", "`reference` holds no cells.");
  for (std::int64_t d = 0; d < dims_; ++d) centre_[d] = coarse_centre(reference, d);
  for (std::int64_t i = 0; i < size_; ++i) centre(reference, i, points_.data() + i * dims_);
  const std::string method = choose_method(options.method, size_, dims_);
  if (method == "tree") search_ = tree_search(points_.data(), size_, dims_);
  if (method == "brute") search_ = brute_search(points_.data(), size_, dims_);
  if (method == "lists") search_ = lists_search(points_.data(), size_, dims_, options);
  if (method == "annoy") search_ = annoy_search(points_.data(), size_, dims_, options);
  if (!search_)
    throw input_error(
        "method",
        "`method` must be \"auto\", \"tree\", \"brute\", \"lists\" or \"annoy\", not \"" + method + "\".");
}

NeighbourIndex::~NeighbourIndex() = default;
NeighbourIndex::NeighbourIndex(NeighbourIndex&&) noexcept = default;

std::int64_t NeighbourIndex::size() const { return size_; }
std::int64_t NeighbourIndex::dims() const { return dims_; }
const char* NeighbourIndex::method() const { return search_->name(); }

void NeighbourIndex::centre(MatrixView points, std::int64_t i, float* out) const {
  for (std::int64_t d = 0; d < dims_; ++d) out[d] = static_cast<float>(points(i, d) - centre_[d]);
}

void NeighbourIndex::search(const float* centred, std::int64_t k, std::int32_t skip, Neighbour* out) const {
  search_->search(centred, k, skip, out);
}

void NeighbourIndex::search_many(const float* centred, std::int64_t n, std::int64_t k,
                                 const std::int32_t* skip, Neighbour* out) const {
  search_->search_many(centred, n, dims_, k, skip, out);
}

std::int64_t NeighbourIndex::block_of(std::int64_t n) const {
  constexpr std::int64_t kLeast = 64, kBlocksPerThread = 4;
  return std::max(kLeast, std::min(search_->together(), n / (kBlocksPerThread * threads())));
}

Neighbours NeighbourIndex::query(MatrixView queries, std::int64_t k) const {
  check_k(k, size_);
  if (queries.cols != dims_)
    throw input_error("queries", "`queries` has " + std::to_string(queries.cols) +
                                     " dimensions, the reference " + std::to_string(dims_) + ".");
  return query_all(*this, queries.rows, k, [&](std::int64_t i, float* out) -> std::int32_t {
    centre(queries, i, out);
    return -1;
  });
}

Neighbours NeighbourIndex::query_self(const std::vector<std::int64_t>& which, std::int64_t k) const {
  check_k(k, size_ - 1);
  return query_all(*this, static_cast<std::int64_t>(which.size()), k, [&](std::int64_t i, float* out) {
    const float* point = points_.data() + which[i] * dims_;
    std::copy(point, point + dims_, out);
    return static_cast<std::int32_t>(which[i]);
  });
}

}  // namespace fatefield
