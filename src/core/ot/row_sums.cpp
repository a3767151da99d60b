// Takes coefficients and rows; gives weighted sums of rows. A micro tile is a few sums by 64 bytes of
// columns, held in registers while the rows go by.
#include "ot/row_sums.hpp"

#include <algorithm>

#include "ot/blocks.hpp"

namespace fatefield {
namespace ot {
namespace {

template <typename T>
struct Wide;
template <>
struct Wide<float> {
  typedef float V __attribute__((vector_size(64)));
  typedef float Memory __attribute__((vector_size(64), aligned(4), may_alias));
};
template <>
struct Wide<double> {
  typedef double V __attribute__((vector_size(64)));
  typedef double Memory __attribute__((vector_size(64), aligned(8), may_alias));
};

template <typename T>
struct Product {
  const T* coefficients;
  std::int64_t n_out, n_rows;
  const T* rows;
  std::int64_t stride, from, to;
  T* out;
};

template <typename T, int kSums>
static inline __attribute__((always_inline)) void micro_tile(const Product<T>& p, std::int64_t r,
                                                             std::int64_t i) {
  using V = typename Wide<T>::V;
  using Memory = typename Wide<T>::Memory;
  V sums[kSums] = {};
  for (std::int64_t k = 0; k < p.n_rows; ++k) {
    const V row = *reinterpret_cast<const Memory*>(p.rows + k * p.stride + i);
    for (int s = 0; s < kSums; ++s) sums[s] += row * p.coefficients[(r + s) * p.n_rows + k];
  }
  for (int s = 0; s < kSums; ++s) *reinterpret_cast<Memory*>(p.out + (r + s) * p.stride + i) = sums[s];
}

template <typename T, int kSums>
static inline __attribute__((always_inline)) void all_tiles(const Product<T>& p) {
  for (std::int64_t i = p.from; i < p.to; i += lanes<T>()) {
    std::int64_t r = 0;
    for (; r + kSums <= p.n_out; r += kSums) micro_tile<T, kSums>(p, r, i);
    for (; r < p.n_out; ++r) micro_tile<T, 1>(p, r, i);
  }
}

template <typename T>
void plain(const Product<T>& p) {
  all_tiles<T, 2>(p);
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
template <typename T>
__attribute__((target("avx2,fma"))) void avx2(const Product<T>& p) {
  all_tiles<T, 4>(p);
}

template <typename T>
__attribute__((target("avx512f"))) void avx512(const Product<T>& p) {
  all_tiles<T, 8>(p);
}

template <typename T>
auto choose() -> void (*)(const Product<T>&) {
  if (__builtin_cpu_supports("avx512f")) return &avx512<T>;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2<T>;
  return &plain<T>;
}
#else
template <typename T>
auto choose() -> void (*)(const Product<T>&) {
  return &plain<T>;
}
#endif

}  // namespace

template <typename T>
void sum_rows(const T* coefficients, std::int64_t n_out, std::int64_t n_rows, const T* rows,
              std::int64_t stride, std::int64_t from, std::int64_t to, T* out) {
  static void (*const version)(const Product<T>&) = choose<T>();
  version({coefficients, n_out, n_rows, rows, stride, from, to, out});
}

template <typename T>
Aligned<T> transposed(const T* points, std::int64_t n, std::int64_t dims, std::int64_t stride) {
  Aligned<T> out(static_cast<std::size_t>(dims * stride), T(0));
  for_blocks(n, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t k = 0; k < dims; ++k) {
      for (std::int64_t i = from; i < to; ++i) out[k * stride + i] = points[i * dims + k];
    }
  });
  return out;
}

template void sum_rows(const float*, std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t,
                       std::int64_t, float*);
template void sum_rows(const double*, std::int64_t, std::int64_t, const double*, std::int64_t, std::int64_t,
                       std::int64_t, double*);
template Aligned<float> transposed(const float*, std::int64_t, std::int64_t, std::int64_t);
template Aligned<double> transposed(const double*, std::int64_t, std::int64_t, std::int64_t);

}  // namespace ot
}  // namespace fatefield
