// Defaults of learned velocity fields, and the published ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fatefield {

/// A learned velocity field: what kind, what it sees, how it is trained.
struct FieldOptions {
  /// Kind of the field: `r doc_field_kinds()`, see [FitVelocityField()].
  std::string field = "vae";
  /// What a network sees of a state.
  /// `"components"`: the principal components of `log1p()` of all genes, which keep the noise of single genes
  /// out and bring fields nearer to held-out velocities; `"log1p"`: every gene, standardised; `"raw"`.
  std::string input = "components";
  /// Principal components of `log1p()`, for networks, `"pca"`, `"sparsevfc"`, `"knn"` and the support.
  std::int64_t components = 30;
  /// Widths of the hidden layers of VAE and auto-encoder before the bottleneck.
  std::vector<std::int64_t> encoder = {128};
  /// Units of VAE and auto-encoder in the bottleneck.
  std::int64_t latent = 32;
  /// Widths of the hidden layers of VAE and auto-encoder after the bottleneck.
  std::vector<std::int64_t> decoder = {128};
  /// Widths of the multilayer perceptron.
  std::vector<std::int64_t> hidden = {128, 128};
  /// `"silu"`, `"softplus"`, `"tanh"`, or `"relu"`, whose Jacobian jumps.
  std::string activation = "silu";
  /// Weight of the Kullback-Leibler divergence of the VAE beside half the squared error, which is in units of
  /// each gene's standard deviation and summed over genes.
  double kl_weight = 0.05;
  /// Share of the training during which that weight rises from 0.
  double kl_warmup = 1.0 / 3.0;
  /// Passes over the training cells, at most.
  std::int64_t epochs = 200;
  /// Cells per update; 0 takes 256, fewer where an epoch would have less than 20 updates, at least 32.
  std::int64_t batch_size = 0;
  /// Of AdamW. It falls along a cosine, but not in the published training, where that of the auto-encoder is
  /// five times that of the VAE.
  double learning_rate = 2e-3;
  /// Of AdamW.
  double weight_decay = 1e-2;
  /// Epochs without improvement on the validation cells before the training stops; 0 never stops early.
  /// The weights of the best epoch are kept.
  std::int64_t patience = 20;
  /// Noise on the inputs, drawn anew each epoch: `"gaussian"`, `"dropout"` (genes are lost), `"both"` or
  /// `"none"`. Whatever is drawn, a cell is in training or held out with all its noisy copies.
  std::string noise = "gaussian";
  /// Standard deviation of the Gaussian noise, in units of what inputs deviate from the mean of their
  /// neighbours.
  double noise_scale = 0.5;
  /// Probability that a gene is lost, in units of the share of cells in which it is zero.
  double dropout_scale = 0.3;
  /// Neighbours whose mean is taken for the Gaussian noise, and by the field `"knn"`.
  std::int64_t neighbours = 30;
  /// Penalty of `"ridge"` per cell, in units of the mean variance of genes; 0 takes the best of 29 on the
  /// validation cells.
  double ridge_lambda = 0.0;
  /// Where `"sparsevfc"` has its control points: `"components"` or `"genes"`.
  std::string vfc_space = "components";
  /// Cells kept to tell whether a state is among them.
  std::int64_t support_cells = 5000;
  /// How many of the nearest of these count.
  std::int64_t support_neighbours = 10;
  /// `"none"`, or `"deepvelo"`, which takes the networks, loss, noise and training of the published code as
  /// defaults: raw counts, rectifiers, the squared error averaged over genes beside a divergence summed over
  /// units, copies of cells parted after they were made.
  /// Its VAE collapses: it gives every cell the same velocity.
  std::string compat = "none";
};

/// The published VAE (spec of its code): raw counts, rectifiers, the squared error averaged over genes beside
/// a divergence summed over units, two rows per update. It collapses. Its auto-encoder differs in the rate.
inline FieldOptions published_field_options(const std::string& field) {
  FieldOptions o;
  o.field = field;
  o.input = "raw";
  o.encoder = {64};
  o.latent = 16;
  o.decoder = {16, 64};
  o.activation = "relu";
  o.kl_weight = 1.0;
  o.kl_warmup = 0.0;
  o.epochs = 20;
  o.batch_size = 2;
  o.learning_rate = field == "ae" ? 5e-5 : 1e-5;
  o.weight_decay = 0.0;
  o.patience = 3;
  o.noise = "none";
  o.compat = "deepvelo";
  return o;
}

/// Sparse vector field consensus; the defaults of dynamo but for the scale.
struct SparseVfcOptions {
  /// Control points of the kernel; 0 takes a twentieth of the cells, at least 50.
  std::int64_t control_points = 0;
  /// Weight of smoothness.
  double lambda = 3.0;
  /// Volume of the uniform distribution of outliers.
  double outlier_volume = 5.0;
  /// Share of cells that are no outliers, at the start; 1 and beyond switches outliers off.
  double inliers = 0.9;
  /// Root mean square that velocities are brought to before fitting, so that their unit does not matter.
  double scale = 0.15;
  /// Of the kernel, b in exp(-b |z - c|^2); 0 chooses it by the distances of control points, as dynamo does.
  double width = 0.0;
  /// Iterations, at most.
  std::int64_t iterations = 500;
  /// Relative change of the energy at which iterations end.
  double tolerance = 1e-5;
};

}  // namespace fatefield
