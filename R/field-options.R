# Options of velocity fields and of their training, with the engine's defaults.

field_kinds <- c("vae", "ae", "mlp", "linear", "ridge", "pca", "sparsevfc", "knn", "mean")
network_fields <- c("vae", "ae", "mlp")

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
#' @param field Kind of the field, see [FitVelocityField()]; default `r doc_default("field", "field")`.
#' @param input What a network sees of a state; default `r doc_default("field", "input")`.
#'   `"components"`: the principal components of `log1p()` of all genes, which keep the noise of single genes
#'   out; `"log1p"`: every gene, standardised; `"raw"`.
#' @param components Principal components of `log1p()`, for networks, `"pca"`, `"sparsevfc"`, `"knn"` and the
#'   support; default `r doc_default("field", "components")`.
#' @param encoder,latent,decoder Widths of VAE and auto-encoder: hidden layers before, units in, hidden layers
#'   after the bottleneck.
#'   Defaults `r doc_default("field", "encoder")`, `r doc_default("field", "latent")` and
#'   `r doc_default("field", "decoder")`.
#' @param hidden Widths of the multilayer perceptron; default `r doc_default("field", "hidden")`.
#' @param activation `"silu"`, `"softplus"`, `"tanh"`, or `"relu"`, whose Jacobian jumps; default
#'   `r doc_default("field", "activation")`.
#' @param kl.weight Weight of the Kullback-Leibler divergence of the VAE beside half the squared error, which
#'   is in units of each gene's standard deviation and summed over genes; default
#'   `r doc_default("field", "kl.weight")`.
#' @param kl.warmup Share of the training during which that weight rises from 0; default
#'   `r doc_default("field", "kl.warmup")`.
#' @param epochs Passes over the training cells, at most; default `r doc_default("field", "epochs")`.
#' @param batch.size Cells per update; default `r doc_default("field", "batch.size")`, which takes 256, fewer
#'   where an epoch would have less than 20 updates, at least 32.
#' @param learning.rate,weight.decay Of AdamW; defaults `r doc_default("field", "learning.rate")` (falling along
#'   a cosine) and `r doc_default("field", "weight.decay")`.
#' @param patience Epochs without improvement on the validation cells before the training stops; default
#'   `r doc_default("field", "patience")`, 0 never stops early.
#'   The weights of the best epoch are kept.
#' @param noise Noise on the inputs, drawn anew each epoch: `"gaussian"`, `"dropout"` (genes are lost), `"both"`
#'   or `"none"`; default `r doc_default("field", "noise")`.
#'   Whatever is drawn, a cell is in training or held out with all its noisy copies.
#' @param noise.scale Standard deviation of the Gaussian noise, in units of what inputs deviate from the mean
#'   of their neighbours; default `r doc_default("field", "noise.scale")`.
#' @param dropout.scale Probability that a gene is lost, in units of the share of cells in which it is zero;
#'   default `r doc_default("field", "dropout.scale")`.
#' @param neighbours Neighbours whose mean is taken for that, and by the field `"knn"`; default
#'   `r doc_default("field", "neighbours")`.
#' @param ridge.lambda Penalty of `"ridge"`, in units of the mean variance of genes; default
#'   `r doc_default("field", "ridge.lambda")`, which takes the best of 29 on the validation cells.
#' @param vfc.space Where `"sparsevfc"` has its control points: `"components"` or `"genes"`; default
#'   `r doc_default("field", "vfc.space")`.
#' @param vfc Named list of options of `"sparsevfc"`: `r doc_option("vfc", "control.points")` (a twentieth
#'   of the cells, at least 50), `r doc_option("vfc", "lambda")`, `r doc_option("vfc", "outlier.volume")`,
#'   `r doc_option("vfc", "inliers")`, `r doc_option("vfc", "scale")` (root mean square that velocities
#'   are brought to, so that their unit does not matter), `r doc_option("vfc", "width")` (chosen by the
#'   distances of control points), `r doc_option("vfc", "iterations")`, `r doc_option("vfc", "tolerance")`.
#' @param support.cells,support.neighbours Cells kept to tell whether a state is among them, and how many of
#'   the nearest count; defaults `r doc_default("field", "support.cells")` and
#'   `r doc_default("field", "support.neighbours")`.
#' @param compat `"none"`, or `"deepvelo"`, which takes the networks, loss, noise and training of the published
#'   code as defaults: raw counts, rectifiers, the squared error averaged over genes beside a divergence summed
#'   over units, copies of cells parted after they were made.
#'   Its VAE collapses: it gives every cell the same velocity.
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
#' @export
FieldOptions <- function(field = NULL, input = NULL, components = NULL, encoder = NULL, latent = NULL,
                         decoder = NULL, hidden = NULL, activation = NULL, kl.weight = NULL,
                         kl.warmup = NULL, epochs = NULL, batch.size = NULL, learning.rate = NULL,
                         weight.decay = NULL, patience = NULL, noise = NULL, noise.scale = NULL,
                         dropout.scale = NULL, neighbours = NULL, ridge.lambda = NULL, vfc.space = NULL,
                         vfc = NULL, support.cells = NULL, support.neighbours = NULL, compat = "none", ...) {
  compat <- check_choice(compat, c("none", "deepvelo"), "compat")
  field <- if (is.null(field)) "vae" else check_choice(field, field_kinds, "field")
  given <- c(as.list(environment()), list(...))
  given$vfc <- NULL
  defaults <- field_defaults(field, compat)
  options <- new_options("field", defaults, given, check_field_options)
  options$vfc <- merge_options(vfc_defaults(), vfc, "vfc")
  options
}
