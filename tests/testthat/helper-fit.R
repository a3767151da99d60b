# A model that is trained in a second: small networks on the tiny cells.
tiny_fit <- function(object, time = "day", ...) {
  args <- list(
    object, time = time, drift.hidden = 8L, diffusion.hidden = 8L, updates = 5L, dt = 0.25, n.models = 1L,
    verbose = FALSE
  )
  do.call(FitSDE, utils::modifyList(args, list(...)))
}

tiny_model <- function(...) {
  cells <- tiny_cells()
  tiny_fit(cells$x, cells$time, ...)
}
