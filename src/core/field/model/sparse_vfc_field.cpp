// Takes a fitted sparse field; gives it as a velocity field of states.
#include <cmath>

#include "base/error.hpp"
#include "field/model/sparse_vfc.hpp"

namespace fatefield {
namespace {

class SparseVfcField final : public BuiltInField {
 public:
  SparseVfcField(FieldFoundation base, VfcSpace where, const SparseVfcFit& fit)
      : BuiltInField("sparsevfc", std::move(base)),
        where_(where),
        control_(fit.control),
        coefficients_(fit.coefficients),
        width_(fit.width),
        along_(pack(fit.control, nullptr)) {
    Matrix up(coefficients_.cols, coefficients_.rows);
    for (std::int64_t m = 0; m < coefficients_.rows; ++m) {
      for (std::int64_t g = 0; g < coefficients_.cols; ++g) up(g, m) = coefficients_(m, g);
      double square = 0.0;
      for (std::int64_t k = 0; k < control_.cols; ++k) square += control_(m, k) * control_(m, k);
      size_.push_back(square);
    }
    up_ = pack(up, nullptr);
  }

 protected:
  enum Part : std::size_t { kKernel = kOwn, kChange, kDelta, kOutput };

  void reserve(FieldMemory& memory) const override {
    const auto add = [&](std::int64_t entries) {
      memory.part.emplace_back(static_cast<std::size_t>(kFieldRows * entries));
    };
    add(along_.stride());
    add(along_.stride());
    add(space().stride());
    add(up_.stride());
  }

  void evaluate_block(std::int64_t n, const double* x, double* v, FieldMemory& m) const override {
    values(n, x, m);
    up_.forward(n, m.at(kKernel), along_.stride(), m.at(kOutput));
    take(n, m, v);
  }

  // U_m changes by -2 b U_m (z - c_m) . dz.
  void jvp_block(std::int64_t n, const double* x, const double* delta, double* out,
                 FieldMemory& m) const override {
    values(n, x, m);
    const double *z = x, *dz = delta;
    std::int64_t ld = genes();
    if (where_ == VfcSpace::Components) {
      // values() leaves the scores where they are; the change gets its own place.
      space().jvp(n, x, delta, m.at(kDelta), m.at(kSpaceWorkspace));
      z = m.at(kScores);
      dz = m.at(kDelta);
      ld = space().stride();
    }
    along_.tangent(n, dz, ld, m.at(kChange));
    for (std::int64_t i = 0; i < n; ++i) {
      double own = 0.0;
      for (std::int64_t k = 0; k < control_.cols; ++k) own += z[i * ld + k] * dz[i * ld + k];
      double *change = m.at(kChange) + i * along_.stride(), *u = m.at(kKernel) + i * along_.stride();
      for (std::int64_t c = 0; c < control_.rows; ++c) change[c] = -2.0 * width_ * u[c] * (own - change[c]);
    }
    up_.tangent(n, m.at(kChange), along_.stride(), m.at(kOutput));
    take(n, m, out);
  }

  JacobianFactors factors_at(const double* x, FieldMemory& m) const override {
    values(1, x, m);
    const double* z = where_ == VfcSpace::Components ? m.at(kScores) : x;
    JacobianFactors out{Matrix(genes(), control_.cols), Matrix()};
    for (std::int64_t k = 0; k < control_.cols; ++k) {
      for (std::int64_t c = 0; c < control_.rows; ++c) {
        const double slope = -2.0 * width_ * m.at(kKernel)[c] * (z[k] - control_(c, k));
        for (std::int64_t g = 0; g < genes(); ++g) out.left(g, k) += slope * coefficients_(c, g);
      }
    }
    if (where_ == VfcSpace::Components) {
      out.right = space().slopes(x);
      return out;
    }
    out.right = Matrix(genes(), genes());
    for (std::int64_t g = 0; g < genes(); ++g) out.right(g, g) = 1.0;
    return out;
  }

  void put(Archive& archive) const override {
    archive.put("vfc.units", {where_ == VfcSpace::Components ? 1.0 : 0.0, width_}, {2});
    put_matrix(archive, "vfc.control", control_);
    put_matrix(archive, "vfc.coefficients", coefficients_);
  }

 private:
  // The kernel at n states.
  void values(std::int64_t n, const double* x, FieldMemory& m) const {
    const double* z = x;
    std::int64_t ld = genes();
    if (where_ == VfcSpace::Components) {
      space().scores(n, x, m.at(kScores), nullptr, m.at(kSpaceWorkspace));
      z = m.at(kScores);
      ld = space().stride();
    }
    along_.tangent(n, z, ld, m.at(kKernel));
    for (std::int64_t i = 0; i < n; ++i) {
      double own = 0.0;
      for (std::int64_t k = 0; k < control_.cols; ++k) own += z[i * ld + k] * z[i * ld + k];
      double* u = m.at(kKernel) + i * along_.stride();
      for (std::int64_t c = 0; c < control_.rows; ++c) {
        u[c] = std::exp(-width_ * std::max(0.0, own + size_[static_cast<std::size_t>(c)] - 2.0 * u[c]));
      }
    }
  }

  void take(std::int64_t n, FieldMemory& m, double* out) const {
    for (std::int64_t i = 0; i < n; ++i)
      std::copy_n(m.at(kOutput) + i * up_.stride(), genes(), out + i * genes());
  }

  VfcSpace where_;
  Matrix control_, coefficients_;
  double width_;
  std::vector<double> size_;  // squared norms of the control points
  PackedLayer<double> along_, up_;
};

}  // namespace

std::unique_ptr<VelocityField> make_sparse_vfc_field(FieldFoundation base, VfcSpace space,
                                                     const SparseVfcFit& fit) {
  return std::make_unique<SparseVfcField>(std::move(base), space, fit);
}

std::unique_ptr<VelocityField> sparse_vfc_field_from(const Archive& archive) {
  FieldFoundation base = foundation_from(archive);
  const std::vector<double>& units = archive.numbers("vfc.units").values;
  if (units.size() != 2 || !(units[1] > 0.0)) throw model_error("The sparse velocity field has no width.");
  const VfcSpace where = units[0] != 0.0 ? VfcSpace::Components : VfcSpace::States;
  const StateSpace& space = base.support.space();
  SparseVfcFit fit;
  fit.width = units[1];
  fit.control =
      matrix_from(archive, "vfc.control", 0, where == VfcSpace::Components ? space.dims() : space.genes());
  fit.coefficients = matrix_from(archive, "vfc.coefficients", fit.control.rows, space.genes());
  return make_sparse_vfc_field(std::move(base), where, fit);
}

}  // namespace fatefield
