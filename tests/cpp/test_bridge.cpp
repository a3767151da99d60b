// Training without simulation: draws from plans, targets and marginals of known bridges, gradients, threads.
#include "torch_test.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "normal_clouds.hpp"
#include "ot/plan.hpp"
#include "sde/model/neural_sde_impl.hpp"
#include "sde/train/bridge.hpp"
#include "sde/train/couplings.hpp"
#include "sde/train/trainer.hpp"

using namespace fatefield;

namespace {

SinkhornOptions plan_options(double blur, double reach = 0.0) {
  SinkhornOptions o;
  o.blur = blur;
  o.reach = reach;
  o.tolerance = 1e-9;
  o.precision = "float64";
  return o;
}

// Schroedinger bridge between N(m0, v0) and N(m1, v1) with reference sigma W on [0, 1]: the coupling is
// Gaussian with covariance c (Bunne et al., The Schroedinger bridge between Gaussian measures, AISTATS 2023).
struct GaussianBridge {
  double m0, v0, m1, v1, sigma;

  double covariance() const {
    const double s2 = sigma * sigma;
    return 0.5 * (std::sqrt(4.0 * v0 * v1 + s2 * s2) - s2);
  }
  double mean(double t) const { return (1.0 - t) * m0 + t * m1; }
  double variance(double t) const {
    return (1.0 - t) * (1.0 - t) * v0 + t * t * v1 + 2.0 * t * (1.0 - t) * covariance() +
           sigma * sigma * t * (1.0 - t);
  }
  // E[(x1 - x) / (1 - t) | x at t].
  double drift(double t, double x) const {
    const double with_end = t * v1 + (1.0 - t) * covariance();
    const double end = m1 + with_end / variance(t) * (x - mean(t));
    return (end - x) / (1.0 - t);
  }
};

// Pairs of the coupling of a Gaussian bridge, all at the place t of an interval of length 1.
BridgeBatch gaussian_pairs(const GaussianBridge& b, std::int64_t n, double t) {
  at::Tensor z = at::empty({n, 3}, at::kDouble);
  normals(3, Stream::Simulator, 0, n, 0, 3, z.data_ptr<double>());
  const double c = b.covariance();
  BridgeBatch out;
  const at::Tensor x0 = z.narrow(1, 0, 1);
  out.from = b.m0 + std::sqrt(b.v0) * x0;
  out.to = b.m1 + c / std::sqrt(b.v0) * x0 + std::sqrt(b.v1 - c * c / b.v0) * z.narrow(1, 1, 1);
  out.normals = z.narrow(1, 2, 1).contiguous();
  out.signs = at::where(out.normals > 0, at::ones_like(out.normals), -at::ones_like(out.normals));
  out.place = at::full({n}, t, at::kDouble);
  out.start = at::zeros({n}, at::kDouble);
  out.length = at::ones({n}, at::kDouble);
  return out;
}

// Slope and value at the mean of the least-squares line of y on x.
std::pair<double, double> line(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor dx = x - x.mean();
  return {(dx * y).sum().item<double>() / dx.square().sum().item<double>(), y.mean().item<double>()};
}

BridgeBatch random_batch(std::int64_t n, std::int64_t dims, bool growth) {
  BridgeBatch b;
  const auto draw = [&](std::uint64_t seed) {
    at::Tensor x = at::empty({n, dims}, at::kDouble);
    normals(seed, Stream::Simulator, 0, n, 0, dims, x.data_ptr<double>());
    return x;
  };
  b.from = draw(1);
  b.to = draw(2) + 0.5;
  b.normals = draw(3);
  b.signs = at::where(draw(4) > 0, at::ones_like(b.from), -at::ones_like(b.from));
  b.place = at::linspace(0.05, 0.95, n, at::kDouble);
  b.start = at::linspace(0.0, 0.5, n, at::kDouble);
  b.length = at::linspace(0.3, 0.5, n, at::kDouble);
  b.noise = at::linspace(0.3, 0.8, dims, at::kDouble).expand({n, dims});
  if (growth) b.log_growth = at::linspace(-0.5, 0.8, n, at::kDouble);
  b.points = bridge_points(b, b.noise);
  return b;
}

BridgeOptions random_options(std::int64_t dims) {
  BridgeOptions o;
  o.shape = 0.5;
  o.weight = at::linspace(0.5, 1.5, dims, at::kDouble);
  o.growth_penalty = 0.2;
  return o;
}

SdeOptions small_nets() {
  SdeOptions o;
  o.drift_hidden = {6};
  o.diffusion_hidden = {5};
  o.growth_hidden = {4};
  o.precision = "float64";
  return o;
}

// Two normal snapshots in one file of cells, dims columns.
struct Snapshots {
  Matrix x;
  TrainData data;

