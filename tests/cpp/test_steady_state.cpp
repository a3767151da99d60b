// Moments against dense averages, lines that are known, and the fuzzy graph against its own equations.
#include "velocity/estimate/steady_state.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "graph/pca.hpp"
#include "sim/counts.hpp"
#include "sim/splicing.hpp"
#include "test.hpp"
#include "velocity/transitions/confidence.hpp"

using namespace fatefield;

namespace {

double noise(std::int64_t i) { return uniform(7, Stream::Simulator, static_cast<std::uint64_t>(i), 0); }

Neighbours scattered(std::int64_t n, std::int64_t k) {
  Matrix x(n, 3);
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] = noise(static_cast<std::int64_t>(i));
  const NeighbourIndex index(x, KnnOptions());
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) all[i] = i;
  return index.query_self(all, k);
}

SparseRows random_counts(std::int64_t genes, std::int64_t cells, std::int64_t seed) {
  SparseRows x;
  x.rows = genes;
  x.cols = cells;
  x.start.push_back(0);
  for (std::int64_t g = 0; g < genes; ++g) {
    for (std::int64_t c = 0; c < cells; ++c) {
      const double v = noise(seed + g * cells + c);
      if (v < 0.6) continue;
      x.index.push_back(static_cast<std::int32_t>(c));
      x.value.push_back(std::floor(10 * (v - 0.5)));
    }
    x.start.push_back(static_cast<std::int64_t>(x.index.size()));
  }
  return x;
}

std::vector<double> averaged(const CellSets& sets, const std::vector<double>& x) {
  std::vector<double> out;
  for (std::int64_t c = 0; c < sets.size(); ++c) {
    double sum = 0;
    for (std::int64_t at = sets.offset[c]; at < sets.offset[c + 1]; ++at) sum += x[sets.index[at]];
    out.push_back(sum / static_cast<double>(sets.offset[c + 1] - sets.offset[c]));
  }
  return out;
}

void check_near(const std::vector<double>& x, const std::vector<double>& y) {
  REQUIRE(x.size() == y.size());
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == Approx(y[i]).margin(1e-12));
}

}  // namespace

TEST_CASE("memberships of a cell come to log2 of the number of its neighbours", "[fuzzy]") {
  const Neighbours x = scattered(200, 14);
  const std::vector<double> w = fuzzy_memberships(x);
  const SparseRows graph = fuzzy_graph(x);
  const SparseRows turned = transpose(graph);
  CHECK(turned.index == graph.index);
  for (std::size_t e = 0; e < graph.value.size(); ++e) CHECK(graph.value[e] == Approx(turned.value[e]));
  Matrix directed(200, 200);
  for (std::int64_t i = 0; i < x.n; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < x.k; ++j) {
      sum += w[i * x.k + j];
      directed(i, x.index[i * x.k + j]) = w[i * x.k + j];
    }
    CHECK(w[i * x.k] == 1);
    CHECK(sum == Approx(std::log2(15.0)).margin(1e-4));
  }
  const Matrix full = dense_matrix(graph);
  for (std::int64_t i = 0; i < 200; ++i)
    for (std::int64_t j = 0; j < 200; ++j) {
      const double a = directed(i, j), b = directed(j, i);
      CHECK(full(i, j) == Approx(a + b - a * b).margin(1e-15));
    }
}

TEST_CASE("cells that are equal are neighbours at full weight, but not of the directed sets", "[fuzzy]") {
  Neighbours x;
  x.n = 4;
  x.k = 2;
  x.index = {1, 2, 0, 2, 0, 1, 0, 1};
  x.distance = {0, 1, 0, 1, 1, 1, 2, 2};
  const std::vector<double> w = fuzzy_memberships(x);
  CHECK(w[0] == 1);
  CHECK(w[1] == 1);
  const CellSets directed = cell_sets(x), both = cell_sets(fuzzy_graph(x));
  CHECK(std::vector<std::int32_t>(directed.index.begin(), directed.index.begin() + 2) ==
        std::vector<std::int32_t>{0, 2});
  CHECK(std::vector<std::int32_t>(both.index.begin(), both.index.begin() + 4) ==
        std::vector<std::int32_t>{0, 1, 2, 3});
}

