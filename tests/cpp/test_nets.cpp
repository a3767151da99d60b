// Networks: gradients against finite differences, curl-free drift, living biases, positive noise.
#include "test.hpp"

#include "base/error.hpp"
#include "base/rng.hpp"
#include "sde/model/nets.hpp"

using namespace fatefield;

namespace {

at::Tensor cloud(std::int64_t n, std::int64_t d, std::uint64_t seed) {
  at::Tensor x = at::empty({n, d}, at::kDouble);
  normals(seed, Stream::Simulator, 0, n, 0, d, x.data_ptr<double>());
  return x;
}

SdeOptions small(const std::string& activation) {
  SdeOptions o;
  o.drift_hidden = {9, 7};
  o.drift_activation = activation;
  o.precision = "float64";
  return o;
}

at::Tensor shifted(const at::Tensor& x, std::int64_t column, double by) {
  at::Tensor y = x.clone();
  y.select(1, column).add_(by);
  return y;
}

}  // namespace

TEST_CASE("the drift is the gradient of its potential", "[nets]") {
  const at::Tensor x = cloud(11, 4, 1);
  for (const char* activation : {"softplus", "silu", "tanh", "leakyrelu"}) {
    INFO(activation);
    for (bool time : {false, true}) {
      SdeOptions o = small(activation);
      o.time_input = time;
      const SdeNets nets(o, 4);
      const auto p = nets.initial(3, at::kDouble);
      const at::Tensor f = nets.drift(p, 0.4, x, nullptr);
      REQUIRE(f.size(1) == 4);
      for (std::int64_t j = 0; j < 4; ++j) {
        const double h = 1e-6;
        const at::Tensor slope =
            (nets.potential(p, 0.4, shifted(x, j, h)) - nets.potential(p, 0.4, shifted(x, j, -h))) /
            (2.0 * h);
        CHECK((f.select(1, j) - slope).abs().max().item<double>() < 1e-8);
      }
    }
  }
}

TEST_CASE("a smooth potential drift is free of curl and its biases learn", "[nets]") {
  const SdeNets nets(small("softplus"), 3);
  std::vector<at::Tensor> p = nets.initial(5, at::kDouble);
  at::Tensor x = cloud(1, 3, 2);
  const double h = 1e-5;
  at::Tensor jacobian = at::empty({3, 3}, at::kDouble);
  for (std::int64_t j = 0; j < 3; ++j) {
    jacobian.select(1, j).copy_(
        ((nets.drift(p, 0, shifted(x, j, h), nullptr) - nets.drift(p, 0, shifted(x, j, -h), nullptr)) /
         (2.0 * h))[0]);
  }
  CHECK((jacobian - jacobian.t()).abs().max().item<double>() < 1e-6);

  for (at::Tensor& w : p) w.set_requires_grad(true);
  const at::Tensor sum = nets.drift(p, 0, cloud(20, 3, 3), nullptr).square().sum();
  const auto g = torch::autograd::grad({sum}, {p[1], p[3]});
  CHECK(g[0].abs().max().item<double>() > 1e-6);
  CHECK(g[1].abs().max().item<double>() > 1e-6);
}

TEST_CASE("a leaky potential drift is piecewise constant: its biases stay, as in the original",
          "[nets][compat]") {
  const SdeNets nets(small("leakyrelu"), 3);
  std::vector<at::Tensor> p = nets.initial(5, at::kDouble);
  for (at::Tensor& w : p) w.set_requires_grad(true);
  const at::Tensor sum = nets.drift(p, 0, cloud(20, 3, 3), nullptr).square().sum();
  const auto g = torch::autograd::grad({sum}, {p[1]}, {}, false, false, true);
  CHECK((!g[0].defined() || g[0].abs().max().item<double>() == 0.0));
}

TEST_CASE("every diffusion has its shape and spread", "[nets]") {
  const at::Tensor x = cloud(6, 3, 4);
  SdeOptions o = small("softplus");
  o.diffusion_init = 0.7;
  for (const char* kind : {"diagonal", "scalar"}) {
    o.diffusion = kind;
    const SdeNets nets(o, 3);
    const at::Tensor g = nets.diffusion(nets.initial(1, at::kDouble), 0, x, nullptr);
    CHECK(g.sizes() == at::IntArrayRef({6, 3}));
    CHECK(g.min().item<double>() > 0.0);
    CHECK((g - 0.7).abs().max().item<double>() < 0.1);
  }
  o.diffusion = "scalar";
  const SdeNets scalar(o, 3);
  const at::Tensor g = scalar.diffusion(scalar.initial(1, at::kDouble), 0, x, nullptr);
  CHECK((g.select(1, 0) - g.select(1, 2)).abs().max().item<double>() == 0.0);
  o.diffusion = "lowrank";
  o.diffusion_rank = 2;
  const SdeNets low(o, 3);
  CHECK(low.brownian_dims() == 2);
  CHECK(low.diffusion(low.initial(1, at::kDouble), 0, x, nullptr).sizes() == at::IntArrayRef({6, 3, 2}));
  o.diffusion = "none";
  const SdeNets none(o, 3);
  CHECK(none.spread(none.initial(1, at::kDouble), 0, x, nullptr).abs().max().item<double>() == 0.0);
}

TEST_CASE("dropout scales what it keeps, and is absent without a mask", "[nets]") {
  SdeOptions o = small("softplus");
  o.drift = "forward";
  const SdeNets nets(o, 3);
  const auto p = nets.initial(1, at::kDouble);
  const at::Tensor x = cloud(1, 3, 5).expand({4000, 3});
  Dropout none;
  CHECK(at::equal(nets.drift(p, 0, x, &none), nets.drift(p, 0, x, nullptr)));
  Dropout half;
  half.rate = 0.5;
  half.seed = 7;
  const at::Tensor f = nets.drift(p, 0, x, &half);
  CHECK(f.std(0).min().item<double>() > 0.0);
}

TEST_CASE("options of the networks that cannot be are named", "[nets][errors]") {
  const auto argument = [](const SdeOptions& o) {
    try {
      SdeNets(o, 3);
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("none");
  };
  SdeOptions o;
  o.drift = "sideways";
  CHECK(argument(o) == "drift");
  o = SdeOptions();
  o.diffusion = "full";
  CHECK(argument(o) == "diffusion");
  o = SdeOptions();
  o.drift_activation = "relu6";
  CHECK(argument(o) == "drift.activation");
  o = SdeOptions();
  o.drift_hidden = {8, 0};
  CHECK(argument(o) == "drift.hidden");
  o = SdeOptions();
  o.diffusion = "lowrank";
  o.diffusion_rank = 4;
  CHECK(argument(o) == "diffusion.rank");
  o = SdeOptions();
  o.dropout = 1.0;
  CHECK(argument(o) == "dropout");
  o = SdeOptions();
  o.diffusion_init = 0.0;
  CHECK(argument(o) == "diffusion.init");
}
