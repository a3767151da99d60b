// The dynamical model against known mathematics: gradients against finite differences, recovery of noiseless
// kinetics, likelihoods against the published fit, genes that cannot be fitted, threads.
#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "dynamical_cells.hpp"
#include "naive_correlation.hpp"
#include "test.hpp"
#include "velocity/dynamical/loop.hpp"
#include "velocity/dynamical/simplex.hpp"

using namespace fatefield;

namespace {

std::vector<double> even_times(std::int64_t n, double end) {
  std::vector<double> t;
  for (std::int64_t c = 0; c < n; ++c)
    t.push_back(end * (static_cast<double>(c) + 0.5) / static_cast<double>(n));
  return t;
}

// Several genes of n cells with noise, cells on a ring in the order of time.
KnownMoments noisy_genes(std::int64_t genes, std::int64_t n, double noise) {
  Matrix s(genes, n), u(genes, n);
  std::vector<double> z(static_cast<std::size_t>(2 * n));
  for (std::int64_t g = 0; g < genes; ++g) {
    const auto k = static_cast<double>(g);
    const GeneParameters p{2 + k, 1, 0.3 + 0.15 * k, 0.5 + 0.2 * k, 2 + 0.5 * k};
    const auto [ss, uu] = on_kinetics(p, even_times(n, 9));
    normals<double>(3, Stream::Simulator, static_cast<std::uint64_t>(g), n, 0, 2, z.data());
    for (std::int64_t c = 0; c < n; ++c) {
      s(g, c) = std::max(ss(0, c) * (1 + noise * z[2 * c]) + noise * std::abs(z[2 * c + 1]), 0.0);
      u(g, c) = std::max(uu(0, c) * (1 + noise * z[2 * c + 1]) + 0.3 * noise * std::abs(z[2 * c]), 0.0);
    }
  }
  return KnownMoments(s, u, ring_of_cells(n, 5));
}

std::vector<double> row(const Matrix& m, std::int64_t g) {
  std::vector<double> out;
  for (std::int64_t c = 0; c < m.cols; ++c) out.push_back(m(g, c));
  return out;
}

}  // namespace

TEST_CASE("the gradient of a loop's error is that of finite differences", "[dynamical]") {
  const KnownMoments known = noisy_genes(3, 300, 0.1);
  for (const double ratio : {0.6, 1.0002, 1.7}) {
    const std::vector<double> s = row(known.s, 1), u = row(known.u, 1);
    const GeneReads gene = read_gene(u.data(), s.data(), 300);
    const CellAverages averages(known.means.sets());
    LoopProblem problem(LoopCells(gene), averages);
    const Loop loop{3.1, 3.6, ratio, 1.6};
    problem.error(loop);
    const LoopSums sums = problem.sums(loop);
    double Loop::*const members[] = {&Loop::a, &Loop::b, &Loop::ratio, &Loop::x_switch};
    for (int k = 0; k < 4; ++k) {
      const double h = 1e-6;
      Loop more = loop, less = loop;
      more.*members[k] *= std::exp(h);
      less.*members[k] *= std::exp(-h);
      const double slope = (problem.error(more) - problem.error(less)) / (2 * h);
      // The nearest points are known to some digits only.
      CHECK(-2 * sums.gradient[k] == Approx(slope).epsilon(1e-3));
    }
  }
}

TEST_CASE("the nearest point of a loop is where the error is across it", "[dynamical]") {
  const KnownMoments known = noisy_genes(1, 200, 0.2);
  const std::vector<double> s = row(known.s, 0), u = row(known.u, 0);
  const GeneReads gene = read_gene(u.data(), s.data(), 200);
  const LoopCells cells(gene);
  for (const double ratio : {0.3, 1.0, 4.0}) {
    const Loop loop{3, 3, ratio, 2};
    for (const bool up : {true, false}) {
      LoopTimes way;
      go_nearest(loop, up, cells, way);
      const Course rising{{ratio, 1, ratio}, {0, 0}};
      const Course course = up ? rising : Course{{0, 1, ratio}, splicing_state(rising, 2)};
      const auto squared = [&](std::int64_t c, double x) {
        const SplicingState at = splicing_state(course, x);
        return std::pow(cells.u[c] - 3 * at.u / ratio, 2) + std::pow(cells.s[c] - 3 * at.s, 2);
      };
      for (std::int64_t c = 0; c < 200; ++c) {
        double least = HUGE_VAL;
        for (int k = 0; k <= 4000; ++k) least = std::min(least, squared(c, way.last * k / 4000.0));
        REQUIRE(way.squared[c] <= least * (1 + 2e-4) + 1e-12);
        REQUIRE(way.squared[c] == Approx(squared(c, way.x[c])).margin(1e-12));
      }
    }
  }
}

