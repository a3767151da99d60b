// Takes two clouds and directions; gives the mean squared Wasserstein-2 distance of their projections with
// its derivatives. Along each direction both sides are sorted and mass goes from left to left (the monotone
// plan).
#include "ot/sliced.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "ot/blocks.hpp"
#include "ot/clouds.hpp"
#include "ot/radix.hpp"
#include "ot/row_sums.hpp"

namespace fatefield {
namespace {

// Masses that differ by less end together: both sides step, as where n = m and weights are equal.
constexpr double kSameMass = 1e-13;

// One cloud, a row for each dimension, and its weights, summing to 1.
template <typename T>
struct Side {
  explicit Side(const Cloud<T>& cloud)
      : n(cloud.n),
        stride(ot::round_up(cloud.n, ot::lanes<T>())),
        rows(ot::transposed(cloud.points, cloud.n, cloud.dims, stride)),
        weights(ot::weights_of(cloud)),
        mass(std::accumulate(weights.begin(), weights.end(), 0.0)) {
    for (double& w : weights) w /= mass;
  }
  std::int64_t n, stride;
  Aligned<T> rows;
  std::vector<double> weights;
  double mass;
};

// The monotone plan between two sorted sides.
template <typename T>
class Line {
 public:
  Line(const Side<T>& x, const Side<T>& y) : x_(x), y_(y) {}

  void sort(const T* projected_x, const T* projected_y) {
    ot::radix_sort(projected_x, x_.n, items_x_, spare_);
    ot::radix_sort(projected_y, y_.n, items_y_, spare_);
  }

  /// W2^2; slope[i] = its derivative in the projection of x_i, and to potential[i] is added the dual
  /// potential of x_i, where these are not nullptr.
  double couple(T* slope, double* potential) {
    double cost = 0.0, phi = 0.0, slope_here = 0.0;
    std::int64_t i = 0, j = 0;
    double here_x = position_x(0), here_y = position_y(0), rest_x = weight_x(0), rest_y = weight_y(0);
    while (true) {
      const bool last_x = i + 1 == x_.n, last_y = j + 1 == y_.n;
      // At the end of a side what is left of the other goes, so that rounding leaves no mass behind.
      const double mass = last_x ? rest_y : last_y ? rest_x : std::min(rest_x, rest_y);
      const double way = here_x - here_y;
      cost += mass * way * way;
      slope_here += 2.0 * mass * way;
      const bool step_x = !last_x && (last_y || rest_x <= rest_y + kSameMass);
      const bool step_y = !last_y && (last_x || rest_y <= rest_x + kSameMass);
      if (!step_x && !step_y) break;
      rest_x -= mass;
      rest_y -= mass;
      const double y_before = here_y;
      if (step_y) {
        here_y = position_y(++j);
        rest_y = weight_y(j);
      }
      if (!step_x) continue;
      const double next = position_x(i + 1);
      if (slope != nullptr) leave(i, slope_here, phi, slope, potential);
      // Where both sides step the potential is not unique: this is the middle of what it can be.
      phi += (next - here_x) * (next + here_x - y_before - here_y);
      slope_here = 0.0;
      here_x = next;
      rest_x = weight_x(++i);
    }
    if (slope != nullptr) leave(i, slope_here, phi, slope, potential);
    return cost;
  }

 private:
  double position_x(std::int64_t i) const { return static_cast<double>(items_x_[i].value()); }
  double position_y(std::int64_t j) const { return static_cast<double>(items_y_[j].value()); }
  double weight_x(std::int64_t i) const { return x_.weights[items_x_[i].index]; }
  double weight_y(std::int64_t j) const { return y_.weights[items_y_[j].index]; }
  void leave(std::int64_t i, double slope_here, double phi, T* slope, double* potential) const {
    slope[items_x_[i].index] = static_cast<T>(slope_here);
    potential[items_x_[i].index] += phi;
  }

