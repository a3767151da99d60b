// Parts of an .h5ad file as R values: tables with factors, sparse and dense matrices as features x cells.
#include <climits>

#include "core/io/h5ad.hpp"
#include "glue.hpp"

using fatefield::H5ad;
using fatefield::H5adColumn;
using fatefield::H5adKind;
using fatefield::H5adShape;
using fatefield::H5adTable;
namespace glue = fatefield::glue;

namespace {

using Kind = H5adColumn::Kind;

const char* const kArgument = "file";

Rcpp::CharacterVector to_strings(const std::vector<std::string>& texts) {
  Rcpp::CharacterVector out(static_cast<R_xlen_t>(texts.size()));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    SET_STRING_ELT(out, static_cast<R_xlen_t>(i),
                   Rf_mkCharLenCE(texts[i].data(), static_cast<int>(texts[i].size()), CE_UTF8));
  }
  return out;
}

bool is_missing(const H5adColumn& column, std::size_t i) {
  return !column.missing.empty() && column.missing[i] != 0;
}

// Whole numbers, truth values and codes, with `shift` added; NA where missing.
template <int RTYPE>
Rcpp::Vector<RTYPE> to_integers(const H5adColumn& column, int shift) {
  Rcpp::Vector<RTYPE> out(static_cast<R_xlen_t>(column.numbers.size()));
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    out[static_cast<R_xlen_t>(i)] =
        is_missing(column, i) ? NA_INTEGER : static_cast<int>(column.numbers[i]) + shift;
  }
  return out;
}

SEXP to_factor(const H5adColumn& column) {
  Rcpp::IntegerVector codes = to_integers<INTSXP>(column, 1);
  codes.attr("levels") = to_strings(column.texts);
  codes.attr("class") = column.ordered ? Rcpp::CharacterVector::create("ordered", "factor")
                                       : Rcpp::CharacterVector::create("factor");
  return codes;
}

SEXP to_texts(const H5adColumn& column) {
  Rcpp::CharacterVector out = to_strings(column.texts);
  for (std::size_t i = 0; i < column.texts.size(); ++i) {
    if (is_missing(column, i)) out[static_cast<R_xlen_t>(i)] = NA_STRING;
  }
  return out;
}

SEXP to_numbers(const H5adColumn& column) {
  Rcpp::NumericVector out(column.numbers.begin(), column.numbers.end());
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    if (is_missing(column, i)) out[static_cast<R_xlen_t>(i)] = NA_REAL;
  }
  return out;
}

SEXP to_vector(const H5adColumn& column) {
  switch (column.kind) {
    case Kind::Integer:
      return to_integers<INTSXP>(column, 0);
    case Kind::Boolean:
      return to_integers<LGLSXP>(column, 0);
    case Kind::Text:
      return to_texts(column);
    case Kind::Category:
      return to_factor(column);
    default:
      return to_numbers(column);
  }
}

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
  out.names() = to_strings(names);
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

// What a file holds: kind of `X` and `raw/X`, and kinds of the layers and of `obsm` by name.
// [[Rcpp::export(rng = false)]]
Rcpp::List h5ad_contents(const std::string& file) {
  return glue::guarded([&] {
    const H5ad h5ad(file, kArgument);
    return Rcpp::List::create(
        Rcpp::_["x"] = name_of(h5ad.kind("X")), Rcpp::_["raw"] = name_of(h5ad.kind("raw/X")),
        Rcpp::_["layers"] = kinds_in(h5ad, "layers"), Rcpp::_["obsm"] = kinds_in(h5ad, "obsm"));
  });
}

// list(index, columns = named list of vectors, skipped = names of columns that no vector can hold).
// [[Rcpp::export(rng = false)]]
Rcpp::List h5ad_table(const std::string& file, const std::string& path) {
  return glue::guarded([&] {
    const H5adTable table = H5ad(file, kArgument).table(path);
    Rcpp::List columns(static_cast<R_xlen_t>(table.columns.size()));
    std::vector<std::string> names;
    for (std::size_t k = 0; k < table.columns.size(); ++k) {
      columns[static_cast<R_xlen_t>(k)] = to_vector(table.columns[k]);
      names.push_back(table.columns[k].name);
    }
    columns.names() = to_strings(names);
    return Rcpp::List::create(Rcpp::_["index"] = to_strings(table.index), Rcpp::_["columns"] = columns,
                              Rcpp::_["skipped"] = to_strings(table.skipped));
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
