# Fits a neural SDE. Takes cells with times (matrix cells x dims, Seurat, SingleCellExperiment),
# gives a model or the object with the model in it.

#' Learn how cells move from cells measured at several times
#'
#' Trains a neural stochastic differential equation: a drift that says where cells go, a diffusion
#' that says how stochastic their motion is, and, if wished, a growth rate.
#' No cell needs to be followed: cells of successive times are paired by optimal transport, and
#' simulated clouds are compared with the measured ones.
#'
#' @section Basic use:
#' ```
#' cells <- FitSDE(cells, time = "day")
#' summary(GetModel(cells))
#' cells <- PredictFate(cells, labels = "state")
#' ```
#' @param object a matrix (cells x dims), a Seurat object or a SingleCellExperiment.
#' @param time Times of the cells: the name of a column of the object, or one value for each cell, at least two
#'   different ones.
#'   Numbers, dates and differences of times are taken as they are; text and levels where it is certain what they mean,
#'   such as `"D2"`, `"Day 2"`, `"24h"` or `"E8.5"`.
#'   Values with the names of cells are matched by them.
#'   The model keeps the time of each cell, and the unit where it is known.
#' @param reduction Name of the reduction whose coordinates are the states.
#'   `NULL` takes the PCA, or the first reduction where there is none.
#' @param dims Numbers of the dimensions to use; `NULL` takes all.
#' @param cells Cells to train on (names, numbers or TRUE/FALSE); `NULL` takes all.
#' @param clone Clones of the cells, or the name of a column; `NA` means none.
#'   Whole clones are then held out for early stopping, so that no held-out cell has a sister in
#'   training.
#' @param use.clones What clones are used for beside: `"holdout"` (or `NULL`): nothing.
#'   `"pairs"`: cells of one clone are paired across times.
#'   `"noise"`: the noise of the motion is that under which plans and clones agree best.
#'   `"both"`: both. See the section on clones.
#' @param velocity Velocities of the cells, which the motion is expected to follow.
#'   `TRUE` or a name: those that [EstimateVelocity()] left in the object, projected onto neighbours in the reduction as
#'   [EmbedVelocity()] does.
#'   A matrix: one row for each cell and the columns of the coordinates; `NA` where nothing is known.
#'   See the section on velocities.
#' @param growth `"learned"`: a growth rate is learned as a function of state.
#'   `"none"`: all cells count alike.
#'   Numbers, one for each cell and per unit of time, or the name of a column, such as
#'   [GrowthRates()] gives: cells of the first time count `exp(rate * elapsed time)`.
#'   Where nothing is said growth is learned, but not under `compat = "scdiffeq"`.
#' @param method `"bridge"`: a bridge alone, which needs no simulation.
#'   `"bridge+sinkhorn"`: a bridge, then a few rollouts.
#'   `"sinkhorn"`: rollouts alone.
#'   `NULL` takes `r doc_default("train", "method")`, under `compat = "scdiffeq"`
#'   `r doc_default("train", "method", "scdiffeq")`.
#' @param n.models Number of models (members of an ensemble) with different seeds, and, unless `bridge.noise` is given,
#'   different assumptions of how much of the motion is noise, which snapshots do not tell: what is asked of the model
#'   is the mean of the members, and their spread is the uncertainty.
#'   `NULL` trains three for `method = "bridge"` without a `bridge.noise`, and one elsewhere.
#' @param store.as Name under which the model is kept in the object.
#' @param seed.use Seed; member i of an ensemble has the seed `seed.use + i - 1`.
#'   `NULL` draws one from R's generator, which is else untouched.
#' @param resume A model to train on with, from [FitSDE()] on the same cells: it goes on exactly
#'   where it stopped, and ends where one uninterrupted training would have.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else one for networks and batches
#'   so small that a second would only wait, and all cores at hand for others.
#'   Results do not depend on it.
#' @param device Where networks run: `"cpu"`, or `"cuda"` on a machine with a GPU and a LibTorch that
#'   has CUDA.
#'   `NULL` takes `options(fatefield.device = )`, else the processor.
#'   The same seed gives the same model on the same kind of device, but for rounding.
#' @param verbose Show progress.
#' @param ... Options of the networks and of the training by name; see [SDEOptions()] for all.
#'
#' @return The object with the model in it, see [GetModel()]; for a matrix the model, a list of
#'   class `fatefield_sde`.
#'   Its `history` is a data.frame with a row for each update and member, see [PlotTraining()].
#'   Its `dispersion` is a data.frame of simulated over observed variance at each later time: the
#'   least, the median and the largest of all dimensions.
#'   A fit that is as wide as the data has values near 1.
#'   Its `check` and `verdict` say how the fit went, see below.
#' @section Methods:
#' A bridge needs no simulation.
#' Entropic optimal transport pairs cells of successive times; between the cells of a pair lies a
#' Brownian bridge, and the drift is regressed on what moves points along these bridges, so that the
#' process passes through the clouds of all times.
#' The temperature of the plan is the variance of the noise over the interval: together they are a
#' Schroedinger bridge, whose drift is known at each point and is what the network learns.
#' It depends on time, which is therefore an input of the networks (`time.input`).
#'
#' Snapshots do not tell how much of a motion is noise, and more of it leaves fates more open.
#' One model assumes a middle value, the members of an ensemble a range, see `bridge.noise`.
#'
#' Where growth is learned transport is unbalanced: mass grows along a pair where that is cheaper
#' than moving, and the growth rate is regressed on it.
#' Given rates are the masses of the cells in the plan.
#'
#' Rollouts simulate the cells of the first time through all later times and compare the clouds
#' by the Sinkhorn divergence and the sliced Wasserstein distance.
#' They cost far more per update, but look at the process itself.
#'
#' `"bridge+sinkhorn"` takes the bridge first and then a few rollouts with a smaller learning rate.
#' Clouds alone do not tell how much of a motion is stochastic, so these leave the diffusion as it is.
#'
#' Where rollouts start from nothing, held-out cells say when to stop and which weights are kept.
#' After a bridge the last weights are kept, and held-out cells only tell how good they are.
#' @section Clones:
#' Cells of one clone at successive times need not be ancestor and descendant: both may descend from a founder long
#' before, and barcodes are misread or given twice.
#' So clones are trusted, interval by interval, as far as plans found without them agree: where the mates of cell i have
#' `r_i` times the share of its row that chance would give them, the trust w maximises the sum of
#' `log((1 - w) + w r_i)`.
#' Clones that beat chance by less than two standard errors (over clones) are used for nothing, and a warning of class
#' `fatefield_warning_clones` says so where that holds for all intervals.
#'
#' Under `use.clones = "pairs"` the kernel of a plan is multiplied by `1 + m` for pairs of one clone, so that a cell's
#' mates have a share w of its row, times the share of later cells with a known clone, where distance says nothing; the
#' masses of all cells hold as before.
#' Under `"noise"` the noise is that of the first interval whose clones are trusted under which they and a plan agree
#' best; the members of an ensemble have it, twice it and four times it (for a simulator with known noise fates are best
#' between the last two).
#' Clones of one cell, or at one time only, are counted and say nothing.
#' Everything found is in `clones` of the model.
#'
#' Clones that a model was trained with are no fair test of it: give `NA` for those to score by.
#'
#' @section Velocities:
#' With `velocity` cells of successive times are paired, and bridges laid between them, as by a process that has a drift
#' of its own: from each cell, its velocity times the time scale times the weight, for the interval that begins with it.
#' The process passes through the same clouds, growth is found as before, and clones are compared with plans of that
#' process.
#' Velocities have no unit of time, and may be wrong; both are found from the cells before the training:
#' * the time scale is that at which cells of a time, half an interval ahead, meet those of the next, half an interval
#'   back.
#'   In a population that looks the same at all times none is better than another; then the one is taken that moves
#'   cells farthest among those of the next time, and the summary says that times do not tell it;
#' * the weight, 0 to 1, is the share of the differences of velocities that takes no cell away from those of the next
#'   time, where velocities of other cells of the same time do; each interval is judged at the scale that the others
#'   tell.
#'   It is 0 where velocities are no better than shuffled ones by 4 standard errors, or point against the times; a
#'   warning of class `fatefield_warning_velocity` says so, and the model is the same as without.
#'
#' Where the weight is not 0 the drift is a network of its own (`drift = "forward"`) unless `drift` is given, as cells
#' cannot circle in a landscape.
#' Everything found is in `motion` of the model; `distances` there is what both were read from.
#'
#' @section Cells far from all others, and constant dimensions:
#' A single cell at a value a million times that of the others would make all means and variances its own.
#' Cells that are farther, squared, from the median of their time than all nearer cells taken together (and at least 50
#' times their root mean square) are left out of the training, at most one in a hundred; a warning of class
#' `fatefield_warning_outliers` names them, and `outliers` of the model and its summary keep them.
#'
#' Dimensions in which no cell differs have neither drift nor noise: simulated cells keep their value.
#' The others are learned as if these were not there (but not under `compat`).
#'
#' @section How the fit went:
#' At its end 500 futures of cells of the first time, held-out ones before others, are held against the observed cells
#' of each later time.
#' `check` of the model has a row for each of them and each member:
#' * `outside`: share of the futures whose mean distance to the 5 nearest observed cells is above the 0.99 quantile
#'   of that distance among the observed cells themselves; 0.01 is right, up to 0.1 passes;
#' * `knn`: median of that distance over that of the observed cells; 1 is right, 0.75 to 1.4 passes;
#' * `variance`: total variance, simulated over observed; 1 is right, 0.7 to 1.4 passes;
#' * `energy`: the energy distance, which passes up to a tenth of that to the observed cells of the time `before`,
#'   beyond twice the `floor`, its mean size between two halves of the observed cells.
#'
#' Futures count by their mass where growth is known.
#' `verdict`, which printing and [PlotTraining()] show, is `"good"` where all passes at all times, else
#' `"underfit"` (simulated cells are not where the observed ones are, or too many lie outside), `"shrunk"` (too
#' narrow) or `"spread"` (too wide, or far outside, or outside under a `bridge.noise` above those an ensemble takes),
#' with the `reason` and an `advice`.
#' Where fewer `updates` were asked for than the default, what does not pass is called underfit.
#'
#' The verdict looks at clouds alone: that a fit is good does not say that its fates are, which also depend on
#' how much of the motion is noise.
#' @section Interrupts:
#' Ctrl-C ends the training within a second and gives the model as it is then, with a warning.
#' @section Errors:
#' `fatefield_error_input` that names the argument, what was found and what is needed, a `device`
#' that is not there among them;
#' `fatefield_error_model` for a model to resume that does not fit;
#' `fatefield_error_numeric` where the loss is not finite.
#' @references Vinyard et al. (2025) Learning cell dynamics with neural differential equations.
#'   Nature Machine Intelligence 7.
#'
#'   Tong et al. (2024) Simulation-free Schroedinger bridges via score and flow matching. AISTATS.
#'
#'   Leonard (2014) A survey of the Schroedinger problem and some of its connections with optimal
#'   transport. Discrete and Continuous Dynamical Systems A 34. Pooladian and Niles-Weed (2024)
#'   Plug-in estimation of Schroedinger bridges.
#'
#'   Shi et al. (2023) Diffusion Schroedinger bridge matching. NeurIPS.
#'
#'   Wang et al. (2022) CoSpar identifies early cell fate biases from single-cell transcriptomic and lineage
#'   information. Nature Biotechnology 40, for clones in maps between times.
#'
#'   Liero, Mielke and Savare (2018) Optimal entropy-transport problems and a new
#'   Hellinger-Kantorovich distance between positive measures. Inventiones Mathematicae 211.
#'
#'   Chizat et al. (2018) Scaling algorithms for unbalanced optimal transport problems.
#'   Mathematics of Computation 87.
#' @seealso [SimulateCells()], [PredictFate()], [DriftDiffusion()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' GetModel(cells)
#' @export
FitSDE <- function(object, ...) UseMethod("FitSDE")

