// Takes a job and which paths; integrates them sweep by sweep.
#include "paths/block.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/rng.hpp"

namespace fatefield {
namespace {

constexpr double kSafety = 0.9, kMostGrowth = 10.0, kMostShrinkage = 0.2;

bool finite(const double* x, std::int64_t n) {
  return std::all_of(x, x + n, [](double e) { return std::isfinite(e); });
}

double norm(const double* x, std::int64_t n) {
  double sum = 0;
  for (std::int64_t g = 0; g < n; ++g) sum += x[g] * x[g];
  return std::sqrt(sum);
}

// Root mean square of x over atol + rtol |y|.
double scaled_rms(const double* x, const double* y, std::int64_t n, const IntegrateOptions& o) {
  double sum = 0;
  for (std::int64_t g = 0; g < n; ++g) {
    const double e = x[g] / (o.atol + o.rtol * std::abs(y[g]));
    sum += e * e;
  }
  return std::sqrt(sum / static_cast<double>(n));
}

// The least length that can be told from nothing at this time.
double least_length(double t, double sign) {
  const double next = std::nextafter(t, sign * std::numeric_limits<double>::infinity());
  return 10 * std::abs(next - t);
}

}  // namespace

PathBlock::PathBlock(const PathJob& job, std::int64_t first, std::int64_t n)
    : job_(job),
      first_(first),
      n_(n),
      dims_(job.f.dims()),
      workspace_(job.f.dynamics().workspace()),
      steps_(job.method, job.f, n, job.shadow),
      paths_(static_cast<std::size_t>(n)) {
  const auto entries = static_cast<std::size_t>(n * dims_);
  for (auto* rows : {&state_, &slope_, &scratch_, &more_scratch_}) rows->resize(entries);
  times_.resize(static_cast<std::size_t>(n));
  if (job.options.snap == "full") anchor_.assign(entries, std::numeric_limits<double>::quiet_NaN());
  if (job.shadow) {
    delta_.resize(entries);
    delta_slope_.resize(entries);
  }
  for (std::int64_t p = 0; p < n; ++p) {
    paths_[p].t = job.request.times.front();
    place_start(p);
    if (job.shadow) place_delta(p);
  }
}

void PathBlock::place_start(std::int64_t p) {
  const IntegrationRequest& r = job_.request;
  double* const x = state(p);
  for (std::int64_t g = 0; g < dims_; ++g) x[g] = r.starts(cell_of(p), g);
  if (r.start_sd.empty()) return;
  normals<double>(r.seed, Stream::Start, number_of(p), 1, 0, dims_, scratch_.data());
  for (std::int64_t g = 0; g < dims_; ++g) x[g] += r.start_sd[g] * scratch_[g];
  if (job_.f.positive()) RightHand::hold_positive(dims_, x, nullptr);
}

// A random direction of length 1.
void PathBlock::place_delta(std::int64_t p) {
  normals<double>(job_.request.seed, Stream::Projection, number_of(p), 1, 0, dims_, delta(p));
  const double length = norm(delta(p), dims_);
  for (std::int64_t g = 0; g < dims_; ++g) delta(p)[g] /= length;
}

PathBlock::Some PathBlock::running(bool fresh_only) const {
  Some out;
  for (std::int64_t p = 0; p < n_; ++p) {
    if (paths_[p].running && (paths_[p].fresh || !fresh_only)) out.push_back(p);
  }
  return out;
}

void PathBlock::run(const std::function<bool()>& go_on) {
  for (;;) {
    if (!go_on()) throw Interrupted();
    const Some fresh = running(true);
    if (!fresh.empty()) begin(fresh);
    const Some all = running(false);
    if (all.empty()) return;
    step(all);
  }
}

// Paths at their start, or just projected: their slopes, what is asked for now, and the first step.
void PathBlock::begin(const Some& paths) {
  find_slopes(paths);
  Some going;
  for (const std::int64_t p : paths) {
    Path& path = paths_[p];
    path.fresh = path.rejected = false;
    if (!finite(slope(p), dims_)) {
      stop(p, PathEnd::NotFinite);
      continue;
    }
    if (has_output(p) && wanted(p) == path.t) put(p, state(p), speed_of(slope(p)), path.log_growth);
    if (still(p))
      stop(p, PathEnd::FixedPoint);
    else if (path.stop == job_.timetable.stops.size())
      stop(p, PathEnd::Reached);
    else if (path.repeats)
      stop(p, PathEnd::Repeats);
    else
      going.push_back(p);
  }
  if (job_.method.adaptive() && !going.empty()) first_lengths(going);
}

void PathBlock::find_slopes(const Some& paths) {
  const auto n = static_cast<std::int64_t>(paths.size());
  std::vector<double> v(static_cast<std::size_t>(n * dims_)), d, dv;
  if (job_.shadow) {
    d.resize(v.size());
    dv.resize(v.size());
  }
  for (std::int64_t i = 0; i < n; ++i) {
    times_[i] = paths_[paths[i]].t;
    std::copy_n(state(paths[i]), dims_, scratch_.data() + i * dims_);
    if (job_.shadow) std::copy_n(delta(paths[i]), dims_, d.data() + i * dims_);
  }
  job_.f.evaluate(n, times_.data(), scratch_.data(), v.data(), job_.shadow ? d.data() : nullptr, dv.data(),
                  *workspace_);
  evaluations_ += n;
  for (std::int64_t i = 0; i < n; ++i) {
    std::copy_n(v.data() + i * dims_, dims_, slope(paths[i]));
    if (job_.shadow) std::copy_n(dv.data() + i * dims_, dims_, delta_slope(paths[i]));
  }
}

// A step at which Euler's method is off by about a hundredth of the tolerance (Hairer et al. II.4, p. 169).
void PathBlock::first_lengths(const Some& paths) {
  const IntegrateOptions& o = job_.options;
  const auto n = static_cast<std::int64_t>(paths.size());
  const double sign = job_.timetable.sign;
  std::vector<double> d1(static_cast<std::size_t>(n)), h0(d1), interval(d1);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t p = paths[i];
    interval[i] = std::abs(job_.timetable.stops[paths_[p].stop] - paths_[p].t);
    const double d0 = scaled_rms(state(p), state(p), dims_, o);
    d1[i] = scaled_rms(slope(p), state(p), dims_, o);
    h0[i] = std::min(d0 < 1e-5 || d1[i] < 1e-5 ? 1e-6 : 0.01 * d0 / d1[i], interval[i]);
    times_[i] = paths_[p].t + sign * h0[i];
    for (std::int64_t g = 0; g < dims_; ++g)
      scratch_[i * dims_ + g] = state(p)[g] + sign * h0[i] * slope(p)[g];
  }
  if (o.first_step > 0) {
    for (std::int64_t i = 0; i < n; ++i) paths_[paths[i]].h = std::min(o.first_step, interval[i]);
    return;
  }
  job_.f.evaluate(n, times_.data(), scratch_.data(), more_scratch_.data(), nullptr, nullptr, *workspace_);
  evaluations_ += n;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t p = paths[i];
    double* const bend = more_scratch_.data() + i * dims_;
    for (std::int64_t g = 0; g < dims_; ++g) bend[g] -= slope(p)[g];
    const double d2 = scaled_rms(bend, state(p), dims_, o) / h0[i];
    const double h1 = d1[i] <= 1e-15 && d2 <= 1e-15
                          ? std::max(1e-6, h0[i] * 1e-3)
                          : std::pow(0.01 / std::max(d1[i], d2), 1.0 / job_.method.order);
    // A probe that leaves the finite numbers says nothing about the second derivative.
    paths_[p].h = std::isfinite(h1) ? std::min({100 * h0[i], h1, interval[i]}) : h0[i];
  }
}

