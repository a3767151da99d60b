// Takes cells with times; gives checks, units, and the scaled cells of each time.
#include "sde/train/cells.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <set>
#include <string>

#include "base/error.hpp"

namespace fatefield {

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
  if (!d.growth_rate.empty() && d.growth_rate.size() != n) {
    throw input_error("growth", "`growth` must have one value for each cell.");
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

Scaling measure(const TrainData& d, const std::vector<char>& held_out, const std::vector<double>& times,
                bool published) {
  Scaling s;
  s.centre.assign(static_cast<std::size_t>(d.x.cols), 0.0);
  if (published) return s;
  s.start = times.front();
  s.span = times.back() - times.front();
  double total = 0.0;
  for (std::int64_t j = 0; j < d.x.cols; ++j) {
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
  s.scale = std::sqrt(total / static_cast<double>(d.x.cols));
  if (!(s.scale > 0.0))
    throw input_error("object", "All cells are at the same point; there is nothing to learn.");
  return s;
}

at::Tensor rows_of(const at::Tensor& z, const std::vector<std::int64_t>& rows) {
  const at::Tensor index = at::from_blob(const_cast<std::int64_t*>(rows.data()),
                                         {static_cast<std::int64_t>(rows.size())}, at::kLong);
  return z.index_select(0, index);
}

std::vector<std::int64_t> sizes_of(const std::vector<at::Tensor>& x) {
  std::vector<std::int64_t> out;
  for (const at::Tensor& t : x) out.push_back(t.size(0));
  return out;
}

Cells gather(const NeuralSde::Impl& model, const TrainData& d, const std::vector<char>& held_out) {
  const at::Tensor z = model.scaled(d.x);
  at::Tensor rate;
  if (!d.growth_rate.empty()) {
    rate = at::empty({d.x.rows}, at::kDouble);
    for (std::int64_t i = 0; i < d.x.rows; ++i) {
      rate.data_ptr<double>()[i] = d.growth_rate[static_cast<std::size_t>(i)] * model.scaling.span;
    }
    rate = rate.to(model.type());
  }
  Cells out;
  for (std::size_t k = 0; k < model.times.size(); ++k) {
    std::vector<std::int64_t> train, held;
    for (std::size_t i = 0; i < d.time.size(); ++i) {
      if (d.time[i] == model.times[k]) (held_out[i] ? held : train).push_back(static_cast<std::int64_t>(i));
    }
    if (train.empty()) {
      throw input_error("validation", "`validation` leaves no cell of time " +
                                          std::to_string(model.times[k]) + " for training.");
    }
    out.train.push_back(rows_of(z, train));
    out.held_out.push_back(rows_of(z, held));
    out.train_growth.push_back(rate.defined() ? rows_of(rate, train) : at::Tensor());
    out.held_out_growth.push_back(rate.defined() ? rows_of(rate, held) : at::Tensor());
  }
  return out;
}

}  // namespace fatefield
