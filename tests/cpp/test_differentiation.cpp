// The simulator: its landscape against differences, its counts against their moments, its kinetics against
// small steps, its bytes against the number of threads.
#include "base/threads.hpp"
#include "sim/components.hpp"
#include "sim/counts.hpp"
#include "sim/differentiation.hpp"

#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

DifferentiationDesign small_design() { return {200, {0, 1, 2}, 3, 12}; }

}  // namespace

TEST_CASE("drivers tell the leaning alone, and leave the other genes and the cells as they are",
          "[differentiation]") {
  DifferentiationDesign design = small_design();
  const Differentiation plain = simulate_differentiation(design, {}, 3);
  design.n_drivers = 1;
  const Differentiation driven = simulate_differentiation(design, {}, 3);
  CHECK(driven.latent.values == plain.latent.values);
  CHECK(driven.genes.top[0] == plain.genes.top[0]);
  for (std::int64_t g = 9; g < 12; ++g) {
    CHECK(driven.genes.module[g] == kFirstFateModule + 3 + (g - 9));
    const double here[3] = {0.0, 0.3, -0.2}, further[3] = {1.7, 0.3, -0.2};
    CHECK(driven.genes.transcription(g, here) == driven.genes.transcription(g, further));
  }
  design.n_genes = 7;
  CHECK_THROWS(simulate_differentiation(design, {}, 3));
}

TEST_CASE("the drift of the landscape is minus the slope of its potential", "[sim]") {
  DifferentiationOptions o;
  o.speed = 1.7;
  for (std::int64_t fates : {2, 3, 6}) {
    const Landscape landscape(fates, o);
    LandscapePoint here, ahead, behind;
    for (int i = 0; i < 50; ++i) {
      std::vector<double> z(static_cast<std::size_t>(fates));
      for (std::size_t j = 0; j < z.size(); ++j)
        z[j] = 2.5 * std::sin(1.0 + 3.7 * i + 1.3 * static_cast<double>(j));
      landscape.at(z.data(), here);
      double shares = 0;
      for (double s : here.shares) shares += s;
      CHECK(shares == Approx(1));
      for (std::size_t j = 0; j < z.size(); ++j) {
        const double kept = z[j], step = 1e-5;
        z[j] = kept + step;
        landscape.at(z.data(), ahead);
        z[j] = kept - step;
        landscape.at(z.data(), behind);
        z[j] = kept;
        CHECK(here.drift[j] ==
              Approx(-(ahead.potential - behind.potential) / (2 * step)).epsilon(1e-7).margin(1e-7));
      }
    }
    for (std::int64_t k = 0; k < fates; ++k) {
      const std::vector<double> rest = landscape.attractor(k);
      landscape.at(rest.data(), here);
      CHECK(landscape.nearest_fate(rest.data()) == k);
      CHECK(Landscape::state(here) == k);
    }
  }
}

TEST_CASE("corners of the landscape form a regular simplex", "[sim]") {
  for (std::int64_t fates : {2, 4, 26}) {
    const Landscape landscape(fates, DifferentiationOptions());
    for (std::int64_t a = 0; a < fates; ++a) {
      for (std::int64_t b = 0; b < fates; ++b) {
        double inner = 0;
        for (std::int64_t j = 0; j + 1 < fates; ++j) inner += landscape.corner(a)[j] * landscape.corner(b)[j];
        CHECK(inner == Approx(a == b ? 1.0 : -1.0 / static_cast<double>(fates - 1)).margin(1e-12));
      }
    }
  }
}

TEST_CASE("gamma, Poisson and negative binomial draws have their moments", "[sim]") {
  const int n = 100000;
  const auto moments = [&](auto&& draw, double mean, double variance) {
    double sum = 0, square = 0;
    for (int i = 0; i < n; ++i) {
      Uniforms u(5, (1ull << 60) + static_cast<std::uint64_t>(i));
      const double x = draw(u) - mean;
      sum += x / n;
      square += x * x / n;
    }
    CHECK(std::abs(sum) < 5 * std::sqrt(variance / n));
    CHECK(square == Approx(variance).epsilon(0.06));
  };
  for (double shape : {0.3, 1.0, 10.0}) {
    moments([=](Uniforms& u) { return draw_gamma(shape, u); }, shape, shape);
  }
  for (double mean : {0.05, 1.0, 9.9, 10.1, 200.0, 1e5}) {
    moments([=](Uniforms& u) { return draw_poisson(mean, u); }, mean, mean);
  }
  for (double mean : {0.5, 20.0}) {
    moments([=](Uniforms& u) { return draw_negative_binomial(mean, 0.4, u); }, mean,
            mean + 0.4 * mean * mean);
  }
  Uniforms u(1, 1);
  CHECK(draw_poisson(0, u) == 0);
}

