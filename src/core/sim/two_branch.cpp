// Takes options and a seed; gives cells of a path that forks, with counts and true velocities.
#include "sim/two_branch.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "sim/counts.hpp"
#include "sim/differentiation.hpp"

namespace fatefield {
namespace {

// Transcription where a gene is off, relative to where it is on.
constexpr double kLeakage = 0.05;

enum class Purpose : std::uint64_t { Gene = 1, Library, Unspliced, Spliced };

void need(bool holds, const char* argument, const char* range) {
  if (!holds) throw input_error(argument, std::string("`") + argument + "` must be " + range + ".");
}

void check(const TwoBranchOptions& o) {
  need(o.n_cells >= 3 && o.n_cells < (std::int64_t{1} << 31), "n.cells", "at least 3 and below 2^31");
  need(o.n_genes >= 1 && o.n_genes < (std::int64_t{1} << 24), "n.genes", "at least 1 and below 2^24");
  need(o.major_share > 0.0 && o.major_share < 1.0, "major.share", "between 0 and 1");
  need(o.span > 0.0 && std::isfinite(o.span), "span", "a positive number");
  need(o.fork > 0.0 && o.fork < o.span, "fork", "above 0 and below `span`");
  need(o.depth > 0.0 && std::isfinite(o.depth), "depth", "a positive number");
  need(o.dispersion >= 0.0, "dispersion", "at least 0");
  need(o.library_spread >= 0.0, "library.spread", "at least 0");
}

// Of six genes two follow the common path and two each branch; of each two one stays on and one is transient.
TwoBranchGenes make_genes(const TwoBranchOptions& o, std::uint64_t seed) {
  TwoBranchGenes genes;
  constexpr Branch kBranches[] = {Branch::Both, Branch::Major, Branch::Minor};
  for (std::int64_t g = 0; g < o.n_genes; ++g) {
    Uniforms draw(seed, id_of(Purpose::Gene, static_cast<std::uint64_t>(g)));
    const Branch branch = kBranches[g % 3];
    const bool transient = g / 3 % 2 == 1;
    genes.branch.push_back(branch);
    genes.beta.push_back(1.5 * std::exp(0.3 * draw.normal()));
    genes.gamma.push_back(0.875 * std::exp(0.3 * draw.normal()));
    genes.alpha.push_back(o.depth * genes.gamma.back() * std::exp(0.8 * draw.normal()));
    const double first = branch == Branch::Both ? -0.5 * o.span : o.fork;
    const double last = branch == Branch::Both ? o.span : 0.75 * o.span;
    genes.on.push_back(first + (last - first) * draw.next());
    genes.off.push_back(transient ? genes.on.back() + (0.1 + 0.25 * draw.next()) * o.span : 2.0 * o.span);
  }
  return genes;
}

// u and s of a gene at time t of a cell on this branch, from the steady state long before time 0.
void express(const TwoBranchGenes& genes, std::size_t g, Branch branch, double t, double& u, double& s) {
  const double low = kLeakage * genes.alpha[g], beta = genes.beta[g], gamma = genes.gamma[g];
  u = low / beta;
  s = low / gamma;
  const bool follows = genes.branch[g] == Branch::Both || genes.branch[g] == branch;
  if (!follows || t <= genes.on[g]) return;
  splice(genes.alpha[g], beta, gamma, std::min(t, genes.off[g]) - genes.on[g], u, s);
  if (t > genes.off[g]) splice(low, beta, gamma, t - genes.off[g], u, s);
}

}  // namespace

TwoBranch simulate_two_branch(const TwoBranchOptions& o, std::uint64_t seed) {
  check(o);
  TwoBranch out;
  out.genes = make_genes(o, seed);
  const std::int64_t n = o.n_cells, genes = o.n_genes;
  out.unspliced = out.spliced = out.velocity = out.unspliced_counts = out.spliced_counts = Matrix(genes, n);
  out.library.resize(static_cast<std::size_t>(n));
  std::int64_t behind = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double t = o.span * (static_cast<double>(i) + 0.5) / static_cast<double>(n);
    out.time.push_back(t);
    Branch branch = Branch::Both;
    if (t > o.fork) {
      // Evenly along time, so that the share is met by any stretch of it.
      const auto major = [&](std::int64_t k) { return std::floor(o.major_share * static_cast<double>(k)); };
      branch = major(behind + 1) > major(behind) ? Branch::Major : Branch::Minor;
      ++behind;
    }
    out.branch.push_back(branch);
  }
  parallel_for(n, [&](std::int64_t i) {
    const auto cell = static_cast<std::size_t>(i);
    Uniforms size(seed, id_of(Purpose::Library, cell));
    out.library[cell] = std::exp(o.library_spread * size.normal());
    for (std::int64_t g = 0; g < genes; ++g) {
      double& u = out.unspliced(g, i);
      double& s = out.spliced(g, i);
      express(out.genes, static_cast<std::size_t>(g), out.branch[cell], out.time[cell], u, s);
      out.velocity(g, i) =
          out.genes.beta[static_cast<std::size_t>(g)] * u - out.genes.gamma[static_cast<std::size_t>(g)] * s;
      count_molecules<Purpose>(g, i, o.dispersion, seed, out);
    }
  });
  return out;
}

}  // namespace fatefield
