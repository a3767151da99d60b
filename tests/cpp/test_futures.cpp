// Futures labelled in one go: against simulate() and a tally by hand, in pieces of any size, on any number of
// threads; along a motion whose ends are known.
#include "analysis/futures.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "paths.hpp"
#include "sde/model/neural_sde_impl.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

Matrix some_cells(std::int64_t n, std::int64_t d) {
  Matrix x(n, d);
  for (std::size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = std::sin(1.0 + 0.37 * static_cast<double>(i));
  return x;
}

NeuralSde growing(const std::string& diffusion = "diagonal") {
  SdeOptions o;
  o.drift_hidden = {16};
  o.diffusion = diffusion;
  o.diffusion_hidden = {8};
  o.diffusion_rank = 2;
  o.growth = true;
  o.growth_hidden = {8};
  o.dt = 0.1;
  NeuralSde m(o, 3, 11);
  // The outputs start small; here they should matter.
  for (at::Tensor& w : m.impl().parameters)
    w.add_(at::linspace(-0.3, 0.3, w.numel(), w.options()).view(w.sizes()));
  return m;
}

// Labels by the sign of the first dimension, alternating further out in the second.
LabelTransfer voters(std::int64_t dims) {
  Matrix x(200, dims);
  std::vector<std::int32_t> codes;
  for (std::int64_t i = 0; i < 200; ++i) {
    for (std::int64_t j = 0; j < dims; ++j) x(i, j) = 2 * std::sin(0.7 * static_cast<double>(i + 31 * j));
    codes.push_back(x(i, 0) > 0 ? 0 : static_cast<std::int32_t>(1 + i % 2));
  }
  LabelOptions o;
  o.k = 7;
  o.weights = "distance";
  return LabelTransfer(x, codes, 3, o, KnnOptions());
}

FutureRequest request_for(const Matrix& starts, std::vector<double> times, std::int64_t n_sim) {
  FutureRequest r;
  r.starts = starts;
  r.start_times = std::move(times);
  r.end = 1.0;
  r.simulation.n_sim = n_sim;
  r.simulation.seed = 5;
  return r;
}

// The tally of what simulate() gives for rows [from, to), which start at one time.
FateShares by_hand(const NeuralSde& m, const LabelTransfer& labels, const Matrix& x, std::int64_t from,
                   std::int64_t to, double start, const FutureRequest& r) {
  Matrix some(to - from, x.cols);
  for (std::int64_t i = from; i < to; ++i) {
    for (std::int64_t j = 0; j < x.cols; ++j) some(i - from, j) = x(i, j);
  }
  SimulationRequest q;
  q.times = {start, r.end};
  q.n_sim = r.simulation.n_sim;
  q.seed = r.simulation.seed;
  q.first_trajectory = r.simulation.first_trajectory + static_cast<std::uint64_t>(from * r.simulation.n_sim);
  q.noise_sd = r.simulation.noise_sd;
  const Simulation s = m.simulate(some, q, nullptr);
  Matrix ends(s.trajectories, s.dims);
  std::vector<double> mass;
  std::vector<std::int32_t> cell;
  for (std::int64_t i = 0; i < s.trajectories; ++i) {
    for (std::int64_t j = 0; j < s.dims; ++j) ends(i, j) = s.states[i + s.trajectories * (j + s.dims)];
    mass.push_back(s.log_weights[i + s.trajectories]);
    cell.push_back(static_cast<std::int32_t>(i / r.simulation.n_sim));
  }
  return tally_fates(labels, ends, mass, cell, to - from);
}

bool rows_are(const FateShares& all, std::int64_t from, const FateShares& some) {
  bool same = true;
  for (std::int64_t i = 0; i < some.share.rows; ++i) {
    for (std::int64_t l = 0; l < some.share.cols; ++l)
      same = same && all.share(from + i, l) == some.share(i, l);
    same = same && all.effective[from + i] == some.effective[i];
  }
  return same;
}

bool same(const LabelledFutures& a, const LabelledFutures& b) {
  return a.shares.share.values == b.shares.share.values && a.shares.effective == b.shares.effective &&
         a.first == b.first;
}

}  // namespace

