// AnnData files (.h5ad), anndata 0.6 to 0.12, by the on-disk format of anndata's documentation ("On-disk
// format"). Cells are `obs`, features (genes) are `var`. Matrices come out as features x cells, the way R
// keeps them, so that the usual row-compressed matrix of cells is read without being moved. Everything is
// checked before it is used: what is wrong is an error of kind File with the path in the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fatefield {

/// One column of a table: one value per row.
struct H5adColumn {
  enum class Kind {
    Integer,   // `numbers`, all whole and below 2^31 in size
    Number,    // `numbers`
    Boolean,   // `numbers`, 0 or 1
    Text,      // `texts`
    Category,  // `numbers` count from 0 into the levels `texts`
  };
  std::string name;
  Kind kind = Kind::Number;
  std::vector<double> numbers;
  std::vector<std::string> texts;
  /// 1 where the value is missing; empty where none is.
  std::vector<char> missing;
  /// Whether the levels have an order.
  bool ordered = false;
};

/// A data frame: names of the rows and columns in their order.
struct H5adTable {
  std::vector<std::string> index;
  std::vector<H5adColumn> columns;
  /// Names of columns of a kind that no vector can hold; they were passed over.
  std::vector<std::string> skipped;
};

/// What lies at a path.
enum class H5adKind { None, Sparse, Dense, Table, Other };

/// Extent of a matrix, features x cells.
struct H5adShape {
  std::int64_t features = 0;
  std::int64_t cells = 0;
  /// Stored values of a sparse matrix, all values of a dense one.
  std::int64_t stored = 0;
};

/// An open file. Built without HDF5, opening one is the error that says so.
class H5ad {
 public:
  /// @param file     path
  /// @param argument the user's name of the file, for errors
  H5ad(const std::string& file, const std::string& argument);
  ~H5ad();
  H5ad(H5ad&&) noexcept;

  H5adKind kind(const std::string& path) const;
  /// Names in a group such as "layers", sorted; none where there is no such group.
  std::vector<std::string> names(const std::string& group) const;
  /// "obs", "var", "raw/var" or a table in "obsm".
  H5adTable table(const std::string& path) const;

  H5adShape shape(const std::string& path) const;
  /// Values other than 0 of a dense matrix; reads it once, a block at a time.
  std::int64_t nonzero(const std::string& path) const;
  /// Any matrix as compressed columns: p of cells + 1, i and x of shape().stored of a sparse matrix or
  /// nonzero() of a dense one. Rows ascend in each column; entries given twice are added, so that fewer may
  /// be left: returns how many.
  std::int64_t read_sparse(const std::string& path, std::int32_t* p, std::int32_t* i, double* x) const;
  /// A dense matrix by columns, features x cells.
  void read_dense(const std::string& path, double* out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fatefield
