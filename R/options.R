# Options of the engine as named lists. Defaults are asked from the core, which also checks the
# values; here names are checked, so that a slip of the pen is not passed over in silence.

# `defaults` with what `given` (a named list, or NULL) changes. NULL members keep the default.
# `argument`: the user's name of the list, or "" where its members are arguments themselves.
merge_options <- function(defaults, given, argument = "options") {
  if (is.null(given)) {
    return(defaults)
  }
  where <- if (nzchar(argument)) paste0("`", argument, "`") else "the options"
  if (!is.list(given)) {
    stop_input(argument, where, " must be a named list of options, not ", described(given), ".")
  }
  given <- unclass(given)
  if (length(given) > 0L && (is.null(names(given)) || !all(nzchar(names(given))))) {
    stop_input(argument, "Each of ", where, " must have a name; they are ",
      quoted(names(defaults), length(defaults)), ".")
  }
  unknown <- setdiff(names(given), names(defaults))
  if (length(unknown) > 0L) {
    hint <- near_argument(unknown[[1L]], names(defaults))
    if (!nzchar(hint)) hint <- paste0(" There are ", quoted(names(defaults), length(defaults)), ".")
    stop_input(unknown[[1L]], "There is no option ", quoted(unknown[[1L]]), ".", hint)
  }
  twice <- names(given)[duplicated(names(given))]
  if (length(twice) > 0L) {
    stop_input(twice[[1L]], "Option ", quoted(twice[[1L]]), " is given twice.")
  }
  given <- given[!vapply(given, is.null, logical(1))]
  defaults[names(given)] <- given
  defaults
}

# A checked list of options that prints well. `check` stops on values out of range.
new_options <- function(kind, defaults, given, check, argument = "") {
  options <- merge_options(defaults, given, argument)
  check(options)
  structure(options, class = c(paste0("fatefield_", kind, "_options"), "fatefield_options"))
}

#' Options of the Sinkhorn divergence
#'
#' The divergence compares two clouds of cells by entropic optimal transport.
#' It starts with a coarse look, at the length `diameter`, and sharpens it by the factor `scaling`
#' down to the length `blur`.
#' Every argument left at `NULL` takes the default of the engine, which is given below.
#'
#' @section Basic use:
#' ```r
#' OTDistance(cells, group.by = "day", options = SinkhornOptions(blur = 0.1))
#' ```
#' @param p Power of the cost: 1 for the distance, 2 for half its square.
#'   Default `r doc_default("sinkhorn", "p")`; a value S then corresponds to a squared Wasserstein-2
#'   distance near 2 S.
#' @param blur Length below which cells are not told apart, in units of the data.
#'   Default `r doc_default("sinkhorn", "blur")`; choose about the distance between a cell and its neighbours.
#' @param scaling Ratio of successive lengths, above 0 and below 1.
#'   Default `r doc_default("sinkhorn", "scaling")`, which is near convergence; 0.5 is about seven times as fast
#'   and a few per cent low.
#' @param reach Length beyond which mass is destroyed and created rather than moved, in units of
#'   the data.
#'   Default `r doc_default("sinkhorn", "reach")`, which means balanced transport: all mass is moved.
#' @param debias Subtract what each cloud costs against itself, so that a cloud is at distance
#'   zero from itself.
#'   Default `r doc_default("sinkhorn", "debias")`.
#' @param diameter First length of the annealing.
#'   Default `r doc_default("sinkhorn", "diameter")`, which takes the diagonal of the box around all cells.
#' @param tolerance After the annealing, iterate at the last temperature until the plan misses the
#'   weights by less than this share of the mass.
#'   Default `r doc_default("sinkhorn", "tolerance")`, which stops after the annealing.
#'   Below 0.001 use `precision = "float64"`.
#' @param max.iterations At most this many such iterations. Default
#'   `r doc_default("sinkhorn", "max.iterations")`.
#' @param precision `"float32"` (fast) or `"float64"`; default `r doc_default("sinkhorn", "precision")`.
#' @param ... Nothing more; an unknown name is an error that says which name is meant.
#'
#' @return A named list of class `fatefield_sinkhorn_options`.
#' @references Feydy et al. (2019) Interpolating between optimal transport and MMD using Sinkhorn
#'   divergences. AISTATS.
#' @seealso [OTDistance()], [OTPlan()], [SinkhornLoss]
#' @examples
#' SinkhornOptions(blur = 0.1, scaling = 0.7)
#' @export
SinkhornOptions <- function(p = NULL, blur = NULL, scaling = NULL, reach = NULL, debias = NULL,
                            diameter = NULL, tolerance = NULL, max.iterations = NULL,
                            precision = NULL, ...) {
  given <- c(as.list(environment()), list(...))
  new_options("sinkhorn", sinkhorn_defaults(), given, check_sinkhorn_options)
}

