// A learned velocity field dx/dt = f(x) from outside: plain numbers, no torch. What integrates, perturbs or
// scores a field needs nothing but this.
//
// A state x is a cell's size-normalised spliced counts on the linear scale (no logarithm), of the velocity
// genes the field was fitted on, in their order. f(x) has the units of the velocities it was fitted to:
// normalised counts per unit of their time. What a field does to its input (logarithm, standardisation,
// components) and to its output is its own affair. Every finite state has a velocity: below zero log1p goes
// on as the straight line with the same slope.
//
// States lie in rows, one after the other: n x genes(), row-major doubles. The answer for a state does not
// depend on the states beside it, so blocks may be cut anywhere and worked on by any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

/// Memory that evaluations of one field need, made by its workspace() and used by one thread at a time;
/// evaluations with it allocate nothing.
class FieldWorkspace {
 public:
  virtual ~FieldWorkspace() = default;
};

/// The data a field was fitted to, per gene; for time scales and horizons.
struct FieldStatistics {
  std::vector<double> mean_state, sd_state;                      ///< of X over cells
  std::vector<double> mean_velocity, sd_velocity, abs_velocity;  ///< of Y over cells; the last: mean of |Y|
  double median_speed = 0.0;                                     ///< median over cells of |Y_c|
};

/// df/dx at one state as left (genes x rank) times right (rank x genes). A rank of zero is a constant field.
struct JacobianFactors {
  Matrix left, right;
};

/// Const members may be called from many threads at once, each with a workspace of its own.
class VelocityField {
 public:
  virtual ~VelocityField() = default;

  /// A name of field/model/kinds.hpp.
  virtual std::string kind() const = 0;
  virtual std::int64_t genes() const = 0;
  virtual const FieldStatistics& statistics() const = 0;

  virtual std::unique_ptr<FieldWorkspace> workspace() const = 0;

  /// v (n x genes) = f(x).
  virtual void evaluate(std::int64_t n, const double* x, double* v, FieldWorkspace& workspace) const = 0;

  /// out (n x genes) = J(x) delta: how fast f changes along delta, exact.
  virtual void jvp(std::int64_t n, const double* x, const double* delta, double* out,
                   FieldWorkspace& workspace) const = 0;

  /// The Jacobian at one state, exact.
  virtual JacobianFactors factors(const double* x, FieldWorkspace& workspace) const = 0;

  /// How far each state is from the cells the field was fitted to (n numbers). 99 of 100 of these cells, each
  /// left out, have at most 1; far beyond it the velocity is an extrapolation.
  virtual void support_score(std::int64_t n, const double* x, double* out,
                             FieldWorkspace& workspace) const = 0;

  /// Everything; restore_field() is the inverse, and gives the same bytes of every answer.
  virtual std::string bytes() const = 0;
};

/// From bytes(). Errors of kind File (damaged, foreign) or Model (what it holds does not fit together).
/// @param argument the user's name for the bytes, for the message
std::unique_ptr<VelocityField> restore_field(const std::string& bytes, const std::string& argument);

// The same for matrices with cells in rows (n x genes, column-major), on threads() threads. Errors of kind
// Model when the matrix has other than genes() columns.

Matrix field_velocity(const VelocityField& field, const MatrixView& x);
Matrix field_jvp(const VelocityField& field, const MatrixView& x, const MatrixView& delta);
/// J(x) f(x): how fast the velocity of a cell changes on its way.
Matrix field_acceleration(const VelocityField& field, const MatrixView& x);
/// Trace of the Jacobian of each cell: positive where neighbouring paths part.
std::vector<double> field_divergence(const VelocityField& field, const MatrixView& x);
std::vector<double> field_support(const VelocityField& field, const MatrixView& x);
/// df_i/dx_j of one state (genes x genes), which is row `cell` of x.
Matrix field_jacobian(const VelocityField& field, const MatrixView& x, std::int64_t cell);

}  // namespace fatefield
