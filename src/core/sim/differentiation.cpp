// Takes a design, options and a seed; gives simulated cells with their genes and their truth.
#include "sim/differentiation.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "sim/counts.hpp"

namespace fatefield {
namespace {

constexpr double kMostSteps = 1e5;
constexpr double kMostEntries = 2147483647.0;
constexpr std::int64_t kBlock = 32;

enum class Purpose : std::uint64_t {
  Founder = 1,
  Member,
  Path,
  Resample,
  Future,
  Gene,
  Library,
  Unspliced,
  Spliced
};

std::uint64_t slot_of(std::int64_t day, std::int64_t slot) {
  return (static_cast<std::uint64_t>(day) << 40) | static_cast<std::uint64_t>(slot);
}

void check_least(const char* name, double value, double least) {
  if (std::isfinite(value) && value >= least) return;
  throw input_error(name, std::string("`") + name + "` is " + std::to_string(value) + "; at least " +
                              std::to_string(least) + " is needed.");
}

void check(const DifferentiationDesign& design, const DifferentiationOptions& o) {
  const std::vector<double>& days = design.days;
  if (days.empty()) throw input_error("days", "`days` is empty; at least one day is needed.");
  for (std::size_t k = 0; k < days.size(); ++k) {
    if (!std::isfinite(days[k])) throw input_error("days", "`days` holds a value that is not finite.");
    if (k > 0 && days[k] <= days[k - 1])
      throw input_error("days", "`days` must increase from each to the next.");
  }
  check_least("n.cells", static_cast<double>(design.n_cells), static_cast<double>(days.size()));
  check_least("n.genes", static_cast<double>(design.n_genes), static_cast<double>(design.n_fates + 2));
  check_least("n.clones", static_cast<double>(o.n_clones), 0);
  check_least("n.futures", static_cast<double>(o.n_futures), 0);
  check_least("n.drivers", static_cast<double>(design.n_drivers), 0);
  check_least("n.genes", static_cast<double>(design.n_genes),
              static_cast<double>(design.n_fates + 2 + design.n_drivers * design.n_fates));
  check_least("founder.spread", o.founder_spread, 0);
  check_least("clone.spread", o.clone_spread, 0);
  check_least("dispersion", o.dispersion, 0);
  check_least("library.spread", o.library_spread, 0);
  check_least("lead", o.lead, 0);
  if (!std::isfinite(o.dt) || o.dt <= 0) throw input_error("dt", "`dt` must be above 0.");
  if ((days.back() - days.front() + o.lead) / o.dt > kMostSteps) {
    throw input_error("dt", "`dt` is so small that more than 100000 steps would be taken.");
  }
  const double entries = static_cast<double>(design.n_cells) * static_cast<double>(design.n_genes);
  if (entries > kMostEntries) {
    throw input_error("n.cells", "`n.cells` times `n.genes` is above 2^31; fewer cells or genes are needed.");
  }
}

void in_blocks(std::int64_t n, const std::function<void(std::int64_t, std::int64_t)>& body) {
  parallel_for((n + kBlock - 1) / kBlock,
               [&](std::int64_t b) { body(b * kBlock, std::min(n, (b + 1) * kBlock)); });
}

struct Steps {
  std::int64_t n;
  double h;
};

Steps steps_between(double from, double to, double dt) {
  if (to <= from) return {0, 0.0};
  const auto n = std::max<std::int64_t>(1, std::llround((to - from) / dt));
  return {n, (to - from) / static_cast<double>(n)};
}

// One step of Euler and Maruyama for one cell; `noise` is scratch for dims numbers.
void move(const LandscapePoint& point, std::uint64_t seed, std::uint64_t id, std::int64_t step, double h,
          std::vector<double>& noise, double* z) {
  const auto dims = static_cast<std::int64_t>(noise.size());
  normals<double>(seed, Stream::Simulator, id, 1, static_cast<std::uint32_t>(step), dims, noise.data());
  const double scale = point.diffusion * std::sqrt(h);
  for (std::int64_t j = 0; j < dims; ++j) z[j] += point.drift[j] * h + scale * noise[j];
}

// The cells of one day from the first day on, with where each came from at every step.
class Population {
 public:
  Population(const Landscape& landscape, const DifferentiationOptions& o, std::uint64_t seed,
             std::int64_t day, std::int64_t n, Steps steps)
      : landscape_(landscape), seed_(seed), day_(day), n_(n), steps_(steps), dims_(landscape.dims()) {
    states_.resize(static_cast<std::size_t>((steps.n + 1) * n_ * dims_));
    parent_.resize(static_cast<std::size_t>(steps.n * n_));
    found(o);
    for (std::int64_t s = 0; s < steps.n; ++s) advance(s);
  }

