// Counts read in place: checks, sums, size factors, variable genes, against numbers worked out by hand.
#include "velocity/estimate/counts.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "test.hpp"
#include "velocity/estimate/normalise.hpp"
#include "velocity/estimate/variable.hpp"

using namespace fatefield;

namespace {

// 3 genes x 4 cells, column by column: (1, 0, 2), (0, 0, 0), (3, 4, 0), (0, 1, 1).
struct SmallCounts {
  std::vector<int> p{0, 2, 2, 4, 6}, i{0, 2, 0, 1, 1, 2};
  std::vector<double> x{1, 2, 3, 4, 1, 1};
  CountsView view() const { return CountsView(3, 4, p.data(), i.data(), x.data()); }
};

Matrix dense_counts() {
  Matrix m(3, 4);
  m.values = {1, 0, 2, 0, 0, 0, 3, 4, 0, 0, 1, 1};
  return m;
}

std::string argument_of(const CountsView& x) {
  try {
    x.check("unspliced");
  } catch (const Error& e) {
    return e.argument();
  }
  return "";
}

}  // namespace

TEST_CASE("sparse and dense counts are read alike", "[splicing]") {
  const SmallCounts sparse;
  const Matrix full = dense_counts();
  for (const CountsView& x : {sparse.view(), CountsView(full)}) {
    CHECK(cell_totals(x) == std::vector<double>{3, 0, 7, 2});
    const SparseRows genes = by_gene(x, {2, 0}, {1, 1, 2, 1});
    CHECK(genes.start == std::vector<std::int64_t>{0, 2, 4});
    CHECK(genes.index == std::vector<std::int32_t>{0, 3, 0, 2});
    CHECK(genes.value == std::vector<double>{2, 1, 1, 1.5});
    const SparseRows logs = logs_by_cell(x, {0, 2}, {1, 1, 2, 1});
    CHECK(logs.rows == 4);
    CHECK(dense_matrix(logs)(2, 0) == Approx(std::log(2.5)));
    CHECK(dense_matrix(logs)(3, 0) == 0);
  }
}

TEST_CASE("molecules are shared where a cell shows both kinds", "[splicing]") {
  const SmallCounts s;
  Matrix u(3, 4);
  u.values = {2, 5, 0, 1, 1, 1, 0, 2, 0, 0, 3, 0};
  const GeneTotals t = gene_totals(s.view(), CountsView(u));
  CHECK(t.spliced == std::vector<double>{4, 5, 3});
  CHECK(t.unspliced == std::vector<double>{3, 11, 1});
  CHECK(t.spliced_cells == std::vector<double>{2, 2, 2});
  CHECK(t.unspliced_cells == std::vector<double>{2, 4, 1});
  CHECK(t.shared == std::vector<double>{3, 10, 0});
  CHECK(t.shared_cells == std::vector<double>{1, 2, 0});
  VelocityOptions o;
  o.min_shared_counts = 3;
  CHECK(filter_genes(t, o) == std::vector<bool>{true, true, false});
  o.max_counts_u = 10;
  CHECK(filter_genes(t, o) == std::vector<bool>{true, false, false});
  o.min_counts = 5;
  CHECK(filter_genes(t, o) == std::vector<bool>{false, false, false});
}

TEST_CASE("counts that cannot be are named", "[splicing]") {
  SmallCounts x;
  CHECK(argument_of(x.view()).empty());
  x.x[3] = -1;
  CHECK(argument_of(x.view()) == "unspliced");
  x.x[3] = std::nan("");
  CHECK(argument_of(x.view()) == "unspliced");
  x.x[3] = 4;
  x.i[1] = 3;
  CHECK(argument_of(x.view()) == "unspliced");
  x.i[1] = 0;
  CHECK(argument_of(x.view()) == "unspliced");
  Matrix full = dense_counts();
  full.values[5] = INFINITY;
  CHECK(argument_of(CountsView(full)) == "unspliced");
}

