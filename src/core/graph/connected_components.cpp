// Takes a graph; searches it depth first with a stack of its own, as graphs are deeper than the program's.
#include "graph/connected_components.hpp"

#include <algorithm>

namespace fatefield {
namespace {

// Numbers the parts again, by their first nodes.
GraphComponents in_order(std::vector<std::int32_t> of, std::int64_t parts) {
  std::vector<std::int32_t> number(static_cast<std::size_t>(parts), -1);
  std::int32_t next = 0;
  for (std::int32_t& part : of) {
    if (number[part] < 0) number[part] = next++;
    part = number[part];
  }
  return {std::move(of), next};
}

class Tarjan {
 public:
  explicit Tarjan(const SparseRows& graph)
      : graph_(graph), seen_(size(), -1), low_(size(), 0), part_(size(), -1) {}

  GraphComponents run() {
    for (std::int64_t i = 0; i < graph_.rows; ++i)
      if (seen_[i] < 0) depth_first(static_cast<std::int32_t>(i));
    return in_order(std::move(part_), parts_);
  }

 private:
  struct Step {
    std::int32_t node;
    std::int64_t edge;
  };

  std::size_t size() const { return static_cast<std::size_t>(graph_.rows); }

  void enter(std::int32_t node) {
    seen_[node] = low_[node] = time_++;
    open_.push_back(node);
    path_.push_back({node, graph_.start[node]});
  }

  void depth_first(std::int32_t root) {
    enter(root);
    while (!path_.empty()) {
      Step& at = path_.back();
      const std::int32_t node = at.node;
      if (at.edge < graph_.start[node + 1]) {
        const std::int32_t to = graph_.index[at.edge++];
        if (seen_[to] < 0) {
          enter(to);
        } else if (part_[to] < 0) {
          low_[node] = std::min(low_[node], seen_[to]);
        }
        continue;
      }
      path_.pop_back();
      if (!path_.empty()) low_[path_.back().node] = std::min(low_[path_.back().node], low_[node]);
      if (low_[node] == seen_[node]) close(node);
    }
  }

  // All nodes above this one on the stack make a part with it.
  void close(std::int32_t node) {
    for (std::int32_t last = -1; last != node;) {
      last = open_.back();
      open_.pop_back();
      part_[last] = static_cast<std::int32_t>(parts_);
    }
    ++parts_;
  }

  const SparseRows& graph_;
  std::vector<std::int32_t> seen_, low_, part_;
  std::vector<std::int32_t> open_;
  std::vector<Step> path_;
  std::int32_t time_ = 0;
  std::int64_t parts_ = 0;
};

std::int32_t leader(std::vector<std::int32_t>& parent, std::int32_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

}  // namespace

std::vector<std::vector<std::int32_t>> GraphComponents::nodes() const {
  std::vector<std::vector<std::int32_t>> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < of.size(); ++i) out[of[i]].push_back(static_cast<std::int32_t>(i));
  return out;
}

GraphComponents strong_components(const SparseRows& graph) { return Tarjan(graph).run(); }

GraphComponents weak_components(const SparseRows& graph) {
  std::vector<std::int32_t> parent(static_cast<std::size_t>(graph.rows));
  for (std::size_t i = 0; i < parent.size(); ++i) parent[i] = static_cast<std::int32_t>(i);
  for (std::int64_t i = 0; i < graph.rows; ++i) {
    for (std::int64_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
      const std::int32_t a = leader(parent, static_cast<std::int32_t>(i)), b = leader(parent, graph.index[e]);
      parent[std::max(a, b)] = std::min(a, b);
    }
  }
  for (std::size_t i = 0; i < parent.size(); ++i) parent[i] = leader(parent, static_cast<std::int32_t>(i));
  return in_order(std::move(parent), graph.rows);
}

}  // namespace fatefield
