# The class NeuralSDE of the engine, for scripts that want it itself. The R functions use the same.

#' The neural SDE of the engine
#'
#' A class of C++ objects: dx = f(x, t) dt + g(x, t) dW with neural drift f and diffusion g, and a
#' growth rate of cells.
#' [FitSDE()], [SimulateCells()] and the rest work through it.
#' Matrices have cells in rows; states, times and rates are in the units of the data.
#'
#' @details
#' `new(NeuralSDE, options, dims, seed)` makes an untrained model from [SDEOptions()], the number
#' of dimensions and a seed of the initial weights.
#' `new(NeuralSDE, bytes)` brings one back from `$serialize()`.
#'
#' * `$fit(x, time, options, seed, list(clone, growth, tick))` trains in place on `x` (cells x
#'   dims) with [TrainOptions()]; on a trained model it goes on where it stopped.
#'   Gives `history` (data.frame, a row an update), `updates`, `best.update`, `held.out`, `ended` (`"finished"`,
#'   `"early"`, `"interrupted"` or `"diverged"`) and `validation` (`TRUE` for the cells that were held out).
#' * `$drift(x, t)`, `$diffusion(x, t)`: cells x dims; the drift per unit of time, the standard
#'   deviation of the noise per root of a unit of time.
#' * `$potential(x, t)`: cells x 1, the scalar whose gradient is the drift.
#' * `$growth(x, t)`: cells x 1, per unit of time; 0 where none was learned.
#' * `$simulate(x0, times, n_sim, seed, first_trajectory)`: `states` (array trajectory x dim x
#'   time; trajectory `(cell - 1) * n_sim + sim`) and `log_weights` (trajectory x time, the
#'   integral of growth).
#' * `$simulate_as(x0, times, n_sim, seed, first_trajectory, list(noise.sd))`: the same with noise of
#'   constant standard deviation per root of a unit of time, one number for each dimension, in the
#'   place of the learned one.
#' * `$steps(times)`: where the steps of a simulation through these times begin, and where the last ends.
#' * `$move_to(device)`: from now on networks run on `"cpu"` or `"cuda"`.
#' * `$fates(index, x0, start_times, end, list(n.sim, seed), tick)`: shares of labels at the end of futures, simulated
#'   and labelled together; `index` is one of the package's own.
#' * `$serialize()`: raw bytes, independent of the version of LibTorch.
#' * `$options()`, `$dims()`, `$parameters()`, `$times()`, `$has_potential()`, `$has_growth()`.
#'
#' An object lives in its R process only; keep `$serialize()`, or use [FitSDE()], whose models can
#' be saved.
#'
#' @section Errors:
#' Classes `fatefield_error_input`, `fatefield_error_model`, `fatefield_error_file` and
#' `fatefield_error_numeric`.
#' @name NeuralSDE
#' @aliases Rcpp_NeuralSDE-class
#' @export NeuralSDE
#' @section Basic use:
#' ```r
#' engine <- new(NeuralSDE, GetModel(cells)$states[[1]])
#' engine$drift(states, 0)                        # states: a matrix, cells x dims
#' ```
#' @examples
#' engine <- new(NeuralSDE, SDEOptions(drift.hidden = c(16, 16)), 2, 1)
#' engine
#' x <- cbind(seq(-1, 1, length.out = 5), 0)
#' engine$drift(x, 0)
#' futures <- engine$simulate(x, c(0, 1), 3, 42, 0)
#' dim(futures$states)
#' again <- new(NeuralSDE, engine$serialize())
#' identical(again$drift(x, 0), engine$drift(x, 0))
NULL

Rcpp::loadModule("neural_sde", what = "NeuralSDE")
