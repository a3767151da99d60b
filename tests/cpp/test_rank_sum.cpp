// Rank sums against counting all pairs, and p-values against counting all ways to deal the cells out.
#include "analysis/rank_sum.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

SparseRows sparse_of(const Matrix& genes) {
  SparseRows out;
  out.rows = genes.rows;
  out.cols = genes.cols;
  out.start.push_back(0);
  for (std::int64_t g = 0; g < genes.rows; ++g) {
    for (std::int64_t c = 0; c < genes.cols; ++c) {
      if (genes(g, c) == 0) continue;
      out.index.push_back(static_cast<std::int32_t>(c));
      out.value.push_back(genes(g, c));
    }
    out.start.push_back(out.stored());
  }
  return out;
}

// Small whole numbers, some below zero, many ties and zeros.
Matrix tied_genes(std::int64_t genes, std::int64_t cells) {
  Matrix x(genes, cells);
  for (std::size_t e = 0; e < x.values.size(); ++e)
    x.values[e] = std::max(-1.0, std::floor(6 * uniform(3, Stream::Shuffle, e, 0)) - 2);
  return x;
}

std::vector<std::int32_t> groups_of(std::int64_t cells, std::int32_t kinds = 3) {
  std::vector<std::int32_t> out;
  for (std::int64_t c = 0; c < cells; ++c) out.push_back(static_cast<std::int32_t>((c * 7) % kinds));
  return out;
}

// Pairs in which the first group is above, ties half.
double naive_u(const Matrix& x, std::int64_t gene, const std::vector<std::int32_t>& group) {
  double u = 0;
  for (std::int64_t a = 0; a < x.cols; ++a) {
    for (std::int64_t b = 0; b < x.cols; ++b) {
      if (group[a] != 1 || group[b] != 2) continue;
      u += x(gene, a) > x(gene, b) ? 1 : x(gene, a) == x(gene, b) ? 0.5 : 0;
    }
  }
  return u;
}

}  // namespace

TEST_CASE("U counts the pairs, ties half, zeros and values below among them", "[rank_sum]") {
  const Matrix x = tied_genes(40, 50);
  const std::vector<std::int32_t> group = groups_of(50);
  const RankSums found = rank_sums(sparse_of(x), group);
  for (std::int64_t g = 0; g < x.rows; ++g) REQUIRE(found.statistic[g] == Approx(naive_u(x, g, group)));
}

TEST_CASE("p is near the share of all ways to deal the cells out that are as extreme", "[rank_sum]") {
  Matrix x(1, 14);
  x.values = {0, 1, 0, 2, 5, 3, 0, 4, 7, 6, 1, 8, 9, 2};
  std::vector<std::int32_t> group = {2, 2, 2, 2, 1, 2, 2, 1, 1, 1, 2, 1, 1, 1};
  const RankSums found = rank_sums(sparse_of(x), group);
  const double away = std::abs(found.statistic[0] - 24.5);
  std::sort(group.begin(), group.end());
  double ways = 0, extreme = 0;
  do {
    ++ways;
    extreme += std::abs(naive_u(x, 0, group) - 24.5) >= away - 1e-9;
  } while (std::next_permutation(group.begin(), group.end()));
  CHECK(ways == 3432);
  CHECK(found.p[0] == Approx(extreme / ways).margin(0.005));
}

TEST_CASE("p-values are those of R's wilcox.test", "[rank_sum]") {
  // wilcox.test(c(0, 0, 3, 5, 5), c(0, 1, 0, 2, 0, 3), exact = FALSE)
  Matrix x(1, 11);
  x.values = {0, 0, 3, 5, 5, 0, 1, 0, 2, 0, 3};
  const RankSums found = rank_sums(sparse_of(x), {1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2});
  CHECK(found.statistic[0] == 20.5);
  CHECK(found.p[0] == Approx(0.335923813152).epsilon(1e-7));
}

TEST_CASE("equal values tell nothing", "[rank_sum]") {
  Matrix x(2, 6);
  for (std::int64_t c = 0; c < 6; ++c) x(1, c) = 4;
  const RankSums found = rank_sums(sparse_of(x), {1, 1, 1, 2, 2, 2});
  CHECK(found.statistic == std::vector<double>{4.5, 4.5});
  CHECK(found.p == std::vector<double>{1, 1});
}

TEST_CASE("rank sums do not depend on threads, and empty groups are refused", "[rank_sum]") {
  const SparseRows x = sparse_of(tied_genes(300, 40));
  const RankSums one = rank_sums(x, groups_of(40));
  {
    const ThreadScope scope(2);
    const RankSums two = rank_sums(x, groups_of(40));
    REQUIRE(two.statistic == one.statistic);
    REQUIRE(two.p == one.p);
  }
  CHECK_THROWS_AS(rank_sums(x, std::vector<std::int32_t>(40, 1)), Error);
  CHECK_THROWS_AS(rank_sums(x, groups_of(39)), Error);
}

TEST_CASE("a gene with a value that is none has no test, and the others have theirs", "[rank_sum]") {
  const auto group = groups_of(12);
  Matrix genes = tied_genes(3, 12);
  const RankSums whole = rank_sums(sparse_of(genes), group);
  for (std::int64_t c = 0; c < 12; ++c) genes(1, c) = c % 3 == 1 ? std::nan("") : genes(1, c);
  const RankSums out = rank_sums(sparse_of(genes), group);
  CHECK(out.statistic[0] == whole.statistic[0]);
  CHECK(out.p[2] == whole.p[2]);
  CHECK(std::isnan(out.statistic[1]));
  CHECK(std::isnan(out.p[1]));
}
