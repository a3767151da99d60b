# Options of the engine as named lists. Defaults are asked from the core, which also checks the
# values; here names are checked, so that a slip of the pen is not passed over in silence. The functions
# that users call, with what help pages say of each argument, are made from the core: R/option-functions.R.

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
#' @param ... Nothing more; an unknown name is an error that says which name is meant.
#'
#' @return A named list of class `fatefield_sinkhorn_options`.
#' @references Feydy et al. (2019) Interpolating between optimal transport and MMD using Sinkhorn
#'   divergences. AISTATS.
#' @seealso [OTDistance()], [OTPlan()], [SinkhornLoss]
#' @examples
#' SinkhornOptions(blur = 0.1, scaling = 0.7)
#' @name SinkhornOptions
NULL

make_sinkhorn_options <- function(given) {
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
#' @name SDEOptions
NULL

make_sde_options <- function(given) {
  given$compat <- check_choice(given$compat, c("none", "scdiffeq"), "compat")
  new_options("sde", sde_defaults(given$compat), given, check_sde_alone)
}

# The rank of the noise is the only option whose range depends on the dimensions; here it is its
# own.
check_sde_alone <- function(options) {
  check_sde_options(options, as.integer(max(1L, min(options$diffusion.rank, 1e6))))
}

# The published settings are no option of the training: they are its defaults.
make_train_options <- function(given) {
  compat <- check_choice(given$compat, c("none", "scdiffeq"), "compat")
  given$compat <- NULL
  new_options("train", train_defaults(compat), given, check_train_options)
}
