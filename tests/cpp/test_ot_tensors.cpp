// The divergence and the sliced distance in operations of LibTorch against the fused kernels, on tensors of
// the processor: values and gradients for all kinds of options, in one block and in many.
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/sliced.hpp"
#include "ot/tensors.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

at::Tensor points(std::int64_t n, std::int64_t dims, std::uint64_t seed, double shift) {
  at::Tensor x = at::empty({n, dims}, at::kDouble);
  normals<double>(seed, Stream::Simulator, 0, n, 0, dims, x.data_ptr<double>());
  return x + shift;
}

at::Tensor weights(std::int64_t n) {
  const at::Tensor w = at::arange(1, n + 1, at::kDouble).remainder(7.0) + 0.5;
  return w / w.sum();
}

template <typename T>
void check_against_kernels(const SinkhornOptions& o, bool weighted, std::int64_t pairs, double tolerance) {
  const at::ScalarType type = std::is_same<T, double>::value ? at::kDouble : at::kFloat;
  const at::Tensor x = points(70, 6, 1, 0.0).to(type), y = points(90, 6, 2, 0.7).to(type);
  const at::Tensor a = weighted ? weights(70).to(type) : at::Tensor();
  const Cloud<T> from{x.data_ptr<T>(), 70, 6, weighted ? a.data_ptr<T>() : nullptr};
  const Cloud<T> to{y.data_ptr<T>(), 90, 6, nullptr};
  const SinkhornResult<T> expected = sinkhorn_divergence<T>(from, to, o, true);
  const TensorDistance found = tensor_sinkhorn(x, a, y, o, true, {}, pairs);
  CHECK(found.value == Approx(expected.value).epsilon(tolerance));
  const auto near = [&](const at::Tensor& t, const std::vector<T>& v) {
    const at::Tensor e = at::from_blob(const_cast<T*>(v.data()), t.sizes(), type);
    return ((t - e).norm() / e.norm()).item<double>();
  };
  CHECK(near(found.grad_x, expected.grad_x) < tolerance);
  // Known up to a constant under balanced transport.
  const at::Tensor grad_a = at::from_blob(const_cast<T*>(expected.grad_a.data()), {70}, type);
  CHECK(((found.grad_a - grad_a).norm() / grad_a.norm()).item<double>() < tolerance);
  CHECK(tensor_sinkhorn(x, a, y, o, false, {}, pairs).value == Approx(found.value));
}

SinkhornOptions options(std::int64_t p, double blur, double reach, bool debias) {
  SinkhornOptions o;
  o.p = p;
  o.blur = blur;
  o.scaling = 0.7;
  o.reach = reach;
  o.debias = debias;
  return o;
}

}  // namespace

TEST_CASE("the divergence on tensors is that of the kernels", "[sinkhorn_tensor]") {
  for (std::int64_t pairs : {kTensorPairs, std::int64_t{500}}) {
    for (std::int64_t p : {1, 2}) {
      for (double reach : {0.0, 1.5}) {
        for (bool debias : {true, false}) {
          check_against_kernels<double>(options(p, 0.1, reach, debias), pairs == 500, pairs, 1e-9);
        }
      }
    }
  }
  check_against_kernels<double>(options(2, 0.05, 0.0, true), true, kTensorPairs, 1e-9);
  check_against_kernels<float>(options(2, 0.1, 0.0, true), true, kTensorPairs, 1e-4);
  check_against_kernels<float>(options(1, 0.3, 0.0, true), false, kTensorPairs, 1e-4);
}

TEST_CASE("on tensors the gradient makes no graph", "[sinkhorn_tensor]") {
  const at::Tensor x = points(8, 3, 3, 0.0).set_requires_grad(true);
  const at::Tensor y = points(9, 3, 4, 0.4);
  const TensorDistance found = tensor_sinkhorn(x, {}, y, options(2, 0.5, 0.0, true), true);
  CHECK(!found.grad_x.requires_grad());
  CHECK(!found.grad_a.requires_grad());
}

TEST_CASE("tensors that do not fit together are refused, and an interrupt is heard", "[sinkhorn_tensor]") {
  const at::Tensor x = points(5, 3, 5, 0.0), y = points(6, 3, 6, 0.0);
  const auto argument = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const Error& e) {
      return e.argument();
    }
    return "no error";
  };
  const SinkhornOptions o;
  CHECK(argument([&] { tensor_sinkhorn(x, {}, points(5, 2, 1, 0.0), o, false); }) == "y");
  CHECK(argument([&] { tensor_sinkhorn(x, {}, y.to(at::kFloat), o, false); }) == "y");
  CHECK(argument([&] { tensor_sinkhorn(x, weights(4), y, o, false); }) == "weights.x");
  CHECK_THROWS_AS(tensor_sinkhorn(x, {}, y, o, false, [] { return false; }), Interrupted);
}

TEST_CASE("the sliced distance on tensors is that of the kernels", "[sinkhorn_tensor]") {
  for (std::int64_t m : {70, 90}) {
    for (bool weighted : {false, true}) {
      const at::Tensor x = points(70, 6, 1, 0.0), y = points(m, 6, 2, 0.7);
      const at::Tensor a = weighted ? weights(70) * 3.0 : at::Tensor();
      const std::vector<double> lines = slice_directions<double>(6, SlicedOptions(), 3, 0);
      const Cloud<double> from{x.data_ptr<double>(), 70, 6, weighted ? a.data_ptr<double>() : nullptr};
      const SlicedResult<double> expected =
          sliced_wasserstein<double>(from, {y.data_ptr<double>(), m, 6, nullptr}, lines, true);
      const at::Tensor directions = at::from_blob(const_cast<double*>(lines.data()), {106, 6}, at::kDouble);
      const TensorDistance found = tensor_sliced(x, a, y, directions, true);
      CHECK(found.value == Approx(expected.value).epsilon(1e-10));
      const auto near = [](const at::Tensor& t, const std::vector<double>& v) {
        const at::Tensor e = at::from_blob(const_cast<double*>(v.data()), t.sizes(), at::kDouble);
        return ((t - e).norm() / e.norm()).item<double>();
      };
      CHECK(near(found.grad_x, expected.grad_x) < 1e-9);
      CHECK(near(found.grad_a, expected.grad_a) < 1e-9);
      const TensorDistance narrow = tensor_sliced(x.to(at::kFloat), weighted ? a.to(at::kFloat) : a,
                                                  y.to(at::kFloat), directions, true);
      CHECK(narrow.value == Approx(expected.value).epsilon(1e-4));
    }
  }
  CHECK_THROWS_AS(tensor_sliced(points(5, 3, 1, 0.0), {}, points(5, 3, 2, 0.0), at::ones({2, 2}), false),
                  Error);
}
