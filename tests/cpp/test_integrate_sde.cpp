// A neural SDE as an ordinary equation: its drift, and the probability flow against clouds that are known.
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "paths.hpp"
#include "paths/sde.hpp"
#include "sde/model/neural_sde.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

constexpr double kRate = 0.8, kNoise = 0.6, kStart = 2.0;

// Variance of the Ornstein-Uhlenbeck process dx = -rate x dt + noise dW from N(0, start^2).
double variance_at(double t) {
  const double rest = kNoise * kNoise / (2 * kRate);
  return rest + (kStart * kStart - rest) * std::exp(-2 * kRate * t);
}

Matrix normal_cloud(std::int64_t n, std::int64_t dims, double sd, std::uint64_t seed) {
  Matrix out(n, dims);
  std::vector<double> z(static_cast<std::size_t>(n * dims));
  normals<double>(seed, Stream::Simulator, 0, n, 0, dims, z.data());
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t d = 0; d < dims; ++d) out(i, d) = sd * z[i * dims + d];
  }
  return out;
}

Matrix decay_of(const MatrixView& x, const std::vector<double>&) {
  Matrix out(x.rows, x.cols);
  for (std::size_t e = 0; e < out.values.size(); ++e) out.values[e] = -kRate * x.data[e];
  return out;
}

std::vector<FutureCloud> known_clouds(std::int64_t points, std::int64_t dims) {
  std::vector<FutureCloud> out;
  for (int k = 0; k <= 20; ++k) {
    FutureCloud c{0.1 * k, normal_cloud(points, dims, std::sqrt(variance_at(0.1 * k)), 7 + k),
                  Matrix(points, dims)};
    std::fill(c.variance.values.begin(), c.variance.values.end(), kNoise * kNoise);
    out.push_back(std::move(c));
  }
  return out;
}

double mean_square(const Paths& p, std::int64_t time) {
  double sum = 0;
  for (std::int64_t i = 0; i < p.n; ++i) {
    for (std::int64_t d = 0; d < p.dims; ++d) sum += state_of(p, i, d, time) * state_of(p, i, d, time);
  }
  return sum / static_cast<double>(p.n * p.dims);
}

SdeOptions small_model(bool with_time) {
  SdeOptions o;
  o.drift = "forward";
  o.drift_hidden = {16};
  o.diffusion = "none";
  o.time_input = with_time;
  o.precision = "float64";
  o.dt = 0.0005;
  return o;
}

}  // namespace

TEST_CASE("the probability flow gives a cloud the variance of the process", "[integrate][sde]") {
  for (const std::int64_t dims : {1, 20}) {
    INFO(dims);
    const SdeDynamics flow(dims, decay_of, 1.0, known_clouds(1000, dims));
    const Matrix start = normal_cloud(100, dims, kStart, 99);
    IntegrateOptions o = plain_options("rk4");
    o.dt = 0.1;
    const Paths p = integrated(flow, start, {0, 0.5, 1, 2}, o);
    const double drawn = mean_square(p, 0) / (kStart * kStart);
    for (const auto& [k, t] : {std::pair<int, double>{1, 0.5}, {2, 1.0}, {3, 2.0}})
      CHECK(mean_square(p, k) / drawn == Approx(variance_at(t)).epsilon(0.03));
    // The drift alone draws the cloud together; backward the flow spreads it as it was.
    const SdeDynamics drift(dims, decay_of, 1.0);
    CHECK(mean_square(integrated(drift, start, {0, 2}, o), 1) ==
          Approx(mean_square(p, 0) * std::exp(-4 * kRate)).epsilon(1e-3));
    Matrix end(p.n, dims);
    for (std::int64_t i = 0; i < p.n; ++i) {
      for (std::int64_t d = 0; d < dims; ++d) end(i, d) = state_of(p, i, d, 3);
    }
    const Paths back = integrated(flow, end, {2, 0}, o);
    CHECK(state_of(back, 5, 0, 1) == Approx(start(5, 0)).epsilon(1e-3));
  }
}

