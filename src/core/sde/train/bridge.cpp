// Takes points on bridges and parameters; gives the loss of bridge matching and its gradient.
// Rows are cut into blocks with their own copies of the parameters, whose gradients are added up in order.
#include "sde/train/bridge.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "sde/model/rollout.hpp"
#include "sde/train/views.hpp"

namespace fatefield {
namespace {

// The variance of the target grows as 1 / (t (1 - t)): points count 1 in the middle of an interval and less
// than this much where 4 t (1 - t) is small against it.
constexpr double kEndShare = 0.5;
// Step of the central differences for div(G G'), in scaled units.
constexpr double kStep = 1e-2;
// Keeps the logarithm of low-rank noise finite.
constexpr double kFloor = 1e-6;
// Of a path's ends: none that a mean could tell.
constexpr double kLeastShare = 1e-20, kLeastLogShare = -60.0;

struct Block {
  std::int64_t first, rows;
  std::vector<at::Tensor> leaves;               // copies of the parameters
  at::Tensor drift, diffusion, growth, spread;  // with their graph
  at::Tensor target;                            // n x D
  at::Tensor squared_residual;                  // n x D: squared error of the pairs' displacement
  at::Tensor drift_loss, diffusion_loss, growth_loss;
  std::vector<at::Tensor> gradients;
};

at::Tensor column(const at::Tensor& v) { return v.unsqueeze(1); }

// G G' v for diagonal (n x D) and general (n x D x m) noise.
at::Tensor covariance_product(const at::Tensor& g, const at::Tensor& v) {
  if (g.dim() == 2) return g.square() * v;
  return at::bmm(g, at::bmm(g.transpose(1, 2), v.unsqueeze(2))).squeeze(2);
}

at::Tensor spread_of(const at::Tensor& g) { return g.dim() == 2 ? g : (g.square().sum(2) + kFloor).sqrt(); }

BridgeBatch narrow(const BridgeBatch& b, std::int64_t first, std::int64_t n) {
  const auto part = [&](const at::Tensor& t) { return t.defined() ? t.narrow(0, first, n) : t; };
  return {part(b.from),  part(b.to),    part(b.place),      part(b.start),  part(b.length), part(b.normals),
          part(b.signs), part(b.noise), part(b.log_growth), part(b.points), part(b.target)};
}

// Half of div(G G'), estimated along random signs: E[v_j d/dv (G G')_ij] is its i-th entry. A Stratonovich
// equation has the drift of Ito less sum_k (dG_k) G_k / 2, which for diagonal noise is half of that again.
template <typename F>
at::Tensor correction(F&& at_point, const at::Tensor& g, const at::Tensor& signs, bool stratonovich) {
  const at::Tensor step = signs * kStep;
  const at::Tensor change =
      covariance_product(at_point(step), signs) - covariance_product(at_point(-step), signs);
  const at::Tensor half_divergence = change * (0.25 / kStep);
  if (!stratonovich) return half_divergence;
  if (g.dim() == 2) return half_divergence * 0.5;
  at::Tensor out = half_divergence;
  for (std::int64_t k = 0; k < g.size(2); ++k) {
    const at::Tensor along = g.select(2, k) * kStep;
    out = out - (at_point(along).select(2, k) - at_point(-along).select(2, k)) * (0.25 / kStep);
  }
  return out;
}

// Networks at the points of a block, what the drift should be, and the squared residuals of its pairs.
void forward(const BridgeJob& job, const SdeWeights& shared, const BridgeBatch& whole, bool gradient,
             Block& b) {
  const c10::AutoGradMode mode(gradient);
  Dropout dropout{job.dropout, job.dropout_seed, static_cast<std::uint64_t>(b.first), 0};
  const Dropout of_diffusion = dropout;
  const BridgeBatch batch = narrow(whole, b.first, b.rows);
  const BridgeOptions& o = job.options;
  const at::Tensor& x = batch.points;
  const at::Tensor tau = batch.start + batch.place * batch.length;
  for (const at::Tensor& p : shared.p) b.leaves.push_back(p.detach().clone().set_requires_grad(gradient));
  const SdeWeights weights = shared.in(b.leaves);
  b.diffusion = job.nets.diffusion(weights, tau, x, &dropout);
  b.drift = job.nets.drift(weights, tau, x, &dropout);
  if (job.nets.has_growth()) b.growth = job.nets.growth(weights, tau, x, &dropout);
  if (job.nets.has_diffusion()) b.spread = spread_of(b.diffusion);

  const c10::NoGradGuard fixed;
  if (batch.target.defined()) {
    b.target = batch.target;
    return;
  }
  // Differences under the same masks: each evaluation draws them anew from the same numbers.
  const auto at_point = [&](const at::Tensor& step) {
    Dropout same = of_diffusion;
    return job.nets.diffusion(weights, tau, x + step, &same);
  };
  const at::Tensor g = b.diffusion.detach();
  at::Tensor shift;
  if (job.nets.has_diffusion()) shift = correction(at_point, g, batch.signs, o.stratonovich);
  b.target = drift_target(batch, batch.noise, g, shift);
  b.squared_residual = (batch.to - batch.from - b.drift.detach() * column(batch.length)).square();
}

// What the points of each row count, to be multiplied by the length of the interval.
at::Tensor path_mass(const BridgeBatch& b) {
  const at::Tensor mass = b.length / static_cast<double>(b.from.size(0));
  return b.log_growth.defined() ? mass * (b.log_growth * b.place).exp() : mass;
}

// Mean squared residual per dimension over the batch.
at::Tensor mean_squared_residual(const std::vector<Block>& blocks, const at::Tensor& mass) {
  std::vector<at::Tensor> parts;
  for (const Block& b : blocks) parts.push_back(b.squared_residual);
  return (at::cat(parts, 0) * column(mass)).sum(0) / mass.sum() + kFloor;
}

void losses(const BridgeJob& job, const BridgeBatch& whole, const at::Tensor& whole_mass,
            const at::Tensor& usual, bool gradient, Block& b) {
  const c10::AutoGradMode mode(gradient);
  const BridgeOptions& o = job.options;
  const BridgeBatch batch = narrow(whole, b.first, b.rows);
  const at::Tensor mass = whole_mass.narrow(0, b.first, b.rows);
  const double dims = static_cast<double>(batch.from.size(1));
  const at::Tensor inside = batch.place * (1.0 - batch.place) * 4.0;
  const at::Tensor weight = batch.target.defined() ? mass : mass * inside / (inside + kEndShare);
  b.drift_loss = ((b.drift - b.target).square() * o.weight * column(weight)).sum() / dims;
  if (b.spread.defined()) {
    at::Tensor wanted = batch.noise.square();
    if (usual.defined()) wanted = wanted * ((1.0 - o.shape) + b.squared_residual / usual * o.shape);
    b.diffusion_loss = ((b.spread.log() + wanted / (b.spread.square() * 2.0)) * column(mass)).sum() / dims;
  }
  if (b.growth.defined()) {
    const at::Tensor rate =
        batch.log_growth.defined() ? batch.log_growth / batch.length : at::zeros_like(mass);
    b.growth_loss = ((b.growth - rate).square() * mass).sum() +
                    (b.growth.square() * batch.length).sum() *
                        (o.growth_penalty / static_cast<double>(whole.from.size(0)));
  }
}

void backward(Block& b) {
  std::vector<at::Tensor> outputs;
  for (const at::Tensor& loss : {b.drift_loss, b.diffusion_loss, b.growth_loss}) {
    if (loss.defined()) outputs.push_back(loss);
  }
  const std::vector<at::Tensor> ones(outputs.size(), at::ones({}, outputs[0].options()));
  b.gradients = torch::autograd::grad(outputs, b.leaves, ones, /*retain_graph=*/false, /*create_graph=*/false,
                                      /*allow_unused=*/true);
}

void add_gradients(const Block& b, std::vector<at::Tensor>& total) {
  for (std::size_t i = 0; i < total.size(); ++i) {
    if (b.gradients[i].defined()) total[i].add_(b.gradients[i]);
  }
}

}  // namespace

at::Tensor expected_end(const BridgeEnds& ends, const at::Tensor& x, const at::Tensor& place,
                        const at::Tensor& sd, const RaisedEnds* raised) {
  // Distances are taken from the middle of the ends, where rounding does least harm.
  const at::Tensor centre = ends.points.mean(0, true);
  const at::Tensor y = (ends.points - centre) / sd;
  const at::Tensor at_x = (x - centre) / sd;
  const at::Tensor left = (1.0 - place).unsqueeze(1);
  at::Tensor logits = at::mm(at_x, y.t()).sub_(y.square().sum(1) * 0.5).div_(left).add_(ends.log_weight);
  if (ends.log_growth.defined()) logits.add_(place.unsqueeze(1) * ends.log_growth);
  const std::int64_t all = logits.size(1);
  if (raised != nullptr) {
    const at::Tensor z = (raised->points - centre) / sd;
    at::Tensor more = at::bmm(z, at_x.unsqueeze(2)).squeeze(2).sub_(z.square().sum(2) * 0.5);
    more.div_(left).add_(raised->log_weight);
    if (raised->log_growth.defined()) more.add_(place.unsqueeze(1) * raised->log_growth);
    logits = at::cat({logits, more}, 1);
  }
  // Shares too small to count are no share: sums and products of numbers next to zero take ten times as long.
  logits.sub_(logits.amax(1, true)).clamp_min_(kLeastLogShare);
  const at::Tensor shares = at::threshold(at::softmax(logits, 1), kLeastShare, 0.0);
  if (raised == nullptr) return at::mm(shares, ends.points);
  const at::Tensor of_raised = shares.narrow(1, all, shares.size(1) - all).unsqueeze(1);
  return at::mm(shares.narrow(1, 0, all), ends.points) + at::bmm(of_raised, raised->points).squeeze(1);
}

at::Tensor bridge_points(const BridgeBatch& b, const at::Tensor& noise) {
  const at::Tensor width = (b.place * (1.0 - b.place) * b.length).sqrt();
  return b.from + column(b.place) * (b.to - b.from) + column(width) * noise * b.normals;
}

at::Tensor drift_target(const BridgeBatch& b, const at::Tensor& noise, const at::Tensor& diffusion,
                        const at::Tensor& correction) {
  const at::Tensor root = (b.place * (1.0 - b.place) * b.length).sqrt();
  const at::Tensor slope = (1.0 - b.place * 2.0) / (root * 2.0);
  const at::Tensor flow = (b.to - b.from) / column(b.length) + column(slope) * noise * b.normals;
  const at::Tensor score = -b.normals / (column(root) * noise);
  const at::Tensor target = flow + covariance_product(diffusion, score) * 0.5;
  return correction.defined() ? target + correction : target;
}

BridgeValue bridge_loss(const BridgeJob& job, const std::vector<at::Tensor>& parameters,
                        const BridgeBatch& batch, bool gradient) {
  const std::int64_t n = batch.from.size(0);
  std::vector<Block> blocks;
  const std::int64_t rows = block_rows(batch.from.device());
  for (std::int64_t at = 0; at < n; at += rows) {
    Block b;
    b.first = at;
    b.rows = std::min(rows, n - at);
    blocks.push_back(std::move(b));
  }
  const auto each = [&](auto&& f) {
    proceed(job.keep_going);
    parallel_for(static_cast<std::int64_t>(blocks.size()),
                 [&](std::int64_t i) { f(blocks[static_cast<std::size_t>(i)]); });
  };
  const SdeWeights weights = job.fused ? job.nets.packed(parameters) : SdeWeights(parameters);
  each([&](Block& b) { forward(job, weights, batch, gradient, b); });
  const at::Tensor mass = path_mass(batch);
  at::Tensor usual;
  if (!batch.target.defined()) usual = mean_squared_residual(blocks, mass);
  each([&](Block& b) {
    losses(job, batch, mass, usual, gradient, b);
    if (gradient) backward(b);
  });

  BridgeValue value;
  const auto number = [](const at::Tensor& t) { return t.defined() ? t.item<double>() : 0.0; };
  for (const Block& b : blocks) {
    value.drift += number(b.drift_loss);
    value.diffusion += number(b.diffusion_loss);
    value.growth += number(b.growth_loss);
  }
  value.total = value.drift + value.diffusion + value.growth;
  if (!gradient) return value;
  for (const at::Tensor& p : parameters) value.gradients.push_back(at::zeros(p.sizes(), p.options()));
  for (const Block& b : blocks) add_gradients(b, value.gradients);
  return value;
}

}  // namespace fatefield
