// Takes the name of a device or a number of threads; gives what only LibTorch can tell: whether the device
// can be used, its version and file, the speed of its matrix product. All that base/ needs of LibTorch is
// here.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/sitrep.hpp"
#include "base/threads.hpp"

namespace fatefield {

CudaState cuda_state() {
  CudaState out;
  out.built = at::Context::hasCUDART();
  if (out.built) out.devices = static_cast<int>(at::getNumGPUs());
  return out;
}

void check_device(const std::string& device) {
  if (device == "cpu") return;
  if (device != "cuda") {
    throw input_error("device", "`device` is \"" + device + "\"; \"cpu\" or \"cuda\" is needed.");
  }
  const CudaState state = cuda_state();
  if (!state.built) {
    throw input_error(
        "device",
        "`device` is \"cuda\", but the LibTorch in use was built without CUDA; install fatefield "
        "with one that has it, or take \"cpu\".");
  }
  if (state.devices < 1) {
    throw input_error("device", "`device` is \"cuda\", but LibTorch sees no GPU; take \"cpu\".");
  }
}

TorchThreadScope::TorchThreadScope() : before_(at::get_num_threads()) { at::set_num_threads(1); }
TorchThreadScope::~TorchThreadScope() { at::set_num_threads(before_); }

LibraryInfo torch_library() {
  return {TORCH_VERSION, library_file(reinterpret_cast<const void*>(&at::get_num_threads))};
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
