# The class VelocityVAE of the engine, for scripts that want it itself. The R functions use the same fields.

#' The variational auto-encoder of velocities
#'
#' A class of C++ objects: a network that takes the state of a cell to its velocity through a few latent units.
#' [FitVelocityField()] and all that follows it work on the same fields; the bytes of `$serialize()` are what
#' their models keep in `states`.
#' Matrices have cells in rows and genes in columns: size-normalised spliced counts on the linear scale.
#'
#' @details
#' `new(VelocityVAE, options, seed)` makes an untrained one from [FieldOptions()] of field `"vae"`, `"ae"` or
#' `"mlp"`, and a seed.
#' `new(VelocityVAE, bytes)` brings one back from `$serialize()`, with the same bytes of every answer.
#'
#' * `$fit(x, velocity, list(part, batch, tick))` trains it.
#'   `part`: 0 for training, 1 for validation, 2 for test cells; without it a tenth of the cells is for
#'   validation.
#'   `batch`: codes from 0.
#'   `tick(done, note)`: called now and then.
#'   Gives `history` (data.frame, a row an epoch), `epochs`, `best.epoch`, `ended`, `kl` (nats per cell) and
#'   `spread` (standard deviation over cells of its velocities over that of those given).
#' * `$velocity(x)`: cells x genes, at the latent mean.
#' * `$jvp(x, delta)`: how fast the velocity changes along `delta`, exact.
#' * `$jacobian(x, cell)`: genes x genes, `df_i / dx_j` at a row of `x`, exact.
#' * `$divergence(x)`: the trace of the Jacobian of each cell.
#' * `$embed(x)`: cells x units, the latent means, or what the narrowest layer gives.
#' * `$support(x)`: distance from the training cells, of which 99 of 100 have at most 1.
#' * `$serialize()`: raw bytes.
#' * `$kind()`, `$genes()`, `$trained()`.
#'
#' An object lives in its R process only; keep `$serialize()`, or use [FitVelocityField()], whose models can be
#' saved.
#'
#' @section Errors:
#' Classes `fatefield_error_input`, `fatefield_error_model` (not trained, other genes), `fatefield_error_file`
#' (damaged bytes) and `fatefield_error_numeric` (collapsed, loss not finite).
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#'
#' Kingma and Welling (2014) Auto-encoding variational Bayes. ICLR.
#' @name VelocityVAE
#' @aliases Rcpp_VelocityVAE-class
#' @export VelocityVAE
#' @section Basic use:
#' ```r
#' engine <- new(VelocityVAE, GetModel(cells)$states[[1]])
#' ```
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 200, n.genes = 30, as = "list")
#' x <- t(as.matrix(cells$counts))
#' engine <- new(VelocityVAE, FieldOptions(epochs = 20, latent = 4), 1)
#' report <- engine$fit(x, t(cells$truth$velocity), list())
#' report$kl
#' dim(engine$embed(x))
#' again <- new(VelocityVAE, engine$serialize())
#' identical(again$velocity(x), engine$velocity(x))
NULL

Rcpp::loadModule("velocity_vae", what = "VelocityVAE")
