// Takes the path of a file; stops where a child that goes through it does not come back.
#include "io/hdf5_check.hpp"

#ifdef WITH_HDF5

#include <cstring>

#include "base/child.hpp"
#include "base/error.hpp"
#include "io/hdf5.hpp"

#if !defined(_WIN32)
#include <sys/mman.h>
#endif

namespace fatefield {
namespace {

constexpr int kProcessorSeconds = 5;
constexpr int kDeepest = 16;
// Values that are read, 1 MB of numbers: enough for any small file, little beside the reading of a large one.
constexpr std::int64_t kMostValues = 1 << 17;
constexpr std::size_t kPathBytes = 4096;

const char* const kParts[] = {"obs",  "var",  "X",         "raw",       "layers",
                              "obsm", "obsp", "row_attrs", "col_attrs", "matrix"};
const char* const kAttributes[] = {"encoding-type", "shape",   "h5sparse_format", "h5sparse_shape",
                                   "_index",        "ordered", "column-order"};

#if !defined(_WIN32)
// A page that the child writes and the parent reads.
class SharedText {
 public:
  SharedText()
      : page_(mmap(nullptr, kPathBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  ~SharedText() {
    if (page_ != MAP_FAILED) munmap(page_, kPathBytes);
  }
  SharedText(const SharedText&) = delete;
  SharedText& operator=(const SharedText&) = delete;
  void set(const std::string& text) {
    if (page_ != MAP_FAILED) std::strncpy(static_cast<char*>(page_), text.c_str(), kPathBytes - 1);
  }
  std::string get() const { return page_ != MAP_FAILED ? static_cast<const char*>(page_) : ""; }

 private:
  void* page_;
};
#else
struct SharedText {
  void set(const std::string&) {}
  std::string get() const { return ""; }
};
#endif

class Walk {
 public:
  explicit Walk(SharedText& at) : at_(at) {}

  void file(const hdf5::Node& root) {
    for (const char* part : kParts) child(root, part, 0);
    attempt([&] {
      if (!root.has("uns")) return;
      const hdf5::Node uns = root.child("uns");
      for (const std::string& name : uns.names()) {
        if (name.find("_categories") != std::string::npos) child(uns, name, kDeepest);
      }
    });
  }

 private:
  // What is wrong is told by the reader.
  template <typename F>
  void attempt(F&& f) {
    try {
      f();
    } catch (const Error&) {
      return;
    }
  }

  void child(const hdf5::Node& from, const std::string& name, int depth) {
    attempt([&] {
      at_.set(from.place().path + (from.place().path == "/" ? "" : "/") + name);
      if (from.has(name)) node(from.child(name), depth);
    });
  }

  void node(const hdf5::Node& node, int depth) {
    for (const char* name : kAttributes) {
      attempt([&] {
        if (node.has_attribute(name)) values(node.attribute(name));
      });
    }
    if (node.is_dataset()) {
      attempt([&] { dataset(node); });
      return;
    }
    if (depth >= kDeepest) return;
    for (const std::string& name : node.names()) child(node, name, depth + 1);
  }

  void dataset(const hdf5::Node& node) {
    if (!node.is_compound()) {
      values(node.values());
      return;
    }
    for (const std::string& member : node.members()) attempt([&] { values(node.values(member)); });
  }

  void values(const hdf5::Values& values) {
    if (values.count() > left_) return;
    left_ -= values.count();
    if (values.kind() == hdf5::Kind::Text) {
      values.texts();
    } else if (values.kind() != hdf5::Kind::Other) {
      values.numbers();
    }
  }

  SharedText& at_;
  std::int64_t left_ = kMostValues;
};

}  // namespace

void check_hdf5_file(const std::string& file, const std::string& argument) {
  if (!can_fork()) return;
  SharedText at;
  const ChildEnd end = run_in_child(
      [&] {
        Walk walk(at);
        at.set("/");
        // The file stays open: closing would write what the parent has not yet written of a file of its own.
        const auto* const root = new hdf5::Node(hdf5::Node::open(file, argument));
        walk.file(*root);
      },
      kProcessorSeconds);
  if (end != ChildEnd::Crashed && end != ChildEnd::Endless) return;
  throw file_error(argument,
                   "`" + argument + "`: \"" + file + "\" is damaged at " + at.get() + ": the HDF5 library " +
                       (end == ChildEnd::Crashed ? "crashes" : "does not come to an end") + " there.");
}

}  // namespace fatefield

#else

namespace fatefield {
void check_hdf5_file(const std::string&, const std::string&) {}
}  // namespace fatefield

#endif
