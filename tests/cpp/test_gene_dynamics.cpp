// Correlations of genes with quantities of cells against naive twins: dense and sparse, ties, covariates,
// blocks.
#include "analysis/gene_dynamics.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "naive_correlation.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

using Column = std::vector<double>;

struct Cells {
  Matrix genes = Matrix(6, 80);       // genes x cells, many zeros and ties, some below zero
  Matrix quantities = Matrix(80, 2);  // cells x quantities
  Matrix covariates = Matrix(80, 2);

  Cells() {
    for (std::int64_t c = 0; c < 80; ++c) {
      for (std::int64_t k = 0; k < 2; ++k) covariates(c, k) = uniform(1, Stream::Shuffle, c, k);
      for (std::int64_t g = 0; g < 6; ++g) {
        const double v = std::floor(5 * uniform(2, Stream::Shuffle, c, g) + covariates(c, 0)) - 2;
        genes(g, c) = g == 5 ? 3.0 : v < 1 && g < 4 ? 0 : v;
      }
      quantities(c, 0) = genes(0, c) - covariates(c, 0) + uniform(3, Stream::Shuffle, c, 0);
      quantities(c, 1) = uniform(3, Stream::Shuffle, c, 1);
    }
  }

  Column gene(std::int64_t g) const {
    Column out;
    for (std::int64_t c = 0; c < 80; ++c) out.push_back(genes(g, c));
    return out;
  }
  Column quantity(std::int64_t q) const {
    return {quantities.values.begin() + q * 80, quantities.values.begin() + (q + 1) * 80};
  }
};

// Partial correlation given two covariates, by the recursion of correlations.
double partial(const Column& x, const Column& y, const Column& a, const Column& b) {
  const auto given = [](double xy, double xz, double yz) {
    return (xy - xz * yz) / std::sqrt((1 - xz * xz) * (1 - yz * yz));
  };
  const double ab = pearson(a, b);
  const double xy = given(pearson(x, y), pearson(x, a), pearson(y, a));
  const double xb = given(pearson(x, b), pearson(x, a), ab), yb = given(pearson(y, b), pearson(y, a), ab);
  return given(xy, xb, yb);
}

GeneDynamics found_in(const Cells& cells, const CountsView& genes, std::int64_t n_boot,
                      std::int32_t block_size = 1) {
  GeneDynamicsRequest r;
  r.genes = &genes;
  r.quantities = cells.quantities;
  r.covariates = cells.covariates;
  for (std::int32_t c = 0; c < 80; ++c) r.block.push_back(c / block_size);
  r.blocks = r.block.back() + 1;
  r.n_boot = n_boot;
  return gene_dynamics(r, [](std::int64_t) { return true; });
}

}  // namespace

TEST_CASE("correlations of genes are Pearson's, Spearman's and partial ones", "[gene_dynamics]") {
  const Cells cells;
  const GeneDynamics got = found_in(cells, CountsView(cells.genes), 0);
  const Column a(cells.covariates.values.begin(), cells.covariates.values.begin() + 80);
  const Column b(cells.covariates.values.begin() + 80, cells.covariates.values.end());
  for (std::int64_t g = 0; g < 5; ++g) {
    const Column x = cells.gene(g);
    for (std::int64_t q = 0; q < 2; ++q) {
      const Column y = cells.quantity(q);
      CHECK(got.pearson.estimate(g, q) == Approx(pearson(x, y)).epsilon(1e-10));
      CHECK(got.spearman.estimate(g, q) == Approx(spearman(x, y)).epsilon(1e-10));
      CHECK(got.partial.estimate(g, q) == Approx(partial(x, y, a, b)).epsilon(1e-9));
    }
    const double seen = static_cast<double>(80 - std::count(x.begin(), x.end(), 0.0)) / 80;
    CHECK(got.detected[g] == Approx(seen));
  }
  CHECK(std::isnan(got.pearson.estimate(5, 0)));
  CHECK(std::isnan(got.spearman.estimate(5, 0)));
  CHECK(std::isnan(got.partial.estimate(5, 0)));
}

TEST_CASE("compressed and dense genes are alike", "[gene_dynamics]") {
  const Cells cells;
  std::vector<int> p = {0}, i;
  Column x;
  for (std::int64_t c = 0; c < 80; ++c) {
    for (int g = 0; g < 6; ++g) {
      if (cells.genes(g, c) == 0) continue;
      i.push_back(g);
      x.push_back(cells.genes(g, c));
    }
    p.push_back(static_cast<int>(i.size()));
  }
  const GeneDynamics dense = found_in(cells, CountsView(cells.genes), 20);
  const GeneDynamics sparse = found_in(cells, CountsView(6, 80, p.data(), i.data(), x.data()), 20);
  for (std::int64_t g = 0; g < 5; ++g) {
    for (std::int64_t q = 0; q < 2; ++q) {
      CHECK(sparse.partial.estimate(g, q) == dense.partial.estimate(g, q));
      CHECK(sparse.spearman.low(g, q) == dense.spearman.low(g, q));
      CHECK(sparse.pearson.se(g, q) == dense.pearson.se(g, q));
    }
  }
}

TEST_CASE("intervals hold the estimate, and cells that are copied in blocks widen them", "[gene_dynamics]") {
  Cells cells;
  const GeneDynamics single = found_in(cells, CountsView(cells.genes), 200);
  // Standard error of artanh(r) for independent cells is about 1 / sqrt(n - 3).
  CHECK(single.pearson.se(1, 1) == Approx(1 / std::sqrt(77.0)).epsilon(0.25));
  for (std::int64_t c = 0; c < 80; ++c) {
    for (std::int64_t g = 0; g < 6; ++g) cells.genes(g, c) = cells.genes(g, c - c % 8);
    for (std::int64_t q = 0; q < 2; ++q) cells.quantities(c, q) = cells.quantities(c - c % 8, q);
  }
  const GeneDynamics alone = found_in(cells, CountsView(cells.genes), 200);
  const GeneDynamics blocks = found_in(cells, CountsView(cells.genes), 200, 8);
  CHECK(blocks.pearson.low(0, 0) <= blocks.pearson.estimate(0, 0));
  CHECK(blocks.pearson.high(0, 0) >= blocks.pearson.estimate(0, 0));
  CHECK(blocks.pearson.se(1, 1) > 1.5 * alone.pearson.se(1, 1));
}

TEST_CASE("samples are the same on any number of threads, and stop when asked", "[gene_dynamics]") {
  const Cells cells;
  const GeneDynamics one = found_in(cells, CountsView(cells.genes), 30, 4);
  {
    const ThreadScope scope(2);
    const GeneDynamics two = found_in(cells, CountsView(cells.genes), 30, 4);
    for (std::int64_t g = 0; g < 5; ++g) {
      REQUIRE(two.partial.low(g, 0) == one.partial.low(g, 0));
      REQUIRE(two.spearman.high(g, 1) == one.spearman.high(g, 1));
      REQUIRE(two.pearson.se(g, 0) == one.pearson.se(g, 0));
    }
  }
  const CountsView genes(cells.genes);
  GeneDynamicsRequest r;
  r.genes = &genes;
  r.quantities = cells.quantities;
  r.covariates = MatrixView{nullptr, 80, 0};
  for (std::int32_t c = 0; c < 80; ++c) r.block.push_back(c);
  r.blocks = 80;
  CHECK_THROWS_AS(gene_dynamics(r, [](std::int64_t) { return false; }), Interrupted);
  r.block.pop_back();
  CHECK_THROWS_AS(gene_dynamics(r, [](std::int64_t) { return true; }), Error);
}