TEST_CASE("futures labelled in one go are those of simulate() and a tally", "[futures]") {
  for (const char* diffusion : {"diagonal", "lowrank"}) {
    const NeuralSde m = growing(diffusion);
    const LabelTransfer labels = voters(3);
    const Matrix x = some_cells(60, 3);
    std::vector<double> times(60, 0.0);
    for (std::size_t i = 25; i < 50; ++i) times[i] = 0.4;
    for (std::size_t i = 50; i < 60; ++i) times[i] = 1.0;  // arrived
    FutureRequest r = request_for(x, times, 9);
    r.first_labels = true;
    const LabelledFutures whole = label_futures(m, r, labels, nullptr);
    CHECK(rows_are(whole.shares, 0, by_hand(m, labels, x, 0, 25, 0.0, r)));
    CHECK(rows_are(whole.shares, 25, by_hand(m, labels, x, 25, 50, 0.4, r)));
    const Labels arrived = labels.transfer(x);
    bool labelled = true;
    for (std::int64_t i = 50; i < 60; ++i) {
      for (std::int64_t l = 0; l < 3; ++l)
        labelled = labelled && whole.shares.share(i, l) == arrived.probability(i, l);
      labelled = labelled && whole.shares.effective[i] == 1 && whole.first[i] == arrived.label[i];
    }
    CHECK(labelled);
    for (const std::int64_t chunk : {1, 9, 100, 333}) {
      r.chunk = chunk;
      CHECK(same(label_futures(m, r, labels, nullptr), whole));
    }
    const ThreadScope scope(2);
    CHECK(same(label_futures(m, r, labels, nullptr), whole));
  }
}

TEST_CASE("pieces of a larger request give the bytes of the whole", "[futures]") {
  const NeuralSde m = growing();
  const LabelTransfer labels = voters(3);
  const Matrix x = some_cells(40, 3);
  const LabelledFutures whole =
      label_futures(m, request_for(x, std::vector<double>(40, 0.0), 6), labels, nullptr);
  Matrix last(10, 3);
  for (std::int64_t i = 0; i < 10; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) last(i, j) = x(30 + i, j);
  }
  FutureRequest r = request_for(last, std::vector<double>(10, 0.0), 6);
  r.simulation.first_trajectory = 180;
  CHECK(rows_are(whole.shares, 30, label_futures(m, r, labels, nullptr).shares));
}

TEST_CASE("arms share their noise, hold what they hold, and do not depend on each other", "[futures]") {
  const NeuralSde m = growing();
  const LabelTransfer labels = voters(3);
  const Matrix x = some_cells(20, 3), moved = some_cells(21, 3);
  Matrix both(60, 3);
  for (std::int64_t i = 0; i < 20; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) {
      both(i, j) = both(40 + i, j) = x(i, j);
      both(20 + i, j) = moved(i, j);
    }
  }
  const std::vector<double> times(20, 0.0);
  FutureRequest r = request_for(both, times, 5);
  r.simulation.arms = 3;
  r.simulation.hold = Matrix(2, 3);
  r.simulation.hold(0, 0) = r.simulation.hold(1, 1) = 1;
  r.simulation.hold_of_arm = {0, 1, 1, 2};
  const LabelledFutures whole = label_futures(m, r, labels, nullptr);
  for (const std::int64_t chunk : {5, 15, 200}) {
    r.chunk = chunk;
    CHECK(same(label_futures(m, r, labels, nullptr), whole));
  }
  Matrix second(20, 3);
  for (std::int64_t i = 0; i < 20; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) second(i, j) = moved(i, j);
  }
  CHECK(rows_are(whole.shares, 20, label_futures(m, request_for(second, times, 5), labels, nullptr).shares));
  FutureRequest alone = request_for(x, times, 5);
  alone.simulation.hold = Matrix(1, 3);
  alone.simulation.hold(0, 1) = 1;
  alone.simulation.hold_of_arm = {0, 1};
  CHECK(rows_are(whole.shares, 40, label_futures(m, alone, labels, nullptr).shares));
}

