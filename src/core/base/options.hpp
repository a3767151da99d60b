// Every default of the package stands here, once; R asks for them and sends back what the user changed.
// fields() names each member for R lists, model files and messages.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace fatefield {

/// The Sinkhorn divergence (Feydy et al., AISTATS 2019; spec: symmetric, annealed, debiased).
struct SinkhornOptions {
  /// Power of the cost: |x-y| for 1, |x-y|^2 / 2 for 2. A value S at p = 2 corresponds to W2^2 near 2 S.
  std::int64_t p = 2;
  /// Length below which points are not told apart, in units of the data; the last temperature is blur^p.
  double blur = 0.05;
  /// Ratio of successive lengths of the annealing, in (0, 1). 0.9 is near convergence, 0.5 fast and a few per
  /// cent low.
  double scaling = 0.9;
  /// Length beyond which mass is destroyed rather than moved (unbalanced transport); 0 means balanced.
  double reach = 0.0;
  /// Subtract the two self terms, so that the divergence of a cloud from itself is zero.
  bool debias = true;
  /// First length of the annealing; 0 takes the diagonal of the box around all points.
  double diameter = 0.0;
  /// After the annealing, iterate at the last temperature until the plan misses the weights by less than this
  /// share of the mass; 0 stops after the annealing as the originals do. Below 1e-3, take float64.
  double tolerance = 0.0;
  /// At most this many such iterations.
  std::int64_t max_iterations = 1000;
  /// "float32" or "float64".
  std::string precision = "float32";
};

template <typename O, typename V>
void fields(SinkhornOptions*, O& o, V&& visit) {
  visit("p", o.p);
  visit("blur", o.blur);
  visit("scaling", o.scaling);
  visit("reach", o.reach);
  visit("debias", o.debias);
  visit("diameter", o.diameter);
  visit("tolerance", o.tolerance);
  visit("max.iterations", o.max_iterations);
  visit("precision", o.precision);
}

/// The sliced Wasserstein distance: exact transport along many directions.
struct SlicedOptions {
  /// Random directions.
  std::int64_t slices = 100;
  /// Take the axes too, so that every dimension counts.
  bool axes = true;
};

template <typename O, typename V>
void fields(SlicedOptions*, O& o, V&& visit) {
  visit("slices", o.slices);
  visit("axes", o.axes);
}

/// The networks of the neural SDE dx = f(x) dt + g(x) dW.
struct SdeOptions {
  /// "potential": f is the gradient of a scalar network; "forward": f is a network.
  std::string drift = "potential";
  std::vector<std::int64_t> drift_hidden = {128, 128};
  /// "softplus", "silu", "tanh"; "leakyrelu" for reproduction only: its potential drift is piecewise
  /// constant.
  std::string drift_activation = "softplus";
  /// "diagonal", "scalar", "lowrank", "none"; "rank1" is the original's single Brownian motion.
  std::string diffusion = "diagonal";
  std::vector<std::int64_t> diffusion_hidden = {32, 32};
  std::string diffusion_activation = "softplus";
  /// Independent Brownian motions of the low-rank noise.
  std::int64_t diffusion_rank = 4;
  /// Standard deviation of the noise at the start of training, in units of the scaled state over the whole
  /// time span.
  double diffusion_init = 0.5;
  /// Let time be an input of drift, diffusion and growth.
  bool time_input = false;
  /// Learn a growth rate as a function of state (unbalanced transport), else weights stay as given.
  bool growth = false;
  std::vector<std::int64_t> growth_hidden = {64, 64};
  /// Probability of dropping a hidden unit during training.
  double dropout = 0.0;
  /// By its name in sde/solvers.
  std::string solver = "euler";
  /// Step of the solver in units of the time column; 0 takes a fortieth of the time span.
  double dt = 0.0;
  /// "float32" or "float64".
  std::string precision = "float32";
  /// "none" or "scdiffeq".
  std::string compat = "none";
};

template <typename O, typename V>
void fields(SdeOptions*, O& o, V&& visit) {
  visit("drift", o.drift);
  visit("drift.hidden", o.drift_hidden);
  visit("drift.activation", o.drift_activation);
  visit("diffusion", o.diffusion);
  visit("diffusion.hidden", o.diffusion_hidden);
  visit("diffusion.activation", o.diffusion_activation);
  visit("diffusion.rank", o.diffusion_rank);
  visit("diffusion.init", o.diffusion_init);
  visit("time.input", o.time_input);
  visit("growth", o.growth);
  visit("growth.hidden", o.growth_hidden);
  visit("dropout", o.dropout);
  visit("solver", o.solver);
  visit("dt", o.dt);
  visit("precision", o.precision);
  visit("compat", o.compat);
}

