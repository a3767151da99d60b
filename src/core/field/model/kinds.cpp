// Takes names; gives kinds of velocity fields. Takes bytes; gives the field they hold.
#include "field/model/kinds.hpp"

#include <algorithm>

#include "base/choices.hpp"
#include "base/error.hpp"
#include "field/model/knn.hpp"
#include "field/model/linear.hpp"
#include "field/model/network.hpp"
#include "field/model/sparse_vfc.hpp"

namespace fatefield {
namespace {

const FieldKind* find_kind(const std::string& name) {
  const std::vector<FieldKind>& all = field_kinds();
  const auto at = std::find_if(all.begin(), all.end(), [&](const FieldKind& k) { return name == k.name; });
  return at == all.end() ? nullptr : &*at;
}

template <typename Which>
std::string names_where(Which&& which) {
  std::vector<std::string> names;
  for (const FieldKind& k : field_kinds()) {
    if (which(k)) names.emplace_back(k.name);
  }
  return quoted_choices(names);
}

}  // namespace

const std::vector<FieldKind>& field_kinds() {
  static const std::vector<FieldKind> all = {
      {"vae", FieldFamily::Network, "a variational auto-encoder from state to velocity"},
      {"ae", FieldFamily::Network, "an auto-encoder, with plain units in the middle"},
      {"mlp", FieldFamily::Network, "a multilayer perceptron"},
      {"sparsevfc", FieldFamily::SparseVfc, "sparse vector field consensus, a sum of Gaussian bumps"},
      {"pca", FieldFamily::Linear, "linear in the principal components"},
      {"ridge", FieldFamily::Linear, "linear, with an intercept and a penalty"},
      {"linear", FieldFamily::Linear, "v = A x by least squares"},
      {"knn", FieldFamily::Knn, "the mean velocity of the nearest cells"},
      {"mean", FieldFamily::Linear, "the same velocity everywhere"}};
  return all;
}

const FieldKind& field_kind(const std::string& name) {
  const FieldKind* kind = find_kind(name);
  if (kind != nullptr) return *kind;
  throw input_error("field", "`field` is \"" + name + "\"; " +
                                 names_where([](const FieldKind&) { return true; }) + " is needed.");
}

void check_network(const FieldKind& kind) {
  if (kind.network()) return;
  throw input_error("field", "`field` must be " +
                                 names_where([](const FieldKind& k) { return k.network(); }) +
                                 "; a field of kind \"" + kind.name + "\" has no network.");
}

std::unique_ptr<VelocityField> restore_field(const std::string& bytes, const std::string& argument) {
  const Archive archive = Archive::parse(bytes, argument);
  if (!archive.has_text("field.kind")) {
    throw model_error("`" + argument + "` holds no velocity field, but something else of this package.");
  }
  const std::string& name = archive.text("field.kind");
  const FieldKind* kind = find_kind(name);
  if (kind == nullptr)
    throw model_error("`" + argument + "` holds a velocity field of the unknown kind \"" + name + "\".");
  switch (kind->family) {
    case FieldFamily::Network:
      return std::make_unique<NetworkField>(name, archive);
    case FieldFamily::SparseVfc:
      return sparse_vfc_field_from(archive);
    case FieldFamily::Knn:
      return knn_field_from(archive);
    case FieldFamily::Linear:
      break;
  }
  return linear_field_from(name, archive);
}

}  // namespace fatefield