TEST_CASE("splicing agrees with many small steps and comes to rest", "[sim]") {
  const double alpha = 5, h = 0.7;
  for (double gamma : {1.5, 2.0}) {
    const double beta = 2;
    double u = 0.4, s = 3;
    splice(alpha, beta, gamma, h, u, s);
    double u_small = 0.4, s_small = 3;
    const int n = 200000;
    for (int i = 0; i < n; ++i) {
      const double u_half = u_small + 0.5 * h / n * (alpha - beta * u_small);
      s_small +=
          h / n * (beta * u_half - gamma * (s_small + 0.5 * h / n * (beta * u_small - gamma * s_small)));
      u_small += h / n * (alpha - beta * u_half);
    }
    CHECK(u == Approx(u_small).epsilon(1e-8));
    CHECK(s == Approx(s_small).epsilon(1e-8));
    splice(alpha, beta, gamma, 100, u, s);
    CHECK(u == Approx(alpha / beta));
    CHECK(s == Approx(alpha / gamma));
  }
}

TEST_CASE("a simulation is the same bytes for one and two threads", "[sim]") {
  DifferentiationOptions o;
  o.n_futures = 5;
  o.growth = {0, 0.4, 0.8};
  Differentiation one, two;
  {
    const ThreadScope scope(1);
    one = simulate_differentiation(small_design(), o, 9);
  }
  {
    const ThreadScope scope(2);
    two = simulate_differentiation(small_design(), o, 9);
  }
  CHECK(one.latent.values == two.latent.values);
  CHECK(one.fate_weighted.values == two.fate_weighted.values);
  CHECK(one.spliced.values == two.spliced.values);
  CHECK(one.unspliced_counts.values == two.unspliced_counts.values);
  CHECK(one.clone == two.clone);
}

TEST_CASE("a landscape without noise takes a founder to its attractor", "[sim]") {
  DifferentiationOptions o;
  o.noise = 0;
  o.n_futures = 1;
  const DifferentiationDesign design{120, {0, 20}, 3, 5};
  const Differentiation x = simulate_differentiation(design, o, 3);
  const Landscape landscape(3, o);
  for (std::int64_t i = 60; i < 120; ++i) {
    REQUIRE(x.state[i] >= 0);
    const std::vector<double> rest = landscape.attractor(x.state[i]);
    for (std::int64_t j = 0; j < 3; ++j) CHECK(x.latent(i, j) == Approx(rest[j]).margin(0.05));
    CHECK(x.fate(i, x.state[i]) == 1);
  }
  // Fates foretold at the start are those of the clone's members at the end, where clones are tight.
  for (std::int64_t i = 0; i < 60; ++i) {
    double total = 0;
    for (std::int64_t k = 0; k < 3; ++k) total += x.fate(i, k);
    CHECK(total == 1);
  }
}

TEST_CASE("the simulator names what is out of range", "[sim]") {
  const auto argument = [](const DifferentiationDesign& design, const DifferentiationOptions& o) {
    try {
      simulate_differentiation(design, o, 1);
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("none");
  };
  DifferentiationDesign design = small_design();
  design.days = {1, 0};
  CHECK(argument(design, {}) == "days");
  design = small_design();
  design.n_fates = 1;
  CHECK(argument(design, {}) == "n.fates");
  design = small_design();
  design.n_genes = 3;
  CHECK(argument(design, {}) == "n.genes");
  DifferentiationOptions o;
  o.dt = 1e-9;
  CHECK(argument(small_design(), o) == "dt");
  o = DifferentiationOptions();
  o.growth = {1, 2};
  CHECK(argument(small_design(), o) == "growth");
}

TEST_CASE("principal components give the variances and directions of a stretched cloud", "[sim]") {
  Matrix x(8, 3);
  for (int i = 0; i < 8; ++i) {
    const double a = (i & 1) ? 3 : -3, b = (i & 2) ? 1 : -1;
    x(i, 0) = 5 + a * 0.6 - b * 0.8;
    x(i, 1) = a * 0.8 + b * 0.6;
    x(i, 2) = 7;
  }
  const Components c = principal_components(x, 2);
  CHECK(c.stdev[0] == Approx(3 * std::sqrt(8.0 / 7)));
  CHECK(c.stdev[1] == Approx(std::sqrt(8.0 / 7)));
  CHECK(c.loadings(0, 0) == Approx(0.6));
  CHECK(c.loadings(1, 0) == Approx(0.8));
  CHECK(c.loadings(0, 1) == Approx(0.8));
  CHECK(c.loadings(1, 1) == Approx(-0.6));
  CHECK_THROWS_AS(principal_components(x, 4), Error);
}
