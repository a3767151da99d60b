// The memory and the passes of one block of rows; only the files fused_*.cpp use this.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "base/rng.hpp"
#include "sde/model/fused_sde.hpp"

namespace fatefield {

template <typename T>
T fused_norm(const T* x, std::int64_t n) {
  T squares = 0;
  for (std::int64_t j = 0; j < n; ++j) squares += x[j] * x[j];
  return std::sqrt(squares);
}

template <typename T>
struct FusedBlock<T>::Work {
  // What is kept of one step: the state it starts from and the pre-activations of the networks there.
  struct Slot {
    T *x, *drift, *diffusion, *raw, *growth, *rate, *f;
  };

  Work(const FusedSde<T>& s, const FusedRun& r, std::uint64_t first_row, std::int64_t n)
      : sde(s), run(r), o(s.layout()), first(first_row), rows(n) {
    ldx = sde.drift().input_stride();
    ldf = o.potential ? ldx : sde.drift().output_stride();
    ldr = sde.diffusion() ? sde.diffusion()->output_stride() : 0;
    std::int64_t widest = std::max<std::int64_t>(sde.drift().scratch(), ldf);
    std::int64_t masks = sde.drift().mask_entries();
    for (const auto* net : {&sde.diffusion(), &sde.growth()}) {
      if (!*net) continue;
      widest = std::max(widest, (*net)->scratch());
      masks += (*net)->mask_entries();
    }
    scratch_entries = rows * widest;
    mask_entries = run.dropout > 0.0 ? rows * masks : 0;
  }