  Snapshots(std::int64_t n, std::int64_t dims, double shift, double scale) : x(2 * n, dims) {
    const std::vector<double> early = cloud(n, dims, 0.0, 1.0, 5), late = cloud(n, dims, shift, scale, 6);
    for (std::int64_t i = 0; i < 2 * n; ++i) {
      for (std::int64_t k = 0; k < dims; ++k) {
        x(i, k) = i < n ? early[static_cast<std::size_t>(i * dims + k)]
                        : late[static_cast<std::size_t>((i - n) * dims + k)];
      }
      data.time.push_back(i < n ? 0.0 : 2.0);
    }
    data.x = x;
  }
};

}  // namespace

TEST_CASE("partners are drawn with the frequencies of the plan", "[bridge][couplings]") {
  const std::vector<double> x = cloud(40, 2, 0.0, 1.0, 1), y = cloud(50, 2, 0.5, 1.0, 2);
  const SinkhornOptions o = plan_options(0.5);
  const TransportPlan plan = transport_plan<double>(view(x, 2), view(y, 2), o, 0.0);
  const std::int64_t draws = 2000;
  const Partners p = draw_partners<double>(view(x, 2), view(y, 2), o, {draws, 7, 0});
  CHECK(p.log_growth.empty());
  double worst = 0.0;
  for (std::int64_t i = 0; i < 40; ++i) {
    std::vector<double> seen(50, 0.0);
    for (std::int64_t r = 0; r < draws; ++r) seen[static_cast<std::size_t>(p.target[i * draws + r])] += 1.0;
    for (std::int64_t e = plan.start[i]; e < plan.start[i + 1]; ++e) {
      const double share = plan.mass[e] * 40.0;
      worst = std::max(worst, std::abs(seen[static_cast<std::size_t>(plan.column[e])] / draws - share));
    }
  }
  // Systematic draws miss a share by less than one draw.
  CHECK(worst <= 1.0 / draws + 1e-6);
}

TEST_CASE("single draws of many seeds have the frequencies of the plan", "[bridge][couplings]") {
  const std::vector<double> x = cloud(3, 1, 0.0, 1.0, 1), y = cloud(4, 1, 0.2, 1.0, 2);
  const SinkhornOptions o = plan_options(1.0);
  const TransportPlan plan = transport_plan<double>(view(x, 1), view(y, 1), o, 0.0);
  std::vector<double> seen(12, 0.0);
  const int n = 4000;
  for (int seed = 0; seed < n; ++seed) {
    const Partners p =
        draw_partners<double>(view(x, 1), view(y, 1), o, {1, static_cast<std::uint64_t>(seed), 9});
    for (int i = 0; i < 3; ++i) seen[static_cast<std::size_t>(i * 4 + p.target[i])] += 1.0 / n;
  }
  for (std::size_t e = 0; e < 12; ++e)
    CHECK(std::abs(seen[e] - 3.0 * plan.mass[e]) < 4.0 * 0.5 / std::sqrt(n));
}