/// k nearest neighbours (Euclidean).
struct KnnOptions {
  /// "tree" (exact, few dimensions), "brute" (exact, few reference points), "lists" (approximate), or "auto":
  /// the first of these that suits the reference points; "annoy" by name only. It never depends on the
  /// queries.
  std::string method = "auto";
  /// Share of the true neighbours that "lists" is to find, measured on some of the reference points.
  double recall = 0.97;
  /// Trees of "annoy"; more find more of the true neighbours and take more memory.
  std::int64_t trees = 50;
  /// Reference points that "annoy" examines for each query; 0 takes 4 x trees x k.
  std::int64_t search = 0;
};

template <typename O, typename V>
void fields(KnnOptions*, O& o, V&& visit) {
  visit("method", o.method);
  visit("recall", o.recall);
  visit("trees", o.trees);
  visit("search", o.search);
}

/// Labels of new states from the nearest labelled cells.
struct LabelOptions {
  /// Nearest reference cells that give a label.
  std::int64_t k = 20;
  /// "uniform": equal weights; "distance": a Gaussian kernel whose standard deviation is half the distance to
  /// the k-th.
  std::string weights = "uniform";
  /// "soft": the shares of the labels among them; "majority": all to the label with the largest share.
  std::string vote = "soft";
  /// A state is unassigned when its mean distance to the k cells exceeds cutoff_factor times this quantile of
  /// the same distance among the labelled cells themselves.
  double cutoff_quantile = 0.99;
  /// 0 assigns every state.
  double cutoff_factor = 2.0;
  /// "none" or "scdiffeq": k neighbours after the nearest one, majority, no cut-off.
  std::string compat = "none";
};

template <typename O, typename V>
void fields(LabelOptions*, O& o, V&& visit) {
  visit("k", o.k);
  visit("weights", o.weights);
  visit("vote", o.vote);
  visit("cutoff.quantile", o.cutoff_quantile);
  visit("cutoff.factor", o.cutoff_factor);
  visit("compat", o.compat);
}

/// Fate probabilities from labelled end states.
struct FateOptions {
  /// Pseudo-observations shared equally by the fates (a symmetric Dirichlet prior); 0 switches smoothing off.
  double prior = 1.0;
};

template <typename O, typename V>
void fields(FateOptions*, O& o, V&& visit) {
  visit("prior", o.prior);
}

/// A landscape on which simulated cells differentiate: time in days, states in units of the latent space.
struct DifferentiationOptions {
  /// Rate per day at which a cell relaxes to its target; a day takes it 63 % of the way.
  double speed = 1.0;
  /// Standard deviation per square root of a day of the noise of uncommitted cells; committed ones have half.
  double noise = 0.5;
  /// Standard deviation of the founders of clones around the origin.
  double founder_spread = 0.45;
  /// Clones; 0 makes one for every ten cells.
  std::int64_t n_clones = 0;
  /// Standard deviation of the members of a clone around their founder, when they are marked.
  double clone_spread = 0.05;
  /// Net rate of division per day in each fate; one number for all fates, or one for each.
  std::vector<double> growth = {0.0};
  /// Excess variance of counts over the Poisson, relative to the squared mean; 0 is Poisson.
  double dispersion = 0.1;
  /// Standard deviation of the logarithm of the library size.
  double library_spread = 0.3;
  /// Step of Euler and Maruyama in days.
  double dt = 0.05;
  /// Futures simulated from each cell for its true fate probabilities; 0 leaves them out.
  std::int64_t n_futures = 100;
};

template <typename O, typename V>
void fields(DifferentiationOptions*, O& o, V&& visit) {
  visit("speed", o.speed);
  visit("noise", o.noise);
  visit("founder.spread", o.founder_spread);
  visit("n.clones", o.n_clones);
  visit("clone.spread", o.clone_spread);
  visit("growth", o.growth);
  visit("dispersion", o.dispersion);
  visit("library.spread", o.library_spread);
  visit("dt", o.dt);
  visit("n.futures", o.n_futures);
}

