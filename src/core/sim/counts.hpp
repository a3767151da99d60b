// Counts of molecules from Philox: takes a seed and a name for the draw, gives gamma, Poisson and negative
// binomial numbers. No torch.
#pragma once

#include <cstddef>
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

/// The name of a draw for a purpose (an enumeration from 1), so that draws of different purposes never share
/// numbers: the purpose is the top byte. 0 is left to permutation().
template <typename Purpose>
std::uint64_t id_of(Purpose purpose, std::uint64_t i) {
  return (static_cast<std::uint64_t>(purpose) << 56) | i;
}

/// Counts of gene g in a cell around its means, from the library size of the cell. `Cells` has unspliced,
/// spliced, their counts (genes x cells) and library; `Purpose` has Unspliced and Spliced.
template <typename Purpose, typename Cells>
void count_molecules(std::int64_t g, std::int64_t cell, double dispersion, std::uint64_t seed, Cells& x) {
  const auto entry = static_cast<std::uint64_t>(cell) << 24 | static_cast<std::uint64_t>(g);
  Uniforms unspliced(seed, id_of(Purpose::Unspliced, entry)), spliced(seed, id_of(Purpose::Spliced, entry));
  const double size = x.library[static_cast<std::size_t>(cell)];
  x.unspliced_counts(g, cell) = draw_negative_binomial(size * x.unspliced(g, cell), dispersion, unspliced);
  x.spliced_counts(g, cell) = draw_negative_binomial(size * x.spliced(g, cell), dispersion, spliced);
}

}  // namespace fatefield
