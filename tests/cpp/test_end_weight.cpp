// Weights of ends: clouds that are shifted come back, clouds that are right stay, starts keep their mass, and
// the bytes depend on nothing else.
#include "analysis/end_weight.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

Matrix gaussian(std::int64_t n, std::int64_t dims, double mean, std::uint64_t seed) {
  std::vector<double> z(static_cast<std::size_t>(n * dims));
  normals(seed, Stream::Simulator, 0, n, 0, dims, z.data());
  Matrix out(n, dims);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < dims; ++k) out(i, k) = z[i * dims + k] + (k == 0 ? mean : 0.0);
  }
  return out;
}

// Mean of the first dimension and share above 0 of weighted ends, and the spread of the weights.
struct Corrected {
  double mean = 0, above = 0, spread = 0;
};

Corrected corrected(const Matrix& ends, const std::vector<double>& log_h) {
  Corrected out;
  double total = 0, squares = 0;
  for (std::int64_t i = 0; i < ends.rows; ++i) {
    const double h = std::exp(log_h[static_cast<std::size_t>(i)]);
    out.mean += h * ends(i, 0);
    out.above += ends(i, 0) > 0 ? h : 0;
    total += h;
    squares += h * h;
  }
  out.mean /= total;
  out.above /= total;
  out.spread = std::sqrt(squares * static_cast<double>(ends.rows) / (total * total) - 1);
  return out;
}

}  // namespace

TEST_CASE("ends of a shifted cloud are weighed back to the observed one", "[end_weight]") {
  const Matrix ends = gaussian(4000, 1, 0.5, 1), observed = gaussian(1000, 1, 0, 2),
               fresh = gaussian(9000, 1, 0.5, 3);
  CHECK(corrected(fresh, std::vector<double>(9000, 0.0)).above > 0.66);
  for (const bool fixed : {false, true}) {
    const EndFit fit = fit_end_weight(ends, {}, 20, observed, fixed, EndOptions());
    const Corrected now = corrected(fresh, fit.weight.log_at(fresh));
    CHECK(now.mean == Approx(0).margin(0.1));
    CHECK(now.above == Approx(0.5).margin(0.05));
    // That of N(0.5, 1) and N(0, 1) is 2 Phi(0.25) - 1 = 0.197.
    CHECK(fit.moved == Approx(0.197).margin(0.06));
  }
}

TEST_CASE("ends of a cloud that is right stay as they are", "[end_weight]") {
  const Matrix ends = gaussian(8000, 2, 0, 1), observed = gaussian(1000, 2, 0, 2);
  const EndFit fit = fit_end_weight(ends, {}, 20, observed, true, EndOptions());
  const Corrected now = corrected(ends, fit.weight.log_at(ends));
  CHECK(now.above == Approx(0.5).margin(0.03));
  CHECK(fit.moved < 0.12);
  CHECK(now.spread < 0.3);
}

TEST_CASE("ends far from all observed cells weigh little", "[end_weight]") {
  Matrix ends = gaussian(4000, 2, 0, 1);
  const Matrix observed = gaussian(1000, 2, 0, 2);
  for (std::int64_t i = 0; i < 1000; ++i) ends(4 * i, 0) += 12;
  const EndFit fit = fit_end_weight(ends, {}, 1, observed, false, EndOptions());
  const std::vector<double> log_h = fit.weight.log_at(ends);
  double far = 0, all = 0;
  for (std::int64_t i = 0; i < 4000; ++i) {
    all += std::exp(log_h[i]);
    if (i % 4 == 0) far += std::exp(log_h[i]);
  }
  CHECK(far / all < 1e-6);
  CHECK(fit.moved == Approx(0.25).margin(0.08));
}

TEST_CASE("masses of ends count", "[end_weight]") {
  // Twice the mass at half the places is the same cloud.
  const Matrix ends = gaussian(4000, 1, 0, 1), observed = gaussian(1000, 1, 0, 2);
  std::vector<double> mass;
  for (std::int64_t i = 0; i < 4000; ++i) mass.push_back(ends(i, 0) > 0 ? std::log(3.0) : 0.0);
  const EndFit fit = fit_end_weight(ends, mass, 4, observed, false, EndOptions());
  std::vector<double> log_h = fit.weight.log_at(ends);
  for (std::int64_t i = 0; i < 4000; ++i) log_h[i] += mass[i];
  CHECK(corrected(ends, log_h).above == Approx(0.5).margin(0.03));
}

TEST_CASE("weights of ends have the same bytes on any number of threads, and for any cut", "[end_weight]") {
  const Matrix ends = gaussian(777, 5, 0.5, 1), observed = gaussian(333, 5, 0, 2);
  std::vector<std::vector<double>> found;
  for (const int n : {1, 3}) {
    const ThreadScope scope(n);
    found.push_back(fit_end_weight(ends, {}, 7, observed, true, EndOptions()).weight.log_at(ends));
  }
  CHECK(found[0] == found[1]);
  const EndFit fit = fit_end_weight(ends, {}, 7, observed, true, EndOptions());
  for (const std::int64_t from : {std::int64_t{5}, std::int64_t{130}}) {
    Matrix some(90, 5);
    for (std::int64_t i = 0; i < 90; ++i) {
      for (std::int64_t k = 0; k < 5; ++k) some(i, k) = ends(from + i, k);
    }
    const std::vector<double> log_h = fit.weight.log_at(some);
    for (std::int64_t i = 0; i < 90; ++i) CHECK(log_h[i] == found[0][from + i]);
  }
}

TEST_CASE("ends that cannot be weighed are named", "[end_weight]") {
  const Matrix ends = gaussian(40, 2, 0, 1), observed = gaussian(20, 2, 0, 2), other = gaussian(40, 3, 0, 2);
  const auto message = [&](const Matrix& y, const Matrix& z, std::int64_t n_sim) {
    try {
      fit_end_weight(y, {}, n_sim, z, false, EndOptions());
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(message(ends, observed, 4).find("more than 30 observed cells") != std::string::npos);
  CHECK(message(ends, other, 4).find("dimensions") != std::string::npos);
  CHECK(message(ends, gaussian(40, 2, 0, 3), 3).find("n_sim") != std::string::npos);
}
