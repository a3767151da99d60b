// Takes parameters and inputs; gives outputs of a multilayer perceptron and its gradient in the inputs.
#include "nets/mlp.hpp"

#include <ATen/ATen.h>

#include <utility>

#include "base/rng.hpp"

namespace fatefield {
namespace {

at::Tensor activate(Activation a, const at::Tensor& z) {
  switch (a) {
    case Activation::Softplus:
      return at::softplus(z, 1.0, kSoftplusLinear);
    case Activation::Silu:
      return at::silu(z);
    case Activation::Tanh:
      return at::tanh(z);
    case Activation::Relu:
      return at::relu(z);
    case Activation::LeakyRelu:
      break;
  }
  return at::leaky_relu(z, kLeak);
}

at::Tensor slope(Activation a, const at::Tensor& z) {
  switch (a) {
    case Activation::Softplus:
      return at::sigmoid(z);
    case Activation::Silu: {
      const at::Tensor s = at::sigmoid(z);
      return s * (1.0 + z * (1.0 - s));
    }
    case Activation::Tanh:
      return 1.0 - at::tanh(z).square();
    case Activation::Relu:
      return (z > 0).to(z.scalar_type());
    case Activation::LeakyRelu:
      break;
  }
  return at::where(z > 0, at::ones({}, z.options()), at::full({}, kLeak, z.options()));
}

// What a unit is multiplied by: 0, or 1 / (1 - rate) so that its mean stays.
at::Tensor mask_like(const at::Tensor& z, Dropout& dropout) {
  const double keep = 1.0 - dropout.rate;
  const bool wide = z.scalar_type() == at::kDouble;
  at::Tensor mask = at::empty(z.sizes(), wide ? at::kDouble : at::kFloat);
  const auto fill = [&](auto* out) {
    bernoulli_masks(dropout.seed, Stream::Dropout, 0, dropout.first, z.size(0), dropout.masks, z.size(1),
                    keep, static_cast<float>(1.0 / keep), out);
  };
  if (wide) {
    fill(mask.data_ptr<double>());
  } else {
    fill(mask.data_ptr<float>());
  }
  ++dropout.masks;
  return mask.to(z.device(), z.scalar_type());
}

bool active(const Dropout* dropout) { return dropout != nullptr && dropout->rate > 0.0; }

}  // namespace

Mlp::Mlp(std::string prefix, MlpShape shape) : prefix_(std::move(prefix)), shape_(std::move(shape)) {}

std::vector<ParameterSpec> Mlp::parameters() const {
  std::vector<ParameterSpec> out;
  std::int64_t from = shape_.inputs;
  for (std::size_t l = 0; l < shape_.hidden.size(); ++l) {
    const std::string layer = prefix_ + ".hidden_" + std::to_string(l + 1);
    out.push_back({layer + ".weight", {shape_.hidden[l], from}, from});
    out.push_back({layer + ".bias", {shape_.hidden[l]}, from});
    from = shape_.hidden[l];
  }
  out.push_back({prefix_ + ".output.weight", {shape_.outputs, from}, from});
  if (shape_.output_bias) out.push_back({prefix_ + ".output.bias", {shape_.outputs}, from});
  return out;
}

at::Tensor Mlp::forward(const at::Tensor* p, const at::Tensor& x, Dropout* dropout) const {
  at::Tensor a = x;
  for (std::size_t l = 0; l < shape_.hidden.size(); ++l, p += 2) {
    at::Tensor z = at::addmm(p[1], a, p[0].t());
    if (active(dropout)) z = z * mask_like(z, *dropout);
    a = activate(shape_.activation, z);
  }
  return shape_.output_bias ? at::addmm(p[1], a, p[0].t()) : at::mm(a, p[0].t());
}

at::Tensor Mlp::input_gradient(const at::Tensor* p, const at::Tensor& x, Dropout* dropout) const {
  const std::size_t depth = shape_.hidden.size();
  const at::Tensor& output = p[2 * depth];
  if (depth == 0) return output.expand({x.size(0), shape_.inputs});
  std::vector<at::Tensor> slopes;
  slopes.reserve(depth);
  at::Tensor a = x;
  for (std::size_t l = 0; l < depth; ++l) {
    at::Tensor z = at::addmm(p[2 * l + 1], a, p[2 * l].t());
    if (active(dropout)) {
      const at::Tensor mask = mask_like(z, *dropout);
      z = z * mask;
      slopes.push_back(slope(shape_.activation, z) * mask);
    } else {
      slopes.push_back(slope(shape_.activation, z));
    }
    // The value of the last layer is not needed, only its slope.
    if (l + 1 < depth) a = activate(shape_.activation, z);
  }
  at::Tensor back = output * slopes.back();
  for (std::size_t l = depth - 1; l > 0; --l) back = at::mm(back, p[2 * l]) * slopes[l - 1];
  return at::mm(back, p[0]);
}

}  // namespace fatefield