// Where the next steps of these paths begin, into the rows of steps_ in this order.
void PathBlock::load(const Some& paths) {
  const Timetable& table = job_.timetable;
  for (std::size_t r = 0; r < paths.size(); ++r) {
    const std::int64_t p = paths[r], i = static_cast<std::int64_t>(r);
    Path& path = paths_[p];
    steps_.time(i) = path.t;
    if (job_.method.adaptive()) {
      const double end = table.stops[path.stop];
      if (!path.rejected) path.h = std::max(path.h, least_length(path.t, table.sign));
      path.next = path.t + table.sign * path.h;
      if (table.sign * (path.next - end) >= 0) path.next = end;
      steps_.length(i) = path.next - path.t;
      path.h = std::abs(steps_.length(i));
    } else {
      const StepGrid& grid = table.grid;
      const std::int64_t after = path.grid_step + 1;
      path.next = after < grid.steps() ? grid.t[after] : table.stops.back();
      steps_.length(i) = grid.h[path.grid_step];
    }
    std::copy_n(state(p), dims_, steps_.from(i));
    std::copy_n(slope(p), dims_, steps_.slope(i));
    if (!job_.shadow) continue;
    std::copy_n(delta(p), dims_, steps_.delta(i));
    std::copy_n(delta_slope(p), dims_, steps_.delta_slope(i));
  }
}

