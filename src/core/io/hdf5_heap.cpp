// Takes references to texts, gives the texts; every length is checked before it is used.
#ifdef WITH_HDF5

#include "io/hdf5_heap.hpp"

#include <algorithm>
#include <cstring>

namespace fatefield {
namespace hdf5 {
namespace {

const char* const kTag = "fatefield reference to a text";
constexpr std::size_t kHeader = 16;
// Heaps kept in memory at once; references mostly go through them one after the other.
constexpr std::size_t kKept = 64;

// References stay as they are in the file.
extern "C" herr_t keep_reference(hid_t, hid_t to, H5T_cdata_t* data, std::size_t, std::size_t, std::size_t,
                                 void*, void*, hid_t) {
  if (data->command != H5T_CONV_INIT) return 0;
  data->need_bkg = H5T_BKG_NO;
  char* const tag = H5Tget_class(to) == H5T_OPAQUE ? H5Tget_tag(to) : nullptr;
  const bool ours = tag != nullptr && std::strcmp(tag, kTag) == 0;
  if (tag != nullptr) H5free_memory(tag);
  return ours ? 0 : -1;
}

// A number of n bytes, little-endian.
std::uint64_t number(const char* at, int n) {
  std::uint64_t v = 0;
  for (int k = n - 1; k >= 0; --k) v = v << 8 | static_cast<unsigned char>(at[k]);
  return v;
}

Handle variable_text() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  return type;
}

}  // namespace

References::References() : type_(H5Tcreate(H5T_OPAQUE, kSize), H5Tclose) {
  H5Tset_tag(type_.get(), kTag);
  H5Tregister(H5T_PERS_SOFT, "fatefield_text", variable_text().get(), type_.get(), keep_reference);
}

References::~References() {
  H5Tunregister(H5T_PERS_SOFT, "fatefield_text", variable_text().get(), type_.get(), keep_reference);
}

TextHeap::TextHeap(hid_t source, const Place& place)
    : place_(place), file_(place.file, std::ios::binary | std::ios::ate) {
  const Handle file(H5Iget_file_id(source), H5Fclose);
  const Handle made(H5Fget_create_plist(file.get()), H5Pclose);
  std::size_t address_bytes = 0, length_bytes = 0;
  hsize_t base = 0;
  if (!file_ || !made || H5Pget_sizes(made.get(), &address_bytes, &length_bytes) < 0 ||
      H5Pget_userblock(made.get(), &base) < 0) {
    place_.fail("its texts cannot be read.");
  }
  if (address_bytes != 8 || length_bytes != 8) {
    place_.fail("the file has addresses of " + std::to_string(address_bytes) + " bytes; 8 are needed.");
  }
  size_ = static_cast<std::uint64_t>(file_.tellg());
  base_ = base;
}

void TextHeap::damaged() const { place_.fail("its texts are damaged: their heap is not consistent."); }

std::string TextHeap::text(const char* reference) {
  const std::uint64_t length = number(reference, 4);
  const std::uint64_t address = number(reference + 4, 8);
  if (length == 0 || address == 0) return "";
  const Collection& from = collection(address);
  const auto found = from.objects.find(static_cast<std::uint32_t>(number(reference + 12, 4)));
  if (found == from.objects.end() || length > found->second.size) damaged();
  const char* const begin = from.bytes.data() + found->second.begin;
  return std::string(begin, std::find(begin, begin + length, '\0'));
}

const TextHeap::Collection& TextHeap::collection(std::uint64_t address) {
  const auto known = read_.find(address);
  if (known != read_.end()) return known->second;
  if (base_ > size_ || address > size_ - base_ || size_ - base_ - address < kHeader) damaged();

  char header[kHeader];
  file_.seekg(static_cast<std::streamoff>(base_ + address));
  file_.read(header, kHeader);
  const std::uint64_t size = number(header + 8, 8);
  if (!file_ || std::memcmp(header, "GCOL\1", 5) != 0 || size < kHeader || size > size_ - base_ - address) {
    damaged();
  }
  std::vector<char> bytes(static_cast<std::size_t>(size - kHeader));
  file_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file_) damaged();
  if (read_.size() >= kKept) read_.clear();
  return read_[address] = parse(std::move(bytes));
}

// Objects one after the other: index (2 bytes), count (2), nothing (4), size (8), the text padded to 8 bytes.
// Index 0 is the free space at the end, whose size counts its header.
TextHeap::Collection TextHeap::parse(std::vector<char> bytes) const {
  Collection out;
  std::size_t at = 0;
  while (bytes.size() - at >= kHeader) {
    const auto index = static_cast<std::uint32_t>(number(bytes.data() + at, 2));
    const std::uint64_t size = number(bytes.data() + at + 8, 8);
    if (index == 0) break;
    const std::size_t free = bytes.size() - at - kHeader;
    if (size > free) damaged();
    out.objects[index] = {at + kHeader, static_cast<std::size_t>(size)};
    at += kHeader + std::min<std::size_t>(free, (static_cast<std::size_t>(size) + 7) / 8 * 8);
  }
  out.bytes = std::move(bytes);
  return out;
}

}  // namespace hdf5
}  // namespace fatefield

#endif
