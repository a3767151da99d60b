# Made by tools/options.R from src/core/base/*options.hpp: change it there.
# Titles, examples and what makes the lists stand in R/options.R and R/field-options.R.

#' @rdname SinkhornOptions
#' @param p
#'   Power of the cost: 1 for the distance, 2 for half its square.
#'   A value S at 2 corresponds to a squared Wasserstein-2 distance near 2 S.
#'   `r doc_defaults("sinkhorn", "p")`
#' @param blur
#'   Length below which cells are not told apart, in units of the data; choose about the distance between a
#'   cell and its neighbours. The last temperature is this length to the power `p`.
#'   `r doc_defaults("sinkhorn", "blur")`
#' @param scaling
#'   Ratio of successive lengths, above 0 and below 1: 0.9 is near convergence, 0.5 is about seven times as
#'   fast and a few per cent low.
#'   `r doc_defaults("sinkhorn", "scaling")`
#' @param reach
#'   Length beyond which mass is destroyed and created rather than moved, in units of the data; 0 means
#'   balanced transport: all mass is moved.
#'   `r doc_defaults("sinkhorn", "reach")`
#' @param debias
#'   Subtract what each cloud costs against itself, so that a cloud is at distance zero from itself.
#'   `r doc_defaults("sinkhorn", "debias")`
#' @param diameter
#'   First length of the annealing, in units of the data; 0 takes the diagonal of the box around all cells.
#'   `r doc_defaults("sinkhorn", "diameter")`
#' @param tolerance
#'   After the annealing, iterate at the last temperature until the plan misses the weights by less than this
#'   share of the mass; 0 stops after the annealing, as the originals do.
#'   Below 0.001 use `precision = "float64"`.
#'   `r doc_defaults("sinkhorn", "tolerance")`
#' @param max.iterations
#'   At most this many such iterations.
#'   `r doc_defaults("sinkhorn", "max.iterations")`
#' @param precision
#'   `"float32"` (fast) or `"float64"`.
#'   `r doc_defaults("sinkhorn", "precision")`
#' @export
SinkhornOptions <- function(p = NULL, blur = NULL, scaling = NULL, reach = NULL, debias = NULL,
                            diameter = NULL, tolerance = NULL, max.iterations = NULL, precision = NULL, ...) {
  make_sinkhorn_options(c(as.list(environment()), list(...)))
}

