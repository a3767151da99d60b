// Texts of variable length. HDF5 keeps them in heaps apart from the values, which are references into them,
// and its library up to 1.14 trusts the lengths it finds there: a damaged file makes it read and write out of
// bounds, or never end. Here the library only hands out the references; the heaps are read with every length
// checked. Layout: HDF5 File Format Specification 3.0, III.E "Disk Format: Level 1E - Global Heap".
#pragma once

#ifdef WITH_HDF5

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "io/hdf5.hpp"

namespace fatefield {
namespace hdf5 {

/// Lets H5Dread() and H5Aread() give references, as type(), in the place of texts, while it lives.
class References {
 public:
  References();
  ~References();
  References(const References&) = delete;
  References& operator=(const References&) = delete;

  /// The type in memory: 16 bytes, the length, address and index of a text.
  hid_t type() const { return type_.get(); }
  static constexpr std::size_t kSize = 16;

 private:
  Handle type_;
};

/// The heaps of a file.
class TextHeap {
 public:
  /// @param source a data set or attribute of the file
  TextHeap(hid_t source, const Place& place);

  /// The text that References::kSize bytes refer to. Errors where they lead nowhere.
  std::string text(const char* reference);

 private:
  struct Span {
    std::size_t begin = 0, size = 0;
  };
  struct Collection {
    std::vector<char> bytes;
    std::map<std::uint32_t, Span> objects;
  };
  const Collection& collection(std::uint64_t address);
  Collection parse(std::vector<char> bytes) const;
  [[noreturn]] void damaged() const;

  Place place_;
  std::ifstream file_;
  std::uint64_t size_ = 0;
  std::uint64_t base_ = 0;
  std::map<std::uint64_t, Collection> read_;
};

}  // namespace hdf5
}  // namespace fatefield

#endif
