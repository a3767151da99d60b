// One whole training step of the published method, fed with stored weights and Brownian increments: predicted
// states, divergences, penalty, every gradient and the weights after clipping and one step of the optimiser.
#include "golden_tensors.hpp"
#include "torch_test.hpp"

#include <ATen/ATen.h>

#include "sde/model/nets.hpp"
#include "sde/train/loss.hpp"
#include "sde/train/state.hpp"

using namespace fatefield;

namespace {

const std::string kGroup = "scdiffeq_step/";

// The stored name of one of our parameters: "drift" is mu, "diffusion" is sigma, layers hold a linear map.
std::string stored_name(const std::string& ours) {
  const bool drift = ours.compare(0, 5, "drift") == 0;
  const std::string rest = ours.substr(ours.find('.') + 1);
  const std::size_t dot = rest.find('.');
  return std::string("DiffEq.") + (drift ? "mu." : "sigma.") + rest.substr(0, dot) + ".linear." +
         rest.substr(dot + 1);
}

double furthest(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

SdeOptions published(std::int64_t drift_width, std::int64_t diffusion_width) {
  SdeOptions o = published_sde_options();
  o.drift_hidden = {drift_width, drift_width};
  o.diffusion_hidden = {diffusion_width, diffusion_width};
  o.precision = "float64";
  return o;
}

}  // namespace

TEST_CASE("the published networks have 293,618 parameters at 50 dimensions", "[scdiffeq]") {
  CHECK(SdeNets(published_sde_options(), 50).parameter_count() == 293618);
}

TEST_CASE("a published training step is reproduced to 1e-9", "[scdiffeq][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  const SdeNets nets(published(32, 16), 10);
  std::vector<at::Tensor> parameters;
  for (const ParameterSpec& s : nets.specs()) {
    parameters.push_back(golden_tensor(golden, kGroup + "param0." + stored_name(s.name)));
    REQUIRE(parameters.back().sizes() == at::IntArrayRef(s.shape));
  }
  const at::Tensor x = golden_tensor(golden, kGroup + "X");
  LossBatch batch;
  batch.times = golden.read(kGroup + "t").values;
  for (std::size_t k = 0; k < batch.times.size(); ++k) {
    batch.observed.push_back(x.select(1, static_cast<std::int64_t>(k)).contiguous());
  }
  batch.start = batch.observed[0];
  // Stored: exp((t_k - t_0) w).
  const at::Tensor grown = golden_tensor(golden, kGroup + "W_growth").select(1, 1).squeeze(1);
  batch.growth_rate = grown.log() / (batch.times[1] - batch.times[0]);
  LossOptions options;
  options.published = true;
  options.sinkhorn.blur = golden_number(golden, kGroup + "blur");
  options.sinkhorn.scaling = golden_number(golden, kGroup + "scaling");
  options.sinkhorn.precision = "float64";
  options.ratio_enforce = 100.0;
  options.ratio_factor = golden_number(golden, kGroup + "dt");
  const StepGrid grid = published_grid(batch.times, options.ratio_factor, ClockPrecision::Double);
  REQUIRE(grid.steps() == 41);
  const at::Tensor dW = golden_tensor(golden, kGroup + "bm_dW");
  const SdeSolver& solver = sde_solver("euler");
  const LossJob job{nets,
                    solver,
                    grid,
                    options,
                    [&](std::int64_t first, std::int64_t n, std::int64_t step) {
                      return Increment{dW[step].narrow(0, first, n), {}};
                    },
                    0.0,
                    0,
                    nullptr};
  LossValue v = rollout_loss(job, parameters, batch, true);

  const at::Tensor states = golden_tensor(golden, kGroup + "X_hat");
  const std::vector<double> sinkhorn = golden.read(kGroup + "sinkhorn").values;
  const std::vector<double> ratio = golden.read(kGroup + "velocity_ratio").values;
  for (std::size_t k = 0; k < batch.times.size(); ++k) {
    CHECK(furthest(v.states[k], states[static_cast<std::int64_t>(k)]) < 1e-9);
    CHECK(std::abs(v.sinkhorn[k] - sinkhorn[k]) < 1e-9);
    const double miss = 2.5 - v.drift[k] / v.diffusion[k];
    CHECK(std::abs(100.0 * miss * miss - ratio[k]) < 1e-9);
  }
  CHECK(std::abs(v.total - golden_number(golden, kGroup + "loss")) < 1e-8);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    INFO(nets.specs()[i].name);
    CHECK(furthest(v.gradients[i],
                   golden_tensor(golden, kGroup + "grad." + stored_name(nets.specs()[i].name))) < 1e-9);
  }
  Optimizer optimizer("rmsprop", 0.0, parameters);
  const double norm = clip_gradients(v.gradients, 0.5);
  CHECK(std::abs(norm - golden_number(golden, kGroup + "grad_norm")) < 1e-8);
  optimizer.step(parameters, v.gradients, 1e-4);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    INFO(nets.specs()[i].name);
    CHECK(furthest(parameters[i],
                   golden_tensor(golden, kGroup + "param1." + stored_name(nets.specs()[i].name))) < 1e-9);
  }
}
