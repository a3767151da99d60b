// One training step and one simulation, by the hand-written pass and by LibTorch's automatic differentiation,
// beside the products of matrices that they need. Built and run by bench/run.sh step.
//   bench/out/step [threads] [file.json] [part of a case's name] [repeats]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "base/memory.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "measure.hpp"
#include "products.hpp"
#include "sde/model/neural_sde.hpp"
#include "sde/model/rollout.hpp"
#include "sde/train/loss.hpp"
#include "sde/train/optimizer.hpp"

using namespace fatefield;

namespace {

int repeats = 5;
std::string only;  // part of the names of the cases to run; empty for all

bool wanted(const std::string& name) { return name.find(only) != std::string::npos; }

bench::Results* results = nullptr;

at::Tensor points(std::int64_t n, std::int64_t d, std::uint64_t seed, double spread) {
  at::Tensor x = at::empty({n, d}, at::kFloat);
  normals(seed, Stream::Simulator, 0, n, 0, d, x.data_ptr<float>());
  return x * (spread * at::pow(at::arange(1, d + 1, at::kFloat), -0.5));
}

double macs(const MlpShape& s) {
  double out = 0.0, from = static_cast<double>(s.inputs);
  for (std::int64_t w : s.hidden) {
    out += from * static_cast<double>(w);
    from = static_cast<double>(w);
  }
  return out + from * static_cast<double>(s.outputs);
}

// Floating-point operations of products that a step cannot do without, per row and evaluation: of values, and
// of values and gradients.
struct Work {
  double forward, both;
};
Work of_networks(const SdeLayout& o) {
  const bool bends = o.drift_net.activation != Activation::LeakyRelu;
  const double drift = 2.0 * macs(o.drift_net),
               diffusion = o.has_diffusion() ? 2.0 * macs(o.diffusion_net) : 0.0;
  if (!o.potential) return {drift + diffusion, 3.0 * (drift + diffusion)};
  return {2.0 * drift + diffusion, (bends ? 6.0 : 4.0) * drift + 3.0 * diffusion};
}

struct Case {
  const char* name;
  SdeOptions sde;
  LossOptions loss;
  std::int64_t cells, dims;
  double dropout;
};

void print(const char* name, const char* engine, const bench::Cost& cost, double forward, double flop,
           double peak) {
  std::cout << std::left << std::setw(41) << name << std::setw(10) << engine << std::right << std::fixed
            << std::setprecision(4) << std::setw(9) << cost.seconds << std::setw(11) << cost.processor
            << std::setw(9) << forward << std::setprecision(1) << std::setw(9) << flop / 1e9 << std::setw(9)
            << flop / cost.seconds / 1e9 << std::setw(7) << 100.0 * flop / cost.seconds / peak << "%"
            << std::setw(9) << cost.megabytes << std::endl;
}

void step(const Case& c, double peak) {
  const SdeNets nets(c.sde, c.dims);
  std::vector<at::Tensor> p = nets.initial(1, at::kFloat);
  const SdeSolver& solver = sde_solver("euler");
  LossBatch batch;
  const double scale = c.sde.compat == "scdiffeq" ? 1.0 : 0.25;
  for (int k = 0; k < 3; ++k) batch.observed.push_back(points(c.cells, c.dims, 10 + k, 2.0 + k));
  batch.start = batch.observed[0];
  batch.times = {2.0 * scale, 4.0 * scale, 6.0 * scale};
  const StepGrid grid =
      c.sde.compat == "scdiffeq" ? published_grid(batch.times, 0.1) : step_grid(batch.times, 0.1 * scale);
  LossJob job{nets,
              solver,
              grid,
              c.loss,
              [&](std::int64_t first, std::int64_t n, std::int64_t k) {
                return philox_increment(1, static_cast<std::uint64_t>(first), k, grid.h[k], n,
                                        nets.brownian_dims(), false, batch.start);
              },
              c.dropout,
              3,
              nullptr};
  Optimizer optimizer("rmsprop", 0.0, p);
  const double rows = static_cast<double>(c.cells * grid.steps());
  const double flop = rows * of_networks(nets.layout()).both;
  for (const bool fused : {true, false}) {
    const std::string name = std::string(c.name) + (fused ? ", fused" : ", autograd");
    if (!wanted(name)) continue;
    job.fused = fused;
    const KeepMemory keep;
    const bench::Cost whole = bench::best_of(repeats, [&] {
      LossValue v = rollout_loss(job, p, batch, true);
      clip_gradients(v.gradients, 0.5);
      optimizer.step(p, v.gradients, 1e-6);
    });
    const c10::NoGradGuard none;
    const bench::Cost forward = bench::best_of(repeats, [&] { rollout_loss(job, p, batch, false); });
    print(c.name, fused ? "fused" : "autograd", whole, forward.seconds, flop, peak);
    results->add(name, whole);
  }
}

void simulation(const char* name, const SdeOptions& o, std::int64_t cells, double peak) {
  if (!wanted(name)) return;
  NeuralSde model(o, 50, 1);
  Matrix x0(cells, 50);
  for (std::size_t i = 0; i < x0.values.size(); ++i)
    x0.values[i] = static_cast<double>(i * 7919 % 1000) / 250.0 - 2.0;
  SimulationRequest request;
  request.times = {0.0, 40.0 * o.dt > 0.0 ? 40.0 * o.dt : 1.0};
  const bench::Cost cost = bench::best_of(repeats, [&] { model.simulate(x0, request, nullptr); });
  const double flop = static_cast<double>(cells) * 40.0 * of_networks(SdeLayout(o, 50)).forward;
  print(name, "fused", cost, cost.seconds, flop, peak);
  results->add(name, cost);
}

}  // namespace

