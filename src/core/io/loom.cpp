// Takes the path of a .loom file, gives its parts: matrices genes x cells, attributes of genes and of cells.
#include "io/loom.hpp"

#include <utility>

#include "base/error.hpp"

#ifdef WITH_HDF5

#include "io/h5ad_parts.hpp"

namespace fatefield {
namespace {

bool is_numeric(const hdf5::Values& values) {
  return values.kind() != hdf5::Kind::Text && values.kind() != hdf5::Kind::Other;
}

std::string extent_text(const hdf5::Values& values) {
  std::string out;
  for (const std::int64_t d : values.dims()) out += (out.empty() ? "" : " x ") + std::to_string(d);
  return out.empty() ? "one value" : out;
}

}  // namespace

struct Loom::Impl {
  hdf5::Node root;
  H5adShape shape;

  // The main matrix, or the first layer where there is none.
  std::string some_matrix() const {
    if (root.has("matrix")) return "matrix";
    if (!root.has("layers")) return "";
    const std::vector<std::string> names = root.child("layers").names();
    return names.empty() ? "" : "layers/" + names[0];
  }

  hdf5::Values matrix(const std::string& path) const {
    const hdf5::Node node = root.child(path);
    if (!node.is_dataset()) node.place().fail("it is no matrix, but a group.");
    hdf5::Values values = node.values();
    if (!is_numeric(values) || values.dims().size() != 2) {
      node.place().fail("it must be a matrix of numbers, genes x cells.");
    }
    return values;
  }

  std::string group_of(bool of_genes) const { return of_genes ? "row_attrs" : "col_attrs"; }

  // Values of attribute `name`: one dimension, or more with one row for each gene or cell.
  void add_attribute(const hdf5::Node& node, const std::string& name, std::int64_t count,
                     LoomAttributes& out) const {
    H5adColumn column;
    column.name = name;
    if (node.is_dataset() && !node.is_compound() && node.values().dims().size() == 2) {
      const hdf5::Values values = node.values();
      (is_numeric(values) && values.dims()[0] == count ? out.matrices : out.skipped).push_back(name);
      return;
    }
    if (!h5ad::read_column(node, column)) {
      out.skipped.push_back(name);
      return;
    }
    const auto length = static_cast<std::int64_t>(
        column.kind == H5adColumn::Kind::Text ? column.texts.size() : column.numbers.size());
    if (length != count) {
      node.place().fail("it has " + std::to_string(length) + " values, but the matrix has " +
                        std::to_string(count) + ".");
    }
    out.columns.push_back(std::move(column));
  }
};

Loom::Loom(const std::string& file, const std::string& argument)
    : impl_(new Impl{hdf5::Node::open(file, argument), {}}) {
  const std::string some = impl_->some_matrix();
  if (some.empty() || !impl_->root.has("row_attrs") || !impl_->root.has("col_attrs")) {
    throw file_error(argument, "`" + argument + "`: \"" + file +
                                   "\" is an HDF5 file, but no loom file: it lacks `" +
                                   (some.empty()                   ? "matrix"
                                    : impl_->root.has("row_attrs") ? "col_attrs"
                                                                   : "row_attrs") +
                                   "`. AnnData files are read by ReadH5AD().");
  }
  // Rows of the file are genes: what other matrices call cells.
  const H5adShape shape = h5ad::dense_shape(impl_->matrix(some));
  impl_->shape = {shape.cells, shape.features, shape.stored};
}

std::int64_t Loom::genes() const { return impl_->shape.features; }
std::int64_t Loom::cells() const { return impl_->shape.cells; }
bool Loom::has_matrix() const { return impl_->root.has("matrix"); }

std::vector<std::string> Loom::layers() const {
  return impl_->root.has("layers") ? impl_->root.child("layers").names() : std::vector<std::string>();
}

LoomAttributes Loom::attributes(bool of_genes) const {
  const hdf5::Node group = impl_->root.child(impl_->group_of(of_genes));
  LoomAttributes out;
  for (const std::string& name : group.names()) {
    impl_->add_attribute(group.child(name), name, of_genes ? genes() : cells(), out);
  }
  return out;
}

SparseRows Loom::read(const std::string& path) const {
  const hdf5::Values values = impl_->matrix(path);
  if (values.dims()[0] != genes() || values.dims()[1] != cells()) {
    values.place().fail("it is " + extent_text(values) + ", but there are " + std::to_string(genes()) +
                        " genes and " + std::to_string(cells()) + " cells.");
  }
  return h5ad::read_dense_rows(values);
}

Matrix Loom::cell_matrix(const std::string& name) const {
  const hdf5::Values values = impl_->root.child("col_attrs/" + name).values();
  const std::vector<double> rows = values.numbers();
  Matrix out(values.dims()[0], values.dims()[1]);
  for (std::int64_t i = 0; i < out.rows; ++i)
    for (std::int64_t j = 0; j < out.cols; ++j) out(i, j) = rows[i * out.cols + j];
  return out;
}

}  // namespace fatefield

#else

#include "io/without_hdf5.hpp"

namespace fatefield {

struct Loom::Impl {};

// The constructor never returns, so that the other members are never reached.
Loom::Loom(const std::string& file, const std::string& argument) { throw built_without_hdf5(file, argument); }
std::int64_t Loom::genes() const { return 0; }
std::int64_t Loom::cells() const { return 0; }
bool Loom::has_matrix() const { return false; }
std::vector<std::string> Loom::layers() const { return {}; }
LoomAttributes Loom::attributes(bool) const { return {}; }
SparseRows Loom::read(const std::string&) const { return {}; }
Matrix Loom::cell_matrix(const std::string&) const { return {}; }

}  // namespace fatefield

#endif

namespace fatefield {
Loom::~Loom() = default;
Loom::Loom(Loom&&) noexcept = default;
}  // namespace fatefield
