// Approximate search among many points in many dimensions: an inverted file (Jegou, Douze and Schmid, IEEE
// TPAMI 2011). k-means cuts the points into lists; a query scans the lists whose centres are nearest,
// and the best of what it finds are ranked by our own distances. How many lists are needed for the wanted
// share of the true neighbours is measured on some of the points themselves. Many queries that meet in a list
// are worked on together.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "graph/knn_panels.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kRounds = 6;            // of k-means
constexpr std::int64_t kPointsPerCentre = 64;  // that k-means uses
constexpr std::int64_t kAssigned = 1024;       // points that one thread assigns at a time

class Lists : public NeighbourIndex::Search {
 public:
  Lists(const float* points, std::int64_t n, std::int64_t dims, const KnnOptions& options)
      : points_(points),
        n_(n),
        dims_(dims),
        n_lists_(lists_for(n)),
        centres_(panels_of(n_lists_), dims),
        panels_(0, dims) {
    if (!(options.recall > 0 && options.recall <= 1))
      throw input_error("recall", "`recall` must be above 0 and at most 1.");
    train();
    deal();
    measure(options.recall);
  }

  const char* name() const override { return "lists"; }
  std::int64_t together() const override { return 4096; }

  void search(const float* query, std::int64_t k, std::int32_t skip, Neighbour* out) const override {
    search_many(query, 1, dims_, k, &skip, out);
  }

  void search_many(const float* queries, std::int64_t n, std::int64_t, std::int64_t k,
                   const std::int32_t* skip, Neighbour* out) const override {
    const std::int64_t capacity = std::min(n_, k + 1 + kMargin);
    std::vector<Neighbour> found(static_cast<std::size_t>(n * capacity));
    std::vector<Best> best;
    for (std::int64_t i = 0; i < n; ++i) best.emplace_back(found.data() + i * capacity, capacity);
    scan(queries, n, capacity, best);
    for (std::int64_t i = 0; i < n; ++i) {
      Best ranked(out + i * k, k);
      for (std::int64_t j = 0; j < best[i].count(); ++j) {
        const std::int32_t id = ids_[found[i * capacity + j].index];
        if (id != skip[i])
          ranked.offer({squared_distance(points_ + id * dims_, queries + i * dims_, dims_), id});
      }
    }
  }

