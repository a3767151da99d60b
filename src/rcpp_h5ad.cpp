// Parts of an .h5ad file as R values: tables with factors, sparse and dense matrices as features x cells.
#include <climits>

#include "core/io/h5ad.hpp"
#include "glue_tables.hpp"

using fatefield::H5ad;
using fatefield::H5adKind;
using fatefield::H5adShape;
using fatefield::H5adTable;
namespace glue = fatefield::glue;

namespace {

const char* const kArgument = "file";

const char* name_of(H5adKind kind) {
  static const char* const names[] = {"none", "sparse", "dense", "table", "other"};
  return names[static_cast<int>(kind)];
}

Rcpp::CharacterVector kinds_in(const H5ad& file, const std::string& group) {
  const std::vector<std::string> names = file.names(group);
  Rcpp::CharacterVector out(static_cast<R_xlen_t>(names.size()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    out[static_cast<R_xlen_t>(i)] = name_of(file.kind(group + "/" + names[i]));
  }
  out.names() = glue::to_strings(names);
  return out;
}

Rcpp::List sparse_matrix(const H5ad& file, const std::string& path, const H5adShape& shape,
                         std::int64_t stored) {
  Rcpp::IntegerVector p(Rcpp::no_init(static_cast<R_xlen_t>(shape.cells + 1)));
  Rcpp::IntegerVector i(Rcpp::no_init(static_cast<R_xlen_t>(stored)));
  Rcpp::NumericVector x(Rcpp::no_init(static_cast<R_xlen_t>(stored)));
  const std::int64_t left = file.read_sparse(path, p.begin(), i.begin(), x.begin());
  if (left < stored) {
    i = Rcpp::IntegerVector(i.begin(), i.begin() + left);
    x = Rcpp::NumericVector(x.begin(), x.begin() + left);
  }
  return Rcpp::List::create(Rcpp::_["p"] = p, Rcpp::_["i"] = i, Rcpp::_["x"] = x);
}

void check_extent(const H5adShape& shape, double cells, double features, const std::string& path) {
  const bool fits = static_cast<double>(shape.cells) == cells &&
                    (features < 0 || static_cast<double>(shape.features) == features);
  if (fits) return;
  std::string message = std::string("`") + kArgument + "`: " + path + " has " + std::to_string(shape.cells) +
                        " cells and " + std::to_string(shape.features) + " features, but there are " +
                        std::to_string(static_cast<std::int64_t>(cells)) + " cells";
  if (features >= 0) message += " and " + std::to_string(static_cast<std::int64_t>(features)) + " features";
  throw fatefield::file_error(kArgument, message + ".");
}

}  // namespace

// What a file holds: kind of `X` and `raw/X`, and kinds of the layers, of `obsm` and of `obsp` by name.
// [[Rcpp::export(rng = false)]]
Rcpp::List h5ad_contents(const std::string& file) {
  return glue::guarded([&] {
    const H5ad h5ad(file, kArgument);
    return Rcpp::List::create(
        Rcpp::_["x"] = name_of(h5ad.kind("X")), Rcpp::_["raw"] = name_of(h5ad.kind("raw/X")),
        Rcpp::_["layers"] = kinds_in(h5ad, "layers"), Rcpp::_["obsm"] = kinds_in(h5ad, "obsm"),
        Rcpp::_["obsp"] = kinds_in(h5ad, "obsp"));
  });
}

// list(index, columns = named list of vectors, skipped = names of columns that no vector can hold).
// [[Rcpp::export(rng = false)]]
Rcpp::List h5ad_table(const std::string& file, const std::string& path) {
  return glue::guarded([&] {
    const H5adTable table = H5ad(file, kArgument).table(path);
    return Rcpp::List::create(Rcpp::_["index"] = glue::to_strings(table.index),
                              Rcpp::_["columns"] = glue::to_list(table.columns),
                              Rcpp::_["skipped"] = glue::to_strings(table.skipped));
  });
}

// A matrix of features x cells: list(dim, p, i, x) of compressed columns, or list(dim, x) of a dense one that
// is mostly not 0 or that `keep_dense` asks to leave as it is. `cells`, `features`: what is expected; -1 for
// any number of features.
// [[Rcpp::export(rng = false)]]
Rcpp::List h5ad_matrix(const std::string& file, const std::string& path, double cells, double features,
                       bool keep_dense) {
  return glue::guarded([&] {
    const H5ad h5ad(file, kArgument);
    const H5adShape shape = h5ad.shape(path);
    check_extent(shape, cells, features, path);
    const bool is_sparse = h5ad.kind(path) == H5adKind::Sparse;
    const std::int64_t stored = is_sparse ? shape.stored : (keep_dense ? shape.stored : h5ad.nonzero(path));
    Rcpp::List out;
    if (is_sparse || (2 * stored < shape.stored && stored <= INT_MAX)) {
      out = sparse_matrix(h5ad, path, shape, stored);
    } else {
      Rcpp::NumericVector x(Rcpp::no_init(static_cast<R_xlen_t>(shape.stored)));
      h5ad.read_dense(path, x.begin());
      out = Rcpp::List::create(Rcpp::_["x"] = x);
    }
    out["dim"] = Rcpp::IntegerVector::create(static_cast<int>(shape.features), static_cast<int>(shape.cells));
    return out;
  });
}
