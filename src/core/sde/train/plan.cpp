// Takes the options of a training; gives its stages, schedules and distances, or errors that name the option.
#include "sde/train/plan.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "nets/adam.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/sliced.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kBridgeUpdates = 700;
constexpr std::int64_t kRolloutUpdates = 600;
// A bridge is a regression with little noise, and bears larger steps than rollouts do.
constexpr double kBridgeRate = 0.03;
constexpr double kRolloutRate = 3e-3;
// The noise of one model, and those of the members of an ensemble at its ends.
constexpr double kUsualNoise = 0.7, kLeastNoise = 0.15, kMostNoise = 1.4;
// Members where the noise is not known.
constexpr std::int64_t kMembers = 3;
// Rollouts that finish a bridge: one for this many of its updates.
constexpr std::int64_t kFinishShare = 3;
// Validations during a bridge, whose updates cost less than a validation.
constexpr std::int64_t kBridgeValidations = 10;
// Cells of each time per update. A bridge is a regression, which needs more points in more dimensions.
constexpr std::int64_t kRolloutCells = 512;
constexpr std::int64_t kBridgeCellsPerDimension = 16, kFewestBridgeCells = 256, kMostBridgeCells = 512;

void need(bool holds, const char* argument, const std::string& range) {
  if (!holds) throw input_error(argument, std::string("`") + argument + "` must be " + range + ".");
}

}  // namespace

void check_options(const TrainOptions& o) {
  need(o.method == "sinkhorn" || o.method == "bridge" || o.method == "bridge+sinkhorn", "method",
       "\"bridge+sinkhorn\", \"bridge\" or \"sinkhorn\"");
  need(o.updates >= 0, "updates", "at least 1, or 0 for the default of the method");
  need(o.finish_updates >= 0, "finish.updates", "at least 1, or 0 for a third of `updates`");
  need(o.finish_rate > 0.0 && std::isfinite(o.finish_rate), "finish.rate", "a positive number");
  need(o.learning_rate >= 0.0 && std::isfinite(o.learning_rate), "learning.rate",
       "a positive number, or 0 for the default of the method");
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
  need(o.bridge_blur >= 0.0 && std::isfinite(o.bridge_blur), "bridge.blur",
       "a positive number, or 0 for the length of the noise");
  need(o.bridge_reach > 0.0 && std::isfinite(o.bridge_reach), "bridge.reach", "a positive number");
  need(o.bridge_marginals == "target" || o.bridge_marginals == "both", "bridge.marginals",
       "\"target\" or \"both\"");
  need(o.bridge_noise >= 0.0 && std::isfinite(o.bridge_noise), "bridge.noise",
       "a positive number, or 0 for the default");
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

std::vector<StagePlan> stage_plans(const TrainOptions& o) {
  StagePlan bridge{true, o}, rollouts{false, o};
  if (o.updates == 0) {
    bridge.options.updates = kBridgeUpdates;
    rollouts.options.updates = kRolloutUpdates;
  }
  if (o.bridge_noise == 0.0) bridge.options.bridge_noise = kUsualNoise;
  if (o.learning_rate == 0.0) {
    bridge.options.learning_rate = kBridgeRate;
    rollouts.options.learning_rate = kRolloutRate;
  }
  if (o.method == "sinkhorn") return {rollouts};
  const std::int64_t each = (bridge.options.updates + kBridgeValidations - 1) / kBridgeValidations;
  bridge.options.eval_every = std::max(o.eval_every, each);
  bridge.options.patience = 0;
  if (o.method == "bridge") return {bridge};
  rollouts.options.updates =
      o.finish_updates > 0 ? o.finish_updates : (bridge.options.updates + 2) / kFinishShare;
  rollouts.options.learning_rate *= o.finish_rate;
  return {bridge, rollouts};
}

std::int64_t usual_members(const TrainOptions& o) {
  return o.method == "bridge" && o.bridge_noise == 0.0 ? kMembers : 1;
}

double member_noise(std::int64_t member, std::int64_t members) {
  if (members < 2) return kUsualNoise;
  const double place = 2.0 * static_cast<double>(member) / static_cast<double>(members - 1) - 1.0;
  return kUsualNoise * std::pow((place < 0.0 ? kLeastNoise : kMostNoise) / kUsualNoise, std::abs(place));
}

std::int64_t usual_batch(bool bridge, std::int64_t dims) {
  if (!bridge) return kRolloutCells;
  return std::min(std::max(kBridgeCellsPerDimension * dims, kFewestBridgeCells), kMostBridgeCells);
}

std::int64_t total_updates(const TrainOptions& options) {
  std::int64_t total = 0;
  for (const StagePlan& plan : stage_plans(options)) total += plan.options.updates;
  return total;
}

double learning_rate(const TrainOptions& o, std::int64_t u) {
  const double done = static_cast<double>(u) / static_cast<double>(std::max<std::int64_t>(1, o.updates));
  double rate = o.learning_rate;
  if (done < o.warmup)
    return rate * (static_cast<double>(u) + 1.0) / (o.warmup * static_cast<double>(o.updates) + 1.0);
  if (o.schedule == "cosine") {
    return rate * cosine_fall(done - o.warmup, 1.0 - o.warmup);
  }
  if (o.schedule == "step") return done >= 0.9 ? 0.1 * rate : rate;
  return rate;
}

SinkhornOptions sinkhorn_options(const TrainOptions& o) {
  SinkhornOptions out;
  out.blur = o.blur;
  out.scaling = o.scaling;
  out.reach = o.reach;
  return out;
}

SlicedOptions sliced_options(const TrainOptions& o) {
  SlicedOptions out;
  out.slices = o.slices;
  return out;
}

}  // namespace fatefield
