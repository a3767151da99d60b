#' fatefield: learn how single cells move and tell where each will go
#'
#' @keywords internal
#' @aliases fatefield
#' @importFrom Rcpp loadModule
#' @importFrom methods new
#' @useDynLib fatefield, .registration = TRUE
"_PACKAGE"