TEST_CASE("noiseless kinetics are recovered up to the unit of time", "[dynamical]") {
  // gamma / beta below, at and above 1.
  const GeneParameters truth =
      GENERATE(GeneParameters{5, 1, 0.4, 0.7, 3}, GeneParameters{2, 0.8, 0.8, 1.6, 2.5},
               GeneParameters{8, 0.5, 1.1, 0.3, 4});
  const std::vector<double> t = even_times(400, 8);
  const auto [s, u] = on_kinetics(truth, t);
  const FittedCells found = fit_all(KnownMoments(s, u, lonely_cells(400)), false);
  const DynamicalGene& gene = found.genes[0];
  REQUIRE(gene.status == "fitted");
  CHECK(gene.converged);
  CHECK(gene.iterations <= 200);
  const GeneParameters& p = gene.parameters;
  const double unit = truth.beta / p.beta;
  CHECK(p.gamma * unit == Approx(truth.gamma).epsilon(1e-3));
  CHECK(p.alpha * unit == Approx(truth.alpha).epsilon(1e-3));
  CHECK(p.scaling == Approx(truth.scaling).epsilon(1e-3));
  CHECK(p.t_switch / unit == Approx(truth.t_switch).epsilon(1e-3));
  // Cells in the middle of either course; long gaps are taken out of the times of the last ones.
  for (const std::int64_t c : {40, 100, 220, 280})
    CHECK(found.time(0, c) / unit == Approx(t[c]).epsilon(1e-2));
  for (const std::int64_t c : {40, 100, 220, 280}) {
    const double on = t[c] < truth.t_switch;
    const double wanted = truth.beta * u(0, c) / truth.scaling - truth.gamma * s(0, c);
    CHECK(found.velocity(0, c) * unit == Approx(wanted).epsilon(1e-2));
    const double wanted_u = on * truth.alpha * truth.scaling - truth.beta * u(0, c);
    CHECK(found.velocity_u(0, c) * unit == Approx(wanted_u).epsilon(1e-2));
  }
}

TEST_CASE("the converged fit is at least as likely as the published one", "[dynamical]") {
  const KnownMoments known = noisy_genes(12, 250, GENERATE(0.05, 0.2, 0.6));
  const FittedCells published = fit_all(known, true), converged = fit_all(known, false);
  for (std::size_t g = 0; g < 12; ++g) {
    REQUIRE(published.genes[g].status == "fitted");
    REQUIRE(converged.genes[g].status == "fitted");
    CHECK(converged.genes[g].likelihood >= published.genes[g].likelihood);
    CHECK(published.genes[g].iterations == 0);
    CHECK_FALSE(published.genes[g].converged);
  }
}

TEST_CASE("times follow the order of the cells through noise", "[dynamical]") {
  const KnownMoments known = noisy_genes(8, 400, 0.05);
  const FittedCells found = fit_all(known, false);
  const std::vector<double> t = even_times(400, 9);
  for (std::int64_t g = 0; g < 8; ++g) CHECK(spearman(row(found.time, g), t) > 0.9);
}

TEST_CASE("genes that cannot be fitted say why and leave the others alone", "[dynamical]") {
  KnownMoments known = noisy_genes(7, 120, 0.1);
  for (std::int64_t c = 0; c < 120; ++c) {
    known.s(0, c) = known.u(0, c) = 2;  // the same in all cells
    known.u(1, c) = c < 2 ? 1 : 0;      // seen in two cells
    known.s(2, c) = 0;                  // never spliced
    known.u(3, c) = 0.25;               // one of both constant
  }
  known.s(4, 7) = std::nan("");
  const FittedCells found = fit_all(known, GENERATE(true, false), {0, 1, 2, 3, 4, 5});
  const std::vector<std::string> wanted = {"constant",   "few cells", "few cells",    "constant",
                                           "not finite", "fitted",    "not asked for"};
  for (std::size_t g = 0; g < 7; ++g) {
    CHECK(found.genes[g].status == wanted[g]);
    CHECK(std::isnan(found.genes[g].likelihood) == (wanted[g] != "fitted"));
    CHECK(std::isnan(found.genes[g].parameters.alpha) == (wanted[g] != "fitted"));
    for (std::int64_t c = 0; c < 120; ++c) {
      const auto at = static_cast<std::int64_t>(g);
      REQUIRE(std::isfinite(found.velocity(at, c)) == (wanted[g] == "fitted"));
      REQUIRE(std::isfinite(found.time(at, c)) == (wanted[g] == "fitted"));
    }
  }
}

