// Takes genes x cells and quantities of the cells; gives correlations with bootstrap intervals.
#include "analysis/gene_dynamics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/rng.hpp"
#include "base/sparse.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kGenes = 32;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Residuals below this share of the variance are rounding.
constexpr double kRounding = 1e-10;

// Each gene's cells that are not zero, in the order of their values.
struct SortedGenes {
  std::vector<std::int64_t> start;
  std::vector<std::int32_t> cell;
  std::vector<double> value;
};

SortedGenes sorted_genes(const CountsView& x) {
  SortedGenes out;
  out.start.assign(static_cast<std::size_t>(x.genes() + 1), 0);
  for (std::int64_t c = 0; c < x.cells(); ++c) x.each(c, [&](std::int64_t g, double) { ++out.start[g + 1]; });
  std::partial_sum(out.start.begin(), out.start.end(), out.start.begin());
  std::vector<std::pair<double, std::int32_t>> entries(static_cast<std::size_t>(out.start.back()));
  std::vector<std::int64_t> at(out.start.begin(), out.start.end() - 1);
  for (std::int64_t c = 0; c < x.cells(); ++c)
    x.each(c, [&](std::int64_t g, double v) { entries[at[g]++] = {v, static_cast<std::int32_t>(c)}; });
  parallel_for((x.genes() + kGenes - 1) / kGenes, [&](std::int64_t block) {
    for (std::int64_t g = block * kGenes; g < std::min(x.genes(), (block + 1) * kGenes); ++g)
      std::sort(entries.begin() + out.start[g], entries.begin() + out.start[g + 1]);
  });
  out.cell.reserve(entries.size());
  out.value.reserve(entries.size());
  for (const auto& e : entries) {
    out.value.push_back(e.first);
    out.cell.push_back(e.second);
  }
  return out;
}

// What one bootstrap sample makes of the quantities: for each cell its weight w and, times w, the quantities,
// their ranks, their residuals, and the orthonormal basis of the covariates.
struct Sample {
  std::int64_t quantities = 0, basis = 0, width = 0;
  double total = 0;
  std::vector<double> record;  ///< cells x width, rows
  std::vector<double> sum, squares, rank_sum, rank_squares, residual_squares;

  const double* row(std::int64_t cell) const { return record.data() + cell * width; }
};

// Ranks of values in `order` when each cell stands for weight[cell] cells; ties share their mean.
void weighted_ranks(const double* value, const std::vector<std::int32_t>& order,
                    const std::vector<double>& weight, std::vector<double>& rank) {
  double before = 0;
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    double tied = 0;
    // A value that is not equal to itself is a tie of its own.
    do {
      tied += weight[order[end++]];
    } while (end < order.size() && value[order[end]] == value[order[i]]);
    for (; i < end; ++i) rank[order[i]] = before + (tied + 1) / 2;
    before += tied;
  }
}

// Takes its mean from a column.
void centre(Matrix& x, std::int64_t column) {
  double* from = x.values.data() + column * x.rows;
  const double middle = mean(from, x.rows);
  for (std::int64_t i = 0; i < x.rows; ++i) from[i] -= middle;
}

Matrix rows_scaled(const std::vector<double>& factor, const Matrix& x) {
  Matrix out(x.rows, x.cols);
  for (std::int64_t j = 0; j < x.cols; ++j)
    for (std::int64_t i = 0; i < x.rows; ++i) out(i, j) = factor[i] * x(i, j);
  return out;
}