#' @rdname FitSDE
#' @export
FitSDE.default <- function(object, time, clone = NULL, use.clones = NULL, velocity = NULL, growth = NULL,
                           method = NULL, n.models = NULL, seed.use = 42L, resume = NULL, threads = NULL,
                           device = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  if (!is_plain_matrix(object)) check_object(object)
  x <- embedding(object)
  if (missing(time)) stop_input("time", "`time` is missing: one number for each cell is needed.")
  growth <- growth_choice(growth, identical(list(...)$compat, "scdiffeq"), resume)
  if (!is.null(n.models)) n.models <- check_count(n.models, "n.models")
  check_flag(verbose, "verbose")
  device <- device_name(device)
  time <- check_times(cell_vector(time, rownames(x), "time"), "time", nrow(x))
  warn_few_cells(time, "time")
  far <- far_cells(x, time)
  warn_far_cells(rownames(x)[far], "the training")
  used <- setdiff(seq_len(nrow(x)), far)
  rates <- growth_rates_of(growth, rownames(x))
  extra <- list(clone = clone_codes(clone, rownames(x), used), growth = rates[used])
  options <- fit_options(
    list(method = method, ...), learned = identical(growth, "learned"), resume = resume
  )
  check_sde_options(options$sde, ncol(x))
  use.clones <- check_use_clones(use.clones, clone, options)
  velocity <- check_velocities(velocity, x, options)
  seed <- seed_from(seed.use)
  if (is.null(n.models)) n.models <- train_members(options$train)
  if (!is.null(resume)) {
    check_model(resume, "resume", "sde")
    check_model_dims(resume, x, "resume")
    n.models <- length(resume$states)
    seed <- resume$config$seed
  }
  kept <- if (length(far) > 0L) x[used, , drop = FALSE] else x
  motion <- velocity_evidence(velocity[used, , drop = FALSE], kept, as.numeric(time)[used], seed)
  if (verbose && !is.null(motion)) message("Velocity: ", velocity_text(motion))
  if (isTRUE(motion$weight > 0)) {
    extra$velocity <- velocity[used, , drop = FALSE] * (motion$weight * motion$scale)
    if (is.null(resume) && is.null(list(...)$drift)) options$sde$drift <- "forward"
  }
  clones <- clone_evidence(use.clones, kept, as.numeric(time)[used], extra$clone, extra$velocity, seed)
  extra$trust <- clones$trust
  if (verbose && !is.null(clones)) message("Clones: ", clone_text(clones))
  members <- fit_members(
    kept, as.numeric(time)[used], options, extra, n.models, seed, clones$noise, resume, device, verbose
  )
  config <- c(unclass(options$sde), unclass(options$train), list(seed = seed))
  config$clone.noise <- clones$noise
  check <- do.call(rbind, lapply(members, `[[`, "check"))
  verdict <- if (!is.null(check)) fit_verdict(check, config)
  if (verbose && !is.null(verdict)) message("Fit ", fit_text(verdict))
  model <- new_model(
    type = "sde", config = config,
    states = lapply(members, `[[`, "state"), dims = colnames(x), times = sort(unique(as.numeric(time))),
    cells = rownames(x), history = do.call(rbind, lapply(members, `[[`, "history")),
    dispersion = do.call(rbind, lapply(members, `[[`, "dispersion")),
    fit = do.call(rbind, lapply(members, `[[`, "fit")), check = check, verdict = verdict,
    growth = growth_kind(options$sde, extra$growth),
    libtorch = core_libraries()$torch[["version"]], source = coordinates_input(x, x = x),
    cell.times = as.numeric(time), time.unit = attr(time, "unit"),
    time.origin = attr(time, "origin"), outliers = rownames(x)[far]
  )
  model$clones <- clones
  model$motion <- motion
  model$growth.rates <- rates
  model
}

