// Networks: gradients against finite differences, curl-free drift, living biases, positive noise.
#include "torch_test.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/aligned.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"
#include "nets/dense.hpp"
#include "nets/mlp.hpp"
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

// A network of two executors on the same numbers.
struct Executors {
  Executors(Activation activation, std::vector<std::int64_t> hidden, std::int64_t outputs,
            at::ScalarType type, std::int64_t plain = -1)
      : shape{5, std::move(hidden), outputs, true, activation, plain},
        net(shape),
        x(cloud(21, 5, 3).to(type)) {
    std::uint64_t number = 0;
    for (const ParameterSpec& spec : parameter_specs("net", shape)) {
      at::Tensor w = at::empty(spec.shape, at::kDouble);
      draw_weights(4, Stream::Init, number++, 0.6, w.numel(), w.data_ptr<double>());
      p.push_back(w.to(type).set_requires_grad(true));
    }
    x.set_requires_grad(true);
  }

  using Ask = at::Tensor (Mlp::*)(const MlpWeights&, const at::Tensor&, Dropout*) const;

  // Values, gradients in x and the parameters, and gradients of the size of that in x.
  std::vector<at::Tensor> answers(Ask ask, bool fused, double rate) const {
    const MlpWeights w{p.data(), fused ? net.pack(p.data()) : nullptr};
    Dropout dropout{rate, 7, 3, 2};
    std::vector<at::Tensor> inputs = {x}, out;
    inputs.insert(inputs.end(), p.begin(), p.end());
    // States of a simulation hold the parameters themselves, from earlier steps.
    const at::Tensor state = x * (1.0 + p[0].mean());
    const at::Tensor y = (net.*ask)(w, state, &dropout);
    out.push_back(y.detach());
    out.push_back(at::full({1}, static_cast<double>(dropout.masks), at::kDouble));
    const at::Tensor g = at::linspace(-1.0, 1.5, y.numel(), y.options()).view(y.sizes());
    for (const at::Tensor& t : torch::autograd::grad({y}, inputs, {g}, true, false, true)) out.push_back(t);
    const at::Tensor slope = torch::autograd::grad({y}, {state}, {g}, true, true, true)[0];
    if (!slope.defined() || !slope.requires_grad()) return out;
    for (const at::Tensor& t : torch::autograd::grad({slope.square().sum()}, inputs, {}, true, false, true))
      out.push_back(t);
    return out;
  }

  // Largest difference between the executors, relative to the largest entry of each answer.
  double difference(Ask ask, double rate) const {
    const std::vector<at::Tensor> by_kernels = answers(ask, true, rate), plain = answers(ask, false, rate);
    if (by_kernels.size() != plain.size()) return INFINITY;
    double worst = 0.0;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      // What does not depend on an input may be told as nothing or as zeros.
      const at::Tensor a = by_kernels[i].defined() ? by_kernels[i] : at::zeros({1}),
                       b = plain[i].defined() ? plain[i] : at::zeros({1});
      const double scale = 1e-3 + b.abs().max().item<double>();
      worst = std::max(worst, (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>() / scale);
    }
    return worst;
  }

