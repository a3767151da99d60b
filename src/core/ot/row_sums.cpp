// Takes coefficients and rows; gives weighted sums of rows, or squared distances. A micro tile is a few
// results by 64 bytes of columns, held in registers while the rows go by.
#include "ot/row_sums.hpp"

#include <algorithm>

#include "base/processor.hpp"
#include "ot/blocks.hpp"

namespace fatefield {
namespace ot {
namespace {

enum class Term { Product, SquaredDifference };

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
struct Job {
  const T* coefficients;
  std::int64_t n_out;
  RowSpan<T> span;
  std::int64_t out_stride;
  T* out;
};

template <typename T, Term kTerm, int kSums>
static inline __attribute__((always_inline)) void micro_tile(const Job<T>& job, std::int64_t r,
                                                             std::int64_t i) {
  using V = typename Wide<T>::V;
  using Memory = typename Wide<T>::Memory;
  V sums[kSums] = {};
  for (std::int64_t k = 0; k < job.span.n_rows; ++k) {
    const V row = *reinterpret_cast<const Memory*>(job.span.rows + k * job.span.stride + i);
    for (int s = 0; s < kSums; ++s) {
      const T c = job.coefficients[(r + s) * job.span.n_rows + k];
      if (kTerm == Term::Product) {
        sums[s] += row * c;
      } else {
        const V gap = row - c;
        sums[s] += gap * gap;
      }
    }
  }
  T* out = job.out + r * job.out_stride + i - job.span.from;
  for (int s = 0; s < kSums; ++s) *reinterpret_cast<Memory*>(out + s * job.out_stride) = sums[s];
}

template <typename T, Term kTerm, int kSums>
static inline __attribute__((always_inline)) void all_tiles(const Job<T>& job) {
  for (std::int64_t i = job.span.from; i < job.span.to; i += lanes<T>()) {
    std::int64_t r = 0;
    for (; r + kSums <= job.n_out; r += kSums) micro_tile<T, kTerm, kSums>(job, r, i);
    for (; r < job.n_out; ++r) micro_tile<T, kTerm, 1>(job, r, i);
  }
}

template <typename T, Term kTerm>
void plain(const Job<T>& job) {
  all_tiles<T, kTerm, 2>(job);
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
template <typename T, Term kTerm>
__attribute__((target("avx2,fma"))) void avx2(const Job<T>& job) {
  all_tiles<T, kTerm, 4>(job);
}

template <typename T, Term kTerm>
__attribute__((target("avx512f"))) void avx512(const Job<T>& job) {
  all_tiles<T, kTerm, 8>(job);
}

template <typename T, Term kTerm>
auto choose() -> void (*)(const Job<T>&) {
  if (__builtin_cpu_supports("avx512f")) return &avx512<T, kTerm>;
  if (has_avx2()) return &avx2<T, kTerm>;
  return &plain<T, kTerm>;
}
#else
template <typename T, Term kTerm>
auto choose() -> void (*)(const Job<T>&) {
  return &plain<T, kTerm>;
}
#endif

template <typename T, Term kTerm>
void run(const Job<T>& job) {
  static void (*const version)(const Job<T>&) = choose<T, kTerm>();
  version(job);
}

}  // namespace

template <typename T>
void sum_rows(const T* coefficients, std::int64_t n_out, const RowSpan<T>& span, std::int64_t out_stride,
              T* out) {
  run<T, Term::Product>({coefficients, n_out, span, out_stride, out});
}

template <typename T>
void squared_distances(const T* points, std::int64_t n_out, const RowSpan<T>& span, std::int64_t out_stride,
                       T* out) {
  run<T, Term::SquaredDifference>({points, n_out, span, out_stride, out});
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

template void sum_rows(const float*, std::int64_t, const RowSpan<float>&, std::int64_t, float*);
template void sum_rows(const double*, std::int64_t, const RowSpan<double>&, std::int64_t, double*);
template void squared_distances(const float*, std::int64_t, const RowSpan<float>&, std::int64_t, float*);
template void squared_distances(const double*, std::int64_t, const RowSpan<double>&, std::int64_t, double*);
template Aligned<float> transposed(const float*, std::int64_t, std::int64_t, std::int64_t);
template Aligned<double> transposed(const double*, std::int64_t, std::int64_t, std::int64_t);

}  // namespace ot
}  // namespace fatefield
