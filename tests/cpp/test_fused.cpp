// The hand-written pass against LibTorch's automatic differentiation: values, every gradient, for every kind
// of network; its kernels against plain loops; and what must not change its bytes.
#include "torch_test.hpp"

#include <cmath>

#include "base/rng.hpp"
#include "base/threads.hpp"
#include "nets/dense_kernel.hpp"
#include "sde/model/fused_sde.hpp"
#include "sde/train/loss.hpp"

using namespace fatefield;

namespace {

template <typename T>
Aligned<T> numbers(std::int64_t n, std::uint64_t seed) {
  Aligned<T> out(static_cast<std::size_t>(n));
  normals<T>(seed, Stream::Simulator, 0, 1, 0, n, out.data());
  return out;
}

// Largest difference from the plain loops, over products of awkward sizes.
template <typename T>
double product_error(const DenseKernels<T>& k) {
  double worst = 0.0;
  for (const std::int64_t rows : {1, 7, 21}) {
    for (const std::int64_t inner : {1, 50, 300}) {
      const std::int64_t cols = 2 * k.width, lda = leading<T>(inner), ldc = leading<T>(cols);
      const Aligned<T> a = numbers<T>(rows * lda, 1), b = numbers<T>(inner * cols, 2);
      const Aligned<T> start = numbers<T>(cols, 3), d = numbers<T>(rows * ldc, 4);
      Aligned<T> c(static_cast<std::size_t>(rows * ldc)), w(static_cast<std::size_t>(inner * ldc), T(0));
      Aligned<T> back(static_cast<std::size_t>(rows * lda), T(1));
      k.product(rows, inner, cols, a.data(), lda, b.data(), c.data(), ldc, start.data());
      k.product(rows, inner, cols, a.data(), lda, b.data(), c.data(), ldc, nullptr);
      // w (inner x cols) = a' d
      k.outer(rows, inner, cols, a.data(), lda, d.data(), ldc, w.data(), ldc);
      // back (rows x inner) += d b'
      k.reduce(rows, inner, cols, d.data(), ldc, b.data(), back.data(), lda);
      const auto entry_of_b = [&](std::int64_t q, std::int64_t j) {
        return b[j / k.width * k.width * inner + q * k.width + j % k.width];
      };
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t q = 0; q < inner; ++q) {
          double sum = 1.0;
          for (std::int64_t j = 0; j < cols; ++j)
            sum += static_cast<double>(d[i * ldc + j]) * entry_of_b(q, j);
          worst = std::max(worst, std::abs(sum - back[i * lda + q]) / std::sqrt(1.0 + cols));
        }
      }
      for (std::int64_t j = 0; j < cols; ++j) {
        const auto of_b = [&](std::int64_t q) { return entry_of_b(q, j); };
        for (std::int64_t i = 0; i < rows; ++i) {
          double sum = start[j];
          for (std::int64_t q = 0; q < inner; ++q) sum += 2.0 * a[i * lda + q] * of_b(q);
          worst = std::max(worst, std::abs(sum - c[i * ldc + j]) / std::sqrt(1.0 + inner));
        }
        for (std::int64_t q = 0; q < inner; ++q) {
          double sum = 0.0;
          for (std::int64_t i = 0; i < rows; ++i) sum += static_cast<double>(a[i * lda + q]) * d[i * ldc + j];
          worst = std::max(worst, std::abs(sum - w[q * ldc + j]) / std::sqrt(1.0 + rows));
        }
      }
    }
  }
  return worst;
}

double activation(Activation a, double z) {
  if (a == Activation::Softplus) return std::log1p(std::exp(-std::abs(z))) + std::max(z, 0.0);
  if (a == Activation::Silu) return z / (1.0 + std::exp(-z));
  if (a == Activation::Tanh) return std::tanh(z);
  if (a == Activation::Relu) return std::max(z, 0.0);
  return z > 0 ? z : kLeak * z;
}