 private:
  // As many that finding the nearest centres costs about as much as scanning their lists.
  static std::int64_t lists_for(std::int64_t n) {
    const auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n)));
    return std::max<std::int64_t>(1, std::min(4 * root, n / kPanel));
  }

  // The nearest centre of points which(0), which(1), ...
  template <typename Which>
  std::vector<std::int32_t> assign(std::int64_t n, const Which& which) const {
    std::vector<std::int32_t> out(static_cast<std::size_t>(n));
    parallel_for((n + kAssigned - 1) / kAssigned, [&](std::int64_t block) {
      const std::int64_t first = block * kAssigned, rows = std::min(kAssigned, n - first);
      std::vector<float> some(static_cast<std::size_t>(rows * dims_));
      for (std::int64_t i = 0; i < rows; ++i)
        std::copy_n(points_ + which(first + i) * dims_, dims_, some.data() + i * dims_);
      std::vector<Neighbour> near(static_cast<std::size_t>(rows));
      nearest(centres_, some.data(), rows, 1, near.data());
      for (std::int64_t i = 0; i < rows; ++i) out[first + i] = near[i].index;
    });
    return out;
  }

  // Lloyd's k-means on evenly spread points, begun at evenly spread ones. A centre without points stays.
  void train() {
    const std::int64_t sampled = std::min(n_, kPointsPerCentre * n_lists_);
    const auto which = [&](std::int64_t i) { return i * n_ / sampled; };
    for (std::int64_t c = 0; c < n_lists_; ++c)
      centres_.set(c, points_ + which(c * sampled / n_lists_) * dims_);
    for (std::int64_t round = 0; round < kRounds; ++round) {
      const std::vector<std::int32_t> centre = assign(sampled, which);
      std::vector<double> sum(static_cast<std::size_t>(n_lists_ * dims_)),
          count(static_cast<std::size_t>(n_lists_));
      for (std::int64_t i = 0; i < sampled; ++i) {
        const float* point = points_ + which(i) * dims_;
        count[centre[i]] += 1;
        for (std::int64_t d = 0; d < dims_; ++d) sum[centre[i] * dims_ + d] += point[d];
      }
      std::vector<float> mean(static_cast<std::size_t>(dims_));
      for (std::int64_t c = 0; c < n_lists_; ++c) {
        if (count[c] == 0) continue;
        for (std::int64_t d = 0; d < dims_; ++d) mean[d] = static_cast<float>(sum[c * dims_ + d] / count[c]);
        centres_.set(c, mean.data());
      }
    }
  }

  // Puts the points into the lists of their centres, in their order.
  void deal() {
    const std::vector<std::int32_t> centre = assign(n_, [](std::int64_t i) { return i; });
    size_.assign(static_cast<std::size_t>(n_lists_), 0);
    for (const std::int32_t c : centre) ++size_[c];
    start_.assign(1, 0);
    for (const std::int64_t s : size_) start_.push_back(start_.back() + panels_of(s));
    panels_ = Panels(start_.back(), dims_);
    ids_.assign(static_cast<std::size_t>(start_.back() * kPanel), -1);
    std::vector<std::int64_t> next(static_cast<std::size_t>(n_lists_));
    for (std::int64_t c = 0; c < n_lists_; ++c) next[c] = start_[c] * kPanel;
    for (std::int64_t i = 0; i < n_; ++i) {
      const std::int64_t slot = next[centre[i]]++;
      panels_.set(slot, points_ + i * dims_);
      ids_[slot] = static_cast<std::int32_t>(i);
    }
  }

  // Sets how many lists are scanned, from the places of true neighbours of some points.
  void measure(double recall) {
    constexpr std::int64_t kSample = 256, kNear = 21, kGroup = 16;
    const std::int64_t n = std::min(n_, kSample), k = std::min(n_, kNear);
    std::vector<std::int64_t> found(static_cast<std::size_t>(n_lists_), 0);  // at each place
    std::vector<std::vector<std::int64_t>> places(static_cast<std::size_t>((n + kGroup - 1) / kGroup));
    parallel_for(static_cast<std::int64_t>(places.size()), [&](std::int64_t group) {
      const std::int64_t first = group * kGroup, rows = std::min(kGroup, n - first);
      std::vector<float> queries(static_cast<std::size_t>(rows * dims_));
      for (std::int64_t i = 0; i < rows; ++i)
        std::copy_n(points_ + (first + i) * n_ / n * dims_, dims_, queries.data() + i * dims_);
      std::vector<Neighbour> near(static_cast<std::size_t>(rows * k)),
          order(static_cast<std::size_t>(rows * n_lists_));
      nearest(panels_, queries.data(), rows, k, near.data());
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::vector<std::int64_t> place = places_of_lists(queries.data() + i * dims_);
        for (std::int64_t j = 0; j < k; ++j)
          places[static_cast<std::size_t>(group)].push_back(place[list_of(near[i * k + j].index)]);
      }
    });
    for (const auto& some : places) {
      for (const std::int64_t p : some) ++found[p];
    }
    std::int64_t missing = n * k;
    for (probed_ = 0; probed_ < n_lists_ && missing > (1 - recall) * static_cast<double>(n * k); ++probed_)
      missing -= found[probed_];
    probed_ = std::max<std::int64_t>(probed_, 1);
  }

  // How many lists are nearer to a query than each.
  std::vector<std::int64_t> places_of_lists(const float* query) const {
    std::vector<Neighbour> order;
    for (std::int64_t l = 0; l < n_lists_; ++l)
      order.push_back({centres_.value(l, query), static_cast<std::int32_t>(l)});
    std::sort(order.begin(), order.end());
    std::vector<std::int64_t> out(order.size());
    for (std::size_t k = 0; k < order.size(); ++k) out[order[k].index] = static_cast<std::int64_t>(k);
    return out;
  }

  std::int64_t list_of(std::int64_t slot) const {
    return std::upper_bound(start_.begin(), start_.end(), slot / kPanel) - start_.begin() - 1;
  }

  // The lists of each query: the nearest, more where these hold fewer than `capacity` points.
  std::vector<std::vector<std::int32_t>> choose(const float* queries, std::int64_t n,
                                                std::int64_t capacity) const {
    std::vector<Neighbour> order(static_cast<std::size_t>(n * probed_));
    nearest(centres_, queries, n, probed_, order.data());
    std::vector<std::vector<std::int32_t>> out(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {
      std::int64_t held = 0;
      for (std::int64_t l = 0; l < probed_; ++l) {
        out[i].push_back(order[i * probed_ + l].index);
        held += size_[out[i].back()];
      }
      if (held >= capacity) continue;
      out[i].resize(static_cast<std::size_t>(n_lists_));
      std::iota(out[i].begin(), out[i].end(), 0);
    }
    return out;
  }

  void scan(const float* queries, std::int64_t n, std::int64_t capacity, std::vector<Best>& best) const {
    const auto lists = choose(queries, n, capacity);
    // The nearest list first: after it few points are better than what was found.
    for (const bool first : {true, false}) {
      std::vector<std::int64_t> start(static_cast<std::size_t>(n_lists_ + 1), 0);
      const auto each = [&](auto&& f) {
        for (std::int64_t i = 0; i < n; ++i) {
          const std::size_t end = first ? 1 : lists[i].size();
          for (std::size_t l = first ? 0 : 1; l < end; ++l) f(lists[i][l], i);
        }
      };
      each([&](std::int32_t list, std::int64_t) { ++start[list + 1]; });
      std::partial_sum(start.begin(), start.end(), start.begin());
      std::vector<std::int32_t> visitor(static_cast<std::size_t>(start.back()));
      std::vector<std::int64_t> next(start.begin(), start.end() - 1);
      each([&](std::int32_t list, std::int64_t i) { visitor[next[list]++] = static_cast<std::int32_t>(i); });
      visit(queries, start, visitor, best);
    }
  }

  // visitor[start[l]] to visitor[start[l + 1]]: the queries that scan list l.
  void visit(const float* queries, const std::vector<std::int64_t>& start,
             const std::vector<std::int32_t>& visitor, std::vector<Best>& best) const {
    Scanner scanner;
    std::vector<float> some(static_cast<std::size_t>(kQueriesAtOnce * dims_));
    for (std::int64_t l = 0; l < n_lists_; ++l) {
      for (std::int64_t v = start[l]; v < start[l + 1]; v += kQueriesAtOnce) {
        const std::int64_t rows = std::min(kQueriesAtOnce, start[l + 1] - v);
        Best* all[kQueriesAtOnce];
        for (std::int64_t r = 0; r < rows; ++r) {
          std::copy_n(queries + visitor[v + r] * dims_, dims_, some.data() + r * dims_);
          all[r] = &best[visitor[v + r]];
        }
        scanner.scan(panels_, start_[l], start_[l + 1], some.data(), rows, all);
      }
    }
  }

  const float* points_;
  std::int64_t n_, dims_, n_lists_;
  Panels centres_, panels_;
  std::vector<std::int64_t> start_, size_;  // first panel and number of points of each list
  std::vector<std::int32_t> ids_;           // the point in each slot, -1 for none
  std::int64_t probed_ = 1;
};

}  // namespace

std::unique_ptr<NeighbourIndex::Search> lists_search(const float* points, std::int64_t n, std::int64_t dims,
                                                     const KnnOptions& options) {
  return std::make_unique<Lists>(points, n, dims, options);
}

}  // namespace fatefield
