// Takes parameters, gradients and a learning rate; changes the parameters by one step of an optimiser.
#include "sde/train/optimizer.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace fatefield {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kRmsDecay = 0.99;
constexpr double kEpsilon = 1e-8;
// Keeps the clipped norm finite for a vanishing gradient.
constexpr double kClipEpsilon = 1e-6;
constexpr double kPi = 3.14159265358979323846;

}  // namespace

Optimizer::Optimizer(const std::string& name, double weight_decay, const std::vector<at::Tensor>& parameters)
    : adam_(name == "adamw"), weight_decay_(weight_decay) {
  if (!adam_ && name != "rmsprop") {
    throw input_error("optimizer", "`optimizer` is \"" + name + "\"; \"adamw\" or \"rmsprop\" is needed.");
  }
  for (const at::Tensor& p : parameters) {
    if (adam_) first.push_back(at::zeros_like(p));
    second.push_back(at::zeros_like(p));
  }
}

void Optimizer::step(std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients,
                     double learning_rate) {
  ++steps;
  const double count = static_cast<double>(steps);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor& p = parameters[i];
    const at::Tensor& g = gradients[i];
    if (weight_decay_ > 0.0) p.mul_(1.0 - learning_rate * weight_decay_);
    if (!adam_) {
      second[i].mul_(kRmsDecay).addcmul_(g, g, 1.0 - kRmsDecay);
      p.addcdiv_(g, second[i].sqrt().add_(kEpsilon), -learning_rate);
      continue;
    }
    first[i].mul_(kBeta1).add_(g, 1.0 - kBeta1);
    second[i].mul_(kBeta2).addcmul_(g, g, 1.0 - kBeta2);
    const double mean_correction = 1.0 - std::pow(kBeta1, count);
    const double square_correction = std::sqrt(1.0 - std::pow(kBeta2, count));
    p.addcdiv_(first[i], (second[i].sqrt() / square_correction).add_(kEpsilon),
               -learning_rate / mean_correction);
  }
}

double clip_gradients(std::vector<at::Tensor>& gradients, double most) {
  double squares = 0.0;
  for (const at::Tensor& g : gradients) squares += g.to(at::kDouble).square().sum().item<double>();
  const double norm = std::sqrt(squares);
  const double factor = most / (norm + kClipEpsilon);
  if (most > 0.0 && factor < 1.0) {
    for (at::Tensor& g : gradients) g.mul_(factor);
  }
  return norm;
}

double learning_rate(const TrainOptions& o, std::int64_t u) {
  const double done = static_cast<double>(u) / static_cast<double>(std::max<std::int64_t>(1, o.updates));
  double rate = o.learning_rate;
  if (done < o.warmup)
    return rate * (static_cast<double>(u) + 1.0) / (o.warmup * static_cast<double>(o.updates) + 1.0);
  if (o.schedule == "cosine") {
    return rate * 0.5 * (1.0 + std::cos(kPi * (done - o.warmup) / (1.0 - o.warmup)));
  }
  if (o.schedule == "step") return done >= 0.9 ? 0.1 * rate : rate;
  return rate;
}

}  // namespace fatefield
