// The time that genes share: cells of known order, roots, genes that do not count, and a few cells by hand.
#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "dynamical_cells.hpp"
#include "test.hpp"
#include "velocity/transitions/latent_time.hpp"

using namespace fatefield;

namespace {

constexpr std::int64_t kCells = 60, kGenes = 20;

// Times that follow the number of the cell, gene by gene faster or slower, with noise.
Matrix ordered_times(double noise) {
  Matrix t(kGenes, kCells);
  std::vector<double> z(static_cast<std::size_t>(kCells));
  for (std::int64_t g = 0; g < kGenes; ++g) {
    normals<double>(5, Stream::Simulator, static_cast<std::uint64_t>(g), kCells, 0, 1, z.data());
    for (std::int64_t c = 0; c < kCells; ++c)
      t(g, c) = std::max(0.0, (1 + 0.1 * static_cast<double>(g)) * static_cast<double>(c) + noise * z[c]);
  }
  return t;
}

std::vector<double> same(double value, std::int64_t n) {
  return std::vector<double>(static_cast<std::size_t>(n), value);
}

LatentTime shared(const Matrix& t, std::int64_t root = -1, std::vector<double> score = same(0, kCells),
                  const LatentTimeOptions& options = {}) {
  return latent_time(t, same(1, t.rows), same(1, t.rows), score, root, lonely_cells(t.cols), options);
}

}  // namespace

TEST_CASE("times of genes that agree are the time they share", "[latent]") {
  const LatentTime found = shared(ordered_times(0), 0);
  REQUIRE(found.genes == kGenes);
  CHECK(found.root == std::vector<std::int64_t>{0});
  for (std::int64_t c = 0; c < kCells; ++c)
    CHECK(found.time[c] == Approx(static_cast<double>(c) / (kCells - 1)).margin(1e-12));
}

TEST_CASE("through noise the shared time keeps the order", "[latent]") {
  const LatentTime found = shared(ordered_times(4), 0);
  for (std::int64_t c = 8; c < kCells; ++c) CHECK(found.time[c] > found.time[c - 8]);
  CHECK(*std::min_element(found.time.begin(), found.time.end()) == 0);
  CHECK(*std::max_element(found.time.begin(), found.time.end()) == 1);
}

TEST_CASE("cells before the root come after all others", "[latent]") {
  const LatentTime found = shared(ordered_times(0), 20);
  CHECK(found.time[20] == 0);
  CHECK(std::is_sorted(found.time.begin() + 20, found.time.end()));
  CHECK(std::is_sorted(found.time.begin(), found.time.begin() + 20));
  CHECK(found.time[0] >= found.time[kCells - 1]);
}

TEST_CASE("roots have the highest scores, those of the least time first", "[latent]") {
  std::vector<double> score = same(0.5, kCells);
  for (const std::int64_t c : {7, 3, 9, 5, 40}) score[c] = 1;
  CHECK(shared(ordered_times(0), -1, score).root == std::vector<std::int64_t>{3, 5, 7, 9});
  LatentTimeOptions one;
  one.roots = 1;
  CHECK(shared(ordered_times(0), -1, score, one).root == std::vector<std::int64_t>{3});
  // Without any the cells of the least time.
  CHECK(shared(ordered_times(0)).root == std::vector<std::int64_t>{0, 1, 2, 3});
}

TEST_CASE("a given root stands for the cells around it", "[latent]") {
  const LatentTime found = latent_time(ordered_times(0), same(1, kGenes), same(1, kGenes), same(0, kCells),
                                       30, ring_of_cells(kCells, 3), {});
  CHECK(found.root == std::vector<std::int64_t>{27, 28, 29, 30});
}

TEST_CASE("unlikely genes, poor lines and times that are not finite do not count", "[latent]") {
  Matrix t = ordered_times(0);
  const LatentTime wanted = shared(t, 0);
  for (std::int64_t c = 0; c < kCells; ++c)
    for (const std::int64_t g : {1, 2}) t(g, c) = static_cast<double>((c * 37) % kCells);
  t(3, 11) = std::nan("");
  std::vector<double> likelihood = same(1, kGenes), r2 = same(1, kGenes);
  likelihood[1] = 0.09;
  r2[2] = 0.01;
  const LatentTime found = latent_time(t, likelihood, r2, same(0, kCells), 0, lonely_cells(kCells), {});
  CHECK(found.genes == kGenes - 3);
  for (std::int64_t c = 0; c < kCells; ++c) CHECK(found.time[c] == Approx(wanted.time[c]).margin(1e-12));
  likelihood = same(0.05, kGenes);
  likelihood[4] = 1;
  CHECK(latent_time(t, likelihood, r2, same(0, kCells), 0, lonely_cells(kCells), {}).time.empty());
}

TEST_CASE("a cell that disagrees with those around it takes their time", "[latent]") {
  Matrix t = ordered_times(0);
  for (std::int64_t g = 0; g < kGenes; ++g) t(g, 30) = t(g, 1);
  LatentTimeOptions one;
  one.roots = 1;
  const LatentTime found =
      latent_time(t, same(1, kGenes), same(1, kGenes), same(0, kCells), 0, ring_of_cells(kCells, 3), one);
  CHECK(found.root == std::vector<std::int64_t>{0});
  CHECK(found.time[30] > found.time[25]);
  CHECK(found.time[30] < found.time[35]);
  // It gives nothing to the others: cell 31 is the mean of 28, 29 and 31 ... 34.
  const double step = found.time[40] - found.time[39];
  CHECK(found.time[31] - found.time[24] == Approx(step * (31.0 - 24.0 + 1.0 / 6)).epsilon(0.01));
}

TEST_CASE("latent time does not depend on threads, and options are checked", "[latent]") {
  const Matrix t = ordered_times(3);
  const LatentTime one = shared(t);
  const ThreadScope scope(2);
  CHECK(shared(t).time == one.time);
  const auto refused = [&](auto&& change) {
    LatentTimeOptions o;
    change(o);
    CHECK_THROWS_AS(shared(t, 0, same(0, kCells), o), Error);
  };
  refused([](LatentTimeOptions& o) { o.roots = 0; });
  refused([](LatentTimeOptions& o) { o.min_likelihood = std::nan(""); });
  refused([](LatentTimeOptions& o) { o.min_agreement = 1.5; });
}
