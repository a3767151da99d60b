// Defaults of learned velocity fields and of the two-branch system they are tested on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.hpp"

namespace fatefield {

/// A learned velocity field: what kind, what it sees, how it is trained.
struct FieldOptions {
  /// "vae", "ae", "mlp", "sparsevfc", "knn", "pca", "ridge", "linear" or "mean".
  std::string field = "vae";
  /// What a network sees of a state: "components" (principal ones, of logarithms), "log1p" (every gene's
  /// logarithm, standardised) or "raw". Components keep the noise of single genes out; fields in components
  /// are nearer to held-out velocities, see bench/README.md.
  std::string input = "components";
  /// Principal components of the logarithms, for networks, the sparse field, neighbours and the support.
  std::int64_t components = 30;
  /// Widths of VAE and auto-encoder, on both sides of the latent units.
  std::vector<std::int64_t> encoder = {128};
  std::int64_t latent = 32;
  std::vector<std::int64_t> decoder = {128};
  /// Widths of the multilayer perceptron.
  std::vector<std::int64_t> hidden = {128, 128};
  /// "silu", "softplus", "tanh", or "relu", whose Jacobian jumps.
  std::string activation = "silu";
  /// Weight of the Kullback-Leibler divergence beside half the squared error, which is in units of each
  /// gene's standard deviation and summed over genes.
  double kl_weight = 0.05;
  /// Share of the training during which that weight rises from zero.
  double kl_warmup = 1.0 / 3.0;
  std::int64_t epochs = 200;
  /// Cells per update; 0 takes 256, fewer where an epoch would have less than 20 updates, at least 32.
  std::int64_t batch_size = 0;
  double learning_rate = 2e-3;
  double weight_decay = 1e-2;
  /// Epochs without improvement on the held-out cells before training stops; 0 never stops early.
  std::int64_t patience = 20;
  /// Noise on the inputs, drawn anew each epoch: "gaussian", "dropout" (genes lost), "both" or "none".
  std::string noise = "gaussian";
  /// Standard deviation of the Gaussian noise, in units of what inputs deviate from the mean of their
  /// neighbours.
  double noise_scale = 0.5;
  /// Probability that a gene is lost, in units of the share of cells in which it is zero.
  double dropout_scale = 0.3;
  /// Neighbours whose mean is taken for that, and by the field "knn".
  std::int64_t neighbours = 30;
  /// Penalty of "ridge" per cell and unit of variance; 0 takes the best of many on the held-out cells.
  double ridge_lambda = 0.0;
  /// Where "sparsevfc" lives: "components" or "genes".
  std::string vfc_space = "components";
  /// Cells kept to tell whether a state is among them, and how many of the nearest count.
  std::int64_t support_cells = 5000;
  std::int64_t support_neighbours = 10;
  /// "none" or "deepvelo".
  std::string compat = "none";
};

template <typename O, typename V>
void fields(FieldOptions*, O& o, V&& visit) {
  visit("field", o.field);
  visit("input", o.input);
  visit("components", o.components);
  visit("encoder", o.encoder);
  visit("latent", o.latent);
  visit("decoder", o.decoder);
  visit("hidden", o.hidden);
  visit("activation", o.activation);
  visit("kl.weight", o.kl_weight);
  visit("kl.warmup", o.kl_warmup);
  visit("epochs", o.epochs);
  visit("batch.size", o.batch_size);
  visit("learning.rate", o.learning_rate);
  visit("weight.decay", o.weight_decay);
  visit("patience", o.patience);
  visit("noise", o.noise);
  visit("noise.scale", o.noise_scale);
  visit("dropout.scale", o.dropout_scale);
  visit("neighbours", o.neighbours);
  visit("ridge.lambda", o.ridge_lambda);
  visit("vfc.space", o.vfc_space);
  visit("support.cells", o.support_cells);
  visit("support.neighbours", o.support_neighbours);
  visit("compat", o.compat);
}

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
  /// Control points; 0 takes a twentieth of the cells, at least 50.
  std::int64_t control_points = 0;
  /// Weight of smoothness.
  double lambda = 3.0;
  /// Volume of the uniform distribution of outliers.
  double outlier_volume = 5.0;
  /// Share of cells that are no outliers, at the start; 1 and beyond switches outliers off.
  double inliers = 0.9;
  /// Root mean square that velocities are scaled to before fitting.
  double scale = 0.15;
  /// b of the kernel exp(-b |z - c|^2); 0 takes dynamo's rule, from distances among control points.
  double width = 0.0;
  std::int64_t iterations = 500;
  /// Relative change of the energy at which iterations end.
  double tolerance = 1e-5;
};

template <typename O, typename V>
void fields(SparseVfcOptions*, O& o, V&& visit) {
  visit("control.points", o.control_points);
  visit("lambda", o.lambda);
  visit("outlier.volume", o.outlier_volume);
  visit("inliers", o.inliers);
  visit("scale", o.scale);
  visit("width", o.width);
  visit("iterations", o.iterations);
  visit("tolerance", o.tolerance);
}

/// Cells that go along one path and then one of two, with piecewise constant rates of transcription.
struct TwoBranchOptions {
  std::int64_t n_cells = 1500;
  std::int64_t n_genes = 269;
  /// Share of the cells behind the fork that are on the first branch.
  double major_share = 0.61;
  /// When the branches part, and how long the whole lasts, in units of time.
  double fork = 2.8;
  double span = 8.0;
  /// Median over genes of spliced molecules at the steady state of full transcription.
  double depth = 2.0;
  /// Excess variance of counts over the Poisson, relative to the squared mean.
  double dispersion = 0.1;
  /// Standard deviation of the logarithm of the library size.
  double library_spread = 0.3;
};

template <typename O, typename V>
void fields(TwoBranchOptions*, O& o, V&& visit) {
  visit("n.cells", o.n_cells);
  visit("n.genes", o.n_genes);
  visit("major.share", o.major_share);
  visit("fork", o.fork);
  visit("span", o.span);
  visit("depth", o.depth);
  visit("dispersion", o.dispersion);
  visit("library.spread", o.library_spread);
}

}  // namespace fatefield
