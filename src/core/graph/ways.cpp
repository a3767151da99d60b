// Takes neighbours of cells; gives the lengths of the shortest ways from one of them.
#include "graph/ways.hpp"

#include <functional>
#include <limits>
#include <queue>
#include <utility>

#include "base/error.hpp"

namespace fatefield {

std::vector<double> shortest_ways(const Neighbours& near, std::int64_t from) {
  if (from < 0 || from >= near.n) throw input_error("from", "`from` is not the number of a cell.");
  using Edge = std::pair<double, std::int64_t>;
  std::vector<std::vector<Edge>> edges(static_cast<std::size_t>(near.n));
  for (std::int64_t i = 0; i < near.n; ++i) {
    for (std::int64_t q = 0; q < near.k; ++q) {
      const auto at = static_cast<std::size_t>(i * near.k + q);
      const std::int64_t j = near.index[at];
      edges[static_cast<std::size_t>(i)].emplace_back(near.distance[at], j);
      edges[static_cast<std::size_t>(j)].emplace_back(near.distance[at], i);
    }
  }
  std::vector<double> out(static_cast<std::size_t>(near.n), std::numeric_limits<double>::infinity());
  std::priority_queue<Edge, std::vector<Edge>, std::greater<Edge>> open;
  out[static_cast<std::size_t>(from)] = 0.0;
  open.emplace(0.0, from);
  while (!open.empty()) {
    const auto [length, i] = open.top();
    open.pop();
    if (length > out[static_cast<std::size_t>(i)]) continue;
    for (const auto& [step, j] : edges[static_cast<std::size_t>(i)]) {
      double& best = out[static_cast<std::size_t>(j)];
      if (!(length + step < best)) continue;
      best = length + step;
      open.emplace(best, j);
    }
  }
  return out;
}

}  // namespace fatefield