#' @rdname FitSDE
#' @export
FitSDE.Seurat <- function(object, time, reduction = NULL, dims = NULL, cells = NULL, clone = NULL, use.clones = NULL,
                          velocity = NULL, growth = NULL, method = NULL, n.models = NULL, seed.use = 42L,
                          resume = NULL, threads = NULL, device = NULL, verbose = TRUE, store.as = "sde", ...) {
  if (missing(time)) {
    stop_input("time", "`time` is missing: the name of a column, or one value for each cell, is needed.")
  }
  check_string(store.as, "store.as")
  reduction <- choose_reduction(object, reduction)
  x <- embedding(object, reduction, dims)
  keep <- check_cells(cells, cell_names(object))
  column <- function(value, argument) {
    if (is.null(value) || is_growth_word(value)) value else cell_column(object, value, argument)[keep]
  }
  velocity <- reduced_velocities(object, velocity, x)
  name <- if (is.character(time) && length(time) == 1L) time
  model <- call_worker(
    FitSDE.default, object = x[keep, , drop = FALSE], time = column(time, "time"), clone = column(clone, "clone"),
    velocity = velocity_rows(velocity, keep), growth = column(growth, "growth"), ...
  )
  model$reduction <- reduction
  model["time.name"] <- list(name)
  model$source <- coordinates_input(object, reduction, x = x[keep, , drop = FALSE])
  log_call(SetModel(object, model, store.as), "FitSDE")
}

