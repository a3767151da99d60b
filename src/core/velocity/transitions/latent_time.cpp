// Takes the times of cells by genes; counts them from roots and finds the time they share.
#include "velocity/transitions/latent_time.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/threads.hpp"
#include "velocity/dynamical/gene.hpp"

namespace fatefield {
namespace {

// Scores of roots are at least this.
constexpr double kRoot = 1 - 1e-3;
// Fewer genes share no time.
constexpr std::int64_t kFewest = 2;
constexpr std::array<double, 5> kQuantiles = {0.15, 0.20, 0.25, 0.30, 0.35};
constexpr std::size_t kTaken = 2;

std::vector<std::int64_t> telling_genes(MatrixView t, const std::vector<double>& likelihood,
                                        const std::vector<double>& r2, const LatentTimeOptions& o) {
  std::vector<char> tells(static_cast<std::size_t>(t.rows));
  for (std::int64_t g = 0; g < t.rows; ++g) tells[g] = likelihood[g] >= o.min_likelihood && r2[g] > o.min_r2;
  for (std::int64_t c = 0; c < t.cols; ++c)
    for (std::int64_t g = 0; g < t.rows; ++g) tells[g] = tells[g] && std::isfinite(t(g, c));
  std::vector<std::int64_t> out;
  for (std::int64_t g = 0; g < t.rows; ++g)
    if (tells[g]) out.push_back(g);
  return out;
}

Matrix rows_of(MatrixView t, const std::vector<std::int64_t>& rows) {
  Matrix out(static_cast<std::int64_t>(rows.size()), t.cols);
  for (std::int64_t c = 0; c < t.cols; ++c)
    for (std::size_t k = 0; k < rows.size(); ++k) out(static_cast<std::int64_t>(k), c) = t(rows[k], c);
  return out;
}

// Cells that are at the beginning of one gene can be at the end of another, in all but those of least total
// time.
std::vector<std::int64_t> roots_of(const Matrix& t, const std::vector<char>& possible, std::int64_t most) {
  std::vector<double> total(static_cast<std::size_t>(t.cols), 0.0);
  for (std::int64_t c = 0; c < t.cols; ++c)
    for (std::int64_t g = 0; g < t.rows; ++g) total[c] += t(g, c);
  std::vector<std::int64_t> order(total.size());
  std::iota(order.begin(), order.end(), std::int64_t(0));
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return total[a] < total[b]; });
  std::vector<std::int64_t> out;
  for (const std::int64_t c : order)
    if (possible[c]) out.push_back(c);
  if (out.empty()) out = order;
  out.resize(std::min(out.size(), static_cast<std::size_t>(most)));
  return out;
}

// Cells of high scores, or those around a given one.
std::vector<char> possible_roots(const std::vector<double>& score, std::int64_t root, const CellSets& sets) {
  std::vector<char> out(score.size(), 0);
  for (std::size_t c = 0; root < 0 && c < score.size(); ++c) out[c] = score[c] > kRoot;
  if (root < 0) return out;
  for (std::int64_t e = sets.offset[root]; e < sets.offset[root + 1]; ++e) out[sets.index[e]] = 1;
  return out;
}

// Counts times from one cell: what is before it comes after the last.
void count_from(Matrix& t, std::int64_t root) {
  std::vector<double> zero(static_cast<std::size_t>(t.rows)), last(zero.size(), 0.0);
  for (std::int64_t g = 0; g < t.rows; ++g) zero[g] = t(g, root);
  for (std::int64_t c = 0; c < t.cols; ++c)
    for (std::int64_t g = 0; g < t.rows; ++g) last[g] = std::max(last[g], t(g, c) - zero[g]);
  parallel_for(t.cols, [&](std::int64_t c) {
    for (std::int64_t g = 0; g < t.rows; ++g) t(g, c) += t(g, c) >= zero[g] ? -zero[g] : last[g];
  });
}

// Squared distance of the sorted values from an even row of numbers from 0 to 1.
double unevenness(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  const double step = x.size() > 1 ? 1 / static_cast<double>(x.size() - 1) : 0;
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(x[i] - static_cast<double>(i) * step, 2);
  return sum;
}

