// Takes clouds prepared in pairs and a schedule of temperatures; gives the potentials of their transport.
#include "ot/transport.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "ot/anderson.hpp"

namespace fatefield {
namespace ot {
namespace {

using Vector = std::vector<double>;

// Iterations without progress after which the precision of T is taken to be exhausted.
constexpr std::int64_t kPatience = 300;

double total(const Vector& a) {
  double sum = 0.0;
  for (double v : a) sum += v;
  return sum;
}

void average_with(const Vector& next, Vector& now) {
  for (std::size_t i = 0; i < now.size(); ++i) now[i] = 0.5 * (now[i] + next[i]);
}

Vector joined(Vector u, const Vector& v) {
  u.insert(u.end(), v.begin(), v.end());
  return u;
}

}  // namespace

template <typename T>
Transport<T>::Transport(Interaction<T> pairs, Vector a, Vector b, const Marginals& rows,
                        const Marginals& columns)
    : pairs_(std::move(pairs)),
      a_(std::move(a)),
      b_(std::move(b)),
      rows_(rows),
      columns_(columns),
      f_(a_.size(), 0.0),
      g_(b_.size(), 0.0) {}

template <typename T>
void Transport<T>::find(double eps) {
  if (keep_going_ && !keep_going_()) throw Interrupted();
  pairs_.softmin(eps, f_, g_, f_next_, g_next_);
  raising_.raise(eps, f_, g_, f_next_, g_next_);
  for (double& v : f_next_) v *= rows_.damping(eps);
  for (double& v : g_next_) v *= columns_.damping(eps);
}

template <typename T>
void Transport<T>::finish(double eps) {
  find(eps);
  f_.swap(f_next_);
  g_.swap(g_next_);
}

template <typename T>
void Transport<T>::average() {
  average_with(f_next_, f_);
  average_with(g_next_, g_);
}

template <typename T>
Descent Transport<T>::descend(const Vector& schedule, const SinkhornOptions& options,
                              const std::function<bool()>& keep_going) {
  keep_going_ = keep_going;
  Descent out;
  anneal(*this, schedule);
  out.iterations = static_cast<std::int64_t>(schedule.size()) + 1;
  if (options.tolerance > 0) out.converged = converge(schedule.back(), options, out.iterations);
  finish(schedule.back());
  return out;
}

template <typename T>
bool Transport<T>::converge(double eps, const SinkhornOptions& options, std::int64_t& iterations) {
  const Vector weights = joined(a_, b_);
  const double mass = total(a_);
  const auto n = static_cast<std::ptrdiff_t>(f_.size());
  Anderson accelerator(weights);
  double best = INFINITY;
  std::int64_t best_at = 0;
  for (std::int64_t k = 0; k < options.max_iterations && k - best_at <= kPatience; ++k) {
    find(eps);
    ++iterations;
    const Vector now = joined(f_, g_), image = joined(f_next_, g_next_);
    // To first order a point misses its weight by this share of it.
    double missed = 0.0;
    for (std::size_t i = 0; i < now.size(); ++i) missed += weights[i] * std::abs(image[i] - now[i]) / eps;
    if (missed <= options.tolerance * mass) return true;
    if (missed < best) best_at = k;
    best = std::min(best, missed);
    const Vector next = accelerator.next(now, image);
    f_.assign(next.begin(), next.begin() + n);
    g_.assign(next.begin() + n, next.end());
  }
  return false;
}

template <typename T>
Vector Transport<T>::mass() const {
  Vector out(a_);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = rows_.transported(out[i], f_[i]);
  return out;
}

template <typename T>
void Transport<T>::conditional(double eps, const Vector& mass, Vector* direction, Vector& columns) const {
  Vector undamped(f_);
  for (double& v : undamped) v /= rows_.damping(eps);
  pairs_.conditional(eps, undamped, g_before(), mass, direction, columns);
}

template <typename T>
double Transport<T>::column_error(const Vector& columns) const {
  const Vector& b = pairs_.self() ? a_ : b_;
  double sum = 0.0;
  for (std::size_t j = 0; j < columns.size(); ++j)
    sum += std::abs(columns[j] - columns_.transported(b[j], g_before()[j]));
  return sum;
}

template class Transport<float>;
template class Transport<double>;

}  // namespace ot
}  // namespace fatefield