void PathBlock::step(const Some& paths) {
  const auto n = static_cast<std::int64_t>(paths.size());
  load(paths);
  steps_.take(n, *workspace_);
  if (!job_.request.noise_sd.empty()) {
    for (std::int64_t i = 0; i < n; ++i) add_noise(i, paths_[paths[i]], number_of(paths[i]));
  }
  steps_.finish(n, *workspace_);
  evaluations_ += n * static_cast<std::int64_t>(job_.method.stages - (job_.method.adaptive() ? 1 : 0));
  std::vector<Taken> taken;
  for (std::int64_t i = 0; i < n; ++i) {
    if (accept(i, paths[i])) taken.push_back({i, paths[i]});
  }
  if (job_.shadow) {
    for (const Taken& t : taken) follow_delta(t);
  }
  give_outputs(taken);
  Some moved;
  for (const Taken& t : taken) {
    move(t);
    if (paths_[t.path].running) moved.push_back(t.path);
  }
  if (job_.by_field || job_.by_cells) check_support(moved);
  arrive(moved);
}

// Euler and Maruyama: the standard deviation per root of time does not depend on the state.
void PathBlock::add_noise(std::int64_t row, const Path& path, std::uint64_t number) {
  normals<double>(job_.request.seed, Stream::Noise, number, 1, static_cast<std::uint32_t>(path.grid_step),
                  dims_, scratch_.data());
  const double root = std::sqrt(std::abs(steps_.length(row)));
  for (std::int64_t g = 0; g < dims_; ++g) steps_.to(row)[g] += job_.request.noise_sd[g] * root * scratch_[g];
}

bool PathBlock::accept(std::int64_t row, std::int64_t p) {
  if (job_.method.adaptive()) return accept_by_error(row, p);
  if (!finite(steps_.to(row), dims_) || !finite(steps_.end_slope(row), dims_)) {
    stop(p, PathEnd::NotFinite);
    return false;
  }
  ++job_.out.steps[first_ + p];
  ++paths_[p].grid_step;
  return true;
}

