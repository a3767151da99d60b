// Takes start states; gives the labels of their futures' ends, some cells and arms at a time.
#include "analysis/futures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "paths/integrate.hpp"

namespace fatefield {
namespace {

// Arms [arm, arm + arms) of cells [cell, cell + cells), which start at one time.
struct Piece {
  std::int64_t arm, arms, cell, cells;

  std::int64_t starts() const { return arms * cells; }
};

// Trajectories of a start side by side, arm after arm.
struct Ends {
  Matrix states;
  std::vector<double> log_weights;  // empty: equal
  std::int64_t n_sim = 1;
};

using Simulate = std::function<Ends(const Piece&, MatrixView starts)>;

std::int64_t cells_of(const FutureRequest& r) { return static_cast<std::int64_t>(r.start_times.size()); }

void check_futures(const FutureRequest& r) {
  const SimulationRequest& s = r.simulation;
  if (s.n_sim < 1)
    throw input_error("n.sim", "`n.sim` is " + std::to_string(s.n_sim) + "; at least 1 is needed.");
  if (s.arms < 1 || r.starts.rows != s.arms * cells_of(r))
    throw input_error("starts", "There are " + std::to_string(r.starts.rows) + " start states, but " +
                                    std::to_string(s.arms) + " arms of " + std::to_string(cells_of(r)) +
                                    " cells.");
  if (r.weights.size() != r.weight_times.size())
    throw input_error("weights", "`weights` must have the time of the starts that they are for.");
  if (!s.holds_by_arm()) throw input_error("hold", "`hold` must say what is held, arm by arm.");
}

// Cells in their order, as many arms together as fit.
std::vector<Piece> pieces_of(const FutureRequest& r) {
  const std::int64_t n = cells_of(r), most = std::max<std::int64_t>(1, r.chunk / r.simulation.n_sim);
  const std::int64_t arms = n > 0 ? std::max<std::int64_t>(1, most / n) : 1;
  std::vector<Piece> out;
  for (std::int64_t arm = 0; arm < r.simulation.arms; arm += arms) {
    for (std::int64_t cell = 0, end; cell < n; cell = end) {
      end = cell + 1;
      while (end < n && end - cell < most && r.start_times[end] == r.start_times[cell]) ++end;
      out.push_back({arm, std::min(arms, r.simulation.arms - arm), cell, end - cell});
    }
  }
  return out;
}

// Rows of a piece, arm after arm, among all starts: [to_row(0), to_row(0) + cells), ...
template <typename F>
void each_row(const FutureRequest& r, const Piece& p, F&& f) {
  for (std::int64_t a = 0; a < p.arms; ++a) {
    for (std::int64_t c = 0; c < p.cells; ++c) f(a * p.cells + c, (p.arm + a) * cells_of(r) + p.cell + c);
  }
}

Matrix starts_of(const FutureRequest& r, const Piece& p) {
  Matrix out(p.starts(), r.starts.cols);
  for (std::int64_t j = 0; j < out.cols; ++j)
    each_row(r, p, [&](std::int64_t own, std::int64_t of_all) { out(own, j) = r.starts(of_all, j); });
  return out;
}

bool has_arrived(const FutureRequest& r, const Piece& p) { return r.start_times[p.cell] >= r.end; }

std::uint64_t first_of(const FutureRequest& r, const Piece& p) {
  return r.simulation.first_trajectory + static_cast<std::uint64_t>(p.cell * r.simulation.n_sim);
}

// Cells that have arrived stay where they are.
Ends as_they_are(MatrixView starts) {
  Ends out;
  out.states = Matrix(starts.rows, starts.cols);
  out.states.values.assign(starts.data, starts.data + starts.rows * starts.cols);
  return out;
}

// The last of the times of states [trajectory + n * (dim + dims * time)].
Matrix last_states(std::vector<double> states, std::int64_t n, std::int64_t dims) {
  Matrix out;
  states.erase(states.begin(), states.end() - n * dims);
  out.values = std::move(states);
  out.rows = n;
  out.cols = dims;
  return out;
}

// Without noise all futures of a start are one: each of its rows n times.
Ends repeated(const Ends& once, std::int64_t n) {
  Ends out;
  out.n_sim = n;
  out.states = Matrix(once.states.rows * n, once.states.cols);
  for (std::int64_t e = 0; e < static_cast<std::int64_t>(once.states.values.size()); ++e)
    std::fill_n(out.states.values.begin() + e * n, n, once.states.values[e]);
  for (const double w : once.log_weights) out.log_weights.insert(out.log_weights.end(), n, w);
  return out;
}

bool silent(const FutureRequest& r) {
  const std::vector<double>& sd = r.simulation.noise_sd;
  return !sd.empty() && std::all_of(sd.begin(), sd.end(), [](double v) { return v == 0; });
}

// What is asked of a piece.
SimulationRequest request_of(const FutureRequest& r, const Piece& p) {
  const SimulationRequest& all = r.simulation;
  SimulationRequest out{{r.start_times[p.cell], r.end},
                        silent(r) ? 1 : all.n_sim,
                        all.seed,
                        first_of(r, p),
                        all.noise_sd,
                        p.arms,
                        Matrix(),
                        {}};
  if (all.hold_of_arm.empty()) return out;
  const std::int64_t from = all.hold_of_arm[p.arm], to = all.hold_of_arm[p.arm + p.arms];
  for (std::int64_t a = 0; a <= p.arms; ++a) out.hold_of_arm.push_back(all.hold_of_arm[p.arm + a] - from);
  out.hold = row_block(all.hold, from, to - from);
  return out;
}

Ends sde_ends(const NeuralSde& model, const FutureRequest& r, const Piece& p, MatrixView starts,
              const KeepGoing& keep_going) {
  if (has_arrived(r, p)) return as_they_are(starts);
  const SimulationRequest request = request_of(r, p);
  Simulation s = model.simulate(starts, request, keep_going);
  Ends out;
  out.n_sim = request.n_sim;
  out.log_weights.assign(s.log_weights.end() - s.trajectories, s.log_weights.end());
  out.states = last_states(std::move(s.states), s.trajectories, s.dims);
  return out.n_sim == r.simulation.n_sim ? out : repeated(out, r.simulation.n_sim);
}

// Paths that could not be integrated end nowhere.
void give_up_lost(Ends& ends) {
  Matrix& x = ends.states;
  ends.log_weights.assign(static_cast<std::size_t>(x.rows), 0.0);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    bool finite = true;
    for (std::int64_t j = 0; j < x.cols; ++j) finite = finite && std::isfinite(x(i, j));
    if (finite) continue;
    ends.log_weights[i] = -std::numeric_limits<double>::infinity();
    for (std::int64_t j = 0; j < x.cols; ++j) x(i, j) = 0;
  }
}

// States of rows in the space in which ends of paths are labelled.
Ends projected(const CellSpace& cells, MatrixView states) {
  Ends out;
  out.states = Matrix(states.rows, cells.components());
  std::vector<double> x(static_cast<std::size_t>(states.cols)), z(static_cast<std::size_t>(out.states.cols));
  for (std::int64_t i = 0; i < states.rows; ++i) {
    for (std::int64_t j = 0; j < states.cols; ++j) x[j] = states(i, j);
    cells.project(1, x.data(), z.data());
    for (std::int64_t j = 0; j < out.states.cols; ++j) out.states(i, j) = z[j];
  }
  return out;
}

// Arms differ in what is held, and so are integrated one by one.
Ends path_ends(const Dynamics& motion, const CellSpace* cells, const IntegrateOptions& options,
               const FutureRequest& r, const Piece& p, MatrixView starts, const PathTick& tick) {
  if (has_arrived(r, p)) return cells == nullptr ? as_they_are(starts) : projected(*cells, starts);
  const SimulationRequest& all = r.simulation;
  IntegrationRequest request;
  request.times = {r.start_times[p.cell], r.end};
  request.n_sim = all.n_sim;
  request.seed = all.seed;
  request.first_path = first_of(r, p);
  request.noise_sd = all.noise_sd;
  request.cells = cells;
  request.keep_coordinates = cells != nullptr;
  const std::int64_t n = p.cells * all.n_sim;
  Ends out;
  out.n_sim = all.n_sim;
  for (std::int64_t a = 0; a < p.arms; ++a) {
    Matrix arm(p.cells, starts.cols);
    for (std::int64_t j = 0; j < starts.cols; ++j)
      std::copy_n(starts.data + a * p.cells + j * starts.rows, p.cells, arm.values.begin() + j * p.cells);
    request.starts = arm;
    request.held.clear();
    if (!all.hold_of_arm.empty()) {
      for (std::int64_t i = all.hold_of_arm[p.arm + a]; i < all.hold_of_arm[p.arm + a + 1]; ++i)
        request.held.push_back(static_cast<std::int64_t>(all.hold(i, 0)));
    }
    Paths paths = integrate_cells(motion, request, options, tick);
    if (out.states.cols == 0) out.states = Matrix(n * p.arms, paths.dims);
    const Matrix ends = last_states(std::move(paths.states), n, paths.dims);
    for (std::int64_t j = 0; j < ends.cols; ++j)
      std::copy_n(ends.values.begin() + j * n, n, out.states.values.begin() + j * n * p.arms + a * n);
  }
  give_up_lost(out);
  return out;
}

// The label of the first future of each start.
std::vector<std::int32_t> first_labels(const Ends& ends, const LabelTransfer& labels) {
  Matrix first(ends.states.rows / ends.n_sim, ends.states.cols);
  for (std::int64_t j = 0; j < first.cols; ++j) {
    for (std::int64_t i = 0; i < first.rows; ++i) first(i, j) = ends.states(i * ends.n_sim, j);
  }
  return labels.transfer(first).label;
}

FateShares shares_of(const Ends& ends, const LabelTransfer& labels) {
  std::vector<std::int32_t> cell(static_cast<std::size_t>(ends.states.rows));
  for (std::size_t i = 0; i < cell.size(); ++i)
    cell[i] = static_cast<std::int32_t>(static_cast<std::int64_t>(i) / ends.n_sim);
  return tally_fates(labels, ends.states, ends.log_weights, cell, ends.states.rows / ends.n_sim);
}

// Ends with their masses multiplied by the weights of their start time, where there are any.
Ends weighted(const Ends& ends, const FutureRequest& r, const Piece& p) {
  Ends out = ends;
  if (has_arrived(r, p)) return out;
  for (std::size_t t = 0; t < r.weights.size(); ++t) {
    if (r.weight_times[t] != r.start_times[p.cell]) continue;
    const std::vector<double> log_h = r.weights[t]->log_at(ends.states);
    out.log_weights.resize(log_h.size(), 0.0);
    for (std::size_t i = 0; i < log_h.size(); ++i) out.log_weights[i] += log_h[i];
  }
  return out;
}

void keep_rows(const FateShares& from, const FutureRequest& r, const Piece& p, FateShares& to) {
  each_row(r, p, [&](std::int64_t own, std::int64_t of_all) {
    for (std::int64_t l = 0; l < from.share.cols; ++l) to.share(of_all, l) = from.share(own, l);
    to.effective[of_all] = from.effective[own];
  });
}

FateShares empty_shares(const FutureRequest& r, const LabelTransfer& labels) {
  FateShares out;
  out.share = Matrix(r.starts.rows, labels.n_labels() + 1);
  out.effective.resize(static_cast<std::size_t>(r.starts.rows));
  return out;
}

LabelledFutures label_pieces(const FutureRequest& r, const LabelTransfer& labels, const Simulate& simulate,
                             std::int64_t& done, const FutureTick& tick) {
  LabelledFutures out;
  out.shares = empty_shares(r, labels);
  const bool corrected = !r.weights.empty();
  if (corrected) out.plain = empty_shares(r, labels);
  if (r.first_labels) out.first.resize(static_cast<std::size_t>(r.starts.rows));
  for (const Piece& p : pieces_of(r)) {
    const Matrix starts = starts_of(r, p);
    const Ends ends = simulate(p, starts);
    keep_rows(shares_of(corrected ? weighted(ends, r, p) : ends, labels), r, p, out.shares);
    if (corrected) keep_rows(shares_of(ends, labels), r, p, out.plain);
    if (r.first_labels) {
      const std::vector<std::int32_t> first = first_labels(ends, labels);
      each_row(r, p, [&](std::int64_t own, std::int64_t of_all) { out.first[of_all] = first[own]; });
    }
    done += p.starts();
    if (tick && !tick(done)) throw Interrupted();
  }
  return out;
}

}  // namespace

LabelledFutures label_futures(const NeuralSde& model, const FutureRequest& request,
                              const LabelTransfer& labels, const FutureTick& tick) {
  check_futures(request);
  std::int64_t done = 0;
  const KeepGoing keep_going = [&] { return !tick || tick(done); };
  return label_pieces(
      request, labels,
      [&](const Piece& p, MatrixView starts) { return sde_ends(model, request, p, starts, keep_going); },
      done, tick);
}

LabelledFutures label_futures(const Dynamics& motion, const CellSpace* cells, const IntegrateOptions& options,
                              const FutureRequest& request, const LabelTransfer& labels,
                              const FutureTick& tick) {
  check_futures(request);
  std::int64_t done = 0;
  const PathTick go_on = [&](std::int64_t) { return !tick || tick(done); };
  return label_pieces(
      request, labels,
      [&](const Piece& p, MatrixView starts) {
        return path_ends(motion, cells, options, request, p, starts, go_on);
      },
      done, tick);
}

}  // namespace fatefield
