// Takes cells with times and a model; trains the model, stage by stage, and gives the history.
#include "sde/train/trainer.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/memory.hpp"
#include "sde/model/neural_sde_impl.hpp"
#include "sde/train/bridges.hpp"
#include "sde/train/cells.hpp"
#include "sde/train/rollouts.hpp"
#include "sde/train/split.hpp"
#include "sde/train/state.hpp"

namespace fatefield {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Velocities in the units of a model: cells x dims that it sees, per scaled time.
at::Tensor scaled_velocity(const NeuralSde::Impl& model, const MatrixView& v) {
  const std::vector<std::int64_t> seen = model.scaling.seen();
  at::Tensor out = at::empty({v.rows, static_cast<std::int64_t>(seen.size())}, at::kDouble);
  double* to = out.data_ptr<double>();
  const double unit = model.scaling.span / model.scaling.scale;
  for (std::int64_t i = 0; i < v.rows; ++i) {
    for (const std::int64_t j : seen) *to++ = v(i, j) * unit;
  }
  return out.to(model.type());
}

// Cells of the times of a model in its units.
Cells gather(const NeuralSde::Impl& model, const TrainData& d, const std::vector<char>& held_out) {
  const at::Tensor z = model.scaled(d.x);
  at::Tensor rate;
  if (!d.growth_rate.empty()) {
    rate = at::empty({d.x.rows}, at::kDouble);
    for (std::int64_t i = 0; i < d.x.rows; ++i) {
      rate.data_ptr<double>()[i] = d.growth_rate[static_cast<std::size_t>(i)] * model.scaling.span;
    }
    rate = rate.to(model.type());
  }
  at::Tensor velocity;
  if (d.velocity.data != nullptr) velocity = scaled_velocity(model, d.velocity);
  Cells out;
  for (const CellsOfTime& at : cells_by_time(d, held_out, model.times)) {
    out.train.push_back(rows_of(z, at.train));
    out.held_out.push_back(rows_of(z, at.held_out));
    out.train_growth.push_back(rate.defined() ? rows_of(rate, at.train) : at::Tensor());
    out.held_out_growth.push_back(rate.defined() ? rows_of(rate, at.held_out) : at::Tensor());
    if (velocity.defined()) out.train_velocity.push_back(rows_of(velocity, at.train));
    if (d.clone_trust.empty()) continue;
    out.train_clone.emplace_back();
    for (const std::int64_t i : at.train)
      out.train_clone.back().push_back(d.clone[static_cast<std::size_t>(i)]);
  }
  out.clone_trust = d.clone_trust;
  return out;
}

void follow(std::vector<at::Tensor>& mean, const std::vector<at::Tensor>& current, double ema,
            std::int64_t steps) {
  // Early weights must not linger: the decay rises to its value over the first updates.
  const double u = static_cast<double>(steps);
  const double decay = std::min(ema, (1.0 + u) / (10.0 + u));
  for (std::size_t i = 0; i < mean.size(); ++i) {
    if (ema > 0.0) {
      mean[i].mul_(decay).add_(current[i], 1.0 - decay);
    } else {
      mean[i].copy_(current[i]);
    }
  }
}

// Clouds alone do not tell how much of a motion is stochastic, so rollouts after a bridge leave its diffusion
// as it is.
void hold_diffusion(const NeuralSde::Impl& m, std::vector<at::Tensor>& gradients) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (m.nets.specs()[i].name.rfind("diffusion.", 0) == 0) gradients[i].zero_();
  }
}

bool finite(const std::vector<at::Tensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const at::Tensor& t) { return t.isfinite().all().item<bool>(); });
}

// Weights are chosen by held-out cells where rollouts start from nothing. After a bridge, whose learning rate
// has fallen to zero, the last are kept: a few held-out cells in many dimensions would choose by chance.
Validation validate(Rollouts& rollouts, bool choose, TrainState& s) {
  const Validation out = rollouts.validate(s.mean);
  ++s.validations_since_best;
  if (!choose || out.held_out < s.best_value) {
    s.best_value = out.held_out;
    s.best_update = s.updates;
    s.best = copies(s.mean);
    s.validations_since_best = 0;
  }
  return out;
}

