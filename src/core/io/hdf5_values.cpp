// Takes a data set, a member of one, or an attribute; gives its numbers or texts, never more than it can
// hold.
#ifdef WITH_HDF5

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "io/hdf5_heap.hpp"

namespace fatefield {
namespace hdf5 {
namespace {

// A data set in chunks may say to hold more than is stored: gzip shrinks by 1032 at most, a small one may be
// all fill value.
constexpr double kFreeBytes = 1024.0 * 1024;
constexpr double kLargestRatio = 1100;

// What the library up to 1.14 does not check, and then reads out of bounds or for ever: that the extent fits
// the layout. `bytes` is what the data set says to hold.
bool fits_layout(hid_t dataset, const std::vector<hsize_t>& extent, double value_bytes, double bytes) {
  const double stored = static_cast<double>(H5Dget_storage_size(dataset));
  const Handle made(H5Dget_create_plist(dataset), H5Pclose);
  if (!made) return false;
  switch (H5Pget_layout(made.get())) {
    case H5D_COMPACT:
      return bytes <= stored;
    case H5D_CONTIGUOUS:
      return stored > 0 ? bytes <= stored : bytes <= kFreeBytes;
    case H5D_CHUNKED:
      break;
    default:
      return false;
  }
  hsize_t chunk[H5S_MAX_RANK];
  const int rank = H5Pget_chunk(made.get(), H5S_MAX_RANK, chunk);
  if (rank != static_cast<int>(extent.size())) return false;
  double chunk_bytes = value_bytes;
  for (int k = 0; k < rank; ++k) chunk_bytes *= static_cast<double>(chunk[k]);
  const double most = kFreeBytes + kLargestRatio * stored;
  if (chunk_bytes < 1 || chunk_bytes > most || bytes > most) return false;
  return H5Pget_nfilters(made.get()) > 0 || std::fmod(stored, chunk_bytes) == 0;
}

// Numbers of a size that there is; others are the mark of a damaged type.
bool usual_size(hid_t type) {
  const std::size_t n = H5Tget_size(type);
  return n == 1 || n == 2 || n == 4 || n == 8 || n == 12 || n == 16;
}

bool is_boolean(hid_t type) {
  const int n = H5Tget_nmembers(type);
  if (n < 2) return false;
  bool found[2] = {false, false};
  for (int m = 0; m < n; ++m) {
    char* const name = H5Tget_member_name(type, static_cast<unsigned>(m));
    if (name == nullptr) return false;
    found[0] = found[0] || std::strcmp(name, "FALSE") == 0;
    found[1] = found[1] || std::strcmp(name, "TRUE") == 0;
    H5free_memory(name);
  }
  return found[0] && found[1];
}

Kind kind_of(hid_t type) {
  const H5T_class_t what = H5Tget_class(type);
  if (what != H5T_STRING && !usual_size(type)) return Kind::Other;
  switch (what) {
    case H5T_INTEGER:
      return Kind::Integer;
    case H5T_FLOAT:
      return Kind::Number;
    case H5T_ENUM:
      return is_boolean(type) ? Kind::Boolean : Kind::Integer;
    case H5T_STRING:
      return Kind::Text;
    default:
      return Kind::Other;
  }
}

}  // namespace

Values::Values(std::shared_ptr<const Handle> source, bool attribute, Place place, const std::string& member)
    : source_(std::move(source)), attribute_(attribute), place_(std::move(place)), member_(member) {
  const Handle whole(attribute_ ? H5Aget_type(source_->get()) : H5Dget_type(source_->get()), H5Tclose);
  Handle type = file_type();
  const Handle space(attribute_ ? H5Aget_space(source_->get()) : H5Dget_space(source_->get()), H5Sclose);
  if (!whole || !type || !space) place_.fail("its type or extent cannot be read.");
  set_extent(whole, space);
  if (H5Tget_class(type.get()) == H5T_ARRAY && !member_.empty()) {
    const int rank = H5Tget_array_ndims(type.get());
    if (rank < 1 || rank > H5S_MAX_RANK) place_.fail("its type cannot be read.");
    array_.resize(static_cast<std::size_t>(rank));
    H5Tget_array_dims2(type.get(), array_.data());
    for (const hsize_t d : array_) {
      dims_.push_back(static_cast<std::int64_t>(d));
      count_ *= static_cast<std::int64_t>(d);
    }
    type = Handle(H5Tget_super(type.get()), H5Tclose);
  }
  kind_ = kind_of(type.get());
}

// Takes over the extent; stops when it is more than the file can hold.
void Values::set_extent(const Handle& whole, const Handle& space) {
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) {
    dims_ = {0};
    return;
  }
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 0 || rank > H5S_MAX_RANK) place_.fail("its extent cannot be read.");
  std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr);

  const double value_bytes = static_cast<double>(H5Tget_size(whole.get()));
  double bytes = value_bytes;
  for (const hsize_t d : extent) bytes *= static_cast<double>(d);
  const bool fits = attribute_ ? bytes <= static_cast<double>(H5Aget_storage_size(source_->get()))
                               : fits_layout(source_->get(), extent, value_bytes, bytes);
  if (!fits) place_.fail("it says to hold more values than are stored: the file is damaged.");
  count_ = 1;
  for (const hsize_t d : extent) {
    dims_.push_back(static_cast<std::int64_t>(d));
    count_ *= static_cast<std::int64_t>(d);
  }
}

