// Takes the path of a file, gives its groups and data sets; only what lies in the file itself is opened.
#ifdef WITH_HDF5

#include "io/hdf5.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "io/hdf5_groups.hpp"

namespace fatefield {
namespace hdf5 {
namespace {

herr_t refuse_external(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) {
  return -1;
}

// Access to a link that stays in the file.
Handle inside_only() {
  Handle access(H5Pcreate(H5P_LINK_ACCESS), H5Pclose);
  H5Pset_elink_cb(access.get(), refuse_external, nullptr);
  return access;
}

std::string joined(const std::string& path, const std::string& name) {
  return path == "/" ? path + name : path + "/" + name;
}

extern "C" herr_t keep_description(unsigned, const H5E_error2_t* e, void* out) {
  if (e->desc != nullptr) *static_cast<std::string*>(out) = e->desc;
  return 0;
}

extern "C" herr_t keep_name(hid_t, const char* name, const H5L_info_t*, void* out) {
  static_cast<std::vector<std::string>*>(out)->emplace_back(name);
  return 0;
}

// Every part of the path leads somewhere; H5Oexists_by_name() alone fails on a missing part. The groups on
// the way are checked before they are asked.
bool reachable(hid_t from, const std::string& path, hid_t access, const Place& place) {
  for (std::size_t at = path.find('/');; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (!part.empty()) {
      if (H5Lexists(from, part.c_str(), access) <= 0) return false;
      if (H5Oexists_by_name(from, part.c_str(), access) <= 0) return false;
    }
    if (at == std::string::npos) return true;
    if (part.empty()) continue;
    const Handle group(H5Oopen(from, part.c_str(), access), H5Oclose);
    if (H5Iget_type(group.get()) != H5I_GROUP) return false;
    check_names(group.get(), place.at(joined(place.path, part)));
  }
}

// Data kept in other files.
bool leaves_file(hid_t dataset) {
  const Handle made(H5Dget_create_plist(dataset), H5Pclose);
  return !made || H5Pget_layout(made.get()) == H5D_VIRTUAL || H5Pget_external_count(made.get()) != 0;
}

}  // namespace

Silence::Silence() {
  H5Eget_auto2(H5E_DEFAULT, &printer_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Silence::~Silence() { H5Eset_auto2(H5E_DEFAULT, printer_, data_); }

std::string reason() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_description, &text);
  return (text.empty() ? "unknown" : text) + ".";
}

void Place::fail(const std::string& what) const {
  throw file_error(argument, "`" + argument + "`: \"" + file + "\", " + path + ": " + what);
}

Node Node::open(const std::string& file, const std::string& argument) {
  const Silence silence;
  const std::string name = "`" + argument + "`: \"" + file + "\" ";
  if (H5Fis_hdf5(file.c_str()) <= 0) {
    throw file_error(argument, name + "is missing, or no HDF5 file: its first bytes are foreign.");
  }
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0) throw file_error(argument, name + "is an HDF5 file, but cannot be opened: " + reason());
  auto owner = std::make_shared<const Handle>(id, H5Fclose);
  const hid_t root = H5Gopen2(id, "/", H5P_DEFAULT);
  if (root < 0) throw file_error(argument, name + "is damaged: it has no root group.");
  Node node(owner, std::make_shared<const Handle>(root, H5Oclose), {argument, file, "/"});
  check_names(root, node.place_);
  return node;
}

bool Node::is_group() const { return H5Iget_type(id_->get()) == H5I_GROUP; }

bool Node::is_dataset() const { return H5Iget_type(id_->get()) == H5I_DATASET; }

bool Node::is_compound() const {
  if (!is_dataset()) return false;
  const Handle type(H5Dget_type(id_->get()), H5Tclose);
  return type && H5Tget_class(type.get()) == H5T_COMPOUND;
}

bool Node::has(const std::string& path) const {
  if (!is_group()) return false;
  const Silence silence;
  return reachable(id_->get(), path, inside_only().get(), place_);
}

Node Node::child(const std::string& path) const {
  const Place place = place_.at(joined(place_.path, path));
  if (!has(path)) place.fail("it is missing.");
  const Silence silence;
  const hid_t id = H5Oopen(id_->get(), path.c_str(), inside_only().get());
  auto owner = std::make_shared<const Handle>(id, H5Oclose);
  if (id < 0) place.fail("it cannot be opened: " + reason());
  Node node(file_, owner, place);
  if (!node.is_group() && !node.is_dataset()) place.fail("it is neither a group nor a data set.");
  if (node.is_group()) check_names(id, place);
  if (node.is_dataset() && leaves_file(id)) place.fail("its values lie in another file, which is not read.");
  return node;
}

std::vector<std::string> Node::names() const {
  std::vector<std::string> out;
  if (!is_group()) return out;
  const Silence silence;
  if (H5Literate(id_->get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, keep_name, &out) < 0) {
    place_.fail("its members cannot be listed: " + reason());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> Node::members() const {
  const Handle type(H5Dget_type(id_->get()), H5Tclose);
  const int n = type ? H5Tget_nmembers(type.get()) : 0;
  std::vector<std::string> out;
  for (int m = 0; m < n; ++m) {
    char* const name = H5Tget_member_name(type.get(), static_cast<unsigned>(m));
    if (name == nullptr) place_.fail("its type cannot be read.");
    out.emplace_back(name);
    H5free_memory(name);
  }
  return out;
}

bool Node::has_attribute(const std::string& name) const {
  const Silence silence;
  return H5Aexists(id_->get(), name.c_str()) > 0;
}

Values Node::attribute(const std::string& name) const {
  const Silence silence;
  const Place place = place_.at(place_.path + "@" + name);
  if (!has_attribute(name)) place.fail("it is missing.");
  const hid_t id = H5Aopen(id_->get(), name.c_str(), H5P_DEFAULT);
  auto owner = std::make_shared<const Handle>(id, H5Aclose);
  if (id < 0) place.fail("it cannot be opened: " + reason());
  return Values(owner, true, place);
}

std::string Node::text_attribute(const std::string& name) const {
  if (!has_attribute(name)) return "";
  const Values values = attribute(name);
  if (values.kind() != Kind::Text || values.count() != 1) return "";
  return values.texts()[0];
}

Values Node::values() const { return values(""); }

Values Node::values(const std::string& member) const {
  const Silence silence;
  if (!is_dataset()) place_.fail("it is a group, where values are needed.");
  return Values(id_, false, member.empty() ? place_ : place_.at(place_.path + "." + member), member);
}

}  // namespace hdf5
}  // namespace fatefield

#endif
