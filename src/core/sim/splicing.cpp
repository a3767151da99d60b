// Takes numbers of cells and genes; gives their kinetics and sparse counts, cells in blocks.
#include "sim/splicing.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "sim/counts.hpp"
#include "sim/differentiation.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kBlock = 256;
constexpr double kRateSpread = 1.0, kTurnoverSpread = 0.4, kTurnover = 0.3;

// Draws of genes and of cells are named apart from those of counts.
constexpr std::uint64_t kGenes = 1ULL << 62, kCells = 2ULL << 62;

struct Block {
  std::vector<std::int64_t> stored_s, stored_u;  // per cell
  SparseRows spliced, unspliced;
};

void draw_count(double mean, std::int64_t gene, Uniforms& u, SparseRows& out) {
  const double count = draw_poisson(mean, u);
  if (count == 0) return;
  out.index.push_back(static_cast<std::int32_t>(gene));
  out.value.push_back(count);
}

Block draw_block(const SplicedCells& x, std::int64_t first, std::int64_t last, std::uint64_t seed) {
  Block out;
  const auto genes = static_cast<std::int64_t>(x.alpha.size());
  for (std::int64_t c = first; c < last; ++c) {
    Uniforms u(seed, static_cast<std::uint64_t>(c));
    for (std::int64_t g = 0; g < genes; ++g) {
      double mean_u = 0, mean_s = 0;
      splicing_state(x, g, x.time[c], mean_u, mean_s);
      draw_count(mean_s * x.library[c], g, u, out.spliced);
      draw_count(mean_u * x.library[c], g, u, out.unspliced);
    }
    out.stored_s.push_back(out.spliced.stored());
    out.stored_u.push_back(out.unspliced.stored());
  }
  return out;
}

void append(SparseRows& to, const SparseRows& from, const std::vector<std::int64_t>& stored) {
  const std::int64_t before = to.stored();
  to.index.insert(to.index.end(), from.index.begin(), from.index.end());
  to.value.insert(to.value.end(), from.value.begin(), from.value.end());
  for (std::int64_t count : stored) to.start.push_back(before + count);
}

}  // namespace

void splicing_state(const SplicedCells& x, std::int64_t g, double time, double& u, double& s) {
  u = s = 0;
  splice(x.alpha[g], x.beta[g], x.gamma[g], std::min(time, x.switched[g]), u, s);
  if (time > x.switched[g]) splice(0, x.beta[g], x.gamma[g], time - x.switched[g], u, s);
}

SplicedCells simulate_splicing(const SplicingDesign& design, std::uint64_t seed) {
  if (design.n_cells < 1) throw input_error("n.cells", "`n.cells` must be at least 1.");
  if (design.n_genes < 1) throw input_error("n.genes", "`n.genes` must be at least 1.");
  SplicedCells out;
  for (std::int64_t g = 0; g < design.n_genes; ++g) {
    Uniforms u(seed, kGenes + static_cast<std::uint64_t>(g));
    out.alpha.push_back(design.rate * std::exp(kRateSpread * u.normal()));
    out.beta.push_back(kTurnover * std::exp(kTurnoverSpread * u.normal()));
    out.gamma.push_back(kTurnover * std::exp(kTurnoverSpread * u.normal()));
    out.switched.push_back(design.span * (0.1 + 0.9 * u.next()));
  }
  for (std::int64_t c = 0; c < design.n_cells; ++c) {
    Uniforms u(seed, kCells + static_cast<std::uint64_t>(c));
    out.time.push_back(design.span * u.next());
    out.library.push_back(std::exp(design.library_spread * u.normal()));
  }
  std::vector<Block> blocks(static_cast<std::size_t>((design.n_cells + kBlock - 1) / kBlock));
  parallel_for(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t b) {
    blocks[b] = draw_block(out, b * kBlock, std::min(design.n_cells, (b + 1) * kBlock), seed);
  });
  for (SparseRows* x : {&out.spliced, &out.unspliced}) {
    x->rows = design.n_cells;
    x->cols = design.n_genes;
    x->start.push_back(0);
  }
  for (Block& block : blocks) {
    append(out.spliced, block.spliced, block.stored_s);
    append(out.unspliced, block.unspliced, block.stored_u);
    block = {};
  }
  return out;
}

}  // namespace fatefield