TEST_CASE("moments are plain means over the sets, also where these are not mutual", "[splicing]") {
  const std::int64_t cells = 90, genes = 5;
  const SparseRows s = random_counts(genes, cells, 0), u = random_counts(genes, cells, 5000);
  const Matrix dense_s = dense_matrix(s), dense_u = dense_matrix(u);
  const Neighbours knn = scattered(cells, 8);
  for (const CellSets& sets : {cell_sets(knn), cell_sets(fuzzy_graph(knn))}) {
    const CellMeans means(sets);
    const Moments moments(s, u, means);
    for (std::int64_t g = 0; g < genes; ++g) {
      std::vector<double> a, b, aa, ab;
      for (std::int64_t c = 0; c < cells; ++c) {
        a.push_back(dense_s(g, c));
        b.push_back(dense_u(g, c));
        aa.push_back(a.back() * a.back());
        ab.push_back(a.back() * b.back());
      }
      GeneMoments found;
      moments.first(g, found);
      check_near(found.s, averaged(sets, a));
      check_near(found.u, averaged(sets, b));
      moments.second(g, found);
      check_near(found.ss, averaged(sets, aa));
      check_near(found.su, averaged(sets, ab));
      std::vector<double> out(a.size());
      means.of(a.data(), out.data());
      check_near(out, averaged(sets, a));
    }
  }
}

TEST_CASE("a line through the extreme cells is found, with and without an offset", "[splicing]") {
  const std::int64_t n = 400;
  std::vector<double> s, u, lifted;
  for (std::int64_t c = 0; c < n; ++c) {
    s.push_back(4 * noise(c));
    u.push_back(0.7 * s.back());
    lifted.push_back(u.back() + 0.4);
  }
  VelocityOptions o;
  SteadyLine line = fit_line(s.data(), u.data(), n, o);
  CHECK(line.gamma == Approx(0.7));
  CHECK(line.offset == 0);
  CHECK(line.r2 == Approx(1));
  CHECK(line.seen);
  o.fit_offset = true;
  line = fit_line(s.data(), lifted.data(), n, o);
  CHECK(line.gamma == Approx(0.7));
  CHECK(line.offset == Approx(0.4));
  CHECK(line.r2 == Approx(1));
  // An offset below 0 is none, and the line goes through the origin again.
  std::vector<double> lowered(u);
  for (double& v : lowered) v = std::max(0.0, v - 0.2);
  line = fit_line(s.data(), lowered.data(), n, o);
  CHECK(line.offset == 0);
  CHECK(line.gamma < 0.7);
  // A gene that nobody shows.
  const std::vector<double> zero(static_cast<std::size_t>(n), 0.0);
  line = fit_line(zero.data(), zero.data(), n, VelocityOptions());
  CHECK(line.gamma == 0);
  CHECK(line.r2 == 0);
  CHECK_FALSE(line.seen);
}

TEST_CASE("the stochastic ratio of Poisson counts in the steady state is theirs", "[splicing]") {
  // u and s are independent Poisson: 2 ss - s and 2 su + u are unbiased for 2 m_s^2 + m_s and (2 m_s + 1)
  // m_u.
  const std::int64_t n = 3000;
  GeneMoments m;
  for (std::int64_t c = 0; c < n; ++c) {
    const double level = 1 + 6 * noise(c);
    Uniforms draws(3, static_cast<std::uint64_t>(c));
    double s = 0, u = 0, ss = 0, su = 0;
    for (int j = 0; j < 40; ++j) {
      const double a = draw_poisson(level, draws), b = draw_poisson(0.5 * level, draws);
      s += a / 40;
      u += b / 40;
      ss += a * a / 40;
      su += a * b / 40;
    }
    m.s.push_back(s);
    m.u.push_back(u);
    m.ss.push_back(ss);
    m.su.push_back(su);
  }
  const VelocityOptions o;
  const SteadyLine line = fit_line(m.s.data(), m.u.data(), n, o);
  CHECK(fit_stochastic(m, line, o) == Approx(0.5).epsilon(0.02));
}

TEST_CASE("velocities are the same bytes on any number of threads, and fall back where no gene fits",
          "[splicing]") {
  const std::int64_t cells = 150, genes = 21;
  const SparseRows s = random_counts(genes, cells, 0), u = random_counts(genes, cells, 90000);
  const CellMeans means(cell_sets(fuzzy_graph(scattered(cells, 10))));
  const Moments moments(s, u, means);
  VelocityOptions o;
  std::vector<Matrix> velocity, variance;
  SteadyStates last;
  for (int threads : {1, 2}) {
    const ThreadScope scope(threads);
    velocity.emplace_back(genes, cells);
    variance.emplace_back(genes, cells);
    SteadyStateJob job;
    job.velocity = velocity.back().values.data();
    job.variance = variance.back().values.data();
    last = fit_steady_states(moments, job, o);
  }
  CHECK(velocity[0].values == velocity[1].values);
  CHECK(variance[0].values == variance[1].values);
  // Spliced and unspliced counts have nothing to do with each other here.
  CHECK(last.few);
  std::vector<double> r2(last.r2);
  std::sort(r2.begin(), r2.end());
  for (std::int64_t g = 0; g < genes; ++g) CHECK(last.velocity_gene[g] == (last.r2[g] > r2[16]));

  SteadyStateJob job;
  job.velocity = velocity[0].values.data();
  job.keep_going = [] { return false; };
  CHECK_THROWS_AS(fit_steady_states(moments, job, o), Interrupted);
  o.fit_offset = true;
  CHECK_THROWS_AS(fit_steady_states(moments, job, o), Error);
}