  const Steps& steps() const { return steps_; }

  /// States of the line that ends in `slot`: (steps + 1) x dims; gives the clone of its founder.
  std::int64_t trace(std::int64_t slot, std::vector<double>& path) const {
    path.resize(static_cast<std::size_t>((steps_.n + 1) * dims_));
    for (std::int64_t s = steps_.n; s >= 0; --s) {
      std::copy_n(state(s, slot), dims_, path.data() + s * dims_);
      if (s > 0) slot = parent_[(s - 1) * n_ + slot];
    }
    return clone_[slot];
  }

 private:
  double* state(std::int64_t step, std::int64_t slot) { return states_.data() + (step * n_ + slot) * dims_; }
  const double* state(std::int64_t step, std::int64_t slot) const {
    return states_.data() + (step * n_ + slot) * dims_;
  }

  // Each clone gets as many members as any other, give or take one.
  void found(const DifferentiationOptions& o) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(o.n_clones));
    permutation(seed_, Stream::Simulator, static_cast<std::uint64_t>(day_), o.n_clones, order.data());
    std::vector<double> founder(static_cast<std::size_t>(dims_)), member(founder);
    for (std::int64_t i = 0; i < n_; ++i) {
      clone_.push_back(order[i % o.n_clones]);
      normals<double>(seed_, Stream::Simulator, id_of(Purpose::Founder, clone_[i]), 1, 0, dims_,
                      founder.data());
      normals<double>(seed_, Stream::Simulator, id_of(Purpose::Member, slot_of(day_, i)), 1, 0, dims_,
                      member.data());
      for (std::int64_t j = 0; j < dims_; ++j) {
        // Founders differ in their leaning more than in their progress.
        const double spread = j == 0 ? o.founder_spread / 3 : o.founder_spread;
        state(0, i)[j] = spread * founder[j] + o.clone_spread * member[j];
      }
    }
  }

  void advance(std::int64_t s) {
    std::int64_t* parent = parent_.data() + s * n_;
    if (landscape_.still()) {
      for (std::int64_t i = 0; i < n_; ++i) parent[i] = i;
    } else {
      choose_parents(s, parent);
    }
    in_blocks(n_, [&](std::int64_t from, std::int64_t to) {
      LandscapePoint point;
      std::vector<double> noise(static_cast<std::size_t>(dims_));
      for (std::int64_t i = from; i < to; ++i) {
        double* z = state(s + 1, i);
        std::copy_n(state(s, parent[i]), dims_, z);
        landscape_.at(z, point);
        move(point, seed_, id_of(Purpose::Path, slot_of(day_, i)), s, steps_.h, noise, z);
      }
    });
  }

  // Systematic resampling: a cell of weight w leaves floor or ceiling of n w / sum(w) descendants.
  void choose_parents(std::int64_t s, std::int64_t* parent) const {
    std::vector<double> upto(static_cast<std::size_t>(n_));
    LandscapePoint point;
    double total = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      landscape_.at(state(s, i), point);
      total += std::exp(point.growth * steps_.h);
      upto[i] = total;
    }
    const double start = uniform(seed_, Stream::Simulator, id_of(Purpose::Resample, day_), s);
    std::int64_t at = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      const double mark = (static_cast<double>(i) + start) * total / static_cast<double>(n_);
      while (at + 1 < n_ && upto[at] < mark) ++at;
      parent[i] = at;
    }
  }

  const Landscape& landscape_;
  std::uint64_t seed_;
  std::int64_t day_, n_;
  Steps steps_;
  std::int64_t dims_;
  std::vector<double> states_;        // (steps + 1) x n x dims
  std::vector<std::int64_t> parent_;  // steps x n
  std::vector<std::int64_t> clone_;   // n
};

// Gene g becomes one that tells the leaning of a cell to fate k and nothing else: no progress, little noise
// in its many molecules, and on before the fork in cells that lean.
void make_driver(const Landscape& landscape, std::int64_t k, std::int64_t g, SimulatedGenes& genes) {
  constexpr double kMolecules = 40.0, kLeak = 0.01, kSlope = 4.0, kHalf = 0.5;
  genes.module[g] = kFirstFateModule + landscape.n_fates() + k;
  genes.direction(g, 0) = 0.0;
  for (std::int64_t j = 1; j < landscape.dims(); ++j) genes.direction(g, j) = landscape.corner(k)[j - 1];
  genes.at[g] = kHalf;
  genes.slope[g] = kSlope;
  genes.leak[g] = kLeak;
  genes.top[g] = kMolecules * genes.gamma[g];
}