#' @export
print.fatefield_options <- function(x, ...) {
  cat("<", class(x)[[1L]], ">\n", sep = "")
  shown <- vapply(unclass(x), function(v) paste(format(v, digits = 6L), collapse = ", "), "")
  cat(paste0("  ", format(names(x)), "  ", shown, "\n"), sep = "")
  invisible(x)
}

#' Options of the neural SDE and of its training
#'
#' `SDEOptions()` describes the networks and the solver, `TrainOptions()` the training.
#' [FitSDE()] takes the same names directly; these functions show and check them.
#' Every argument left at `NULL` takes the default of the engine, which is given below.
#' The networks work in scaled units: one unit of length is the standard deviation of the training
#' cells per dimension, one unit of time is the span of the observed times.
#'
#' @section Basic use:
#' ```r
#' cells <- FitSDE(cells, time = "day", updates = 500, dt = 0.05)   # any option by its name
#' SDEOptions(); TrainOptions()                                     # all of them, with their defaults
#' ```
#' @section Solvers:
#' Names are those of torchsde.
#' The table gives the strong order for each kind of noise, which is that of the mean error of single paths.
#' Noise is diagonal where `diffusion` is `"diagonal"`, `"scalar"` or `"none"`, and general where it is `"lowrank"` or
#' `"rank1"`.
#'
#' `r doc_sde_orders()`
#'
#' Milstein's method needs the derivative of the diffusion: `_vjp` differentiates, `_free` takes a difference, and the
#' plain name does the first in training and the second in simulations.
#' `"reversible_heun"` asks for the networks once a step, as `"euler"` does, and carries a second state along.
#' `"euler"` alone runs on fused kernels, and is the fastest.
#' @param drift Default `r doc_default("sde", "drift")`.
#'   `"potential"`: the drift is the gradient of a scalar network, so that
#'   cells climb a landscape and cannot circle.
#'   `"forward"`: the drift is a network of its own and may circle.
#' @param drift.hidden,diffusion.hidden,growth.hidden Widths of the hidden layers.
#'   Defaults `r doc_default("sde", "drift.hidden")`, `r doc_default("sde", "diffusion.hidden")` and
#'   `r doc_default("sde", "growth.hidden")`; `integer(0)` makes a linear map.
#' @param drift.activation,diffusion.activation `"softplus"`, `"silu"` or `"tanh"`; defaults
#'   `r doc_default("sde", "drift.activation")` and `r doc_default("sde", "diffusion.activation")`.
#'   `"leakyrelu"` is for reproduction only: its potential has a piecewise constant drift.
#' @param diffusion Default `r doc_default("sde", "diffusion")`.
#'   `"diagonal"`: each dimension has its own noise.
#'   `"scalar"`: the same amount in all dimensions.
#'   `"lowrank"`: `diffusion.rank` noises shared by the dimensions.
#'   `"none"`: an ordinary differential equation.
#'   `"rank1"`: the single noise of the original.
#' @param diffusion.rank Independent noises of the low-rank diffusion; default
#'   `r doc_default("sde", "diffusion.rank")`.
#' @param diffusion.init Standard deviation of the noise at the start of the training, in scaled
#'   units over the whole time span; default `r doc_default("sde", "diffusion.init")`.
#' @param time.input Let time be an input of the networks; default `r doc_default("sde", "time.input")`.
#' @param growth Learn a growth rate as a function of state, so that cells may multiply on their
#'   way and clouds need not be balanced; default `r doc_default("sde", "growth")`.
#' @param dropout Probability of dropping a hidden unit during training; default
#'   `r doc_default("sde", "dropout")`.
#'   It is off in everything after the training.
#' @param solver `r doc_sde_solvers("Ito")` for the Ito equation;
#'   `r doc_sde_solvers("Stratonovich")` for the Stratonovich one; default
#'   `r doc_default("sde", "solver")`, see below.
#' @param dt Target step in units of the time column; the step taken divides each interval between
#'   observed times into equal parts.
#'   Default `r doc_default("sde", "dt")`, which takes a fortieth of the time span.
#' @param precision `"float32"` or `"float64"`; default `r doc_default("sde", "precision")`.
#' @param compat `"none"` or `"scdiffeq"`, which takes the networks, noise, loss and optimiser of
#'   the original as defaults.
#' @param method `"bridge+sinkhorn"`, `"bridge"` or `"sinkhorn"`, see [FitSDE()]; default
#'   `r doc_default("train", "method")`.
#' @param updates Steps of the optimiser, without those that finish a bridge.
#'   Default `r doc_default("train", "updates")`, which takes 300 for a bridge and 600 for rollouts.
#' @param finish.updates Rollouts that finish a bridge; default `r doc_default("train", "finish.updates")`,
#'   which takes a third of `updates`.
#' @param finish.rate Their learning rate, relative to `learning.rate`; default
#'   `r doc_default("train", "finish.rate")`.
#' @param batch.size Cells of each time per update; default `r doc_default("train", "batch.size")`, which takes
#'   512, or all of a time with fewer.
#' @param optimizer `"adamw"` or `"rmsprop"`; default `r doc_default("train", "optimizer")`.
#' @param learning.rate,weight.decay Of the optimiser; defaults `r doc_default("train", "learning.rate")` and
#'   `r doc_default("train", "weight.decay")`.
#' @param schedule Of the learning rate: `"cosine"`, `"step"` or `"constant"`; default
#'   `r doc_default("train", "schedule")`.
#' @param warmup Share of the updates during which the learning rate rises; default
#'   `r doc_default("train", "warmup")`.
#' @param clip Largest norm of the gradient; default `r doc_default("train", "clip")`, 0 for no limit.
#' @param ema Decay of the running mean of the weights, which is the model that is kept; default
#'   `r doc_default("train", "ema")`, 0 keeps the weights themselves.
#' @param blur,scaling,reach Of the Sinkhorn divergence in the loss, lengths in scaled units; see
#'   [SinkhornOptions()].
#'   Defaults `r doc_default("train", "blur")`, `r doc_default("train", "scaling")` and
#'   `r doc_default("train", "reach")`.
#' @param debias How the divergence is freed of what stems from the number of cells being finite;
#'   default `r doc_default("train", "debias")`.
#'   `"halves"`: by the transport between independent halves of each cloud; `"self"`: by that
#'   of each cloud with itself, as in the Sinkhorn divergence, which with a few hundred cells in many
#'   dimensions rewards clouds that are too narrow.
#'   Under `compat = "scdiffeq"` it is `r doc_default("train", "debias", "scdiffeq")`.
#' @param sliced.weight Weight of the sliced squared Wasserstein distance in the loss of rollouts and in the
#'   validation.
#'   It sees every dimension, and keeps clouds as wide as they are.
#'   Default `r doc_default("train", "sliced.weight")`; `r doc_default("train", "sliced.weight", "scdiffeq")`
#'   under `compat = "scdiffeq"`.
#' @param slices Its random directions, beside all axes; default `r doc_default("train", "slices")`.
#' @param bridge.plan Between which cells pairs are sought: `"snapshot"` (all of two successive times),
#'   `"minibatch"` (those of a batch) or `"auto"`: snapshots up to 1e8 pairs of cells; default
#'   `r doc_default("train", "bridge.plan")`.
#' @param bridge.blur Length below which the plan does not tell cells apart; default
#'   `r doc_default("train", "bridge.blur")`.
#' @param bridge.reach Where growth is learned: distance, relative to the usual one of two cells of one time,
#'   beyond which mass grows and dies rather than moves; default `r doc_default("train", "bridge.reach")`.
#'   A `reach` above 0 is used instead.
#' @param bridge.noise Variance of the reference noise over the whole time span, in each dimension as a
#'   share of the variance within times; default `r doc_default("train", "bridge.noise")`.
#'   Snapshots alone do not tell how much of a motion is stochastic; this is the assumption.
#' @param bridge.shape Share of the diffusion that follows the ambiguity of the pairs, so that cells with
#'   many possible futures have more noise; default `r doc_default("train", "bridge.shape")`.
#'   The rest is the same everywhere.
#' @param bridge.balance What errors of the drift are relative to: 0 counts all dimensions alike, 1 relative
#'   to their variance; default `r doc_default("train", "bridge.balance")`.
#' @param ratio.enforce Weight of the control of drift against diffusion.
#'   Default `r doc_default("train", "ratio.enforce")`, at which the data decide.
#' @param ratio.target Target ratio of mean drift times the time span to mean diffusion times the root of the
#'   time span, which does not depend on `dt`; default `r doc_default("train", "ratio.target")`.
#'   Under `compat = "scdiffeq"` the ratio is that of the original: mean drift times `dt` to mean diffusion.
#' @param ratio.form `"square"` or `"abs"`; default `r doc_default("train", "ratio.form")`.
#' @param drift.penalty Weight of the mean squared drift along the paths, in scaled units: of all
#'   motions that fit, the shortest; default `r doc_default("train", "drift.penalty")`.
#' @param growth.penalty Weight of the mean squared growth rate; default
#'   `r doc_default("train", "growth.penalty")`.
#' @param validation Share of the cells (or clones) of each time held out for early stopping;
#'   default `r doc_default("train", "validation")`.
#' @param eval.every Validation interval: updates between two evaluations on the held-out cells;
#'   default `r doc_default("train", "eval.every")`.
#' @param eval.cells Held-out cells of each time used for it, at most; default
#'   `r doc_default("train", "eval.cells")`.
#' @param patience Validations without improvement before the training stops; default
#'   `r doc_default("train", "patience")`, 0 never stops early.
#' @param ... Nothing more; an unknown name is an error that says which name is meant.
#'
#' @return A named list of class `fatefield_sde_options` or `fatefield_train_options`.
#' @section Errors:
#' `fatefield_error_input` that names the option and its range.
#' @references Vinyard et al. (2025) Learning cell dynamics with neural differential equations.
#'   Nature Machine Intelligence 7.
#'
#' Kidger, Foster, Li, Lyons (2021) Efficient and accurate gradients for neural SDEs. NeurIPS 34.
#' @seealso [FitSDE()]
#' @examples
#' SDEOptions(diffusion = "scalar")
#' TrainOptions(updates = 200)
#' SDEOptions(compat = "scdiffeq")$drift.hidden
#' @export
SDEOptions <- function(drift = NULL, drift.hidden = NULL, drift.activation = NULL, diffusion = NULL,
                       diffusion.hidden = NULL, diffusion.activation = NULL, diffusion.rank = NULL,
                       diffusion.init = NULL, time.input = NULL, growth = NULL,
                       growth.hidden = NULL, dropout = NULL, solver = NULL, dt = NULL,
                       precision = NULL, compat = "none", ...) {
  compat <- check_choice(compat, c("none", "scdiffeq"), "compat")
  given <- c(as.list(environment()), list(...))
  new_options("sde", sde_defaults(compat), given, check_sde_alone)
}

