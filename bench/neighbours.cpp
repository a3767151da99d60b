// Nearest neighbours among many cells, and labels of end states: seconds to build an index, microseconds of
// all threads for a query, and the share of the true neighbours that is found. bench/run.sh builds and runs
// it.
//   bench/out/neighbours [threads [results.json [cells [queries [method]]]]]
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "base/threads.hpp"
#include "graph/labels.hpp"
#include "measure.hpp"

using namespace fatefield;

namespace {

// Clusters along a few axes, with extents that fall off like those of principal components.
std::vector<double> cells(std::int64_t n, std::int64_t dims, std::uint64_t seed) {
  constexpr std::int64_t kClusters = 40;
  std::vector<double> out(static_cast<std::size_t>(n * dims)), z(out.size()), centres(kClusters * dims);
  normals<double>(seed, Stream::Simulator, 0, n, 0, dims, z.data());
  normals<double>(1, Stream::Simulator, 0, kClusters, 1, dims, centres.data());
  for (std::int64_t i = 0; i < n; ++i) {
    const auto c = static_cast<std::int64_t>(uniform_index(seed, Stream::Simulator, i, 7, kClusters));
    for (std::int64_t d = 0; d < dims; ++d) {
      const double sd = 1.0 + 9.0 / static_cast<double>(1 + d);
      out[static_cast<std::size_t>(d * n + i)] = sd * (1.5 * centres[c * dims + d] + z[i * dims + d]);
    }
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const ThreadScope scope(argc > 1 ? std::atoi(argv[1]) : available_cores());
  const std::int64_t n = argc > 3 ? std::atoll(argv[3]) : 1000000,
                     m = argc > 4 ? std::atoll(argv[4]) : 100000;
  constexpr std::int64_t kDims = 50, kNear = 20, kChecked = 200;
  KnnOptions options;
  if (argc > 5) options.method = argv[5];
  bench::Results results("neighbours", threads());
  const std::vector<double> reference = cells(n, kDims, 2), queries = cells(m, kDims, 3);
  const MatrixView points{reference.data(), n, kDims}, states{queries.data(), m, kDims};
  std::vector<std::int32_t> codes(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) codes[i] = reference[i] > 0;

  std::unique_ptr<NeighbourIndex> index;
  const bench::Cost built = bench::once([&] { index = std::make_unique<NeighbourIndex>(points, options); });
  Neighbours found;
  const bench::Cost asked = bench::once([&] { found = index->query(states, kNear); });
  // Truth for some of the queries: all distances.
  std::int64_t hits = 0;
  for (std::int64_t q = 0; q < kChecked; ++q) {
    const std::int64_t i = q * m / kChecked;
    std::vector<std::pair<double, std::int32_t>> all(static_cast<std::size_t>(n));
    for (std::int64_t j = 0; j < n; ++j) all[j] = {0.0, static_cast<std::int32_t>(j)};
    for (std::int64_t d = 0; d < kDims; ++d) {
      for (std::int64_t j = 0; j < n; ++j) all[j].first += std::pow(points(j, d) - states(i, d), 2);
    }
    std::nth_element(all.begin(), all.begin() + kNear, all.end());
    for (std::int64_t j = 0; j < kNear; ++j) {
      const auto* row = found.index.data() + i * kNear;
      hits += std::find(row, row + kNear, all[j].second) != row + kNear;
    }
  }
  const double recall = static_cast<double>(hits) / (kChecked * kNear);
  const std::string method = index->method();
  index.reset();
  LabelOptions labelling;
  labelling.k = kNear;
  const bench::Cost labelled = bench::once([&] {
    const LabelTransfer transfer(points, codes, 2, labelling, options);
    transfer.transfer(states);
  });
  const double each = 1e6 / static_cast<double>(m);
  std::cout << threads() << " threads, " << n << " cells x " << kDims << ", " << m
            << " queries, k = " << kNear << ", method \"" << method << "\"\n"
            << "build           " << built.seconds << " s, " << built.processor << " s of processor, "
            << built.megabytes << " MB\n"
            << "query           " << asked.seconds * each << " us, " << asked.processor * each
            << " us of processor\n"
            << "recall          " << recall << "\n"
            << "build and label " << labelled.seconds << " s, " << labelled.processor << " s of processor, "
            << labelled.megabytes << " MB" << std::endl;
  results.add("build", built);
  results.add("query", asked);
  results.add("label", labelled);
  results.add("recall", recall, "share");
  if (argc > 2) results.write(argv[2]);
}