#' @rdname FitSDE
#' @export
FitSDE.SingleCellExperiment <- FitSDE.Seurat

# Options given by name in the dots, shared out between networks and training. A model to resume
# keeps its own, but for those given.
fit_options <- function(given, learned, resume) {
  compat <- if (is.null(given$compat)) "none" else given$compat
  if (length(given) > 0L && (is.null(names(given)) || !all(nzchar(names(given))))) {
    stop_input("...", "Further arguments of FitSDE() must have names, see ?SDEOptions.")
  }
  given <- given[!vapply(given, is.null, logical(1))]
  sde_names <- names(sde_defaults("none"))
  train_names <- names(train_defaults("none"))
  known <- union(sde_names, train_names)
  unknown <- setdiff(names(given), known)
  if (length(unknown) > 0L) {
    hint <- near_argument(unknown[[1L]], c(known, names(formals(FitSDE.Seurat))))
    stop_input(unknown[[1L]], "FitSDE() has no option ", quoted(unknown[[1L]]), ".", hint)
  }
  if (!is.null(resume)) {
    changed <- setdiff(names(given), train_names)
    if (length(changed) > 0L) {
      stop_input(changed[[1L]], "`", changed[[1L]], "` of a model to resume cannot be changed.")
    }
    given <- utils::modifyList(resume$config[names(resume$config) %in% known], given)
    return(list(
      sde = do.call(SDEOptions, given[intersect(names(given), sde_names)]),
      train = do.call(TrainOptions, given[intersect(names(given), train_names)])
    ))
  }
  if (learned) given$growth <- TRUE
  list(
    sde = do.call(SDEOptions, given[intersect(names(given), sde_names)]),
    train = do.call(
      TrainOptions, c(given[intersect(names(given), train_names)], list(compat = compat))
    )
  )
}

