// Takes options and parameters; gives drift, diffusion, potential and growth of a neural SDE in scaled units.
#include "sde/model/nets.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "sde/model/fused_sde.hpp"

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

SdeNets::SdeNets(const SdeOptions& o, std::int64_t dims)
    : layout_(o, dims),
      diffusion_init_(o.diffusion_init),
      drift_net_(layout_.drift_net),
      diffusion_net_(layout_.diffusion_net),
      growth_net_(layout_.growth_net),
      specs_(parameter_specs("drift", layout_.drift_net)) {
  const auto add = [this](const char* prefix, const MlpShape& shape) {
    for (const ParameterSpec& s : parameter_specs(prefix, shape)) specs_.push_back(s);
  };
  if (has_diffusion()) add("diffusion", layout_.diffusion_net);
  if (has_growth()) add("growth", layout_.growth_net);
}

SdeWeights SdeWeights::in(std::vector<at::Tensor> copies) const {
  SdeWeights out = *this;
  out.p = std::move(copies);
  return out;
}

SdeWeights SdeNets::packed(const std::vector<at::Tensor>& parameters) const {
  SdeWeights out(parameters);
  if (!FusedSde<float>::fits(layout_)) return out;
  const at::Tensor* p = parameters.data();
  out.drift = drift_net_.pack(p);
  if (has_diffusion()) out.diffusion = diffusion_net_.pack(p + layout_.diffusion_at());
  if (has_growth()) out.growth = growth_net_.pack(p + layout_.growth_at());
  return out;
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
    draw_weights(seed, Stream::Init, i, bound, w.numel(), values);
    if (!layout_.published && is_output(spec)) {
      const bool growth = i >= layout_.growth_at() && layout_.growth;
      w.mul_(growth ? 0.0 : kOutputShrink);
      const bool spread_bias =
          i >= layout_.diffusion_at() && i < layout_.growth_at() && ends_with(spec.name, ".bias");
      if (spread_bias && layout_.kind != DiffusionKind::LowRank) w.fill_(inverse_softplus(diffusion_init_));
      // Low-rank noise is a matrix of either sign; its columns start spread over the dimensions.
      if (spread_bias && layout_.kind == DiffusionKind::LowRank)
        draw_weights(seed, Stream::Projection, i, diffusion_init_, w.numel(), values);
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

at::Tensor SdeNets::drift_of(const SdeWeights& w, const at::Tensor& in, Dropout* d) const {
  const MlpWeights net{w.p.data(), w.drift};
  if (!layout_.potential) return drift_net_.forward(net, in, d);
  return drift_net_.input_gradient(net, in, d).narrow(1, 0, layout_.dims);
}

at::Tensor SdeNets::diffusion_of(const SdeWeights& w, const at::Tensor& in, Dropout* d) const {
  const std::int64_t n = in.size(0);
  if (!has_diffusion()) return at::zeros({n, layout_.dims}, in.options());
  const MlpWeights net{w.p.data() + layout_.diffusion_at(), w.diffusion};
  if (!layout_.diagonal_noise())
    return diffusion_net_.forward(net, in, d).view({n, layout_.dims, layout_.rank});
  const at::Tensor g = diffusion_net_.positive(net, in, d);
  return layout_.kind == DiffusionKind::Scalar ? g.expand({n, layout_.dims}) : g;
}

at::Tensor SdeNets::drift(const SdeWeights& w, double tau, const at::Tensor& z, Dropout* d) const {
  return drift_of(w, inputs(tau, z), d);
}

at::Tensor SdeNets::drift(const SdeWeights& w, const at::Tensor& tau, const at::Tensor& z, Dropout* d) const {
  return drift_of(w, inputs(tau, z), d);
}

at::Tensor SdeNets::diffusion(const SdeWeights& w, double tau, const at::Tensor& z, Dropout* d) const {
  return diffusion_of(w, inputs(tau, z), d);
}

at::Tensor SdeNets::diffusion(const SdeWeights& w, const at::Tensor& tau, const at::Tensor& z,
                              Dropout* d) const {
  return diffusion_of(w, inputs(tau, z), d);
}

at::Tensor SdeNets::spread(const SdeWeights& w, double tau, const at::Tensor& z, Dropout* d) const {
  return spread_of(diffusion(w, tau, z, d));
}

at::Tensor SdeNets::potential(const SdeWeights& w, double tau, const at::Tensor& z) const {
  if (!layout_.potential)
    throw model_error("The drift of this model is no gradient, so it has no potential.");
  return drift_net_.forward({w.p.data(), w.drift}, inputs(tau, z), nullptr).squeeze(1);
}

at::Tensor SdeNets::growth(const SdeWeights& w, double tau, const at::Tensor& z, Dropout* d) const {
  return growth_net_.forward({w.p.data() + layout_.growth_at(), w.growth}, inputs(tau, z), d).squeeze(1);
}

at::Tensor SdeNets::growth(const SdeWeights& w, const at::Tensor& tau, const at::Tensor& z,
                           Dropout* d) const {
  return growth_net_.forward({w.p.data() + layout_.growth_at(), w.growth}, inputs(tau, z), d).squeeze(1);
}

}  // namespace fatefield
