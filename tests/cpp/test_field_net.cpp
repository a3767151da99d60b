// The network of a velocity field: reference numbers of the published step, LibTorch's differentiation of the
// same network, one and two threads.
#include <torch/csrc/autograd/variable.h>

#include <cmath>

#include "base/rng.hpp"
#include "base/threads.hpp"
#include "field/train/net.hpp"
#include "golden_tensors.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

// A step that leaves the weights and keeps the gradient as the first moment.
constexpr AdamStep kNoUpdate{0.0, 0.0, 1.0, 0.0, 1.0, 1.0};

at::Tensor tensor(const Matrix& m) {
  return at::from_blob(const_cast<double*>(m.values.data()), {m.cols, m.rows}, at::kDouble).t().contiguous();
}

template <typename T>
void fill(const at::Tensor& from, ChunkedRows<T>& to) {
  const at::Tensor plain = from.to(at::kDouble).contiguous();
  for (std::int64_t i = 0; i < to.cells; ++i) {
    for (std::int64_t j = 0; j < to.columns; ++j)
      to(i, j) = static_cast<T>(plain.data_ptr<double>()[i * to.columns + j]);
  }
}

template <typename T>
FieldCells<T> cells_of(const at::Tensor& x, const at::Tensor& y) {
  FieldCells<T> cells(x.size(0), x.size(1), y.size(1));
  fill(x, cells.x);
  fill(y, cells.y);
  return cells;
}

std::vector<std::int64_t> all_cells(std::int64_t n) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < n; ++i) out.push_back(i);
  return out;
}

at::Tensor activate(Activation a, const at::Tensor& z) {
  if (a == Activation::Relu) return at::relu(z);
  if (a == Activation::Silu) return at::silu(z);
  if (a == Activation::Tanh) return at::tanh(z);
  return at::softplus(z, 1.0, kSoftplusLinear);
}

struct Numbers {
  at::Tensor x, y, eps;
  std::vector<std::int64_t> batch;
};

Numbers numbers(const FieldNetShape& shape, std::int64_t rows) {
  const auto made = [&](std::uint64_t seed, std::int64_t columns) {
    at::Tensor out = at::empty({rows, columns}, at::kDouble);
    normals(seed, Stream::Simulator, 0, rows, 0, columns, out.data_ptr<double>());
    return out;
  };
  Numbers out{made(1, shape.net.inputs), made(2, shape.net.outputs), {}, {}};
  if (shape.samples()) out.eps = made(3, shape.units(shape.latent()));
  for (std::int64_t i = 0; i < rows && shape.batches > 0; ++i) out.batch.push_back(i % shape.batches);
  return out;
}

struct Twin {
  double squares, kl;
  at::Tensor outputs;
  std::vector<at::Tensor> gradients;
};

// The same network and loss, left to LibTorch.
Twin by_libtorch(const FieldNetShape& shape, const std::vector<FieldTensor>& weights, const Numbers& n,
                 const FieldLossWeights& w) {
  const at::AutoGradMode on(true);
  std::vector<at::Tensor> p;
  for (const FieldTensor& t : weights) p.push_back(tensor(t.values).requires_grad_(true));
  at::Tensor a = n.x, kl = at::zeros({}, at::kDouble);
  for (std::int64_t l = 0; l < shape.layers(); ++l) {
    at::Tensor z =
        at::mm(a, p[static_cast<std::size_t>(2 * l)].t()) + p[static_cast<std::size_t>(2 * l + 1)].t();
    if (l == 0 && shape.batches > 0) z = z + p.back().t().index_select(0, at::tensor(n.batch, at::kLong));
    if (l + 1 == shape.layers()) {
      a = z;
    } else if (l == shape.latent()) {
      const std::vector<at::Tensor> heads = z.chunk(2, 1);
      a = heads[0] + at::exp(0.5 * heads[1]) * n.eps;
      kl = -0.5 * (1.0 + heads[1] - heads[0].square() - heads[1].exp()).sum();
    } else {
      a = activate(shape.net.activation, z);
    }
  }
  const at::Tensor squares = (a - n.y).square().sum();
  const at::Tensor loss = (0.5 * w.error * squares + w.kl * kl) / static_cast<double>(n.x.size(0));
  loss.backward();
  Twin out{squares.item<double>(), kl.item<double>(), a.detach(), {}};
  for (const at::Tensor& t : p) out.gradients.push_back(t.grad());
  return out;
}