TEST_CASE("without noise one future stands for all, with all their number", "[futures]") {
  const NeuralSde m = growing();
  const LabelTransfer labels = voters(3);
  const Matrix x = some_cells(30, 3);
  FutureRequest r = request_for(x, std::vector<double>(30, 0.0), 7);
  r.simulation.noise_sd = {0, 0, 0};
  CHECK(rows_are(label_futures(m, r, labels, nullptr).shares, 0, by_hand(m, labels, x, 0, 30, 0.0, r)));
  r.simulation.noise_sd = {0.5, 0, 1};
  CHECK(rows_are(label_futures(m, r, labels, nullptr).shares, 0, by_hand(m, labels, x, 0, 30, 0.0, r)));
}

TEST_CASE("paths along a motion end where they are known to, and lost ones nowhere", "[futures]") {
  // dx/dt = 1, dy/dt = 0, and beyond y = 8 no velocity at all.
  const GivenDynamics right(2, [](double, const double* x, double* v) {
    v[0] = x[1] > 8 ? NAN : 1;
    v[1] = 0;
  });
  Matrix reference(30, 2);
  std::vector<std::int32_t> codes;
  for (std::int64_t i = 0; i < 30; ++i) {
    reference(i, 0) = 3.0 * static_cast<double>(i / 10) + 0.01 * static_cast<double>(i % 10);
    codes.push_back(static_cast<std::int32_t>(i / 10));
  }
  LabelOptions o;
  o.k = 5;
  o.cutoff_factor = 0;
  const LabelTransfer labels(reference, codes, 3, o, KnnOptions());
  // At -3, 0, 3 and a lost one; in the second arm the first dimension is held.
  const Matrix starts = starts_of(2, {-3, 0, 0, 0, 3, 0, 0, 9, -3, 0, 0, 0, 3, 0, 6, 0});
  FutureRequest r = request_for(starts, std::vector<double>(4, 0.0), 1);
  r.end = 3;
  r.simulation.arms = 2;
  r.simulation.hold = Matrix(1, 1);
  r.simulation.hold_of_arm = {0, 0, 1};
  r.first_labels = true;
  for (const std::int64_t chunk : {1, 2, 100}) {
    r.chunk = chunk;
    const LabelledFutures f = label_futures(right, nullptr, plain_options("dopri5"), r, labels, nullptr);
    CHECK(f.first == std::vector<std::int32_t>{0, 1, 2, 0, 0, 0, 1, 2});
    const std::vector<std::int64_t> column = {0, 1, 2, 3, 0, 0, 1, 2};
    bool right_column = true;
    for (std::int64_t i = 0; i < 8; ++i) right_column = right_column && f.shares.share(i, column[i]) == 1;
    CHECK(right_column);
    CHECK(f.shares.effective[3] == 0);
    CHECK(f.shares.effective[2] == 1);
  }
}

TEST_CASE("work on futures tells how far it is, and stops when asked to", "[futures]") {
  const NeuralSde m = growing();
  const LabelTransfer labels = voters(3);
  const Matrix x = some_cells(20, 3);
  FutureRequest r = request_for(x, std::vector<double>(20, 0.0), 4);
  r.chunk = 20;
  std::int64_t last = 0;
  label_futures(m, r, labels, [&](std::int64_t done) {
    last = done;
    return true;
  });
  CHECK(last == 20);
  CHECK_THROWS_AS(label_futures(m, r, labels, [](std::int64_t done) { return done < 10; }), Interrupted);
}

TEST_CASE("requests of futures that do not fit are named", "[futures]") {
  const NeuralSde m = growing();
  const LabelTransfer labels = voters(3);
  const Matrix x = some_cells(20, 3);
  const auto argument = [&](const FutureRequest& r) {
    try {
      label_futures(m, r, labels, nullptr);
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("none");
  };
  FutureRequest r = request_for(x, std::vector<double>(20, 0.0), 0);
  CHECK(argument(r) == "n.sim");
  r.simulation.n_sim = 1;
  r.simulation.arms = 2;
  CHECK(argument(r) == "starts");
  r.simulation.arms = 1;
  r.simulation.hold_of_arm = {0, 1};
  CHECK(argument(r) == "hold");
}
