# Options of velocity fields and of their training, with the engine's defaults.

field_kinds <- function() field_kind_table()$name

is_network_field <- function(kind) {
  kinds <- field_kind_table()
  kind %in% kinds$name[kinds$network]
}

#' Options of a velocity field and of its training
#'
#' [FitVelocityField()] takes the same names directly; this function shows and checks them.
#' Every argument left at `NULL` takes the default of the engine, which is given below.
#'
#' @section Basic use:
#' ```r
#' cells <- FitVelocityField(cells, epochs = 60)   # any option by its name
#' FieldOptions()                                 # all of them, with their defaults
#' ```
#' @param ... Nothing more; an unknown name is an error that says which name is meant.
#'
#' @return A named list of class `fatefield_field_options`.
#' @section Errors:
#' `fatefield_error_input` that names the option and its range.
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#'
#' Kingma and Welling (2014) Auto-encoding variational Bayes. ICLR.
#'
#' Ma et al. (2013) Regularized vector field learning with sparse approximation for mismatch removal. Pattern
#' Recognition 46.
#' @seealso [FitVelocityField()]
#' @examples
#' FieldOptions(latent = 8, epochs = 50)
#' FieldOptions(compat = "deepvelo")$encoder
#' @name FieldOptions
NULL

make_field_options <- function(given) {
  given$compat <- check_choice(given$compat, c("none", "deepvelo"), "compat")
  given$field <- if (is.null(given$field)) "vae" else check_choice(given$field, field_kinds(), "field")
  vfc <- given[["vfc"]]
  given$vfc <- NULL
  options <- new_options("field", field_defaults(given$field, given$compat), given, check_field_options)
  options$vfc <- merge_options(vfc_defaults(), vfc, "vfc")
  options
}