TEST_CASE("derivatives of a drift are differences of it", "[integrate][sde]") {
  const SdeDynamics drift(3, decay_of, 1.0);
  const std::vector<double> t = {0, 0}, x = {1, 2, 3, -1, 0, 4}, delta = {1, 0, 2, 0, 0, 0};
  std::vector<double> out(6);
  drift.jvp(2, t.data(), x.data(), delta.data(), out.data(), *drift.workspace());
  for (int e = 0; e < 6; ++e) CHECK(out[e] == Approx(-kRate * delta[e]).margin(1e-9));
}

TEST_CASE("integrating the drift of a model is simulating it without noise", "[integrate][sde]") {
  for (const bool with_time : {false, true}) {
    INFO(with_time);
    const NeuralSde model(small_model(with_time), 3, 5);
    const Matrix start = normal_cloud(4, 3, 1.0, 3);
    const std::vector<double> times = {0.1, 0.4, 0.9};
    SimulationRequest request;
    request.times = times;
    const Simulation simulated = model.simulate(start, request, {});
    const Paths p = integrated(drift_dynamics(model), start, times, plain_options("dopri5", 1e-8, 1e-10));
    for (std::size_t e = 0; e < p.states.size(); ++e)
      CHECK(p.states[e] == Approx(simulated.states[e]).margin(1e-3));
    // A time for each row is that time for each row.
    const std::vector<double> each = {0.0, 0.3, 0.3, 1.0};
    const Matrix rows = model.drift(start, each);
    for (std::int64_t i = 0; i < 4; ++i) {
      const Matrix one = model.drift(start, each[i]);
      for (std::int64_t d = 0; d < 3; ++d) CHECK(rows(i, d) == Approx(one(i, d)).epsilon(1e-12));
    }
  }
}

TEST_CASE("a path along a drift is the same bytes alone and among others", "[integrate][sde]") {
  SdeOptions o = small_model(true);
  o.precision = "float32";
  const NeuralSde model(o, 3, 5);
  const SdeDynamics drift = drift_dynamics(model);
  const Matrix start = normal_cloud(300, 3, 1.0, 3);
  const Paths together = integrated(drift, start, {0, 0.7, 1}, plain_options("dopri5"));
  for (const std::int64_t i : {0, 1, 257, 299}) {
    const Paths alone = integrated(drift, starts_of(3, {start(i, 0), start(i, 1), start(i, 2)}), {0, 0.7, 1},
                                   plain_options("dopri5"));
    for (std::int64_t d = 0; d < 3; ++d) CHECK(state_of(alone, 0, d, 2) == state_of(together, i, d, 2));
  }
}

TEST_CASE("a model's probability flow is made of its own simulations", "[integrate][sde]") {
  SdeOptions o = small_model(false);
  o.diffusion = "diagonal";
  o.dt = 0.02;
  const NeuralSde model(o, 2, 5);
  FlowRequest request;
  const Matrix population = normal_cloud(700, 2, 1.0, 3);
  request.population = population;
  request.points = 700;
  request.clouds = 11;
  const SdeDynamics flow = flow_dynamics(model, request, {});
  SimulationRequest simulate;
  simulate.times = {0, 1};
  simulate.seed = 77;
  const Simulation wanted = model.simulate(population, simulate, {});
  IntegrateOptions rk4 = plain_options("rk4");
  rk4.dt = 0.05;
  const Paths p = integrated(flow, population, {0, 1}, rk4);
  double square = 0;
  for (std::size_t e = wanted.states.size() / 2; e < wanted.states.size(); ++e)
    square += wanted.states[e] * wanted.states[e] / 1400;
  CHECK(mean_square(p, 1) == Approx(square).epsilon(0.08));
  o.diffusion = "lowrank";
  o.diffusion_rank = 2;
  const NeuralSde low(o, 2, 5);
  std::string argument;
  try {
    flow_dynamics(low, request, {});
  } catch (const Error& e) {
    argument = e.argument();
  }
  CHECK(argument == "path");
}
