// Loom files, as velocyto and other counters of spliced and unspliced molecules write them, by the format's
// documentation (loompy, "Loom file format specs", versions 1 to 3). Genes are rows and cells are columns.
// Everything is checked before it is used: what is wrong is an error of kind File with the path in the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "base/sparse.hpp"
#include "io/h5ad.hpp"

namespace fatefield {

/// What is known of each gene, or of each cell.
struct LoomAttributes {
  /// One value for each gene or cell.
  std::vector<H5adColumn> columns;
  /// Names of those with several numbers for each, such as embeddings.
  std::vector<std::string> matrices;
  /// Names of those of a kind that no vector can hold; they were passed over.
  std::vector<std::string> skipped;
};

/// An open file. Built without HDF5, opening one is the error that says so.
class Loom {
 public:
  /// @param file     path
  /// @param argument the user's name of the file, for errors
  Loom(const std::string& file, const std::string& argument);
  ~Loom();
  Loom(Loom&&) noexcept;

  std::int64_t genes() const;
  std::int64_t cells() const;
  /// Whether there is a main matrix beside the layers.
  bool has_matrix() const;
  /// Names of the layers, sorted.
  std::vector<std::string> layers() const;
  /// Of the genes, or of the cells.
  LoomAttributes attributes(bool of_genes) const;

  /// A matrix, "matrix" or "layers/<name>": genes x cells by gene, values other than 0.
  SparseRows read(const std::string& path) const;
  /// An attribute of the cells with several numbers for each: cells x numbers.
  Matrix cell_matrix(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fatefield
