// Correlations, graphs of genes and membership of modules against naive twins.
#include "analysis/coexpression.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "naive_correlation.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

// Cells x genes; whole numbers, so that there are ties; neighbouring genes share cells' values.
Matrix related_genes(std::int64_t cells, std::int64_t genes) {
  Matrix x(cells, genes);
  for (std::int64_t g = 0; g < genes; ++g) {
    for (std::int64_t c = 0; c < cells; ++c) {
      const double shared = uniform(5, Stream::Shuffle, c, g / 4), own = uniform(6, Stream::Shuffle, c, g);
      x(c, g) = std::floor(8 * (g % 4 == 3 ? own - shared : own + shared));
    }
  }
  return x;
}

std::vector<double> column(const Matrix& x, std::int64_t j) {
  return {x.values.begin() + j * x.rows, x.values.begin() + (j + 1) * x.rows};
}

}  // namespace

TEST_CASE("correlations are Pearson's, and Spearman's with ranks", "[coexpression]") {
  const std::int64_t genes = 70;  // more than one block
  const Matrix x = related_genes(40, genes);
  const Matrix r = correlations(standardised(x, false)), rho = correlations(standardised(x, true));
  for (std::int64_t i = 0; i < genes; ++i) {
    for (std::int64_t j = 0; j < genes; ++j) {
      REQUIRE(r(i, j) == Approx(i == j ? 1 : pearson(column(x, i), column(x, j))).margin(1e-12));
      REQUIRE(r(i, j) == r(j, i));
      if ((i + j) % 7 == 0) REQUIRE(rho(i, j) == Approx(spearman(column(x, i), column(x, j))).margin(1e-12));
    }
  }
}

TEST_CASE("genes without spread, and too few cells, are refused", "[coexpression]") {
  Matrix x = related_genes(10, 3);
  for (std::int64_t c = 0; c < 10; ++c) x(c, 1) = 0.1;
  CHECK_THROWS_AS(standardised(x, false), Error);
  CHECK_THROWS_AS(standardised(related_genes(2, 3), true), Error);
}

TEST_CASE("pairs are counted once, by size or by sign", "[coexpression]") {
  Matrix r(3, 3);
  for (int i = 0; i < 3; ++i) r(i, i) = 1;
  r(0, 1) = r(1, 0) = -0.62;
  r(0, 2) = r(2, 0) = 0.31;
  r(1, 2) = r(2, 1) = 1;
  CHECK(correlation_counts(r, false, 10) == std::vector<double>{0, 0, 0, 1, 0, 0, 1, 0, 0, 1});
  CHECK(correlation_counts(r, true, 10) == std::vector<double>{1, 0, 0, 1, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("strengths and graphs are powers of the edges", "[coexpression]") {
  const Matrix r = correlations(standardised(related_genes(40, 12), false));
  for (const bool sign : {false, true}) {
    const Matrix s = soft_strengths(r, 3, sign);
    const SparseRows soft = soft_graph(r, 3, sign), hard = hard_graph(r, 0.3, sign);
    const Matrix cubes = dense_matrix(soft), kept = dense_matrix(hard);
    for (std::int64_t i = 0; i < 12; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < 12; ++j) {
        const double edge = i == j ? 0 : sign ? std::max(r(i, j), 0.0) : std::abs(r(i, j));
        sum += edge * edge * edge;
        REQUIRE(cubes(i, j) == Approx(edge * edge * edge).margin(1.1e-6));
        REQUIRE(kept(i, j) == (edge >= 0.3 ? edge : 0.0));
      }
      REQUIRE(s(i, 2) == Approx(sum).epsilon(1e-12));
    }
  }
}

TEST_CASE("shuffling within groups takes away what genes share but not what groups do", "[coexpression]") {
  const std::int64_t cells = 400;
  Matrix x(cells, 10);
  std::vector<std::int32_t> group(cells), none(cells, 0);
  for (std::int64_t c = 0; c < cells; ++c) {
    group[c] = static_cast<std::int32_t>(c % 2);
    for (std::int64_t g = 0; g < 10; ++g) x(c, g) = 4 * (c % 2) + uniform(1, Stream::Shuffle, c, g);
  }
  const Matrix z = standardised(x, false);
  const std::vector<double> apart = shuffled_counts(z, none, false, 2, 3, 42);
  const std::vector<double> within = shuffled_counts(z, group, false, 2, 3, 42);
  CHECK(apart[0] == Approx(45));
  CHECK(within[1] == Approx(45));
}

TEST_CASE("membership is the correlation with the first component", "[coexpression]") {
  const Matrix z = standardised(related_genes(60, 16), false);
  const Matrix r = correlations(z);
  std::vector<std::int32_t> of;
  for (std::int32_t g = 0; g < 16; ++g) of.push_back(g == 15 ? -1 : g / 8);
  const Matrix m = module_membership(r, of, 2);
  // The component by repeated squaring of what the genes of a module say of the cells.
  for (std::int32_t module = 0; module < 2; ++module) {
    std::vector<double> score(60, 0.0);
    for (std::int64_t c = 0; c < 60; ++c) score[c] = z(c, module * 8);
    for (int step = 0; step < 3000; ++step) {
      std::vector<double> next(60, 0.0);
      double size = 0;
      for (std::int64_t g = 0; g < 16; ++g) {
        if (of[g] != module) continue;
        double along = 0;
        for (std::int64_t c = 0; c < 60; ++c) along += z(c, g) * score[c];
        for (std::int64_t c = 0; c < 60; ++c) next[c] += along * z(c, g);
      }
      for (const double v : next) size += v * v;
      for (std::int64_t c = 0; c < 60; ++c) score[c] = next[c] / std::sqrt(size);
    }
    double turned = 0;
    for (std::int64_t g = 0; g < 16; ++g) {
      const double expected = pearson(column(z, g), score);
      turned += m(g, module) * expected > 0 ? 1 : -1;
      REQUIRE(std::abs(m(g, module)) == Approx(std::abs(expected)).margin(1e-8));
    }
    REQUIRE(std::abs(turned) == 16);
  }
}

TEST_CASE("networks do not depend on threads", "[coexpression]") {
  const Matrix x = related_genes(50, 150);
  const auto all = [&] {
    const Matrix z = standardised(x, true), r = correlations(z);
    std::vector<std::int32_t> of(150), group(50);
    for (std::int32_t g = 0; g < 150; ++g) of[g] = g % 3;
    for (std::int32_t c = 0; c < 50; ++c) group[c] = c % 2;
    std::vector<double> out = r.values;
    for (const auto& part : {soft_strengths(r, 4, true).values, module_membership(r, of, 3).values,
                             shuffled_counts(z, group, true, 20, 2, 1)})
      out.insert(out.end(), part.begin(), part.end());
    return out;
  };
  const std::vector<double> one = all();
  const ThreadScope scope(2);
  REQUIRE(all() == one);
}