TEST_CASE("confidence is the mean correlation with the neighbours", "[splicing]") {
  const std::int64_t cells = 60, genes = 37;
  Matrix v(genes, cells);
  for (std::size_t i = 0; i < v.values.size(); ++i) v.values[i] = noise(static_cast<std::int64_t>(i)) - 0.3;
  for (std::int64_t c = 0; c < cells; ++c) v(5, c) = std::nan("");
  const Neighbours knn = scattered(cells, 6);
  std::vector<std::int64_t> used;
  for (std::int64_t g = 0; g < genes; ++g)
    if (g != 5) used.push_back(g);
  const auto centred = [&](std::int64_t c) {
    std::vector<double> out;
    double mean = 0;
    for (std::int64_t g : used) mean += v(g, c) / static_cast<double>(used.size());
    for (std::int64_t g : used) out.push_back(v(g, c) - mean);
    return out;
  };
  const auto product = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t g = 0; g < a.size(); ++g) sum += a[g] * b[g];
    return sum;
  };
  const VelocityConfidence found = velocity_confidence(v, used, knn);
  for (std::int64_t c = 0; c < cells; ++c) {
    const std::vector<double> own = centred(c);
    double sum = 0;
    for (std::int64_t j = 0; j < knn.k; ++j) {
      const std::vector<double> other = centred(knn.index[c * knn.k + j]);
      sum += product(own, other) / std::sqrt(product(own, own) * product(other, other));
    }
    CHECK(found.length[c] == Approx(std::sqrt(product(own, own))));
    CHECK(found.confidence[c] == Approx(std::max(0.0, sum / 6)).margin(1e-6));
  }
}

TEST_CASE("a sparse matrix has the components of its dense self", "[pca]") {
  const SparseRows x = random_counts(700, 520, 3);
  const Matrix full = dense_matrix(x);
  const LinearMap map = sparse_map(x);
  const PrincipalAxes sparse = principal_components(map, 12, 0, "dims");
  const LinearMap same = dense_map(full);
  const PrincipalAxes wanted = principal_components(same, 12, 1, "dims");
  for (std::int64_t j = 0; j < 12; ++j) {
    CHECK(sparse.sd[j] == Approx(wanted.sd[j]));
    for (std::int64_t i = 0; i < 520; i += 37)
      CHECK(sparse.rotation(i, j) == Approx(wanted.rotation(i, j)).margin(1e-5));
  }
}

TEST_CASE("simulated counts follow the kinetics they are drawn from", "[sim]") {
  SplicingDesign design;
  design.n_cells = 4000;
  design.n_genes = 6;
  design.rate = 1;
  SplicedCells x;
  {
    const ThreadScope one(1);
    x = simulate_splicing(design, 5);
  }
  const ThreadScope two(2);
  const SplicedCells again = simulate_splicing(design, 5);
  CHECK(again.spliced.value == x.spliced.value);
  CHECK(again.unspliced.index == x.unspliced.index);
  const Matrix s = dense_matrix(x.spliced), u = dense_matrix(x.unspliced);
  for (std::int64_t g = 0; g < 6; ++g) {
    // Small steps in the place of the closed form, at one time after the switch.
    const double end = x.switched[g] + 1, h = 1e-4;
    double a = 0, b = 0, mean_u = 0, mean_s = 0;
    for (double t = 0; t < end; t += h) {
      const double alpha = t < x.switched[g] ? x.alpha[g] : 0;
      const double du = alpha - x.beta[g] * a, ds = x.beta[g] * a - x.gamma[g] * b;
      a += h * du;
      b += h * ds;
    }
    splicing_state(x, g, end, mean_u, mean_s);
    CHECK(mean_u == Approx(a).epsilon(1e-2));
    CHECK(mean_s == Approx(b).epsilon(1e-2));
    double off_u = 0, off_s = 0, all_u = 0, all_s = 0;
    for (std::int64_t c = 0; c < design.n_cells; ++c) {
      splicing_state(x, g, x.time[c], mean_u, mean_s);
      off_u += u(c, g) - mean_u * x.library[c];
      off_s += s(c, g) - mean_s * x.library[c];
      all_u += mean_u * x.library[c];
      all_s += mean_s * x.library[c];
    }
    CHECK(std::abs(off_u) < 5 * std::sqrt(all_u));
    CHECK(std::abs(off_s) < 5 * std::sqrt(all_s));
  }
}