  const Side<T>& x_;
  const Side<T>& y_;
  std::vector<ot::RadixItem<T>> items_x_, items_y_, spare_;
};

template <typename T>
class Sliced {
 public:
  Sliced(const Cloud<T>& x, const Cloud<T>& y, const std::vector<T>& directions)
      : dims_(x.dims),
        count_(static_cast<std::int64_t>(directions.size()) / x.dims),
        block_(std::max(kMinBlock, (count_ + kMaxBlocks - 1) / kMaxBlocks)),
        directions_(directions),
        x_(x),
        y_(y) {}

  SlicedResult<T> solve(bool gradient) {
    const std::int64_t blocks = (count_ + block_ - 1) / block_;
    out_.per_direction.resize(static_cast<std::size_t>(count_));
    if (gradient) {
      slopes_.resize(static_cast<std::size_t>(count_ * x_.stride), T(0));
      potentials_.assign(static_cast<std::size_t>(blocks * x_.n), 0.0);
    }
    parallel_for(blocks, [&](std::int64_t block) {
      project_and_couple(block, block * block_, std::min(count_, (block + 1) * block_), gradient);
    });
    const double share = 1.0 / static_cast<double>(count_);
    out_.value = share * std::accumulate(out_.per_direction.begin(), out_.per_direction.end(), 0.0);
    if (!gradient) return std::move(out_);
    gather_points(share);
    gather_weights(blocks, share);
    return std::move(out_);
  }

 private:
  static constexpr std::int64_t kMinBlock = 8, kMaxBlocks = 32;

  void project_and_couple(std::int64_t block, std::int64_t from, std::int64_t to, bool gradient) {
    Aligned<T> along_x(static_cast<std::size_t>((to - from) * x_.stride));
    Aligned<T> along_y(static_cast<std::size_t>((to - from) * y_.stride));
    const T* first = directions_.data() + from * dims_;
    ot::sum_rows<T>(first, to - from, {x_.rows.data(), dims_, x_.stride, 0, x_.stride}, x_.stride,
                    along_x.data());
    ot::sum_rows<T>(first, to - from, {y_.rows.data(), dims_, y_.stride, 0, y_.stride}, y_.stride,
                    along_y.data());
    Line<T> line(x_, y_);
    for (std::int64_t d = from; d < to; ++d) {
      line.sort(along_x.data() + (d - from) * x_.stride, along_y.data() + (d - from) * y_.stride);
      out_.per_direction[d] = line.couple(gradient ? slopes_.data() + d * x_.stride : nullptr,
                                          gradient ? potentials_.data() + block * x_.n : nullptr);
    }
  }

  // grad_x = share * slopes^T directions, a block of points at a time.
  void gather_points(double share) {
    std::vector<T> coefficients(static_cast<std::size_t>(dims_ * count_));
    for (std::int64_t d = 0; d < count_; ++d) {
      for (std::int64_t k = 0; k < dims_; ++k)
        coefficients[k * count_ + d] = static_cast<T>(share * directions_[d * dims_ + k]);
    }
    out_.grad_x.resize(static_cast<std::size_t>(x_.n * dims_));
    ot::for_blocks(x_.n, [&](std::int64_t, std::int64_t from, std::int64_t to) {
      const std::int64_t end = ot::round_up(to, ot::lanes<T>());
      Aligned<T> sums(static_cast<std::size_t>(dims_ * (end - from)));
      ot::sum_rows<T>(coefficients.data(), dims_, {slopes_.data(), count_, x_.stride, from, end}, end - from,
                      sums.data());
      for (std::int64_t k = 0; k < dims_; ++k) {
        for (std::int64_t i = from; i < to; ++i)
          out_.grad_x[i * dims_ + k] = sums[k * (end - from) + i - from];
      }
    });
  }

