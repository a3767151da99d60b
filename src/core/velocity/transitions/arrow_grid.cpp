// Takes cells with arrows; spreads each over the grid points near it.
#include "velocity/transitions/arrow_grid.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/quantile.hpp"

namespace fatefield {
namespace {

// Cells count up to this many standard deviations away.
constexpr double kReach = 3.5;
// The usual mass is that of the grid points at this quantile of those with any.
constexpr double kUsual = 0.75;
// Fewer cells than these around a point make no arrow.
constexpr double kFewest = 1.0;

void check_stream(MatrixView places, MatrixView arrows, const StreamOptions& o) {
  if (places.cols != 2 || arrows.cols != 2 || places.rows != arrows.rows)
    throw input_error("arrows", "`arrows` must have two dimensions and a row for each cell.");
  if (o.grid < 5 || o.grid > 1000) throw input_error("n.grid", "`n.grid` must be between 5 and 1000.");
  const auto above = [](double v, const char* name) {
    if (!(v > 0 && v <= 1))
      throw input_error(name, std::string("`") + name + "` must be above 0 and at most 1.");
  };
  above(o.smooth, "smooth");
  above(o.separation, "separation");
  above(o.approach, "approach");
  above(o.max_length, "max.length");
  if (!(o.min_mass >= 0 && o.min_mass < 1))
    throw input_error("min.mass", "`min.mass` must be at least 0 and below 1.");
  if (!(o.min_length >= 0 && o.min_length <= 1))
    throw input_error("min.length", "`min.length` must be between 0 and 1.");
}

// Weights of the grid points of one axis around a place: those of [first, first + size).
struct Axis {
  std::int64_t first = 0;
  std::vector<double> weight;
};

void weigh(double place, double origin, double step, std::int64_t points, double sd, Axis& out) {
  const double at = (place - origin) / step, reach = kReach * sd / step;
  out.first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(at - reach)));
  const std::int64_t last = std::min(points - 1, static_cast<std::int64_t>(std::floor(at + reach)));
  out.weight.clear();
  for (std::int64_t k = out.first; k <= last; ++k) {
    const double z = (static_cast<double>(k) - at) * step / sd;
    out.weight.push_back(std::exp(-0.5 * z * z));
  }
}

ArrowGrid empty_grid(MatrixView places, const StreamOptions& options) {
  const auto range = [&](std::int64_t d) {
    return std::minmax_element(places.data + d * places.rows, places.data + (d + 1) * places.rows);
  };
  const auto x = range(0), y = range(1);
  ArrowGrid out;
  out.side = std::max(*x.second - *x.first, *y.second - *y.first);
  if (!(out.side > 0)) throw input_error("object", "All cells lie at one place: there is no plane to draw.");
  out.step = out.side / static_cast<double>(options.grid - 1);
  const double margin = std::ceil(2 * options.smooth * out.side / out.step) + 1;
  out.left = *x.first - margin * out.step;
  out.bottom = *y.first - margin * out.step;
  const auto points = [&](double low, double high) {
    return static_cast<std::int64_t>(std::ceil((high - low) / out.step + 2 * margin)) + 1;
  };
  out.columns = points(*x.first, *x.second);
  out.rows = points(*y.first, *y.second);
  out.at.resize(static_cast<std::size_t>(out.columns * out.rows));
  return out;
}

}  // namespace

ArrowGrid average_on_grid(MatrixView places, MatrixView arrows, const StreamOptions& options) {
  check_stream(places, arrows, options);
  ArrowGrid out = empty_grid(places, options);
  const double sd = options.smooth * out.side;
  std::vector<double> known(out.at.size(), 0.0);
  Axis x, y;
  for (std::int64_t i = 0; i < places.rows; ++i) {
    const double dx = arrows(i, 0), dy = arrows(i, 1);
    const bool moves = std::isfinite(dx) && std::isfinite(dy) && (dx != 0 || dy != 0);
    weigh(places(i, 0), out.left, out.step, out.columns, sd, x);
    weigh(places(i, 1), out.bottom, out.step, out.rows, sd, y);
    for (std::size_t b = 0; b < y.weight.size(); ++b) {
      for (std::size_t a = 0; a < x.weight.size(); ++a) {
        const std::int64_t to =
            x.first + static_cast<std::int64_t>(a) + (y.first + static_cast<std::int64_t>(b)) * out.columns;
        const double weight = x.weight[a] * y.weight[b];
        out.at[to].mass += weight;
        if (!moves) continue;
        known[to] += weight;
        out.at[to].dx += weight * dx;
        out.at[to].dy += weight * dy;
      }
    }
  }
  std::vector<double> masses;
  for (std::size_t k = 0; k < known.size(); ++k) {
    if (known[k] > 0) {
      out.at[k].dx /= known[k];
      out.at[k].dy /= known[k];
    }
    if (out.at[k].mass > kFewest) masses.push_back(out.at[k].mass);
  }
  out.least = std::max(kFewest, options.min_mass * quantile(masses, kUsual));
  if (masses.empty()) out.least = kFewest;
  return out;
}

}  // namespace fatefield
