// Options as entries of an archive, field by field, under a prefix; and back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "base/option_visit.hpp"

namespace fatefield {

class OptionsToArchive {
 public:
  OptionsToArchive(Archive& archive, std::string prefix) : archive_(archive), prefix_(std::move(prefix)) {}
  void operator()(const char* name, const std::string& v) { archive_.put(prefix_ + name, v); }
  template <typename T>
  void operator()(const char* name, const std::vector<T>& v) {
    archive_.put(prefix_ + name, std::vector<double>(v.begin(), v.end()),
                 {static_cast<std::int64_t>(v.size())});
  }
  template <typename T>
  void operator()(const char* name, const T& v) {
    archive_.put(prefix_ + name, std::vector<double>{static_cast<double>(v)}, {1});
  }

 private:
  Archive& archive_;
  std::string prefix_;
};

/// Absent fields keep their default, so that models written before an option existed can be read.
class ArchiveToOptions {
 public:
  ArchiveToOptions(const Archive& archive, std::string prefix)
      : archive_(archive), prefix_(std::move(prefix)) {}
  void operator()(const char* name, std::string& v) {
    if (archive_.has(prefix_ + name)) v = archive_.text(prefix_ + name);
  }
  template <typename T>
  void operator()(const char* name, std::vector<T>& v) {
    if (!archive_.has(prefix_ + name)) return;
    const std::vector<double>& from = archive_.numbers(prefix_ + name).values;
    v.assign(from.begin(), from.end());
  }
  template <typename T>
  void operator()(const char* name, T& v) {
    if (!archive_.has(prefix_ + name)) return;
    const std::vector<double>& from = archive_.numbers(prefix_ + name).values;
    if (from.size() == 1) v = static_cast<T>(from[0]);
  }

 private:
  const Archive& archive_;
  std::string prefix_;
};

template <typename Options>
void put_options(Archive& archive, const std::string& prefix, const Options& o) {
  visit_fields(o, OptionsToArchive(archive, prefix));
}

template <typename Options>
Options get_options(const Archive& archive, const std::string& prefix) {
  Options o;
  visit_fields(o, ArchiveToOptions(archive, prefix));
  return o;
}

}  // namespace fatefield