TEST_CASE("logarithms of counts are told from counts and from scaled counts", "[splicing]") {
  Matrix counts(40, 30);
  for (std::int64_t i = 0; i < 1200; ++i)
    counts.values[i] = i % 3 == 0 ? 0 : std::floor(5 * std::abs(std::sin(1.7 * static_cast<double>(i))));
  Matrix scaled = counts, logged = counts, other = counts;
  for (std::int64_t c = 0; c < 30; ++c) {
    const double size = 0.4 + 0.1 * static_cast<double>(c);
    for (std::int64_t g = 0; g < 40; ++g) {
      scaled(g, c) = counts(g, c) / size;
      logged(g, c) = static_cast<float>(std::log1p(37.3 * counts(g, c) / size));
      other(g, c) = counts(g, c) * (1 + 0.3 * std::sin(static_cast<double>(g * c)));
    }
  }
  const CountsKind kind = kind_of(CountsView(counts));
  CHECK(kind.whole);
  CHECK(kind.first_whole);
  CHECK_FALSE(kind.logged);
  CHECK_FALSE(kind_of(CountsView(scaled)).whole);
  CHECK_FALSE(kind_of(CountsView(scaled)).first_whole);
  CHECK_FALSE(kind_of(CountsView(scaled)).logged);
  CHECK(kind_of(CountsView(logged)).logged);
  CHECK_FALSE(kind_of(CountsView(other)).logged);
}

TEST_CASE("cells come to the median, or to that of their batch at one level", "[splicing]") {
  CHECK(size_factors({2, 4, 6, 0}) == std::vector<double>{2.0 / 3, 4.0 / 3, 2, 1});
  CHECK(size_factors({0, 0, 0, 5}) == std::vector<double>{1, 1, 1, 5});

  // The second batch is four times as deep, and has twice the share of unspliced molecules.
  const std::vector<double> s{8, 10, 12, 32, 40, 48}, u{2, 2, 2, 20, 20, 20};
  const std::vector<std::int32_t> batch{0, 0, 0, 1, 1, 1};
  const BatchSizes sizes = batch_size_factors(s, u, batch);
  std::vector<double> level;
  for (std::size_t c = 0; c < s.size(); ++c)
    level.push_back(s[c] / sizes.spliced[c] + u[c] / sizes.unspliced[c]);
  for (double l : level) CHECK(l == Approx((12 + 60) / 2.0));
  for (std::size_t c = 0; c < s.size(); ++c) {
    const double ratio = (u[c] / sizes.unspliced[c]) / (s[c] / sizes.spliced[c]);
    CHECK(ratio == Approx(batch[c] == 0 ? 0.2 : 0.5));
  }
  const BatchSizes one = batch_size_factors(s, u, std::vector<std::int32_t>(6, 0));
  CHECK(one.spliced == size_factors(s));
  CHECK(one.unspliced == size_factors(u));
}

TEST_CASE("dispersions are compared within bins of the mean", "[splicing]") {
  // Means 0.1 in three genes, 5 in one and 9 in two; two bins of ln(1 + mean).
  const GeneSpread spread{{0.1, 0.1, 0.1, 9, 9, 0}, {0.1, 0.2, 0.4, 9, 81, 0}};
  const VariableGenes x = variable_genes(spread, 3, 2);
  CHECK(x.dispersion[1] == Approx(std::log(2.0)));
  CHECK(std::isnan(x.dispersion[5]));
  CHECK(x.normalised[0] == Approx(-1));
  CHECK(x.normalised[1] == Approx(0).margin(1e-12));
  CHECK(x.normalised[2] == Approx(1));
  CHECK(x.normalised[4] == Approx(std::sqrt(0.5)));
  CHECK(x.normalised[5] == 0);
  CHECK(x.chosen == std::vector<bool>{false, true, true, false, true, true});

  // A gene alone in its bin is as variable as 1; all genes are chosen where there are no more.
  const VariableGenes alone = variable_genes({{1, 1, 50}, {2, 3, 70}}, 5, 20);
  CHECK(alone.normalised[2] == Approx(1));
  CHECK(alone.chosen == std::vector<bool>(3, true));
}
