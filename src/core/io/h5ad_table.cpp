// Takes a data frame in a file, in any of its encodings, gives its columns:
//   anndata >= 0.8  group; a categorical is a group of codes and categories, a nullable array one of values
//   and
//                   mask
//   anndata 0.7     group; a categorical is a data set of codes, with its levels in `__categories`
//   before 0.7      compound data set; the levels of a categorical are `uns/<column>_categories`
#ifdef WITH_HDF5

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <set>

#include "io/h5ad_parts.hpp"

namespace fatefield {
namespace h5ad {
namespace {

using Kind = H5adColumn::Kind;

bool fits_integer(const std::vector<double>& numbers) {
  constexpr double most = std::numeric_limits<std::int32_t>::max();
  return std::all_of(numbers.begin(), numbers.end(), [](double v) { return std::fabs(v) <= most; });
}

// The shortest text that reads back as the same number.
std::string as_text(double v) {
  char out[32];
  for (int digits = 15; digits <= 17; ++digits) {
    std::snprintf(out, sizeof out, "%.*g", digits, v);
    if (std::strtod(out, nullptr) == v) break;
  }
  return out;
}

// The values as texts, whatever they are.
std::vector<std::string> as_texts(const H5adColumn& column) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    const double v = column.numbers[i];
    switch (column.kind) {
      case Kind::Boolean:
        out.push_back(v != 0 ? "TRUE" : "FALSE");
        break;
      case Kind::Category:
        out.push_back(column.missing.empty() || !column.missing[i] ? column.texts[static_cast<std::size_t>(v)]
                                                                   : "NA");
        break;
      default:
        out.push_back(as_text(v));
    }
  }
  return column.kind == Kind::Text ? column.texts : out;
}

// Plain values; false where no vector can hold them.
bool fill(const hdf5::Values& values, H5adColumn& out) {
  if (values.kind() == hdf5::Kind::Other || values.dims().size() > 1) return false;
  if (values.kind() == hdf5::Kind::Text) {
    out.kind = Kind::Text;
    out.texts = values.texts();
    return true;
  }
  out.numbers = values.numbers();
  if (values.kind() == hdf5::Kind::Boolean) {
    out.kind = Kind::Boolean;
    // A third member of the type stands for a missing value.
    for (const double v : out.numbers) out.missing.push_back(v != 0 && v != 1);
  } else {
    out.kind =
        values.kind() == hdf5::Kind::Integer && fits_integer(out.numbers) ? Kind::Integer : Kind::Number;
  }
  return true;
}

// Codes that count from 0 into the levels, -1 for missing.
void make_category(const hdf5::Place& place, std::vector<double> codes, std::vector<std::string> levels,
                   bool ordered, H5adColumn& out) {
  const std::set<std::string> different(levels.begin(), levels.end());
  if (different.size() != levels.size()) place.fail("its categories are not different from each other.");
  out.kind = Kind::Category;
  out.ordered = ordered;
  out.missing.assign(codes.size(), 0);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const double code = codes[i];
    if (!(code >= -1 && code < static_cast<double>(levels.size()))) {
      place.fail("its code " + as_text(code) + " is none of the " + std::to_string(levels.size()) +
                 " categories.");
    }
    if (code >= 0) continue;
    out.missing[i] = 1;
    codes[i] = 0;
  }
  out.numbers = std::move(codes);
  out.texts = std::move(levels);
}

bool is_true(const hdf5::Node& node, const std::string& attribute) {
  if (!node.has_attribute(attribute)) return false;
  const hdf5::Values values = node.attribute(attribute);
  if (values.kind() == hdf5::Kind::Text || values.kind() == hdf5::Kind::Other || values.count() != 1) {
    return false;
  }
  return values.numbers()[0] != 0;
}

bool fill_nullable(const hdf5::Node& node, H5adColumn& out) {
  if (!fill(node.child("values").values(), out)) return false;
  const std::vector<double> mask = node.child("mask").values().numbers();
  if (mask.size() != std::max(out.numbers.size(), out.texts.size())) {
    node.place().fail("its mask has " + std::to_string(mask.size()) + " values, which is not one for each.");
  }
  out.missing.resize(mask.size(), 0);
  for (std::size_t i = 0; i < mask.size(); ++i) out.missing[i] = out.missing[i] || mask[i] != 0;
  return true;
}