// Largest difference of Adam's steps from plain ones, a gradient of zero and tiny moments among them.
template <typename T>
double adam_error(const DenseKernels<T>& k) {
  const std::int64_t n = 2 * k.width;
  Aligned<T> p = numbers<T>(n, 1), first(static_cast<std::size_t>(n), T(0)), second(first);
  std::vector<double> plain(p.begin(), p.end()), mean(plain.size(), 0.0), square(mean);
  double worst = 0.0;
  for (int u = 1; u <= 4; ++u) {
    Aligned<T> g = numbers<T>(n, 10 + u);
    g[0] = T(0);
    g[1] = T(1e-12);
    const AdamStep step = adam_step(u, 0.1, 0.1);
    k.adam(n, step, g.data(), p.data(), first.data(), second.data());
    for (std::size_t i = 0; i < plain.size(); ++i) {
      mean[i] = 0.9 * mean[i] + 0.1 * g[i];
      square[i] = 0.999 * square[i] + 0.001 * static_cast<double>(g[i]) * g[i];
      plain[i] =
          step.shrink * plain[i] - step.rate * mean[i] / (step.root * std::sqrt(square[i]) + step.epsilon);
      worst = std::max(worst, std::abs(p[i] - plain[i]));
    }
  }
  return worst;
}

// Slope and curvature by differences.
double first(Activation a, double z) { return (activation(a, z + 1e-5) - activation(a, z - 1e-5)) / 2e-5; }
double second(Activation a, double z) { return (first(a, z + 1e-4) - first(a, z - 1e-4)) / 2e-4; }

template <typename T>
double unit_error(const DenseKernels<T>& k, Activation kind) {
  const std::int64_t n = 2 * k.width;
  Aligned<T> z(static_cast<std::size_t>(n)), u = numbers<T>(n, 5), mask(z), out(z), g = numbers<T>(n, 6),
                                             in_z(z);
  const Aligned<T> before = g;
  for (std::int64_t i = 0; i < n; ++i) {
    z[i] = static_cast<T>(-9.05 + 18.0 * static_cast<double>(i) / static_cast<double>(n));
    mask[i] = i % 3 == 0 ? T(0) : T(1.25);
  }
  double worst = 0.0;
  const auto see = [&](double found, double wanted) {
    worst = std::max(worst, std::abs(found - wanted) / (1.0 + std::abs(wanted)));
  };
  k.values(kind, {1, n, n}, z.data(), out.data());
  for (std::int64_t i = 0; i < n; ++i) see(out[i], activation(kind, z[i]));
  k.slopes(kind, {1, n, n}, z.data(), u.data(), 0, mask.data(), out.data());
  for (std::int64_t i = 0; i < n; ++i) see(out[i], u[i] * first(kind, z[i]) * mask[i]);
  k.curves(kind, {1, n, n}, z.data(), u.data(), n, mask.data(), g.data(), in_z.data());
  for (std::int64_t i = 0; i < n; ++i) {
    see(g[i], before[i] * first(kind, z[i]) * mask[i]);
    see(in_z[i], before[i] * mask[i] * u[i] * second(kind, z[i]));
  }
  g = before;
  k.descend(kind, {1, n, n}, z.data(), u.data(), mask.data(), g.data());
  for (std::int64_t i = 0; i < n; ++i) see(g[i], (before[i] * first(kind, z[i]) + u[i]) * mask[i]);
  return worst;
}

struct Twin {
  SdeOptions sde;
  LossOptions loss;
  std::int64_t n = 300, dims = 5;
  double dropout = 0.0;
  std::string solver = "euler";
  StepGrid grid = step_grid({0.0, 0.5, 1.0}, 0.25);

