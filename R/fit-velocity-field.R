# Fits a velocity field: how fast each gene changes as a function of a cell's state. Takes states and velocities
# (matrices cells x genes, or an object after EstimateVelocity()); gives a model, or the object with it.

#' Learn a velocity field
#'
#' RNA velocity says where each measured cell is heading.
#' A velocity field f says it for every state, measured or not: dx/dt = f(x), with x the size-normalised
#' spliced counts of the velocity genes on the linear scale.
#' With it cells can be followed far beyond the next few hours, see [IntegrateCells()].
#'
#' @section Basic use:
#' ```
#' cells <- EstimateVelocity(cells)
#' cells <- FitVelocityField(cells)
#' GetModel(cells)
#' ```
#'
#' @section Kinds:
#' `r doc_field_table()`
#'
#' All but the first are also baselines: a field that does no better than `"ridge"` or `"knn"` on cells held out
#' has learned little more than they.
#' [ScoreVelocityField()] compares them all.
#'
#' @section Held-out cells:
#' Cells are parted before anything else is done with them: before units and components are found, before noise
#' is added.
#' The validation cells say when to stop and which weights to keep; the test cells are looked at once, in the
#' end, for the errors that printing the model shows.
#' Velocities are means over neighbours, so that held-out cells are not independent of training cells; with
#' `split.by` whole groups are held out.
#'
#' @param object A Seurat object or a SingleCellExperiment after [EstimateVelocity()] in any mode; the result
#'   of that function for matrices; or a matrix of states, cells x genes: size-normalised spliced counts, not
#'   logarithms.
#' @param velocity For matrices: velocities, cells x genes, in counts per unit of time.
#'   Genes none of whose velocities is known are left out.
#'   For objects: the name of the velocities; `NULL` takes the last ones estimated.
#' @param field Kind of the field, see below.
#'   `NULL` takes `r doc_default("field", "field")`.
#' @param genes (names) Genes of the field; `NULL` takes the velocity genes.
#' @param cells Cells to train on and to hold out (names, numbers or TRUE/FALSE); `NULL` takes all.
#' @param split.by Groups of cells, such as clusters, batches or clones, of which whole ones are held out: a
#'   vector, or the name of a column.
#'   `NULL` holds out single cells.
#' @param batch A covariate of the networks, one value for each cell or the name of a column.
#'   The field is then the mean over its values, by their shares among the cells.
#' @param validation,test Shares of the cells held out; defaults 0.1 and 0.1.
#' @param n.models Number of members with different seeds; the field is their mean, and paths are integrated
#'   along each.
#' @param store.as Name under which the model is kept in the object.
#' @param seed.use Seed; member i has the seed `seed.use + i - 1`, all have the same held-out cells.
#'   `NULL` draws one from R's generator, which is else untouched.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param verbose Show progress.
#' @param ... Options of the field and of its training by name, `compat = "deepvelo"` among them; see
#'   [FieldOptions()].
#'
#' @return The object with the model in it, see [GetModel()]; for matrices the model, a list of class
#'   `fatefield_field`, with among others `dims` (genes), `history` (data.frame, one row per epoch and member:
#'   `error` and `held_out`, in units of each gene's variance, and `kl` in nats; see [PlotTraining()]), `part`
#'   (factor, one value per cell) and `error` (data.frame: mean squared error, R2 beside the mean velocity, and
#'   mean cosine, for each part of the cells).
#' @section Cells far from all others:
#' Cells whose counts or velocities are a thousand times those of all others are left out, as by [FitSDE()], and named
#' by a warning of class `fatefield_warning_outliers`.
#' @section Interrupts:
#' Ctrl-C ends the training and gives the field as it is then, with a warning.
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocities in the object, other genes or cells in states and
#' velocities, the same velocity in all cells, fewer than 20 training cells, options out of range.
#' `fatefield_error_numeric` where the loss is not finite, or where the network has collapsed: its latent units
#' say nothing of the cells, or all cells have the same velocity.
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#' @seealso [IntegrateCells()], [DriftDiffusion()], [LatentEmbedding()], [ScoreVelocityField()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 300, n.genes = 40)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- FitVelocityField(cells, epochs = 30, verbose = FALSE)
#' GetModel(cells)
#' @export
FitVelocityField <- function(object, ...) UseMethod("FitVelocityField")