// Largest difference from LibTorch, gradients relative to their largest entry.
template <typename T>
double difference(const FieldNetShape& shape, std::int64_t rows) {
  const Numbers n = numbers(shape, rows);
  std::vector<FieldTensor> weights = initial_field_weights(shape, 5);
  for (FieldTensor& t : weights) {
    for (std::size_t i = 0; i < t.values.values.size(); ++i)
      t.values.values[i] += 0.05 * std::sin(static_cast<double>(i));
  }
  const FieldLossWeights w{0.7, 0.3};
  const Twin twin = by_libtorch(shape, weights, n, w);
  FieldCells<T> cells = cells_of<T>(n.x, n.y);
  cells.batch = n.batch;
  FieldNet<T> net(shape, cells, rows);
  net.set_weights(weights);
  const std::vector<std::int64_t> order = all_cells(rows);
  const FieldBatch batch{order.data(), rows, 0, 0};
  std::vector<T> eps;
  if (shape.samples()) {
    const at::Tensor e = n.eps.contiguous();
    eps.assign(e.data_ptr<double>(), e.data_ptr<double>() + e.numel());
  }
  const T* draws = shape.samples() ? eps.data() : nullptr;
  const FieldLoss loss = net.step(batch, {}, w, kNoUpdate, draws);
  double worst = std::abs(loss.squares - twin.squares) / twin.squares;
  worst = std::max(worst, std::abs(loss.kl - twin.kl) / (1.0 + std::abs(twin.kl)));
  const std::vector<T> out = net.outputs(batch, draws);
  const at::Tensor found = at::tensor(std::vector<double>(out.begin(), out.end()), at::kDouble);
  worst = std::max(worst, (found.view(n.y.sizes()) - twin.outputs).abs().max().template item<double>());
  const std::vector<FieldTensor> gradients = net.first_moments(), after = net.weights();
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const at::Tensor wanted = twin.gradients[i];
    const double scale = wanted.abs().max().item<double>() + 1e-9;
    INFO(gradients[i].name);
    const double error = (tensor(gradients[i].values) - wanted).abs().max().item<double>() / scale;
    CHECK(error < (sizeof(T) == 8 ? 1e-10 : 2e-3));
    worst = std::max(worst, error);
    CHECK((tensor(after[i].values) - tensor(weights[i].values)).abs().max().item<double>() < 1e-6);
  }
  return worst;
}

void agree(const FieldNetShape& shape, std::int64_t rows) {
  CHECK(difference<double>(shape, rows) < 1e-10);
  CHECK(difference<float>(shape, rows) < 2e-3);
}

}  // namespace

