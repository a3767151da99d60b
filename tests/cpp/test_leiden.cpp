// Modules of planted graphs, modularity by hand, and that modules are connected.
#include "graph/leiden.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

using Edges = std::map<std::pair<int, int>, double>;

SparseRows graph_of(int n, const Edges& edges) {
  std::vector<std::map<int, double>> rows(n);
  for (const auto& e : edges) {
    rows[e.first.first][e.first.second] = e.second;
    rows[e.first.second][e.first.first] = e.second;
  }
  SparseRows out;
  out.rows = out.cols = n;
  out.start.push_back(0);
  for (const auto& row : rows) {
    for (const auto& entry : row) {
      out.index.push_back(entry.first);
      out.value.push_back(entry.second);
    }
    out.start.push_back(out.stored());
  }
  return out;
}

void clique(Edges& edges, int first, int size, double weight = 1) {
  for (int i = first; i < first + size; ++i)
    for (int j = i + 1; j < first + size; ++j) edges[{i, j}] = weight;
}

// Cliques of `size` nodes, each tied to the next in a ring by one edge.
Edges ring_of_cliques(int cliques, int size) {
  Edges out;
  for (int c = 0; c < cliques; ++c) clique(out, c * size, size);
  for (int c = 0; c < cliques; ++c) {
    const int a = c * size + 1, b = ((c + 1) % cliques) * size;
    out[{std::min(a, b), std::max(a, b)}] = 1;
  }
  return out;
}

// Whether each module can be walked through without leaving it.
bool hang_together(const SparseRows& g, const std::vector<std::int32_t>& of) {
  std::vector<char> seen(of.size(), 0);
  std::set<std::int32_t> begun;
  for (std::size_t s = 0; s < of.size(); ++s) {
    if (seen[s]) continue;
    if (!begun.insert(of[s]).second) return false;
    std::vector<std::size_t> todo = {s};
    seen[s] = 1;
    while (!todo.empty()) {
      const std::size_t v = todo.back();
      todo.pop_back();
      for (std::int64_t e = g.start[v]; e < g.start[v + 1]; ++e) {
        const auto u = static_cast<std::size_t>(g.index[e]);
        if (seen[u] || of[u] != of[v]) continue;
        seen[u] = 1;
        todo.push_back(u);
      }
    }
  }
  return true;
}

LeidenOptions at_resolution(double resolution) {
  LeidenOptions o;
  o.resolution = resolution;
  return o;
}

}  // namespace

TEST_CASE("modularity is that of the formula", "[leiden]") {
  // Two triangles and an edge between: 7 edges, 3 within each, strengths 7 and 7 of 14.
  Edges edges;
  clique(edges, 0, 3);
  clique(edges, 3, 3);
  edges[{2, 3}] = 1;
  const SparseRows g = graph_of(6, edges);
  CHECK(modularity(g, {0, 0, 0, 1, 1, 1}, 1) == Approx(6.0 / 7 - 0.5));
  CHECK(modularity(g, {0, 0, 0, 1, 1, 1}, 2) == Approx(6.0 / 7 - 1));
  CHECK(modularity(g, {0, 0, 0, 0, 0, 0}, 1) == Approx(0).margin(1e-15));
  CHECK(modularity(g, {0, 1, 2, 3, 4, 5}, 1) == Approx(-(4 * 4 + 2 * 9) / 196.0));
  const Modules m = leiden(g, LeidenOptions(), 1);
  CHECK(m.of == std::vector<std::int32_t>{0, 0, 0, 1, 1, 1});
  CHECK(m.quality == Approx(6.0 / 7 - 0.5));
}

TEST_CASE("planted cliques are found, whatever the seed", "[leiden]") {
  const SparseRows g = graph_of(40, ring_of_cliques(8, 5));
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Modules m = leiden(g, LeidenOptions(), seed);
    REQUIRE(m.count == 8);
    for (int v = 0; v < 40; ++v) REQUIRE(m.of[v] == v / 5);
    // 80 edges within, 8 between, all strengths alike.
    REQUIRE(m.quality == Approx(80.0 / 88 - 1.0 / 8));
  }
}

