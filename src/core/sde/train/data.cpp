// Takes cells with times; gives checks, a fingerprint, units, and the cells of each time.
#include "sde/train/data.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>

#include "base/error.hpp"

namespace fatefield {
namespace {

// A dimension whose range is no more than this share of the widest one's does not vary.
constexpr double kRounding = 1e-10;
constexpr char kSamePoint[] = "All cells are at the same point; there is nothing to learn.";

}  // namespace

void check_data(const TrainData& d, std::int64_t dims) {
  if (d.x.cols != dims) {
    throw model_error("The model has " + std::to_string(dims) + " dimensions, but the cells have " +
                      std::to_string(d.x.cols) + ".");
  }
  const auto n = static_cast<std::size_t>(d.x.rows);
  if (d.time.size() != n) throw input_error("time", "`time` must have one value for each cell.");
  for (double t : d.time) {
    if (!std::isfinite(t)) throw input_error("time", "`time` must be known for each cell.");
  }
  for (std::int64_t i = 0; i < d.x.rows * d.x.cols; ++i) {
    if (!std::isfinite(d.x.data[i])) throw input_error("object", "The states of the cells must be finite.");
  }
  if (!d.clone.empty() && d.clone.size() != n)
    throw input_error("clone", "`clone` must have one value for each cell.");
  if (!d.clone_trust.empty() && d.clone.empty())
    throw input_error("clone", "`clone` is needed where clones pair cells.");
  if (!d.growth_rate.empty() && d.growth_rate.size() != n) {
    throw input_error("growth", "`growth` must have one value for each cell.");
  }
  if (d.velocity.data != nullptr) {
    const bool same = d.velocity.rows == d.x.rows && d.velocity.cols == d.x.cols;
    if (!same)
      throw input_error("velocity", "`velocity` must have one row for each cell, and its dimensions.");
    for (std::int64_t i = 0; i < d.velocity.rows * d.velocity.cols; ++i) {
      if (!std::isfinite(d.velocity.data[i])) throw input_error("velocity", "`velocity` must be finite.");
    }
  }
  if (std::set<double>(d.time.begin(), d.time.end()).size() < 2) {
    throw input_error("time", "`time` must have at least 2 different values.");
  }
}

// FNV-1a over states and times: tells whether a model meets the data it was trained on.
double fingerprint(const TrainData& d) {
  std::uint64_t h = 14695981039346656037ULL;
  const auto mix = [&](const double* values, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::uint64_t bits;
      std::memcpy(&bits, values + i, sizeof bits);
      h = (h ^ bits) * 1099511628211ULL;
    }
  };
  mix(d.x.data, d.x.rows * d.x.cols);
  mix(d.time.data(), static_cast<std::int64_t>(d.time.size()));
  mix(d.growth_rate.data(), static_cast<std::int64_t>(d.growth_rate.size()));
  return static_cast<double>(h >> 11);
}

std::vector<std::int64_t> moving_dims(const MatrixView& x) {
  std::vector<double> range;
  for (std::int64_t j = 0; j < x.cols; ++j) {
    const auto [least, most] = std::minmax_element(x.data + j * x.rows, x.data + (j + 1) * x.rows);
    range.push_back(*most - *least);
  }
  const double widest = *std::max_element(range.begin(), range.end());
  if (!(widest > 0.0)) throw input_error("object", kSamePoint);
  std::vector<std::int64_t> out;
  for (std::int64_t j = 0; j < x.cols; ++j) {
    if (range[static_cast<std::size_t>(j)] > kRounding * widest) out.push_back(j);
  }
  if (static_cast<std::int64_t>(out.size()) == x.cols) out.clear();
  return out;
}

Scaling measure(const TrainData& d, const std::vector<char>& held_out, const std::vector<double>& times,
                const std::vector<std::int64_t>& moving, bool published) {
  Scaling s;
  s.centre.assign(static_cast<std::size_t>(d.x.cols), 0.0);
  if (published) return s;
  s.moving = moving;
  s.start = times.front();
  s.span = times.back() - times.front();
  double total = 0.0;
  const std::vector<std::int64_t> seen = s.seen();
  for (const std::int64_t j : seen) {
    double sum = 0.0;
    double squares = 0.0;
    double n = 0.0;
    for (std::int64_t i = 0; i < d.x.rows; ++i) {
      if (held_out[static_cast<std::size_t>(i)]) continue;
      sum += d.x(i, j);
      n += 1.0;
    }
    const double mean = sum / n;
    for (std::int64_t i = 0; i < d.x.rows; ++i) {
      if (!held_out[static_cast<std::size_t>(i)]) squares += (d.x(i, j) - mean) * (d.x(i, j) - mean);
    }
    s.centre[static_cast<std::size_t>(j)] = mean;
    total += squares / n;
  }
  s.scale = std::sqrt(total / static_cast<double>(seen.size()));
  if (!(s.scale > 0.0)) throw input_error("object", kSamePoint);
  return s;
}

std::vector<CellsOfTime> cells_by_time(const TrainData& d, const std::vector<char>& held_out,
                                       const std::vector<double>& times) {
  std::vector<CellsOfTime> out;
  for (double t : times) {
    CellsOfTime at;
    for (std::size_t i = 0; i < d.time.size(); ++i) {
      if (d.time[i] == t) (held_out[i] ? at.held_out : at.train).push_back(static_cast<std::int64_t>(i));
    }
    if (at.train.empty()) {
      throw input_error("validation",
                        "`validation` leaves no cell of time " + std::to_string(t) + " for training.");
    }
    out.push_back(std::move(at));
  }
  return out;
}

}  // namespace fatefield
