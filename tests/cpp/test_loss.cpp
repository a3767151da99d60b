// The gradient of the whole loss against finite differences, with growth, given rates, unbalanced transport
// and the control of drift against diffusion; and its independence of threads.
#include "torch_test.hpp"

#include "base/rng.hpp"
#include "base/threads.hpp"
#include "sde/train/halves.hpp"
#include "sde/train/loss.hpp"

using namespace fatefield;

namespace {

at::Tensor cloud(std::int64_t n, double shift, std::uint64_t seed) {
  at::Tensor x = at::empty({n, 2}, at::kDouble);
  normals(seed, Stream::Simulator, 0, n, 0, 2, x.data_ptr<double>());
  return x + shift;
}

struct Setting {
  SdeOptions sde;
  LossOptions loss;
  LossBatch batch;
  std::string solver = "euler";
  StepGrid grid = step_grid({0.0, 0.5, 1.0}, 0.25);
  bool kernels = true;

  explicit Setting(std::int64_t n) {
    sde.drift_hidden = {6};
    sde.diffusion_hidden = {5};
    sde.growth_hidden = {4};
    sde.precision = "float64";
    loss.sinkhorn.precision = "float64";
    loss.sinkhorn.blur = 0.5;
    loss.sinkhorn.tolerance = 1e-11;
    batch.start = cloud(n, 0.0, 1);
    batch.observed = {batch.start, cloud(n + 3, 0.4, 2), cloud(n + 5, 0.9, 3)};
    batch.times = {0.0, 0.5, 1.0};
  }