# "learned", "none" or rates. A model to resume keeps what it was made with.
growth_choice <- function(growth, published, resume) {
  if (!is.null(growth)) {
    return(growth)
  }
  learns <- if (is.null(resume)) !published else identical(resume$growth, "learned")
  if (learns) "learned" else "none"
}

is_growth_word <- function(growth) identical(growth, "learned") || identical(growth, "none")

# Numbers of the clones of the cells that are used, -1 for none; NULL stays NULL.
clone_codes <- function(clone, cells, used) {
  if (is.null(clone)) {
    return(NULL)
  }
  codes <- as.integer(factor(cell_vector(clone, cells, "clone")[used])) - 1
  codes[is.na(codes)] <- -1
  codes
}

growth_rates_of <- function(growth, cells) {
  if (is.null(growth) || is_growth_word(growth)) {
    return(NULL)
  }
  growth <- cell_vector(growth, cells, "growth", "\"learned\", \"none\" or ")
  if (!is.numeric(growth)) {
    stop_input(
      "growth", "`growth` must be \"learned\", \"none\" or one number for each of the ", length(cells),
      " cells, not ", described(growth), "."
    )
  }
  if (any(!is.finite(growth))) {
    stop_input("growth", "`growth` must be known for each cell; ", sum(!is.finite(growth)),
      " are not.")
  }
  as.numeric(growth)
}

