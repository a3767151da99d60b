// Takes cells with times and a model; trains the model, stage by stage, and gives the history.
#include "sde/train/trainer.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/sliced.hpp"
#include "sde/model/neural_sde_impl.hpp"
#include "sde/train/bridges.hpp"
#include "sde/train/cells.hpp"
#include "sde/train/optimizer.hpp"
#include "sde/train/rollouts.hpp"
#include "sde/train/split.hpp"
#include "sde/train/state.hpp"

namespace fatefield {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kBridgeUpdates = 300;
constexpr std::int64_t kRolloutUpdates = 600;
// Rollouts that finish a bridge: one for this many of its updates.
constexpr std::int64_t kFinishShare = 3;
// Validations during a bridge, whose updates cost less than a validation.
constexpr std::int64_t kBridgeValidations = 10;

void need(bool holds, const char* argument, const std::string& range) {
  if (!holds) throw input_error(argument, std::string("`") + argument + "` must be " + range + ".");
}

// What a stage is told: options with its own number of updates, learning rate and validation interval.
struct StagePlan {
  bool bridge;
  TrainOptions options;
};

std::vector<StagePlan> stage_plans(const TrainOptions& o) {
  StagePlan bridge{true, o}, rollouts{false, o};
  if (o.updates == 0) {
    bridge.options.updates = kBridgeUpdates;
    rollouts.options.updates = kRolloutUpdates;
  }
  if (o.method == "sinkhorn") return {rollouts};
  const std::int64_t each = (bridge.options.updates + kBridgeValidations - 1) / kBridgeValidations;
  bridge.options.eval_every = std::max(o.eval_every, each);
  bridge.options.patience = 0;
  if (o.method == "bridge") return {bridge};
  rollouts.options.updates =
      o.finish_updates > 0 ? o.finish_updates : (bridge.options.updates + 2) / kFinishShare;
  rollouts.options.learning_rate = o.learning_rate * o.finish_rate;
  return {bridge, rollouts};
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

void check_options(const TrainOptions& o) {
  need(o.method == "sinkhorn" || o.method == "bridge" || o.method == "bridge+sinkhorn", "method",
       "\"bridge+sinkhorn\", \"bridge\" or \"sinkhorn\"");
  need(o.updates >= 0, "updates", "at least 1, or 0 for the default of the method");
  need(o.finish_updates >= 0, "finish.updates", "at least 1, or 0 for a third of `updates`");
  need(o.finish_rate > 0.0 && std::isfinite(o.finish_rate), "finish.rate", "a positive number");
  need(o.learning_rate > 0.0 && std::isfinite(o.learning_rate), "learning.rate", "a positive number");
  need(o.weight_decay >= 0.0, "weight.decay", "at least 0");
  need(o.warmup >= 0.0 && o.warmup < 1.0, "warmup", "at least 0 and below 1");
  need(o.schedule == "cosine" || o.schedule == "step" || o.schedule == "constant", "schedule",
       "\"cosine\", \"step\" or \"constant\"");
  need(o.clip >= 0.0, "clip", "at least 0");
  need(o.ema >= 0.0 && o.ema < 1.0, "ema", "at least 0 and below 1");
  need(o.debias == "halves" || o.debias == "self", "debias", "\"halves\" or \"self\"");
  need(o.sliced_weight >= 0.0 && std::isfinite(o.sliced_weight), "sliced.weight", "at least 0");
  need(o.bridge_plan == "auto" || o.bridge_plan == "snapshot" || o.bridge_plan == "minibatch", "bridge.plan",
       "\"auto\", \"snapshot\" or \"minibatch\"");
  need(o.bridge_blur > 0.0 && std::isfinite(o.bridge_blur), "bridge.blur", "a positive number");
  need(o.bridge_reach > 0.0 && std::isfinite(o.bridge_reach), "bridge.reach", "a positive number");
  need(o.bridge_noise > 0.0 && std::isfinite(o.bridge_noise), "bridge.noise", "a positive number");
  need(o.bridge_shape >= 0.0 && o.bridge_shape <= 1.0, "bridge.shape", "between 0 and 1");
  need(o.bridge_balance >= 0.0 && o.bridge_balance <= 1.0, "bridge.balance", "between 0 and 1");
  need(o.ratio_enforce >= 0.0, "ratio.enforce", "at least 0");
  need(o.ratio_form == "square" || o.ratio_form == "abs", "ratio.form", "\"square\" or \"abs\"");
  need(o.drift_penalty >= 0.0, "drift.penalty", "at least 0");
  need(o.growth_penalty >= 0.0, "growth.penalty", "at least 0");
  need(o.validation >= 0.0 && o.validation <= 0.9, "validation", "between 0 and 0.9");
  need(o.eval_every >= 1, "eval.every", "at least 1");
  need(o.eval_cells >= 1, "eval.cells", "at least 1");
  need(o.patience >= 0, "patience", "at least 0");
  check_options(sinkhorn_options(o));
  check_options(sliced_options(o));
}

std::int64_t total_updates(const TrainOptions& options) {
  std::int64_t total = 0;
  for (const StagePlan& plan : stage_plans(options)) total += plan.options.updates;
  return total;
}

TrainReport fit_sde(NeuralSde& model, const TrainData& data, const TrainOptions& options, std::uint64_t seed,
                    const Tick& tick, const KeepGoing& keep_going) {
  NeuralSde::Impl& m = model.impl();
  check_data(data, m.nets.dims());
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
  TrainState s(m, options);
  if (resumed) {
    load(s, m, seed, data_print, options.method);
  } else {
    m.times = times;
    m.scaling = measure(data, held_out, times, m.published());
  }
  const Cells cells = gather(m, data, held_out);
  Rollouts rollouts(m, cells, plans.back().options, seed, keep_going);

  TrainReport report;
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
