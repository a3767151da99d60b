// Takes cells and a model; gives the loss of rollouts, and what held-out cells say of the model.
#include "sde/train/rollouts.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "sde/model/neural_sde_impl.hpp"
#include "sde/train/plan.hpp"

namespace fatefield {
namespace {

// Trajectories that a validation averages over, at least.
constexpr std::int64_t kEvalTrajectories = 512;
// Rows of all updates and of validations must never share noise.
constexpr std::uint64_t kEvalRows = 1ULL << 62;
constexpr std::uint64_t kDispersionRows = 3ULL << 61;
constexpr std::uint32_t kValidationDraw = 1U << 20;
// Variances below this share of the mean one are not compared.
constexpr double kNoVariance = 1e-12;

LossOptions loss_options(const TrainOptions& o, const NeuralSde::Impl& m) {
  LossOptions out;
  out.sinkhorn = sinkhorn_options(o);
  out.sinkhorn.precision = m.options.precision;
  out.halves = o.debias == "halves";
  out.published = m.published();
  out.ratio_enforce = o.ratio_enforce;
  out.ratio_target = o.ratio_target;
  out.ratio_square = o.ratio_form == "square";
  out.ratio_factor = m.published() ? m.options.dt : 1.0;
  out.growth_penalty = o.growth_penalty;
  out.drift_penalty = o.drift_penalty;
  out.sliced_weight = o.sliced_weight;
  out.sliced = sliced_options(o);
  return out;
}

// Weighted variance of each column, in doubles; equal weights where there are none.
at::Tensor variances(const at::Tensor& x, const at::Tensor& weights) {
  const at::Tensor y = x.to(at::kDouble);
  const at::Tensor w = weights.defined()
                           ? weights.to(at::kDouble).unsqueeze(1)
                           : at::full({x.size(0), 1}, 1.0 / static_cast<double>(x.size(0)), y.options());
  const at::Tensor mean = (y * w).sum(0, true);
  return ((y - mean).square() * w).sum(0);
}

// Simulated over observed variance at each later time, times x dims.
at::Tensor variance_ratios(const LossValue& v, const std::vector<at::Tensor>& observed) {
  std::vector<at::Tensor> out;
  for (std::size_t k = 1; k < observed.size(); ++k) {
    const at::Tensor truth = variances(observed[k], {});
    const at::Tensor floor = truth.mean() * kNoVariance;
    out.push_back(variances(v.states[k], v.weights[k]) / at::maximum(truth, floor));
  }
  return at::stack(out);
}

// Cells stay with the processor; batches go where the networks are.
void send(LossBatch& batch, const at::Device& device) {
  batch.start = batch.start.to(device);
  for (at::Tensor& x : batch.observed) x = x.to(device);
  if (batch.growth_rate.defined()) batch.growth_rate = batch.growth_rate.to(device);
}

}  // namespace

Rollouts::Rollouts(NeuralSde::Impl& m, const Cells& cells, const TrainOptions& o, std::uint64_t seed,
                   const KeepGoing& keep_going)
    : m_(m),
      cells_(cells),
      o_(o),
      seed_(seed),
      grid_(scaled_grid(m.grid(m.times), m.scaling.start, m.scaling.span)),
      loss_(loss_options(o, m)),
      batches_(sizes_of(cells.train), o.batch_size, usual_batch(false, m.nets.dims()), seed),
      keep_going_(keep_going) {
  for (double t : m.times) times_.push_back((t - m.scaling.start) / m.scaling.span);
  for (const at::Tensor& x : cells.held_out) can_validate_ = can_validate_ && x.size(0) >= 2;
}

StageUpdate Rollouts::update(const std::vector<at::Tensor>& parameters, std::int64_t u) {
  LossBatch batch;
  batch.times = times_;
  for (std::size_t k = 0; k < times_.size(); ++k) {
    const std::vector<std::int64_t> rows = batches_.cells(k, u);
    batch.observed.push_back(rows_of(cells_.train[k], rows).contiguous());
    if (k == 0 && cells_.train_growth[0].defined()) batch.growth_rate = rows_of(cells_.train_growth[0], rows);
  }
  batch.start = batch.observed[0];
  send(batch, m_.device);
  const auto first = static_cast<std::uint64_t>(u) * static_cast<std::uint64_t>(batch.start.size(0));
  LossJob job = make_job(first);
  job.sliced_draw = static_cast<std::uint32_t>(u);
  job.dropout = m_.options.dropout;
  job.dropout_seed = seed_ ^ (static_cast<std::uint64_t>(u) << 20);
  LossValue v = rollout_loss(job, parameters, batch, true);
  StageUpdate out;
  out.loss = v.total;
  out.gradients = std::move(v.gradients);
  for (std::size_t k = 1; k < times_.size(); ++k) {
    out.notes.push_back({"sinkhorn_" + label(k), v.sinkhorn[k]});
    if (o_.sliced_weight > 0.0) out.notes.push_back({"sliced_" + label(k), v.sliced[k]});
  }
  out.notes.push_back({"ratio_penalty", v.ratio_penalty});
  out.notes.push_back({"growth_effort", v.growth_effort});
  out.notes.push_back({"drift_effort", v.drift_effort});
  return out;
}

Validation Rollouts::validate(const std::vector<at::Tensor>& parameters) {
  LossBatch batch;
  batch.times = times_;
  for (const at::Tensor& x : cells_.held_out) {
    batch.observed.push_back(x.narrow(0, 0, std::min(o_.eval_cells, x.size(0))).contiguous());
  }
  const std::int64_t n = batch.observed[0].size(0);
  const std::int64_t repeats = std::max<std::int64_t>(1, kEvalTrajectories / n);
  batch.start = batch.observed[0].repeat({repeats, 1});
  if (cells_.held_out_growth[0].defined()) {
    batch.growth_rate = cells_.held_out_growth[0].narrow(0, 0, n).repeat({repeats});
  }
  send(batch, m_.device);
  const LossValue v = rollout_loss(make_job(kEvalRows), parameters, batch, false);
  Validation out;
  for (std::size_t k = 1; k < v.sinkhorn.size(); ++k)
    out.held_out += v.sinkhorn[k] + o_.sliced_weight * v.sliced[k];
  out.held_out /= static_cast<double>(v.sinkhorn.size() - 1);
  out.variance = variance_ratios(v, batch.observed).median().item<double>();
  return out;
}

at::Tensor Rollouts::dispersion(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> observed;
  at::Tensor rate;
  for (std::size_t k = 0; k < times_.size(); ++k) {
    const at::Tensor all = at::cat({cells_.held_out[k], cells_.train[k]}, 0);
    const std::int64_t n = std::min(o_.eval_cells, all.size(0));
    observed.push_back(all.narrow(0, 0, n).contiguous());
    if (k == 0 && cells_.train_growth[0].defined()) {
      rate = at::cat({cells_.held_out_growth[0], cells_.train_growth[0]}, 0).narrow(0, 0, n);
    }
  }
  LossBatch batch{observed[0], observed, times_, rate};
  send(batch, m_.device);
  const LossValue v = rollout_loss(make_job(kDispersionRows), parameters, batch, false);
  return variance_ratios(v, batch.observed);
}

LossJob Rollouts::make_job(std::uint64_t first_row) const {
  const at::Tensor like = m_.parameters[0];
  return {m_.nets,
          *m_.solver,
          grid_,
          loss_,
          [this, first_row, like](std::int64_t first, std::int64_t n, std::int64_t step) {
            return philox_increment(seed_, first_row + static_cast<std::uint64_t>(first), step,
                                    grid_.h[static_cast<std::size_t>(step)], n, m_.nets.brownian_dims(),
                                    m_.solver->needs_levy, like);
          },
          0.0,
          0,
          keep_going_,
          seed_,
          kValidationDraw};
}

std::string Rollouts::label(std::size_t k) const {
  std::string time = std::to_string(m_.times[k]);
  time.erase(time.find_last_not_of('0') + 1);
  if (time.back() == '.') time.pop_back();
  return time;
}

}  // namespace fatefield
