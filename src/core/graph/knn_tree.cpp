// Exact search in few dimensions: a k-d tree whose nodes keep the box around their points.
// A box's distance is summed like a point's, and rounding is monotone, so a box is never further away than
// the points in it: what is passed over cannot be a neighbour, to the last bit.
#include <algorithm>
#include <numeric>
#include <vector>

#include "graph/knn_search.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t leaf_points = 12;

struct Node {
  std::int32_t begin;
  std::int32_t end;
  /// The other child follows the node itself.
  std::int32_t right;
};

// DIMS 0 means known at run time only.
template <int DIMS>
class Tree : public NeighbourIndex::Search {
 public:
  Tree(const float* points, std::int64_t n, std::int64_t dims) : dims_(dims), order_(n) {
    std::iota(order_.begin(), order_.end(), 0);
    build(points, 0, static_cast<std::int32_t>(n));
    points_.resize(static_cast<std::size_t>(n * dims));
    for (std::int64_t i = 0; i < n; ++i)
      std::copy(points + order_[i] * dims, points + (order_[i] + 1) * dims, points_.data() + i * dims);
  }

  const char* name() const override { return "tree"; }

  void search(const float* query, std::int64_t k, std::int32_t skip, Neighbour* out) const override {
    Best best(out, k);
    visit(0, query, skip, best);
  }

 private:
  std::int64_t dims() const { return DIMS > 0 ? DIMS : dims_; }

  // Appends the node of order_[begin, end) and those below it.
  std::int32_t build(const float* points, std::int32_t begin, std::int32_t end) {
    const auto self = static_cast<std::int32_t>(nodes_.size());
    nodes_.push_back({begin, end, -1});
    const std::int64_t widest = add_box(points, begin, end);
    const bool splits = end - begin > leaf_points && width(self, widest) > 0;
    if (!splits) return self;
    const std::int32_t middle = begin + (end - begin) / 2;
    const auto before = [&](std::int32_t a, std::int32_t b) {
      const float x = points[a * dims() + widest], y = points[b * dims() + widest];
      return x != y ? x < y : a < b;
    };
    std::nth_element(order_.begin() + begin, order_.begin() + middle, order_.begin() + end, before);
    build(points, begin, middle);
    const std::int32_t right = build(points, middle, end);
    nodes_[self].right = right;
    return self;
  }

  // Appends the box of the last node; returns its widest dimension.
  std::int64_t add_box(const float* points, std::int32_t begin, std::int32_t end) {
    const std::size_t at = boxes_.size();
    boxes_.resize(at + 2 * dims());
    std::int64_t widest = 0;
    for (std::int64_t d = 0; d < dims(); ++d) {
      float low = points[order_[begin] * dims() + d], high = low;
      for (std::int32_t i = begin + 1; i < end; ++i) {
        const float x = points[order_[i] * dims() + d];
        low = std::min(low, x);
        high = std::max(high, x);
      }
      boxes_[at + 2 * d] = low;
      boxes_[at + 2 * d + 1] = high;
      if (high - low > boxes_[at + 2 * widest + 1] - boxes_[at + 2 * widest]) widest = d;
    }
    return widest;
  }

  float width(std::int32_t node, std::int64_t d) const {
    const float* box = boxes_.data() + 2 * (node * dims() + d);
    return box[1] - box[0];
  }

  float box_distance(std::int32_t node, const float* query) const {
    const float* box = boxes_.data() + 2 * node * dims();
    float sum = 0;
    for (std::int64_t d = 0; d < dims(); ++d) {
      const float below = box[2 * d] - query[d], above = query[d] - box[2 * d + 1];
      const float gap = std::max(0.0f, std::max(below, above));
      sum += gap * gap;
    }
    return sum;
  }

  void visit(std::int32_t at, const float* query, std::int32_t skip, Best& best) const {
    const Node& node = nodes_[at];
    if (node.right < 0) {
      for (std::int32_t i = node.begin; i < node.end; ++i) {
        const float squared = squared_distance(points_.data() + i * dims(), query, dims());
        if (best.admits(squared) && order_[i] != skip) best.offer({squared, order_[i]});
      }
      return;
    }
    std::int32_t near = at + 1, far = node.right;
    float to_near = box_distance(near, query), to_far = box_distance(far, query);
    if (to_far < to_near) {
      std::swap(near, far);
      std::swap(to_near, to_far);
    }
    if (best.admits(to_near)) visit(near, query, skip, best);
    if (best.admits(to_far)) visit(far, query, skip, best);
  }

  std::int64_t dims_;
  std::vector<std::int32_t> order_;
  std::vector<float> points_;
  std::vector<Node> nodes_;
  std::vector<float> boxes_;
};

}  // namespace

std::unique_ptr<NeighbourIndex::Search> tree_search(const float* points, std::int64_t n, std::int64_t dims) {
  if (dims == 2) return std::make_unique<Tree<2>>(points, n, dims);
  if (dims == 3) return std::make_unique<Tree<3>>(points, n, dims);
  return std::make_unique<Tree<0>>(points, n, dims);
}

}  // namespace fatefield
