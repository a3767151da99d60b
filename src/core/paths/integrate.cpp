// Takes start states, times and options; cuts the paths into blocks and gives them all.
#include "paths/integrate.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "paths/block.hpp"

namespace fatefield {
namespace {

// Paths integrated side by side: enough for products of matrices, few enough that all threads have work.
constexpr std::int64_t kPaths = 32;
constexpr double kStepsOfSpan = 100.0;

void check_number(const char* name, double value, bool zero_allowed) {
  if (std::isfinite(value) && (value > 0 || (zero_allowed && value == 0))) return;
  throw input_error(name, std::string("`") + name + "` is " + std::to_string(value) + "; a number above 0" +
                              (zero_allowed ? ", or 0," : "") + " is needed.");
}

void check_word(const char* name, const std::string& word, std::initializer_list<const char*> known) {
  std::string all;
  for (const char* k : known) {
    if (word == k) return;
    all += std::string(all.empty() ? "\"" : ", \"") + k + "\"";
  }
  throw input_error(name, std::string("`") + name + "` is \"" + word + "\"; one of " + all + " is needed.");
}

void check_options(const IntegrateOptions& o) {
  for (const auto& [name, value] : {std::pair<const char*, double>{"dt", o.dt},
                                    {"rtol", o.rtol},
                                    {"atol", o.atol},
                                    {"first.step", o.first_step},
                                    {"snap.every", o.snap_every},
                                    {"fixed.point", o.fixed_point}})
    check_number(name, value, true);
  if (o.rtol == 0 && o.atol == 0)
    throw input_error("rtol", "`rtol` and `atol` are both 0; one must be above 0.");
  check_number("kappa", o.kappa, false);
  check_number("growth.limit", o.growth_limit, false);
  check_number("support.limit", o.support_limit, false);
  if (o.max_steps < 1) throw input_error("max.steps", "`max.steps` must be at least 1.");
  check_word("snap", o.snap, {"none", "partial", "full"});
  check_word("support", o.support, {"field", "cells", "none"});
  check_word("shadow", o.shadow, {"backward", "always", "never"});
}

void check_noise(const char* name, const std::vector<double>& sd, std::int64_t dims) {
  if (sd.empty()) return;
  if (static_cast<std::int64_t>(sd.size()) != dims)
    throw input_error(name, std::string("`") + name + "` must hold one number for each dimension.");
  for (const double s : sd) check_number(name, s, true);
}

void check_request(const Dynamics& f, const IntegrationRequest& r, const IntegrateOptions& o) {
  if (r.starts.cols != f.dims())
    throw model_error("The model was fitted on " + std::to_string(f.dims()) +
                      " genes or dimensions, but the start states have " + std::to_string(r.starts.cols) +
                      ".");
  for (std::int64_t e = 0; e < r.starts.rows * r.starts.cols; ++e) {
    const double x = r.starts.data[e];
    if (std::isfinite(x) && (x >= 0 || !o.positive)) continue;
    throw input_error(
        "object", "The start state of cell " + std::to_string(e % r.starts.rows + 1) + " holds " +
                      std::to_string(x) +
                      (o.positive ? "; numbers of at least 0 are needed." : "; finite numbers are needed."));
  }
  if (r.times.size() < 2) throw input_error("times", "`times` needs a start and at least one other time.");
  if (r.n_sim < 1) throw input_error("n.sim", "`n.sim` must be at least 1.");
  check_noise("start.noise", r.start_sd, f.dims());
  check_noise("noise", r.noise_sd, f.dims());
  for (const std::int64_t g : r.held) {
    if (g < 0 || g >= f.dims())
      throw input_error("hold", "`hold` names a dimension that the model does not have.");
  }
  if (!r.noise_sd.empty() && runge_kutta_method(o.solver).names[0] != "euler")
    throw input_error("solver", "`solver` is \"" + o.solver + "\", but noise needs \"euler\".");
  const bool needs_cells = o.snap != "none" || o.support == "cells" || r.keep_coordinates;
  if (needs_cells && r.cells == nullptr)
    throw input_error("snap", "Observed cells are needed to project states onto them.");
  if (needs_cells && r.cells->dims() != f.dims())
    throw input_error("object", "The observed cells have other dimensions than the model.");
  if (o.snap != "none" && !(o.snap_every > 0))
    throw input_error("snap.every", "`snap.every` must be above 0.");
  if (o.support == "field" && !f.has_support())
    throw input_error("support",
                      "`support` is \"field\", but this model does not know its data; "
                      "\"cells\" or \"none\" is needed.");
}

// Times at which states are projected; one that is an output time but for rounding is that time.
std::vector<double> snap_times(const std::vector<double>& times, double every, double sign) {
  const double start = times.front(), span = std::abs(times.back() - start), slack = 1e-9 * every;
  std::vector<double> out;
  std::size_t near = 1;
  for (std::int64_t k = 1; static_cast<double>(k) * every <= span + slack; ++k) {
    double t = start + sign * static_cast<double>(k) * every;
    while (near < times.size() && sign * (times[near] - t) < -slack) ++near;
    if (near < times.size() && std::abs(times[near] - t) <= slack) t = times[near];
    out.push_back(t);
  }
  return out;
}

Timetable timetable_of(const IntegrationRequest& r, const IntegrateOptions& o, bool adaptive) {
  const std::vector<double>& times = r.times;
  const double span = std::abs(times.back() - times.front());
  const double dt = o.dt > 0 ? o.dt : span / kStepsOfSpan;
  step_grid(times, std::numeric_limits<double>::max());  // checks the times, whatever the solver
  Timetable out;
  out.sign = times.back() < times.front() ? -1.0 : 1.0;
  if (o.snap != "none") out.stops = snap_times(times, o.snap_every, out.sign);
  out.snaps.assign(out.stops.size(), 1);
  if (out.stops.empty() || out.stops.back() != times.back()) {
    out.stops.push_back(times.back());
    out.snaps.push_back(0);
  }
  if (adaptive) return out;
  std::vector<double> nodes = times;
  nodes.insert(nodes.end(), out.stops.begin(), out.stops.end());
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  if (out.sign < 0) std::reverse(nodes.begin(), nodes.end());
  out.grid = step_grid(nodes, dt);
  return out;
}

// What is held has no noise on its way either.
IntegrationRequest quiet_where_held(IntegrationRequest r) {
  if (r.noise_sd.empty()) return r;
  for (const std::int64_t g : r.held) r.noise_sd[g] = 0;
  return r;
}

Paths room_for(const IntegrationRequest& r, std::int64_t dims, bool shadow) {
  Paths out;
  out.n = r.starts.rows * r.n_sim;
  out.dims = dims;
  out.times = static_cast<std::int64_t>(r.times.size());
  out.states.resize(static_cast<std::size_t>(out.n * out.dims * out.times));
  out.speed.resize(static_cast<std::size_t>(out.n * out.times));
  if (shadow) out.growth.resize(out.speed.size());
  const auto n = static_cast<std::size_t>(out.n);
  out.end.resize(n);
  out.end_time.resize(n);
  out.steps.resize(n);
  out.rejected.resize(n);
  return out;
}

}  // namespace

Paths integrate_cells(const Dynamics& f, const IntegrationRequest& asked, const IntegrateOptions& options,
                      const PathTick& tick) {
  check_options(options);
  check_request(f, asked, options);
  const IntegrationRequest request = quiet_where_held(asked);
  const RungeKutta& method = runge_kutta_method(options.solver);
  const Timetable timetable = timetable_of(request, options, method.adaptive());
  const bool shadow = options.shadow == "always" || (options.shadow == "backward" && timetable.sign < 0);
  const RightHand right(f, options.kappa, options.positive, request.held);
  Paths out = room_for(request, request.keep_coordinates ? request.cells->components() : f.dims(), shadow);
  const PathJob job{right,
                    method,
                    request,
                    options,
                    timetable,
                    shadow,
                    options.support == "field",
                    options.support == "cells",
                    out};
  const std::int64_t rows = f.wants_all_rows() ? std::max<std::int64_t>(out.n, 1) : kPaths;
  std::atomic<std::int64_t> done{0}, evaluations{0};
  const std::function<bool()> ask = [&] { return !tick || tick(done); };
  HomeQuestion question(ask);
  parallel_for((out.n + rows - 1) / rows, [&](std::int64_t b) {
    const std::int64_t first = b * rows, n = std::min(rows, out.n - first);
    PathBlock block(job, first, n);
    block.run([&] { return question.ask(); });
    done += n;
    evaluations += block.evaluations();
  });
  out.evaluations = evaluations;
  return out;
}

}  // namespace fatefield