// Runs the loop of one stage and says how it ended.
std::string train(const NeuralSde::Impl& m, Stage& stage, Rollouts& rollouts, TrainState& s,
                  const StagePlan& plan, std::int64_t left, const Tick& tick) {
  const TrainOptions& o = plan.options;
  while (s.stage_updates < o.updates) {
    StageUpdate v = stage.update(s.current, s.stage_updates);
    if (s.stage > 0) hold_diffusion(m, v.gradients);
    const double norm = clip_gradients(v.gradients, o.clip);
    if (!std::isfinite(v.loss) || !finite(v.gradients)) return "diverged";
    const double rate = learning_rate(o, s.stage_updates);
    s.optimizer.step(s.current, v.gradients, rate);
    ++s.updates;
    ++s.stage_updates;
    follow(s.mean, s.current, o.ema, s.stage_updates);
    Validation seen{kNone, kNone};
    const bool due = s.stage_updates % o.eval_every == 0 || s.stage_updates == o.updates;
    if (rollouts.can_validate() && due) seen = validate(rollouts, o.method == "sinkhorn", s);
    s.note("update", static_cast<double>(s.updates));
    s.note("stage", plan.bridge ? 0.0 : 1.0);
    s.note("loss", v.loss);
    for (const auto& [name, value] : v.notes) s.note(name, value);
    s.note("gradient_norm", norm);
    s.note("learning_rate", rate);
    s.note("held_out", seen.held_out);
    s.note("variance_ratio", seen.variance);
    s.end_row();
    const std::int64_t total = s.updates + o.updates - s.stage_updates + left;
    if (!tick({s.updates, total, v.loss, s.best_value})) return "interrupted";
    if (o.patience > 0 && s.validations_since_best >= o.patience) return "early";
  }
  return "finished";
}

// All stages from the present one on.
std::string train(NeuralSde::Impl& m, const Cells& cells, Rollouts& rollouts,
                  const std::vector<StagePlan>& plans, std::uint64_t seed, const Tick& tick,
                  const KeepGoing& keep_going, TrainState& s) {
  while (true) {
    const StagePlan& plan = plans[static_cast<std::size_t>(s.stage)];
    const bool last = static_cast<std::size_t>(s.stage) + 1 == plans.size();
    std::int64_t left = 0;
    for (std::size_t k = static_cast<std::size_t>(s.stage) + 1; k < plans.size(); ++k) {
      left += plans[k].options.updates;
    }
    std::string ended = "finished";
    if (s.stage_updates < plan.options.updates) {
      std::unique_ptr<Stage> bridge;
      if (plan.bridge) bridge = std::make_unique<Bridges>(m, cells, plan.options, seed, keep_going);
      Stage& stage = plan.bridge ? *bridge : static_cast<Stage&>(rollouts);
      ended = train(m, stage, rollouts, s, plan, left, tick);
    }
    if (ended != "finished" || last) return ended;
    s.next_stage(plan.options);
  }
}

std::vector<TimeDispersion> dispersion_table(const at::Tensor& ratios, const std::vector<double>& times) {
  std::vector<TimeDispersion> out;
  for (std::int64_t k = 0; k < ratios.size(0); ++k) {
    const at::Tensor row = ratios[k];
    out.push_back({times[static_cast<std::size_t>(k + 1)], row.min().item<double>(),
                   row.median().item<double>(), row.max().item<double>()});
  }
  return out;
}

}  // namespace

TrainReport fit_sde(NeuralSde& model, const TrainData& data, const TrainOptions& options, std::uint64_t seed,
                    const Tick& tick, const KeepGoing& keep_going) {
  NeuralSde::Impl& m = model.impl();
  check_data(data, model.dims());
  check_options(options);
  const TorchThreadScope one_thread;
  const KeepMemory keep_memory;
  const c10::NoGradGuard no_gradients;

  const std::set<double> distinct(data.time.begin(), data.time.end());
  const std::vector<double> times(distinct.begin(), distinct.end());
  const std::vector<char> held_out = held_out_cells(data.time, data.clone, options.validation, seed);
  const double data_print = fingerprint(data);
  const bool resumed = !m.training.names().empty();
  const std::vector<StagePlan> plans = stage_plans(options);
  if (!resumed) {
    const std::vector<std::int64_t> moving =
        m.published() ? std::vector<std::int64_t>() : moving_dims(data.x);
    if (!moving.empty()) m.see(moving);
    m.times = times;
    m.scaling = measure(data, held_out, times, moving, m.published());
  }
  TrainState s(m, options);
  if (resumed) load(s, m, seed, data_print, options.method);
  const Cells cells = gather(m, data, held_out);
  Rollouts rollouts(m, cells, plans.back().options, seed, keep_going);

  TrainReport report;
  report.validation_cells = held_out;
  try {
    report.ended = train(m, cells, rollouts, plans, seed, tick, keep_going, s);
  } catch (const Interrupted&) {
    report.ended = "interrupted";
  }
  const bool validated = s.best_update > 0;
  if (report.ended == "diverged" && s.updates == 0) {
    throw numeric_error(
        "The loss is not finite at the first update; check the scale of the data, or take a smaller "
        "`learning.rate` or `dt`.");
  }
  m.parameters = copies(validated ? s.best : s.mean);
  save(s, m, seed, data_print, options.method);
  report.history = s.history;
  report.updates = s.updates;
  report.best_update = validated ? s.best_update : s.updates;
  report.held_out = validated ? s.best_value : kNone;
  if (report.ended != "interrupted") {
    report.dispersion = dispersion_table(rollouts.dispersion(m.parameters), m.times);
  }
  return report;
}

}  // namespace fatefield