TEST_CASE("along the pairs of an unbalanced plan both clouds keep their mass", "[bridge][couplings]") {
  const std::vector<double> x = cloud(60, 2, 0.0, 1.0, 1), y = cloud(80, 2, 1.0, 1.2, 2);
  const std::int64_t draws = 4000;
  const Partners p = draw_partners<double>(view(x, 2), view(y, 2), plan_options(0.5, 1.5), {draws, 7, 0});
  std::vector<double> arrived(80, 0.0);
  for (std::size_t e = 0; e < p.target.size(); ++e) {
    arrived[static_cast<std::size_t>(p.target[e])] += std::exp(p.log_growth[e]) / (60.0 * draws);
  }
  double total = 0.0;
  for (double v : arrived) {
    total += v;
    CHECK(v == Approx(1.0 / 80.0).margin(3e-4));
  }
  CHECK(total == Approx(1.0).margin(1e-3));
}

TEST_CASE("given masses are carried by the pairs", "[bridge][couplings]") {
  const std::vector<double> x = cloud(30, 1, 0.0, 1.0, 1), y = cloud(30, 1, 0.0, 1.0, 2);
  std::vector<double> w(30);
  for (std::size_t i = 0; i < 30; ++i) w[i] = (1.0 + static_cast<double>(i)) / 465.0;
  const Partners p = draw_partners<double>(view(x, 1, &w), view(y, 1), plan_options(0.3), {2, 7, 0});
  for (std::size_t i = 0; i < 30; ++i)
    CHECK(p.log_growth[2 * i] == Approx(std::log(30.0 * w[i])).epsilon(1e-5));
}

TEST_CASE("draws are the same bytes for 1 and 2 threads", "[bridge][couplings][identity]") {
  std::vector<float> x, y;
  for (double v : cloud(700, 5, 0.0, 1.0, 1)) x.push_back(static_cast<float>(v));
  for (double v : cloud(600, 5, 0.3, 1.0, 2)) y.push_back(static_cast<float>(v));
  Partners p[2];
  for (int threads : {1, 2}) {
    const ThreadScope scope(threads);
    SinkhornOptions o;
    o.reach = 3.0;
    p[threads - 1] = draw_partners<float>({x.data(), 700, 5}, {y.data(), 600, 5}, o, {8, 1, 0});
  }
  CHECK(p[0].target == p[1].target);
  CHECK(p[0].log_growth == p[1].log_growth);
}

TEST_CASE("the target's mean is the drift of the Schroedinger bridge between Gaussians", "[bridge]") {
  const GaussianBridge b{0.3, 0.8, 1.5, 1.7, 0.9};
  const std::int64_t n = 400000;
  for (double t : {0.2, 0.5, 0.8}) {
    const BridgeBatch batch = gaussian_pairs(b, n, t);
    const at::Tensor noise = at::full({1}, b.sigma, at::kDouble);
    const at::Tensor x = bridge_points(batch, noise);
    CHECK(x.mean().item<double>() == Approx(b.mean(t)).margin(0.01));
    CHECK(x.var().item<double>() == Approx(b.variance(t)).epsilon(0.01));
    const at::Tensor g = noise.expand({n, 1});
    const auto [slope, value] = line(x, drift_target(batch, noise, g, {}));
    const double at_mean = b.drift(t, x.mean().item<double>());
    CHECK(value == Approx(at_mean).margin(0.015));
    CHECK(slope == Approx(b.drift(t, 1.0) - b.drift(t, 0.0)).margin(0.015));
  }
}

TEST_CASE("any diffusion keeps the marginals of the bridge", "[bridge]") {
  // d variance / dt = 2 slope variance + g^2 for a process with a drift of that slope.
  const GaussianBridge b{0.0, 1.0, 0.5, 2.0, 0.7};
  const std::int64_t n = 400000;
  const double t = 0.4, h = 1e-4;
  const double change = (b.variance(t + h) - b.variance(t - h)) / (2.0 * h);
  const BridgeBatch batch = gaussian_pairs(b, n, t);
  const at::Tensor noise = at::full({1}, b.sigma, at::kDouble);
  const at::Tensor x = bridge_points(batch, noise);
  for (double g : {0.0, 0.4, 1.3}) {
    const at::Tensor diagonal = at::full({n, 1}, g, at::kDouble);
    const at::Tensor target = drift_target(batch, noise, diagonal, {});
    CHECK(2.0 * line(x, target).first * b.variance(t) + g * g == Approx(change).margin(0.05));
    const at::Tensor general = drift_target(batch, noise, diagonal.unsqueeze(2), {});
    CHECK(at::allclose(general, target));
  }
}