  // Largest difference, relative to the largest entry of each gradient.
  double difference() const {
    const at::ScalarType type = sde.precision == "float64" ? at::kDouble : at::kFloat;
    const SdeNets nets(sde, dims);
    std::vector<at::Tensor> p = nets.initial(4, type);
    for (at::Tensor& w : p) w.add_(at::linspace(-0.2, 0.3, w.numel(), w.options()).view(w.sizes()));
    LossBatch batch;
    for (int k = 0; k < 3; ++k) {
      at::Tensor x = at::empty({n + k, dims}, at::kDouble);
      normals(k, Stream::Simulator, 0, n + k, 0, dims, x.data_ptr<double>());
      batch.observed.push_back((x + 0.4 * k).to(type));
    }
    batch.start = batch.observed[0];
    batch.times = {0.0, 0.5, 1.0};
    const SdeSolver& solver = sde_solver(this->solver);
    LossJob job{nets,
                solver,
                grid,
                loss,
                [&](std::int64_t from, std::int64_t rows, std::int64_t step) {
                  return philox_increment(1, static_cast<std::uint64_t>(from), step, 0.25, rows,
                                          nets.brownian_dims(), solver.needs_levy, batch.start);
                },
                dropout,
                7,
                nullptr};
    const LossValue fused = rollout_loss(job, p, batch, true);
    job.fused = false;
    const LossValue plain = rollout_loss(job, p, batch, true);
    double out = std::abs(fused.total - plain.total) / std::abs(plain.total);
    for (std::size_t k = 0; k < 3; ++k) {
      out = std::max(out, (fused.states[k] - plain.states[k]).abs().max().item<double>());
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double scale = plain.gradients[i].abs().max().item<double>();
      const double worst = (fused.gradients[i] - plain.gradients[i]).abs().max().item<double>();
      out = std::max(out, worst / (scale + 1e-6));
    }
    return out;
  }

  double difference(const std::string& precision) {
    sde.precision = precision;
    loss.sinkhorn.precision = precision;
    return difference();
  }
};

Twin twin() {
  Twin t;
  t.sde.drift_hidden = {40, 24};
  t.sde.diffusion_hidden = {17, 9};
  t.sde.growth_hidden = {6, 11};
  t.loss.sinkhorn.blur = 0.5;
  return t;
}

void agree(Twin t) {
  CHECK(t.difference("float64") < 1e-9);
  CHECK(t.difference("float32") < 1e-4);
}

}  // namespace

TEST_CASE("matrix products of networks agree with plain loops in every instruction set", "[fused]") {
  for (const DenseKernels<float>& k : dense_kernel_versions<float>()) {
    INFO(k.name);
    CHECK(product_error(k) < 1e-5);
  }
  for (const DenseKernels<double>& k : dense_kernel_versions<double>()) {
    INFO(k.name);
    CHECK(product_error(k) < 1e-13);
  }
}

TEST_CASE("values, slopes and curvatures of activations are right in every instruction set", "[fused]") {
  for (const Activation a :
       {Activation::Softplus, Activation::Silu, Activation::Tanh, Activation::LeakyRelu, Activation::Relu}) {
    INFO(static_cast<int>(a));
    for (const DenseKernels<float>& k : dense_kernel_versions<float>()) CHECK(unit_error(k, a) < 5e-6);
    for (const DenseKernels<double>& k : dense_kernel_versions<double>()) CHECK(unit_error(k, a) < 5e-6);
  }
}

TEST_CASE("steps of Adam agree with plain ones in every instruction set", "[fused]") {
  for (const DenseKernels<float>& k : dense_kernel_versions<float>()) CHECK(adam_error(k) < 1e-6);
  for (const DenseKernels<double>& k : dense_kernel_versions<double>()) CHECK(adam_error(k) < 1e-12);
}

TEST_CASE("the hand-written pass agrees with automatic differentiation", "[fused]") {
  agree(twin());
  for (const char* drift : {"potential", "forward"}) {
    for (const char* act : {"softplus", "silu", "tanh", "leakyrelu"}) {
      INFO(drift << " " << act);
      Twin t = twin();
      t.sde.drift = drift;
      t.sde.drift_activation = act;
      t.sde.diffusion_activation = act;
      agree(t);
    }
  }
  for (const char* diffusion : {"scalar", "lowrank", "rank1", "none"}) {
    INFO(diffusion);
    Twin t = twin();
    t.sde.diffusion = diffusion;
    t.sde.diffusion_rank = 3;
    agree(t);
  }
}

