// Takes cells with velocities; gives the field of the mean of the nearest.
#include "field/model/knn.hpp"

#include "base/error.hpp"

namespace fatefield {
namespace {

class KnnField final : public BuiltInField {
 public:
  KnnField(FieldFoundation base, Matrix scores, Matrix velocities, std::int64_t k)
      : BuiltInField("knn", std::move(base)),
        scores_(std::move(scores)),
        velocities_(std::move(velocities)),
        k_(k),
        index_(scores_, KnnOptions()) {}

 protected:
  void reserve(FieldMemory& memory) const override {
    memory.near.resize(std::max(memory.near.size(), static_cast<std::size_t>(k_)));
  }

  void evaluate_block(std::int64_t n, const double* x, double* v, FieldMemory& memory) const override {
    const std::int64_t g = genes();
    space().scores(n, x, memory.at(kScores), nullptr, memory.at(kSpaceWorkspace));
    for (std::int64_t i = 0; i < n; ++i) {
      index_.centre({memory.at(kScores) + i * space().stride(), 1, space().dims()}, 0, memory.point.data());
      index_.search(memory.point.data(), k_, -1, memory.near.data());
      double* out = v + i * g;
      std::fill(out, out + g, 0.0);
      for (std::int64_t k = 0; k < k_; ++k) {
        const double* row = velocities_.values.data() + memory.near[static_cast<std::size_t>(k)].index * g;
        for (std::int64_t j = 0; j < g; ++j) out[j] += row[j];
      }
      for (std::int64_t j = 0; j < g; ++j) out[j] /= static_cast<double>(k_);
    }
  }

  void jvp_block(std::int64_t n, const double*, const double*, double* out, FieldMemory&) const override {
    std::fill(out, out + n * genes(), 0.0);
  }

  JacobianFactors factors_at(const double*, FieldMemory&) const override {
    return {Matrix(genes(), 0), Matrix(0, genes())};
  }

  void put(Archive& archive) const override {
    archive.put("knn.k", {static_cast<double>(k_)}, {1});
    put_matrix(archive, "knn.scores", scores_);
    put_matrix(archive, "knn.velocities", velocities_);
  }

 private:
  Matrix scores_, velocities_;
  std::int64_t k_;
  NeighbourIndex index_;
};

}  // namespace

std::unique_ptr<VelocityField> make_knn_field(FieldFoundation base, Matrix scores, Matrix velocities,
                                              std::int64_t k) {
  return std::make_unique<KnnField>(std::move(base), std::move(scores), std::move(velocities), k);
}

std::unique_ptr<VelocityField> knn_field_from(const Archive& archive) {
  FieldFoundation base = foundation_from(archive);
  const StateSpace& space = base.support.space();
  Matrix scores = matrix_from(archive, "knn.scores", 0, space.dims());
  Matrix velocities = matrix_from(archive, "knn.velocities", space.genes(), scores.rows);
  const std::vector<double>& k = archive.numbers("knn.k").values;
  if (k.size() != 1 || k[0] < 1.0 || k[0] > static_cast<double>(scores.rows)) {
    throw model_error("The velocity field asks for more neighbours than it has cells.");
  }
  return make_knn_field(std::move(base), std::move(scores), std::move(velocities),
                        static_cast<std::int64_t>(k[0]));
}

}  // namespace fatefield
