// Columns of tables in files as R vectors.
#pragma once

#include <string>
#include <vector>

#include "core/io/h5ad.hpp"
#include "glue.hpp"

namespace fatefield {
namespace glue {

inline Rcpp::CharacterVector to_strings(const std::vector<std::string>& texts) {
  Rcpp::CharacterVector out(static_cast<R_xlen_t>(texts.size()));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    SET_STRING_ELT(out, static_cast<R_xlen_t>(i),
                   Rf_mkCharLenCE(texts[i].data(), static_cast<int>(texts[i].size()), CE_UTF8));
  }
  return out;
}

inline bool is_missing(const H5adColumn& column, std::size_t i) {
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

inline SEXP to_factor(const H5adColumn& column) {
  Rcpp::IntegerVector codes = to_integers<INTSXP>(column, 1);
  codes.attr("levels") = to_strings(column.texts);
  codes.attr("class") = column.ordered ? Rcpp::CharacterVector::create("ordered", "factor")
                                       : Rcpp::CharacterVector::create("factor");
  return codes;
}

inline SEXP to_texts(const H5adColumn& column) {
  Rcpp::CharacterVector out = to_strings(column.texts);
  for (std::size_t i = 0; i < column.texts.size(); ++i) {
    if (is_missing(column, i)) out[static_cast<R_xlen_t>(i)] = NA_STRING;
  }
  return out;
}

inline SEXP to_numbers(const H5adColumn& column) {
  Rcpp::NumericVector out(column.numbers.begin(), column.numbers.end());
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    if (is_missing(column, i)) out[static_cast<R_xlen_t>(i)] = NA_REAL;
  }
  return out;
}

inline SEXP to_vector(const H5adColumn& column) {
  switch (column.kind) {
    case H5adColumn::Kind::Integer:
      return to_integers<INTSXP>(column, 0);
    case H5adColumn::Kind::Boolean:
      return to_integers<LGLSXP>(column, 0);
    case H5adColumn::Kind::Text:
      return to_texts(column);
    case H5adColumn::Kind::Category:
      return to_factor(column);
    default:
      return to_numbers(column);
  }
}

inline Rcpp::List to_list(const std::vector<H5adColumn>& columns) {
  Rcpp::List out(static_cast<R_xlen_t>(columns.size()));
  std::vector<std::string> names;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    out[static_cast<R_xlen_t>(k)] = to_vector(columns[k]);
    names.push_back(columns[k].name);
  }
  out.names() = to_strings(names);
  return out;
}

}  // namespace glue
}  // namespace fatefield
