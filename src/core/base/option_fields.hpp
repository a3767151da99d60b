// Made by tools/options.R from src/core/base/*options.hpp: change it there.
// Each member of each option struct with its name in R.
#pragma once

namespace fatefield {

struct VelocityGraphOptions;
template <typename O, typename V>
void fields(VelocityGraphOptions*, O& o, V&& visit) {
  visit("max.neighbors", o.max_neighbours);
  visit("sqrt.transform", o.root);
  visit("seed.use", o.seed);
}

struct TransitionOptions;
template <typename O, typename V>
void fields(TransitionOptions*, O& o, V&& visit) {
  visit("scale", o.scale);
  visit("self.transitions", o.self_transitions);
  visit("negative", o.negative);
}

struct TerminalOptions;
template <typename O, typename V>
void fields(TerminalOptions*, O& o, V&& visit) {
  visit("tolerance", o.tolerance);
  visit("count", o.count);
  visit("low", o.low);
  visit("high", o.high);
  visit("max.restarts", o.max_restarts);
}

struct PseudotimeOptions;
template <typename O, typename V>
void fields(PseudotimeOptions*, O& o, V&& visit) {
  visit("components", o.components);
  visit("max.restarts", o.max_restarts);
}

struct StreamOptions;
template <typename O, typename V>
void fields(StreamOptions*, O& o, V&& visit) {
  visit("n.grid", o.grid);
  visit("smooth", o.smooth);
  visit("min.mass", o.min_mass);
  visit("separation", o.separation);
  visit("approach", o.approach);
  visit("min.length", o.min_length);
  visit("max.length", o.max_length);
}

struct AbsorptionOptions;
template <typename O, typename V>
void fields(AbsorptionOptions*, O& o, V&& visit) {
  visit("tolerance", o.tolerance);
  visit("max.iterations", o.max_iterations);
}

struct MacrostateOptions;
template <typename O, typename V>
void fields(MacrostateOptions*, O& o, V&& visit) {
  visit("max.states", o.max_states);
  visit("tolerance", o.tolerance);
  visit("max.restarts", o.max_restarts);
}

struct KernelOptions;
template <typename O, typename V>
void fields(KernelOptions*, O& o, V&& visit) {
  visit("n.neighbors", o.neighbours);
}

struct DynamicalOptions;
template <typename O, typename V>
void fields(DynamicalOptions*, O& o, V&& visit) {
  visit("max.iterations", o.max_iterations);
  visit("tolerance", o.tolerance);
  visit("starts", o.starts);
  visit("ratio.width", o.ratio_width);
  visit("duration.width", o.duration_width);
  visit("belief", o.belief);
  visit("min.likelihood", o.min_likelihood);
}

struct LatentTimeOptions;
template <typename O, typename V>
void fields(LatentTimeOptions*, O& o, V&& visit) {
  visit("min.likelihood", o.min_likelihood);
  visit("min.r2", o.min_r2);
  visit("roots", o.roots);
  visit("min.agreement", o.min_agreement);
}

struct CriticalityOptions;
template <typename O, typename V>
void fields(CriticalityOptions*, O& o, V&& visit) {
  visit("measure", o.measure);
  visit("epsilon", o.epsilon);
  visit("drop.infinite", o.drop_infinite);
}

struct LyapunovOptions;
template <typename O, typename V>
void fields(LyapunovOptions*, O& o, V&& visit) {
  visit("kappa", o.kappa);
  visit("positive", o.positive);
  visit("steps", o.steps);
  visit("orthonormalise", o.orthonormalise);
}

struct EndOptions;
template <typename O, typename V>
void fields(EndOptions*, O& o, V&& visit) {
  visit("k", o.k);
  visit("max.iterations", o.max_iterations);
}

struct FieldOptions;
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

struct SparseVfcOptions;
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

struct IntegrateOptions;
template <typename O, typename V>
void fields(IntegrateOptions*, O& o, V&& visit) {
  visit("solver", o.solver);
  visit("dt", o.dt);
  visit("rtol", o.rtol);
  visit("atol", o.atol);
  visit("first.step", o.first_step);
  visit("max.steps", o.max_steps);
  visit("kappa", o.kappa);
  visit("positive", o.positive);
  visit("snap", o.snap);
  visit("snap.every", o.snap_every);
  visit("snap.share", o.snap_share);
  visit("snap.statistic", o.snap_statistic);
  visit("k", o.k);
  visit("components", o.components);
  visit("fixed.point", o.fixed_point);
  visit("support", o.support);
  visit("support.limit", o.support_limit);
  visit("shadow", o.shadow);
  visit("growth.limit", o.growth_limit);
  visit("kappa.quantile", o.kappa_quantile);
  visit("span.quantile", o.span_quantile);
  visit("points", o.points);
}

struct KnnOptions;
template <typename O, typename V>
void fields(KnnOptions*, O& o, V&& visit) {
  visit("method", o.method);
  visit("recall", o.recall);
  visit("trees", o.trees);
  visit("search", o.search);
}

struct LabelOptions;
template <typename O, typename V>
void fields(LabelOptions*, O& o, V&& visit) {
  visit("k", o.k);
  visit("weights", o.weights);
  visit("vote", o.vote);
  visit("cutoff.quantile", o.cutoff_quantile);
  visit("cutoff.factor", o.cutoff_factor);
  visit("compat", o.compat);
}

struct FateOptions;
template <typename O, typename V>
void fields(FateOptions*, O& o, V&& visit) {
  visit("prior", o.prior);
}

struct LeidenOptions;
template <typename O, typename V>
void fields(LeidenOptions*, O& o, V&& visit) {
  visit("resolution", o.resolution);
  visit("max.rounds", o.max_rounds);
  visit("randomness", o.randomness);
}

struct CoexpressionOptions;
template <typename O, typename V>
void fields(CoexpressionOptions*, O& o, V&& visit) {
  visit("min.mean", o.min_mean);
  visit("power", o.power);
  visit("max.power", o.max_power);
  visit("min.fit", o.min_fit);
  visit("top", o.top);
  visit("fdr", o.fdr);
  visit("n.perm", o.n_perm);
  visit("min.size", o.min_size);
  visit("min.kME", o.min_kme);
}

struct PlanOptions;
template <typename O, typename V>
void fields(PlanOptions*, O& o, V&& visit) {
  visit("noise", o.noise);
  visit("reach", o.reach);
  visit("marginals", o.marginals);
  visit("max.cells", o.max_cells);
}

struct SdeOptions;
template <typename O, typename V>
void fields(SdeOptions*, O& o, V&& visit) {
  visit("drift", o.drift);
  visit("drift.hidden", o.drift_hidden);
  visit("drift.activation", o.drift_activation);
  visit("diffusion", o.diffusion);
  visit("diffusion.hidden", o.diffusion_hidden);
  visit("diffusion.activation", o.diffusion_activation);
  visit("diffusion.rank", o.diffusion_rank);
  visit("diffusion.init", o.diffusion_init);
  visit("time.input", o.time_input);
  visit("growth", o.growth);
  visit("growth.hidden", o.growth_hidden);
  visit("dropout", o.dropout);
  visit("solver", o.solver);
  visit("dt", o.dt);
  visit("precision", o.precision);
  visit("compat", o.compat);
}

struct TrainOptions;
template <typename O, typename V>
void fields(TrainOptions*, O& o, V&& visit) {
  visit("method", o.method);
  visit("updates", o.updates);
  visit("finish.updates", o.finish_updates);
  visit("finish.rate", o.finish_rate);
  visit("batch.size", o.batch_size);
  visit("optimizer", o.optimizer);
  visit("learning.rate", o.learning_rate);
  visit("weight.decay", o.weight_decay);
  visit("schedule", o.schedule);
  visit("warmup", o.warmup);
  visit("clip", o.clip);
  visit("ema", o.ema);
  visit("blur", o.blur);
  visit("scaling", o.scaling);
  visit("reach", o.reach);
  visit("debias", o.debias);
  visit("sliced.weight", o.sliced_weight);
  visit("slices", o.slices);
  visit("bridge.plan", o.bridge_plan);
  visit("bridge.blur", o.bridge_blur);
  visit("bridge.reach", o.bridge_reach);
  visit("bridge.marginals", o.bridge_marginals);
  visit("bridge.noise", o.bridge_noise);
  visit("bridge.shape", o.bridge_shape);
  visit("bridge.balance", o.bridge_balance);
  visit("ratio.enforce", o.ratio_enforce);
  visit("ratio.target", o.ratio_target);
  visit("ratio.form", o.ratio_form);
  visit("drift.penalty", o.drift_penalty);
  visit("growth.penalty", o.growth_penalty);
  visit("validation", o.validation);
  visit("eval.every", o.eval_every);
  visit("eval.cells", o.eval_cells);
  visit("patience", o.patience);
}

struct DifferentiationOptions;
template <typename O, typename V>
void fields(DifferentiationOptions*, O& o, V&& visit) {
  visit("speed", o.speed);
  visit("noise", o.noise);
  visit("founder.spread", o.founder_spread);
  visit("n.clones", o.n_clones);
  visit("clone.spread", o.clone_spread);
  visit("growth", o.growth);
  visit("dispersion", o.dispersion);
  visit("library.spread", o.library_spread);
  visit("dt", o.dt);
  visit("n.futures", o.n_futures);
  visit("lead", o.lead);
}

struct TwoBranchOptions;
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

struct SinkhornOptions;
template <typename O, typename V>
void fields(SinkhornOptions*, O& o, V&& visit) {
  visit("p", o.p);
  visit("blur", o.blur);
  visit("scaling", o.scaling);
  visit("reach", o.reach);
  visit("debias", o.debias);
  visit("diameter", o.diameter);
  visit("tolerance", o.tolerance);
  visit("max.iterations", o.max_iterations);
  visit("precision", o.precision);
}

struct SlicedOptions;
template <typename O, typename V>
void fields(SlicedOptions*, O& o, V&& visit) {
  visit("slices", o.slices);
  visit("axes", o.axes);
}

struct VelocityOptions;
template <typename O, typename V>
void fields(VelocityOptions*, O& o, V&& visit) {
  visit("min.shared.counts", o.min_shared_counts);
  visit("min.shared.cells", o.min_shared_cells);
  visit("min.counts", o.min_counts);
  visit("max.counts", o.max_counts);
  visit("min.cells", o.min_cells);
  visit("max.cells", o.max_cells);
  visit("min.counts.u", o.min_counts_u);
  visit("max.counts.u", o.max_counts_u);
  visit("min.cells.u", o.min_cells_u);
  visit("max.cells.u", o.max_cells_u);
  visit("nfeatures", o.nfeatures);
  visit("bins", o.bins);
  visit("npcs", o.npcs);
  visit("pca.from", o.pca_from);
  visit("k", o.k);
  visit("percentile.upper", o.percentile_upper);
  visit("percentile.lower", o.percentile_lower);
  visit("fit.offset", o.fit_offset);
  visit("r2.adjusted", o.r2_adjusted);
  visit("min.r2", o.min_r2);
  visit("min.ratio", o.min_ratio);
}

}  // namespace fatefield
