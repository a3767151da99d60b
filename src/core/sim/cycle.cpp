// Takes a design and a seed; gives cells that go round, with counts and true velocities.
#include "sim/cycle.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "sim/counts.hpp"

namespace fatefield {
namespace {

constexpr double kTurn = 6.283185307179586476925;
// How far transcription swings around its mean, as a share of it.
constexpr double kSwing = 0.9;

enum class Purpose : std::uint64_t { Gene = 1, Clone, Cell, Unspliced, Spliced };

void need(bool holds, const char* argument, const char* range) {
  if (!holds) throw input_error(argument, std::string("`") + argument + "` must be " + range + ".");
}

void check(const CycleDesign& d) {
  const auto cells = static_cast<std::int64_t>(d.times.size());
  need(d.n_cells >= cells && d.n_cells < (std::int64_t{1} << 31), "n.cells", "at least one for each time");
  need(d.n_genes >= 3 && d.n_genes < (std::int64_t{1} << 24), "n.genes", "at least 3 and below 2^24");
  need(d.n_clones >= 1, "n.clones", "at least 1");
  need(std::isfinite(d.turns), "turns", "a number");
  need(d.spread >= 0.0 && d.spread < 1.0, "spread", "at least 0 and below 1");
  need(d.clone_spread >= 0.0, "clone.spread", "at least 0");
  need(d.dispersion >= 0.0, "dispersion", "at least 0");
  need(d.library_spread >= 0.0, "library.spread", "at least 0");
}

void make_genes(const CycleDesign& d, std::uint64_t seed, Cycle& out) {
  for (std::int64_t g = 0; g < d.n_genes; ++g) {
    Uniforms draw(seed, id_of(Purpose::Gene, static_cast<std::uint64_t>(g)));
    out.phase.push_back(kTurn * draw.next());
    out.beta.push_back(2.0 * std::exp(0.3 * draw.normal()));
    out.gamma.push_back(std::exp(0.3 * draw.normal()));
    out.top.push_back(8.0 * std::exp(0.6 * draw.normal()) * out.gamma.back());
  }
}

// Founders are spread evenly over the ring, so that cells are at each time.
void place(const CycleDesign& d, std::int64_t cell, std::uint64_t seed, Cycle& out) {
  const auto n_times = static_cast<std::int64_t>(d.times.size());
  Uniforms draw(seed, id_of(Purpose::Cell, static_cast<std::uint64_t>(cell)));
  const std::int64_t of_time = (d.n_cells + n_times - 1) / n_times;
  const std::int64_t clone = cell / n_times * d.n_clones / of_time;
  const double time = d.times[static_cast<std::size_t>(cell % n_times)];
  const double founder = kTurn * static_cast<double>(clone) / static_cast<double>(d.n_clones);
  const auto at = static_cast<std::size_t>(cell);
  out.clone[at] = clone;
  out.time[at] = time;
  out.angle[at] = founder + d.clone_spread * draw.normal() + kTurn * d.turns * (time - d.times.front());
  out.radius[at] = std::max(0.0, 1.0 + d.spread * draw.normal());
  out.library[at] = std::exp(d.library_spread * draw.normal());
}

void express(const CycleDesign& d, std::int64_t cell, std::uint64_t seed, Cycle& out) {
  const std::complex<double> turning(0.0, kTurn * d.turns);
  for (std::int64_t g = 0; g < d.n_genes; ++g) {
    const auto at = static_cast<std::size_t>(g), c = static_cast<std::size_t>(cell);
    const double beta = out.beta[at], gamma = out.gamma[at], half = 0.5 * out.top[at];
    const std::complex<double> wave = kSwing * std::polar(1.0, out.angle[c] - out.phase[at]);
    const std::complex<double> u = wave / (beta + turning), s = beta * u / (gamma + turning);
    out.unspliced(g, cell) = half * (1.0 / beta + u.real());
    out.spliced(g, cell) = half * (1.0 / gamma + s.real());
    out.velocity(g, cell) = half * (turning * s).real();
    count_molecules<Purpose>(g, cell, d.dispersion, seed, out);
  }
}

}  // namespace

Cycle simulate_cycle(const CycleDesign& d, std::uint64_t seed) {
  check(d);
  Cycle out;
  make_genes(d, seed, out);
  const auto n = static_cast<std::size_t>(d.n_cells);
  out.angle.resize(n);
  out.radius.resize(n);
  out.time.resize(n);
  out.library.resize(n);
  out.clone.resize(n);
  out.unspliced = out.spliced = out.velocity = Matrix(d.n_genes, d.n_cells);
  out.unspliced_counts = out.spliced_counts = Matrix(d.n_genes, d.n_cells);
  parallel_for(d.n_cells, [&](std::int64_t i) {
    place(d, i, seed, out);
    express(d, i, seed, out);
  });
  return out;
}

}  // namespace fatefield
