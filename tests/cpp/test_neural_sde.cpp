// The model from outside: simulations against known moments, identical bytes, keeping and bringing back.
#include "torch_test.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "sde/model/neural_sde.hpp"
#include "sde/model/neural_sde_impl.hpp"

using namespace fatefield;

namespace {

Matrix cells(std::int64_t n, std::int64_t d) {
  Matrix x(n, d);
  for (std::size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = std::sin(1.0 + 0.37 * static_cast<double>(i));
  return x;
}

SdeOptions small() {
  SdeOptions o;
  o.drift_hidden = {16, 16};
  o.diffusion_hidden = {8};
  o.growth = true;
  o.growth_hidden = {8};
  o.dt = 0.05;
  return o;
}

NeuralSde lively(const SdeOptions& o, std::int64_t d) {
  NeuralSde m(o, d, 11);
  // The outputs start small; here they should matter.
  for (at::Tensor& w : m.impl().parameters)
    w.add_(at::linspace(-0.3, 0.3, w.numel(), w.options()).view(w.sizes()));
  return m;
}

Simulation run(const NeuralSde& m, const Matrix& x, std::int64_t n_sim, std::uint64_t first, int threads) {
  const ThreadScope scope(threads);
  SimulationRequest r;
  r.times = {0.0, 0.3, 1.0};
  r.n_sim = n_sim;
  r.first_trajectory = first;
  return m.simulate(x, r, nullptr);
}

double at_of(const Simulation& s, std::int64_t i, std::int64_t j, std::int64_t k) {
  return s.states[static_cast<std::size_t>(i + s.trajectories * (j + s.dims * k))];
}

std::string error_argument(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.argument();
  }
  return "none";
}

}  // namespace

TEST_CASE("simulations are the same bytes for any number of threads and any chunks", "[sde][identity]") {
  for (const char* diffusion : {"diagonal", "lowrank"}) {
    SdeOptions o = small();
    o.diffusion = diffusion;
    o.diffusion_rank = 2;
    const NeuralSde m = lively(o, 3);
    const Matrix x = cells(150, 3);
    const Simulation whole = run(m, x, 7, 0, 1);
    const Simulation two = run(m, x, 7, 0, 2);
    CHECK(whole.states == two.states);
    CHECK(whole.log_weights == two.log_weights);
    // The same in three pieces of cells.
    for (const auto& [from, to] : {std::pair<int, int>{0, 1}, {1, 98}, {98, 150}}) {
      Matrix part(to - from, 3);
      for (int i = from; i < to; ++i) {
        for (int j = 0; j < 3; ++j) part(i - from, j) = x(i, j);
      }
      const Simulation s = run(m, part, 7, static_cast<std::uint64_t>(from) * 7, 2);
      bool same = true;
      for (std::int64_t i = 0; i < s.trajectories; ++i) {
        for (std::int64_t k = 0; k < 3; ++k) {
          for (std::int64_t j = 0; j < 3; ++j)
            same = same && at_of(s, i, j, k) == at_of(whole, from * 7 + i, j, k);
        }
      }
      CHECK(same);
    }
  }
}

TEST_CASE("arms of a simulation share their noise", "[sde][arms]") {
  for (const char* solver : {"euler", "srk"}) {
    SdeOptions o = small();
    o.solver = solver;
    const NeuralSde m = lively(o, 3);
    const Matrix x = cells(60, 3);
    Matrix three(180, 3), shifted(60, 3);
    for (int i = 0; i < 60; ++i) {
      for (int j = 0; j < 3; ++j) {
        shifted(i, j) = x(i, j) + (j == 1 ? 0.5 : 0.0);
        three(i, j) = three(120 + i, j) = x(i, j);
        three(60 + i, j) = shifted(i, j);
      }
    }
    const auto simulated = [&](const Matrix& at, std::int64_t arms, int threads) {
      const ThreadScope scope(threads);
      SimulationRequest r;
      r.times = {0.0, 1.0};
      r.n_sim = 5;
      r.first_trajectory = 35;
      r.arms = arms;
      return m.simulate(at, r, nullptr);
    };
    const Simulation alone = simulated(x, 1, 1), other = simulated(shifted, 1, 2),
                     all = simulated(three, 3, 2);
    bool same = true;
    for (std::int64_t i = 0; i < 300; ++i) {
      for (std::int64_t j = 0; j < 3; ++j) {
        same = same && at_of(all, i, j, 1) == at_of(alone, i, j, 1);
        same = same && at_of(all, 300 + i, j, 1) == at_of(other, i, j, 1);
        same = same && at_of(all, 600 + i, j, 1) == at_of(alone, i, j, 1);
      }
    }
    CHECK(same);
    CHECK(all.log_weights[0 + 900 * 1] == all.log_weights[600 + 900 * 1]);
  }
}