  LossValue value(const SdeNets& nets, const std::vector<at::Tensor>& p, bool gradient) const {
    const SdeSolver& solve = sde_solver(solver);
    LossJob job{nets,
                solve,
                grid,
                loss,
                [&](std::int64_t first, std::int64_t n, std::int64_t step) {
                  return philox_increment(1, static_cast<std::uint64_t>(first), step, 0.25, n,
                                          nets.brownian_dims(), solve.needs_levy, batch.start);
                },
                0.0,
                0,
                nullptr};
    job.kernels = kernels;
    return rollout_loss(job, p, batch, gradient);
  }
};

// Largest difference between the gradient and central differences over a few entries of each parameter.
double worst(const Setting& s) {
  const SdeNets nets(s.sde, 2);
  std::vector<at::Tensor> p = nets.initial(4, at::kDouble);
  for (at::Tensor& w : p) w.add_(at::linspace(-0.2, 0.3, w.numel(), w.options()).view(w.sizes()));
  const LossValue at_p = s.value(nets, p, true);
  double out = 0.0;
  const double h = 1e-5;
  for (std::size_t i = 0; i < p.size(); ++i) {
    at::Tensor flat = p[i].view({-1});
    for (std::int64_t j = 0; j < flat.numel(); j += 3) {
      const double kept = flat[j].item<double>();
      flat[j].fill_(kept + h);
      const double up = s.value(nets, p, false).total;
      flat[j].fill_(kept - h);
      const double down = s.value(nets, p, false).total;
      flat[j].fill_(kept);
      const double g = at_p.gradients[i].view({-1})[j].item<double>();
      out = std::max(out, std::abs(g - (up - down) / (2.0 * h)) / (1.0 + std::abs(g)));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("the gradient of the rollout loss agrees with finite differences", "[loss]") {
  Setting plain(20);
  CHECK(worst(plain) < 1e-5);

  Setting forward(20);
  forward.sde.drift = "forward";
  forward.sde.diffusion = "lowrank";
  forward.sde.diffusion_rank = 1;
  CHECK(worst(forward) < 1e-5);

  Setting growing(20);
  growing.sde.growth = true;
  growing.loss.growth_penalty = 0.3;
  CHECK(worst(growing) < 1e-5);

  Setting given(20);
  given.batch.growth_rate = at::linspace(-1.0, 1.0, 20, at::kDouble);
  CHECK(worst(given) < 1e-5);

  Setting unbalanced(20);
  unbalanced.sde.growth = true;
  unbalanced.loss.sinkhorn.reach = 1.0;
  CHECK(worst(unbalanced) < 1e-5);

  for (const char* solver : {"euler", "srk"}) {
    INFO(solver);
    Setting short_ways(20);
    short_ways.solver = solver;
    short_ways.loss.drift_penalty = 0.4;
    CHECK(worst(short_ways) < 1e-5);
  }

  Setting sliced(20);
  sliced.sde.growth = true;
  sliced.loss.sliced_weight = 1.5;
  CHECK(worst(sliced) < 1e-5);

  Setting halves(20);
  halves.sde.growth = true;
  halves.loss.halves = true;
  CHECK(worst(halves) < 1e-5);

  for (bool square : {true, false}) {
    Setting ratio(20);
    ratio.loss.ratio_enforce = 0.7;
    ratio.loss.ratio_square = square;
    CHECK(worst(ratio) < 1e-5);
  }
}

TEST_CASE("the loss and its gradient are the same bytes for 1 and 2 threads", "[loss][identity]") {
  Setting s(600);
  s.sde.growth = true;
  s.loss.ratio_enforce = 1.0;
  s.loss.sinkhorn.tolerance = 0.0;
  const SdeNets nets(s.sde, 2);
  const auto p = nets.initial(4, at::kDouble);
  LossValue one, two;
  {
    const ThreadScope scope(1);
    one = s.value(nets, p, true);
  }
  {
    const ThreadScope scope(2);
    two = s.value(nets, p, true);
  }
  CHECK(one.total == two.total);
  for (std::size_t i = 0; i < p.size(); ++i) CHECK(at::equal(one.gradients[i], two.gradients[i]));
}

TEST_CASE("halves of clouds do not reward shrinking", "[loss][halves]") {
  const std::int64_t n = 64, dims = 20, repeats = 30;
  SinkhornOptions o;
  o.precision = "float64";
  o.blur = 0.3;
  double value = 0.0, slope[2] = {0.0, 0.0};
  for (std::int64_t r = 0; r < repeats; ++r) {
    std::vector<double> x(static_cast<std::size_t>(n * dims)), y(x.size());
    normals(10, Stream::Simulator, 0, n, static_cast<std::uint32_t>(2 * r), dims, x.data());
    normals(10, Stream::Simulator, 0, n, static_cast<std::uint32_t>(2 * r + 1), dims, y.data());
    const Cloud<double> a{x.data(), n, dims}, b{y.data(), n, dims};
    const auto halves = halves_divergence(a, b, o, true), self = sinkhorn_divergence(a, b, o, true);
    value += halves.value / repeats;
    // Derivative in the scale of x, per unit of its variance.
    for (std::size_t i = 0; i < x.size(); ++i) {
      slope[0] += halves.grad_x[i] * x[i] / (repeats * dims);
      slope[1] += self.grad_x[i] * x[i] / (repeats * dims);
    }
  }
  CHECK(std::abs(value) < 0.1);
  CHECK(std::abs(slope[0]) < 0.02);
  CHECK(slope[1] > 0.2);
}

TEST_CASE("halves of one cloud and its copy cost what one-point transport says", "[loss][halves]") {
  // All points of x at 0 and of y at 1 in one dimension: the cost between them is 1 / 2, within them 0.
  const std::vector<double> x(32, 0.0), y(32, 1.0);
  SinkhornOptions o;
  const auto r = halves_divergence<double>({x.data(), 32, 1}, {y.data(), 32, 1}, o, true);
  CHECK(r.value == Approx(0.5));
  for (double g : r.grad_x) CHECK(g == Approx(-1.0 / 32.0));
}

TEST_CASE("the control of drift against diffusion does not depend on the step", "[loss]") {
  Setting s(200);
  s.loss.ratio_enforce = 1.0;
  const SdeNets nets(s.sde, 2);
  const auto p = nets.initial(4, at::kDouble);
  const LossValue coarse = s.value(nets, p, false);
  s.grid = step_grid({0.0, 0.5, 1.0}, 0.05);
  const LossValue fine = s.value(nets, p, false);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(coarse.drift[k] / coarse.diffusion[k] == Approx(fine.drift[k] / fine.diffusion[k]).epsilon(0.1));
  }
}

TEST_CASE("the loss by operations of LibTorch alone, as on a GPU, is that of the kernels", "[loss]") {
  std::vector<Setting> settings(4, Setting(300));
  settings[1].sde.growth = true;
  settings[1].loss.growth_penalty = 0.3;
  settings[1].loss.sinkhorn.reach = 1.0;
  settings[2].loss.ratio_enforce = 2.0;
  settings[2].loss.drift_penalty = 0.1;
  settings[2].batch.growth_rate = settings[2].batch.start.select(1, 0).contiguous();
  settings[3].sde.diffusion = "lowrank";
  settings[3].sde.diffusion_rank = 2;
  settings[3].sde.growth = true;
  for (Setting& s : settings) {
    s.loss.sinkhorn.tolerance = 0.0;
    s.loss.sliced_weight = 0.7;
    const SdeNets nets(s.sde, 2);
    const std::vector<at::Tensor> p = nets.initial(4, at::kDouble);
    const LossValue expected = s.value(nets, p, true);
    s.kernels = false;
    const LossValue found = s.value(nets, p, true);
    CHECK(found.total == Approx(expected.total).epsilon(1e-9));
    CHECK(found.sliced[1] == Approx(expected.sliced[1]).epsilon(1e-9));
    CHECK(s.value(nets, p, false).total == Approx(expected.total).epsilon(1e-9));
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double size = 1e-6 + expected.gradients[i].norm().item<double>();
      CHECK((found.gradients[i] - expected.gradients[i]).norm().item<double>() / size < 1e-8);
    }
  }
}