#' @rdname FitVelocityField
#' @export
FitVelocityField.default <- function(object, velocity, field = NULL, split.by = NULL, batch = NULL,
                                     validation = 0.1, test = 0.1, n.models = 1L, seed.use = 42L,
                                     threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  if (!is_plain_matrix(object)) check_object(object)
  x <- embedding(object)
  if (missing(velocity)) {
    stop_input("velocity", "`velocity` is missing: velocities of the same cells and genes are needed.")
  }
  y <- check_range(known_velocities(plain_matrix(velocity, "velocity"), x), "velocity")
  x <- x[, colnames(y), drop = FALSE]
  far <- sort(union(far_cells(x, factor = far_from_counts), far_cells(y, factor = far_from_counts)))
  warn_far_cells(rownames(x)[far], "the training")
  used <- setdiff(seq_len(nrow(x)), far)
  of_used <- function(values, argument) if (!is.null(values)) cell_vector(values, rownames(x), argument)[used]
  split.by <- of_used(split.by, "split.by")
  batch <- of_used(batch, "batch")
  outliers <- rownames(x)[far]
  if (length(far) > 0L) {
    x <- x[used, , drop = FALSE]
    y <- y[used, , drop = FALSE]
  }
  n.models <- check_count(n.models, "n.models")
  check_flag(verbose, "verbose")
  options <- given_field_options(field, list(...))
  seed <- seed_from(seed.use)
  part <- split_cells(
    nrow(x), group_codes(split.by, rownames(x), "split.by"), check_number(validation, "validation"),
    check_number(test, "test"), seed
  )
  members <- fit_field_members(x, y, part, batch_codes(batch, rownames(x), options), options, n.models, seed,
    verbose)
  field_model(x, y, part, members, options, seed, outliers)
}

#' @rdname FitVelocityField
#' @export
FitVelocityField.fatefield_velocity <- function(object, field = NULL, genes = NULL, split.by = NULL, batch = NULL,
                                                validation = 0.1, test = 0.1, n.models = 1L, seed.use = 42L,
                                                threads = NULL, verbose = TRUE, ...) {
  data <- velocity_states(object, genes = genes)
  model <- call_worker(FitVelocityField.default, object = data$x, velocity = data$y, ...)
  model[c("mode", "depth")] <- data[c("mode", "depth")]
  model
}

#' @rdname FitVelocityField
#' @export
FitVelocityField.Seurat <- function(object, velocity = NULL, field = NULL, genes = NULL, cells = NULL,
                                    split.by = NULL, batch = NULL, validation = 0.1, test = 0.1, n.models = 1L,
                                    seed.use = 42L, threads = NULL, verbose = TRUE, store.as = "field", ...) {
  check_string(store.as, "store.as")
  data <- velocity_states(object, velocity, genes)
  keep <- check_cells(cells, cell_names(object))
  column <- function(value, argument) if (!is.null(value)) cell_column(object, value, argument)[keep]
  model <- call_worker(
    FitVelocityField.default, object = data$x[keep, , drop = FALSE], velocity = data$y[keep, , drop = FALSE],
    split.by = column(split.by, "split.by"), batch = column(batch, "batch"), ...
  )
  place <- data$spliced
  model["assay"] <- list(if (is.null(place$assay) || is.na(place$assay)) place$layer else place$assay)
  model["spliced"] <- list(place)
  model[c("velocity", "mode", "depth")] <- data[c("name", "mode", "depth")]
  model$source <- list(
    velocity = velocity_input(object, data$name), counts = states_input(object, model), size = data$size
  )
  log_call(SetModel(object, model, store.as), "FitVelocityField")
}

#' @rdname FitVelocityField
#' @export
FitVelocityField.SingleCellExperiment <- FitVelocityField.Seurat

# Velocities with the names of the states; genes without any known velocity are left out.
known_velocities <- function(y, x) {
  if (!identical(dim(y), dim(x))) {
    stop_input("velocity", "`velocity` is ", nrow(y), " cells x ", ncol(y), " genes, but the states are ",
      nrow(x), " x ", ncol(x), ".")
  }
  for (side in 1:2) {
    given <- dimnames(y)[[side]]
    wanted <- dimnames(x)[[side]]
    stood <- side == 2L && identical(wanted, paste0("dim_", seq_along(wanted)))
    if (is.null(given) || identical(given, wanted) || stood) next
    at <- which(given != wanted)[[1L]]
    stop_input("velocity", "`velocity` has other ", c("cells", "genes")[[side]], " than the states: number ",
      at, " is ", quoted(given[[at]]), ", there it is ", quoted(wanted[[at]]), ".")
  }
  dimnames(y) <- dimnames(x)
  known <- colSums(is.finite(y)) > 0
  if (!any(known)) stop_input("velocity", "`velocity` is not known for any gene.")
  y[, known, drop = FALSE]
}