TEST_CASE("the gradient of bridge matching agrees with finite differences", "[bridge]") {
  struct Case {
    const char* drift;
    const char* diffusion;
    bool time_input, growth;
  };
  for (const Case& c : {Case{"potential", "diagonal", false, true}, Case{"forward", "scalar", true, false},
                        Case{"potential", "lowrank", true, true}, Case{"forward", "none", false, false}}) {
    SdeOptions sde = small_nets();
    sde.drift = c.drift;
    sde.diffusion = c.diffusion;
    sde.diffusion_rank = 2;
    sde.time_input = c.time_input;
    sde.growth = c.growth;
    const SdeNets nets(sde, 2);
    const BridgeBatch batch = random_batch(300, 2, c.growth);
    const BridgeOptions options = random_options(2);
    const BridgeJob job{nets, options, 0.0, 0, nullptr};
    std::vector<at::Tensor> p = nets.initial(4, at::kDouble);
    for (at::Tensor& w : p) w.add_(at::linspace(-0.2, 0.3, w.numel(), w.options()).view(w.sizes()));
    const BridgeValue at_p = bridge_loss(job, p, batch, true);
    // The target of the drift is held fixed: its parameters are those of the drift alone; the likelihood of
    // the diffusion holds the squared residuals of the pairs fixed.
    const auto part = [&](std::size_t i) {
      const BridgeValue v = bridge_loss(job, p, batch, false);
      const std::string& name = nets.specs()[i].name;
      if (name.find("drift") == 0) return v.drift;
      return name.find("growth") == 0 ? v.growth : v.diffusion;
    };
    for (std::size_t i = 0; i < p.size(); ++i) {
      at::Tensor flat = p[i].view({-1});
      for (std::int64_t j = 0; j < flat.numel(); j += 5) {
        const double kept = flat[j].item<double>(), h = 1e-5;
        flat[j].fill_(kept + h);
        const double up = part(i);
        flat[j].fill_(kept - h);
        const double down = part(i);
        flat[j].fill_(kept);
        const double g = at_p.gradients[i].view({-1})[j].item<double>();
        INFO(c.diffusion << " " << nets.specs()[i].name << " " << j);
        CHECK(std::abs(g - (up - down) / (2.0 * h)) < 1e-6 * (1.0 + std::abs(g)));
      }
    }
  }
}

TEST_CASE("bridge matching by fused kernels agrees with automatic differentiation", "[bridge][fused]") {
  for (const char* diffusion : {"diagonal", "scalar", "lowrank", "rank1", "none"}) {
    for (const char* drift : {"potential", "forward"}) {
      for (const double dropout : {0.0, 0.2}) {
        SdeOptions sde = small_nets();
        sde.drift = drift;
        sde.diffusion = diffusion;
        sde.diffusion_rank = 2;
        sde.time_input = dropout > 0.0;
        sde.growth = true;
        const SdeNets nets(sde, 3);
        const BridgeBatch batch = random_batch(300, 3, true);
        const BridgeOptions options = random_options(3);
        std::vector<at::Tensor> p = nets.initial(4, at::kDouble);
        for (at::Tensor& w : p) w.add_(at::linspace(-0.2, 0.3, w.numel(), w.options()).view(w.sizes()));
        BridgeJob job{nets, options, dropout, 5, nullptr};
        const BridgeValue hand = bridge_loss(job, p, batch, true);
        job.fused = false;
        const BridgeValue torch = bridge_loss(job, p, batch, true);
        INFO(diffusion << " " << drift << " " << dropout);
        CHECK(hand.total == Approx(torch.total).epsilon(1e-10));
        for (std::size_t i = 0; i < p.size(); ++i) {
          const double scale = torch.gradients[i].abs().max().item<double>();
          CHECK((hand.gradients[i] - torch.gradients[i]).abs().max().item<double>() < 1e-9 * (1.0 + scale));
        }
      }
    }
  }
}

