// Takes points and weights; gives drift, diffusion and growth there and gradients in the weights.
#include "sde/model/fused_points.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "sde/model/fused_tensors.hpp"
#include "sde/model/nets.hpp"

namespace fatefield {
namespace {

// One network at all points: its tape, its masks and what it gave.
template <typename T>
class Evaluated {
 public:
  Evaluated(const Dense<T>& net, bool gradient_of_scalar, const Aligned<T>& x, std::int64_t rows,
            const Dropout& dropout, std::uint32_t first_mask)
      : net_(net),
        slope_(gradient_of_scalar),
        x_(x),
        rows_(rows),
        tape_(make_workspace<T>(tape_entries())),
        scratch_(make_workspace<T>(rows * net.scratch())),
        masks_(make_workspace<T>(dropout.rate > 0.0 ? rows * net.mask_entries() : 0)),
        stride_(slope_ ? net.input_stride() : net.output_stride()),
        out_(make_workspace<T>(rows * stride_)) {
    mask_ = net.fill_masks(dropout.rate, dropout.seed, dropout.first, rows, first_mask, masks_.get());
    run(x_, tape_.get(), out_.get());
  }

  // The values at other points.
  at::Tensor elsewhere(const Aligned<T>& x, std::int64_t columns) {
    const Workspace<T> tape = make_workspace<T>(tape_entries()), out = make_workspace<T>(rows_ * stride_);
    run(x, tape.get(), out.get());
    return plain(out.get(), columns);
  }

  at::Tensor values(std::int64_t columns) { return plain(out_.get(), columns); }

  void add_gradient(const at::Tensor& g, DenseGradient<T>& into) {
    const at::Tensor wanted = g.contiguous();
    const std::int64_t columns = wanted.numel() / rows_;
    const Workspace<T> padded = make_workspace<T>(rows_ * stride_),
                       in_x = make_workspace<T>(rows_ * net_.input_stride());
    std::fill(padded.get(), padded.get() + rows_ * stride_, T(0));
    for (std::int64_t r = 0; r < rows_; ++r) {
      const T* row = wanted.template data_ptr<T>() + r * columns;
      std::copy(row, row + columns, padded.get() + r * stride_);
    }
    std::fill(in_x.get(), in_x.get() + rows_ * net_.input_stride(), T(0));
    if (slope_) return net_.input_gradient_adjoint(block(x_, tape_.get()), padded.get(), into, in_x.get());
    net_.forward_adjoint(block(x_, tape_.get()), padded.get(), into, in_x.get());
  }

 private:
  std::int64_t tape_entries() const { return rows_ * (slope_ ? net_.gradient_tape() : net_.forward_tape()); }

  DenseRows<T> block(const Aligned<T>& x, T* tape) const {
    return {rows_, x.data(), net_.input_stride(), mask_, tape, scratch_.get()};
  }

  void run(const Aligned<T>& x, T* tape, T* out) const {
    if (slope_) return net_.input_gradient(block(x, tape), out);
    net_.forward(block(x, tape), out);
  }

  at::Tensor plain(const T* from, std::int64_t columns) const {
    at::Tensor out = at::empty({rows_, columns}, c10::CppTypeToScalarType<T>::value);
    for (std::int64_t r = 0; r < rows_; ++r) {
      std::copy(from + r * stride_, from + r * stride_ + columns, out.template data_ptr<T>() + r * columns);
    }
    return out;
  }

  const Dense<T>& net_;
  bool slope_;
  const Aligned<T>& x_;
  std::int64_t rows_;
  Workspace<T> tape_, scratch_, masks_;
  const T* mask_ = nullptr;
  std::int64_t stride_;
  Workspace<T> out_;
};

template <typename T>
class Points final : public FusedPoints {
 public:
  Points(const FusedSde<T>& sde, const at::Tensor& x, const at::Tensor& tau, const Dropout& dropout)
      : sde_(sde), o_(sde.layout()), states_(x), tau_(tau), x_(padded(x)) {
    std::uint32_t mask = dropout.masks;
    const auto evaluate = [&](const Dense<T>& net, bool slope) {
      auto out = std::make_unique<Evaluated<T>>(net, slope, x_, x.size(0), dropout, mask);
      mask += static_cast<std::uint32_t>(net.shape().hidden.size());
      return out;
    };
    if (sde.diffusion()) diffusion_ = evaluate(*sde.diffusion(), false);
    drift_ = evaluate(sde.drift(), o_.potential);
    if (sde.growth()) growth_ = evaluate(*sde.growth(), false);
  }

