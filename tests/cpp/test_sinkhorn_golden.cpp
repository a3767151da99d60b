// The Sinkhorn divergence agrees with reference values, gradients and potentials, in double and in float.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "golden.hpp"
#include "ot/sinkhorn.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

template <typename T>
std::vector<T> as(const std::vector<double>& v) {
  return std::vector<T>(v.begin(), v.end());
}

// The largest error over the largest size, which is at least `size`.
template <typename T>
double relative(const std::vector<T>& found, const std::vector<double>& expected, double size = 0.0) {
  REQUIRE(found.size() == expected.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(found[i]) - expected[i]));
    size = std::max(size, std::abs(expected[i]));
  }
  return size > 0 ? worst / size : worst;
}

struct Setting {
  std::string name;
  SinkhornOptions options;
};

std::vector<Setting> settings() {
  std::vector<Setting> out;
  const auto add = [&](std::int64_t p, const char* blur, const char* scaling, bool debias,
                       const char* reach) {
    SinkhornOptions o;
    o.p = p;
    o.blur = std::stod(blur);
    o.scaling = std::stod(scaling);
    o.debias = debias;
    o.reach = std::string(reach) == "None" ? 0.0 : std::stod(reach);
    out.push_back({"sinkhorn_small/p" + std::to_string(p) + "_blur" + blur + "_scal" + scaling + "_deb" +
                       (debias ? "1" : "0") + "_reach" + reach,
                   o});
  };
  add(1, "0.05", "0.5", true, "None");
  add(1, "0.1", "0.7", true, "None");
  add(2, "0.01", "0.5", true, "None");
  add(2, "0.01", "0.9", true, "None");
  add(2, "0.05", "0.5", false, "None");
  add(2, "0.05", "0.5", true, "None");
  add(2, "0.05", "0.9", true, "None");
  add(2, "0.1", "0.7", false, "None");
  add(2, "0.1", "0.7", true, "0.3");
  add(2, "0.1", "0.7", true, "1.0");
  add(2, "0.1", "0.7", true, "None");
  add(2, "0.5", "0.5", true, "None");
  add(2, "1.0", "0.9", true, "None");
  return out;
}

template <typename T>
void check_small(const Golden& golden, double value_tolerance, double tolerance) {
  const GoldenArray x = golden.read("sinkhorn_small/x"), y = golden.read("sinkhorn_small/y");
  const auto xs = as<T>(x.values), ys = as<T>(y.values);
  const auto a = as<T>(golden.read("sinkhorn_small/a").values);
  const auto b = as<T>(golden.read("sinkhorn_small/b").values);
  const Cloud<T> left{xs.data(), x.shape[0], x.shape[1], a.data()};
  const Cloud<T> right{ys.data(), y.shape[0], y.shape[1], b.data()};
  for (const Setting& s : settings()) {
    INFO(s.name);
    const SinkhornResult<T> r = sinkhorn_divergence(left, right, s.options, true);
    CHECK(r.value == Approx(golden_number(golden, s.name + "_value")).epsilon(value_tolerance));
    CHECK(relative(r.f, golden.read(s.name + "_f").values) < tolerance);
    CHECK(relative(r.g, golden.read(s.name + "_g").values) < tolerance);
    CHECK(relative(r.grad_a, golden.read(s.name + "_ga").values) < tolerance);
    CHECK(relative(r.grad_b, golden.read(s.name + "_gb").values) < tolerance);
    // Without fused multiply-add, float keeps fewer digits of exponents near 1e5.
    const double slack = s.options.blur < 0.05 ? 10 : 1;
    CHECK(relative(r.grad_x, golden.read(s.name + "_gx").values) < slack * tolerance);
  }
}

template <typename T>
void check_batched(const Golden& golden, double value_tolerance, double tolerance) {
  const GoldenArray x = golden.read("sinkhorn_batched/x"), y = golden.read("sinkhorn_batched/y");
  const auto xs = as<T>(x.values), ys = as<T>(y.values);
  const auto a = as<T>(golden.read("sinkhorn_batched/a").values);
  const auto b = as<T>(golden.read("sinkhorn_batched/b").values);
  const std::int64_t slices = x.shape[0], n = x.shape[1], dims = x.shape[2];
  SinkhornOptions o;
  o.diameter =
      bounding_diameter<T>({{xs.data(), slices * n, dims, nullptr}, {ys.data(), slices * n, dims, nullptr}});
  const std::map<std::string, std::pair<double, double>> all = {
      {"b0.05_s0.5", {0.05, 0.5}}, {"b0.1_s0.7", {0.1, 0.7}}, {"b1.0_s0.7", {1.0, 0.7}}};
  for (const auto& s : all) {
    o.blur = s.second.first;
    o.scaling = s.second.second;
    const std::string path = "sinkhorn_batched/" + s.first;
    const std::vector<double> values = golden.read(path + "_value").values;
    const std::vector<double> gx = golden.read(path + "_gx").values;
    for (std::int64_t k = 0; k < slices; ++k) {
      INFO(path << " slice " << k);
      const Cloud<T> left{xs.data() + k * n * dims, n, dims, a.data() + k * n};
      const Cloud<T> right{ys.data() + k * n * dims, n, dims, b.data() + k * n};
      const SinkhornResult<T> r = sinkhorn_divergence(left, right, o, true);
      CHECK(r.value == Approx(values[k]).epsilon(value_tolerance));
      const std::vector<double> expected(gx.begin() + k * n * dims, gx.begin() + (k + 1) * n * dims);
      // The gradient of the first slice, of a cloud against itself, is rounding alone.
      CHECK(relative(r.grad_x, expected, 1e-3) < tolerance);
    }
  }
}

}  // namespace

TEST_CASE("the Sinkhorn divergence agrees with the reference", "[sinkhorn]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  SECTION("one pair in double") { check_small<double>(golden, 1e-9, 1e-9); }
  SECTION("one pair in float") { check_small<float>(golden, 1e-5, 1e-4); }
  SECTION("slices that share a diameter, in double") { check_batched<double>(golden, 1e-9, 1e-9); }
  SECTION("slices that share a diameter, in float") { check_batched<float>(golden, 1e-5, 1e-4); }
}
