// Takes states, slopes, times and lengths in rows; gives the ends of the steps and their errors.
#include "paths/steps.hpp"

#include <algorithm>
#include <cmath>

namespace fatefield {

Steps::Steps(const RungeKutta& method, const RightHand& f, std::int64_t capacity, bool tangents)
    : method_(method), f_(f), dims_(f.dims()), tangents_(tangents) {
  const auto rows = static_cast<std::size_t>(capacity), entries = rows * static_cast<std::size_t>(dims_);
  for (Rows* r : {&t_, &h_, &stage_t_}) r->resize(rows);
  for (Rows* r : {&from_, &to_, &x_}) r->resize(entries);
  k_.assign(method.a.size(), Rows(entries));
  if (!method.adaptive()) end_k_.resize(entries);
  if (!tangents) return;
  for (Rows* r : {&delta_, &delta_to_, &dx_}) r->resize(entries);
  dk_.assign(method.stages, Rows(entries));
  if (!method.adaptive()) end_dk_.resize(entries);
}

// out = base + h sum_j weights[j] k[j] of row i
void Steps::weigh(std::int64_t i, const std::vector<double>& weights, const std::vector<Rows>& k, double h,
                  const double* base, double* out) const {
  std::copy(base, base + dims_, out);
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] == 0) continue;
    const double w = h * weights[j];
    const double* kj = row(k[j], i);
#pragma omp simd
    for (std::int64_t g = 0; g < dims_; ++g) out[g] += w * kj[g];
  }
}

// The states, and disturbances, at which stage s of rows [0, n) is taken.
void Steps::stage(std::size_t s, std::int64_t n, double* x, double* delta) {
  for (std::int64_t i = 0; i < n; ++i) {
    stage_t_[i] = t_[i] + method_.c[s] * h_[i];
    weigh(i, method_.a[s], k_, h_[i], from(i), x + i * dims_);
    if (tangents_) weigh(i, method_.a[s], dk_, h_[i], this->delta(i), delta + i * dims_);
  }
}

void Steps::evaluate(std::int64_t n, const Rows& at, double* x, Rows& v, double* delta, Rows* dv,
                     FieldWorkspace& workspace) {
  f_.evaluate(n, at.data(), x, v.data(), tangents_ ? delta : nullptr, tangents_ ? dv->data() : nullptr,
              workspace);
}

void Steps::take(std::int64_t n, FieldWorkspace& workspace) {
  // The last stage of an adaptive method is the end of the step, of which finish() takes the slope.
  const std::size_t inner = method_.adaptive() ? method_.stages - 1 : method_.stages;
  for (std::size_t s = 1; s < inner; ++s) {
    stage(s, n, x_.data(), dx_.data());
    evaluate(n, stage_t_, x_.data(), k_[s], dx_.data(), tangents_ ? &dk_[s] : nullptr, workspace);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    weigh(i, method_.weights, k_, h_[i], from(i), to(i));
    if (tangents_) weigh(i, method_.weights, dk_, h_[i], delta(i), delta_to(i));
  }
}

void Steps::finish(std::int64_t n, FieldWorkspace& workspace) {
  for (std::int64_t i = 0; i < n; ++i) stage_t_[i] = t_[i] + h_[i];
  std::copy(to_.begin(), to_.begin() + n * dims_, x_.begin());
  evaluate(n, stage_t_, x_.data(), end_slopes(), delta_to_.data(), tangents_ ? &end_delta_slopes() : nullptr,
           workspace);
}

namespace {

// The error e of y where states below zero are zero: the difference of the two solutions there.
inline double clipped_error(bool positive, double y, double e) {
  const double clipped = std::max(y, 0.0) - std::max(y - e, 0.0);
  return !positive || (y > 0 && y > e) ? e : clipped;
}

}  // namespace

double Steps::error(std::int64_t i, double rtol, double atol) const {
  if (!method_.error_low.empty()) return error_of_two(i, rtol, atol);
  const double *a = row(from_, i), *b = row(to_, i);
  std::vector<double> all(static_cast<std::size_t>(dims_), 0.0);
  double* const error = all.data();
  for (std::size_t j = 0; j < method_.error.size(); ++j) {
    const double weight = method_.error[j];
    const double* const k = row(k_[j], i);
#pragma omp simd
    for (std::int64_t g = 0; g < dims_; ++g) error[g] += weight * k[g];
  }
  const double h = h_[i];
  const bool positive = f_.positive();
#pragma omp simd
  for (std::int64_t g = 0; g < dims_; ++g) {
    const double e = clipped_error(positive, b[g], h * error[g]);
    error[g] = e / (atol + rtol * std::max(std::abs(a[g]), std::abs(b[g])));
  }
  double sum = 0;
  for (std::int64_t g = 0; g < dims_; ++g) sum += error[g] * error[g];
  return std::sqrt(sum / static_cast<double>(dims_));
}