/// Training by bridges (regression on points between paired cells of successive times), by rollouts (simulate
/// from the first time, compare with the cells of each later time), or by both in turn.
/// Lengths are in scaled units: 1 is the standard deviation of the data per dimension.
struct TrainOptions {
  /// "bridge": without simulation; "sinkhorn": by rollouts; "bridge+sinkhorn": a bridge, then a few rollouts.
  std::string method = "bridge+sinkhorn";
  /// Steps of the optimiser, without those after a bridge; 0 takes 300 for a bridge and 600 for rollouts.
  std::int64_t updates = 0;
  /// Rollouts after a bridge; 0 takes a third of `updates`.
  std::int64_t finish_updates = 0;
  /// Their learning rate, relative to that of the bridge.
  double finish_rate = 1.0;
  /// Cells of each time per update; 0 takes 512, or all cells of a time that has fewer.
  std::int64_t batch_size = 0;
  /// "adamw" or "rmsprop".
  std::string optimizer = "adamw";
  double learning_rate = 3e-3;
  double weight_decay = 1e-4;
  /// "cosine" (to zero at the last update), "step" (a tenth after nine tenths of the updates), "constant".
  std::string schedule = "cosine";
  /// Share of the updates during which the learning rate rises from zero.
  double warmup = 0.05;
  /// Largest norm of the whole gradient; 0 for no limit.
  double clip = 1.0;
  /// Decay of the running mean of the weights, which is the model that is kept; 0 keeps the weights
  /// themselves.
  double ema = 0.98;
  /// Sinkhorn divergence of the loss: last length, ratio of lengths, reach of unbalanced transport (0:
  /// balanced).
  double blur = 0.1;
  double scaling = 0.7;
  double reach = 0.0;
  /// "halves": independent halves of a batch stand for each cloud against itself, so that clouds are not
  /// rewarded for shrinking; "self": the usual Sinkhorn divergence.
  std::string debias = "halves";
  /// Weight of the sliced squared Wasserstein distance beside the divergence: it keeps clouds from shrinking.
  double sliced_weight = 10.0;
  /// Its random directions, beside all axes.
  std::int64_t slices = 50;
  /// Plans of a bridge: "snapshot" (between all cells of two times), "minibatch" (between those of a batch),
  /// or "auto": snapshots up to 1e8 pairs of cells.
  std::string bridge_plan = "auto";
  /// Last length of the plans.
  double bridge_blur = 0.3;
  /// Reach of unbalanced plans where growth is learned and `reach` is 0, in units of the usual distance of
  /// two cells of one time.
  double bridge_reach = 1.0;
  /// Variance of the reference noise of a bridge over the whole time span, as a share of the variance within
  /// times, in each dimension.
  double bridge_noise = 0.5;
  /// Share of the diffusion that follows the ambiguity of the pairs; the rest is the reference everywhere.
  double bridge_shape = 0.5;
  /// Weight of dimensions in the error of the drift: variance to this power below it. 0: the error in scaled
  /// units, 1: relative to the noise.
  double bridge_balance = 0.5;
  /// Weight of the control of drift against diffusion; 0 leaves both to the data.
  double ratio_enforce = 0.0;
  /// Target ratio of mean drift times the time span to mean diffusion times its square root: free of dt.
  /// Under compat "scdiffeq": of mean drift times dt to mean diffusion.
  double ratio_target = 2.5;
  /// "square" or "abs".
  std::string ratio_form = "square";
  /// Weight of the mean squared drift along the paths: of all motions that fit, the shortest.
  double drift_penalty = 0.0;
  /// Weight of the mean squared growth rate: makes moving cheaper than multiplying over short ways.
  double growth_penalty = 0.01;
  /// Share of the cells of each time (or of the clones) held out for early stopping.
  double validation = 0.1;
  /// Validation interval: updates between two evaluations on the held-out cells.
  std::int64_t eval_every = 25;
  /// Held-out cells of each time used for that, at most.
  std::int64_t eval_cells = 1000;
  /// Validations without improvement before training stops; 0 never stops early.
  std::int64_t patience = 10;
};

template <typename O, typename V>
void fields(TrainOptions*, O& o, V&& visit) {
  visit("method", o.method);
  visit("updates", o.updates);
  visit("finish.updates", o.finish_updates);
  visit("finish.rate", o.finish_rate);
  visit("batch.size", o.batch_size);
  visit("optimizer", o.optimizer);
  visit("learning.rate", o.learning_rate);
  visit("weight.decay", o.weight_decay);
  visit("schedule", o.schedule);
  visit("warmup", o.warmup);
  visit("clip", o.clip);
  visit("ema", o.ema);
  visit("blur", o.blur);
  visit("scaling", o.scaling);
  visit("reach", o.reach);
  visit("debias", o.debias);
  visit("sliced.weight", o.sliced_weight);
  visit("slices", o.slices);
  visit("bridge.plan", o.bridge_plan);
  visit("bridge.blur", o.bridge_blur);
  visit("bridge.reach", o.bridge_reach);
  visit("bridge.noise", o.bridge_noise);
  visit("bridge.shape", o.bridge_shape);
  visit("bridge.balance", o.bridge_balance);
  visit("ratio.enforce", o.ratio_enforce);
  visit("ratio.target", o.ratio_target);
  visit("ratio.form", o.ratio_form);
  visit("drift.penalty", o.drift_penalty);
  visit("growth.penalty", o.growth_penalty);
  visit("validation", o.validation);
  visit("eval.every", o.eval_every);
  visit("eval.cells", o.eval_cells);
  visit("patience", o.patience);
}

/// The published settings of scDiffEq 1.1.4 (spec of the networks, optimiser and loss): 293,618 parameters at
/// 50 dimensions.
inline SdeOptions published_sde_options() {
  SdeOptions o;
  o.drift_hidden = {512, 512};
  o.drift_activation = "leakyrelu";
  o.diffusion = "rank1";
  o.diffusion_activation = "leakyrelu";
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

/// All fields of options `o` in their order, through the overload for its type.
template <typename Options, typename V>
void visit_fields(Options& o, V&& visit) {
  using Plain = std::remove_const_t<Options>;
  fields(static_cast<Plain*>(nullptr), o, visit);
}

}  // namespace fatefield
