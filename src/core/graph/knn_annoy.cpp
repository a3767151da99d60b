// Approximate search among many points in many dimensions: Annoy's forest, its candidates ranked by our own
// distances. Built on one thread from a fixed seed, so that the same points give the same index.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/error.hpp"
#include "graph/knn_search.hpp"

// Annoy writes complaints to stderr; they come back as return values, and a library stays silent.
#define __ERROR_PRINTER_OVERRIDE__(...) (void)0
#include <annoylib.h>
#include <kissrandom.h>

// Annoy 1.17.1 moved into a namespace of its own; before, its names are global.
namespace Annoy {}

namespace fatefield {
namespace {

using namespace ::Annoy;

using Index = AnnoyIndex<std::int32_t, float, Euclidean, Kiss64Random, AnnoyIndexSingleThreadedBuildPolicy>;

class Annoy : public NeighbourIndex::Search {
 public:
  Annoy(const float* points, std::int64_t n, std::int64_t dims, const KnnOptions& options)
      : points_(points), n_(n), dims_(dims), options_(options), index_(static_cast<int>(dims)) {
    if (options.trees < 1)
      throw input_error("trees", "`trees` must be at least 1, not " + std::to_string(options.trees) + ".");
    index_.set_seed(1);
    for (std::int64_t i = 0; i < n; ++i)
      if (!index_.add_item(static_cast<std::int32_t>(i), points + i * dims)) fail();
    if (!index_.build(static_cast<int>(options.trees))) fail();
  }

  const char* name() const override { return "annoy"; }

  void search(const float* query, std::int64_t k, std::int32_t skip, Neighbour* out) const override {
    const std::int64_t needed = k + (skip >= 0 ? 1 : 0);
    std::int64_t visited = options_.search > 0 ? options_.search : 4 * options_.trees * needed;
    std::vector<std::int32_t> found;
    for (;; visited *= 4) {
      found.clear();
      index_.get_nns_by_vector(query, static_cast<std::size_t>(needed),
                               static_cast<int>(std::min(visited, n_ * options_.trees)), &found, nullptr);
      if (static_cast<std::int64_t>(found.size()) >= needed || visited >= n_ * options_.trees) break;
    }
    Best best(out, k);
    for (const std::int32_t i : found)
      if (i != skip) best.offer({squared_distance(points_ + i * dims_, query, dims_), i});
    if (!best.full()) search_all(query, k, skip, out);
  }

 private:
  // Annoy can lose points that coincide with many others; then every point is examined.
  void search_all(const float* query, std::int64_t k, std::int32_t skip, Neighbour* out) const {
    Best best(out, k);
    for (std::int32_t i = 0; i < n_; ++i)
      if (i != skip) best.offer({squared_distance(points_ + i * dims_, query, dims_), i});
  }

  [[noreturn]] void fail() const {
    throw numeric_error("The index of nearest neighbours could not be built.");
  }

  const float* points_;
  std::int64_t n_;
  std::int64_t dims_;
  KnnOptions options_;
  Index index_;
};

}  // namespace

std::unique_ptr<NeighbourIndex::Search> annoy_search(const float* points, std::int64_t n, std::int64_t dims,
                                                     const KnnOptions& options) {
  return std::make_unique<Annoy>(points, n, dims, options);
}

}  // namespace fatefield
