// Takes options and parameters; gives drift, diffusion, potential and growth of a neural SDE in scaled units.
#include "models/sde_nets.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"

namespace fatefield {
namespace {

// The output layers start this much smaller than the published initialisation.
constexpr double kOutputShrink = 0.1;

DiffusionKind parse_diffusion(const std::string& name) {
  if (name == "none") return DiffusionKind::None;
  if (name == "diagonal") return DiffusionKind::Diagonal;
  if (name == "scalar") return DiffusionKind::Scalar;
  if (name == "lowrank") return DiffusionKind::LowRank;
  if (name == "rank1") return DiffusionKind::Rank1;
  throw input_error("diffusion",
                    "`diffusion` is \"" + name +
                        "\"; \"diagonal\", \"scalar\", \"lowrank\", \"none\" or \"rank1\" is needed.");
}

bool parse_potential(const std::string& name) {
  if (name == "potential") return true;
  if (name == "forward") return false;
  throw input_error("drift", "`drift` is \"" + name + "\"; \"potential\" or \"forward\" is needed.");
}

bool parse_compat(const std::string& name) {
  if (name == "scdiffeq") return true;
  if (name == "none") return false;
  throw input_error("compat", "`compat` is \"" + name + "\"; \"none\" or \"scdiffeq\" is needed.");
}

std::int64_t checked_rank(DiffusionKind kind, const SdeOptions& o, std::int64_t dims) {
  if (kind != DiffusionKind::LowRank) return 1;
  if (o.diffusion_rank >= 1 && o.diffusion_rank <= dims) return o.diffusion_rank;
  throw input_error("diffusion.rank", "`diffusion.rank` is " + std::to_string(o.diffusion_rank) +
                                          "; a number from 1 to the dimensions, " + std::to_string(dims) +
                                          ", is needed.");
}

std::int64_t diffusion_outputs(DiffusionKind kind, std::int64_t rank, std::int64_t dims) {
  if (kind == DiffusionKind::Scalar) return 1;
  return dims * rank;
}

double inverse_softplus(double y) { return y > 30.0 ? y : std::log(std::expm1(y)); }

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_output(const ParameterSpec& spec) { return spec.name.find(".output.") != std::string::npos; }

// Standard deviation per dimension of noise of any kind.
at::Tensor spread_of(const at::Tensor& g) { return g.dim() == 2 ? g : g.square().sum(2).sqrt(); }

}  // namespace

SdeNets::SdeNets(const SdeOptions& o, std::int64_t dims)
    : dims_(dims),
      potential_(parse_potential(o.drift)),
      growth_(o.growth),
      time_input_(o.time_input),
      published_(parse_compat(o.compat)),
      kind_(parse_diffusion(o.diffusion)),
      rank_(checked_rank(kind_, o, dims)),
      diffusion_init_(o.diffusion_init),
      drift_net_("drift", {dims + o.time_input, o.drift_hidden, potential_ ? 1 : dims, !potential_,
                           parse_activation(o.drift_activation, "drift.activation")}),
      diffusion_net_("diffusion",
                     {dims + o.time_input, o.diffusion_hidden, diffusion_outputs(kind_, rank_, dims), true,
                      parse_activation(o.diffusion_activation, "diffusion.activation")}),
      growth_net_("growth", {dims + o.time_input, o.growth_hidden, 1, true, Activation::Softplus}) {
  if (dims < 1) throw input_error("dims", "A neural SDE needs at least one dimension.");
  if (!(o.diffusion_init > 0.0) || !std::isfinite(o.diffusion_init)) {
    throw input_error("diffusion.init", "`diffusion.init` must be a positive number.");
  }
  if (!(o.dropout >= 0.0 && o.dropout < 1.0)) {
    throw input_error("dropout", "`dropout` is " + std::to_string(o.dropout) +
                                     "; a probability of at least 0 and below 1 is needed.");
  }
  specs_ = drift_net_.parameters();
  diffusion_at_ = specs_.size();
  if (has_diffusion()) {
    for (const ParameterSpec& s : diffusion_net_.parameters()) specs_.push_back(s);
  }
  growth_at_ = specs_.size();
  if (growth_) {
    for (const ParameterSpec& s : growth_net_.parameters()) specs_.push_back(s);
  }
}

NoiseType SdeNets::noise() const {
  return kind_ == DiffusionKind::LowRank || kind_ == DiffusionKind::Rank1 ? NoiseType::General
                                                                          : NoiseType::Diagonal;
}

std::int64_t SdeNets::brownian_dims() const { return noise() == NoiseType::Diagonal ? dims_ : rank_; }

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
    if (!published_ && is_output(spec)) {
      const bool growth = i >= growth_at_ && growth_;
      w.mul_(growth ? 0.0 : kOutputShrink);
      const bool spread_bias = i >= diffusion_at_ && i < growth_at_ && ends_with(spec.name, ".bias");
      if (spread_bias && kind_ != DiffusionKind::LowRank) w.fill_(inverse_softplus(diffusion_init_));
      // Low-rank noise is a matrix of either sign; its columns start spread over the dimensions.
      if (spread_bias && kind_ == DiffusionKind::LowRank) {
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
  if (!time_input_) return z;
  return at::cat({z, at::full({z.size(0), 1}, tau, z.options())}, 1);
}

at::Tensor SdeNets::inputs(const at::Tensor& tau, const at::Tensor& z) const {
  if (!time_input_) return z;
  return at::cat({z, tau.unsqueeze(1)}, 1);
}

at::Tensor SdeNets::drift_of(const std::vector<at::Tensor>& p, const at::Tensor& in, Dropout* d) const {
  if (!potential_) return drift_net_.forward(p.data(), in, d);
  return drift_net_.input_gradient(p.data(), in, d).narrow(1, 0, dims_);
}

at::Tensor SdeNets::diffusion_of(const std::vector<at::Tensor>& p, const at::Tensor& in, Dropout* d) const {
  const std::int64_t n = in.size(0);
  if (!has_diffusion()) return at::zeros({n, dims_}, in.options());
  const at::Tensor raw = diffusion_net_.forward(p.data() + diffusion_at_, in, d);
  if (kind_ == DiffusionKind::Diagonal) return at::softplus(raw);
  if (kind_ == DiffusionKind::Scalar) return at::softplus(raw).expand({n, dims_});
  return raw.view({n, dims_, rank_});
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
  if (!potential_) throw model_error("The drift of this model is no gradient, so it has no potential.");
  return drift_net_.forward(p.data(), inputs(tau, z), nullptr).squeeze(1);
}

at::Tensor SdeNets::growth(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z,
                           Dropout* d) const {
  return growth_net_.forward(p.data() + growth_at_, inputs(tau, z), d).squeeze(1);
}

at::Tensor SdeNets::growth(const std::vector<at::Tensor>& p, const at::Tensor& tau, const at::Tensor& z,
                           Dropout* d) const {
  return growth_net_.forward(p.data() + growth_at_, inputs(tau, z), d).squeeze(1);
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
  return nets_.diffusion(parameters_, t, y, dropout_);
}

}  // namespace fatefield