TEST_CASE("states stay where they started along the directions held, and move across them", "[sde][arms]") {
  const double a = 0.6, b = 0.8;
  for (const char* solver : {"euler", "srk"}) {
    SdeOptions o = small();
    o.solver = solver;
    const NeuralSde m = lively(o, 3);
    Matrix x(20, 3);
    const Matrix one = cells(10, 3);
    for (int i = 0; i < 10; ++i) {
      for (int j = 0; j < 3; ++j) x(i, j) = x(10 + i, j) = one(i, j);
    }
    SimulationRequest r;
    r.times = {0.0, 0.5, 1.0};
    r.n_sim = 3;
    r.arms = 2;
    r.hold = Matrix(1, 3);
    r.hold(0, 0) = a;
    r.hold(0, 1) = b;
    r.hold_of_arm = {0, 0, 1};
    const Simulation s = m.simulate(x, r, nullptr);
    double along = 0.0, across = 0.0, free = 0.0;
    for (std::int64_t i = 30; i < 60; ++i) {
      for (std::int64_t k = 1; k < 3; ++k) {
        const auto moved = [&](std::int64_t row, std::int64_t j) {
          return at_of(s, row, j, k) - at_of(s, row, j, 0);
        };
        along = std::max(along, std::abs(a * moved(i, 0) + b * moved(i, 1)));
        across = std::max(across, std::abs(b * moved(i, 0) - a * moved(i, 1)) + std::abs(moved(i, 2)));
        free = std::max(free, std::abs(a * moved(i - 30, 0) + b * moved(i - 30, 1)));
      }
    }
    CHECK(along < 1e-5);
    CHECK(across > 0.05);
    CHECK(free > 0.05);
    // The first arm knows nothing of the second.
    r.hold_of_arm = {};
    CHECK(at_of(m.simulate(x, r, nullptr), 4, 0, 2) == at_of(s, 4, 0, 2));
  }
}

TEST_CASE("a linear model held along one dimension is the same model without it", "[sde][arms]") {
  SdeOptions o;
  o.time_input = false;
  o.drift = "forward";
  o.drift_hidden = {};
  o.diffusion = "scalar";
  o.diffusion_hidden = {};
  o.dt = 0.01;
  o.precision = "float64";
  NeuralSde m(o, 2, 1);
  auto& p = m.impl().parameters;  // dx = -x + 0.5 y, dy = -y
  p[0].copy_(at::tensor({-1.0, 0.5, 0.0, -1.0}, at::kDouble).view(p[0].sizes()));
  p[1].fill_(0.0);
  p[2].fill_(0.0);
  p[3].fill_(-40.0);  // next to no noise
  Matrix x(1, 2);
  x(0, 0) = 0.2;
  x(0, 1) = 2.0;
  SimulationRequest r;
  r.times = {0.0, 1.0};
  r.hold = Matrix(1, 2);
  r.hold(0, 1) = 1.0;
  r.hold_of_arm = {0, 1};
  const Simulation s = m.simulate(x, r, nullptr);
  // With y held at 2 x goes to 1, geometrically with 1 - dt.
  CHECK(std::abs(at_of(s, 0, 0, 1) - (1.0 - 0.8 * std::pow(0.99, 100))) < 1e-6);
  CHECK(at_of(s, 0, 1, 1) == 2.0);
}

TEST_CASE("a direction that is held in a constant dimension too stays as it was", "[sde][arms]") {
  NeuralSde m = lively(small(), 3);
  m.impl().see({0, 1});
  Matrix x = cells(4, 3);
  for (std::int64_t i = 0; i < 4; ++i) x(i, 2) = 2.0;
  SimulationRequest r;
  r.times = {0.0, 1.0};
  r.n_sim = 2;
  r.hold = Matrix(1, 3);
  r.hold(0, 0) = 0.6;
  r.hold(0, 2) = 0.8;
  r.hold_of_arm = {0, 1};
  const Simulation s = m.simulate(x, r, nullptr);
  double moved = 0.0, constant = 0.0;
  for (std::int64_t i = 0; i < 8; ++i) {
    moved = std::max(moved, std::abs(at_of(s, i, 0, 1) - x(i / 2, 0)));
    constant = std::max(constant, std::abs(at_of(s, i, 2, 1) - 2.0));
  }
  CHECK(moved < 1e-5);
  CHECK(constant == 0.0);
}

TEST_CASE("rows become orthonormal in their order, and those that others tell vanish", "[linear_algebra]") {
  Matrix x(4, 3);
  x(0, 0) = 5.0;  // not among them
  x(1, 0) = 2.0;
  x(2, 0) = x(2, 1) = 1.0;
  x(3, 0) = -3.0;
  x(3, 1) = 4.0;
  make_orthonormal_rows(x, 1, 4);
  CHECK(x.values == std::vector<double>{5, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0});
}