  // The same of the layers' changes along a direction and of their way back, by the kernels against
  // LibTorch's derivative of a derivative.
  template <typename T>
  double chain_difference() const {
    const at::Tensor y = net.forward({p.data(), nullptr}, x, nullptr),
                     dx = cloud(21, 5, 9).to(x.scalar_type());
    const at::Tensor seed = at::zeros_like(y).requires_grad_(true);
    const at::Tensor back = torch::autograd::grad({y}, {x}, {seed}, true, true)[0];
    const at::Tensor expected = torch::autograd::grad({back}, {seed}, {dx}, true)[0];
    std::vector<const T*> weights;
    for (const at::Tensor& w : p) weights.push_back(w.data_ptr<T>());
    const Dense<T> dense(shape, weights.data());
    const LayerChain<T>& chain = dense.layers();
    const std::int64_t n = 21, ld = chain.input_stride(), depth = chain.depth();
    Aligned<T> from(static_cast<std::size_t>(n * ld), T(0)), along(from),
        out(static_cast<std::size_t>(n * chain.output().stride()));
    for (std::int64_t r = 0; r < n; ++r) {
      std::copy_n(x.data_ptr<T>() + r * 5, 5, from.data() + r * ld);
      std::copy_n(dx.data_ptr<T>() + r * 5, 5, along.data() + r * ld);
    }
    const auto buffer = [&] { return Aligned<T>(static_cast<std::size_t>(n * chain.widest()), T(0)); };
    Aligned<T> tape(static_cast<std::size_t>(n * chain.units())), value = buffer(), now = buffer(),
                                                                  next = buffer();
    const ChainRows<T> rows{n, tape.data(), nullptr};
    chain.rise(rows, 0, depth, from.data(), ld, value.data());
    const std::int64_t top = depth > 0 ? chain.stride(depth - 1) : ld;
    chain.output().tangent(n, chain.push(rows, 0, depth, along.data(), ld, now.data(), next.data()), top,
                           out.data());
    const auto far = [](const T* found, std::int64_t stride, const at::Tensor& wanted) {
      double worst = 0.0;
      for (std::int64_t r = 0; r < wanted.size(0); ++r) {
        for (std::int64_t j = 0; j < wanted.size(1); ++j)
          worst = std::max(
              worst, std::abs(static_cast<double>(found[r * stride + j]) - wanted[r][j].item<double>()));
      }
      return worst / wanted.abs().max().item<double>();
    };
    const double ahead = far(out.data(), chain.output().stride(), expected);
    if (depth == 0) return ahead;
    const at::Tensor ones = at::ones_like(y);
    const at::Tensor gradient = torch::autograd::grad({y}, {x}, {ones})[0];
    std::fill(out.begin(), out.end(), T(0));
    for (std::int64_t r = 0; r < n; ++r)
      std::fill_n(out.begin() + r * chain.output().stride(), shape.outputs, T(1));
    std::fill(now.begin(), now.end(), T(0));
    chain.output().adjoint(n, out.data(), now.data(), top);
    chain.pull(rows, depth - 1, now.data(), next.data(), along.data(), ld);
    return std::max(ahead, far(along.data(), ld, gradient));
  }

  MlpShape shape;
  Mlp net;
  at::Tensor x;
  std::vector<at::Tensor> p;
};

}  // namespace

TEST_CASE("fused kernels and LibTorch give one network: values and derivatives of both orders",
          "[nets][fused]") {
  const std::vector<std::vector<std::int64_t>> depths = {{}, {19}, {19, 8}};
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    const double tolerance = type == at::kDouble ? 1e-10 : 2e-4;
    for (const Activation a : {Activation::Softplus, Activation::Silu, Activation::Tanh,
                               Activation::LeakyRelu, Activation::Relu}) {
      for (const std::vector<std::int64_t>& hidden : depths) {
        INFO(static_cast<int>(a) << " with " << hidden.size() << " hidden layers");
        const Executors many(a, hidden, 4, type), one(a, hidden, 1, type);
        for (const double rate : {0.0, 0.3}) {
          CHECK(many.difference(&Mlp::forward, rate) < tolerance);
          CHECK(many.difference(&Mlp::positive, rate) < tolerance);
          if (!hidden.empty()) CHECK(one.difference(&Mlp::input_gradient, rate) < tolerance);
        }
        CHECK((type == at::kDouble ? many.chain_difference<double>() : many.chain_difference<float>()) <
              tolerance);
      }
    }
  }
}

TEST_CASE("a layer without an activation is one in both executors", "[nets][fused]") {
  for (const std::int64_t plain : {0, 1, 2}) {
    const Executors many(Activation::Silu, {9, 7, 8}, 4, at::kDouble, plain),
        one(Activation::Silu, {9, 7, 8}, 1, at::kDouble, plain);
    for (const double rate : {0.0, 0.3}) {
      CHECK(many.difference(&Mlp::forward, rate) < 1e-10);
      CHECK(one.difference(&Mlp::input_gradient, rate) < 1e-10);
    }
    CHECK(many.chain_difference<double>() < 1e-10);
  }
}

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
