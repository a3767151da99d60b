// Parts of a .loom file as R values: attributes, matrices as genes x cells.
#include "core/io/loom.hpp"
#include "glue_tables.hpp"

using fatefield::Loom;
using fatefield::LoomAttributes;
using fatefield::SparseRows;
namespace glue = fatefield::glue;

namespace {

const char* const kArgument = "file";

Rcpp::List attributes(const Loom& loom, bool of_genes) {
  const LoomAttributes found = loom.attributes(of_genes);
  return Rcpp::List::create(Rcpp::_["columns"] = glue::to_list(found.columns),
                            Rcpp::_["matrices"] = glue::to_strings(found.matrices),
                            Rcpp::_["skipped"] = glue::to_strings(found.skipped));
}

}  // namespace

// list(genes, cells, matrix = whether there is one, layers, row_attrs, col_attrs), the attributes each
// list(columns, matrices, skipped).
// [[Rcpp::export(rng = false)]]
Rcpp::List loom_contents(const std::string& file) {
  return glue::guarded([&] {
    const Loom loom(file, kArgument);
    return Rcpp::List::create(
        Rcpp::_["genes"] = static_cast<double>(loom.genes()),
        Rcpp::_["cells"] = static_cast<double>(loom.cells()), Rcpp::_["matrix"] = loom.has_matrix(),
        Rcpp::_["layers"] = glue::to_strings(loom.layers()), Rcpp::_["row_attrs"] = attributes(loom, true),
        Rcpp::_["col_attrs"] = attributes(loom, false));
  });
}

// A matrix of genes x cells: list(dim, p, i, x) of compressed columns.
// [[Rcpp::export(rng = false)]]
Rcpp::List loom_matrix(const std::string& file, const std::string& path) {
  return glue::guarded([&] {
    const SparseRows by_cell = transpose(Loom(file, kArgument).read(path));
    return Rcpp::List::create(Rcpp::_["dim"] = Rcpp::IntegerVector::create(static_cast<int>(by_cell.cols),
                                                                           static_cast<int>(by_cell.rows)),
                              Rcpp::_["p"] = Rcpp::IntegerVector(by_cell.start.begin(), by_cell.start.end()),
                              Rcpp::_["i"] = Rcpp::IntegerVector(by_cell.index.begin(), by_cell.index.end()),
                              Rcpp::_["x"] = Rcpp::NumericVector(by_cell.value.begin(), by_cell.value.end()));
  });
}

// An attribute of the cells with several numbers for each: cells x numbers.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix loom_cell_matrix(const std::string& file, const std::string& name) {
  return glue::guarded([&] { return glue::to_r(Loom(file, kArgument).cell_matrix(name)); });
}
