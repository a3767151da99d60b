// Takes two clouds or a matrix of costs; gives the cheapest matching. Columns get prices: first the least
// cost of each, then a few rounds of bidding match most rows, then each row left finds its way along the
// cheapest path of exchanges (Dijkstra on reduced costs).
#include "ot/assignment.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "base/error.hpp"
#include "ot/blocks.hpp"
#include "ot/clouds.hpp"
#include "ot/row_sums.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kMostPoints = 20000;
constexpr std::int64_t kNobody = -1;
// Rounds of bidding before the exact search; more find little that is new.
constexpr int kBiddingRounds = 2;
// Paths or bids between two checks whether the user wants to stop.
constexpr std::int64_t kPatience = 64;

class Matching {
 public:
  Matching(const std::vector<double>& cost, std::int64_t n, const std::function<bool()>& keep_going)
      : cost_(cost),
        n_(n),
        keep_going_(keep_going),
        price_(static_cast<std::size_t>(n)),
        to_(static_cast<std::size_t>(n), kNobody),
        from_(static_cast<std::size_t>(n), kNobody) {}

  Assignment solve() {
    lower_prices();
    std::vector<std::int64_t> free = unmatched();
    for (int round = 0; round < kBiddingRounds && !free.empty(); ++round) free = bid(free);
    for (std::int64_t row : free) augment(row);
    return result();
  }

 private:
  const double* costs(std::int64_t row) const { return cost_.data() + row * n_; }

  void ask() {
    if (++asked_ % kPatience == 0 && keep_going_ && !keep_going_()) throw Interrupted();
  }

  void pair(std::int64_t row, std::int64_t column) {
    to_[row] = column;
    from_[column] = row;
  }

  // The price of a column is its least cost; that row gets it where it has none yet.
  void lower_prices() {
    std::vector<std::int64_t> cheapest(static_cast<std::size_t>(n_), 0);
    for (std::int64_t j = 0; j < n_; ++j) price_[j] = cost_[j];
    for (std::int64_t i = 1; i < n_; ++i) {
      const double* c = costs(i);
      for (std::int64_t j = 0; j < n_; ++j) {
        if (c[j] < price_[j]) {
          price_[j] = c[j];
          cheapest[j] = i;
        }
      }
    }
    for (std::int64_t j = n_ - 1; j >= 0; --j) {
      if (to_[cheapest[j]] == kNobody) pair(cheapest[j], j);
    }
  }

  std::vector<std::int64_t> unmatched() const {
    std::vector<std::int64_t> out;
    for (std::int64_t i = 0; i < n_; ++i) {
      if (to_[i] == kNobody) out.push_back(i);
    }
    return out;
  }

  // Each row takes the column that is cheapest to it and lowers its price until the second is as good; who is
  // displaced bids again at once where prices moved, else in the next round. Gives the rows left.
  std::vector<std::int64_t> bid(std::vector<std::int64_t> rows) {
    std::vector<std::int64_t> left;
    // Prices move in ever smaller steps among rows that want the same few columns: leave these to the search.
    std::int64_t bids = 0;
    const std::int64_t most = 8 * n_;
    while (!rows.empty()) {
      const std::int64_t i = rows.back();
      rows.pop_back();
      ask();
      const double* c = costs(i);
      double best = std::numeric_limits<double>::infinity(), second = best;
      std::int64_t first_column = 0, second_column = 0;
      for (std::int64_t j = 0; j < n_; ++j) {
        const double reduced = c[j] - price_[j];
        if (reduced >= second) continue;
        if (reduced < best) {
          second = best;
          second_column = first_column;
          best = reduced;
          first_column = j;
        } else {
          second = reduced;
          second_column = j;
        }
      }
      const double before = price_[first_column];
      std::int64_t column = first_column;
      if (best < second && n_ > 1) {
        price_[first_column] -= second - best;
      } else if (from_[first_column] != kNobody && n_ > 1) {
        column = second_column;
      }
      const bool moved = price_[first_column] < before;
      const std::int64_t displaced = from_[column];
      pair(i, column);
      if (displaced == kNobody) continue;
      to_[displaced] = kNobody;
      if (moved && ++bids < most) {
        rows.push_back(displaced);
      } else {
        left.push_back(displaced);
      }
    }
    return left;
  }

