// What products of matrices reach on this machine, for shares of it: LibTorch's, and our own kernel's in the
// cache. Gives FLOP/s.
#pragma once

#include <ATen/ATen.h>

#include "base/threads.hpp"
#include "measure.hpp"
#include "nets/dense_kernel.hpp"

namespace bench {

/// On LibTorch's threads.
inline double gemm_peak() {
  const at::Tensor a = at::randn({2048, 2048}), b = at::randn({2048, 2048});
  at::Tensor c = at::mm(a, b);
  return 2.0 * 2048.0 * 2048.0 * 2048.0 / best_of(5, [&] { at::mm_out(c, a, b); }).seconds;
}

/// The vector kernel on a panel that stays in the cache: what the processor can do, on all our threads.
inline double kernel_peak() {
  using namespace fatefield;
  const DenseKernels<float>& k = dense_kernels<float>();
  constexpr std::int64_t kRows = 256, kWide = 256;
  const std::int64_t ld = leading<float>(kWide);
  const Cost cost = best_of(5, [&] {
    parallel_for(threads(), [&](std::int64_t) {
      Aligned<float> a(static_cast<std::size_t>(kRows * ld), 1.0f), c(a);
      const Aligned<float> b(static_cast<std::size_t>(kWide * kWide), 1e-3f), zero(kWide, 0.0f);
      for (int r = 0; r < 200; ++r)
        k.product(kRows, kWide, kWide, a.data(), ld, b.data(), c.data(), ld, zero.data());
    });
  });
  return 200.0 * threads() * 2.0 * kRows * kWide * kWide / cost.seconds;
}

}  // namespace bench
