// Training: recovery of a known process, exact resumption, interrupts, splits, batches, early stopping.
#include "torch_test.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "sde/model/neural_sde_impl.hpp"
#include "sde/train/batches.hpp"
#include "sde/train/plan.hpp"
#include "sde/train/split.hpp"
#include "sde/train/state.hpp"
#include "sde/train/trainer.hpp"

using namespace fatefield;

namespace {

// Snapshots of an Ornstein-Uhlenbeck process dx = -theta x dt + sigma dW from N(2, 0.3^2): independent cells.
struct Snapshots {
  Matrix x;
  TrainData data;

  Snapshots(std::int64_t n, double theta, double sigma, const std::vector<double>& times)
      : x(n * static_cast<std::int64_t>(times.size()), 1) {
    std::vector<double> z(static_cast<std::size_t>(x.rows));
    normals(99, Stream::Simulator, 0, x.rows, 0, 1, z.data());
    for (std::int64_t i = 0; i < x.rows; ++i) {
      const double t = times[static_cast<std::size_t>(i / n)];
      const double decay = std::exp(-theta * t);
      const double variance = 0.09 * decay * decay + sigma * sigma * (1.0 - decay * decay) / (2.0 * theta);
      x(i, 0) = 2.0 * decay + std::sqrt(variance) * z[static_cast<std::size_t>(i)];
      data.time.push_back(t);
    }
    data.x = x;
  }
};

SdeOptions linear() {
  SdeOptions o;
  o.time_input = false;
  o.drift = "forward";
  o.drift_hidden = {};
  o.diffusion = "scalar";
  o.diffusion_hidden = {};
  return o;
}

TrainOptions quick(std::int64_t updates) {
  TrainOptions o;
  o.method = "sinkhorn";
  o.updates = updates;
  o.batch_size = 64;
  o.eval_every = 2;
  return o;
}

const Tick kOn = [](const Progress&) { return true; };

TrainReport fit(NeuralSde& m, const TrainData& d, const TrainOptions& o, const Tick& tick = kOn,
                const KeepGoing& keep_going = nullptr) {
  return fit_sde(m, d, o, 5, tick, keep_going);
}

std::string refused(const TrainData& d, const TrainOptions& o) {
  NeuralSde m(linear(), 1, 1);
  try {
    fit(m, d, o);
  } catch (const Error& e) {
    return e.argument();
  }
  return "none";
}

}  // namespace

TEST_CASE("drift and noise of an Ornstein-Uhlenbeck process are recovered within 10 %", "[train][recovery]") {
  const double theta = 1.2;
  const double sigma = 0.7;
  const Snapshots s(1000, theta, sigma, {0.0, 0.5, 1.0});
  NeuralSde m(linear(), 1, 3);
  TrainOptions o;
  o.method = "sinkhorn";
  o.updates = 250;
  o.learning_rate = 0.02;
  o.blur = 0.05;
  o.patience = 0;
  const TrainReport r = fit(m, s.data, o);
  CHECK(r.ended == "finished");
  Matrix at(2, 1);
  at(0, 0) = 0.5;
  at(1, 0) = 1.5;
  const Matrix f = m.drift(at, 0.5);
  const Matrix g = m.diffusion(at, 0.5);
  INFO("drift " << f(0, 0) << " " << f(1, 0) << ", noise " << g(0, 0) << " " << g(1, 0));
  CHECK(std::abs((f(1, 0) - f(0, 0)) / -theta - 1.0) < 0.1);
  CHECK(std::abs(f(1, 0) / (-theta * 1.5) - 1.0) < 0.1);
  CHECK(std::abs((g(0, 0) + g(1, 0)) / (2.0 * sigma) - 1.0) < 0.1);
}

TEST_CASE("an interrupted training goes on exactly where it stopped", "[train][resume]") {
  const Snapshots s(120, 1.0, 0.5, {0.0, 1.0, 2.0});
  for (const char* optimizer : {"adamw", "rmsprop"}) {
    TrainOptions o = quick(12);
    o.optimizer = optimizer;
    SdeOptions sde;
    sde.drift_hidden = {8};
    sde.growth = true;
    sde.dropout = 0.2;
    NeuralSde whole(sde, 1, 2);
    const TrainReport uninterrupted = fit(whole, s.data, o);
    NeuralSde part(sde, 1, 2);
    const TrainReport first = fit(part, s.data, o, [](const Progress& p) { return p.update < 5; });
    CHECK(first.ended == "interrupted");
    CHECK(first.updates == 5);
    NeuralSde again(part.bytes(), "bytes");
    const TrainReport rest = fit(again, s.data, o);
    CHECK(rest.ended == "finished");
    CHECK(again.bytes() == whole.bytes());
    REQUIRE(rest.history.size() == uninterrupted.history.size());
    CHECK(rest.history[1].second == uninterrupted.history[1].second);
  }
}

TEST_CASE("training is the same bytes for 1 and 2 threads", "[train][identity]") {
  const Snapshots s(700, 1.0, 0.5, {0.0, 1.0});
  TrainOptions o = quick(4);
  o.batch_size = 600;
  std::string bytes[2];
  for (int threads : {1, 2}) {
    const ThreadScope scope(threads);
    NeuralSde m(SdeOptions(), 1, 2);
    fit(m, s.data, o);
    bytes[threads - 1] = m.bytes();
  }
  CHECK(bytes[0] == bytes[1]);
}

