// Takes the cells and the start of one gene; gives the best of several converged fits.
#include "velocity/dynamical/converged.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "velocity/dynamical/loop.hpp"

namespace fatefield {
namespace {

// A few steps on some of the cells tell good starts from bad ones.
constexpr std::int64_t kTrialCells = 512, kTrialSteps = 12;
constexpr double kTrialTolerance = 1e-4;
// Starts are told apart before the last digits.
constexpr double kCoarseTolerance = 1e-3;
// Loops whose logarithms differ by less are the same.
constexpr double kAlike = 0.02;

// The published start, and loops of other shapes whose switch lies at the same place.
std::vector<Loop> starts_of(const GeneReads& gene, const GeneStart& start) {
  const GeneParameters& p = start.parameters;
  const Loop first = loop_of(p, gene);
  const SplicingState peak = splicing_state(p.induction(), p.t_switch);
  std::vector<Loop> out = {first};
  for (const double ratio : {1.0 / 3, 1.0, 3.0}) {
    for (const double duration : {0.7, 1.5, 4.0}) {
      Loop l{1, 1, first.ratio * ratio, duration};
      const SplicingState reached = splicing_state({{l.ratio, 1, l.ratio}, {0, 0}}, duration);
      l.a = peak.u * p.scaling / gene.std_u / (reached.u / l.ratio);
      l.b = peak.s / gene.std_s / reached.s;
      out.push_back(l);
    }
  }
  return out;
}

bool alike(const Loop& x, const Loop& y) {
  return std::abs(std::log(x.ratio / y.ratio)) < kAlike &&
         std::abs(std::log(x.x_switch / y.x_switch)) < kAlike;
}

// The loops that trials on some cells end at, the best first, no two alike.
std::vector<Loop> best_trials(const GeneReads& gene, const GeneStart& start, const LoopBelief& belief,
                              std::int64_t count) {
  const CellSets none;
  const CellAverages alone(none);
  LoopProblem some(LoopCells(gene, kTrialCells), alone);
  std::vector<LoopFit> trials;
  for (const Loop& l : starts_of(gene, start))
    trials.push_back(some.fit(l, belief, kTrialSteps, kTrialTolerance));
  std::stable_sort(trials.begin(), trials.end(),
                   [](const LoopFit& x, const LoopFit& y) { return x.objective < y.objective; });
  std::vector<Loop> out;
  for (const LoopFit& trial : trials) {
    const bool known =
        std::any_of(out.begin(), out.end(), [&](const Loop& l) { return alike(l, trial.loop); });
    if (!known && static_cast<std::int64_t>(out.size()) < count) out.push_back(trial.loop);
  }
  return out;
}

class Convergence {
 public:
  Convergence(const GeneReads& gene, const CellAverages& averages, const DynamicalOptions& options)
      : gene_(gene), options_(options), problem_(LoopCells(gene), averages), loss_(gene) {}

  LoopFit follow(const std::vector<Loop>& starts, const LoopBelief& belief) {
    LoopFit best;
    for (const Loop& l : starts) {
      const LoopFit fit = problem_.fit(l, belief, options_.max_iterations, kCoarseTolerance);
      if (best.iterations == 0 || fit.objective < best.objective) best = fit;
    }
    const std::int64_t before = best.iterations;
    best = problem_.fit(best.loop, belief, options_.max_iterations - before, options_.tolerance);
    best.iterations += before;
    return best;
  }

  ConvergedFit result(const LoopFit& fit) {
    ConvergedFit out;
    problem_.error(fit.loop);
    out.parameters = parameters_of(fit.loop, gene_);
    out.times = problem_.times(fit.loop);
    out.likelihood = loss_.likelihood(out.parameters, out.times.t, kNoRatio);
    out.iterations = fit.iterations;
    out.converged = fit.converged;
    return out;
  }

 private:
  const GeneReads& gene_;
  const DynamicalOptions& options_;
  LoopProblem problem_;
  DynamicalLoss loss_;
};

}  // namespace

ConvergedFit fit_converged(const GeneReads& gene, const CellAverages& averages, const GeneStart& start,
                           const PublishedFit& published, const DynamicalOptions& options) {
  LoopBelief belief{options.ratio_width, options.duration_width, options.belief * averages.mean_size()};
  Convergence convergence(gene, averages, options);
  LoopFit fit = convergence.follow(best_trials(gene, start, belief, options.starts), belief);
  ConvergedFit out = convergence.result(fit);
  // Where belief costs more likelihood than the published fit gives away, the data speak more and more alone.
  for (const double share : {0.1, 0.0}) {
    if (out.likelihood >= published.likelihood) break;
    const LoopBelief less{belief.ratio_width, belief.duration_width, belief.weight * share};
    fit = convergence.follow({fit.loop, loop_of(published.parameters, gene)}, less);
    out = convergence.result(fit);
  }
  return out;
}

}  // namespace fatefield
