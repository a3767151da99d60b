// Takes moments gene by gene; gives each gene's kinetics, the times of its cells and their velocities.
#include "velocity/dynamical/dynamical.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/threads.hpp"
#include "velocity/dynamical/converged.hpp"
#include "velocity/dynamical/schedule.hpp"
#include "velocity/dynamical/velocity.hpp"

namespace fatefield {
namespace {

// Scalings outside the middle four fifths of the genes are unusual, unless within these.
constexpr double kLeastScaling = 0.03, kMostScaling = 3.0, kUnusual = 0.1;

// What both manners of fitting end with, in the gene's own units of time.
struct RawFit {
  GeneParameters parameters;
  std::vector<double> t;
  /// On both courses, for velocities.
  CourseTimes tau;
};

struct GeneResult {
  DynamicalGene gene;
  std::vector<double> t;
  GeneVelocity velocity;
};

class Fit {
 public:
  Fit(const Moments& moments, const CellSets& sets, const DynamicalJob& job, const DynamicalOptions& options)
      : moments_(moments), averages_(sets, job.parity), job_(job), options_(options) {}

  std::vector<DynamicalGene> run() {
    std::vector<DynamicalGene> out(static_cast<std::size_t>(moments_.genes()));
    clear();
    std::atomic<std::int64_t> done{0};
    std::atomic<bool> stopped{false};
    const std::function<bool()> ask = [&] { return !job_.tick || job_.tick(done); };
    HomeQuestion question(ask);
    parallel_for(static_cast<std::int64_t>(job_.genes.size()), [&](std::int64_t k) {
      if (stopped || !question.ask()) {
        stopped = true;
        return;
      }
      const std::int64_t g = job_.genes[k];
      GeneResult result = fit_gene(g);
      if (result.gene.status == "fitted") put(g, result);
      out[g] = std::move(result.gene);
      ++done;
    });
    if (stopped || !ask()) throw Interrupted();
    return out;
  }

 private:
  GeneResult fit_gene(std::int64_t g) const {
    GeneMoments m;
    moments_.first(g, m);
    GeneResult out;
    const GeneReads reads = read_gene(m.u.data(), m.s.data(), moments_.cells());
    out.gene.status = reads.trouble.empty() ? "fitted" : reads.trouble;
    if (!reads.trouble.empty()) return out;
    RawFit raw = fit_reads(reads, out.gene);
    align(reads, raw, out);
    return out;
  }

  RawFit fit_reads(const GeneReads& reads, DynamicalGene& gene) const {
    const GeneStart start = start_of(reads);
    ScheduledFit published = fit_by_schedule(reads, averages_, start);
    DynamicalLoss loss(reads);
    gene.std_u = reads.std_u;
    gene.std_s = reads.std_s;
    gene.p_steady = start.p_steady;
    gene.steady_s = start.steady.s;
    gene.steady_u = published.steady_u * published.parameters.scaling;
    gene.likelihood = loss.likelihood(published.parameters, published.times.t, published.ratio);
    TimeAssignment assignment(reads, averages_);
    if (!job_.parity) {
      const ConvergedFit fit =
          fit_converged(reads, averages_, start, {published.parameters, gene.likelihood}, options_);
      if (fit.likelihood >= gene.likelihood) {
        gene.likelihood = fit.likelihood;
        gene.variance = loss.error(fit.parameters, fit.times.t, Counted::Upper, kNoRatio).variance();
        gene.iterations = fit.iterations;
        gene.converged = fit.converged;
        return {fit.parameters, assignment.assign(fit.parameters, TimeRule::Nearest).t,
                assignment.raw_times(fit.parameters, TimeRule::Nearest)};
      }
    }
    const GeneParameters& p = published.parameters;
    const CellTimes again = assignment.assign(p, TimeRule::Projection);
    gene.variance = loss.error(p, again.t, Counted::Upper, kNoRatio).variance();
    return {p, std::move(published.times.t), assignment.course_times(p, TimeRule::Projection)};
  }

