// Fields on grids and lines through them: constant and turning fields, distances, and places without cells.
#include "velocity/transitions/streamlines.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

// Cells on a lattice of n x n over the square [0, 1]^2 that a field moves.
template <typename F>
ArrowGrid lattice(std::int64_t n, const StreamOptions& options, F&& field, double hole = -1) {
  std::vector<double> x, y, u, v;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const double a = static_cast<double>(i) / static_cast<double>(n - 1);
      const double b = static_cast<double>(j) / static_cast<double>(n - 1);
      if (std::hypot(a - 0.5, b - 0.5) < hole) continue;
      const auto d = field(a, b);
      x.push_back(a);
      y.push_back(b);
      u.push_back(d.first);
      v.push_back(d.second);
    }
  }
  Matrix places(static_cast<std::int64_t>(x.size()), 2), arrows(places.rows, 2);
  std::copy(x.begin(), x.end(), places.values.begin());
  std::copy(y.begin(), y.end(), places.values.begin() + places.rows);
  std::copy(u.begin(), u.end(), arrows.values.begin());
  std::copy(v.begin(), v.end(), arrows.values.begin() + places.rows);
  return average_on_grid(places, arrows, options);
}

std::pair<double, double> to_the_right(double, double) { return {0.3, 0.0}; }
std::pair<double, double> around(double x, double y) { return {0.5 - y, x - 0.5}; }

}  // namespace

TEST_CASE("means on the grid are weighted means", "[stream]") {
  StreamOptions options;
  options.grid = 11;
  options.smooth = 0.1;
  Matrix places(3, 2), arrows(3, 2);
  places(1, 0) = 1;
  places(2, 0) = 0.2;
  places(2, 1) = 0.5;
  arrows(0, 0) = 1;
  arrows(1, 1) = 2;
  arrows(2, 0) = NAN;
  const ArrowGrid grid = average_on_grid(places, arrows, options);
  CHECK(grid.side == 1.0);
  CHECK(grid.step == Approx(0.1));
  for (std::int64_t r = 0; r < grid.rows; ++r) {
    for (std::int64_t c = 0; c < grid.columns; ++c) {
      double weight[3];
      for (std::int64_t i = 0; i < 3; ++i) {
        const double a = grid.x(c) - places(i, 0), b = grid.y(r) - places(i, 1);
        weight[i] = std::abs(a) < 0.35 && std::abs(b) < 0.35 ? std::exp(-0.5 * (a * a + b * b) / 0.01) : 0;
      }
      const GridArrow& at = grid.point(c, r);
      CHECK(at.mass == Approx(weight[0] + weight[1] + weight[2]).margin(1e-3));
      if (weight[0] > 0.01) CHECK(at.dx == Approx(1.0));
      if (weight[1] > 0.01) CHECK(at.dy == Approx(2.0));
    }
  }
}

TEST_CASE("lines through a constant field are straight and keep their distance", "[stream]") {
  StreamOptions options;
  options.separation = 0.05;
  const ArrowGrid grid = lattice(80, options, to_the_right);
  const std::vector<Streamline> lines = streamlines(grid, options);
  CHECK(lines.size() >= 18);
  CHECK(lines.size() <= 45);
  for (std::size_t a = 0; a < lines.size(); ++a) {
    const Streamline& line = lines[a];
    for (std::size_t k = 0; k < line.x.size(); ++k) {
      CHECK(line.y[k] == Approx(line.y[0]).margin(1e-9));
      CHECK(line.speed[k] == Approx(0.3));
      if (k > 0) CHECK(line.x[k] > line.x[k - 1]);
    }
    CHECK(line.x.back() - line.x.front() >= 0.05);
    for (std::size_t b = 0; b < a; ++b)
      for (std::size_t k = 0; k < line.x.size(); ++k)
        for (std::size_t m = 0; m < lines[b].x.size(); ++m)
          if (std::hypot(line.x[k] - lines[b].x[m], line.y[k] - lines[b].y[m]) < 0.5 * 0.05 - 1e-12)
            FAIL("two lines meet");
  }
}

TEST_CASE("lines of a field that turns are circles, run once", "[stream]") {
  StreamOptions options;
  options.separation = 0.08;
  options.smooth = 0.01;
  options.max_length = 1.0;
  options.grid = 100;
  const std::vector<Streamline> lines = streamlines(lattice(150, options, around), options);
  REQUIRE(lines.size() > 3);
  for (const Streamline& line : lines) {
    const double radius = std::hypot(line.x[0] - 0.5, line.y[0] - 0.5);
    // At the edge of the square means lean inward.
    if (radius > 0.4) continue;
    double turned = 0;
    for (std::size_t k = 0; k < line.x.size(); ++k) {
      CHECK(std::hypot(line.x[k] - 0.5, line.y[k] - 0.5) == Approx(radius).margin(2e-3));
      if (k == 0) continue;
      const double cross =
          (line.x[k - 1] - 0.5) * (line.y[k] - 0.5) - (line.y[k - 1] - 0.5) * (line.x[k] - 0.5);
      CHECK(cross > 0);
      turned += cross / (radius * radius);
    }
    CHECK(turned < 2 * 3.1416);
  }
}

TEST_CASE("lines keep to where cells are, and are the same each time", "[stream]") {
  StreamOptions options;
  const ArrowGrid grid = lattice(100, options, to_the_right, 0.25);
  const std::vector<Streamline> lines = streamlines(grid, options);
  REQUIRE(lines.size() > 10);
  for (const Streamline& line : lines)
    for (std::size_t k = 0; k < line.x.size(); ++k) CHECK(std::hypot(line.x[k] - 0.5, line.y[k] - 0.5) > 0.2);
  const std::vector<Streamline> again = streamlines(grid, options);
  REQUIRE(again.size() == lines.size());
  for (std::size_t k = 0; k < lines.size(); ++k) CHECK(lines[k].x == again[k].x);
  StreamOptions dense = options;
  dense.separation = options.separation / 2;
  CHECK(streamlines(grid, dense).size() > lines.size());
}

TEST_CASE("cells that do not move have no lines", "[stream]") {
  const auto rest = [](double, double) { return std::pair<double, double>{0.0, 0.0}; };
  CHECK(streamlines(lattice(30, {}, rest), {}).empty());
}

TEST_CASE("wrong options of streams are named", "[stream]") {
  const auto argument = [&](const StreamOptions& o) {
    try {
      lattice(10, o, to_the_right);
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("nothing");
  };
  StreamOptions o;
  CHECK(argument(o) == "nothing");
  o.grid = 2;
  CHECK(argument(o) == "n.grid");
  o = {};
  o.smooth = 0;
  CHECK(argument(o) == "smooth");
  o = {};
  o.separation = 2;
  CHECK(argument(o) == "separation");
  o = {};
  o.min_mass = 1;
  CHECK(argument(o) == "min.mass");
  Matrix one(3, 2);
  CHECK_THROWS_AS(average_on_grid(one, one, {}), Error);
}
