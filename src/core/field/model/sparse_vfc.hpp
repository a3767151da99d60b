// Sparse vector field consensus (Ma, Zhao, Tian, Bai and Tu, "Regularized vector field learning with sparse
// approximation for mismatch removal", Pattern Recognition 46, 2013): f(z) = sum_m C_m exp(-b |z - c_m|^2) at
// control points c_m, fitted by expectation and maximisation with a uniform class of outliers. Takes points
// and velocities in rows; no torch.
//
// With U_im = exp(-b |z_i - c_m|^2), K the same among control points and P the probabilities of not being an
// outlier, a step solves (U'PU + lambda sigma^2 K) C = U'PY. What tells outliers apart has (2 pi
// sigma^2)^(D/2) in it, so that in hundreds of dimensions every cell is one, or none, by the unit of the
// velocities alone. Velocities are therefore scaled to a root mean square of `scale` first: the result does
// not depend on their unit.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/field_options.hpp"
#include "field/model/base.hpp"

namespace fatefield {

struct SparseVfcFit {
  Matrix control;              ///< control points x dims
  Matrix coefficients;         ///< control points x velocities, in the units of the velocities
  double width = 0.0;          ///< b
  double sigma2 = 0.0;         ///< in the units of the velocities
  std::vector<double> inlier;  ///< probability per point
  std::int64_t iterations = 0;
};

/// @param z points x dims
/// @param y points x velocities
/// Errors of kind Input name the option that is out of range, kind Numeric when the system cannot be solved.
SparseVfcFit fit_sparse_vfc(const MatrixView& z, const MatrixView& y, const SparseVfcOptions& options,
                            std::uint64_t seed);

/// Velocities at points: points x velocities.
Matrix sparse_vfc_at(const SparseVfcFit& fit, const MatrixView& z);

/// What the points of a field are: components of the logarithms, or the states themselves.
enum class VfcSpace { Components, States };

std::unique_ptr<VelocityField> make_sparse_vfc_field(FieldFoundation base, VfcSpace space,
                                                     const SparseVfcFit& fit);
std::unique_ptr<VelocityField> sparse_vfc_field_from(const Archive& archive);

}  // namespace fatefield