#' @rdname SDEOptions
#' @param drift
#'   `"potential"`: the drift is the gradient of a scalar network, so that cells climb a landscape and cannot
#'   circle. `"forward"`: the drift is a network of its own and may circle.
#'   `r doc_defaults("sde", "drift")`
#' @param drift.hidden
#'   Widths of the hidden layers of the drift; `integer(0)` makes a linear map.
#'   `r doc_defaults("sde", "drift.hidden")`
#' @param drift.activation
#'   `"softplus"`, `"silu"` or `"tanh"`.
#'   `"leakyrelu"` is for reproduction only: its potential has a piecewise constant drift.
#'   `r doc_defaults("sde", "drift.activation")`
#' @param diffusion
#'   `"diagonal"`: each dimension has its own noise. `"scalar"`: the same amount in all dimensions.
#'   `"lowrank"`: `diffusion.rank` noises shared by the dimensions. `"none"`: an ordinary differential
#'   equation. `"rank1"`: the single noise of the original.
#'   `r doc_defaults("sde", "diffusion")`
#' @param diffusion.hidden
#'   Widths of the hidden layers of the diffusion; `integer(0)` makes a linear map.
#'   `r doc_defaults("sde", "diffusion.hidden")`
#' @param diffusion.activation
#'   `"softplus"`, `"silu"` or `"tanh"`; `"leakyrelu"` is for reproduction only.
#'   `r doc_defaults("sde", "diffusion.activation")`
#' @param diffusion.rank
#'   Independent noises of the low-rank diffusion.
#'   `r doc_defaults("sde", "diffusion.rank")`
#' @param diffusion.init
#'   Standard deviation of the noise at the start of the training, in scaled units over the whole time span.
#'   `r doc_defaults("sde", "diffusion.init")`
#' @param time.input
#'   Let time be an input of the networks: drift, diffusion and growth. The drift of a bridge depends on it;
#'   without, one landscape serves all times, and cells may leave the data where times contradict each other.
#'   `r doc_defaults("sde", "time.input")`
#' @param growth
#'   Learn a growth rate as a function of state, so that cells may multiply on their way and clouds need not
#'   be balanced; else weights stay as given.
#'   `r doc_defaults("sde", "growth")`
#' @param growth.hidden
#'   Widths of the hidden layers of the growth rate; `integer(0)` makes a linear map.
#'   `r doc_defaults("sde", "growth.hidden")`
#' @param dropout
#'   Probability of dropping a hidden unit during training. It is off in everything after the training.
#'   `r doc_defaults("sde", "dropout")`
#' @param solver
#'   `r doc_sde_solvers("Ito")` for the Ito equation; `r doc_sde_solvers("Stratonovich")` for the
#'   Stratonovich one, see below.
#'   `r doc_defaults("sde", "solver")`
#' @param dt
#'   Target step in units of the time column; the step taken divides each interval between observed times
#'   into equal parts. 0 takes a 25th of the mean interval, but not
#'   more than a fortieth and not less than a hundredth of the time span.
#'   `r doc_defaults("sde", "dt")`
#' @param precision
#'   `"float32"` or `"float64"`.
#'   `r doc_defaults("sde", "precision")`
#' @param compat
#'   `"none"`, or `"scdiffeq"`, which takes the networks, noise, loss and optimiser of the original as
#'   defaults.
#'   `r doc_defaults("sde", "compat")`
#' @export
SDEOptions <- function(drift = NULL, drift.hidden = NULL, drift.activation = NULL, diffusion = NULL,
                       diffusion.hidden = NULL, diffusion.activation = NULL, diffusion.rank = NULL,
                       diffusion.init = NULL, time.input = NULL, growth = NULL, growth.hidden = NULL,
                       dropout = NULL, solver = NULL, dt = NULL, precision = NULL, compat = "none", ...) {
  make_sde_options(c(as.list(environment()), list(...)))
}

