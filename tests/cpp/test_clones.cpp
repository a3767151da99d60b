// What clones add to bridges: pairs that are raised in plans, the ends of their paths, and what clones tell
// of noise.
#include "torch_test.hpp"

#include <cmath>

#include "base/rng.hpp"
#include "normal_clouds.hpp"
#include "sde/train/bridge.hpp"
#include "sde/train/clones.hpp"
#include "sde/train/couplings.hpp"

using namespace fatefield;

namespace {

// The plan of the kernel exp(-C) (1 + m) by plain scaling, rows that sum to 1.
std::vector<double> dense_plan(const std::vector<double>& x, const std::vector<double>& y, std::int64_t dims,
                               const ot::RaisedPairs& raised) {
  const auto n = static_cast<std::int64_t>(x.size()) / dims, m = static_cast<std::int64_t>(y.size()) / dims;
  std::vector<double> kernel(static_cast<std::size_t>(n * m)), v(static_cast<std::size_t>(m), 1.0);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      double sum = 0.0;
      for (std::int64_t k = 0; k < dims; ++k) sum += std::pow(x[i * dims + k] - y[j * dims + k], 2);
      kernel[i * m + j] = std::exp(-0.5 * sum);
    }
    for (auto e = raised.begin[i]; e < raised.begin[i + 1]; ++e)
      kernel[i * m + raised.column[e]] *= 1.0 + std::exp(raised.log_more[e]);
  }
  std::vector<double> out(kernel);
  for (int step = 0; step < 5000; ++step) {
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0.0;
      for (std::int64_t j = 0; j < m; ++j) sum += kernel[i * m + j] * v[j];
      for (std::int64_t j = 0; j < m; ++j) out[i * m + j] = kernel[i * m + j] * v[j] / sum;
    }
    for (std::int64_t j = 0; j < m; ++j) {
      double sum = 0.0;
      for (std::int64_t i = 0; i < n; ++i) sum += out[i * m + j] / static_cast<double>(n);
      v[j] /= sum * static_cast<double>(m);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("pairs that are raised are so in a plan whose masses hold", "[couplings][clones]") {
  const std::vector<double> x = cloud(30, 2, 0.0, 1.0, 1), y = cloud(40, 2, 0.5, 1.0, 2);
  std::vector<std::int64_t> of_x(30, -1), of_y(40, -1);
  for (std::int64_t i = 0; i < 12; ++i) of_x[i] = i % 5;
  for (std::int64_t j = 0; j < 25; ++j) of_y[j] = (3 * j) % 7;
  const ot::RaisedPairs raised = clone_pairs(of_x, of_y, 0.9);
  const std::vector<double> wanted = dense_plan(x, y, 2, raised);
  const std::int64_t draws = 4000;
  SinkhornOptions o;
  o.blur = 1.0;
  o.precision = "float64";
  o.tolerance = 1e-10;
  o.max_iterations = 5000;
  const Partners p = draw_partners<double>(view(x, 2), view(y, 2), o, {draws, 7, 0}, {}, raised);
  double worst = 0.0, plain = 0.0;
  const std::vector<double> without = dense_plan(x, y, 2, {std::vector<std::int64_t>(31, 0), {}, {}});
  for (std::int64_t i = 0; i < 30; ++i) {
    std::vector<double> seen(40, 0.0);
    for (std::int64_t r = 0; r < draws; ++r) seen[p.target[i * draws + r]] += 1.0 / draws;
    for (std::int64_t j = 0; j < 40; ++j) {
      worst = std::max(worst, std::abs(seen[j] - wanted[i * 40 + j]));
      plain = std::max(plain, std::abs(wanted[i * 40 + j] - without[i * 40 + j]));
    }
  }
  CHECK(worst <= 1.0 / draws + 1e-6);
  CHECK(plain > 0.1);
}

TEST_CASE("mates have the share of a row that clones are trusted with", "[clones]") {
  // All cells at one place: a plan knows nothing but clones. Three quarters of the later cells have one.
  const std::vector<double> x(20, 0.0), y(200, 0.0);
  std::vector<std::int64_t> of_x, of_y;
  for (std::int64_t i = 0; i < 20; ++i) of_x.push_back(i % 10);
  for (std::int64_t j = 0; j < 200; ++j) of_y.push_back(j < 150 ? j % 10 : -1);
  for (double trust : {0.5, 0.9}) {
    const ot::RaisedPairs raised = clone_pairs(of_x, of_y, trust);
    const double share = trust * 0.75;
    for (std::int64_t i = 0; i < 20; ++i) {
      double more = 0.0;
      for (auto e = raised.begin[i]; e < raised.begin[i + 1]; ++e) {
        CHECK(of_y[raised.column[e]] == of_x[i]);
        more += std::exp(raised.log_more[e]) / 200.0;
      }
      CHECK(more == Approx(share / (1.0 - share)));
    }
  }
  CHECK(clone_pairs(of_x, of_y, 0.0).empty());
  CHECK(clone_pairs(of_x, std::vector<std::int64_t>(200, -1), 0.9).empty());
  // Some members of a large clone stand for all.
  const std::vector<std::int64_t> one(3, 4), many(1000, 4);
  const ot::RaisedPairs thin = clone_pairs(one, many, 0.5);
  CHECK(thin.begin.back() < 300);
  double more = 0.0;
  for (auto e = thin.begin[0]; e < thin.begin[1]; ++e) more += std::exp(thin.log_more[e]) / 1000.0;
  CHECK(more == Approx(1.0));
}

TEST_CASE("clones tell the noise of a motion, and clones that are mixed up tell nothing", "[clones]") {
  // Founders spread by 1; daughters of each a time unit later, moved by noise of known variance.
  const std::int64_t n = 600;
  for (double variance : {0.1, 0.4}) {
    Matrix x(2 * n, 2);
    std::vector<double> time;
    std::vector<std::int64_t> clone, mixed;
    const std::vector<double> at = cloud(n, 2, 0.0, 1.0, 3), step = cloud(n, 2, 0.0, std::sqrt(variance), 4);
    for (std::int64_t i = 0; i < 2 * n; ++i) {
      for (std::int64_t k = 0; k < 2; ++k)
        x(i, k) = at[(i % n) * 2 + k] + (i < n ? 0.0 : step[(i % n) * 2 + k]);
      time.push_back(i < n ? 0.0 : 1.0);
      clone.push_back(i % n);
      mixed.push_back(i < n ? i : (7 * i + 100) % n);
    }
    const auto found = clone_evidence(x, time, clone, {}, 1, {});
    REQUIRE(found.size() == 1);
    CHECK(found[0].linked == n);
    // The noise is a share of the variance within times, 1 + variance / 2 on average.
    CHECK(found[0].noise == Approx(variance / (1.0 + variance / 2.0)).epsilon(0.5));
    CHECK(found[0].trust > 0.9);
    CHECK(found[0].gain > 5.0 * found[0].gain_se);
    const auto none = clone_evidence(x, time, mixed, {}, 1, {});
    CHECK(none[0].linked == n);
    CHECK(none[0].trust < 0.25);
    CHECK(none[0].gain <= 2.0 * none[0].gain_se + 1e-3);
  }
}

TEST_CASE("a path of a raised pair is expected to end where that pair says", "[bridge][clones]") {
  const std::int64_t m = 6, dims = 2;
  const auto draw = [&](std::int64_t rows, std::uint64_t seed) {
    at::Tensor z = at::empty({rows, dims}, at::kDouble);
    normals(seed, Stream::Simulator, 0, rows, 0, dims, z.data_ptr<double>());
    return z;
  };
  const at::Tensor to = draw(m, 1), x = draw(2, 2), sd = at::full({dims}, 0.7, at::kDouble);
  const at::Tensor log_weight = at::linspace(-1.0, 0.5, m, at::kDouble);
  const at::Tensor place = at::tensor({0.3, 0.6}, at::kDouble);
  // The first path is raised for ends 1 and 4, the second for none.
  const double more[2] = {2.0, 5.0};
  RaisedEnds raised;
  const at::Tensor index = at::tensor({1, 4, 0, 0}, at::kLong);
  raised.points = to.index_select(0, index).view({2, 2, dims});
  raised.log_weight =
      log_weight.index_select(0, index).view({2, 2}) +
      at::tensor({std::log(more[0]), std::log(more[1]), -INFINITY, -INFINITY}, at::kDouble).view({2, 2});
  const at::Tensor found = expected_end({to, log_weight, {}}, x, place, sd, &raised);
  for (std::int64_t q = 0; q < 2; ++q) {
    at::Tensor sum = at::zeros({dims}, at::kDouble);
    double total = 0.0;
    for (std::int64_t j = 0; j < m; ++j) {
      const double apart = ((x[q] - to[j]) / sd).square().sum().item<double>();
      double weight = std::exp(log_weight[j].item<double>() - 0.5 * apart / (1.0 - place[q].item<double>()));
      if (q == 0 && j == 1) weight *= 1.0 + more[0];
      if (q == 0 && j == 4) weight *= 1.0 + more[1];
      total += weight;
      sum = sum + to[j] * weight;
    }
    CHECK((found[q] - sum / total).abs().max().item<double>() < 1e-12);
  }
}