// The type of the values in the file: of the member, where there is one.
Handle Values::file_type() const {
  Handle type(attribute_ ? H5Aget_type(source_->get()) : H5Dget_type(source_->get()), H5Tclose);
  if (!type || member_.empty()) return type;
  const int m = H5Tget_member_index(type.get(), member_.c_str());
  if (m < 0) place_.fail("it has no member \"" + member_ + "\".");
  return Handle(H5Tget_member_type(type.get(), static_cast<unsigned>(m)), H5Tclose);
}

// The type in memory: of the values themselves, or a compound type of this one member.
Handle Values::memory_type(hid_t base) const {
  Handle element(H5Tcopy(base), H5Tclose);
  if (!array_.empty()) {
    element = Handle(H5Tarray_create2(base, static_cast<unsigned>(array_.size()), array_.data()), H5Tclose);
  }
  if (member_.empty()) return element;
  Handle wrapped(H5Tcreate(H5T_COMPOUND, H5Tget_size(element.get())), H5Tclose);
  H5Tinsert(wrapped.get(), member_.c_str(), 0, element.get());
  return wrapped;
}

void Values::read(hid_t type, void* out) const {
  if (count_ == 0) return;
  const Silence silence;
  const herr_t status = attribute_ ? H5Aread(source_->get(), type, out)
                                   : H5Dread(source_->get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
  if (status < 0) place_.fail("its values cannot be read: " + reason());
}

void Values::check_numeric() const {
  if (kind_ == Kind::Text || kind_ == Kind::Other) place_.fail("it holds no numbers.");
}

void Values::into(double* out) const {
  check_numeric();
  read(memory_type(H5T_NATIVE_DOUBLE).get(), out);
}

void Values::into(std::int32_t* out) const {
  check_numeric();
  read(memory_type(H5T_NATIVE_INT32).get(), out);
}

void Values::into(std::int64_t* out) const {
  check_numeric();
  read(memory_type(H5T_NATIVE_INT64).get(), out);
}

std::vector<double> Values::numbers() const {
  std::vector<double> out(static_cast<std::size_t>(count_));
  into(out.data());
  return out;
}

void Values::rows_into(std::int64_t first, std::int64_t n, double* out) const {
  check_numeric();
  const std::size_t rank = dims_.size() - array_.size();
  if (attribute_ || rank == 0 || first < 0 || n < 0 || n > dims_[0] - first)
    place_.fail("it has no such rows.");
  if (n == 0 || count_ == 0) return;
  std::vector<hsize_t> start(rank, 0),
      extent(dims_.begin(), dims_.begin() + static_cast<std::ptrdiff_t>(rank));
  start[0] = static_cast<hsize_t>(first);
  extent[0] = static_cast<hsize_t>(n);
  const Silence silence;
  const Handle file(H5Dget_space(source_->get()), H5Sclose);
  const Handle memory(H5Screate_simple(static_cast<int>(rank), extent.data(), nullptr), H5Sclose);
  const Handle type = memory_type(H5T_NATIVE_DOUBLE);
  if (H5Sselect_hyperslab(file.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr) < 0 ||
      H5Dread(source_->get(), type.get(), memory.get(), file.get(), H5P_DEFAULT, out) < 0) {
    place_.fail("its values cannot be read: " + reason());
  }
}

std::vector<std::string> Values::texts() const {
  if (kind_ != Kind::Text) place_.fail("it holds no text.");
  const Silence silence;
  Handle type = file_type();
  if (!array_.empty()) type = Handle(H5Tget_super(type.get()), H5Tclose);
  return H5Tis_variable_str(type.get()) > 0 ? variable_texts() : fixed_texts(type);
}

std::vector<std::string> Values::variable_texts() const {
  std::vector<std::string> out;
  if (count_ == 0) return out;
  const References references;
  std::vector<char> bytes(References::kSize * static_cast<std::size_t>(count_));
  read(memory_type(references.type()).get(), bytes.data());
  TextHeap heap(source_->get(), place_);
  out.reserve(static_cast<std::size_t>(count_));
  for (std::size_t at = 0; at < bytes.size(); at += References::kSize) {
    out.push_back(heap.text(bytes.data() + at));
  }
  return out;
}

std::vector<std::string> Values::fixed_texts(const Handle& type) const {
  const std::size_t width = H5Tget_size(type.get());
  std::vector<char> bytes(width * static_cast<std::size_t>(count_));
  read(memory_type(type.get()).get(), bytes.data());
  const bool spaces = H5Tget_strpad(type.get()) == H5T_STR_SPACEPAD;
  std::vector<std::string> out;
  out.reserve(static_cast<std::size_t>(count_));
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    const char* const begin = bytes.data() + at;
    std::string s(begin, std::find(begin, begin + width, '\0'));
    if (spaces) s.erase(s.find_last_not_of(' ') + 1);
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace hdf5
}  // namespace fatefield

#endif
