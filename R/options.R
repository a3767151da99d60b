# Options of the engine as named lists. Defaults are asked from the core, which also checks the values;
# here names are checked, so that a slip of the pen is not passed over in silence.

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
    hint <- near(unknown[[1L]], names(defaults))
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
#' @param p Power of the cost: 1 for the distance, 2 for half its square.
#'   Default 2; a value S then corresponds to a squared Wasserstein-2 distance near 2 S.
#' @param blur Length below which cells are not told apart, in units of the data.
#'   Default 0.05; choose about the distance between a cell and its neighbours.
#' @param scaling Ratio of successive lengths, above 0 and below 1.
#'   Default 0.9, which is near convergence; 0.5 is about seven times as fast and a few per cent low.
#' @param reach Length beyond which mass is destroyed and created rather than moved, in units of
#'   the data.
#'   Default 0, which means balanced transport: all mass is moved.
#' @param debias Subtract what each cloud costs against itself, so that a cloud is at distance
#'   zero from itself.
#'   Default `TRUE`.
#' @param diameter First length of the annealing.
#'   Default 0, which takes the diagonal of the box around all cells.
#' @param tolerance After the annealing, iterate at the last temperature until the plan misses the
#'   weights by less than this share of the mass.
#'   Default 0, which stops after the annealing.
#'   Below 0.001 use `precision = "float64"`.
#' @param max.iterations At most this many such iterations. Default 1000.
#' @param precision `"float32"` (default, fast) or `"float64"`.
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