TEST_CASE("where the drift is known, the regression is on it and the noise is that of the bridge",
          "[bridge]") {
  const SdeNets nets(small_nets(), 2);
  BridgeBatch batch = random_batch(200, 2, false);
  BridgeOptions options = random_options(2);
  options.shape = 0.0;
  const auto p = nets.initial(4, at::kDouble);
  const at::Tensor x = bridge_points(batch, batch.noise), tau = batch.start + batch.place * batch.length;
  batch.target = nets.drift(SdeWeights(p), tau, x, nullptr);
  const BridgeValue at_target = bridge_loss({nets, options, 0.0, 0, nullptr}, p, batch, true);
  CHECK(at_target.drift == Approx(0.0).margin(1e-20));
  batch.target = batch.target + 0.5;
  const BridgeValue beside = bridge_loss({nets, options, 0.0, 0, nullptr}, p, batch, true);
  const double mean_weight = options.weight.mean().item<double>();
  CHECK(beside.drift == Approx(0.25 * mean_weight * batch.length.mean().item<double>()));
}

// Brute force over all pairs of a plan a_i b_j exp(f_i + g_j - C_ij): those whose bridge is at x, weighed by
// their density there and by the mass they have by then.
TEST_CASE("a path is expected to end where the pairs of the plan that pass there end", "[bridge]") {
  const std::int64_t n = 4, m = 5, dims = 2;
  const auto draw = [&](std::uint64_t seed, std::int64_t rows, std::int64_t columns) {
    at::Tensor x = at::empty({rows, columns}, at::kDouble);
    normals(seed, Stream::Simulator, 0, rows, 0, columns, x.data_ptr<double>());
    return x;
  };
  const at::Tensor from = draw(1, n, dims), to = draw(2, m, dims) + 0.5, f = draw(3, n, 1).squeeze(1);
  const at::Tensor g = draw(4, m, 1).squeeze(1), grown = draw(5, m, 1).squeeze(1), x = draw(6, 3, dims);
  const at::Tensor sd = at::tensor({0.6, 1.1}, at::kDouble), place = at::tensor({0.1, 0.5, 0.9}, at::kDouble);
  const at::Tensor found = expected_end({to, g, grown}, x, place, sd);
  for (std::int64_t q = 0; q < 3; ++q) {
    const double t = place[q].item<double>();
    double total = 0.0;
    at::Tensor sum = at::zeros({dims}, at::kDouble);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < m; ++j) {
        const at::Tensor off = (x[q] - from[i] * (1.0 - t) - to[j] * t) / sd;
        const at::Tensor apart = (to[j] - from[i]) / sd;
        const double log_pair = (f[i] + g[j] - apart.square().sum() * 0.5).item<double>();
        const double log_there = -off.square().sum().item<double>() / (2.0 * t * (1.0 - t));
        const double weight = std::exp(log_pair + log_there + t * grown[j].item<double>());
        total += weight;
        sum = sum + to[j] * weight;
      }
    }
    CHECK((found[q] - sum / total).abs().max().item<double>() < 1e-10);
  }
}

TEST_CASE("bridge matching is the same bytes for 1 and 2 threads", "[bridge][identity]") {
  const SdeNets nets(small_nets(), 3);
  const BridgeBatch batch = random_batch(700, 3, false);
  const BridgeOptions options = random_options(3);
  const auto p = nets.initial(4, at::kDouble);
  BridgeValue v[2];
  for (int threads : {1, 2}) {
    const ThreadScope scope(threads);
    v[threads - 1] = bridge_loss({nets, options, 0.0, 0, nullptr}, p, batch, true);
  }
  CHECK(v[0].total == v[1].total);
  for (std::size_t i = 0; i < p.size(); ++i) CHECK(at::equal(v[0].gradients[i], v[1].gradients[i]));
}

