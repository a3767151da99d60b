// Counts of molecules from Philox: takes a seed and a name for the draw, gives gamma, Poisson and negative
// binomial numbers. No torch.
#pragma once

#include <cstdint>

namespace fatefield {

/// A run of uniforms that belongs to one draw: number i of it depends on (seed, id, i) alone.
class Uniforms {
 public:
  Uniforms(std::uint64_t seed, std::uint64_t id) : seed_(seed), id_(id) {}
  double next();
  double normal();

 private:
  std::uint64_t seed_, id_;
  std::uint64_t draw_ = 0;
};

/// Gamma of that shape and scale 1, shape > 0 (Marsaglia and Tsang, ACM Trans. Math. Softw. 26, 2000).
double draw_gamma(double shape, Uniforms& u);

/// Poisson of that mean >= 0: by inversion below 10, else by transformed rejection (Hoermann, Insurance:
/// Mathematics and Economics 12, 1993, algorithm PTRS).
double draw_poisson(double mean, Uniforms& u);

/// Mean `mean`, variance mean + dispersion * mean^2; Poisson where dispersion is 0.
double draw_negative_binomial(double mean, double dispersion, Uniforms& u);

}  // namespace fatefield