// dop853 joins two estimates: e5^2 / sqrt(e5^2 + e3^2 / 100).
double Steps::error_of_two(std::int64_t i, double rtol, double atol) const {
  const double *a = row(from_, i), *b = row(to_, i);
  double high = 0, low = 0;
  for (std::int64_t g = 0; g < dims_; ++g) {
    double e5 = 0, e3 = 0;
    for (std::size_t j = 0; j < method_.error_low.size(); ++j) {
      const double k = row(k_[j], i)[g];
      if (j < method_.error.size()) e5 += method_.error[j] * k;
      e3 += method_.error_low[j] * k;
    }
    const double scale = atol + rtol * std::max(std::abs(a[g]), std::abs(b[g]));
    e5 = clipped_error(f_.positive(), b[g], h_[i] * e5) / scale;
    e3 = clipped_error(f_.positive(), b[g], h_[i] * e3) / scale;
    high += e5 * e5;
    low += e3 * e3;
  }
  if (high == 0 && low == 0) return 0;
  return high / std::sqrt((high + 0.01 * low) * static_cast<double>(dims_));
}

void Steps::prepare_between(const std::vector<std::int64_t>& rows, FieldWorkspace& workspace) {
  for (std::size_t s = method_.stages; s < method_.a.size(); ++s) {
    std::vector<double> v(rows.size() * static_cast<std::size_t>(dims_));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const std::int64_t i = rows[r];
      stage_t_[r] = t_[i] + method_.c[s] * h_[i];
      weigh(i, method_.a[s], k_, h_[i], from(i), row(x_, static_cast<std::int64_t>(r)));
    }
    f_.evaluate(static_cast<std::int64_t>(rows.size()), stage_t_.data(), x_.data(), v.data(), nullptr,
                nullptr, workspace);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      std::copy_n(v.data() + static_cast<std::int64_t>(r) * dims_, dims_, row(k_[s], rows[r]));
    }
  }
}

void Steps::between(std::int64_t i, double x, double* out) const {
  if (method_.between.size() > 1) return between_of_853(i, x, out);
  const double *a = row(from_, i), *b = row(to_, i), *ka = row(k_[0], i),
               *kb = row(k_[method_.stages - 1], i);
  const double h = h_[i], bump = x * (1 - x), quartic = 16 * bump * bump;
  if (!method_.between.empty()) {
    weigh(i, method_.between[0], k_, h, a, out);  // the state at the half
  }
  for (std::int64_t g = 0; g < dims_; ++g) {
    const double rise = b[g] - a[g];
    const double bend = ka[g] * ((1 - x) * h) - kb[g] * (x * h) + rise * (2 * x - 1);
    // The quartic that vanishes with its slope at both ends, raised to meet the half.
    const double lift = method_.between.empty() ? 0 : out[g] - a[g] - rise / 2 - (ka[g] - kb[g]) * (h / 8);
    out[g] = a[g] + rise * x + bend * bump + lift * quartic;
  }
}

// The polynomial of degree 7, nested from the highest degree: factors x and 1 - x in turn.
void Steps::between_of_853(std::int64_t i, double x, double* out) const {
  const double *a = row(from_, i), *b = row(to_, i), *ka = row(k_[0], i),
               *kb = row(k_[method_.stages - 1], i);
  const double h = h_[i];
  for (std::int64_t g = 0; g < dims_; ++g) {
    const double rise = b[g] - a[g], start = ka[g] * h - rise, end = rise - kb[g] * h - start;
    double y = 0;
    for (std::size_t d = method_.between.size(); d-- > 0;) {
      double w = 0;
      for (std::size_t j = 0; j < k_.size(); ++j) w += method_.between[d][j] * row(k_[j], i)[g];
      y = (y + w * h) * (d % 2 == 0 ? 1 - x : x);
    }
    y = (y + end) * x;
    y = (y + start) * (1 - x);
    out[g] = a[g] + (y + rise) * x;
  }
}

}  // namespace fatefield
