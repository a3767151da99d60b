// A file of named arrays: how models are kept in bytes, whatever the version of LibTorch.
// Layout, little-endian: magic "FATEFLD1", number of entries, each entry (name, kind, shape, payload), FNV-1a
// 64 checksum.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fatefield {

/// Named arrays and strings, in memory; bytes() and parse() are inverse.
class Archive {
 public:
  struct Numbers {
    std::vector<std::int64_t> shape;
    std::vector<double> values;
  };

  /// Keeps numbers of that shape; the product of the shape must be the number of values.
  void put(const std::string& name, std::vector<double> values, std::vector<std::int64_t> shape);
  void put(const std::string& name, const std::string& text);

  bool has(const std::string& name) const;
  /// Whether the entry of that name is there and is a string.
  bool has_text(const std::string& name) const;
  /// Errors of kind Model when the entry is missing or of the other kind.
  const Numbers& numbers(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  /// Names of all entries, sorted.
  std::vector<std::string> names() const;

  std::string bytes() const;

  /// Reads bytes() back. Errors of kind File when the bytes are foreign, truncated, damaged or of a newer
  /// format.
  /// @param argument the user's name for the bytes, for the message
  static Archive parse(const std::string& bytes, const std::string& argument);

 private:
  std::map<std::string, Numbers> numbers_;
  std::map<std::string, std::string> texts_;
};

}  // namespace fatefield