class Sampler {
 public:
  explicit Sampler(const GeneDynamicsRequest& r) : r_(r), n_(r.quantities.rows) {
    for (std::int64_t q = 0; q < r.quantities.cols; ++q) {
      const double* y = r.quantities.data + q * n_;
      std::vector<std::int32_t> order(static_cast<std::size_t>(n_));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [y](std::int32_t a, std::int32_t b) { return y[a] < y[b]; });
      order_.push_back(std::move(order));
    }
    design_ = Matrix(n_, 1 + r.covariates.cols);
    std::fill_n(design_.values.begin(), n_, 1.0);
    for (std::int64_t j = 0; j < r.covariates.cols; ++j)
      for (std::int64_t i = 0; i < n_; ++i) design_(i, j + 1) = r.covariates(i, j);
    // Covariates of very different size would hide each other from the rank.
    for (std::int64_t j = 1; j < design_.cols; ++j) {
      centre(design_, j);
      double* column = design_.values.data() + j * n_;
      const double length = std::sqrt(squared_norm(column, n_));
      if (!(length > 0)) continue;
      const double stretch = std::sqrt(static_cast<double>(n_)) / length;
      for (std::int64_t i = 0; i < n_; ++i) column[i] *= stretch;
    }
    y_ = row_block(r.quantities, 0, n_);
    for (std::int64_t q = 0; q < y_.cols; ++q) centre(y_, q);
  }

  /// Weights of the cells in one sample; -1 is the data themselves.
  std::vector<double> weights(std::int64_t sample) const {
    if (sample < 0) return std::vector<double>(static_cast<std::size_t>(n_), 1.0);
    std::vector<double> drawn(static_cast<std::size_t>(r_.blocks), 0.0), out(static_cast<std::size_t>(n_));
    for (std::int64_t i = 0; i < r_.blocks; ++i)
      drawn[uniform_index(r_.seed, Stream::Bootstrap, i, sample, r_.blocks)] += 1;
    for (std::int64_t c = 0; c < n_; ++c) out[c] = drawn[r_.block[c]];
    return out;
  }

  Sample sample(std::int64_t number) const {
    const std::vector<double> w = weights(number);
    std::vector<double> root = w;
    for (double& v : root) v = std::sqrt(v);
    const Matrix basis = column_basis(rows_scaled(root, design_));
    Matrix residual = rows_scaled(root, y_);
    subtract_product(basis, transposed_product(basis, residual), residual);
    Sample out;
    out.quantities = y_.cols;
    out.basis = basis.cols;
    out.width = 1 + 3 * out.quantities + out.basis;
    out.total = sum(w.data(), n_);
    out.record.resize(static_cast<std::size_t>(n_ * out.width));
    std::vector<double> rank(static_cast<std::size_t>(n_));
    for (std::int64_t c = 0; c < n_; ++c) {
      double* row = out.record.data() + c * out.width;
      row[0] = w[c];
      for (std::int64_t b = 0; b < out.basis; ++b) row[1 + 3 * out.quantities + b] = root[c] * basis(c, b);
    }
    for (std::int64_t q = 0; q < out.quantities; ++q) {
      weighted_ranks(r_.quantities.data + q * n_, order_[q], w, rank);
      double sums[4] = {};
      for (std::int64_t c = 0; c < n_; ++c) {
        double* row = out.record.data() + c * out.width + 1 + 3 * q;
        const double y = y_(c, q), ranked = rank[c] - out.total / 2;
        row[0] = w[c] * y;
        row[1] = w[c] * ranked;
        row[2] = root[c] * residual(c, q);
        sums[0] += row[0];
        sums[1] += row[0] * y;
        sums[2] += row[1];
        sums[3] += row[1] * ranked;
      }
      out.sum.push_back(sums[0]);
      out.squares.push_back(sums[1]);
      out.rank_sum.push_back(sums[2]);
      out.rank_squares.push_back(sums[3]);
      const double left = squared_norm(residual.values.data() + q * n_, n_);
      out.residual_squares.push_back(left > kRounding * sums[1] ? left : 0.0);
    }
    return out;
  }

 private:
  const GeneDynamicsRequest& r_;
  std::int64_t n_;
  std::vector<std::vector<std::int32_t>> order_;
  Matrix design_, y_;
};