TEST_CASE("larger modules come first, and resolution splits and joins", "[leiden]") {
  Edges edges;
  clique(edges, 0, 4);
  clique(edges, 4, 7);
  edges[{0, 4}] = 0.1;
  const SparseRows g = graph_of(11, edges);
  const Modules m = leiden(g, LeidenOptions(), 3);
  CHECK(m.of == std::vector<std::int32_t>{1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0});
  CHECK(leiden(g, at_resolution(0.001), 3).count == 1);
  CHECK(leiden(g, at_resolution(50), 3).count == 11);
}

TEST_CASE("parts without an edge between them are never one module, and nodes without edges stand alone",
          "[leiden]") {
  Edges edges;
  clique(edges, 0, 4);
  clique(edges, 4, 4);
  const SparseRows g = graph_of(10, edges);
  for (const double resolution : {1e-6, 1.0}) {
    const Modules m = leiden(g, at_resolution(resolution), 5);
    CHECK(m.count == 4);
    CHECK(m.of == std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1, 1, 2, 3});
  }
  const Modules empty = leiden(graph_of(3, {}), LeidenOptions(), 1);
  CHECK(empty.count == 3);
  CHECK(empty.quality == 0);
}

TEST_CASE("modules are connected where moving single nodes may leave them in pieces", "[leiden]") {
  // Nodes 0 to 2k - 1 hang on a bridge, which a strong partner of its own pulls away.
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Edges edges;
    const int half = 3 + static_cast<int>(seed % 4), bridge = 2 * half;
    for (int i = 0; i + 1 < half; ++i) {
      edges[{i, i + 1}] = 2;
      edges[{half + i, half + i + 1}] = 2;
    }
    for (int i = 0; i < 2 * half; ++i) edges[{i, bridge}] = 1.5;
    clique(edges, bridge + 1, 5, 3);
    for (int i = 1; i <= 5; ++i) edges[{bridge, bridge + i}] = 1 + 0.5 * static_cast<double>(seed % 5);
    // Loose edges, different for each seed.
    for (int e = 0; e < 6; ++e) {
      const int a = static_cast<int>(uniform(seed, Stream::Shuffle, e, 0) * (bridge + 6));
      const int b = static_cast<int>(uniform(seed, Stream::Shuffle, e, 1) * (bridge + 6));
      if (a != b) edges[{std::min(a, b), std::max(a, b)}] = 0.3;
    }
    const SparseRows g = graph_of(bridge + 6, edges);
    for (const double resolution : {0.3, 1.0, 2.0}) {
      const Modules m = leiden(g, at_resolution(resolution), seed);
      REQUIRE(hang_together(g, m.of));
      REQUIRE(m.quality == Approx(modularity(g, m.of, resolution)));
    }
  }
}

TEST_CASE("no single move makes found modules better", "[leiden]") {
  Edges edges;
  const int n = 60;
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      const double probability = i % 4 == j % 4 ? 0.5 : 0.05;
      if (uniform(9, Stream::Shuffle, i, j) < probability)
        edges[{i, j}] = 0.5 + uniform(9, Stream::Shuffle, j, i);
    }
  }
  const SparseRows g = graph_of(n, edges);
  const Modules m = leiden(g, LeidenOptions(), 2);
  CHECK(m.count == 4);
  for (int v = 0; v < n; ++v) {
    CHECK(m.of[v] == m.of[v % 4]);
    for (std::int32_t c = 0; c <= m.count; ++c) {
      std::vector<std::int32_t> moved = m.of;
      moved[v] = c;
      REQUIRE(modularity(g, moved, 1) <= m.quality + 1e-12);
    }
  }
  const Modules again = leiden(g, LeidenOptions(), 2);
  CHECK(again.of == m.of);
}

TEST_CASE("a resolution or randomness that is not above 0 is refused", "[leiden]") {
  const SparseRows g = graph_of(3, {{{0, 1}, 1.0}});
  CHECK_THROWS_AS(leiden(g, at_resolution(0), 1), Error);
  LeidenOptions o;
  o.randomness = 0;
  CHECK_THROWS_AS(leiden(g, o, 1), Error);
}
