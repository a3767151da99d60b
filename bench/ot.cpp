// Time of the Sinkhorn divergence with its gradient: a table of value, seconds, and exponentials a second as
// a dense implementation would count them (four per pair and iteration).
//   g++ -std=gnu++17 -O2 -fopenmp -Isrc/core bench/ot.cpp src/core/ot/*.cpp src/core/base/threads.cpp \
//     -ldl -o bench/out/ot
//   bench/out/ot [threads]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <vector>

#include "base/threads.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/tile.hpp"

using namespace fatefield;

namespace {

// Clouds like principal components: extents fall off as 20 / k.
template <typename T>
std::vector<T> points(std::int64_t n, std::int64_t dims, double step, double shift) {
  std::vector<T> out;
  for (std::int64_t k = 0; k < n * dims; ++k) {
    const double sd = 20.0 / static_cast<double>(1 + k % dims);
    const double u = std::fmod(step * static_cast<double>(k * k % 1000003), 1.0);
    const double v = std::fmod(0.5 + 1.618034 * step * static_cast<double>(k), 1.0);
    const double z = std::sqrt(-2.0 * std::log(u + 1e-9)) * std::cos(6.283185307 * v);
    out.push_back(static_cast<T>(sd * z + (k % dims == 0 ? shift : 0.0)));
  }
  return out;
}

template <typename T>
void row(const char* precision, std::int64_t n, std::int64_t dims, double blur, double scaling) {
  const std::vector<T> x = points<T>(n, dims, 0.7548776662, 0.0), y = points<T>(n, dims, 0.5698402910, 20.0);
  SinkhornOptions o;
  o.blur = blur;
  o.scaling = scaling;
  SinkhornResult<T> r;
  double best = 1e30;
  for (int k = 0; k < 3; ++k) {
    const auto start = std::chrono::steady_clock::now();
    r = sinkhorn_divergence<T>({x.data(), n, dims, nullptr}, {y.data(), n, dims, nullptr}, o, true);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const double exponentials = 4.0 * static_cast<double>(n * n * r.iterations);
  std::cout << precision << std::setw(7) << n << std::setw(6) << dims << std::setw(7) << blur << std::setw(7)
            << scaling << std::setw(6) << r.iterations << std::setw(12) << r.value << std::setw(12) << best
            << std::setw(12) << exponentials / best << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const ThreadScope scope(argc > 1 ? std::atoi(argv[1]) : 1);
  std::cout << ot::kernels<float>().name << ", " << threads() << " threads\n"
            << "type         n  dims   blur  scale  iter       value     seconds       exp/s\n";
  row<float>("float32", 2048, 50, 0.05, 0.5);
  row<float>("float32", 2048, 50, 0.1, 0.7);
  row<float>("float32", 2048, 50, 0.05, 0.9);
  row<float>("float32", 512, 50, 0.1, 0.7);
  row<float>("float32", 2048, 2, 0.05, 0.5);
  row<float>("float32", 8192, 2, 0.05, 0.5);
  row<double>("float64", 2048, 50, 0.05, 0.5);
  row<double>("float64", 2048, 2, 0.05, 0.5);
}