bool PathBlock::accept_by_error(std::int64_t row, std::int64_t p) {
  Path& path = paths_[p];
  const double error = steps_.error(row, job_.options.rtol, job_.options.atol);
  double factor = kSafety * std::pow(error, -1.0 / job_.method.order);
  ++path.tried;
  if (error < 1) {
    factor = std::min(path.rejected ? 1.0 : kMostGrowth, factor);
    path.rejected = false;
    path.h *= factor;
    ++job_.out.steps[first_ + p];
    return true;
  }
  // A step that left the finite numbers is cut as far as one may be.
  path.h *= std::isfinite(error) ? std::max(kMostShrinkage, factor) : kMostShrinkage;
  path.rejected = true;
  ++job_.out.rejected[first_ + p];
  if (path.h < least_length(path.t, job_.timetable.sign))
    stop(p, std::isfinite(error) ? PathEnd::TooSmall : PathEnd::NotFinite);
  else if (path.tried >= job_.options.max_steps)
    stop(p, PathEnd::TooMany);
  return false;
}

// The disturbance at the end of a step, brought back to length 1.
void PathBlock::follow_delta(const Taken& taken) {
  Path& path = paths_[taken.path];
  const double *d = steps_.delta_to(taken.row), *v = steps_.end_delta_slope(taken.row);
  const double length = norm(d, dims_);
  const double scale = length > 0 ? 1 / length : 0;
  path.log_growth_before = path.log_growth;
  path.log_growth += std::log(length);
  for (std::int64_t g = 0; g < dims_; ++g) {
    delta(taken.path)[g] = d[g] * scale;
    delta_slope(taken.path)[g] = v[g] * scale;
  }
}

// Outputs inside the steps just taken, one of each path at a time.
void PathBlock::give_outputs(const std::vector<Taken>& taken) {
  for (bool first = true;; first = false) {
    std::vector<Taken> due;
    Some rows;
    for (const Taken& t : taken) {
      if (!has_output(t.path)) continue;
      if (job_.timetable.sign * (paths_[t.path].next - wanted(t.path)) <= 0) continue;
      due.push_back(t);
      rows.push_back(t.row);
    }
    if (due.empty()) return;
    const auto n = static_cast<std::int64_t>(due.size());
    if (first) {
      steps_.prepare_between(rows, *workspace_);
      evaluations_ += n * static_cast<std::int64_t>(job_.method.a.size() - job_.method.stages);
    }
    std::vector<double> share(due.size());
    for (std::int64_t r = 0; r < n; ++r) {
      times_[r] = wanted(due[r].path);
      share[r] = (times_[r] - paths_[due[r].path].t) / steps_.length(due[r].row);
      steps_.between(due[r].row, share[r], scratch_.data() + r * dims_);
    }
    job_.f.evaluate(n, times_.data(), scratch_.data(), more_scratch_.data(), nullptr, nullptr, *workspace_);
    evaluations_ += n;
    for (std::int64_t r = 0; r < n; ++r) {
      const Path& path = paths_[due[r].path];
      put(due[r].path, scratch_.data() + r * dims_, speed_of(more_scratch_.data() + r * dims_),
          path.log_growth_before + share[r] * (path.log_growth - path.log_growth_before));
    }
  }
}

// To the end of an accepted step; what has come to rest, or cannot be trusted further, ends.
void PathBlock::move(const Taken& taken) {
  const std::int64_t p = taken.path;
  Path& path = paths_[p];
  std::copy_n(steps_.to(taken.row), dims_, state(p));
  if (job_.f.positive()) RightHand::hold_positive(dims_, state(p), nullptr);
  std::copy_n(steps_.end_slope(taken.row), dims_, slope(p));
  path.t = path.next;
  const Timetable& table = job_.timetable;
  const bool projected = path.t == table.stops[path.stop] && table.snaps[path.stop];
  // A state about to be projected is given when it has been.
  if (!projected && has_output(p) && wanted(p) == path.t)
    put(p, state(p), speed_of(slope(p)), path.log_growth);
  if (still(p))
    stop(p, PathEnd::FixedPoint);
  else if (job_.shadow && path.log_growth > std::log(job_.options.growth_limit))
    stop(p, PathEnd::Grown);
  else if (job_.method.adaptive() && path.tried >= job_.options.max_steps && path.t != table.stops.back())
    stop(p, PathEnd::TooMany);
}