TEST_CASE("an interrupt in the middle of an update leaves a usable model", "[train][interrupt]") {
  const Snapshots s(120, 1.0, 0.5, {0.0, 1.0});
  NeuralSde m(linear(), 1, 2);
  int asked = 0;
  const TrainReport r = fit(m, s.data, quick(50), kOn, [&] { return ++asked < 500; });
  CHECK(r.ended == "interrupted");
  CHECK(r.updates > 0);
  CHECK(r.updates < 50);
  CHECK(std::isfinite(m.drift(s.x, 0.0)(0, 0)));
}

TEST_CASE("early stopping keeps the weights of the best validation", "[train]") {
  const Snapshots s(200, 1.0, 0.5, {0.0, 1.0});
  TrainOptions o = quick(400);
  o.patience = 3;
  o.learning_rate = 0.3;
  o.schedule = "constant";
  o.ema = 0.0;
  NeuralSde m(linear(), 1, 2);
  const TrainReport r = fit(m, s.data, o);
  CHECK(r.ended == "early");
  CHECK(r.updates == r.best_update + 3 * o.eval_every);
  const auto held_out =
      std::find_if(r.history.begin(), r.history.end(), [](const auto& c) { return c.first == "held_out"; });
  REQUIRE(held_out != r.history.end());
  double best = 1e300;
  for (double v : held_out->second) {
    if (v < best) best = v;
  }
  CHECK(best == r.held_out);
}

TEST_CASE("other cells are refused by a trained model", "[train][errors]") {
  const Snapshots s(120, 1.0, 0.5, {0.0, 1.0});
  const Snapshots other(120, 1.1, 0.5, {0.0, 1.0});
  NeuralSde m(linear(), 1, 2);
  fit(m, s.data, quick(2));
  CHECK_THROWS_AS(fit(m, other.data, quick(4)), Error);
}

TEST_CASE("bad data and options of training are named", "[train][errors]") {
  Snapshots s(40, 1.0, 0.5, {0.0, 1.0});
  TrainOptions o = quick(1);
  o.batch_size = 41;
  CHECK(refused(s.data, o) == "batch.size");
  o = quick(-1);
  CHECK(refused(s.data, o) == "updates");
  o = quick(1);
  o.batch_size = 8;
  o.optimizer = "lbfgs";
  CHECK(refused(s.data, o) == "optimizer");
  o = quick(1);
  o.batch_size = 8;
  o.schedule = "jump";
  CHECK(refused(s.data, o) == "schedule");
  o = quick(1);
  o.blur = -1.0;
  o.batch_size = 8;
  CHECK(refused(s.data, o) == "blur");
  TrainData one_time = s.data;
  std::fill(one_time.time.begin(), one_time.time.end(), 1.0);
  CHECK(refused(one_time, quick(1)) == "time");
  TrainData unknown = s.data;
  unknown.time[3] = std::nan("");
  CHECK(refused(unknown, quick(1)) == "time");
  s.x(2, 0) = std::nan("");
  s.data.x = s.x;
  CHECK(refused(s.data, quick(1)) == "object");
}

TEST_CASE("cells are held out by time, clones as a whole", "[train][split]") {
  std::vector<double> time;
  std::vector<std::int64_t> clone;
  for (int i = 0; i < 300; ++i) {
    time.push_back(i % 3);
    clone.push_back(i < 100 ? -1 : i / 10);
  }
  const auto by_cell = held_out_cells(time, {}, 0.1, 7);
  int per_time[3] = {0, 0, 0};
  for (int i = 0; i < 300; ++i) per_time[i % 3] += by_cell[static_cast<std::size_t>(i)];
  CHECK(per_time[0] == 10);
  CHECK(per_time[1] == 10);
  CHECK(per_time[2] == 10);
  CHECK(by_cell == held_out_cells(time, {}, 0.1, 7));
  CHECK(by_cell != held_out_cells(time, {}, 0.1, 8));
  const auto by_clone = held_out_cells(time, clone, 0.25, 7);
  std::set<std::int64_t> held, kept;
  for (int i = 100; i < 300; ++i) {
    (by_clone[static_cast<std::size_t>(i)] ? held : kept).insert(clone[static_cast<std::size_t>(i)]);
  }
  CHECK(held.size() == 5);
  for (std::int64_t c : held) CHECK(kept.count(c) == 0);
}

TEST_CASE("an epoch shows every cell at most once, and batches depend on the update alone",
          "[train][batch]") {
  Batches a({100, 60}, 30, 512, 3);
  std::set<std::int64_t> seen;
  for (std::int64_t u = 0; u < 3; ++u) {
    for (std::int64_t c : a.cells(0, u)) seen.insert(c);
  }
  CHECK(seen.size() == 90);
  Batches b({100, 60}, 30, 512, 3);
  CHECK(a.cells(1, 17) == b.cells(1, 17));
  CHECK(a.cells(0, 17) != a.cells(0, 18));
  CHECK(Batches({100, 60}, 0, 512, 3).size(1) == 60);
  CHECK(Batches({1000, 600}, 0, 512, 3).size(0) == 512);
}

TEST_CASE("the learning rate warms up and falls", "[train][optimizer]") {
  TrainOptions o;
  o.updates = 1000;
  o.learning_rate = 1.0;
  CHECK(learning_rate(o, 0) < 0.05);
  CHECK(learning_rate(o, 50) == Approx(1.0).epsilon(0.01));
  CHECK(learning_rate(o, 999) < 0.001);
  o.schedule = "step";
  o.warmup = 0.0;
  CHECK(learning_rate(o, 0) == 1.0);
  CHECK(learning_rate(o, 950) == Approx(0.1));
}