TEST_CASE("arms and directions that do not fit are named", "[sde][arms][errors]") {
  const NeuralSde m(small(), 3, 1);
  const Matrix x = cells(4, 3);
  SimulationRequest r;
  r.times = {0.0, 1.0};
  r.arms = 3;
  CHECK(error_argument([&] { m.simulate(x, r, nullptr); }) == "arms");
  r.arms = 2;
  r.hold = Matrix(1, 2);
  r.hold_of_arm = {0, 1, 1};
  CHECK(error_argument([&] { m.simulate(x, r, nullptr); }) == "hold");
  r.hold = Matrix(1, 3);
  r.hold_of_arm = {0, 1};
  CHECK(error_argument([&] { m.simulate(x, r, nullptr); }) == "hold");
}

TEST_CASE("a linear model has the moments of an Ornstein-Uhlenbeck process", "[sde]") {
  SdeOptions o;
  o.time_input = false;
  o.drift = "forward";
  o.drift_hidden = {};
  o.diffusion = "scalar";
  o.diffusion_hidden = {};
  o.dt = 0.005;
  o.precision = "float64";
  NeuralSde m(o, 1, 1);
  auto& p = m.impl().parameters;  // drift weight, bias; diffusion weight, bias
  const double theta = 1.5;
  const double sigma = 0.8;
  p[0].fill_(-theta);
  p[1].fill_(theta * 0.5);
  p[2].fill_(0.0);
  p[3].fill_(std::log(std::expm1(sigma)));
  Matrix x(1, 1);
  x(0, 0) = 2.0;
  SimulationRequest r;
  r.times = {0.0, 1.0};
  r.n_sim = 20000;
  const Simulation s = m.simulate(x, r, nullptr);
  double mean = 0.0;
  double square = 0.0;
  for (std::int64_t i = 0; i < s.trajectories; ++i) {
    mean += at_of(s, i, 0, 1);
    square += at_of(s, i, 0, 1) * at_of(s, i, 0, 1);
  }
  mean /= 20000.0;
  const double variance = square / 20000.0 - mean * mean;
  const double expected = sigma * sigma * (1.0 - std::exp(-2.0 * theta)) / (2.0 * theta);
  CHECK(std::abs(mean - (0.5 + 1.5 * std::exp(-theta))) < 0.02);
  CHECK(std::abs(variance / expected - 1.0) < 0.04);
}

TEST_CASE("another noise in the place of the learned one", "[sde]") {
  SdeOptions o = small();
  o.precision = "float64";
  NeuralSde m = lively(o, 2);
  m.impl().scaling = {{0.3, -0.2}, 2.5, 1.0, 4.0};
  SimulationRequest r;
  r.times = {1.0, 1.5, 3.0};
  r.n_sim = 3;
  const Matrix x = cells(2, 2);
  SECTION("none: all futures are the one that the drift leads to") {
    r.noise_sd = {0.0, 0.0};
    const Simulation s = m.simulate(x, r, nullptr);
    Matrix at = x;
    for (int k = 0; k < 40; ++k) {
      const Matrix f = m.drift(at, 1.0 + 0.05 * k);
      for (std::size_t i = 0; i < at.values.size(); ++i) at.values[i] += 0.05 * f.values[i];
    }
    for (std::int64_t i = 0; i < 6; ++i)
      for (std::int64_t j = 0; j < 2; ++j) {
        CHECK(at_of(s, i, j, 2) == at_of(s, i / 3 * 3, j, 2));
        CHECK(std::abs(at_of(s, i, j, 2) - at(i / 3, j)) < 1e-9);
      }
  }
  SECTION("constant: the asked variance, by fused kernels and by LibTorch alike") {
    r.noise_sd = {0.2, 0.7};
    const Simulation fused = m.simulate(x, r, nullptr);
    m.impl().solver = &sde_solver("milstein");
    const Simulation by_torch = m.simulate(x, r, nullptr);
    for (std::size_t i = 0; i < fused.states.size(); ++i)
      CHECK(std::abs(fused.states[i] - by_torch.states[i]) < 1e-9);
    for (std::size_t i = 0; i < m.impl().nets.layout().diffusion_at(); ++i) m.impl().parameters[i].fill_(0.0);
    r.n_sim = 20000;
    for (const char* solver : {"euler", "milstein"}) {
      m.impl().solver = &sde_solver(solver);
      const Simulation s = m.simulate(x, r, nullptr);
      for (std::int64_t j = 0; j < 2; ++j) {
        double square = 0.0;
        for (std::int64_t i = 0; i < r.n_sim; ++i) square += std::pow(at_of(s, i, j, 2) - x(0, j), 2);
        const double sd = r.noise_sd[static_cast<std::size_t>(j)];
        CHECK(std::abs(square / static_cast<double>(r.n_sim) / (2.0 * sd * sd) - 1.0) < 0.04);
      }
    }
  }
  SECTION("what cannot be") {
    for (const std::vector<double>& bad : {std::vector<double>{0.1}, {0.1, -1.0}, {0.1, std::nan("")}}) {
      r.noise_sd = bad;
      CHECK(error_argument([&] { m.simulate(x, r, nullptr); }) == "noise.sd");
    }
  }
}

