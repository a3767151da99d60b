// Takes counts by gene and sets of cells; gives moments of a gene. Each count is added to the sums of the
// cells whose sets hold its cell, in the order of the cells, so that genes seen in few cells take little
// time.
#include "velocity/estimate/moments.hpp"

#include <limits>
#include <utility>

namespace fatefield {
namespace {

// The gene's cells with any count, ascending: f(cell, spliced, unspliced).
template <typename F>
void each_cell(const SparseRows& spliced, const SparseRows& unspliced, std::int64_t g, F&& f) {
  constexpr std::int32_t kEnd = std::numeric_limits<std::int32_t>::max();
  std::int64_t a = spliced.start[g], b = unspliced.start[g];
  const std::int64_t a_end = spliced.start[g + 1], b_end = unspliced.start[g + 1];
  while (a < a_end || b < b_end) {
    const std::int32_t at_a = a < a_end ? spliced.index[a] : kEnd;
    const std::int32_t at_b = b < b_end ? unspliced.index[b] : kEnd;
    const double s = at_a <= at_b ? spliced.value[a++] : 0;
    const double u = at_b <= at_a ? unspliced.value[b++] : 0;
    f(at_a < at_b ? at_a : at_b, s, u);
  }
}

// Means over the sets of two numbers made of the counts of a cell; their sums lie beside each other, so that
// a holder costs one place in memory.
template <typename F>
void take_means(const SparseRows& spliced, const SparseRows& unspliced, const CellMeans& means,
                std::int64_t g, std::vector<double>& sums, std::vector<double>& first,
                std::vector<double>& second, F&& numbers) {
  const auto n = static_cast<std::size_t>(means.cells());
  sums.assign(2 * n, 0.0);
  each_cell(spliced, unspliced, g, [&](std::int32_t cell, double s, double u) {
    double a = 0, b = 0;
    numbers(s, u, a, b);
    std::int64_t count = 0;
    const std::int32_t* const holder = means.holders(cell, count);
    for (std::int64_t h = 0; h < count; ++h) {
      double* const to = sums.data() + 2 * static_cast<std::int64_t>(holder[h]);
      to[0] += a;
      to[1] += b;
    }
  });
  first.resize(n);
  second.resize(n);
  for (std::size_t c = 0; c < n; ++c) {
    const double share = means.share(static_cast<std::int64_t>(c));
    first[c] = sums[2 * c] * share;
    second[c] = sums[2 * c + 1] * share;
  }
}

}  // namespace

CellMeans::CellMeans(CellSets sets) : sets_(std::move(sets)), holders_(transposed(sets_)) {
  for (std::int64_t c = 0; c < sets_.size(); ++c)
    share_.push_back(1 / static_cast<double>(sets_.offset[c + 1] - sets_.offset[c]));
}

void CellMeans::of(const double* in, double* out) const {
  for (std::int64_t c = 0; c < cells(); ++c) {
    double sum = 0;
    for (std::int64_t at = sets_.offset[c]; at < sets_.offset[c + 1]; ++at) sum += in[sets_.index[at]];
    out[c] = sum * share_[c];
  }
}

Moments::Moments(const SparseRows& spliced, const SparseRows& unspliced, const CellMeans& means)
    : spliced_(spliced), unspliced_(unspliced), means_(means) {}

void Moments::take_first(MatrixView s, MatrixView u) {
  known_s_ = s;
  known_u_ = u;
}

void Moments::known_first(std::int64_t g, GeneMoments& out) const {
  out.s.resize(static_cast<std::size_t>(cells()));
  out.u.resize(out.s.size());
  for (std::int64_t c = 0; c < cells(); ++c) {
    out.s[c] = known_s_(g, c);
    out.u[c] = known_u_(g, c);
  }
}

void Moments::first(std::int64_t g, GeneMoments& out) const {
  if (known_s_.data != nullptr) return known_first(g, out);
  take_means(spliced_, unspliced_, means_, g, out.sums, out.s, out.u,
             [](double s, double u, double& a, double& b) {
               a = s;
               b = u;
             });
}

void Moments::second(std::int64_t g, GeneMoments& out) const {
  take_means(spliced_, unspliced_, means_, g, out.sums, out.ss, out.su,
             [](double s, double u, double& a, double& b) {
               a = s * s;
               b = s * u;
             });
}

}  // namespace fatefield
