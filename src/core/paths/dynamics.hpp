// What can be integrated: a velocity for rows of states, each at a time of its own. Plain numbers, no torch.
// Rows lie one after the other: n x dims() doubles. Answers do not depend on the rows beside them.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "field/model/velocity_field.hpp"

namespace fatefield {

/// dx/dt = f(x, t).
class Dynamics {
 public:
  virtual ~Dynamics() = default;
  virtual std::int64_t dims() const = 0;
  /// Whether f works on all threads by itself and wants all rows at once; else calls come from many threads.
  virtual bool wants_all_rows() const { return false; }
  virtual std::unique_ptr<FieldWorkspace> workspace() const { return std::make_unique<FieldWorkspace>(); }

  /// v = f(x, t)
  virtual void evaluate(std::int64_t n, const double* t, const double* x, double* v,
                        FieldWorkspace& workspace) const = 0;
  /// out = J(x, t) delta: how fast f changes along delta.
  virtual void jvp(std::int64_t n, const double* t, const double* x, const double* delta, double* out,
                   FieldWorkspace& workspace) const = 0;
  /// How far states are from what f was fitted to, see VelocityField::support_score(); only if it can tell.
  virtual bool has_support() const { return false; }
  virtual void support_score(std::int64_t, const double*, double*, FieldWorkspace&) const {}
};

/// A velocity field, which must outlive this.
class FieldDynamics final : public Dynamics {
 public:
  explicit FieldDynamics(const VelocityField& field) : field_(field) {}
  std::int64_t dims() const override { return field_.genes(); }
  std::unique_ptr<FieldWorkspace> workspace() const override { return field_.workspace(); }
  void evaluate(std::int64_t n, const double*, const double* x, double* v,
                FieldWorkspace& workspace) const override {
    field_.evaluate(n, x, v, workspace);
  }
  void jvp(std::int64_t n, const double*, const double* x, const double* delta, double* out,
           FieldWorkspace& workspace) const override {
    field_.jvp(n, x, delta, out, workspace);
  }
  bool has_support() const override { return true; }
  void support_score(std::int64_t n, const double* x, double* out, FieldWorkspace& workspace) const override {
    field_.support_score(n, x, out, workspace);
  }

 private:
  const VelocityField& field_;
};

/// The right-hand side kappa f(max(x, 0), t), or kappa f(x, t) where states may be negative. The first is as
/// smooth as f but for kinks at zero, so that steps need not end where a gene comes to zero.
class RightHand {
 public:
  /// @param held dimensions whose velocity is zero
  RightHand(const Dynamics& f, double kappa, bool positive, std::vector<std::int64_t> held = {})
      : f_(f), kappa_(kappa), positive_(positive), held_(std::move(held)) {}

  const Dynamics& dynamics() const { return f_; }
  std::int64_t dims() const { return f_.dims(); }
  bool positive() const { return positive_; }

  /// v = velocity at x. With delta: dv = its change along delta. What is below zero in x becomes zero, and
  /// delta there.
  void evaluate(std::int64_t n, const double* t, double* x, double* v, double* delta, double* dv,
                FieldWorkspace& workspace) const {
    const std::int64_t entries = n * dims();
    if (positive_) hold_positive(entries, x, delta);
    f_.evaluate(n, t, x, v, workspace);
    scale(entries, v);
    hold(n, v);
    if (delta == nullptr) return;
    f_.jvp(n, t, x, delta, dv, workspace);
    scale(entries, dv);
    hold(n, dv);
  }

  static void hold_positive(std::int64_t entries, double* x, double* delta) {
    if (delta != nullptr) {
#pragma omp simd
      for (std::int64_t e = 0; e < entries; ++e) delta[e] = x[e] < 0 ? 0 : delta[e];
    }
#pragma omp simd
    for (std::int64_t e = 0; e < entries; ++e) x[e] = x[e] < 0 ? 0 : x[e];
  }

 private:
  void scale(std::int64_t entries, double* v) const {
    if (kappa_ == 1) return;
#pragma omp simd
    for (std::int64_t e = 0; e < entries; ++e) v[e] *= kappa_;
  }

  void hold(std::int64_t n, double* v) const {
    for (const std::int64_t g : held_) {
      for (std::int64_t i = 0; i < n; ++i) v[i * dims() + g] = 0;
    }
  }

  const Dynamics& f_;
  double kappa_;
  bool positive_;
  std::vector<std::int64_t> held_;
};

}  // namespace fatefield
