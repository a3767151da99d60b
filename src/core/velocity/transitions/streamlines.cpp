// Takes arrows on a grid; follows them from starts that keep their distance.
#include "velocity/transitions/streamlines.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

namespace fatefield {
namespace {

// Steps along a line in a square of the grid.
constexpr double kStepsPerSquare = 4.0;
// Where arrows are shorter than this share of the median there is no direction.
constexpr double kStanding = 0.02;
// A line may come near itself only within this many separations along it.
constexpr double kOwnReach = 3.0;
// A full turn less a little, so that circles stay open.
constexpr double kRound = 6.0;

struct Point {
  double x = 0;
  double y = 0;
};

// Points of lines by squares of the side of the separation.
class Nearby {
 public:
  Nearby(const ArrowGrid& grid, double side)
      : grid_(grid),
        side_(side),
        columns_(count(grid.columns)),
        rows_(count(grid.rows)),
        squares_(static_cast<std::size_t>(columns_ * rows_)) {}

  void add(Point p) { squares_[square(p)].push_back(p); }

  // Whether a point is nearer than `distance`, at most the side of a square.
  bool closer(Point p, double distance) const {
    const std::int64_t c = column(p), r = row(p);
    for (std::int64_t b = std::max<std::int64_t>(0, r - 1); b <= std::min(rows_ - 1, r + 1); ++b) {
      for (std::int64_t a = std::max<std::int64_t>(0, c - 1); a <= std::min(columns_ - 1, c + 1); ++a) {
        for (const Point& q : squares_[a + b * columns_])
          if (std::hypot(p.x - q.x, p.y - q.y) < distance) return true;
      }
    }
    return false;
  }

 private:
  std::int64_t count(std::int64_t points) const {
    return static_cast<std::int64_t>(static_cast<double>(points) * grid_.step / side_) + 1;
  }
  std::int64_t column(Point p) const {
    return std::max<std::int64_t>(
        0, std::min(columns_ - 1, static_cast<std::int64_t>((p.x - grid_.left) / side_)));
  }
  std::int64_t row(Point p) const {
    return std::max<std::int64_t>(
        0, std::min(rows_ - 1, static_cast<std::int64_t>((p.y - grid_.bottom) / side_)));
  }
  std::int64_t square(Point p) const { return column(p) + row(p) * columns_; }

  const ArrowGrid& grid_;
  double side_;
  std::int64_t columns_, rows_;
  std::vector<std::vector<Point>> squares_;
};

class Tracer {
 public:
  Tracer(const ArrowGrid& grid, const StreamOptions& options)
      : grid_(grid),
        separation_(options.separation * grid.side),
        approach_(options.approach * separation_),
        shortest_(options.min_length * grid.side),
        longest_(options.max_length * grid.side),
        step_(grid.step / kStepsPerSquare),
        nearby_(grid, separation_) {
    std::vector<double> speeds;
    for (const GridArrow& a : grid.at)
      if (a.mass >= grid.least) speeds.push_back(std::hypot(a.dx, a.dy));
    if (speeds.empty()) return;
    std::nth_element(speeds.begin(), speeds.begin() + static_cast<std::ptrdiff_t>(speeds.size() / 2),
                     speeds.end());
    slowest_ = kStanding * speeds[speeds.size() / 2];
  }

  std::vector<Streamline> run() {
    for (const Point& start : starts()) {
      try_line(start);
      while (!queue_.empty()) {
        const std::size_t line = queue_.front();
        queue_.pop_front();
        beside(line);
      }
    }
    return std::move(lines_);
  }

 private:
  // Grid points with arrows, those with most cells first.
  std::vector<Point> starts() const {
    std::vector<std::size_t> order;
    for (std::size_t k = 0; k < grid_.at.size(); ++k)
      if (grid_.at[k].mass >= grid_.least) order.push_back(k);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return grid_.at[a].mass > grid_.at[b].mass; });
    std::vector<Point> out;
    for (const std::size_t k : order) {
      const auto at = static_cast<std::int64_t>(k);
      out.push_back({grid_.x(at % grid_.columns), grid_.y(at / grid_.columns)});
    }
    return out;
  }

  // Starts to both sides of a line. A copy: new lines move the others in memory.
  void beside(std::size_t line) {
    const Streamline from = lines_[line];
    for (std::size_t k = 0; k + 1 < from.x.size(); k += 2) {
      const double dx = from.x[k + 1] - from.x[k], dy = from.y[k + 1] - from.y[k];
      const double size = std::hypot(dx, dy);
      for (const double side : {-1.0, 1.0})
        try_line({from.x[k] - side * separation_ * dy / size, from.y[k] + side * separation_ * dx / size});
    }
  }