  std::int64_t slot_entries() const {
    const Dense<T>& d = sde.drift();
    std::int64_t n = ldx + (o.potential ? d.gradient_tape() : d.forward_tape());
    if (sde.diffusion()) n += sde.diffusion()->forward_tape() + ldr;
    if (sde.growth()) n += sde.growth()->forward_tape() + 1;
    // The drift itself is kept only where its size is penalised.
    if (run.measure_drift) n += ldf;
    const std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));
    return (rows * n + line - 1) / line * line;
  }

  Slot slot(T* at) const {
    Slot s{};
    const auto take = [&](std::int64_t per_row) {
      T* part = at;
      at += rows * per_row;
      return part;
    };
    s.x = take(ldx);
    s.drift = take(o.potential ? sde.drift().gradient_tape() : sde.drift().forward_tape());
    if (sde.diffusion()) {
      s.diffusion = take(sde.diffusion()->forward_tape());
      s.raw = take(ldr);
    }
    if (sde.growth()) s.growth = take(sde.growth()->forward_tape());
    if (run.measure_drift) s.f = take(ldf);
    if (sde.growth()) s.rate = take(1);
    return s;
  }

  // With a tape every step has a slot, without there are two that take turns.
  Slot at_step(std::int64_t k) const { return slot(tape.get() + (taped ? k : k % 2) * slot_entries()); }

  void make_tape(bool keep) {
    taped = keep;
    tape = make_workspace<T>((keep ? run.grid.steps() + 1 : 2) * slot_entries());
  }

  std::int64_t hidden(const std::optional<Dense<T>>& net) const {
    return net ? static_cast<std::int64_t>(net->shape().hidden.size()) : 0;
  }
  std::int64_t drift_masks() const { return static_cast<std::int64_t>(sde.drift().shape().hidden.size()); }
  // Masks are numbered in the order in which rollout.cpp draws them: growth, drift, diffusion of each step,
  // then drift and diffusion of each output.
  std::int64_t masks_per_output() const { return drift_masks() + hidden(sde.diffusion()); }
  std::int64_t masks_per_step() const { return hidden(sde.growth()) + masks_per_output(); }

  const T* fill_masks(const Dense<T>& net, std::int64_t number, T* out) const {
    return net.fill_masks(run.dropout, run.dropout_seed, first, rows, static_cast<std::uint32_t>(number),
                          out);
  }

  DenseRows<T> on(const Slot& s, T* net_tape, const T* masks, T* scratch) const {
    return {rows, s.x, ldx, masks, net_tape, scratch};
  }

  void set_time(const Slot& s, double tau) const {
    if (!o.time_input) return;
    for (std::int64_t r = 0; r < rows; ++r) s.x[r * ldx + o.dims] = static_cast<T>(tau);
  }

  // Memory of one pass, and the networks evaluated in it.
  struct Pass {
    explicit Pass(const Work& w)
        : scratch(make_workspace<T>(w.scratch_entries)),
          masks(make_workspace<T>(w.mask_entries)),
          f(make_workspace<T>(w.rows * w.ldf)),
          g(make_workspace<T>(w.rows * w.ldr)),
          one(make_workspace<T>(w.rows * leading<T>(1))) {}
    Workspace<T> scratch, masks, f, g, one;
  };

  void drift(const Slot& s, const T* masks, Pass& p, T* f) const {
    const DenseRows<T> b = on(s, s.drift, masks, p.scratch.get());
    if (o.potential) return sde.drift().input_gradient(b, f);
    sde.drift().forward(b, f);
  }

  // g where it is one number per dimension, or the matrix itself, from what the network put out.
  void spread(const Slot& s, Pass& p) const {
    if (!o.diagonal_noise()) {
      std::copy(s.raw, s.raw + rows * ldr, p.g.get());
      return;
    }
    dense_kernels<T>().values(Activation::Softplus, {rows, ldr, spread_entries()}, s.raw, p.g.get());
  }

  // dx of row r and dimension j that the motions dW of that row bring.
  T noise(const T* g, const T* dW, std::int64_t j) const {
    if (o.kind == DiffusionKind::Diagonal) return g[j] * dW[j];
    if (o.kind == DiffusionKind::Scalar) return g[0] * dW[j];
    T sum = 0;
    for (std::int64_t m = 0; m < o.rank; ++m) sum += g[j * o.rank + m] * dW[m];
    return sum;
  }

  void advance(const Slot& s, const T* f, const T* g, const T* dW, T h, T* next) const {
    const bool constant = !run.noise_sd.empty();
    const std::int64_t motions = constant ? o.dims : o.brownian_dims();
    for (std::int64_t r = 0; r < rows; ++r) {
      const T *x = s.x + r * ldx, *fr = f + r * ldf;
      T* out = next + r * ldx;
      for (std::int64_t j = 0; j < o.dims; ++j) out[j] = x[j] + h * fr[j];
      if (dW == nullptr) continue;
      const T *gr = g + r * ldr, *w = dW + r * motions;
      if (constant) {
        for (std::int64_t j = 0; j < o.dims; ++j) out[j] += static_cast<T>(run.noise_sd[j]) * w[j];
        continue;
      }
      if (o.kind == DiffusionKind::Diagonal) {
        for (std::int64_t j = 0; j < o.dims; ++j) out[j] += gr[j] * w[j];
        continue;
      }
      for (std::int64_t j = 0; j < o.dims; ++j) out[j] += noise(gr, w, j);
    }
  }

  // Growth, drift and diffusion of a step, and the state after it.
  void step(std::int64_t k, const Increments& increments, Pass& p, std::vector<T>& log_growth,
            FusedOutputs<T>& out) const {
    const Slot s = at_step(k);
    const auto index = static_cast<std::size_t>(k);
    const T h = static_cast<T>(run.grid.h[index]);
    std::int64_t number = k * masks_per_step();
    set_time(s, run.grid.t[index]);
    if (sde.growth()) {
      const T* masks = fill_masks(*sde.growth(), number, p.masks.get());
      sde.growth()->forward(on(s, s.growth, masks, p.scratch.get()), p.one.get());
      double squares = 0.0;
      for (std::int64_t r = 0; r < rows; ++r) {
        const T rate = p.one.get()[r * leading<T>(1)];
        s.rate[r] = rate;
        log_growth[static_cast<std::size_t>(r)] += rate * h;
        squares += static_cast<double>(rate) * rate;
      }
      out.growth_effort += squares * h;
      number += hidden(sde.growth());
    }
    T* f = run.measure_drift ? s.f : p.f.get();
    drift(s, fill_masks(sde.drift(), number, p.masks.get()), p, f);
    number += drift_masks();
    if (run.measure_drift) {
      double squares = 0.0;
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t j = 0; j < o.dims; ++j)
          squares += static_cast<double>(f[r * ldf + j]) * f[r * ldf + j];
      }
      out.drift_effort += squares * h;
    }
    const T* dW = nullptr;
    if (!run.noise_sd.empty()) {
      dW = increments(k);
    } else if (sde.diffusion()) {
      const T* masks = fill_masks(*sde.diffusion(), number, p.masks.get());
      sde.diffusion()->forward(on(s, s.diffusion, masks, p.scratch.get()), s.raw);
      spread(s, p);
      dW = increments(k);
    }
    advance(s, f, p.g.get(), dW, h, at_step(k + 1).x);
  }

  // State at an output, rows x ldx, from those before and after the step it lies in.
  void state_at(const GridOutput& at, T* out) const {
    const T* after = at_step(at.step + 1).x;
    const T* before = at.step < 0 ? after : at_step(at.step).x;
    const T w = static_cast<T>(at.weight);
    for (std::int64_t k = 0; k < rows * ldx; ++k)
      out[k] = w == T(1) ? after[k] : before[k] * (T(1) - w) + after[k] * w;
  }

  // Drift and diffusion at output k in a slot of its own.
  void evaluate_output(std::size_t k, const Slot& s, Pass& p, const T** drift_masks_out,
                       T* diffusion_masks) const {
    const std::int64_t number =
        run.grid.steps() * masks_per_step() + static_cast<std::int64_t>(k) * masks_per_output();
    state_at(run.grid.outputs[k], s.x);
    set_time(s, run.times[k]);
    *drift_masks_out = fill_masks(sde.drift(), number, p.masks.get());
    drift(s, *drift_masks_out, p, p.f.get());
    const T* masks = fill_masks(*sde.diffusion(), number + drift_masks(), diffusion_masks);
    sde.diffusion()->forward(on(s, s.diffusion, masks, p.scratch.get()), s.raw);
    spread(s, p);
  }

  std::int64_t spread_entries() const {
    return o.kind == DiffusionKind::Diagonal ? o.dims : o.kind == DiffusionKind::Scalar ? 1 : o.dims * o.rank;
  }
  // |g| of a row is this times the norm of the entries that the network gives.
  T spread_factor() const {
    return o.kind == DiffusionKind::Scalar ? std::sqrt(static_cast<T>(o.dims)) : T(1);
  }

  FusedOutputs<T> forward(const T* start, const Increments& increments, bool keep, bool ratio,
                          const AfterStep& after_step = nullptr) {
    make_tape(keep);
    Pass p(*this);
    FusedOutputs<T> out;
    std::vector<T> log_growth(static_cast<std::size_t>(sde.growth() ? rows : 0), T(0));
    const Slot begin = at_step(0);
    for (std::int64_t r = 0; r < rows; ++r)
      std::copy(start + r * o.dims, start + (r + 1) * o.dims, begin.x + r * ldx);
    Workspace<T> extra, diffusion_masks;
    if (ratio) {
      extra = make_workspace<T>(slot_entries());
      diffusion_masks = make_workspace<T>(mask_entries);
    }
    const Workspace<T> state = make_workspace<T>(rows * ldx);
    std::size_t next = 0;
    const auto record = [&](std::int64_t done) {
      for (; next < run.grid.outputs.size() && run.grid.outputs[next].step == done; ++next) {
        state_at(run.grid.outputs[next], state.get());
        std::vector<T> plain(static_cast<std::size_t>(rows * o.dims));
        for (std::int64_t r = 0; r < rows; ++r) {
          std::copy(state.get() + r * ldx, state.get() + r * ldx + o.dims, plain.data() + r * o.dims);
        }
        out.states.push_back(std::move(plain));
        if (sde.growth()) out.log_growth.push_back(log_growth);
        if (!ratio) continue;
        const Slot s = slot(extra.get());
        const T* unused;
        evaluate_output(next, s, p, &unused, diffusion_masks.get());
        double f = 0.0, g = 0.0;
        for (std::int64_t r = 0; r < rows; ++r) {
          f += fused_norm(p.f.get() + r * ldf, o.dims);
          g += spread_factor() * fused_norm(p.g.get() + r * ldr, spread_entries());
        }
        out.drift_sums.push_back(f);
        out.diffusion_sums.push_back(g);
      }
    };
    record(-1);
    for (std::int64_t k = 0; k < run.grid.steps(); ++k) {
      step(k, increments, p, log_growth, out);
      if (after_step) after_step(at_step(k + 1).x, ldx);
      record(k);
    }
    if (!keep) tape.reset();
    return out;
  }

  void softplus_adjoint(const Slot& s, T* g) const;
  void raw_gradient(const Slot& s, const T* lambda, const T* dW, T* out) const;
  void drift_adjoint(const Slot& s, const T* masks, Pass& p, const T* gf, SdeGradient<T>& into, T* gx) const;
  void step_adjoint(std::int64_t k, const Increments& increments, const FusedAdjoints<T>& a,
                    const std::vector<T>& in_growth, Pass& p, SdeGradient<T>& into, T* lambda) const;
  void output_adjoint(std::size_t k, const FusedAdjoints<T>& a, Pass& p, SdeGradient<T>& into, T* gx) const;
  void backward(const Increments& increments, const FusedAdjoints<T>& a, SdeGradient<T>& into) const;

  const FusedSde<T>& sde;
  const FusedRun& run;
  const SdeLayout& o;
  std::uint64_t first;
  std::int64_t rows;
  std::int64_t ldx = 0, ldf = 0, ldr = 0;  // strides of states, drift and what the diffusion network puts out
  std::int64_t scratch_entries = 0, mask_entries = 0;
  Workspace<T> tape;
  bool taped = false;
};

}  // namespace fatefield
