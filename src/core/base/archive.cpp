// Takes named arrays and strings, gives bytes with a checksum, and back; every length is checked before it is
// used.
#include "base/archive.hpp"

#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace fatefield {
namespace {

const std::string kFamily = "FATEFLD";
const std::string kMagic = kFamily + "1";
constexpr std::uint64_t kNumbers = 0;
constexpr std::uint64_t kText = 1;

std::uint64_t checksum(const char* data, std::size_t n) {
  std::uint64_t h = 14695981039346656037ull;
  for (std::size_t i = 0; i < n; ++i) {
    h ^= static_cast<unsigned char>(data[i]);
    h *= 1099511628211ull;
  }
  return h;
}

void write(std::string& out, std::uint64_t v) { out.append(reinterpret_cast<const char*>(&v), sizeof v); }

void write(std::string& out, const std::string& s) {
  write(out, static_cast<std::uint64_t>(s.size()));
  out += s;
}

class Reader {
 public:
  Reader(const std::string& bytes, std::size_t begin, std::size_t end, std::string argument)
      : bytes_(bytes), at_(begin), end_(end), argument_(std::move(argument)) {}

  std::uint64_t word() {
    std::uint64_t v;
    copy(&v, sizeof v);
    return v;
  }
  std::string text() {
    const std::uint64_t n = word();
    need(n);
    std::string s = bytes_.substr(at_, n);
    at_ += n;
    return s;
  }
  std::vector<double> values(std::uint64_t n) {
    if (n > (end_ - at_) / sizeof(double)) damaged();
    std::vector<double> v(n);
    if (n > 0) copy(v.data(), n * sizeof(double));
    return v;
  }
  [[noreturn]] void damaged() const {
    throw file_error(argument_,
                     "`" + argument_ + "` is a fatefield archive, but damaged: its contents are cut short.");
  }

 private:
  void need(std::uint64_t n) const {
    if (n > end_ - at_) damaged();
  }
  void copy(void* to, std::size_t n) {
    need(n);
    std::memcpy(to, bytes_.data() + at_, n);
    at_ += n;
  }

  const std::string& bytes_;
  std::size_t at_, end_;
  std::string argument_;
};

}  // namespace

void Archive::put(const std::string& name, std::vector<double> values, std::vector<std::int64_t> shape) {
  std::int64_t n = 1;
  for (std::int64_t s : shape) n *= s;
  if (n != static_cast<std::int64_t>(values.size())) {
    throw model_error("Archive entry `" + name + "` has a shape that does not fit its " +
                      std::to_string(values.size()) + " values.");
  }
  numbers_[name] = {std::move(shape), std::move(values)};
}

void Archive::put(const std::string& name, const std::string& text) { texts_[name] = text; }

bool Archive::has(const std::string& name) const {
  return numbers_.count(name) > 0 || texts_.count(name) > 0;
}

bool Archive::has_text(const std::string& name) const { return texts_.count(name) > 0; }

const Archive::Numbers& Archive::numbers(const std::string& name) const {
  const auto it = numbers_.find(name);
  if (it == numbers_.end()) throw model_error("The model's bytes hold no array named `" + name + "`.");
  return it->second;
}

const std::string& Archive::text(const std::string& name) const {
  const auto it = texts_.find(name);
  if (it == texts_.end()) throw model_error("The model's bytes hold no text named `" + name + "`.");
  return it->second;
}

std::vector<std::string> Archive::names() const {
  std::map<std::string, int> all;
  for (const auto& e : numbers_) all[e.first] = 0;
  for (const auto& e : texts_) all[e.first] = 0;
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& e : all) out.push_back(e.first);
  return out;
}

std::string Archive::bytes() const {
  std::string out = kMagic;
  write(out, static_cast<std::uint64_t>(numbers_.size() + texts_.size()));
  for (const auto& e : numbers_) {
    write(out, e.first);
    write(out, kNumbers);
    write(out, static_cast<std::uint64_t>(e.second.shape.size()));
    for (std::int64_t s : e.second.shape) write(out, static_cast<std::uint64_t>(s));
    out.append(reinterpret_cast<const char*>(e.second.values.data()),
               e.second.values.size() * sizeof(double));
  }
  for (const auto& e : texts_) {
    write(out, e.first);
    write(out, kText);
    write(out, e.second);
  }
  write(out, checksum(out.data(), out.size()));
  return out;
}

Archive Archive::parse(const std::string& bytes, const std::string& argument) {
  const std::string name = "`" + argument + "`";
  if (bytes.compare(0, kFamily.size(), kFamily) != 0) {
    throw file_error(argument, name + " is not a fatefield archive: its first bytes are foreign.");
  }
  if (bytes.compare(0, kMagic.size(), kMagic) != 0) {
    throw file_error(argument,
                     name + " was written by a newer format of fatefield: update the package to read it.");
  }
  if (bytes.size() < kMagic.size() + 2 * sizeof(std::uint64_t)) {
    throw file_error(argument,
                     name + " is truncated: " + std::to_string(bytes.size()) + " bytes are left of it.");
  }
  const std::size_t end = bytes.size() - sizeof(std::uint64_t);
  std::uint64_t kept;
  std::memcpy(&kept, bytes.data() + end, sizeof kept);
  if (kept != checksum(bytes.data(), end)) {
    throw file_error(argument, name + " is truncated or damaged: its checksum does not fit its contents.");
  }

  Reader in(bytes, kMagic.size(), end, argument);
  Archive out;
  const std::uint64_t entries = in.word();
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::string entry = in.text();
    if (in.word() == kText) {
      out.texts_[entry] = in.text();
      continue;
    }
    Numbers numbers;
    const std::uint64_t rank = in.word();
    std::uint64_t n = 1;
    for (std::uint64_t k = 0; k < rank; ++k) {
      const std::uint64_t s = in.word();
      if (s != 0 && n > bytes.size() / s) in.damaged();
      n *= s;
      numbers.shape.push_back(static_cast<std::int64_t>(s));
    }
    numbers.values = in.values(n);
    out.numbers_[entry] = std::move(numbers);
  }
  return out;
}

}  // namespace fatefield
