// Defaults of the neural SDE and of its training, and the published ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fatefield {

/// The networks of the neural SDE dx = f(x) dt + g(x) dW, and its solver.
struct SdeOptions {
  /// `"potential"`: the drift is the gradient of a scalar network, so that cells climb a landscape and cannot
  /// circle. `"forward"`: the drift is a network of its own and may circle.
  std::string drift = "potential";
  /// Widths of the hidden layers of the drift; `integer(0)` makes a linear map.
  std::vector<std::int64_t> drift_hidden = {128, 128};
  /// `"softplus"`, `"silu"` or `"tanh"`.
  /// `"leakyrelu"` is for reproduction only: its potential has a piecewise constant drift.
  std::string drift_activation = "silu";
  /// `"diagonal"`: each dimension has its own noise. `"scalar"`: the same amount in all dimensions.
  /// `"lowrank"`: `diffusion.rank` noises shared by the dimensions. `"none"`: an ordinary differential
  /// equation. `"rank1"`: the single noise of the original.
  std::string diffusion = "diagonal";
  /// Widths of the hidden layers of the diffusion; `integer(0)` makes a linear map.
  std::vector<std::int64_t> diffusion_hidden = {32, 32};
  /// `"softplus"`, `"silu"` or `"tanh"`; `"leakyrelu"` is for reproduction only.
  std::string diffusion_activation = "softplus";
  /// Independent noises of the low-rank diffusion.
  std::int64_t diffusion_rank = 4;
  /// Standard deviation of the noise at the start of the training, in scaled units over the whole time span.
  double diffusion_init = 0.5;
  /// Let time be an input of the networks: drift, diffusion and growth. The drift of a bridge depends on it;
  /// without, one landscape serves all times, and cells may leave the data where times contradict each other.
  bool time_input = true;
  /// Learn a growth rate as a function of state, so that cells may multiply on their way and clouds need not
  /// be balanced; else weights stay as given.
  bool growth = false;
  /// Widths of the hidden layers of the growth rate; `integer(0)` makes a linear map.
  std::vector<std::int64_t> growth_hidden = {64, 64};
  /// Probability of dropping a hidden unit during training. It is off in everything after the training.
  double dropout = 0.0;
  /// `r doc_sde_solvers("Ito")` for the Ito equation; `r doc_sde_solvers("Stratonovich")` for the
  /// Stratonovich one, see below.
  std::string solver = "euler";
  /// Target step in units of the time column; the step taken divides each interval between observed times
  /// into equal parts. 0 takes a 25th of the mean interval, but not
  /// more than a fortieth and not less than a hundredth of the time span.
  double dt = 0.0;
  /// `"float32"` or `"float64"`.
  std::string precision = "float32";
  /// `"none"`, or `"scdiffeq"`, which takes the networks, noise, loss and optimiser of the original as
  /// defaults.
  std::string compat = "none";
};