double ratio(double xy, double xx, double yy, double floor_xx) {
  if (!(xx > floor_xx) || !(yy > 0)) return kNaN;
  return std::max(-1.0, std::min(1.0, xy / std::sqrt(xx * yy)));
}

// Correlations of one gene in one sample; `out`: pearson, spearman, partial of each quantity in turn.
void correlate(const SortedGenes& genes, std::int64_t gene, const Sample& s, std::vector<double>& sums,
               double* out) {
  const std::int64_t first = genes.start[gene], last = genes.start[gene + 1];
  const std::int64_t width = s.width, quantities = s.quantities;
  sums.assign(static_cast<std::size_t>(2 * width), 0.0);
  double* value_sums = sums.data();
  double* rank_sums = sums.data() + width;
  double squares = 0, rank_squares = 0, stored = 0, below = 0;
  for (std::int64_t e = first; e < last; ++e) {
    const double w = s.row(genes.cell[e])[0];
    stored += w;
    if (genes.value[e] < 0) below += w;
  }
  // Cells at zero are one tie; ranks are counted from theirs.
  const double zeros = s.total - stored, zero_rank = below + (zeros + 1) / 2;
  double before = 0;
  for (std::int64_t e = first; e < last;) {
    const double value = genes.value[e];
    std::int64_t end = e;
    double tied = 0;
    do {
      tied += s.row(genes.cell[end++])[0];
    } while (end < last && genes.value[end] == value);
    const double rank = before + (value > 0 ? zeros : 0.0) + (tied + 1) / 2 - zero_rank;
    before += tied;
    for (; e < end; ++e) {
      const double* row = s.row(genes.cell[e]);
      if (row[0] == 0) continue;
      squares += row[0] * value * value;
      rank_squares += row[0] * rank * rank;
      rank_sums[0] += row[0] * rank;
      for (std::int64_t k = 0; k < width; ++k) value_sums[k] += value * row[k];
      for (std::int64_t q = 0; q < quantities; ++q) rank_sums[1 + q] += rank * row[2 + 3 * q];
    }
  }
  double explained = 0;
  for (std::int64_t b = 0; b < s.basis; ++b) {
    const double c = value_sums[1 + 3 * quantities + b];
    explained += c * c;
  }
  const double n = s.total, mean = value_sums[0] / n, rank_mean = rank_sums[0] / n;
  const double spread = squares - n * mean * mean, rank_spread = rank_squares - n * rank_mean * rank_mean;
  for (std::int64_t q = 0; q < quantities; ++q) {
    const double y_spread = s.squares[q] - s.sum[q] * s.sum[q] / n;
    const double y_rank_spread = s.rank_squares[q] - s.rank_sum[q] * s.rank_sum[q] / n;
    out[3 * q] = ratio(value_sums[1 + 3 * q] - mean * s.sum[q], spread, y_spread, kRounding * squares);
    out[3 * q + 1] = ratio(rank_sums[1 + q] - rank_mean * s.rank_sum[q], rank_spread, y_rank_spread,
                           kRounding * rank_squares);
    out[3 * q + 2] =
        ratio(value_sums[3 + 3 * q], squares - explained, s.residual_squares[q], kRounding * squares);
  }
}

void check(const GeneDynamicsRequest& r) {
  const std::int64_t n = r.quantities.rows;
  if (r.genes->cells() != n || (r.covariates.cols > 0 && r.covariates.rows != n) ||
      static_cast<std::int64_t>(r.block.size()) != n)
    throw input_error("object", "Genes, quantities, covariates and blocks must be of the same cells.");
  if (n < 3) throw input_error("object", "There are " + std::to_string(n) + " cells; at least 3 are needed.");
  if (r.n_boot < 0) throw input_error("n.boot", "`n.boot` must be at least 0.");
  const auto finite = [](const MatrixView& x) {
    return std::all_of(x.data, x.data + x.rows * x.cols, [](double v) { return std::isfinite(v); });
  };
  if (!finite(r.quantities)) throw input_error("quantities", "`quantities` must be finite.");
  if (!finite(r.covariates)) throw input_error("adjust", "`adjust` must be finite.");
  for (const std::int32_t b : r.block)
    if (b < 0 || b >= r.blocks) throw input_error("block", "`block`: a cell is in no block.");
}