TEST_CASE("units: a scaled model gives drift, noise, potential and growth in the user's units", "[sde]") {
  SdeOptions o = small();
  o.precision = "float64";
  NeuralSde m = lively(o, 2);
  const Matrix x = cells(5, 2);
  m.impl().scaling = {{0.3, -0.2}, 2.5, 1.0, 4.0};
  const double h = 1e-5;
  const Matrix f = m.drift(x, 2.0);
  for (std::int64_t j = 0; j < 2; ++j) {
    Matrix up = x;
    Matrix down = x;
    for (std::int64_t i = 0; i < 5; ++i) {
      up(i, j) += h;
      down(i, j) -= h;
    }
    const Matrix a = m.potential(up, 2.0);
    const Matrix b = m.potential(down, 2.0);
    for (std::int64_t i = 0; i < 5; ++i) CHECK(std::abs((a(i, 0) - b(i, 0)) / (2.0 * h) - f(i, j)) < 1e-6);
  }
  // One small step shows drift and noise in the units of the data.
  SimulationRequest r;
  r.times = {2.0, 2.01};
  r.n_sim = 40000;
  Matrix one(1, 2);
  const Simulation s = m.simulate(one, r, nullptr);
  const Matrix drift = m.drift(one, 2.0);
  const Matrix noise = m.diffusion(one, 2.0);
  const Matrix growth = m.growth(one, 2.0);
  for (std::int64_t j = 0; j < 2; ++j) {
    double mean = 0.0;
    double square = 0.0;
    for (std::int64_t i = 0; i < s.trajectories; ++i) {
      mean += at_of(s, i, j, 1) / 40000.0;
      square += at_of(s, i, j, 1) * at_of(s, i, j, 1) / 40000.0;
    }
    CHECK(std::abs(mean - 0.01 * drift(0, j)) < 5.0 * noise(0, j) * std::sqrt(0.01 / 40000.0));
    CHECK(std::abs(std::sqrt((square - mean * mean) / 0.01) / noise(0, j) - 1.0) < 0.03);
  }
  CHECK(std::abs(s.log_weights[static_cast<std::size_t>(s.trajectories)] - 0.01 * growth(0, 0)) < 1e-9);
}

TEST_CASE("a model comes back from its bytes and simulates the same", "[sde][archive]") {
  const NeuralSde m = lively(small(), 3);
  const std::string bytes = m.bytes();
  const NeuralSde again(bytes, "bytes");
  CHECK(again.bytes() == bytes);
  const Matrix x = cells(10, 3);
  CHECK(run(again, x, 3, 0, 1).states == run(m, x, 3, 0, 1).states);
  CHECK_THROWS_AS(NeuralSde(bytes.substr(0, bytes.size() / 2), "bytes"), Error);
  CHECK_THROWS_AS(NeuralSde("no model", "bytes"), Error);
}

TEST_CASE("weights of another shape are refused", "[sde][archive]") {
  Archive a = Archive::parse(lively(small(), 3).bytes(), "bytes");
  a.put("option.drift.hidden", {16.0, 15.0}, {2});
  try {
    NeuralSde(a.bytes(), "bytes");
    FAIL("weights of another shape were taken");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::Model);
  }
}

TEST_CASE("bad requests are named", "[sde][errors]") {
  const NeuralSde m = lively(small(), 3);
  SimulationRequest r;
  r.times = {0.0, 1.0};
  r.n_sim = 0;
  CHECK(error_argument([&] { m.simulate(cells(2, 3), r, nullptr); }) == "n.sim");
  r.n_sim = 1;
  r.times = {0.0};
  CHECK(error_argument([&] { m.simulate(cells(2, 3), r, nullptr); }) == "times");
  r.times = {0.0, 1.0};
  CHECK_THROWS_AS(m.simulate(cells(2, 4), r, nullptr), Error);
  CHECK_THROWS_AS(m.drift(cells(2, 2), 0.0), Error);
  CHECK_THROWS_AS(m.simulate(cells(2, 3), r, [] { return false; }), Interrupted);
  SdeOptions forward = small();
  forward.drift = "forward";
  CHECK_THROWS_AS(NeuralSde(forward, 3, 1).potential(cells(2, 3), 0.0), Error);
  CHECK(m.simulate(Matrix(0, 3), r, nullptr).trajectories == 0);
}
