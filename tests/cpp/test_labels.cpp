// Votes of neighbours against hand counts; the cut-off; the original's manner; threads.
#include "graph/labels.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

// Cells at 0, 1, ..., n-1 on a line; label 0 below `border`, else 1.
struct Line {
  Matrix x;
  std::vector<std::int32_t> codes;

  Line(int n, int border) : x(n, 1), codes(n) {
    for (int i = 0; i < n; ++i) {
      x(i, 0) = i;
      codes[i] = i < border ? 0 : 1;
    }
  }
};

Matrix state_at(double value) {
  Matrix q(1, 1);
  q(0, 0) = value;
  return q;
}

LabelOptions options_of(std::int64_t k, double factor = 0) {
  LabelOptions o;
  o.k = k;
  o.cutoff_factor = factor;
  return o;
}

}  // namespace

TEST_CASE("shares are the counts of the k nearest", "[labels]") {
  const Line line(20, 10);
  const LabelTransfer reference(line.x, line.codes, 3, options_of(4), KnnOptions());
  const Labels l = reference.transfer(state_at(9.1));  // cells 9, 10, 8, 11
  CHECK(l.probability(0, 0) == 0.5);
  CHECK(l.probability(0, 1) == 0.5);
  CHECK(l.probability(0, 2) == 0.0);
  CHECK(l.label[0] == 0);
  CHECK(l.distance[0] == Approx((0.1 + 0.9 + 1.1 + 1.9) / 4));
  const Labels near = reference.transfer(state_at(7.9));  // cells 8, 7, 9, 6
  CHECK(near.probability(0, 0) == 1.0);
}

TEST_CASE("of labels with as many votes that of the nearest cell wins", "[labels]") {
  const Line line(20, 10);
  for (const bool majority : {false, true}) {
    LabelOptions o = options_of(4);
    o.vote = majority ? "majority" : "soft";
    const LabelTransfer reference(line.x, line.codes, 2, o, KnnOptions());
    CHECK(reference.transfer(state_at(9.4)).label[0] == 0);  // cells 9, 10, 8, 11
    CHECK(reference.transfer(state_at(9.6)).label[0] == 1);  // cells 10, 9, 11, 8
    CHECK(reference.transfer(state_at(9.6)).probability(0, 1) == (majority ? 1.0 : 0.5));
  }
}

TEST_CASE("a kernel gives near cells the louder vote, and a majority takes all", "[labels]") {
  const Line line(20, 10);
  LabelOptions o = options_of(3);
  o.weights = "distance";
  const Labels l = LabelTransfer(line.x, line.codes, 2, o, KnnOptions()).transfer(state_at(9.4));  // 9, 10, 8
  const double h = 1.4 * 1.4;
  const double w9 = std::exp(-2 * 0.16 / h), w10 = std::exp(-2 * 0.36 / h), w8 = std::exp(-2.0);
  CHECK(l.probability(0, 0) == Approx((w9 + w8) / (w9 + w10 + w8)).epsilon(1e-5));
  o.weights = "uniform";
  o.vote = "majority";
  const Labels hard = LabelTransfer(line.x, line.codes, 2, o, KnnOptions()).transfer(state_at(9.4));
  CHECK(hard.probability(0, 0) == 1.0);
  CHECK(hard.probability(0, 1) == 0.0);
}

TEST_CASE("states far from all cells, or not finite, are unassigned", "[labels]") {
  const Line line(101, 50);
  const LabelTransfer reference(line.x, line.codes, 2, options_of(2, 2.0), KnnOptions());
  // Two neighbours on either side at 1; at the ends 1.5, beyond the 0.98 but not the 0.99 quantile.
  CHECK(reference.cutoff() == Approx(2.0 * 1.5));
  CHECK(reference.transfer(state_at(-2.4)).label[0] == 0);
  CHECK(reference.transfer(state_at(-2.6)).label[0] == -1);
  CHECK(reference.transfer(state_at(-2.6)).probability(0, 0) == 0.0);
  CHECK(reference.transfer(state_at(std::nan(""))).label[0] == -1);
  const LabelTransfer open(line.x, line.codes, 2, options_of(2), KnnOptions());
  CHECK(open.transfer(state_at(1e9)).label[0] == 1);
  CHECK(open.transfer(state_at(INFINITY)).label[0] == -1);
}

TEST_CASE("the original's manner passes over the nearest cell", "[labels]") {
  const Line line(20, 10);
  LabelOptions o = options_of(1);
  o.compat = "scdiffeq";
  const LabelTransfer reference(line.x, line.codes, 2, o, KnnOptions());
  CHECK(reference.transfer(state_at(9.4)).label[0] == 1);
  CHECK(reference.transfer(state_at(9.6)).label[0] == 0);
  CHECK(reference.transfer(state_at(500)).label[0] == 1);
}

TEST_CASE("labels do not depend on threads", "[labels]") {
  std::vector<double> z(2 * 5000);
  normals<double>(5, Stream::Simulator, 0, 5000, 0, 2, z.data());
  Matrix x(2500, 2), q(2500, 2);
  std::vector<std::int32_t> codes(2500);
  for (int i = 0; i < 2500; ++i) {
    for (int d = 0; d < 2; ++d) {
      x(i, d) = z[2 * i + d];
      q(i, d) = 2 * z[5000 + 2 * i + d];
    }
    codes[i] = i % 3;
  }
  const LabelTransfer reference(x, codes, 3, LabelOptions(), KnnOptions());
  const Labels one = reference.transfer(q);
  const ThreadScope scope(2);
  const Labels two = reference.transfer(q);
  REQUIRE(one.probability.values == two.probability.values);
  REQUIRE(one.label == two.label);
}

TEST_CASE("labels and options that do not fit are refused", "[labels]") {
  const Line line(20, 10);
  const KnnOptions knn;
  CHECK_THROWS_AS(LabelTransfer(line.x, {0, 1}, 2, options_of(2), knn), Error);
  CHECK_THROWS_AS(LabelTransfer(line.x, line.codes, 1, options_of(2), knn), Error);
  CHECK_THROWS_AS(LabelTransfer(line.x, line.codes, 2, options_of(20), knn), Error);
  CHECK_THROWS_AS(LabelTransfer(line.x, line.codes, 2, options_of(0), knn), Error);
  LabelOptions o = options_of(2);
  o.weights = "cosine";
  CHECK_THROWS_AS(LabelTransfer(line.x, line.codes, 2, o, knn), Error);
  const LabelTransfer reference(line.x, line.codes, 2, options_of(2), knn);
  CHECK_THROWS_AS(reference.transfer(Matrix(1, 2)), Error);
}