int main(int argc, char** argv) {
  const int team = argc > 1 ? std::atoi(argv[1]) : available_cores();
  if (argc > 3) only = argv[3];
  if (argc > 4) repeats = std::atoi(argv[4]);
  at::set_num_threads(team);
  const double blas = bench::gemm_peak();
  const TorchThreadScope one_thread;
  const ThreadScope scope(team);
  bench::Results found("step", team);
  results = &found;
  const double kernel = bench::kernel_peak();
  found.add("product of matrices, LibTorch, 2048", blas, "FLOP/s");
  found.add("product of matrices, our kernel in the cache", kernel, "FLOP/s");
  std::cout << team << " threads; torch.mm at 2048: " << blas / 1e9 << " GFLOP/s; "
            << dense_kernels<float>().name << " kernel in cache: " << kernel / 1e9 << " GFLOP/s\n"
            << "of it: share of LibTorch's product\n"
            << "                                                           s  processor  forward    GFLOP  "
               "GFLOP/s   of it       MB\n";
  SdeOptions smooth = published_sde_options();
  smooth.drift_activation = "softplus";
  smooth.diffusion = "diagonal";
  smooth.diffusion_activation = "softplus";
  smooth.dropout = 0.0;
  smooth.compat = "none";
  LossOptions published, plain;
  published.sinkhorn.blur = plain.sinkhorn.blur = 0.05;
  published.sinkhorn.scaling = plain.sinkhorn.scaling = 0.5;
  published.published = true;
  published.ratio_enforce = 100.0;
  published.ratio_factor = 0.1;
  step({"scDiffEq's default, 2000 x 3, 50-D", published_sde_options(), published, 2000, 50, 0.1}, blas);
  step({"smooth 512 x 512, 2000 x 3, 50-D", smooth, plain, 2000, 50, 0.0}, blas);
  step({"default nets, 512 x 3, 50-D", SdeOptions(), plain, 512, 50, 0.0}, blas);
  step({"default nets, 512 x 3, 2-D", SdeOptions(), plain, 512, 2, 0.0}, blas);
  simulation("simulate 10,000 x 40, 512 x 512 potential", smooth, 10000, blas);
  simulation("simulate 10,000 x 40, default nets", SdeOptions(), 10000, blas);
  if (argc > 2) found.write(argv[2]);
}