void PathBlock::check_support(const Some& paths) {
  const auto n = static_cast<std::int64_t>(paths.size());
  for (std::int64_t i = 0; i < n; ++i) std::copy_n(state(paths[i]), dims_, scratch_.data() + i * dims_);
  std::vector<double> score(static_cast<std::size_t>(n));
  if (job_.by_field)
    job_.f.dynamics().support_score(n, scratch_.data(), score.data(), *workspace_);
  else
    job_.request.cells->support_score(n, scratch_.data(), score.data());
  for (std::int64_t i = 0; i < n; ++i) {
    if (!(score[i] <= job_.options.support_limit)) stop(paths[i], PathEnd::LeftCells);
  }
}

void PathBlock::arrive(const Some& paths) {
  Some projected;
  for (const std::int64_t p : paths) {
    Path& path = paths_[p];
    const Timetable& table = job_.timetable;
    if (!path.running || path.t != table.stops[path.stop]) continue;
    const bool snaps = table.snaps[path.stop];
    ++path.stop;
    if (snaps)
      projected.push_back(p);
    else
      stop(p, PathEnd::Reached);
  }
  if (!projected.empty()) project_onto_cells(projected);
}

void PathBlock::project_onto_cells(const Some& paths) {
  const auto n = static_cast<std::int64_t>(paths.size());
  const bool full = job_.options.snap == "full";
  for (std::int64_t i = 0; i < n; ++i) std::copy_n(state(paths[i]), dims_, scratch_.data() + i * dims_);
  job_.request.cells->snap(n, scratch_.data());
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t p = paths[i];
    double* const x = scratch_.data() + i * dims_;
    for (const std::int64_t g : job_.request.held) x[g] = state(p)[g];
    std::copy_n(x, dims_, state(p));
    paths_[p].fresh = true;
    if (full) {
      double* const before = anchor_.data() + p * dims_;
      paths_[p].repeats = std::equal(x, x + dims_, before);
      std::copy_n(x, dims_, before);
    }
    if (!job_.shadow) continue;
    // Full snapping forgets where a state was: what grows is counted anew.
    paths_[p].log_growth = full ? 0 : paths_[p].log_growth + std::log(1 - job_.options.snap_share);
    if (full) place_delta(p);
  }
}

double PathBlock::speed_of(const double* v) const { return norm(v, dims_); }

bool PathBlock::still(std::int64_t p) {
  const double* const v = slope(p);
  return std::all_of(v, v + dims_, [this](double e) { return std::abs(e) < job_.options.fixed_point; });
}

// The next output of a path.
void PathBlock::put(std::int64_t p, const double* x, double speed, double log_growth) {
  Paths& out = job_.out;
  const std::int64_t row = first_ + p, time = static_cast<std::int64_t>(paths_[p].output++);
  std::vector<double> z;
  if (job_.request.keep_coordinates) {
    z.resize(static_cast<std::size_t>(out.dims));
    job_.request.cells->project(1, x, z.data());
    x = z.data();
  }
  for (std::int64_t d = 0; d < out.dims; ++d) out.states[row + out.n * (d + out.dims * time)] = x[d];
  out.speed[row + out.n * time] = speed;
  if (job_.shadow) out.growth[row + out.n * time] = log_growth;
}

// Later outputs of a path that came to an end are its last state; of one that failed they are NaN.
void PathBlock::stop(std::int64_t p, PathEnd why) {
  Path& path = paths_[p];
  path.running = false;
  job_.out.end[first_ + p] = why;
  job_.out.end_time[first_ + p] = path.t;
  double speed = speed_of(slope(p));
  if (why >= PathEnd::TooSmall) {
    speed = std::numeric_limits<double>::quiet_NaN();
    std::fill_n(state(p), dims_, speed);
    path.log_growth = speed;
  }
  while (has_output(p)) put(p, state(p), speed, path.log_growth);
}

}  // namespace fatefield