// Quantiles and spread of the samples that have a value. `values`: one for each sample.
void summarise(std::vector<double>& values, double level, double* low, double* high, double* se) {
  values.erase(std::remove_if(values.begin(), values.end(), [](double v) { return std::isnan(v); }),
               values.end());
  *low = *high = *se = kNaN;
  if (values.size() < 2) return;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto i = static_cast<std::size_t>(place);
    const double rest = place - static_cast<double>(i);
    return i + 1 < values.size() ? values[i] + rest * (values[i + 1] - values[i]) : values[i];
  };
  *low = at((1 - level) / 2);
  *high = at((1 + level) / 2);
  double mean = 0, squares = 0;
  const auto z = [](double v) { return std::atanh(std::max(-1 + 1e-12, std::min(1 - 1e-12, v))); };
  for (const double v : values) mean += z(v) / static_cast<double>(values.size());
  for (const double v : values) squares += (z(v) - mean) * (z(v) - mean);
  *se = std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace

GeneDynamics gene_dynamics(const GeneDynamicsRequest& request, const BootTick& tick) {
  check(request);
  const OneEigenThread one;
  const std::int64_t genes = request.genes->genes(), quantities = request.quantities.cols,
                     each = 3 * quantities;
  const std::int64_t samples = request.n_boot;
  const SortedGenes sorted = sorted_genes(*request.genes);
  const Sampler sampler(request);
  std::vector<double> estimate(static_cast<std::size_t>(genes * each));
  // Single precision: quantiles need no more, and these are the most of the memory.
  std::vector<float> drawn(static_cast<std::size_t>(genes * each * samples));
  const std::int64_t blocks = (genes + kGenes - 1) / kGenes;
  for (std::int64_t b = -1; b < samples; ++b) {
    const Sample s = sampler.sample(b);
    parallel_for(blocks, [&](std::int64_t block) {
      std::vector<double> sums, found(static_cast<std::size_t>(each));
      for (std::int64_t g = block * kGenes; g < std::min(genes, (block + 1) * kGenes); ++g) {
        correlate(sorted, g, s, sums, found.data());
        for (std::int64_t k = 0; k < each; ++k) {
          if (b < 0) {
            estimate[g * each + k] = found[k];
          } else {
            drawn[(g * each + k) * samples + b] = static_cast<float>(found[k]);
          }
        }
      }
    });
    if (!tick(b + 1)) throw Interrupted();
  }
  GeneDynamics out;
  Correlations* parts[3] = {&out.pearson, &out.spearman, &out.partial};
  for (Correlations* part : parts)
    for (Matrix* m : {&part->estimate, &part->low, &part->high, &part->se}) *m = Matrix(genes, quantities);
  out.detected.resize(static_cast<std::size_t>(genes));
  parallel_for(blocks, [&](std::int64_t block) {
    std::vector<double> values;
    for (std::int64_t g = block * kGenes; g < std::min(genes, (block + 1) * kGenes); ++g) {
      out.detected[g] = static_cast<double>(sorted.start[g + 1] - sorted.start[g]) /
                        static_cast<double>(request.quantities.rows);
      for (std::int64_t k = 0; k < each; ++k) {
        const float* from = drawn.data() + (g * each + k) * samples;
        values.assign(from, from + samples);
        Correlations& part = *parts[k % 3];
        part.estimate(g, k / 3) = estimate[g * each + k];
        summarise(values, request.level, &part.low(g, k / 3), &part.high(g, k / 3), &part.se(g, k / 3));
      }
    }
  });
  return out;
}

}  // namespace fatefield
