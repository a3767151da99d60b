// HDF5 files by its C library: handles that close themselves, nodes, and values read with their bounds
// checked. Whatever is wrong with a file is an error of kind File that names the path inside it; HDF5 itself
// stays silent. Nothing outside the file is followed: no external links, raw data files or virtual data sets.
#pragma once

#ifdef WITH_HDF5

#include <hdf5.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fatefield {
namespace hdf5 {

/// Owns one HDF5 identifier.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// Keeps HDF5 from printing its errors while it lives.
class Silence {
 public:
  Silence();
  ~Silence();
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  H5E_auto2_t printer_ = nullptr;
  void* data_ = nullptr;
};

/// What is read from and how to call it in errors.
struct Place {
  /// The user's name of the file, as the argument of the error.
  std::string argument;
  std::string file;
  /// Path inside the file, "/X/indices"; of an attribute "/X@shape".
  std::string path;

  [[noreturn]] void fail(const std::string& what) const;
  Place at(const std::string& path_inside) const { return {argument, file, path_inside}; }
};

/// The kind of values that R would make of a type of HDF5.
enum class Kind { Integer, Number, Boolean, Text, Other };

/// The values of a data set, of one member of a compound data set, or of an attribute.
class Values {
 public:
  /// @param source a data set or an attribute
  /// @param member of a compound data set, empty for the whole
  Values(std::shared_ptr<const Handle> source, bool attribute, Place place, const std::string& member = "");

  Kind kind() const { return kind_; }
  const Place& place() const { return place_; }
  /// Extent, slowest dimension first, with that of an array member behind; empty for a single value.
  const std::vector<std::int64_t>& dims() const { return dims_; }
  /// Number of all values.
  std::int64_t count() const { return count_; }

  /// All values, slowest dimension first. Errors when they are no numbers (or no text).
  std::vector<double> numbers() const;
  std::vector<std::string> texts() const;
  /// All values, into `out` of count() elements; what does not fit an integer becomes its largest.
  void into(double* out) const;
  void into(std::int32_t* out) const;
  void into(std::int64_t* out) const;
  /// Rows [first, first + n), into `out` of n rows of the other dimensions' product.
  void rows_into(std::int64_t first, std::int64_t n, double* out) const;

 private:
  Handle file_type() const;
  Handle memory_type(hid_t base) const;
  void set_extent(const Handle& whole, const Handle& space);
  void check_numeric() const;
  void read(hid_t type, void* out) const;
  std::vector<std::string> variable_texts() const;
  std::vector<std::string> fixed_texts(const Handle& type) const;

  std::shared_ptr<const Handle> source_;
  bool attribute_;
  Place place_;
  std::string member_;
  Kind kind_ = Kind::Other;
  std::vector<std::int64_t> dims_;
  /// Dimensions of an array member of a compound type.
  std::vector<hsize_t> array_;
  std::int64_t count_ = 0;
};

/// A group or data set of an open file.
class Node {
 public:
  /// The root of a file, opened for reading only. Errors where it is missing, foreign or truncated.
  static Node open(const std::string& file, const std::string& argument);

  bool is_group() const;
  bool is_dataset() const;
  bool is_compound() const;
  const Place& place() const { return place_; }

  /// Whether a path below this group leads to a group or data set.
  bool has(const std::string& path) const;
  /// What is there; an error where nothing is.
  Node child(const std::string& path) const;
  /// Names in a group, sorted.
  std::vector<std::string> names() const;
  /// Names of the members of a compound data set, in their order.
  std::vector<std::string> members() const;

  bool has_attribute(const std::string& name) const;
  Values attribute(const std::string& name) const;
  /// The text of an attribute, or "" where there is no such text.
  std::string text_attribute(const std::string& name) const;

  Values values() const;
  Values values(const std::string& member) const;

 private:
  Node(std::shared_ptr<const Handle> file, std::shared_ptr<const Handle> id, Place place)
      : file_(std::move(file)), id_(std::move(id)), place_(std::move(place)) {}

  std::shared_ptr<const Handle> file_;
  std::shared_ptr<const Handle> id_;
  Place place_;
};

/// The innermost cause of HDF5's last error, in its own words; for use while a Silence lives.
std::string reason();

}  // namespace hdf5
}  // namespace fatefield

#endif
