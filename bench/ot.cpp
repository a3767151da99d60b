// The Sinkhorn divergence with its gradient: value, seconds, processor seconds, memory beyond what was there
// before, and exponentials a second as a dense implementation would count them (four per pair and iteration).
// bench/run.sh builds and runs it.
//   bench/out/ot [threads [results.json]]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "measure.hpp"
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
void row(bench::Results& results, const char* precision, std::int64_t n, std::int64_t dims, double blur,
         double scaling) {
  const std::vector<T> x = points<T>(n, dims, 0.7548776662, 0.0), y = points<T>(n, dims, 0.5698402910, 20.0);
  SinkhornOptions o;
  o.blur = blur;
  o.scaling = scaling;
  SinkhornResult<T> r;
  const bench::Cost cost = bench::best_of(5, [&] {
    r = sinkhorn_divergence<T>({x.data(), n, dims, nullptr}, {y.data(), n, dims, nullptr}, o, true);
  });
  const double exponentials = 4.0 * static_cast<double>(n * n * r.iterations);
  std::cout << precision << std::setw(7) << n << std::setw(6) << dims << std::setw(7) << blur << std::setw(7)
            << scaling << std::setw(6) << r.iterations << std::setw(10) << r.value << std::setw(11)
            << cost.seconds << std::setw(11) << cost.processor << std::setw(8) << " " << cost.megabytes
            << std::setw(12) << exponentials / cost.seconds << std::endl;
  const std::string name = std::string("sinkhorn_") + precision + "_" + std::to_string(n) + "_" +
                           std::to_string(dims) + "d_" + bench::text(blur) + "_" + bench::text(scaling);
  results.add(name, cost);
}

}  // namespace

int main(int argc, char** argv) {
  const ThreadScope scope(argc > 1 ? std::atoi(argv[1]) : available_cores());
  bench::Results results("ot", threads());
  std::cout
      << ot::kernels<float>().name << ", " << threads() << " threads\n"
      << "type         n  dims   blur  scale  iter     value    seconds  processor       MB       exp/s\n";
  row<float>(results, "float32", 512, 2, 0.1, 0.7);
  row<float>(results, "float32", 512, 50, 0.1, 0.7);
  row<float>(results, "float32", 2000, 50, 0.05, 0.5);
  row<float>(results, "float32", 2000, 50, 0.1, 0.7);
  row<float>(results, "float32", 5000, 50, 0.05, 0.5);
  row<float>(results, "float32", 2000, 2, 0.05, 0.5);
  row<float>(results, "float32", 8000, 2, 0.05, 0.5);
  row<double>(results, "float64", 2000, 50, 0.05, 0.5);
  row<double>(results, "float64", 2000, 2, 0.05, 0.5);
  if (argc > 2) results.write(argv[2]);
}