  // The cheapest path of exchanges from a free row to a free column.
  void augment(std::int64_t row) {
    ask();
    const double* first = costs(row);
    way_.resize(static_cast<std::size_t>(n_));
    before_.assign(static_cast<std::size_t>(n_), row);
    for (std::int64_t j = 0; j < n_; ++j) way_[j] = first[j] - price_[j];
    open_.resize(static_cast<std::size_t>(n_));
    for (std::int64_t j = 0; j < n_; ++j) open_[j] = j;
    done_.clear();
    while (true) {
      const std::int64_t place = nearest();
      const std::int64_t column = open_[place];
      open_[place] = open_.back();
      open_.pop_back();
      if (from_[column] == kNobody) {
        finish(column);
        return;
      }
      done_.push_back(column);
      relax(from_[column], column);
    }
  }

  std::int64_t nearest() const {
    std::int64_t best = 0;
    for (std::size_t k = 1; k < open_.size(); ++k) {
      if (way_[open_[k]] < way_[open_[best]]) best = static_cast<std::int64_t>(k);
    }
    return best;
  }

  void relax(std::int64_t row, std::int64_t column) {
    const double* c = costs(row);
    const double offset = c[column] - price_[column] - way_[column];
    for (std::int64_t j : open_) {
      const double through = c[j] - price_[j] - offset;
      if (through < way_[j]) {
        way_[j] = through;
        before_[j] = row;
      }
    }
  }

  void finish(std::int64_t column) {
    const double length = way_[column];
    for (std::int64_t j : done_) price_[j] += way_[j] - length;
    while (true) {
      const std::int64_t row = before_[column];
      const std::int64_t next = to_[row];
      pair(row, column);
      if (next == kNobody) return;
      column = next;
    }
  }

  Assignment result() {
    Assignment out;
    for (std::int64_t i = 0; i < n_; ++i) {
      const double c = costs(i)[to_[i]];
      out.value += c / static_cast<double>(n_);
      out.f.push_back(c - price_[to_[i]]);
    }
    out.match = std::move(to_);
    out.g = std::move(price_);
    return out;
  }

  const std::vector<double>& cost_;
  std::int64_t n_;
  const std::function<bool()>& keep_going_;
  std::int64_t asked_ = 0;
  std::vector<double> price_;         // of columns: the dual potential g
  std::vector<std::int64_t> to_;      // column of each row
  std::vector<std::int64_t> from_;    // row of each column
  std::vector<double> way_;           // to columns: length of the cheapest path found
  std::vector<std::int64_t> before_;  // the row before each column on it
  std::vector<std::int64_t> open_, done_;
};

void check_assignment(const Cloud<double>& x, const Cloud<double>& y, std::int64_t p) {
  ot::check_pair(x, y, false);
  if (x.weights != nullptr || y.weights != nullptr) {
    throw input_error(
        x.weights != nullptr ? "weights.x" : "weights.y",
        "Exact transport takes clouds with equal weights only: draw cells by their weights first.");
  }
  if (x.n != y.n) {
    throw input_error("y", "Exact transport takes clouds with the same number of points, not " +
                               std::to_string(x.n) + " in `x` and " + std::to_string(y.n) +
                               " in `y`: draw as many from the larger.");
  }
  if (x.n > kMostPoints) {
    throw input_error("x", "Exact transport takes at most " + std::to_string(kMostPoints) + " points, not " +
                               std::to_string(x.n) + ": draw fewer.");
  }
  if (p != 1 && p != 2) throw input_error("p", "`p` must be 1 or 2, not " + std::to_string(p) + ".");
}

}  // namespace

Assignment optimal_assignment(const std::vector<double>& cost, std::int64_t n,
                              const std::function<bool()>& keep_going) {
  return Matching(cost, n, keep_going).solve();
}

Assignment optimal_assignment(const Cloud<double>& x, const Cloud<double>& y, std::int64_t p,
                              const std::function<bool()>& keep_going) {
  check_assignment(x, y, p);
  const std::int64_t stride = ot::round_up(y.n, ot::lanes<double>());
  const Aligned<double> columns = ot::transposed(y.points, y.n, y.dims, stride);
  std::vector<double> cost(static_cast<std::size_t>(x.n * x.n));
  ot::for_blocks(x.n, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    Aligned<double> row(static_cast<std::size_t>(stride));
    for (std::int64_t i = from; i < to; ++i) {
      ot::squared_distances<double>(x.points + i * x.dims, 1, {columns.data(), x.dims, stride, 0, stride},
                                    stride, row.data());
      for (std::int64_t j = 0; j < x.n; ++j) cost[i * x.n + j] = p == 2 ? 0.5 * row[j] : std::sqrt(row[j]);
    }
  });
  return optimal_assignment(cost, x.n, keep_going);
}

}  // namespace fatefield