SimulatedGenes make_genes(const Landscape& landscape, std::int64_t n, std::int64_t drivers,
                          std::uint64_t seed) {
  SimulatedGenes genes;
  const std::int64_t dims = landscape.dims();
  const std::int64_t modules = kFirstFateModule + landscape.n_fates();
  genes.direction = Matrix(n, dims);
  for (std::int64_t g = 0; g < n; ++g) {
    Uniforms draw(seed, id_of(Purpose::Gene, g));
    const std::int64_t module = g % modules;
    const bool varies = module != kConstantModule;
    genes.module.push_back(module);
    for (std::int64_t j = 0; j < dims; ++j) {
      double v = 0.15 * draw.normal();
      if (module == kProgenitorModule && j == 0) v -= 1;
      if (module >= kFirstFateModule && j > 0) v += landscape.corner(module - kFirstFateModule)[j - 1];
      genes.direction(g, j) = varies ? v : 0.0;
    }
    // Genes of the progenitor fall as progress passes 1; genes of a fate rise half-way to its corner.
    genes.at.push_back((module == kProgenitorModule ? -1.0
                        : varies                    ? 0.75
                                                    : 0.0) +
                       (varies ? 0.2 : 0.0) * draw.normal());
    genes.slope.push_back(varies ? 4.0 * std::exp(0.2 * draw.normal()) : 0.0);
    genes.leak.push_back(0.02 + 0.08 * draw.next());
    genes.beta.push_back(6.0 * std::exp(0.3 * draw.normal()));
    genes.gamma.push_back(3.0 * std::exp(0.3 * draw.normal()));
    genes.top.push_back(8.0 * std::exp(0.6 * draw.normal()) * genes.gamma.back());
  }
  const std::int64_t first = n - drivers * landscape.n_fates();
  for (std::int64_t g = first; g < n; ++g)
    make_driver(landscape, (g - first) % landscape.n_fates(), g, genes);
  return genes;
}

// u and s of gene g along a path.
void follow(const SimulatedGenes& genes, std::int64_t g, const std::vector<double>& path, std::int64_t dims,
            Steps steps, double& u, double& s) {
  double before = genes.transcription(g, path.data());
  for (std::int64_t k = 1; k <= steps.n; ++k) {
    const double after = genes.transcription(g, path.data() + k * dims);
    splice(0.5 * (before + after), genes.beta[g], genes.gamma[g], steps.h, u, s);
    before = after;
  }
}

// The straight way of a founder to where it is on the first day: (steps + 1) x dims.
void lead_to(const Landscape& landscape, const double* founder, Steps steps, std::vector<double>& way) {
  const std::int64_t dims = landscape.dims();
  LandscapePoint point;
  landscape.at(founder, point);
  way.resize(static_cast<std::size_t>((steps.n + 1) * dims));
  for (std::int64_t k = 0; k <= steps.n; ++k) {
    const double left = steps.h * static_cast<double>(steps.n - k);
    for (std::int64_t j = 0; j < dims; ++j) way[k * dims + j] = founder[j] - left * point.drift[j];
  }
}

// A path of a cell, (steps + 1) x dims.
struct Way {
  const std::vector<double>& path;
  Steps steps;
};

// u and s at the end of a path and of what led to it, into columns of the result.
void express(const SimulatedGenes& genes, const Way& lead, const Way& past, std::int64_t dims, double* u,
             double* s) {
  for (std::int64_t g = 0; g < genes.size(); ++g) {
    const double first = genes.transcription(g, lead.path.data());
    u[g] = first / genes.beta[g];
    s[g] = first / genes.gamma[g];
    follow(genes, g, lead.path, dims, lead.steps, u[g], s[g]);
    follow(genes, g, past.path, dims, past.steps, u[g], s[g]);
  }
}

// Where the futures of one cell end, plain and by descendants.
void simulate_futures(const Landscape& landscape, const DifferentiationOptions& o, std::uint64_t seed,
                      std::int64_t cell, Steps steps, Differentiation& out) {
  const std::int64_t dims = landscape.dims();
  std::vector<double> z(static_cast<std::size_t>(dims)), noise(z);
  std::vector<double> weight(static_cast<std::size_t>(landscape.n_fates()), 0.0), count(weight);
  LandscapePoint point;
  for (std::int64_t f = 0; f < o.n_futures; ++f) {
    const std::uint64_t id = id_of(Purpose::Future, static_cast<std::uint64_t>(cell * o.n_futures + f));
    for (std::int64_t j = 0; j < dims; ++j) z[j] = out.latent(cell, j);
    double grown = 0;
    for (std::int64_t s = 0; s < steps.n; ++s) {
      landscape.at(z.data(), point);
      grown += point.growth * steps.h;
      move(point, seed, id, s, steps.h, noise, z.data());
    }
    const std::int64_t fate = landscape.nearest_fate(z.data());
    count[fate] += 1;
    weight[fate] += std::exp(grown);
  }
  double total = 0;
  for (double w : weight) total += w;
  for (std::int64_t k = 0; k < landscape.n_fates(); ++k) {
    out.fate(cell, k) = count[k] / static_cast<double>(o.n_futures);
    out.fate_weighted(cell, k) = weight[k] / total;
  }
}