# The rank of the noise is the only option whose range depends on the dimensions; here it is its
# own.
check_sde_alone <- function(options) {
  check_sde_options(options, as.integer(max(1L, min(options$diffusion.rank, 1e6))))
}

#' @rdname SDEOptions
#' @export
TrainOptions <- function(method = NULL, updates = NULL, finish.updates = NULL, finish.rate = NULL,
                         batch.size = NULL, optimizer = NULL, learning.rate = NULL,
                         weight.decay = NULL, schedule = NULL, warmup = NULL, clip = NULL,
                         ema = NULL, blur = NULL, scaling = NULL, reach = NULL,
                         debias = NULL, sliced.weight = NULL, slices = NULL, bridge.plan = NULL,
                         bridge.blur = NULL, bridge.reach = NULL, bridge.noise = NULL,
                         bridge.shape = NULL, bridge.balance = NULL,
                         ratio.enforce = NULL, ratio.target = NULL, ratio.form = NULL,
                         drift.penalty = NULL, growth.penalty = NULL, validation = NULL, eval.every = NULL,
                         eval.cells = NULL, patience = NULL, compat = "none", ...) {
  compat <- check_choice(compat, c("none", "scdiffeq"), "compat")
  given <- c(as.list(environment()), list(...))
  given$compat <- NULL
  new_options("train", train_defaults(compat), given, check_train_options)
}
