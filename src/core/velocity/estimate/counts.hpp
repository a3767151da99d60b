// Counts of genes in cells as R keeps them, read in place, and copies of chosen genes turned so that
// each gene's cells lie together. Takes genes x cells, compressed by cell or dense. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

/// A matrix of genes x cells that somebody else owns: compressed columns (R's dgCMatrix) or dense.
class CountsView {
 public:
  /// Compressed columns: cell c has the genes i[p[c]] .. i[p[c + 1] - 1], ascending, and their values x.
  CountsView(std::int64_t genes, std::int64_t cells, const int* p, const int* i, const double* x)
      : genes_(genes), cells_(cells), p_(p), i_(i), x_(x) {}
  /// Dense. @param dense genes x cells
  explicit CountsView(MatrixView dense) : genes_(dense.rows), cells_(dense.cols), x_(dense.data) {}

  std::int64_t genes() const { return genes_; }
  std::int64_t cells() const { return cells_; }

  /// f(gene, value) for each gene of the cell that is not 0, ascending.
  template <typename F>
  void each(std::int64_t cell, F&& f) const {
    if (p_ == nullptr) {
      const double* column = x_ + cell * genes_;
      for (std::int64_t g = 0; g < genes_; ++g)
        if (column[g] != 0) f(g, column[g]);
      return;
    }
    for (int at = p_[cell]; at < p_[cell + 1]; ++at)
      if (x_[at] != 0) f(static_cast<std::int64_t>(i_[at]), x_[at]);
  }

  /// Errors of kind Input name `argument`: an index out of bounds or not ascending, a value that is negative
  /// or not finite.
  void check(const std::string& argument) const;

 private:
  std::int64_t genes_, cells_;
  const int* p_ = nullptr;
  const int* i_ = nullptr;
  const double* x_ = nullptr;
};

/// What the values of a matrix seem to be.
struct CountsKind {
  bool whole = true;        ///< all are whole numbers
  bool first_whole = true;  ///< those of the first five cells are, to 0.001
  bool logged = false;      ///< logarithms of one plus scaled whole numbers
};

CountsKind kind_of(const CountsView& x);

/// Sums of each cell over all genes.
std::vector<double> cell_totals(const CountsView& x);

/// Spliced and unspliced molecules of each gene, the cells with any, and the molecules and cells where both
/// are seen.
struct GeneTotals {
  std::vector<double> spliced, unspliced, spliced_cells, unspliced_cells, shared, shared_cells;
};

/// @param spliced, unspliced of the same genes and cells
GeneTotals gene_totals(const CountsView& spliced, const CountsView& unspliced);

/// Chosen genes of a matrix, divided by the sizes of the cells: rows are genes, columns cells.
/// @param genes which genes, in the order wanted
/// @param size  one per cell: values are divided by it
SparseRows by_gene(const CountsView& x, const std::vector<std::int64_t>& genes,
                   const std::vector<double>& size);

/// ln(1 + x) of chosen genes, divided by the sizes of the cells before: rows are cells, columns genes.
SparseRows logs_by_cell(const CountsView& x, const std::vector<std::int64_t>& genes,
                        const std::vector<double>& size);

}  // namespace fatefield