# One list(state, history, dispersion, fit, check) per member. An interrupt ends the member it meets and leaves
# out the rest.
fit_members <- function(x, time, options, extra, n.models, seed, clone.noise, resume, device, verbose) {
  each <- train_updates(options$train)
  total <- each * n.models
  label <- if (n.models > 1L) paste("Training", n.models, "models") else "Training"
  tick <- progress_bar(total, label, verbose)
  work <- member_trainer(x, time, options, extra, n.models, seed, clone.noise, resume, device)
  if (n.models > 1L && plan_workers() > 1L) {
    members <- plan_chunks(seq_len(n.models), work, function(n) tick(each * n))$results
    for (i in seq_along(members)) warn_of_end(members[[i]]$fit, i, n.models)
    if (length(members) == 0L) rlang::interrupt()
    return(members)
  }
  members <- list()
  for (i in seq_len(n.models)) {
    before <- each * (i - 1L)
    members[[i]] <- work(i, function(done, note) tick(before + done, note))
    if (members[[i]]$fit$ended == "early") tick(before + each, "stopped early")
    warn_of_end(members[[i]]$fit, i, n.models)
    if (members[[i]]$fit$ended == "interrupted") break
  }
  members
}

# A function of the number of a member, which trains it.
member_trainer <- function(x, time, options, extra, n.models, seed, clone.noise, resume, device) {
  force_all(x, time, options, extra, n.models, seed, clone.noise, resume, device)
  function(i, tick) {
    engine <- if (is.null(resume)) {
      methods::new(NeuralSDE, options$sde, ncol(x), seed + i - 1)
    } else {
      methods::new(NeuralSDE, resume$states[[i]])
    }
    local_fit_threads(engine$parameters(), options$train$batch.size, time)
    train <- options$train
    train$bridge.noise <- bridge_noise(i, c(train, clone.noise = clone.noise), n.models)
    engine$move_to(device)
    extra$tick <- tick
    result <- engine$fit(x, time, train, seed + i - 1, extra)
    list(
      state = engine$serialize(),
      history = member_table(i, name_stages(result$history)),
      dispersion = member_table(i, result$dispersion),
      fit = member_table(i, data.frame(
        updates = result$updates, best.update = result$best.update, held.out = result$held.out, ended = result$ended
      )),
      check = if (result$ended != "interrupted") {
        member_table(i, fit_check(engine, x, time, result$validation, extra$growth, seed + i - 1))
      }
    )
  }
}

# Noise of the bridges of member i: that asked for, else its share of the range around what clones say, or of that
# which is not known.
bridge_noise <- function(i, config, n.models) {
  if (config$bridge.noise > 0) {
    return(config$bridge.noise)
  }
  if (is.null(config$clone.noise)) {
    return(train_member_noise(i - 1, n.models))
  }
  config$clone.noise * clone_noise_span^(if (n.models > 1L) (i - 1) / (n.models - 1) else 0.5)
}

bridge_noises <- function(config, n.models) vapply(seq_len(n.models), bridge_noise, 0, config, n.models)

has_bridge <- function(config) isTRUE(grepl("bridge", config$method))

growth_kind <- function(options, rates) {
  if (options$growth) "learned" else if (is.null(rates)) "none" else "given"
}

member_table <- function(i, table) {
  data.frame(member = rep(i, nrow(table)), table, check.names = FALSE)
}

name_stages <- function(history) {
  history$stage <- c("bridge", "rollouts")[history$stage + 1]
  history
}

warn_of_end <- function(result, i, n.models) {
  which <- if (n.models > 1L) paste0(" of member ", i) else ""
  if (result$ended == "interrupted") {
    rlang::warn(
      paste0(
        "The training", which, " was interrupted after ", result$updates, " updates; the model ",
        "can be used as it is, or trained on with `resume`."
      ),
      class = "fatefield_warning_interrupted"
    )
  }
  if (result$ended == "diverged") {
    rlang::warn(
      paste0(
        "The loss", which, " was no longer finite after ", result$updates, " updates; the best ",
        "weights until then are kept. A smaller `learning.rate` may help."
      ),
      class = "fatefield_warning_diverged"
    )
  }
}

# Member i of a model as an engine.
model_engine <- function(model, i = 1L, device = NULL) {
  engine <- methods::new(NeuralSDE, model$states[[i]])
  engine$move_to(device_name(device))
  engine
}
