# The model as users keep it: an S3 list of configuration and raw bytes, so that it survives
# saveRDS(), forks and workers on other hosts. The engine is rebuilt from the bytes when needed.

model_format <- 1L

model_fields <- c(
  "format", "type", "config", "states", "dims", "reduction", "assay", "times", "time.name",
  "cells", "history", "versions"
)

# A model of class c("fatefield_<type>", "fatefield_model").
# `config`: named list of options, as the engine writes them. `states`: list of raw vectors, one
# per member of the ensemble. `dims`: names of the dimensions or genes, in the order of the engine's
# input. `reduction`, `assay`: where they came from, or NULL. `times`: the distinct times it was
# trained on; `time.name`: their column, or NULL. `cells`: names of the cells it was trained on.
# `history`: data.frame of the training. `libtorch`: version, where known. `...`: further named
# fields.
new_model <- function(type, config, states, dims, reduction = NULL, assay = NULL,
                      times = numeric(), time.name = NULL, cells = character(),
                      history = data.frame(), libtorch = NULL, ...) {
  versions <- list(
    fatefield = as.character(utils::packageVersion("fatefield")),
    R = as.character(getRversion())
  )
  versions$libtorch <- libtorch
  model <- list(
    format = model_format, type = type, config = config, states = states, dims = dims,
    reduction = reduction, assay = assay, times = times, time.name = time.name, cells = cells,
    history = history, versions = versions, ...
  )
  check_model(structure(model, class = c(paste0("fatefield_", type), "fatefield_model")))
}

# The model, or an error that says what is wrong with it. `type`: the kinds that will do, NULL for any.
check_model <- function(model, argument = "model", type = NULL) {
  if (!inherits(model, "fatefield_model") || !is.list(model)) {
    stop_model(
      argument, "`", argument, "` must be a fatefield model, as FitSDE() or LoadModel() gives, ",
      "not ", described(model), "."
    )
  }
  check_format(unclass(model)[["format"]], argument)
  absent <- setdiff(model_fields, names(model))
  if (length(absent) > 0L) {
    stop_model(argument, "`", argument, "` is damaged: it lacks ", quoted(absent), ".")
  }
  if (!identical(class(model), c(paste0("fatefield_", model$type), "fatefield_model"))) {
    stop_model(
      argument, "`", argument, "` is damaged: it says to be of type ", described(model$type),
      ", but its class is ", quoted(class(model)), "."
    )
  }
  if (!is.null(type) && !model$type %in% type) {
    stop_model(
      argument, "`", argument, "` must be a model of type ", paste0("\"", type, "\"", collapse = " or "), ", not ",
      quoted(model$type), "."
    )
  }
  check_dim_names(model$dims, argument)
  check_states(model$states, argument)
  model
}

check_format <- function(format, argument) {
  if (!is.numeric(format) || length(format) != 1L || !is.finite(format) || format < 1) {
    stop_model(argument, "`", argument, "` is damaged: its format is ", described(format), ".")
  }
  if (format > model_format) {
    stop_model(
      argument, "`", argument, "` has format ", format, ", this fatefield reads up to ",
      model_format, ": update the package."
    )
  }
}

check_dim_names <- function(dims, argument) {
  if (!is.character(dims) || length(dims) == 0L || anyNA(dims)) {
    stop_model(
      argument, "`", argument, "` is damaged: its dimensions must be names, not ",
      described(dims), "."
    )
  }
}

check_states <- function(states, argument) {
  raws <- is.list(states) && length(states) > 0L && all(vapply(states, is.raw, logical(1)))
  if (!raws) {
    stop_model(
      argument, "`", argument, "` is damaged: its states must be a list of raw vectors, not ",
      described(states), "."
    )
  }
  for (i in seq_along(states)) {
    tryCatch(
      archive_check(states[[i]], argument),
      fatefield_error_file = function(e) {
        stop_model(
          argument, "`", argument, "`: the state of member ", i, " cannot be read. ",
          conditionMessage(e)
        )
      }
    )
  }
}

