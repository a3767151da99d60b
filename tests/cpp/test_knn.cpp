// Neighbours against a sort of all distances: exact ways to the last bit, approximate ones by their recall.
#include "graph/knn.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

Matrix gaussian_cloud(std::int64_t n, std::int64_t dims, std::uint64_t seed, double centre = 0) {
  std::vector<double> z(static_cast<std::size_t>(n * dims));
  normals<double>(seed, Stream::Simulator, 0, n, 0, dims, z.data());
  Matrix x(n, dims);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t d = 0; d < dims; ++d) x(i, d) = centre + z[i * dims + d];
  return x;
}

// Points on a coarse lattice: many duplicates, many ties.
Matrix lattice_cloud(std::int64_t n, std::int64_t dims, std::uint64_t seed) {
  Matrix x(n, dims);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t d = 0; d < dims; ++d)
      x(i, d) = static_cast<double>(uniform_index(seed, Stream::Simulator, i, d, 5));
  return x;
}

std::vector<std::int32_t> sorted_neighbours(const Matrix& x, const Matrix& q, std::int64_t i,
                                            std::int64_t k) {
  std::vector<double> distance(x.rows);
  for (std::int64_t j = 0; j < x.rows; ++j)
    for (std::int64_t d = 0; d < x.cols; ++d) distance[j] += std::pow(x(j, d) - q(i, d), 2);
  std::vector<std::int32_t> order(x.rows);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return distance[a] < distance[b]; });
  order.resize(k);
  return order;
}

NeighbourIndex index_of(const Matrix& x, const char* method) {
  KnnOptions options;
  options.method = method;
  return NeighbourIndex(x, options);
}

}  // namespace

TEST_CASE("tree and brute force agree to the last bit and with a sort", "[knn]") {
  for (const std::int64_t dims : {1, 2, 3, 5, 8}) {
    const Matrix x = gaussian_cloud(3000, dims, 1), q = gaussian_cloud(200, dims, 2);
    const Neighbours tree = index_of(x, "tree").query(q, 15), brute = index_of(x, "brute").query(q, 15);
    REQUIRE(tree.index == brute.index);
    REQUIRE(tree.distance == brute.distance);
    int same = 0;
    for (std::int64_t i = 0; i < q.rows; ++i) {
      const auto expected = sorted_neighbours(x, q, i, 15);
      same += std::equal(expected.begin(), expected.end(), tree.index.begin() + i * 15);
    }
    // A pair of distances may be equal in single precision only.
    CHECK(same >= 198);
  }
}

TEST_CASE("ties are broken by index, duplicates included", "[knn]") {
  for (const std::int64_t dims : {1, 2, 4}) {
    const Matrix x = lattice_cloud(500, dims, 3), q = lattice_cloud(40, dims, 4);
    for (const char* method : {"tree", "brute"}) {
      const Neighbours found = index_of(x, method).query(q, 30);
      for (std::int64_t i = 0; i < q.rows; ++i) {
        const auto expected = sorted_neighbours(x, q, i, 30);
        REQUIRE(std::equal(expected.begin(), expected.end(), found.index.begin() + i * 30));
      }
    }
  }
}

TEST_CASE("brute force is exact where rounding hides what is near", "[knn]") {
  // Distances of a millionth of the points' norms, and equal ones: scalar products cannot tell them apart.
  Matrix x = gaussian_cloud(2000, 12, 21), q = gaussian_cloud(50, 12, 22);
  for (std::int64_t d = 0; d < 12; ++d) {
    for (std::int64_t i = 0; i < x.rows; ++i)
      x(i, d) = (i % 2 == 0 ? 1e3 : -1e3) + 1e-3 * std::round(4 * x(i, d));
    for (std::int64_t i = 0; i < q.rows; ++i) q(i, d) = 1e3 + 1e-3 * std::round(4 * q(i, d));
  }
  const Neighbours tree = index_of(x, "tree").query(q, 25), brute = index_of(x, "brute").query(q, 25);
  CHECK(tree.index == brute.index);
  CHECK(tree.distance == brute.distance);
}

TEST_CASE("points far from the origin keep their precision", "[knn]") {
  const Matrix x = gaussian_cloud(1000, 2, 5, 1e6), q = gaussian_cloud(50, 2, 6, 1e6);
  const Neighbours found = index_of(x, "tree").query(q, 1);
  for (std::int64_t i = 0; i < q.rows; ++i) REQUIRE(found.index[i] == sorted_neighbours(x, q, i, 1)[0]);
}