  void align(const GeneReads& reads, RawFit& raw, GeneResult& out) const {
    out.t = averages_.of(raw.t);
    const double factor = alignment_of(out.t, raw.parameters.t_switch);
    const GeneParameters p = rescaled(raw.parameters, factor);
    for (double* v : {&out.gene.likelihood, &out.gene.variance}) {
      if (!std::isfinite(*v)) out.gene.status = "failed";
    }
    for (const double v : {p.alpha, p.beta, p.gamma, p.scaling, p.t_switch}) {
      if (!(std::isfinite(v) && v > 0)) out.gene.status = "failed";
    }
    if (out.gene.status != "fitted") {
      const std::string status = out.gene.status;
      out.gene = DynamicalGene();
      out.gene.status = status;
      return;
    }
    for (double& t : out.t) t *= factor;
    for (double& t : raw.tau.on) t *= factor;
    for (double& t : raw.tau.off) t *= factor;
    out.gene.parameters = p;
    out.gene.alignment = factor;
    out.velocity = velocity_of(reads, averages_, p, raw.tau);
  }

  void clear() const {
    const std::int64_t all = moments_.genes() * moments_.cells();
    for (double* matrix : {job_.velocity, job_.velocity_u, job_.time})
      if (matrix != nullptr) std::fill(matrix, matrix + all, DynamicalGene::kNone);
  }

  void put(std::int64_t g, const GeneResult& result) const {
    put_row(g, result.velocity.s, job_.velocity);
    put_row(g, result.velocity.u, job_.velocity_u);
    put_row(g, result.t, job_.time);
  }
  void put_row(std::int64_t g, const std::vector<double>& row, double* matrix) const {
    if (matrix == nullptr) return;
    for (std::size_t c = 0; c < row.size(); ++c)
      matrix[static_cast<std::int64_t>(c) * moments_.genes() + g] = row[c];
  }

  const Moments& moments_;
  const CellAverages averages_;
  const DynamicalJob& job_;
  const DynamicalOptions& options_;
};

}  // namespace

void check_options(const DynamicalOptions& o) {
  const auto at_least = [](const char* name, double value, double least) {
    if (value >= least) return;
    throw input_error(name, std::string("`") + name + "` is " + std::to_string(value) +
                                ", but must be at least " + std::to_string(least) + ".");
  };
  at_least("max.iterations", static_cast<double>(o.max_iterations), 1);
  at_least("starts", static_cast<double>(o.starts), 1);
  at_least("tolerance", o.tolerance, 0);
  at_least("ratio.width", o.ratio_width, 0);
  at_least("duration.width", o.duration_width, 0);
  at_least("belief", o.belief, 0);
  at_least("min.likelihood", o.min_likelihood, 0);
}

std::vector<DynamicalGene> fit_dynamics(const Moments& moments, const CellSets& sets, const DynamicalJob& job,
                                        const DynamicalOptions& options) {
  check_options(options);
  for (const std::int64_t g : job.genes)
    if (g < 0 || g >= moments.genes()) throw input_error("genes", "`genes` names a gene that is not there.");
  return Fit(moments, sets, job, options).run();
}

std::vector<bool> dynamical_velocity_genes(const std::vector<DynamicalGene>& genes,
                                           const std::vector<double>& r2, double min_r2,
                                           const DynamicalOptions& options) {
  std::vector<double> scaling;
  for (const DynamicalGene& g : genes)
    if (g.status == "fitted") scaling.push_back(g.parameters.scaling);
  const double least = std::min(quantile(scaling, kUnusual), kLeastScaling);
  const double most = std::max(quantile(scaling, 1 - kUnusual), kMostScaling);
  std::vector<bool> out;
  for (std::size_t g = 0; g < genes.size(); ++g) {
    const double c = genes[g].parameters.scaling;
    out.push_back(genes[g].likelihood > options.min_likelihood && r2[g] > min_r2 && c > least && c < most);
  }
  return out;
}

}  // namespace fatefield