  void gather_weights(std::int64_t blocks, double share) {
    std::vector<double> potential(static_cast<std::size_t>(x_.n), 0.0);
    for (std::int64_t b = 0; b < blocks; ++b) {
      for (std::int64_t i = 0; i < x_.n; ++i) potential[i] += potentials_[b * x_.n + i];
    }
    const double mean = std::inner_product(potential.begin(), potential.end(), x_.weights.begin(), 0.0);
    out_.grad_a.reserve(potential.size());
    for (double p : potential) out_.grad_a.push_back(static_cast<T>(share * (p - mean) / x_.mass));
  }

  std::int64_t dims_, count_, block_;
  const std::vector<T>& directions_;
  Side<T> x_, y_;
  Aligned<T> slopes_;               // directions x points of x
  std::vector<double> potentials_;  // blocks of directions x points of x
  SlicedResult<T> out_;
};

}  // namespace

void check_options(const SlicedOptions& o) {
  if (o.slices < 0) {
    throw input_error(
        "slices", "`slices` must be one whole number of at least 0, not " + std::to_string(o.slices) + ".");
  }
  if (o.slices == 0 && !o.axes) {
    throw input_error("slices",
                      "`slices` must be above 0 where `axes` is FALSE: there is no direction left.");
  }
}

template <typename T>
std::vector<T> slice_directions(std::int64_t dims, const SlicedOptions& options, std::uint64_t seed,
                                std::uint32_t draw) {
  check_options(options);
  const std::int64_t axes = options.axes ? dims : 0;
  std::vector<T> out(static_cast<std::size_t>((axes + options.slices) * dims), T(0));
  for (std::int64_t k = 0; k < axes; ++k) out[k * dims + k] = T(1);
  T* random = out.data() + axes * dims;
  normals<T>(seed, Stream::Projection, 0, options.slices, draw, dims, random);
  for (std::int64_t d = 0; d < options.slices; ++d) {
    T* row = random + d * dims;
    const double length = std::sqrt(std::inner_product(row, row + dims, row, 0.0));
    for (std::int64_t k = 0; k < dims; ++k) row[k] = static_cast<T>(row[k] / length);
  }
  return out;
}

template <typename T>
SlicedResult<T> sliced_wasserstein(const Cloud<T>& x, const Cloud<T>& y, const std::vector<T>& directions,
                                   bool gradient) {
  ot::check_pair(x, y, false);
  if (directions.empty() || directions.size() % static_cast<std::size_t>(x.dims) != 0) {
    throw input_error("directions", "`directions` must be at least one row of " + std::to_string(x.dims) +
                                        " numbers, not " + std::to_string(directions.size()) + " numbers.");
  }
  return Sliced<T>(x, y, directions).solve(gradient);
}

template <typename T>
SlicedResult<T> sliced_wasserstein(const Cloud<T>& x, const Cloud<T>& y, const SlicedOptions& options,
                                   std::uint64_t seed, std::uint32_t draw, bool gradient) {
  return sliced_wasserstein(x, y, slice_directions<T>(x.dims, options, seed, draw), gradient);
}

template std::vector<float> slice_directions(std::int64_t, const SlicedOptions&, std::uint64_t,
                                             std::uint32_t);
template std::vector<double> slice_directions(std::int64_t, const SlicedOptions&, std::uint64_t,
                                              std::uint32_t);
template SlicedResult<float> sliced_wasserstein(const Cloud<float>&, const Cloud<float>&,
                                                const std::vector<float>&, bool);
template SlicedResult<double> sliced_wasserstein(const Cloud<double>&, const Cloud<double>&,
                                                 const std::vector<double>&, bool);
template SlicedResult<float> sliced_wasserstein(const Cloud<float>&, const Cloud<float>&,
                                                const SlicedOptions&, std::uint64_t, std::uint32_t, bool);
template SlicedResult<double> sliced_wasserstein(const Cloud<double>&, const Cloud<double>&,
                                                 const SlicedOptions&, std::uint64_t, std::uint32_t, bool);

}  // namespace fatefield