TEST_CASE("few cells and tiny or huge counts are no trouble", "[dynamical]") {
  for (const std::int64_t n : {4, 5, 9, 17}) {
    const FittedCells found = fit_all(noisy_genes(3, std::max<std::int64_t>(n, 12), 0.1), false);
    for (const DynamicalGene& g : found.genes) CHECK(g.status == "fitted");
  }
  const GeneParameters truth{5, 1, 0.4, 0.7, 3};
  for (const double size : {1e-9, 1e9}) {
    auto [s, u] = on_kinetics(truth, even_times(100, 8));
    for (double& v : s.values) v *= size;
    for (double& v : u.values) v *= size;
    const FittedCells found = fit_all(KnownMoments(s, u, lonely_cells(100)), false);
    REQUIRE(found.genes[0].status == "fitted");
    CHECK(found.genes[0].parameters.gamma / found.genes[0].parameters.beta == Approx(0.4).epsilon(1e-2));
  }
}

TEST_CASE("fits do not depend on threads", "[dynamical]") {
  const KnownMoments known = noisy_genes(6, 150, 0.1);
  const bool parity = GENERATE(true, false);
  const FittedCells one = fit_all(known, parity);
  const ThreadScope scope(2);
  const FittedCells two = fit_all(known, parity);
  CHECK(one.velocity.values == two.velocity.values);
  CHECK(one.time.values == two.time.values);
  for (std::size_t g = 0; g < 6; ++g) CHECK(one.genes[g].likelihood == two.genes[g].likelihood);
}

TEST_CASE("the fit reports its progress and can be stopped", "[dynamical]") {
  const KnownMoments known = noisy_genes(5, 60, 0.1);
  Matrix velocity(5, 60);
  DynamicalJob job;
  job.genes = {0, 1, 2, 3, 4};
  job.velocity = velocity.values.data();
  std::vector<std::int64_t> done;
  job.tick = [&](std::int64_t n) {
    done.push_back(n);
    return true;
  };
  fit_dynamics(known.moments, known.means.sets(), job, DynamicalOptions());
  CHECK(std::is_sorted(done.begin(), done.end()));
  CHECK(done.back() == 5);
  job.tick = [](std::int64_t n) { return n < 2; };
  CHECK_THROWS_AS(fit_dynamics(known.moments, known.means.sets(), job, DynamicalOptions()), Interrupted);
}

TEST_CASE("options of the dynamical model that do not fit are refused", "[dynamical]") {
  const KnownMoments known = noisy_genes(1, 60, 0.1);
  const auto refused = [&](auto&& change) {
    DynamicalOptions o;
    change(o);
    CHECK_THROWS_AS(fit_all(known, false, {}, o), Error);
  };
  refused([](DynamicalOptions& o) { o.max_iterations = 0; });
  refused([](DynamicalOptions& o) { o.starts = 0; });
  refused([](DynamicalOptions& o) { o.tolerance = -1; });
  refused([](DynamicalOptions& o) { o.ratio_width = std::nan(""); });
  refused([](DynamicalOptions& o) { o.belief = -0.1; });
  CHECK_THROWS_AS(fit_all(known, false, {1}), Error);
}

TEST_CASE("velocity genes are likely, fit a line and scale as others do", "[dynamical]") {
  std::vector<DynamicalGene> genes(6);
  for (DynamicalGene& g : genes) {
    g.status = "fitted";
    g.likelihood = 0.3;
    g.parameters = {1, 1, 1, 1, 1};
  }
  genes[1].likelihood = 1e-4;
  genes[3].parameters.scaling = 40;
  genes[4] = DynamicalGene();
  const std::vector<double> r2 = {0.5, 0.5, 0.005, 0.5, 0.5, 0.011};
  CHECK(dynamical_velocity_genes(genes, r2, 0.01, DynamicalOptions()) ==
        std::vector<bool>{true, false, false, false, false, true});
}

TEST_CASE("one step of the simplex reflects, expands, contracts or shrinks", "[dynamical]") {
  using Point = SimplexStep::Point;
  // Corners 1 and 1.05 of a line that falls: expanded to 1.15.
  CHECK(SimplexStep([](const Point& x) { return -x[0]; }, 0)(Point{1})[0] == Approx(1.15));
  // The minimum in the middle of both corners: contracted to it.
  const auto valley = [](const Point& x) { return std::pow(x[0] - 1.026, 2); };
  CHECK(SimplexStep(valley, 0)(Point{1})[0] == Approx(1.025));
  // A first simplex within the tolerance is the last.
  CHECK(SimplexStep(valley, 1)(Point{1})[0] == Approx(1.05));
  // From 0 the first corner is at 0.00025.
  CHECK(SimplexStep([](const Point& x) { return -x[0]; }, 0)(Point{0})[0] == Approx(0.00075));
}