TEST_CASE("a point is its own nearest neighbour unless it asks to be left out", "[knn]") {
  for (const char* method : {"tree", "brute", "lists", "annoy"}) {
    const Matrix x = gaussian_cloud(400, 3, 7);
    const NeighbourIndex index = index_of(x, method);
    const Neighbours with = index.query(x, 5);
    std::vector<std::int64_t> all(400);
    std::iota(all.begin(), all.end(), 0);
    const Neighbours without = index.query_self(all, 4);
    for (std::int64_t i = 0; i < 400; ++i) {
      REQUIRE(with.index[i * 5] == i);
      for (int j = 0; j < 4; ++j) REQUIRE(without.index[i * 4 + j] == with.index[i * 5 + j + 1]);
    }
  }
}

TEST_CASE("all reference points are found when all are asked for", "[knn]") {
  Matrix x(60, 2);  // every point the same
  for (const char* method : {"tree", "brute", "lists", "annoy"}) {
    const Neighbours found = index_of(x, method).query(gaussian_cloud(3, 2, 8), 60);
    for (int j = 0; j < 60; ++j) REQUIRE(found.index[j] == j);
  }
}

TEST_CASE("approximate ways find nearly all true neighbours in many dimensions", "[knn]") {
  // Principal components: the spread falls from one to the next.
  Matrix x = gaussian_cloud(12000, 30, 9), q = gaussian_cloud(100, 30, 10);
  for (std::int64_t d = 0; d < 30; ++d) {
    for (std::int64_t i = 0; i < x.rows; ++i) x(i, d) /= std::sqrt(d + 1.0);
    for (std::int64_t i = 0; i < q.rows; ++i) q(i, d) /= std::sqrt(d + 1.0);
  }
  const Neighbours exact = index_of(x, "brute").query(q, 20);
  for (const char* method : {"lists", "annoy"}) {
    const Neighbours found = index_of(x, method).query(q, 20);
    int hits = 0;
    for (int i = 0; i < 100; ++i)
      for (int j = 0; j < 20; ++j)
        hits += std::count(found.index.begin() + i * 20, found.index.begin() + (i + 1) * 20,
                           exact.index[i * 20 + j]);
    INFO(method << " " << hits);
    CHECK(hits > 0.95 * 2000);
  }
}

TEST_CASE("neighbours do not depend on threads or on how queries are cut", "[knn]") {
  for (const char* method : {"tree", "brute", "lists"}) {
    const std::int64_t dims = std::string(method) == "tree" ? 2 : 20;
    const Matrix x = gaussian_cloud(4000, dims, 11), q = gaussian_cloud(2000, dims, 12);
    const NeighbourIndex index = index_of(x, method);
    const Neighbours one = index.query(q, 20);
    Neighbours two;
    {
      const ThreadScope scope(2);
      two = index_of(x, method).query(q, 20);
    }
    REQUIRE(one.index == two.index);
    REQUIRE(one.distance == two.distance);
    Matrix tail(7, dims);
    for (int i = 0; i < 7; ++i)
      for (int d = 0; d < dims; ++d) tail(i, d) = q(1993 + i, d);
    const Neighbours part = index.query(tail, 20);
    REQUIRE(std::equal(part.index.begin(), part.index.end(), one.index.begin() + 1993 * 20));
  }
}

TEST_CASE("the method suits the reference, and what cannot be is refused", "[knn]") {
  const Matrix low = gaussian_cloud(50, 2, 13), high = gaussian_cloud(50, 20, 13);
  CHECK(std::string(NeighbourIndex(low, KnnOptions()).method()) == "tree");
  CHECK(std::string(NeighbourIndex(high, KnnOptions()).method()) == "brute");
  CHECK(std::string(NeighbourIndex(gaussian_cloud(110000, 20, 13), KnnOptions()).method()) == "lists");
  CHECK_THROWS_AS(index_of(low, "hash"), Error);
  CHECK_THROWS_AS(NeighbourIndex(Matrix(0, 2), KnnOptions()), Error);
  CHECK_THROWS_AS(index_of(low, "tree").query(low, 51), Error);
  CHECK_THROWS_AS(index_of(low, "tree").query(low, 0), Error);
  CHECK_THROWS_AS(index_of(low, "tree").query(high, 1), Error);
  CHECK_THROWS_AS(index_of(low, "tree").query_self({0}, 50), Error);
}