# Stops unless the columns of `x` (cells x dims) are the dimensions or genes the model was fitted
# on, in that order. Columns without names of their own ("dim_1", ...) are only counted.
check_model_dims <- function(model, x, argument = "model") {
  fitted <- model$dims
  given <- colnames(x)
  if (ncol(x) != length(fitted)) {
    stop_model(
      argument, "`", argument, "` was fitted on ", length(fitted), " dimension",
      if (length(fitted) > 1L) "s", " (", quoted(fitted, 4L), "), but here are ", ncol(x),
      if (!is.null(given)) paste0(" (", quoted(given, 4L), ")"), "."
    )
  }
  nameless <- paste0("dim_", seq_along(fitted))
  if (is.null(given) || identical(given, nameless) || identical(fitted, nameless)) {
    return(invisible(x))
  }
  differ <- which(fitted != given)
  if (length(differ) > 0L) {
    at <- differ[[1L]]
    reordered <- setequal(fitted, given)
    stop_model(
      argument, "`", argument, "` was fitted on other dimensions or genes",
      if (reordered) " (the same, in another order)", ": number ", at, " was ",
      quoted(fitted[[at]]), ", here it is ", quoted(given[[at]]), "."
    )
  }
  invisible(x)
}

#' The model kept in an object
#'
#' Fitting functions leave their model in the object: in `Tool` of a Seurat object, in `metadata` of
#' a SingleCellExperiment.
#' `GetModel()` takes it out, `SetModel()` puts one in, for example into another object on which it
#' shall be used.
#' It stays whole when the object is subset.
#' A model works on the cells that it was fitted on, however they are called or ordered, and on new cells in the same
#' reduction; where the reduction was computed anew, every function that reads the model stops and says so.
#'
#' @section Basic use:
#' ```
#' model <- GetModel(cells)
#' summary(model)
#' other <- SetModel(other, model)
#' ```
#' @param object a Seurat object or a SingleCellExperiment; `GetModel()` gives a model back as it
#'   is.
#' @param model a model, as [FitSDE()] or [LoadModel()] gives.
#' @param name the model's name in the object, one string; `NULL` takes the one stored last.
#' @param store.as the name to keep the model under; `NULL` names it by its type, such as `"sde"`.
#' @param ... not used.
#' @return `GetModel()`: the model, a list of class `fatefield_model` with, among others,
#'   `config` (options), `dims` (names of the dimensions), `times` (in units of the time column),
#'   `history` (data.frame of the training) and `states` (raw vectors, one per member of the
#'   ensemble).
#'   `SetModel()`: the object with the model in it.
#'
#'   `summary()`: what the model was fitted on and how well: cells, dimensions, times with their unit and their cells,
#'   growth, noise, how the training ended, the scores of held-out cells, members and seeds.
#'   `as.data.frame()` of it gives the numbers: `quantity`, `member`, `time`, `value`, `value_low`, `value_high`.
#' @section Errors:
#' `fatefield_error_model` where the object holds no such model, or the model is damaged, foreign
#' or of a newer format.
#'
#' `fatefield_error_stale` where a model is used on a reduction that was computed anew.
#' @seealso [SaveModel()] for a model in a file of its own.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' model <- GetModel(cells)
#' summary(model)
#'
#' # The same model for other cells of the same reduction.
#' some <- SetModel(cells[, 1:50], model, store.as = "trained on all")
#' @export
GetModel <- function(object, name = NULL, ...) UseMethod("GetModel")

#' @rdname GetModel
#' @export
GetModel.default <- function(object, name = NULL, ...) {
  check_no_dots(names(formals(GetModel.default)), ...)
  check_model(fetch_model(object, name))
}

#' @rdname GetModel
#' @export
GetModel.Seurat <- GetModel.default

#' @rdname GetModel
#' @export
GetModel.SingleCellExperiment <- GetModel.default

#' @rdname GetModel
#' @export
SetModel <- function(object, model, store.as = NULL, ...) UseMethod("SetModel")

#' @rdname GetModel
#' @export
SetModel.default <- function(object, model, store.as = NULL, ...) {
  stop_input(
    "object", "`object` must be a Seurat object or a SingleCellExperiment, not ",
    described(object), "."
  )
}

#' @rdname GetModel
#' @export
SetModel.Seurat <- function(object, model, store.as = NULL, ...) {
  check_no_dots(names(formals(SetModel.default)), ...)
  if (missing(model)) stop_input("model",
    "`model` is missing: give one from FitSDE(), FitVelocityField() or LoadModel().")
  check_model(model)
  store_model(object, model, if (is.null(store.as)) model$type else check_string(store.as, "store.as"))
}

#' @rdname GetModel
#' @export
SetModel.SingleCellExperiment <- SetModel.Seurat
