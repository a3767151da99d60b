// Takes an open group; stops where the heap of its members' names is damaged.
#ifdef WITH_HDF5

#include "io/hdf5_groups.hpp"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

namespace fatefield {
namespace hdf5 {
namespace {

constexpr std::size_t kMostBlocks = 64;
constexpr std::uint64_t kMostHeader = 1 << 20;
constexpr std::uint64_t kSymbolTable = 0x11;
constexpr std::uint64_t kContinuation = 0x10;
// What stands in the place of an offset where no space is free.
constexpr std::uint64_t kNoneFree = 1;

// A number of n bytes, little-endian.
std::uint64_t number(const char* at, int n) {
  std::uint64_t v = 0;
  for (int k = n - 1; k >= 0; --k) v = v << 8 | static_cast<unsigned char>(at[k]);
  return v;
}

// The bytes of the file behind its user block.
class Bytes {
 public:
  Bytes(const std::string& path, std::uint64_t base) : file_(path, std::ios::binary | std::ios::ate) {
    const std::streamoff end = file_ ? static_cast<std::streamoff>(file_.tellg()) : 0;
    base_ = base;
    size_ = static_cast<std::uint64_t>(end) > base ? static_cast<std::uint64_t>(end) - base : 0;
  }
  bool has(std::uint64_t at, std::uint64_t n) const { return at <= size_ && n <= size_ - at; }
  std::vector<char> read(std::uint64_t at, std::uint64_t n) {
    std::vector<char> out;
    if (!has(at, n)) return out;
    out.resize(static_cast<std::size_t>(n));
    file_.seekg(static_cast<std::streamoff>(base_ + at));
    file_.read(out.data(), static_cast<std::streamsize>(n));
    if (!file_) out.clear();
    return out;
  }

 private:
  std::ifstream file_;
  std::uint64_t base_ = 0;
  std::uint64_t size_ = 0;
};

// The address of the heap, from the header of the group at `header`; false where there is none of the old
// kind.
bool heap_of(Bytes& bytes, std::uint64_t header, std::uint64_t& heap) {
  const std::vector<char> head = bytes.read(header, 16);
  if (head.empty() || head[0] != 1) return false;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> blocks{{header + 16, number(head.data() + 8, 4)}};
  for (std::size_t b = 0; b < blocks.size() && b < kMostBlocks; ++b) {
    if (blocks[b].second > kMostHeader) return false;
    const std::vector<char> block = bytes.read(blocks[b].first, blocks[b].second);
    for (std::size_t at = 0; at + 24 <= block.size();) {
      const char* const message = block.data() + at;
      const std::uint64_t kind = number(message, 2), length = number(message + 2, 2);
      if (kind == kSymbolTable && length >= 16) {
        heap = number(message + 16, 8);
        return true;
      }
      if (kind == kContinuation && length >= 16) {
        blocks.emplace_back(number(message + 8, 8), number(message + 16, 8));
      }
      at += 8 + static_cast<std::size_t>(length);
    }
  }
  return false;
}

// Free pieces one after the other: offset of the next, size.
bool sound_free_list(const std::vector<char>& data, std::uint64_t free) {
  const std::uint64_t size = data.size();
  for (std::uint64_t seen = 0; free != kNoneFree; ++seen) {
    if (seen > size / 16 || free >= size || size - free < 16) return false;
    if (number(data.data() + free + 8, 8) > size - free) return false;
    free = number(data.data() + free, 8);
  }
  return true;
}

bool sound_heap(Bytes& bytes, std::uint64_t heap) {
  const std::vector<char> head = bytes.read(heap, 32);
  if (head.empty() || std::memcmp(head.data(), "HEAP\0", 5) != 0) return false;
  const std::uint64_t size = number(head.data() + 8, 8), free = number(head.data() + 16, 8);
  if (size == 0) return free == kNoneFree;
  const std::uint64_t at = number(head.data() + 24, 8);
  return bytes.has(at, size) && sound_free_list(bytes.read(at, size), free);
}

// The address of the group's header; false where the library does not tell.
bool header_of(hid_t group, std::uint64_t& address) {
#if H5_VERSION_GE(1, 12, 0) && !defined(H5_NO_DEPRECATED_SYMBOLS)
  H5O_info1_t info;
  if (H5Oget_info2(group, &info, H5O_INFO_BASIC) < 0) return false;
  address = info.addr;
  return true;
#elif H5_VERSION_GE(1, 10, 3) && !H5_VERSION_GE(1, 12, 0)
  H5O_info_t info;
  if (H5Oget_info2(group, &info, H5O_INFO_BASIC) < 0) return false;
  address = info.addr;
  return true;
#else
  static_cast<void>(group);
  static_cast<void>(address);
  return false;
#endif
}

}  // namespace

void check_names(hid_t group, const Place& place) {
  const Handle file(H5Iget_file_id(group), H5Fclose);
  const Handle made(H5Fget_create_plist(file.get()), H5Pclose);
  std::size_t address_bytes = 0, length_bytes = 0;
  hsize_t base = 0;
  if (!made || H5Pget_sizes(made.get(), &address_bytes, &length_bytes) < 0 ||
      H5Pget_userblock(made.get(), &base) < 0 || address_bytes != 8 || length_bytes != 8) {
    return;
  }
  std::uint64_t header = 0, heap = 0;
  if (!header_of(group, header)) return;
  Bytes bytes(place.file, base);
  if (heap_of(bytes, header, heap) && !sound_heap(bytes, heap)) {
    place.fail("the names of its members are damaged: their heap is not consistent.");
  }
}

}  // namespace hdf5
}  // namespace fatefield

#endif
