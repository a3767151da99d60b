// Takes the tape of a block and the gradient in its outputs; gives the gradient in the weights.
#include "sde/model/fused_work.hpp"

namespace fatefield {

// Noise of one number per dimension is softplus of what the network put out; g becomes the gradient in that.
template <typename T>
void FusedBlock<T>::Work::softplus_adjoint(const Slot& s, T* g) const {
  if (!o.diagonal_noise()) return;
  dense_kernels<T>().descend(Activation::Softplus, {rows, ldr, spread_entries()}, s.raw, nullptr, nullptr, g);
}

// Gradient in what the diffusion network put out, from that in g's product with the motions.
template <typename T>
void FusedBlock<T>::Work::raw_gradient(const Slot& s, const T* lambda, const T* dW, T* out) const {
  const std::int64_t motions = o.brownian_dims();
  for (std::int64_t r = 0; r < rows; ++r) {
    const T *l = lambda + r * ldx, *w = dW + r * motions;
    T* to = out + r * ldr;
    if (o.kind == DiffusionKind::Diagonal) {
      for (std::int64_t j = 0; j < o.dims; ++j) to[j] = l[j] * w[j];
    } else if (o.kind == DiffusionKind::Scalar) {
      T sum = 0;
      for (std::int64_t j = 0; j < o.dims; ++j) sum += l[j] * w[j];
      to[0] = sum;
    } else {
      for (std::int64_t j = 0; j < o.dims; ++j) {
        for (std::int64_t m = 0; m < o.rank; ++m) to[j * o.rank + m] = l[j] * w[m];
      }
    }
  }
  softplus_adjoint(s, out);
}

template <typename T>
void FusedBlock<T>::Work::drift_adjoint(const Slot& s, const T* masks, Pass& p, const T* gf,
                                        SdeGradient<T>& into, T* gx) const {
  const DenseRows<T> b = on(s, s.drift, masks, p.scratch.get());
  if (o.potential) return sde.drift().input_gradient_adjoint(b, gf, into.drift, gx);
  sde.drift().forward_adjoint(b, gf, into.drift, gx);
}

// lambda, the gradient in the state after step k, becomes that in the state before.
template <typename T>
void FusedBlock<T>::Work::step_adjoint(std::int64_t k, const Increments& increments,
                                       const FusedAdjoints<T>& a, const std::vector<T>& in_growth, Pass& p,
                                       SdeGradient<T>& into, T* lambda) const {
  const Slot s = at_step(k);
  const T h = static_cast<T>(run.grid.h[static_cast<std::size_t>(k)]);
  const std::int64_t number = k * masks_per_step();
  const T effort = static_cast<T>(2.0 * a.drift_effort) * h;
  T* gf = p.f.get();
  for (std::int64_t r = 0; r < rows; ++r) {
    T* to = gf + r * ldf;
    const T* l = lambda + r * ldx;
    for (std::int64_t j = 0; j < o.dims; ++j) to[j] = h * l[j];
    if (effort != T(0)) {
      for (std::int64_t j = 0; j < o.dims; ++j) to[j] += effort * s.f[r * ldf + j];
    }
    // The gradient of the potential in time is no part of the drift.
    if (o.potential && o.time_input) to[o.dims] = T(0);
  }
  if (sde.diffusion()) raw_gradient(s, lambda, increments(k), p.g.get());
  const std::int64_t growth_masks = hidden(sde.growth());
  drift_adjoint(s, fill_masks(sde.drift(), number + growth_masks, p.masks.get()), p, gf, into, lambda);
  if (sde.diffusion()) {
    const T* masks = fill_masks(*sde.diffusion(), number + growth_masks + drift_masks(), p.masks.get());
    sde.diffusion()->forward_adjoint(on(s, s.diffusion, masks, p.scratch.get()), p.g.get(), into.diffusion,
                                     lambda);
  }
  if (!sde.growth()) return;
  const T square = static_cast<T>(2.0 * a.growth_effort) * h;
  for (std::int64_t r = 0; r < rows; ++r) {
    T* row = p.one.get() + r * leading<T>(1);
    std::fill(row, row + leading<T>(1), T(0));
    row[0] = h * in_growth[static_cast<std::size_t>(r)] + square * s.rate[r];
  }
  const T* masks = fill_masks(*sde.growth(), number, p.masks.get());
  sde.growth()->forward_adjoint(on(s, s.growth, masks, p.scratch.get()), p.one.get(), into.growth, lambda);
}

// Adds the gradient in the state at output k to gx (rows x ldx), through the norms measured there too.
template <typename T>
void FusedBlock<T>::Work::output_adjoint(std::size_t k, const FusedAdjoints<T>& a, Pass& p,
                                         SdeGradient<T>& into, T* gx) const {
  std::fill(gx, gx + rows * ldx, T(0));
  if (k < a.states.size() && a.states[k] != nullptr) {
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy(a.states[k] + r * o.dims, a.states[k] + (r + 1) * o.dims, gx + r * ldx);
    }
  }
  if (a.drift_sums.empty()) return;
  const Workspace<T> extra = make_workspace<T>(slot_entries()),
                     diffusion_masks = make_workspace<T>(mask_entries);
  const Slot s = slot(extra.get());
  const T* masks;
  evaluate_output(k, s, p, &masks, diffusion_masks.get());
  const T of_drift = static_cast<T>(a.drift_sums[k]);
  const T of_spread = static_cast<T>(a.diffusion_sums[k]) * spread_factor();
  for (std::int64_t r = 0; r < rows; ++r) {
    T* f = p.f.get() + r * ldf;
    const T size = fused_norm(f, o.dims);
    for (std::int64_t j = 0; j < o.dims; ++j) f[j] = size > T(0) ? of_drift * f[j] / size : T(0);
    if (o.potential && o.time_input) f[o.dims] = T(0);
    T* g = p.g.get() + r * ldr;
    const T width = fused_norm(g, spread_entries());
    for (std::int64_t j = 0; j < spread_entries(); ++j) g[j] = width > T(0) ? of_spread * g[j] / width : T(0);
  }
  softplus_adjoint(s, p.g.get());
  drift_adjoint(s, masks, p, p.f.get(), into, gx);
  sde.diffusion()->forward_adjoint(
      on(s, s.diffusion, run.dropout > 0.0 ? diffusion_masks.get() : nullptr, p.scratch.get()), p.g.get(),
      into.diffusion, gx);
}