#' @rdname SDEOptions
#' @param method
#'   `"bridge"`: without simulation; `"sinkhorn"`: by rollouts; `"bridge+sinkhorn"`: a bridge, then a few
#'   rollouts; see [FitSDE()].
#'   `r doc_defaults("train", "method")`
#' @param updates
#'   Steps of the optimiser, without those that finish a bridge; 0 takes 700 for a bridge and 600 for
#'   rollouts.
#'   `r doc_defaults("train", "updates")`
#' @param finish.updates
#'   Rollouts that finish a bridge; 0 takes a third of `updates`.
#'   `r doc_defaults("train", "finish.updates")`
#' @param finish.rate
#'   Their learning rate, relative to that of rollouts.
#'   `r doc_defaults("train", "finish.rate")`
#' @param batch.size
#'   Cells of each time per update; 0 takes 16 for each dimension for a bridge, but from 256 to 512, and 512
#'   for rollouts; or all cells of a time that has fewer.
#'   `r doc_defaults("train", "batch.size")`
#' @param optimizer
#'   `"adamw"` or `"rmsprop"`.
#'   `r doc_defaults("train", "optimizer")`
#' @param learning.rate
#'   Largest learning rate of the optimiser, see `warmup` and `schedule`; 0 takes 0.03 for a bridge and 0.003
#'   for rollouts.
#'   `r doc_defaults("train", "learning.rate")`
#' @param weight.decay
#'   Weight decay of the optimiser.
#'   `r doc_defaults("train", "weight.decay")`
#' @param schedule
#'   Of the learning rate: `"cosine"` (to zero at the last update), `"step"` (a tenth after nine tenths of
#'   the updates) or `"constant"`.
#'   `r doc_defaults("train", "schedule")`
#' @param warmup
#'   Share of the updates during which the learning rate rises from zero.
#'   `r doc_defaults("train", "warmup")`
#' @param clip
#'   Largest norm of the whole gradient; 0 for no limit.
#'   `r doc_defaults("train", "clip")`
#' @param ema
#'   Decay of the running mean of the weights, which is the model that is kept; 0 keeps the weights
#'   themselves.
#'   `r doc_defaults("train", "ema")`
#' @param blur
#'   Last length of the Sinkhorn divergence in the loss, in scaled units; see [SinkhornOptions()].
#'   `r doc_defaults("train", "blur")`
#' @param scaling
#'   Ratio of its successive lengths, above 0 and below 1.
#'   `r doc_defaults("train", "scaling")`
#' @param reach
#'   Its length beyond which mass is destroyed and created rather than moved, in scaled units; 0 means
#'   balanced transport.
#'   `r doc_defaults("train", "reach")`
#' @param debias
#'   How the divergence is freed of what stems from the number of cells being finite.
#'   `"halves"`: by the transport between independent halves of each cloud; `"self"`: by that of each cloud
#'   with itself, as in the Sinkhorn divergence, which with a few hundred cells in many dimensions rewards
#'   clouds that are too narrow.
#'   `r doc_defaults("train", "debias")`
#' @param sliced.weight
#'   Weight of the sliced squared Wasserstein distance beside the divergence, in the loss of rollouts and in
#'   the validation. It sees every dimension, and keeps clouds as wide as they are.
#'   `r doc_defaults("train", "sliced.weight")`
#' @param slices
#'   Its random directions, beside all axes.
#'   `r doc_defaults("train", "slices")`
#' @param bridge.plan
#'   Between which cells a bridge seeks pairs: `"snapshot"` (all of two successive times), `"minibatch"`
#'   (those of a batch) or `"auto"`: as snapshots, but of 10,000 cells of a time at
#'   most.
#'   `r doc_defaults("train", "bridge.plan")`
#' @param bridge.blur
#'   Length below which the plan of a bridge does not tell cells apart, in scaled units; 0 takes that of the
#'   noise, at which the plan is that of a Schroedinger bridge.
#'   `r doc_defaults("train", "bridge.blur")`
#' @param bridge.reach
#'   Where growth is learned: distance, relative to the usual one of two cells of one time, beyond which mass
#'   grows and dies rather than moves. A `reach` above 0 is used instead.
#'   `r doc_defaults("train", "bridge.reach")`
#' @param bridge.marginals
#'   Where growth is learned: which masses give way. `"both"`, or `"target"`: those of the earlier time
#'   alone, while each cell of the later time has its ancestors.
#'   `r doc_defaults("train", "bridge.marginals")`
#' @param bridge.noise
#'   Variance of the noise of a bridge over an interval between observed times of the usual length, as a
#'   share of the variance within times; the same in all dimensions, but in none more than twice that
#'   dimension's own, at which successive times know nothing of each other. Snapshots alone do not tell how
#'   much of a motion is stochastic; this is the assumption. 0 takes 0.7 for one model; the members of an
#'   ensemble take values from 0.15 to 1.4 (three: 0.15, 0.7 and 1.4), so that their mean does not hang on
#'   the assumption and their spread shows what it does.
#'   `r doc_defaults("train", "bridge.noise")`
#' @param bridge.shape
#'   Share of the diffusion that follows the ambiguity of the pairs, so that cells with many possible futures
#'   have more noise. The rest is the same everywhere. At 0 the drift is regressed on that of the
#'   Schroedinger bridge, which is known; else on that of pairs, which scatter.
#'   `r doc_defaults("train", "bridge.shape")`
#' @param bridge.balance
#'   Squared errors of the drift are relative to the variance of their dimension to this power: 0 counts all
#'   dimensions alike (in scaled units), 1 relative to their variance (the noise).
#'   `r doc_defaults("train", "bridge.balance")`
#' @param ratio.enforce
#'   Weight of the control of drift against diffusion; at 0 the data decide.
#'   `r doc_defaults("train", "ratio.enforce")`
#' @param ratio.target
#'   Target ratio of mean drift times the time span to mean diffusion times the root of the time span, which
#'   does not depend on `dt`.
#'   Under `compat = "scdiffeq"` the ratio is that of the original: mean drift times `dt` to mean diffusion.
#'   `r doc_defaults("train", "ratio.target")`
#' @param ratio.form
#'   How the distance from that ratio is punished: `"square"` or `"abs"`.
#'   `r doc_defaults("train", "ratio.form")`
#' @param drift.penalty
#'   Weight of the mean squared drift along the paths, in scaled units: of all motions that fit, the
#'   shortest.
#'   `r doc_defaults("train", "drift.penalty")`
#' @param growth.penalty
#'   Weight of the mean squared growth rate: it makes moving cheaper than multiplying over short ways.
#'   `r doc_defaults("train", "growth.penalty")`
#' @param validation
#'   Share of the cells (or clones) of each time held out for early stopping.
#'   `r doc_defaults("train", "validation")`
#' @param eval.every
#'   Validation interval: updates between two evaluations on the held-out cells.
#'   `r doc_defaults("train", "eval.every")`
#' @param eval.cells
#'   Held-out cells of each time used for it, at most.
#'   `r doc_defaults("train", "eval.cells")`
#' @param patience
#'   Validations without improvement before the training stops; 0 never stops early.
#'   `r doc_defaults("train", "patience")`
#' @export
TrainOptions <- function(method = NULL, updates = NULL, finish.updates = NULL, finish.rate = NULL,
                         batch.size = NULL, optimizer = NULL, learning.rate = NULL, weight.decay = NULL,
                         schedule = NULL, warmup = NULL, clip = NULL, ema = NULL, blur = NULL, scaling = NULL,
                         reach = NULL, debias = NULL, sliced.weight = NULL, slices = NULL, bridge.plan = NULL,
                         bridge.blur = NULL, bridge.reach = NULL, bridge.marginals = NULL,
                         bridge.noise = NULL, bridge.shape = NULL, bridge.balance = NULL,
                         ratio.enforce = NULL, ratio.target = NULL, ratio.form = NULL, drift.penalty = NULL,
                         growth.penalty = NULL, validation = NULL, eval.every = NULL, eval.cells = NULL,
                         patience = NULL, compat = "none", ...) {
  make_train_options(c(as.list(environment()), list(...)))
}