TEST_CASE("growth, penalties, ratio, time and dropout pass through fused kernels as LibTorch", "[fused]") {
  Twin growing = twin();
  growing.sde.growth = true;
  growing.sde.time_input = true;
  growing.loss.growth_penalty = 0.4;
  growing.loss.drift_penalty = 0.2;
  agree(growing);

  for (const char* diffusion : {"diagonal", "scalar", "lowrank", "rank1"}) {
    INFO(diffusion);
    Twin ratio = twin();
    ratio.sde.diffusion = diffusion;
    ratio.sde.time_input = true;
    ratio.loss.ratio_enforce = 2.0;
    agree(ratio);
  }

  Twin dropping = twin();
  dropping.sde.growth = true;
  dropping.loss.growth_penalty = 0.4;
  dropping.loss.ratio_enforce = 2.0;
  dropping.dropout = 0.3;
  agree(dropping);

  Twin forward = dropping;
  forward.sde.drift = "forward";
  forward.sde.drift_hidden = {33};
  agree(forward);

  Twin linear = twin();
  linear.sde.drift = "forward";
  linear.sde.drift_hidden = {};
  linear.sde.diffusion_hidden = {};
  agree(linear);

  Twin published = twin();
  published.sde.drift_activation = "leakyrelu";
  published.sde.diffusion = "rank1";
  published.sde.compat = "scdiffeq";
  published.loss.published = true;
  published.loss.ratio_enforce = 2.0;
  published.dropout = 0.1;
  // Outputs between steps, and a sliver of a last step.
  published.grid = published_grid({0.0, 0.5, 1.0}, 0.13);
  agree(published);
}

TEST_CASE("a block without a tape gives the bytes of one with a tape", "[fused][identity]") {
  SdeOptions o = twin().sde;
  o.growth = true;
  const SdeLayout layout(o, 5);
  const SdeNets nets(o, 5);
  const auto p = nets.initial(3, at::kFloat);
  std::vector<const float*> weights;
  for (const at::Tensor& w : p) weights.push_back(w.data_ptr<float>());
  const FusedSde<float> sde(layout, weights.data());
  const FusedRun run{step_grid({0.0, 1.0}, 0.2), {0.0, 1.0}, 0.2, 9, false, false};
  const Aligned<float> start = numbers<float>(20 * 5, 1), dW = numbers<float>(20 * 5, 2),
                       g = numbers<float>(20 * 5, 3);
  const auto increments = [&](std::int64_t) { return dW.data(); };
  FusedAdjoints<float> a;
  a.states = {nullptr, g.data()};
  std::vector<std::vector<float>> found;
  for (const bool keep : {true, false}) {
    FusedBlock<float> block(sde, run, 0, 20);
    FusedOutputs<float> out = block.forward(start.data(), increments, keep);
    SdeGradient<float> gradient = sde.zeros();
    std::vector<at::Tensor> total;
    std::vector<float*> into;
    for (const at::Tensor& w : p) {
      total.push_back(at::zeros_like(w));
      into.push_back(total.back().data_ptr<float>());
    }
    block.backward(start.data(), increments, a, gradient);
    found.push_back(out.states[1]);
    sde.add_gradient(gradient, into.data());
    const at::Tensor all = at::cat([&] {
      std::vector<at::Tensor> flat;
      for (const at::Tensor& w : total) flat.push_back(w.view({-1}));
      return flat;
    }());
    found.emplace_back(all.data_ptr<float>(), all.data_ptr<float>() + all.numel());
  }
  CHECK(found[0] == found[2]);
  CHECK(found[1] == found[3]);

  // Rows do not know their neighbours.
  FusedBlock<float> some(sde, run, 3, 4);
  const auto later = [&](std::int64_t) { return dW.data() + 15; };
  const FusedOutputs<float> part = some.forward(start.data() + 15, later, false);
  CHECK(std::equal(part.states[1].begin(), part.states[1].end(), found[0].begin() + 15));
}

TEST_CASE("every other solver goes through the networks of the kernels as through those of LibTorch",
          "[fused]") {
  for (const SdeSolver& solver : sde_solvers()) {
    if (solver.euler_maruyama) continue;
    for (const char* diffusion : {"diagonal", "scalar"}) {
      INFO(solver.name << " " << diffusion);
      Twin t = twin();
      t.n = 40;
      t.solver = solver.name;
      t.sde.diffusion = diffusion;
      t.sde.growth = true;
      t.loss.growth_penalty = 0.4;
      t.loss.drift_penalty = 0.2;
      t.dropout = 0.2;
      agree(t);
    }
  }
  Twin rows = twin();
  rows.solver = "heun";
  rows.sde.diffusion = "lowrank";
  rows.sde.diffusion_rank = 3;
  rows.sde.time_input = true;
  agree(rows);
}
