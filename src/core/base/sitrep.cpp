// Takes nothing; gives versions and paths of the libraries in use, and the measured speed of the matrix
// product.
#include "base/sitrep.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include <dlfcn.h>

#ifdef WITH_HDF5
#include <hdf5.h>
#endif

#include "base/threads.hpp"

namespace fatefield {
namespace {

// Links are followed: Debian's libblas.so.3 is one to the library chosen.
std::string file_of(const void* symbol) {
  Dl_info info;
  if (symbol == nullptr || dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return "";
  char* const whole = realpath(info.dli_fname, nullptr);
  const std::string path = whole == nullptr ? info.dli_fname : whole;
  std::free(whole);
  return path;
}

template <typename F>
const void* address(F* function) {
  return reinterpret_cast<const void*>(function);
}

template <typename F>
F found(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace

LibraryInfo torch_library() { return {TORCH_VERSION, file_of(address(&at::get_num_threads))}; }

LibraryInfo hdf5_library() {
#ifdef WITH_HDF5
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return {std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release),
          file_of(address(&H5get_libversion))};
#else
  return {};
#endif
}

LibraryInfo blas_library() {
  const auto config = found<char* (*)()>("openblas_get_config");
  return {config == nullptr ? "" : config(), file_of(dlsym(RTLD_DEFAULT, "sgemm_"))};
}

std::string blas_threading() {
  const auto parallel = found<int (*)()>("openblas_get_parallel");
  if (parallel == nullptr) return "";
  static const char* const names[] = {"serial", "pthreads", "openmp"};
  const int kind = parallel();
  return kind >= 0 && kind <= 2 ? names[kind] : "";
}

double sgemm_gflops(int threads) {
  const std::int64_t n = 512;
  const ThreadScope scope(threads);
  const at::Tensor a = at::full({n, n}, 0.5f), b = at::full({n, n}, 0.25f);
  const auto product = [&] {
    parallel_for(threads, [&](std::int64_t block) {
      const std::int64_t from = block * n / threads, to = (block + 1) * n / threads;
      at::mm(a.slice(0, from, to), b);
    });
  };
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  product();
  const auto start = Clock::now();
  double best = 1e9;
  for (int run = 0; run < 3 || seconds_since(start) < 0.2; ++run) {
    const auto begin = Clock::now();
    product();
    best = std::min(best, seconds_since(begin));
  }
  return 2.0 * n * n * n / best * 1e-9;
}

}  // namespace fatefield