// A vector of any encoding; false where none of R can hold it.
bool fill(const hdf5::Node& node, H5adColumn& out) {
  if (node.is_dataset()) return !node.is_compound() && fill(node.values(), out);
  if (node.has("values") && node.has("mask")) return fill_nullable(node, out);
  if (!node.has("codes") || !node.has("categories")) return false;
  H5adColumn levels;
  const hdf5::Values codes = node.child("codes").values();
  if (codes.kind() != hdf5::Kind::Integer || codes.dims().size() != 1) {
    node.place().fail("its codes must be whole numbers.");
  }
  if (!fill(node.child("categories"), levels)) node.place().fail("its categories are of an unknown kind.");
  make_category(node.place(), codes.numbers(), as_texts(levels), is_true(node, "ordered"), out);
  return true;
}

std::size_t length(const H5adColumn& column) {
  return column.kind == Kind::Text ? column.texts.size() : column.numbers.size();
}

void check_length(const hdf5::Place& place, const H5adColumn& column, std::size_t rows) {
  if (length(column) == rows) return;
  place.fail("it has " + std::to_string(length(column)) + " values, but the table has " +
             std::to_string(rows) + " rows.");
}

void take(H5adTable& table, bool readable, H5adColumn&& column, const hdf5::Place& place) {
  if (!readable) {
    table.skipped.push_back(column.name);
    return;
  }
  check_length(place, column, table.index.size());
  table.columns.push_back(std::move(column));
}

// The name of the column of row names.
std::string index_name(const hdf5::Node& node) {
  const std::string name = node.text_attribute("_index");
  if (!name.empty()) return name;
  for (const char* usual : {"_index", "index"}) {
    if (node.has(usual)) return usual;
  }
  node.place().fail("it has no column of row names (no attribute `_index`).");
}

// Columns in their order: as the attribute says, else as they lie there.
std::vector<std::string> column_names(const hdf5::Node& node, const std::string& index) {
  std::vector<std::string> names;
  if (node.has_attribute("column-order")) {
    const hdf5::Values order = node.attribute("column-order");
    if (order.kind() == hdf5::Kind::Text) names = order.texts();
    if (order.kind() == hdf5::Kind::Text || order.count() == 0) return names;
  }
  for (const std::string& name : node.names()) {
    if (name != index && name != "__categories") names.push_back(name);
  }
  return names;
}

H5adTable from_group(const hdf5::Node& node) {
  const std::string index = index_name(node);
  const hdf5::Node index_node = node.child(index);
  H5adColumn rows;
  if (!fill(index_node, rows)) index_node.place().fail("it cannot serve as row names.");
  H5adTable table;
  table.index = as_texts(rows);

  for (const std::string& name : column_names(node, index)) {
    const hdf5::Node at = node.child(name);
    H5adColumn column;
    column.name = name;
    const std::string levels_at = "__categories/" + name;
    bool readable = fill(at, column);
    if (readable && column.kind == Kind::Integer && node.has(levels_at)) {
      const hdf5::Node levels_node = node.child(levels_at);
      H5adColumn levels;
      if (!fill(levels_node, levels)) levels_node.place().fail("its categories are of an unknown kind.");
      make_category(at.place(), std::move(column.numbers), as_texts(levels), is_true(levels_node, "ordered"),
                    column);
    }
    take(table, readable, std::move(column), at.place());
  }
  return table;
}

H5adTable from_compound(const hdf5::Node& root, const hdf5::Node& node) {
  const std::vector<std::string> names = node.members();
  H5adColumn rows;
  if (names.empty() || !fill(node.values(names[0]), rows)) node.place().fail("it has no row names.");
  H5adTable table;
  table.index = as_texts(rows);
  for (std::size_t m = 1; m < names.size(); ++m) {
    H5adColumn column;
    column.name = names[m];
    const bool readable = fill(node.values(names[m]), column);
    const std::string levels_at = "uns/" + names[m] + "_categories";
    if (readable && column.kind == Kind::Integer && root.has(levels_at)) {
      H5adColumn levels;
      const hdf5::Node levels_node = root.child(levels_at);
      if (!fill(levels_node, levels)) levels_node.place().fail("its categories are of an unknown kind.");
      make_category(node.place(), std::move(column.numbers), as_texts(levels), false, column);
    }
    take(table, readable, std::move(column), node.place().at(node.place().path + "." + names[m]));
  }
  return table;
}

}  // namespace

bool is_table(const hdf5::Node& node) {
  if (node.is_compound()) return true;
  if (!node.is_group()) return false;
  return node.text_attribute("encoding-type") == "dataframe" || node.has_attribute("_index") ||
         node.has_attribute("column-order");
}

bool read_column(const hdf5::Node& node, H5adColumn& out) { return fill(node, out); }

H5adTable read_table(const hdf5::Node& root, const std::string& path) {
  const hdf5::Node node = root.child(path);
  return node.is_compound() ? from_compound(root, node) : from_group(node);
}

}  // namespace h5ad
}  // namespace fatefield

#endif