# FieldOptions() from the dots of FitVelocityField().
given_field_options <- function(field, given) {
  if (length(given) > 0L && (is.null(names(given)) || !all(nzchar(names(given))))) {
    stop_input("...", "Further arguments of FitVelocityField() must have names, see ?FieldOptions.")
  }
  do.call(FieldOptions, c(list(field = field), given))
}

# Codes of groups from 0; empty where there are none.
group_codes <- function(group, cells, argument) {
  if (is.null(group)) {
    return(numeric())
  }
  group <- check_labels(cell_vector(group, cells, argument), argument)
  if (anyNA(group)) stop_input(argument, "`", argument, "` must be known for each cell.")
  as.numeric(group) - 1
}

batch_codes <- function(batch, cells, options) {
  if (!is.null(batch) && !is_network_field(options$field)) {
    stop_input("batch", "`batch` is a covariate of networks; a field of kind ", quoted(options$field),
      " takes none.")
  }
  group_codes(batch, cells, "batch")
}

# What fit_velocity_field() gives, one per member. An interrupt ends the member it meets and leaves out the
# rest.
fit_field_members <- function(x, y, part, batch, options, n.models, seed, verbose) {
  each <- if (is_network_field(options$field)) options$epochs else 1
  label <- if (n.models > 1L) paste("Training", n.models, "fields") else "Training"
  tick <- progress_bar(each * n.models, label, verbose)
  work <- field_trainer(x, y, part, batch, options, seed)
  members <- list()
  if (n.models > 1L && plan_workers() > 1L) {
    members <- plan_chunks(seq_len(n.models), work, function(n) tick(each * n))$results
    if (length(members) == 0L) rlang::interrupt()
    return(members)
  }
  for (i in seq_len(n.models)) {
    before <- each * (i - 1L)
    members[[i]] <- work(i, function(done, note) tick(before + done, note))
    tick(before + each, if (members[[i]]$ended == "early") "stopped early" else "")
    if (members[[i]]$ended == "interrupted") {
      rlang::warn(
        paste0("The training was interrupted after ", members[[i]]$epochs, " epochs; the field can be used as ",
          "it is."),
        class = "fatefield_warning_interrupted"
      )
      break
    }
  }
  members
}

# A function of the number of a member, which trains it.
field_trainer <- function(x, y, part, batch, options, seed) {
  force_all(x, y, part, batch, options, seed)
  function(i, tick) {
    fit_velocity_field(
      x, y, part, batch, unclass(options)[names(options) != "vfc"], options$vfc, seed + i - 1, tick, thread_count()
    )
  }
}

field_model <- function(x, y, part, members, options, seed, outliers = character()) {
  part <- factor(c("training", "validation", "test")[part + 1L], c("training", "validation", "test"))
  per_member <- function(what) vapply(members, function(m) m[[what]], members[[1L]][[what]])
  model <- new_model(
    type = "field", config = c(unclass(options), list(seed = seed)), states = lapply(members, `[[`, "state"),
    dims = colnames(x), cells = rownames(x),
    history = do.call(rbind, lapply(seq_along(members), function(i) member_table(i, members[[i]]$history))),
    part = part, depth = NA_real_, outliers = outliers,
    fit = data.frame(
      epochs = per_member("epochs"), best.epoch = per_member("best.epoch"), ended = per_member("ended"),
      kl = per_member("kl"), spread = per_member("spread"), chosen = per_member("chosen")
    )
  )
  model$error <- part_errors(model_velocity(model, x), y, part)
  model
}

# One row per part of the cells: mean squared error, R2 beside the mean velocity of training, mean cosine.
part_errors <- function(found, y, part) {
  mean <- colMeans(y[part == "training", , drop = FALSE])
  rows <- lapply(levels(part), function(p) {
    at <- part == p
    gap <- found[at, , drop = FALSE] - y[at, , drop = FALSE]
    data.frame(
      part = p, cells = sum(at), mse = mean(gap^2),
      r2 = 1 - sum(gap^2) / sum(sweep(y[at, , drop = FALSE], 2L, mean)^2),
      cosine = mean(row_cosines(found[at, , drop = FALSE], y[at, , drop = FALSE]))
    )
  })
  do.call(rbind, rows)
}

# Cosines between rows; 0 where one of the two is all 0.
row_cosines <- function(a, b) {
  size <- sqrt(rowSums(a^2) * rowSums(b^2))
  ifelse(size > 0, rowSums(a * b) / size, 0)
}