void divide_by_largest(std::vector<double>& x) {
  const double most = *std::max_element(x.begin(), x.end());
  if (most == 0) return;
  for (double& v : x) v /= most;
}

std::vector<double> shared_time(const Matrix& t) {
  const auto cells = static_cast<std::size_t>(t.cols);
  std::array<std::vector<double>, kQuantiles.size()> at;
  for (std::vector<double>& x : at) x.resize(cells);
  parallel_for(t.cols, [&](std::int64_t c) {
    const double* const column = t.values.data() + c * t.rows;
    const std::vector<double> genes(column, column + t.rows);
    for (std::size_t q = 0; q < at.size(); ++q) at[q][c] = quantile(genes, kQuantiles[q]);
  });
  std::array<double, kQuantiles.size()> uneven{};
  std::array<std::size_t, kQuantiles.size()> order{};
  for (std::size_t q = 0; q < at.size(); ++q) {
    divide_by_largest(at[q]);
    uneven[q] = unevenness(at[q]);
    order[q] = q;
  }
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return uneven[a] < uneven[b]; });
  std::vector<double> out(cells, 0.0);
  for (std::size_t k = 0; k < kTaken; ++k)
    for (std::size_t c = 0; c < cells; ++c) out[c] += at[order[k]][c];
  divide_by_largest(out);
  return out;
}

void to_unit_range(std::vector<double>& x) {
  const auto range = std::minmax_element(x.begin(), x.end());
  const double low = *range.first, width = *range.second - low;
  for (double& v : x) v = width > 0 ? (v - low) / width : 0.0;
}

// Means over each cell's set, of the cells that agree with their own; of all where none of a set does.
std::vector<double> smoothed(const std::vector<double>& time, const CellSets& sets, double least) {
  const CellAverages averages(sets);
  const std::vector<double> around = averages.of(time);
  double product = 0, square = 0, most = 0;
  for (std::size_t c = 0; c < time.size(); ++c) {
    product += time[c] * around[c];
    square += around[c] * around[c];
    most = std::max(most, time[c]);
  }
  if (!(square > 0)) return around;
  const double slope = product / square;
  std::vector<double> out(time.size());
  const auto agrees = [&](std::int64_t c) {
    const double off = std::abs(time[c] - slope * around[c]) / most;
    return (1 - off) * (1 - off) >= least;
  };
  for (std::size_t i = 0; i < time.size(); ++i) {
    double sum = 0, weight = 0;
    averages.each(static_cast<std::int64_t>(i), [&](std::int64_t j, double share) {
      if (!agrees(j)) return;
      sum += share * time[j];
      weight += share;
    });
    out[i] = weight > 0 ? sum / weight : around[i];
  }
  return out;
}

}  // namespace

void check_options(const LatentTimeOptions& o) {
  if (!(o.min_likelihood >= 0)) throw input_error("min.likelihood", "`min.likelihood` must be at least 0.");
  if (o.roots < 1) throw input_error("roots", "`roots` must be at least 1.");
  if (!(o.min_agreement >= 0 && o.min_agreement <= 1))
    throw input_error("min.agreement", "`min.agreement` must be between 0 and 1.");
}

LatentTime latent_time(MatrixView t, const std::vector<double>& likelihood, const std::vector<double>& r2,
                       const std::vector<double>& root_score, std::int64_t root, const CellSets& sets,
                       const LatentTimeOptions& options) {
  check_options(options);
  const std::vector<std::int64_t> genes = telling_genes(t, likelihood, r2, options);
  LatentTime out;
  out.genes = static_cast<std::int64_t>(genes.size());
  if (out.genes < kFewest || t.cols == 0) return out;
  Matrix rooted = rows_of(t, genes);
  out.root = roots_of(rooted, possible_roots(root_score, root, sets), options.roots);
  out.time.assign(static_cast<std::size_t>(t.cols), 0.0);
  for (const std::int64_t r : out.root) {
    count_from(rooted, r);
    const std::vector<double> time = shared_time(rooted);
    for (std::size_t c = 0; c < time.size(); ++c)
      out.time[c] += time[c] / static_cast<double>(out.root.size());
  }
  to_unit_range(out.time);
  out.time = smoothed(out.time, sets, options.min_agreement);
  to_unit_range(out.time);
  return out;
}

}  // namespace fatefield