#' @rdname FieldOptions
#' @param field
#'   Kind of the field: `r doc_field_kinds()`, see [FitVelocityField()].
#'   `r doc_defaults("field", "field")`
#' @param input
#'   What a network sees of a state.
#'   `"components"`: the principal components of `log1p()` of all genes, which keep the noise of single genes
#'   out and bring fields nearer to held-out velocities; `"log1p"`: every gene, standardised; `"raw"`.
#'   `r doc_defaults("field", "input")`
#' @param components
#'   Principal components of `log1p()`, for networks, `"pca"`, `"sparsevfc"`, `"knn"` and the support.
#'   `r doc_defaults("field", "components")`
#' @param encoder
#'   Widths of the hidden layers of VAE and auto-encoder before the bottleneck.
#'   `r doc_defaults("field", "encoder")`
#' @param latent
#'   Units of VAE and auto-encoder in the bottleneck.
#'   `r doc_defaults("field", "latent")`
#' @param decoder
#'   Widths of the hidden layers of VAE and auto-encoder after the bottleneck.
#'   `r doc_defaults("field", "decoder")`
#' @param hidden
#'   Widths of the multilayer perceptron.
#'   `r doc_defaults("field", "hidden")`
#' @param activation
#'   `"silu"`, `"softplus"`, `"tanh"`, or `"relu"`, whose Jacobian jumps.
#'   `r doc_defaults("field", "activation")`
#' @param kl.weight
#'   Weight of the Kullback-Leibler divergence of the VAE beside half the squared error, which is in units of
#'   each gene's standard deviation and summed over genes.
#'   `r doc_defaults("field", "kl.weight")`
#' @param kl.warmup
#'   Share of the training during which that weight rises from 0.
#'   `r doc_defaults("field", "kl.warmup")`
#' @param epochs
#'   Passes over the training cells, at most.
#'   `r doc_defaults("field", "epochs")`
#' @param batch.size
#'   Cells per update; 0 takes 256, fewer where an epoch would have less than 20 updates, at least 32.
#'   `r doc_defaults("field", "batch.size")`
#' @param learning.rate
#'   Of AdamW. It falls along a cosine, but not in the published training, where that of the auto-encoder is
#'   five times that of the VAE.
#'   `r doc_defaults("field", "learning.rate")`
#' @param weight.decay
#'   Of AdamW.
#'   `r doc_defaults("field", "weight.decay")`
#' @param patience
#'   Epochs without improvement on the validation cells before the training stops; 0 never stops early.
#'   The weights of the best epoch are kept.
#'   `r doc_defaults("field", "patience")`
#' @param noise
#'   Noise on the inputs, drawn anew each epoch: `"gaussian"`, `"dropout"` (genes are lost), `"both"` or
#'   `"none"`. Whatever is drawn, a cell is in training or held out with all its noisy copies.
#'   `r doc_defaults("field", "noise")`
#' @param noise.scale
#'   Standard deviation of the Gaussian noise, in units of what inputs deviate from the mean of their
#'   neighbours.
#'   `r doc_defaults("field", "noise.scale")`
#' @param dropout.scale
#'   Probability that a gene is lost, in units of the share of cells in which it is zero.
#'   `r doc_defaults("field", "dropout.scale")`
#' @param neighbours
#'   Neighbours whose mean is taken for the Gaussian noise, and by the field `"knn"`.
#'   `r doc_defaults("field", "neighbours")`
#' @param ridge.lambda
#'   Penalty of `"ridge"` per cell, in units of the mean variance of genes; 0 takes the best of 29 on the
#'   validation cells.
#'   `r doc_defaults("field", "ridge.lambda")`
#' @param vfc.space
#'   Where `"sparsevfc"` has its control points: `"components"` or `"genes"`.
#'   `r doc_defaults("field", "vfc.space")`
#' @param vfc
#'   Named list of options of `"sparsevfc"`, here with their defaults:
#'
#'   * `r doc_option("vfc", "control.points")`:
#'     Control points of the kernel; 0 takes a twentieth of the cells, at least 50.
#'   * `r doc_option("vfc", "lambda")`:
#'     Weight of smoothness.
#'   * `r doc_option("vfc", "outlier.volume")`:
#'     Volume of the uniform distribution of outliers.
#'   * `r doc_option("vfc", "inliers")`:
#'     Share of cells that are no outliers, at the start; 1 and beyond switches outliers off.
#'   * `r doc_option("vfc", "scale")`:
#'     Root mean square that velocities are brought to before fitting, so that their unit does not matter.
#'   * `r doc_option("vfc", "width")`:
#'     Of the kernel, b in exp(-b |z - c|^2); 0 chooses it by the distances of control points, as dynamo does.
#'   * `r doc_option("vfc", "iterations")`:
#'     Iterations, at most.
#'   * `r doc_option("vfc", "tolerance")`:
#'     Relative change of the energy at which iterations end.
#' @param support.cells
#'   Cells kept to tell whether a state is among them.
#'   `r doc_defaults("field", "support.cells")`
#' @param support.neighbours
#'   How many of the nearest of these count.
#'   `r doc_defaults("field", "support.neighbours")`
#' @param compat
#'   `"none"`, or `"deepvelo"`, which takes the networks, loss, noise and training of the published code as
#'   defaults: raw counts, rectifiers, the squared error averaged over genes beside a divergence summed over
#'   units, copies of cells parted after they were made.
#'   Its VAE collapses: it gives every cell the same velocity.
#'   `r doc_defaults("field", "compat")`
#' @export
FieldOptions <- function(field = NULL, input = NULL, components = NULL, encoder = NULL, latent = NULL,
                         decoder = NULL, hidden = NULL, activation = NULL, kl.weight = NULL, kl.warmup = NULL,
                         epochs = NULL, batch.size = NULL, learning.rate = NULL, weight.decay = NULL,
                         patience = NULL, noise = NULL, noise.scale = NULL, dropout.scale = NULL,
                         neighbours = NULL, ridge.lambda = NULL, vfc.space = NULL, vfc = NULL,
                         support.cells = NULL, support.neighbours = NULL, compat = "none", ...) {
  make_field_options(c(as.list(environment()), list(...)))
}
