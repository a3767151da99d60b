// Some paths integrated side by side: each sweep takes one step of every path that still runs, each from its
// own time with its own length; finished ones drop out. Takes a job and which paths; writes them into its
// output.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/integrate_options.hpp"
#include "paths/dynamics.hpp"
#include "paths/request.hpp"
#include "paths/steps.hpp"
#include "sde/solvers/grid.hpp"

namespace fatefield {

/// Where steps must end. Times in order of travel.
struct Timetable {
  double sign = 1.0;          ///< -1 backward
  std::vector<double> stops;  ///< after the start; the last is the end
  std::vector<char> snaps;    ///< whether states are projected at each
  StepGrid grid;              ///< all steps, of methods of fixed ones
};

struct PathJob {
  const RightHand& f;
  const RungeKutta& method;
  const IntegrationRequest& request;
  const IntegrateOptions& options;
  const Timetable& timetable;
  bool shadow;  ///< follow a disturbance
  bool by_field;
  bool by_cells;  ///< what tells whether states are near the data; at most one of the two
  Paths& out;
};

class PathBlock {
 public:
  /// Paths [first, first + n) of the job.
  PathBlock(const PathJob& job, std::int64_t first, std::int64_t n);
  /// Throws Interrupted when `go_on` says no.
  void run(const std::function<bool()>& go_on);
  std::int64_t evaluations() const { return evaluations_; }

 private:
  struct Path {
    double t = 0;                ///< now
    double h = 0;                ///< length of the next step, without sign
    double next = 0;             ///< where that step ends
    std::size_t output = 0;      ///< next
    std::size_t stop = 0;        ///< next
    std::int64_t tried = 0;      ///< steps
    std::int64_t grid_step = 0;  ///< next, of fixed steps
    bool fresh = true;           ///< its slope is not known
    bool rejected = false;       ///< its last step was
    bool repeats = false;        ///< it was projected to where it was
    bool running = true;
    double log_growth = 0, log_growth_before = 0;
  };
  using Some = std::vector<std::int64_t>;  // numbers of paths in this block, ascending
  struct Taken {
    std::int64_t row, path;  ///< of steps_, of paths_
  };

  double* state(std::int64_t p) { return state_.data() + p * dims_; }
  double* slope(std::int64_t p) { return slope_.data() + p * dims_; }
  double* delta(std::int64_t p) { return delta_.data() + p * dims_; }
  double* delta_slope(std::int64_t p) { return delta_slope_.data() + p * dims_; }
  std::int64_t cell_of(std::int64_t p) const { return (first_ + p) / job_.request.n_sim; }
  std::uint64_t number_of(std::int64_t p) const {
    return job_.request.first_path + static_cast<std::uint64_t>(first_ + p);
  }
  Some running(bool fresh_only) const;

  void place_start(std::int64_t p);
  void place_delta(std::int64_t p);

  // Paths that start, or start afresh.
  void begin(const Some& paths);
  void find_slopes(const Some& paths);
  void first_lengths(const Some& paths);

  // A step of every running path.
  void step(const Some& paths);
  void load(const Some& paths);
  void add_noise(std::int64_t row, const Path& path, std::uint64_t number);
  bool accept(std::int64_t row, std::int64_t p);
  bool accept_by_error(std::int64_t row, std::int64_t p);
  void follow_delta(const Taken& taken);
  void give_outputs(const std::vector<Taken>& taken);
  void move(const Taken& taken);
  void check_support(const Some& paths);
  void arrive(const Some& paths);
  void project_onto_cells(const Some& paths);

  // Outputs and ends.
  bool has_output(std::int64_t p) const { return paths_[p].output < job_.request.times.size(); }
  double wanted(std::int64_t p) const { return job_.request.times[paths_[p].output]; }
  void put(std::int64_t p, const double* x, double speed, double log_growth);
  void stop(std::int64_t p, PathEnd why);
  bool still(std::int64_t p);
  double speed_of(const double* v) const;

  const PathJob& job_;
  std::int64_t first_, n_, dims_;
  std::unique_ptr<FieldWorkspace> workspace_;
  Steps steps_;
  std::vector<Path> paths_;
  std::vector<double> state_, slope_, delta_, delta_slope_;
  std::vector<double> anchor_;  // states after the last full snap
  std::vector<double> times_, scratch_, more_scratch_;
  std::int64_t evaluations_ = 0;
};

}  // namespace fatefield
