// Takes two clouds; gives the entries of their transport plan, row by row, so that only what is kept needs
// memory. Entries are worked out in double from the potentials.
#include "ot/plan.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "ot/blocks.hpp"
#include "ot/clouds.hpp"
#include "ot/transport.hpp"

namespace fatefield {
namespace {

using Vector = std::vector<double>;

// In double: points may be near each other's last digits.
template <typename T>
double cost_of(const T* u, const T* v, std::int64_t dims, std::int64_t p) {
  double sum = 0.0;
  for (std::int64_t k = 0; k < dims; ++k) {
    const double d = static_cast<double>(u[k]) - static_cast<double>(v[k]);
    sum += d * d;
  }
  return p == 2 ? 0.5 * sum : std::sqrt(std::max(sum, ot::kDistanceFloor));
}

// What one block of rows gives.
struct Block {
  std::vector<std::int64_t> counts;
  std::vector<std::int32_t> column;
  Vector mass, columns;
  double cost = 0.0, dropped = 0.0;
};

template <typename T>
class Rows {
 public:
  Rows(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options, double drop,
       const std::function<bool()>& keep_going)
      : x_(x), y_(y), options_(options), drop_(drop), b_(ot::weights_of(y)) {
    const double diameter = options.diameter > 0 ? options.diameter : bounding_diameter<T>({x, y});
    const Vector schedule = epsilon_schedule(options, diameter), a = ot::weights_of(x);
    ot::Transport<T> transport(ot::Interaction<T>(x, a, y, b_, options.p), a, b_, ot::Marginals(options));
    const ot::Descent descent = transport.descend(schedule, options, keep_going);
    out_.rows = x.n;
    out_.columns = y.n;
    out_.start.push_back(0);
    out_.epsilon = schedule.back();
    out_.iterations = descent.iterations;
    out_.converged = descent.converged;
    g_ = transport.g_before();
    mass_ = transport.mass();
    const Vector columns = fill();
    out_.column_error = transport.column_error(columns);
  }

  TransportPlan take() { return std::move(out_); }

 private:
  // Fills out_ and returns the sums over columns of all entries.
  Vector fill() {
    std::vector<Block> blocks(static_cast<std::size_t>(ot::block_count(x_.n)));
    ot::for_blocks(x_.n, [&](std::int64_t k, std::int64_t from, std::int64_t to) {
      Block& block = blocks[static_cast<std::size_t>(k)];
      block.columns.assign(b_.size(), 0.0);
      Vector costs(b_.size()), share(b_.size());
      for (std::int64_t i = from; i < to; ++i) {
        shares(i, costs, share);
        keep(i, costs, share, block);
      }
    });
    Vector columns(b_.size(), 0.0);
    for (Block& block : blocks) {
      append(block, columns);
      block = Block();
    }
    return columns;
  }

  // Share of row i's mass that goes to each column.
  void shares(std::int64_t i, Vector& costs, Vector& share) const {
    double most = -INFINITY, sum = 0.0;
    for (std::size_t j = 0; j < b_.size(); ++j) {
      costs[j] = cost_of(x_.points + i * x_.dims, y_.points + j * y_.dims, x_.dims, options_.p);
      share[j] = b_[j] > 0 ? (g_[j] - costs[j]) / out_.epsilon + std::log(b_[j]) : -INFINITY;
      most = std::max(most, share[j]);
    }
    for (double& v : share) sum += v = std::exp(v - most);
    for (double& v : share) v /= sum;
  }

  void keep(std::int64_t i, const Vector& costs, const Vector& share, Block& block) const {
    const std::size_t before = block.mass.size();
    for (std::size_t j = 0; j < b_.size(); ++j) {
      const double moved = mass_[i] * share[j];
      block.columns[j] += moved;
      if (!(moved > 0 && share[j] >= drop_)) {
        block.dropped += moved;
        continue;
      }
      block.cost += moved * costs[j];
      block.column.push_back(static_cast<std::int32_t>(j));
      block.mass.push_back(moved);
    }
    block.counts.push_back(static_cast<std::int64_t>(block.mass.size() - before));
  }

  void append(const Block& block, Vector& columns) {
    for (std::int64_t kept : block.counts) out_.start.push_back(out_.start.back() + kept);
    out_.column.insert(out_.column.end(), block.column.begin(), block.column.end());
    out_.mass.insert(out_.mass.end(), block.mass.begin(), block.mass.end());
    for (std::size_t j = 0; j < columns.size(); ++j) columns[j] += block.columns[j];
    out_.cost += block.cost;
    out_.dropped += block.dropped;
  }

  Cloud<T> x_, y_;
  SinkhornOptions options_;
  double drop_;
  Vector b_, g_, mass_;
  TransportPlan out_;
};

}  // namespace

template <typename T>
TransportPlan transport_plan(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                             double drop, const std::function<bool()>& keep_going) {
  check_options(options);
  if (!(drop >= 0 && drop < 1)) {
    throw input_error(
        "drop", "`drop` must be one number of at least 0 and below 1, not " + std::to_string(drop) + ".");
  }
  ot::check_pair(x, y, options.reach == 0);
  return Rows<T>(x, y, options, drop, keep_going).take();
}

template TransportPlan transport_plan(const Cloud<float>&, const Cloud<float>&, const SinkhornOptions&,
                                      double, const std::function<bool()>&);
template TransportPlan transport_plan(const Cloud<double>&, const Cloud<double>&, const SinkhornOptions&,
                                      double, const std::function<bool()>&);

}  // namespace fatefield
