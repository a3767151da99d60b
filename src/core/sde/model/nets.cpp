// Takes options and parameters; gives drift, diffusion, potential and growth of a neural SDE in scaled units.
#include "sde/model/nets.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"

namespace fatefield {
namespace {

// The output layers start this much smaller than the published initialisation.
constexpr double kOutputShrink = 0.1;

double inverse_softplus(double y) { return y > 30.0 ? y : std::log(std::expm1(y)); }

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_output(const ParameterSpec& spec) { return spec.name.find(".output.") != std::string::npos; }

// Standard deviation per dimension of noise of any kind.
at::Tensor spread_of(const at::Tensor& g) { return g.dim() == 2 ? g : g.square().sum(2).sqrt(); }

}  // namespace

at::Tensor diffusion_from(const SdeLayout& o, const at::Tensor& raw) {
  const std::int64_t n = raw.size(0);
  if (!o.diagonal_noise()) return raw.view({n, o.dims, o.rank});
  const at::Tensor g = at::softplus(raw, 1.0, kSoftplusLinear);
  return o.kind == DiffusionKind::Scalar ? g.expand({n, o.dims}) : g;
}

SdeNets::SdeNets(const SdeOptions& o, std::int64_t dims)
    : layout_(o, dims),
      diffusion_init_(o.diffusion_init),
      drift_net_("drift", layout_.drift_net),
      diffusion_net_("diffusion", layout_.diffusion_net),
      growth_net_("growth", layout_.growth_net),
      specs_(drift_net_.parameters()) {
  const auto add = [this](const Mlp& net) {
    for (const ParameterSpec& s : net.parameters()) specs_.push_back(s);
  };
  if (has_diffusion()) add(diffusion_net_);
  if (has_growth()) add(growth_net_);
}

NoiseType SdeNets::noise() const {
  return layout_.diagonal_noise() ? NoiseType::Diagonal : NoiseType::General;
}

std::int64_t SdeNets::parameter_count() const {
  std::int64_t total = 0;
  for (const ParameterSpec& s : specs_) {
    std::int64_t n = 1;
    for (std::int64_t extent : s.shape) n *= extent;
    total += n;
  }
  return total;
}

std::vector<at::Tensor> SdeNets::initial(std::uint64_t seed, at::ScalarType type) const {
  std::vector<at::Tensor> out;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const ParameterSpec& spec = specs_[i];
    at::Tensor w = at::empty(spec.shape, at::kDouble);
    double* values = w.data_ptr<double>();
    const double bound = 1.0 / std::sqrt(static_cast<double>(spec.fan_in));
    for (std::int64_t j = 0; j < w.numel(); ++j) {
      values[j] = bound * (2.0 * uniform(seed, Stream::Init, i, static_cast<std::uint64_t>(j)) - 1.0);
    }
    if (!layout_.published && is_output(spec)) {
      const bool growth = i >= layout_.growth_at() && layout_.growth;
      w.mul_(growth ? 0.0 : kOutputShrink);
      const bool spread_bias =
          i >= layout_.diffusion_at() && i < layout_.growth_at() && ends_with(spec.name, ".bias");
      if (spread_bias && layout_.kind != DiffusionKind::LowRank) w.fill_(inverse_softplus(diffusion_init_));
      // Low-rank noise is a matrix of either sign; its columns start spread over the dimensions.
      if (spread_bias && layout_.kind == DiffusionKind::LowRank) {
        for (std::int64_t j = 0; j < w.numel(); ++j) {
          values[j] = diffusion_init_ *
                      (2.0 * uniform(seed, Stream::Projection, i, static_cast<std::uint64_t>(j)) - 1.0);
        }
      }
    }
    out.push_back(w.to(type));
  }
  return out;
}

at::Tensor SdeNets::inputs(double tau, const at::Tensor& z) const {
  if (!layout_.time_input) return z;
  return at::cat({z, at::full({z.size(0), 1}, tau, z.options())}, 1);
}

at::Tensor SdeNets::inputs(const at::Tensor& tau, const at::Tensor& z) const {
  if (!layout_.time_input) return z;
  return at::cat({z, tau.unsqueeze(1)}, 1);
}

at::Tensor SdeNets::drift_of(const std::vector<at::Tensor>& p, const at::Tensor& in, Dropout* d) const {
  if (!layout_.potential) return drift_net_.forward(p.data(), in, d);
  return drift_net_.input_gradient(p.data(), in, d).narrow(1, 0, layout_.dims);
}

at::Tensor SdeNets::diffusion_of(const std::vector<at::Tensor>& p, const at::Tensor& in, Dropout* d) const {
  const std::int64_t n = in.size(0);
  if (!has_diffusion()) return at::zeros({n, layout_.dims}, in.options());
  const at::Tensor raw = diffusion_net_.forward(p.data() + layout_.diffusion_at(), in, d);
  return diffusion_from(layout_, raw);
}

at::Tensor SdeNets::drift(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z,
                          Dropout* d) const {
  return drift_of(p, inputs(tau, z), d);
}

at::Tensor SdeNets::drift(const std::vector<at::Tensor>& p, const at::Tensor& tau, const at::Tensor& z,
                          Dropout* d) const {
  return drift_of(p, inputs(tau, z), d);
}

at::Tensor SdeNets::diffusion(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z,
                              Dropout* d) const {
  return diffusion_of(p, inputs(tau, z), d);
}

at::Tensor SdeNets::diffusion(const std::vector<at::Tensor>& p, const at::Tensor& tau, const at::Tensor& z,
                              Dropout* d) const {
  return diffusion_of(p, inputs(tau, z), d);
}

at::Tensor SdeNets::spread(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z,
                           Dropout* d) const {
  return spread_of(diffusion(p, tau, z, d));
}

at::Tensor SdeNets::potential(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z) const {
  if (!layout_.potential)
    throw model_error("The drift of this model is no gradient, so it has no potential.");
  return drift_net_.forward(p.data(), inputs(tau, z), nullptr).squeeze(1);
}

at::Tensor SdeNets::growth(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z,
                           Dropout* d) const {
  return growth_net_.forward(p.data() + layout_.growth_at(), inputs(tau, z), d).squeeze(1);
}

at::Tensor SdeNets::growth(const std::vector<at::Tensor>& p, const at::Tensor& tau, const at::Tensor& z,
                           Dropout* d) const {
  return growth_net_.forward(p.data() + layout_.growth_at(), inputs(tau, z), d).squeeze(1);
}

at::Tensor BoundSde::drift(double t, const at::Tensor& y) const {
  const at::Tensor f = nets_.drift(parameters_, t, y, dropout_);
  if (effort_ != nullptr) {
    *effort_ = *effort_ + f.square().sum() * step_;
    ++evaluations_;
  }
  return f;
}

at::Tensor BoundSde::diffusion(double t, const at::Tensor& y) const {
  if (noise_sd_.defined()) return noise_sd_.expand_as(y);
  return nets_.diffusion(parameters_, t, y, dropout_);
}

}  // namespace fatefield