template <typename T>
void FusedBlock<T>::Work::backward(const Increments& increments, const FusedAdjoints<T>& a,
                                   SdeGradient<T>& into) const {
  Pass p(*this);
  const std::int64_t entries = rows * ldx;
  const Workspace<T> lambda = make_workspace<T>(entries), before = make_workspace<T>(entries),
                     at_output = make_workspace<T>(entries);
  std::vector<T> in_growth(static_cast<std::size_t>(sde.growth() ? rows : 0), T(0));
  std::fill(lambda.get(), lambda.get() + rows * ldx, T(0));
  std::size_t left = run.grid.outputs.size();
  for (std::int64_t k = run.grid.steps() - 1; k >= -1; --k) {
    std::fill(before.get(), before.get() + rows * ldx, T(0));
    for (; left > 0 && run.grid.outputs[left - 1].step == k; --left) {
      const std::size_t output = left - 1;
      const T w = static_cast<T>(run.grid.outputs[output].weight);
      output_adjoint(output, a, p, into, at_output.get());
      for (std::int64_t i = 0; i < rows * ldx; ++i) {
        lambda.get()[i] += w * at_output.get()[i];
        before.get()[i] += (T(1) - w) * at_output.get()[i];
      }
      if (in_growth.empty() || output >= a.log_growth.size() || a.log_growth[output] == nullptr) continue;
      for (std::int64_t r = 0; r < rows; ++r)
        in_growth[static_cast<std::size_t>(r)] += a.log_growth[output][r];
    }
    if (k < 0) break;
    step_adjoint(k, increments, a, in_growth, p, into, lambda.get());
    for (std::int64_t i = 0; i < rows * ldx; ++i) lambda.get()[i] += before.get()[i];
  }
}

template void FusedBlock<float>::Work::backward(const Increments&, const FusedAdjoints<float>&,
                                                SdeGradient<float>&) const;
template void FusedBlock<double>::Work::backward(const Increments&, const FusedAdjoints<double>&,
                                                 SdeGradient<double>&) const;

}  // namespace fatefield