TEST_CASE("the published step of the VAE is reproduced", "[field_net][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  const auto read = [&](const std::string& name) { return golden_tensor(golden, "deepvelo_step/" + name); };
  const at::Tensor x = read("x"), y = read("y"), eps = read("eps").contiguous();
  FieldNetShape shape;
  shape.net.inputs = shape.net.outputs = x.size(1);
  shape.net.hidden = {64, 16, 16, 64};
  shape.net.plain = 1;
  // Mean and variance are one layer here.
  const auto both = [&](const std::string& kind, const std::string& of) {
    return at::cat({read(kind + ".mu." + of), read(kind + ".lv." + of)}, 0);
  };
  const auto wanted = [&](const std::string& kind) {
    std::vector<at::Tensor> out;
    for (const std::string& layer : {"e1", "", "d1", "d2", "out"}) {
      for (const std::string& of : {"weight", "bias"})
        out.push_back(layer.empty() ? both(kind, of) : read(kind + "." + layer + "." + of));
    }
    return out;
  };
  std::vector<FieldTensor> weights = initial_field_weights(shape, 1);
  const std::vector<at::Tensor> start = wanted("param"), gradients = wanted("grad");
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const at::Tensor columns = start[i].view({start[i].size(0), -1}).t().contiguous();
    std::copy_n(columns.data_ptr<double>(), columns.numel(), weights[i].values.values.begin());
  }
  const FieldCells<double> cells = cells_of<double>(x, y);
  FieldNet<double> net(shape, cells, x.size(0));
  net.set_weights(weights);
  const std::vector<std::int64_t> order = all_cells(x.size(0));
  const FieldBatch batch{order.data(), x.size(0), 0, 0};
  const double rows = static_cast<double>(x.size(0)), genes = static_cast<double>(x.size(1));
  const FieldLoss loss = net.step(batch, {}, {2.0 / genes, 1.0}, kNoUpdate, eps.data_ptr<double>());
  const double rec = golden_number(golden, "deepvelo_step/rec"),
               kl = golden_number(golden, "deepvelo_step/kl");
  CHECK(loss.squares / rows / genes == Approx(rec).epsilon(1e-12));
  CHECK(loss.kl / rows == Approx(kl).epsilon(1e-12));
  CHECK(rec + kl == Approx(golden_number(golden, "deepvelo_step/loss")).epsilon(1e-12));
  const std::vector<double> out = net.outputs(batch, eps.data_ptr<double>());
  CHECK((at::tensor(out, at::kDouble).view(y.sizes()) - read("yhat")).abs().max().item<double>() < 1e-12);
  const std::vector<FieldTensor> found = net.first_moments();
  for (std::size_t i = 0; i < found.size(); ++i) {
    INFO(found[i].name);
    CHECK((tensor(found[i].values).view({-1}) - gradients[i].view({-1})).abs().max().item<double>() < 1e-12);
  }
}

TEST_CASE("values and every gradient of a field's network agree with LibTorch", "[field_net]") {
  FieldNetShape vae;
  vae.net.inputs = vae.net.outputs = 300;
  vae.net.hidden = {40, 7, 9, 33};
  vae.net.plain = 1;
  for (const Activation a : {Activation::Relu, Activation::Silu, Activation::Softplus, Activation::Tanh}) {
    INFO(static_cast<int>(a));
    vae.net.activation = a;
    agree(vae, 150);
  }
  vae.batches = 3;
  agree(vae, 70);

  FieldNetShape mlp;
  mlp.net.inputs = 70;
  mlp.net.outputs = 37;
  mlp.net.hidden = {20};
  agree(mlp, 5);
  mlp.net.hidden = {20, 31};
  mlp.net.activation = Activation::Silu;
  agree(mlp, 130);

  FieldNetShape wide;
  wide.net.inputs = 30;
  wide.net.outputs = 2100;
  wide.net.hidden = {64, 16, 16, 64};
  agree(wide, 2);
}

TEST_CASE("training with all noises is the same bytes on one and two threads", "[field_net][identity]") {
  FieldNetShape shape;
  shape.net.inputs = shape.net.outputs = 700;
  shape.net.hidden = {24, 5, 6, 20};
  shape.net.plain = 1;
  shape.net.activation = Activation::Silu;
  const Numbers n = numbers(shape, 300);
  const FieldCells<float> cells = cells_of<float>(n.x, n.y);
  const auto on = [&](int number) {
    const ThreadScope scope(number);
    FieldNet<float> net(shape, cells, 200);
    net.set_weights(initial_field_weights(shape, 2));
    FieldNoise<float> noise;
    noise.seed = 4;
    const auto entries = static_cast<std::size_t>(cells.x.padded());
    noise.sd.assign(entries, 0.3f);
    noise.threshold.assign(entries, -1.0f);
    noise.lost.assign(entries, -0.5f);
    const std::vector<std::int64_t> order = all_cells(300);
    double sum = 0.0;
    for (std::uint32_t k = 0; k < 4; ++k) {
      const AdamStep adam{0.9, 0.999, 0.999, 1e-3, 1.0, 1e-8};
      const FieldLoss loss = net.step({order.data() + 25 * k, 200, 200 * k, k}, noise, {1.0, 0.1}, adam);
      sum += loss.squares + loss.kl;
    }
    std::vector<float> weights(net.packed().begin(), net.packed().end());
    weights.push_back(static_cast<float>(sum));
    return weights;
  };
  CHECK(on(1) == on(2));
}