Differentiation empty_result(const DifferentiationDesign& design, const DifferentiationOptions& o,
                             std::int64_t dims) {
  Differentiation out;
  const std::int64_t n = design.n_cells;
  out.latent = out.drift = Matrix(n, dims);
  out.day.resize(n);
  out.clone.resize(n);
  out.state.resize(n);
  out.diffusion.resize(n);
  out.potential.resize(n);
  out.growth.resize(n);
  out.library.resize(n);
  if (o.n_futures > 0) out.fate = out.fate_weighted = Matrix(n, design.n_fates);
  out.unspliced = out.spliced = out.unspliced_counts = out.spliced_counts = Matrix(design.n_genes, n);
  return out;
}

void describe(const Landscape& landscape, std::int64_t cell, const double* z, LandscapePoint& point,
              Differentiation& out) {
  landscape.at(z, point);
  for (std::int64_t j = 0; j < landscape.dims(); ++j) {
    out.latent(cell, j) = z[j];
    out.drift(cell, j) = point.drift[j];
  }
  out.state[cell] = Landscape::state(point);
  out.diffusion[cell] = point.diffusion;
  out.potential[cell] = point.potential;
  out.growth[cell] = point.growth;
}

}  // namespace

double SimulatedGenes::transcription(std::int64_t g, const double* z) const {
  double along = 0;
  for (std::int64_t j = 0; j < direction.cols; ++j) along += direction(g, j) * z[j];
  return top[g] * (leak[g] + (1.0 - leak[g]) / (1.0 + std::exp(-slope[g] * (along - at[g]))));
}

void splice(double alpha, double beta, double gamma, double h, double& u, double& s) {
  const double spliced_away = std::exp(-beta * h), degraded = std::exp(-gamma * h);
  // (exp(-beta h) - exp(-gamma h)) / (gamma - beta), by its limit where the rates are equal.
  const double gap = gamma - beta;
  const double both = std::abs(gap) * h < 1e-9 ? h * spliced_away : (spliced_away - degraded) / gap;
  s = s * degraded + alpha / gamma * (1.0 - degraded) + (beta * u - alpha) * both;
  u = u * spliced_away + alpha / beta * (1.0 - spliced_away);
}

Differentiation simulate_differentiation(const DifferentiationDesign& design,
                                         const DifferentiationOptions& options, std::uint64_t seed) {
  const Landscape landscape(design.n_fates, options);
  check(design, options);
  DifferentiationOptions o = options;
  if (o.n_clones == 0) o.n_clones = std::max<std::int64_t>(1, design.n_cells / 10);
  Differentiation out = empty_result(design, o, landscape.dims());
  out.genes = make_genes(landscape, design.n_genes, design.n_drivers, seed);
  const auto n_days = static_cast<std::int64_t>(design.days.size());
  const Steps lead = steps_between(design.days.front() - o.lead, design.days.front(), o.dt);
  std::int64_t first = 0;
  for (std::int64_t k = 0; k < n_days; ++k) {
    const std::int64_t n = design.n_cells / n_days + (k < design.n_cells % n_days ? 1 : 0);
    const Steps past = steps_between(design.days.front(), design.days[k], o.dt);
    const Steps ahead = steps_between(design.days[k], design.days.back(), o.dt);
    const Population cells(landscape, o, seed, k, n, past);
    in_blocks(n, [&](std::int64_t from, std::int64_t to) {
      std::vector<double> path, way;
      LandscapePoint point;
      for (std::int64_t i = from; i < to; ++i) {
        const std::int64_t cell = first + i;
        out.day[cell] = design.days[k];
        out.clone[cell] = cells.trace(i, path);
        describe(landscape, cell, path.data() + past.n * landscape.dims(), point, out);
        Uniforms draw(seed, id_of(Purpose::Library, cell));
        out.library[cell] = std::exp(o.library_spread * draw.normal());
        lead_to(landscape, path.data(), lead, way);
        express(out.genes, {way, lead}, {path, past}, landscape.dims(), &out.unspliced(0, cell),
                &out.spliced(0, cell));
        for (std::int64_t g = 0; g < design.n_genes; ++g)
          count_molecules<Purpose>(g, cell, o.dispersion, seed, out);
        if (o.n_futures > 0) simulate_futures(landscape, o, seed, cell, ahead, out);
      }
    });
    first += n;
  }
  return out;
}

}  // namespace fatefield