TEST_CASE("a bridge between Gaussians hits mean and covariance of the end", "[bridge][recovery]") {
  const std::int64_t n = 1000;
  const Snapshots s(n, 2, 1.5, 1.4);
  for (const char* diffusion : {"diagonal", "scalar", "none"}) {
    for (const char* plan : {"snapshot", "minibatch"}) {
      SdeOptions sde;
      sde.drift = "forward";
      sde.drift_hidden = {32};
      sde.diffusion_hidden = {8};
      sde.diffusion = diffusion;
      sde.time_input = true;
      TrainOptions o;
      o.method = "bridge";
      o.bridge_plan = plan;
      o.batch_size = 256;
      o.updates = 300;
      o.learning_rate = 0.01;
      o.validation = 0.0;
      NeuralSde m(sde, 2, 3);
      const TrainReport r = fit_sde(
          m, s.data, o, 5, [](const Progress&) { return true; }, nullptr);
      CHECK(r.ended == "finished");
      Matrix start(n, 2);
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t k = 0; k < 2; ++k) start(i, k) = s.x(i, k);
      }
      SimulationRequest request;
      request.times = {0.0, 2.0};
      request.n_sim = 4;
      const Simulation paths = m.simulate(start, request, nullptr);
      const at::Tensor end = at::from_blob(const_cast<double*>(paths.states.data()) + paths.trajectories * 2,
                                           {2, paths.trajectories}, at::kDouble);
      const at::Tensor late =
          at::from_blob(const_cast<double*>(s.x.values.data()), {2, 2 * n}, at::kDouble).narrow(1, n, n);
      INFO(diffusion << " " << plan << ": mean " << end.mean(1) << " variance " << end.var(1));
      CHECK(((end.mean(1) - late.mean(1)).abs() < 0.1).all().item<bool>());
      CHECK(((end.var(1) / late.var(1) - 1.0).abs() < 0.12).all().item<bool>());
      const at::Tensor a = end - end.mean(1, true), b = late - late.mean(1, true);
      const double covariance = (a[0] * a[1]).mean().item<double>() - (b[0] * b[1]).mean().item<double>();
      CHECK(std::abs(covariance) < 0.15);
      for (const TimeDispersion& d : r.dispersion) CHECK(std::abs(d.median - 1.0) < 0.15);
    }
  }
}

TEST_CASE("rollouts after a bridge leave its diffusion as it is", "[bridge]") {
  const Snapshots s(100, 2, 1.0, 1.2);
  SdeOptions sde;
  sde.drift_hidden = {8};
  sde.diffusion_hidden = {8};
  Matrix g[2], f[2];
  for (int finish : {0, 1}) {
    TrainOptions o;
    o.method = finish ? "bridge+sinkhorn" : "bridge";
    o.updates = 20;
    o.finish_updates = 10;
    o.weight_decay = 0.0;
    NeuralSde m(sde, 2, 3);
    fit_sde(
        m, s.data, o, 5, [](const Progress&) { return true; }, nullptr);
    g[finish] = m.diffusion(s.x, 0.0);
    f[finish] = m.drift(s.x, 0.0);
  }
  for (std::size_t i = 0; i < g[0].values.size(); ++i)
    CHECK(g[1].values[i] == Approx(g[0].values[i]).epsilon(1e-4));
  CHECK(f[0].values != f[1].values);
}

TEST_CASE("every method goes on exactly where it stopped, in any stage", "[bridge][resume]") {
  const Snapshots s(80, 2, 1.0, 1.2);
  SdeOptions sde;
  sde.drift_hidden = {8};
  sde.growth = true;
  TrainOptions o;
  o.method = "bridge+sinkhorn";
  o.updates = 8;
  o.finish_updates = 4;
  for (std::int64_t stop : {3, 8, 10}) {
    NeuralSde whole(sde, 2, 2), part(sde, 2, 2);
    fit_sde(
        whole, s.data, o, 5, [](const Progress&) { return true; }, nullptr);
    const TrainReport first = fit_sde(
        part, s.data, o, 5, [&](const Progress& p) { return p.update < stop; }, nullptr);
    CHECK(first.ended == "interrupted");
    CHECK(first.updates == stop);
    NeuralSde again(part.bytes(), "bytes");
    const TrainReport rest = fit_sde(
        again, s.data, o, 5, [](const Progress&) { return true; }, nullptr);
    CHECK(rest.updates == 12);
    CHECK(again.bytes() == whole.bytes());
  }
}