  // The unit direction at a place; false where there is none.
  bool direction(Point p, double sign, Point& out, double* speed = nullptr) const {
    const double u = (p.x - grid_.left) / grid_.step, v = (p.y - grid_.bottom) / grid_.step;
    if (!(u >= 0 && v >= 0)) return false;
    const auto c = static_cast<std::int64_t>(u), r = static_cast<std::int64_t>(v);
    if (c + 1 >= grid_.columns || r + 1 >= grid_.rows) return false;
    const double a = u - static_cast<double>(c), b = v - static_cast<double>(r);
    double dx = 0, dy = 0, mass = 0;
    const auto add = [&](std::int64_t column, std::int64_t row, double weight) {
      const GridArrow& at = grid_.point(column, row);
      dx += weight * at.dx;
      dy += weight * at.dy;
      mass += weight * at.mass;
    };
    add(c, r, (1 - a) * (1 - b));
    add(c + 1, r, a * (1 - b));
    add(c, r + 1, (1 - a) * b);
    add(c + 1, r + 1, a * b);
    const double size = std::hypot(dx, dy);
    if (mass < grid_.least || !(size > slowest_)) return false;
    out = {sign * dx / size, sign * dy / size};
    if (speed != nullptr) *speed = size;
    return true;
  }

  bool advance(Point& p, double sign) const {
    Point k1, k2, k3, k4;
    const auto along = [&](Point k, double h) { return Point{p.x + h * k.x, p.y + h * k.y}; };
    if (!direction(p, sign, k1) || !direction(along(k1, step_ / 2), sign, k2) ||
        !direction(along(k2, step_ / 2), sign, k3) || !direction(along(k3, step_), sign, k4))
      return false;
    const Point mean{(k1.x + 2 * k2.x + 2 * k3.x + k4.x) / 6, (k1.y + 2 * k2.y + 2 * k3.y + k4.y) / 6};
    const double size = std::hypot(mean.x, mean.y);
    if (!(size > 0.5)) return false;
    p = along(mean, step_ / size);
    return true;
  }

  // Whether a point comes back to one side of its own line, `own` in the order of tracing.
  bool meets(Point p, const std::vector<Point>& own) const {
    const auto recent = static_cast<std::size_t>(kOwnReach * separation_ / step_) + 1;
    for (std::size_t k = 0; k + recent < own.size(); ++k)
      if (std::hypot(p.x - own[k].x, p.y - own[k].y) < approach_) return true;
    return false;
  }

  // Points from a start to one side, without the start. `other`: the side that is traced already; `turned`:
  // by which angle the line has turned, at most once round.
  std::vector<Point> follow(Point start, double sign, const std::vector<Point>& other, double& turned) const {
    std::vector<Point> out, own(other.rbegin(), other.rend());
    own.push_back(start);
    Point p = start, before;
    const auto most = static_cast<std::size_t>(longest_ / step_);
    while (out.size() < most && advance(p, sign)) {
      const Point step{p.x - own.back().x, p.y - own.back().y};
      if (!out.empty())
        turned +=
            sign * std::atan2(before.x * step.y - before.y * step.x, before.x * step.x + before.y * step.y);
      before = step;
      if (std::abs(turned) > kRound || nearby_.closer(p, approach_) || meets(p, own)) break;
      out.push_back(p);
      own.push_back(p);
    }
    return out;
  }

  void try_line(Point start) {
    Point at;
    if (!direction(start, 1, at) || nearby_.closer(start, separation_)) return;
    double turned = 0;
    const std::vector<Point> ahead = follow(start, 1, {}, turned), behind = follow(start, -1, ahead, turned);
    const double length = static_cast<double>(ahead.size() + behind.size()) * step_;
    if (ahead.size() + behind.size() < 2 || length < shortest_) return;
    std::vector<Point> points(behind.rbegin(), behind.rend());
    points.push_back(start);
    points.insert(points.end(), ahead.begin(), ahead.end());
    Streamline line;
    for (const Point& p : points) {
      double speed = 0;
      direction(p, 1, at, &speed);
      line.x.push_back(p.x);
      line.y.push_back(p.y);
      line.speed.push_back(speed);
      nearby_.add(p);
    }
    queue_.push_back(lines_.size());
    lines_.push_back(std::move(line));
  }

  const ArrowGrid& grid_;
  double separation_, approach_, shortest_, longest_, step_;
  double slowest_ = 0;
  Nearby nearby_;
  std::vector<Streamline> lines_;
  std::deque<std::size_t> queue_;
};

}  // namespace

std::vector<Streamline> streamlines(const ArrowGrid& grid, const StreamOptions& options) {
  return Tracer(grid, options).run();
}

}  // namespace fatefield