/// Training by bridges (regression on points between paired cells of successive times), by rollouts (simulate
/// from the first time, compare with the cells of each later time), or by both in turn.
/// Lengths are in scaled units: 1 is the standard deviation of the data per dimension.
struct TrainOptions {
  /// `"bridge"`: without simulation; `"sinkhorn"`: by rollouts; `"bridge+sinkhorn"`: a bridge, then a few
  /// rollouts; see [FitSDE()].
  std::string method = "bridge";
  /// Steps of the optimiser, without those that finish a bridge; 0 takes 700 for a bridge and 600 for
  /// rollouts.
  std::int64_t updates = 0;
  /// Rollouts that finish a bridge; 0 takes a third of `updates`.
  std::int64_t finish_updates = 0;
  /// Their learning rate, relative to that of rollouts.
  double finish_rate = 1.0;
  /// Cells of each time per update; 0 takes 16 for each dimension for a bridge, but from 256 to 512, and 512
  /// for rollouts; or all cells of a time that has fewer.
  std::int64_t batch_size = 0;
  /// `"adamw"` or `"rmsprop"`.
  std::string optimizer = "adamw";
  /// Largest learning rate of the optimiser, see `warmup` and `schedule`; 0 takes 0.03 for a bridge and 0.003
  /// for rollouts.
  double learning_rate = 0.0;
  /// Weight decay of the optimiser.
  double weight_decay = 1e-4;
  /// Of the learning rate: `"cosine"` (to zero at the last update), `"step"` (a tenth after nine tenths of
  /// the updates) or `"constant"`.
  std::string schedule = "cosine";
  /// Share of the updates during which the learning rate rises from zero.
  double warmup = 0.05;
  /// Largest norm of the whole gradient; 0 for no limit.
  double clip = 1.0;
  /// Decay of the running mean of the weights, which is the model that is kept; 0 keeps the weights
  /// themselves.
  double ema = 0.98;
  /// Last length of the Sinkhorn divergence in the loss, in scaled units; see [SinkhornOptions()].
  double blur = 0.1;
  /// Ratio of its successive lengths, above 0 and below 1.
  double scaling = 0.7;
  /// Its length beyond which mass is destroyed and created rather than moved, in scaled units; 0 means
  /// balanced transport.
  double reach = 0.0;
  /// How the divergence is freed of what stems from the number of cells being finite.
  /// `"halves"`: by the transport between independent halves of each cloud; `"self"`: by that of each cloud
  /// with itself, as in the Sinkhorn divergence, which with a few hundred cells in many dimensions rewards
  /// clouds that are too narrow.
  std::string debias = "halves";
  /// Weight of the sliced squared Wasserstein distance beside the divergence, in the loss of rollouts and in
  /// the validation. It sees every dimension, and keeps clouds as wide as they are.
  double sliced_weight = 10.0;
  /// Its random directions, beside all axes.
  std::int64_t slices = 50;
  /// Between which cells a bridge seeks pairs: `"snapshot"` (all of two successive times), `"minibatch"`
  /// (those of a batch) or `"auto"`: as snapshots, but of 10,000 cells of a time at
  /// most.
  std::string bridge_plan = "auto";
  /// Length below which the plan of a bridge does not tell cells apart, in scaled units; 0 takes that of the
  /// noise, at which the plan is that of a Schroedinger bridge.
  double bridge_blur = 0.0;
  /// Where growth is learned: distance, relative to the usual one of two cells of one time, beyond which mass
  /// grows and dies rather than moves. A `reach` above 0 is used instead.
  double bridge_reach = 1.0;
  /// Where growth is learned: which masses give way. `"both"`, or `"target"`: those of the earlier time
  /// alone, while each cell of the later time has its ancestors.
  std::string bridge_marginals = "both";
  /// Variance of the noise of a bridge over an interval between observed times of the usual length, as a
  /// share of the variance within times; the same in all dimensions, but in none more than twice that
  /// dimension's own, at which successive times know nothing of each other. Snapshots alone do not tell how
  /// much of a motion is stochastic; this is the assumption. 0 takes 0.7 for one model; the members of an
  /// ensemble take values from 0.15 to 1.4 (three: 0.15, 0.7 and 1.4), so that their mean does not hang on
  /// the assumption and their spread shows what it does.
  double bridge_noise = 0.0;
  /// Share of the diffusion that follows the ambiguity of the pairs, so that cells with many possible futures
  /// have more noise. The rest is the same everywhere. At 0 the drift is regressed on that of the
  /// Schroedinger bridge, which is known; else on that of pairs, which scatter.
  double bridge_shape = 0.0;
  /// Squared errors of the drift are relative to the variance of their dimension to this power: 0 counts all
  /// dimensions alike (in scaled units), 1 relative to their variance (the noise).
  double bridge_balance = 0.5;
  /// Weight of the control of drift against diffusion; at 0 the data decide.
  double ratio_enforce = 0.0;
  /// Target ratio of mean drift times the time span to mean diffusion times the root of the time span, which
  /// does not depend on `dt`.
  /// Under `compat = "scdiffeq"` the ratio is that of the original: mean drift times `dt` to mean diffusion.
  double ratio_target = 2.5;
  /// How the distance from that ratio is punished: `"square"` or `"abs"`.
  std::string ratio_form = "square";
  /// Weight of the mean squared drift along the paths, in scaled units: of all motions that fit, the
  /// shortest.
  double drift_penalty = 0.0;
  /// Weight of the mean squared growth rate: it makes moving cheaper than multiplying over short ways.
  double growth_penalty = 0.01;
  /// Share of the cells (or clones) of each time held out for early stopping.
  double validation = 0.1;
  /// Validation interval: updates between two evaluations on the held-out cells.
  std::int64_t eval_every = 25;
  /// Held-out cells of each time used for it, at most.
  std::int64_t eval_cells = 1000;
  /// Validations without improvement before the training stops; 0 never stops early.
  std::int64_t patience = 10;
};

/// The published settings of scDiffEq 1.1.4 (spec of the networks, optimiser and loss): 293,618 parameters at
/// 50 dimensions.
inline SdeOptions published_sde_options() {
  SdeOptions o;
  o.drift_hidden = {512, 512};
  o.drift_activation = "leakyrelu";
  o.diffusion = "rank1";
  o.diffusion_activation = "leakyrelu";
  o.time_input = false;
  o.dropout = 0.1;
  o.dt = 0.1;
  o.compat = "scdiffeq";
  return o;
}
inline TrainOptions published_train_options() {
  TrainOptions o;
  o.method = "sinkhorn";
  o.updates = 2500;
  o.batch_size = 0;
  o.optimizer = "rmsprop";
  o.learning_rate = 1e-4;
  o.weight_decay = 0.0;
  o.schedule = "step";
  o.warmup = 0.0;
  o.clip = 0.5;
  o.ema = 0.0;
  o.blur = 0.05;
  o.scaling = 0.5;
  o.debias = "self";
  o.sliced_weight = 0.0;
  o.ratio_enforce = 100.0;
  o.growth_penalty = 0.0;
  o.patience = 0;
  return o;
}

}  // namespace fatefield
