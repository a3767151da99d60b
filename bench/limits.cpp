// What this machine can do, for the ratios of the other benchmarks: floating-point peak in registers,
// LibTorch's product of matrices, exponentials, copies. bench/run.sh builds and runs it.
//   bench/out/limits [threads [results.json]]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "base/threads.hpp"
#include "measure.hpp"
#include "ot/tile.hpp"

using namespace fatefield;

namespace {

// Keeps what was computed from being left out.
std::atomic<float> sink{0.0f};

// The same work on each thread at once; the best of several rounds.
double seconds_on_all(const std::function<void()>& work) {
  const std::int64_t team = threads();
  return bench::best_of(7, [&] { parallel_for(team, [&](std::int64_t) { work(); }); }).seconds;
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
constexpr std::int64_t kRounds = 4000000;

template <int kBytes>
struct Fma {
  typedef float V __attribute__((vector_size(kBytes)));
  static constexpr double kFlop = 2.0 * 16 * (kBytes / 4) * kRounds;
};

__attribute__((target("avx512f,fma"))) void fma512() {
  Fma<64>::V a[16], b = Fma<64>::V{} + 0.999f, c = Fma<64>::V{} + 1e-3f;
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) a[k] = Fma<64>::V{} + static_cast<float>(k);
  for (std::int64_t i = 0; i < kRounds; ++i) {
#pragma GCC unroll 16
    for (int k = 0; k < 16; ++k) {
      a[k] = a[k] * b + c;
      asm volatile("" : "+v"(a[k]));
    }
  }
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) sink = sink + a[k][0];
}

__attribute__((target("avx2,fma"))) void fma256() {
  Fma<32>::V a[16], b = Fma<32>::V{} + 0.999f, c = Fma<32>::V{} + 1e-3f;
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) a[k] = Fma<32>::V{} + static_cast<float>(k);
  for (std::int64_t i = 0; i < kRounds; ++i) {
#pragma GCC unroll 16
    for (int k = 0; k < 16; ++k) {
      a[k] = a[k] * b + c;
      asm volatile("" : "+x"(a[k]));
    }
  }
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) sink = sink + a[k][0];
}

double register_peak() {
  if (__builtin_cpu_supports("avx512f")) return Fma<64>::kFlop * threads() / seconds_on_all(fma512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return Fma<32>::kFlop * threads() / seconds_on_all(fma256);
  return 0.0;
}
#else
double register_peak() { return 0.0; }
#endif

// Each thread has matrices of its own, as the package works, BLAS being held at one thread.
double product_peak(std::int64_t n) {
  const std::int64_t team = threads();
  std::vector<at::Tensor> a, b, c;
  for (std::int64_t t = 0; t < team; ++t) {
    a.push_back(at::rand({n, n}));
    b.push_back(at::rand({n, n}));
    c.push_back(at::empty({n, n}));
  }
  const double seconds = bench::best_of(7, [&] {
                           parallel_for(team, [&](std::int64_t t) { at::mm_out(c[t], a[t], b[t]); });
                         }).seconds;
  return 2.0 * static_cast<double>(n * n * n * team) / seconds;
}

double exponentials() {
  constexpr std::int64_t kRows = 64, kColumns = 2048, kTimes = 200;
  const double seconds = seconds_on_all([] {
    const Aligned<float> x(kRows, 0.1f), y(kColumns + 64, 0.2f), u(kRows, 0.0f), ones(kColumns, 1.0f);
    Aligned<float> columns(kColumns, 0.0f);
    std::vector<double> rows(kRows);
    ot::Tile<float> t{x.data(), kRows, 1,        y.data(), y.data(),    kColumns,   ot::Form::Dot,
                      -0.5f,    1e-8f, u.data(), y.data(), ones.data(), ones.data()};
    for (int k = 0; k < kTimes; ++k) ot::kernels<float>().sums(t, rows.data(), columns.data());
    sink = sink + static_cast<float>(rows[0]);
  });
  return static_cast<double>(kRows * kColumns * kTimes * threads()) / seconds;
}

double normals_made() {
  constexpr std::int64_t kRows = 20000, kColumns = 50;
  const double seconds = seconds_on_all([] {
    std::vector<float> z(kRows * kColumns);
    normals<float>(1, Stream::Noise, 0, kRows, 0, kColumns, z.data());
    sink = sink + z[0];
  });
  return static_cast<double>(kRows * kColumns * threads()) / seconds;
}

double copied() {
  constexpr std::size_t kBytes = std::size_t{256} << 20;
  std::vector<std::vector<char>> from(threads(), std::vector<char>(kBytes / threads(), 1)), to = from;
  const std::int64_t team = threads();
  const double seconds = bench::best_of(7, [&] {
                           parallel_for(team, [&](std::int64_t t) {
                             std::memcpy(to[t].data(), from[t].data(), from[t].size());
                           });
                         }).seconds;
  return static_cast<double>(kBytes) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  const ThreadScope scope(argc > 1 ? std::atoi(argv[1]) : available_cores());
  at::set_num_threads(1);
  bench::Results results("limits", threads());
  const char* core = std::getenv("OPENBLAS_CORETYPE");
  std::cout << threads() << " threads, OPENBLAS_CORETYPE " << (core == nullptr ? "not set" : core) << "\n";
  const auto show = [&](const std::string& name, double value, const std::string& unit) {
    std::cout << std::left << std::setw(44) << name << std::right << std::setw(10) << std::fixed
              << std::setprecision(2) << value / 1e9 << " " << unit << std::endl;
    results.add(name, value, unit);
  };
  show("float32 peak, in registers", register_peak(), "GFLOP/s");
  show("float32 product, LibTorch, 2048", product_peak(2048), "GFLOP/s");
  show("float32 product, LibTorch, 512", product_peak(512), "GFLOP/s");
  show("exponentials in sums over pairs", exponentials(), "G/s");
  show("normals", normals_made(), "G/s");
  show("copy", copied(), "GB/s");
  if (argc > 2) results.write(argv[2]);
}