  at::Tensor drift() const override { return drift_->values(o_.dims); }

  at::Tensor diffusion() const override {
    if (!diffusion_) return at::zeros_like(states_);
    return diffusion_from(o_, diffusion_->values(o_.diffusion_net.outputs));
  }

  at::Tensor growth() const override { return growth_ ? growth_->values(1).squeeze(1) : at::Tensor(); }

  at::Tensor diffusion_at(const at::Tensor& step) const override {
    if (!diffusion_) return at::zeros_like(states_);
    return diffusion_from(o_, diffusion_->elsewhere(padded(states_ + step), o_.diffusion_net.outputs));
  }

  void add_gradients(const at::Tensor& in_drift, const at::Tensor& in_diffusion, const at::Tensor& in_growth,
                     std::vector<at::Tensor>& total) override {
    SdeGradient<T> g = sde_.zeros();
    if (in_drift.defined()) {
      // The gradient of a potential in time is no part of the drift.
      const bool timed = o_.potential && o_.time_input;
      drift_->add_gradient(timed ? at::constant_pad_nd(in_drift, {0, 1}) : in_drift, g.drift);
    }
    if (in_diffusion.defined() && diffusion_) diffusion_->add_gradient(in_raw(in_diffusion), g.diffusion);
    if (in_growth.defined() && growth_) growth_->add_gradient(in_growth.unsqueeze(1), g.growth);
    std::vector<T*> out;
    for (at::Tensor& t : total) out.push_back(t.data_ptr<T>());
    sde_.add_gradient(g, out.data());
  }

 private:
  Aligned<T> padded(const at::Tensor& x) const {
    const std::int64_t stride = sde_.drift().input_stride(), n = x.size(0);
    const at::Tensor plain = x.contiguous();
    const at::Tensor times = o_.time_input ? tau_.contiguous() : at::Tensor();
    Aligned<T> out(static_cast<std::size_t>(n * stride), T(0));
    for (std::int64_t r = 0; r < n; ++r) {
      const T* row = plain.data_ptr<T>() + r * o_.dims;
      std::copy(row, row + o_.dims, out.data() + r * stride);
      if (o_.time_input) out[static_cast<std::size_t>(r * stride + o_.dims)] = times.data_ptr<T>()[r];
    }
    return out;
  }

  // Gradient in what the network put out from that in the diffusion.
  at::Tensor in_raw(const at::Tensor& g) const {
    if (!o_.diagonal_noise()) return g.reshape({g.size(0), o_.dims * o_.rank});
    const at::Tensor slope = at::sigmoid(diffusion_->values(o_.diffusion_net.outputs));
    return (o_.kind == DiffusionKind::Scalar ? g.sum(1, true) : g) * slope;
  }

  const FusedSde<T>& sde_;
  const SdeLayout& o_;
  at::Tensor states_, tau_;
  Aligned<T> x_;
  std::unique_ptr<Evaluated<T>> diffusion_, drift_, growth_;
};

template <typename T>
class PointNets final : public FusedPointNets {
 public:
  PointNets(const SdeLayout& layout, const std::vector<at::Tensor>& parameters)
      : sde_(fused_sde<T>(layout, parameters)) {}

  std::unique_ptr<FusedPoints> evaluate(const at::Tensor& x, const at::Tensor& tau,
                                        const Dropout& dropout) const override {
    return std::make_unique<Points<T>>(sde_, x, tau, dropout);
  }

 private:
  FusedSde<T> sde_;
};

}  // namespace

std::unique_ptr<FusedPointNets> make_fused_points(const SdeLayout& layout,
                                                  const std::vector<at::Tensor>& parameters) {
  if (parameters[0].scalar_type() == at::kDouble)
    return std::make_unique<PointNets<double>>(layout, parameters);
  return std::make_unique<PointNets<float>>(layout, parameters);
}

}  // namespace fatefield
