// One step of Adam as numbers, made in one place for all who take it: the fused kernel
// (nets/dense_kernel.hpp) and LibTorch on any device (sde/train/state.cpp). No torch here.
#pragma once

#include <cmath>
#include <cstdint>

namespace fatefield {

/// first = decay1 first + (1 - decay1) g, second = decay2 second + (1 - decay2) g^2,
/// p = shrink p - rate first / (root sqrt(second) + epsilon). What Kingma and Ba (ICLR 2015) correct for the
/// first steps, and the decay of weights of Loshchilov and Hutter (ICLR 2019), are in the last four.
struct AdamStep {
  double decay1, decay2, shrink, rate, root, epsilon;
};

/// What the running means of the first `steps` gradients are to be divided by: of gradients, and root of
/// squares.
struct AdamCorrection {
  double mean, root;
};

constexpr double kAdamDecay1 = 0.9, kAdamDecay2 = 0.999, kAdamEpsilon = 1e-8;

inline AdamCorrection adam_correction(std::int64_t steps) {
  const double t = static_cast<double>(steps);
  return {1.0 - std::pow(kAdamDecay1, t), std::sqrt(1.0 - std::pow(kAdamDecay2, t))};
}

/// The step number `steps`, counted from 1, at a learning rate.
inline AdamStep adam_step(std::int64_t steps, double rate, double weight_decay) {
  const AdamCorrection c = adam_correction(steps);
  return {kAdamDecay1, kAdamDecay2, 1.0 - rate * weight_decay, rate / c.mean, 1.0 / c.root, kAdamEpsilon};
}

/// Half a cosine from 1 to 0 while `done` goes from 0 to `all`.
inline double cosine_fall(double done, double all) {
  constexpr double kPi = 3.14159265358979323846;
  return 0.5 * (1.0 + std::cos(kPi * done / all));
}

}  // namespace fatefield
