// Takes bytes; gives the velocity field they hold.
#include "base/error.hpp"
#include "field/model/knn.hpp"
#include "field/model/linear.hpp"
#include "field/model/network.hpp"
#include "field/model/sparse_vfc.hpp"

namespace fatefield {

std::unique_ptr<VelocityField> restore_field(const std::string& bytes, const std::string& argument) {
  const Archive archive = Archive::parse(bytes, argument);
  if (!archive.has_text("field.kind")) {
    throw model_error("`" + argument + "` holds no velocity field, but something else of this package.");
  }
  const std::string& kind = archive.text("field.kind");
  if (kind == "vae" || kind == "ae" || kind == "mlp") return std::make_unique<NetworkField>(kind, archive);
  if (kind == "sparsevfc") return sparse_vfc_field_from(archive);
  if (kind == "knn") return knn_field_from(archive);
  if (kind == "mean" || kind == "linear" || kind == "ridge" || kind == "pca")
    return linear_field_from(kind, archive);
  throw model_error("`" + argument + "` holds a velocity field of the unknown kind \"" + kind + "\".");
}

}  // namespace fatefield
