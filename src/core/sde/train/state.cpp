// Takes the state of a training, gradients and a learning rate; changes the weights by one step of an
// optimiser, and gives the state as an archive, and back.
#include "sde/train/state.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "nets/adam.hpp"

namespace fatefield {
namespace {

constexpr double kRmsDecay = 0.99;
// Keeps the clipped norm finite for a vanishing gradient.
constexpr double kClipEpsilon = 1e-6;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kCounters = 10;

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
  const AdamStep adam = adam_step(steps, learning_rate, weight_decay_);
  const double root = adam_correction(steps).root;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor& p = parameters[i];
    const at::Tensor& g = gradients[i];
    if (weight_decay_ > 0.0) p.mul_(adam.shrink);
    if (!adam_) {
      second[i].mul_(kRmsDecay).addcmul_(g, g, 1.0 - kRmsDecay);
      p.addcdiv_(g, second[i].sqrt().add_(kAdamEpsilon), -learning_rate);
      continue;
    }
    first[i].mul_(adam.decay1).add_(g, 1.0 - adam.decay1);
    second[i].mul_(adam.decay2).addcmul_(g, g, 1.0 - adam.decay2);
    p.addcdiv_(first[i], (second[i].sqrt() / root).add_(adam.epsilon), -adam.rate);
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

std::vector<at::Tensor> copies(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& p : tensors) out.push_back(p.detach().clone());
  return out;
}

TrainState::TrainState(const NeuralSde::Impl& m, const TrainOptions& o)
    : current(copies(m.parameters)),
      mean(copies(m.parameters)),
      best(copies(m.parameters)),
      optimizer(o.optimizer, o.weight_decay, m.parameters) {}

void TrainState::note(const std::string& column, double value) {
  const auto same = [&](const auto& c) { return c.first == column; };
  auto at = std::find_if(history.begin(), history.end(), same);
  if (at == history.end()) {
    const std::size_t rows = history.empty() ? 0 : history.front().second.size() - 1;
    at = history.insert(history.end(), {column, std::vector<double>(rows, kNone)});
  }
  at->second.push_back(value);
}

void TrainState::end_row() {
  for (auto& column : history) column.second.resize(history.front().second.size(), kNone);
}

void TrainState::next_stage(const TrainOptions& o) {
  ++stage;
  stage_updates = 0;
  validations_since_best = 0;
  current = copies(mean);
  optimizer = Optimizer(o.optimizer, o.weight_decay, current);
}

void save(const TrainState& s, NeuralSde::Impl& m, std::uint64_t seed, double data_print,
          const std::string& method) {
  Archive a;
  const auto& specs = m.nets.specs();
  put_tensors(a, "current.", specs, s.current);
  put_tensors(a, "mean.", specs, s.mean);
  put_tensors(a, "best.", specs, s.best);
  put_tensors(a, "second.", specs, s.optimizer.second);
  if (!s.optimizer.first.empty()) put_tensors(a, "first.", specs, s.optimizer.first);
  // The seed is kept in two halves: a double holds 53 bits.
  a.put("counters",
        {static_cast<double>(s.optimizer.steps), static_cast<double>(s.best_update), s.best_value,
         static_cast<double>(s.validations_since_best), static_cast<double>(seed >> 32),
         static_cast<double>(seed & 0xffffffffULL), data_print, static_cast<double>(s.updates),
         static_cast<double>(s.stage), static_cast<double>(s.stage_updates)},
        {static_cast<std::int64_t>(kCounters)});
  a.put("method", method);
  std::string names;
  for (const auto& [name, values] : s.history) {
    a.put("history." + name, values, {static_cast<std::int64_t>(values.size())});
    names += name + "\n";
  }
  a.put("history", names);
  m.training = a;
}

void load(TrainState& s, const NeuralSde::Impl& m, std::uint64_t seed, double data_print,
          const std::string& method) {
  const Archive& a = m.training;
  const std::vector<double>& c = a.numbers("counters").values;
  if (c.size() != kCounters) throw model_error("The state of training kept with the model is damaged.");
  const std::uint64_t kept_seed = (static_cast<std::uint64_t>(c[4]) << 32) | static_cast<std::uint64_t>(c[5]);
  if (c[6] != data_print || kept_seed != seed) {
    throw model_error(
        "The model was trained on other cells, growth rates or with another seed; "
        "training can only go on with the same.");
  }
  if (a.text("method") != method) {
    throw input_error("method",
                      "`method` of a model to resume is \"" + a.text("method") + "\" and cannot be changed.");
  }
  const auto& specs = m.nets.specs();
  s.current = get_tensors(a, "current.", specs, m.like());
  s.mean = get_tensors(a, "mean.", specs, m.like());
  s.best = get_tensors(a, "best.", specs, m.like());
  s.optimizer.second = get_tensors(a, "second.", specs, m.like());
  if (s.optimizer.first.empty() == a.has("first." + specs[0].name)) {
    throw model_error("The model was trained with another optimizer; training can only go on with the same.");
  }
  if (!s.optimizer.first.empty()) s.optimizer.first = get_tensors(a, "first.", specs, m.like());
  s.optimizer.steps = static_cast<std::int64_t>(c[0]);
  s.best_update = static_cast<std::int64_t>(c[1]);
  s.best_value = c[2];
  s.validations_since_best = static_cast<std::int64_t>(c[3]);
  s.updates = static_cast<std::int64_t>(c[7]);
  s.stage = static_cast<std::int64_t>(c[8]);
  s.stage_updates = static_cast<std::int64_t>(c[9]);
  const std::string& names = a.text("history");
  for (std::size_t at = 0, end; (end = names.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string name = names.substr(at, end - at);
    s.history.push_back({name, a.numbers("history." + name).values});
  }
}

}  // namespace fatefield
