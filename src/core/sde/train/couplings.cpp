// Takes two clouds; gives partners drawn from the rows of their entropic plan, a few rows at a time.
#include "sde/train/couplings.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "ot/clouds.hpp"
#include "ot/time_plan.hpp"

namespace fatefield {
namespace {

// Rows of the pairs that are worked out at once.
constexpr std::int64_t kRows = 64;

// The rows of a plan, and by how much mass grows along its pairs.
template <typename T>
class PlanRows {
 public:
  PlanRows(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options, bool free_targets,
           const std::function<bool()>& keep_going, ot::RaisedPairs raised)
      : x_(x),
        rho_(options.reach * options.reach),
        free_targets_(free_targets),
        raised_(std::move(raised)),
        plan_(ot::find_time_plan(x, y, options, free_targets, keep_going, raised_)) {}

  // f(i, shares of row i) for rows [from, to), in order.
  template <typename F>
  void each_row(std::int64_t from, std::int64_t to, F&& f) const {
    columns().each_row(x_, from, to, [&](std::int64_t i, const double* share, double) {
      if (raised_.empty()) {
        f(i, share);
      } else {
        f(i, raised_row(i, share).data());
      }
    });
  }

  void tell_columns(Partners& out) const {
    out.potential = columns().g();
    if (rho_ > 0.0 && free_targets_) out.target_growth = columns().g();
    for (double& v : out.potential) v /= columns().eps();
    for (double& v : out.target_growth) v /= rho_;
    out.log_weight = columns().log_weights();
    out.raised = raised_;
  }

  bool grows() const { return rho_ > 0.0 || x_.weights != nullptr; }

  double log_growth(std::int64_t i, std::int64_t j) const {
    const auto at = static_cast<std::size_t>(i);
    const double given = std::log(plan_.mass[at] * static_cast<double>(x_.n));
    if (!(rho_ > 0.0)) return given;
    const double end = free_targets_ ? columns().g()[static_cast<std::size_t>(j)] : 0.0;
    return given + (end - plan_.f[at]) / rho_;
  }

 private:
  const ot::PlanColumns<T>& columns() const { return plan_.columns; }

  std::vector<double> raised_row(std::int64_t i, const double* share) const {
    std::vector<double> out(share, share + columns().g().size());
    double sum = 1.0;
    for (auto at = raised_.begin[static_cast<std::size_t>(i)];
         at < raised_.begin[static_cast<std::size_t>(i) + 1]; ++at) {
      const auto e = static_cast<std::size_t>(at), j = static_cast<std::size_t>(raised_.column[e]);
      const double more = share[j] * std::exp(raised_.log_more[e]);
      out[j] += more;
      sum += more;
    }
    for (double& v : out) v /= sum;
    return out;
  }

  Cloud<T> x_;
  double rho_;
  bool free_targets_;
  ot::RaisedPairs raised_;
  ot::TimePlan<T> plan_;
};

void check(const SinkhornOptions& o) {
  check_options(o);
  if (o.p != 2) throw input_error("p", "`p` must be 2 for plans between times.");
}

}  // namespace

template <typename T>
Partners draw_partners(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                       const PartnerDraw& draw, const std::function<bool()>& keep_going,
                       ot::RaisedPairs raised) {
  check(options);
  ot::check_pair(x, y, options.reach == 0);
  const OneEigenThread one_thread;
  const PlanRows<T> plan(x, y, options, draw.free_targets, keep_going, std::move(raised));
  Partners out;
  out.draws = draw.draws;
  out.target.resize(static_cast<std::size_t>(x.n * draw.draws));
  if (plan.grows()) out.log_growth.resize(out.target.size());
  plan.tell_columns(out);
  const auto work = [&](std::int64_t block) {
    const std::int64_t from = block * kRows, to = std::min(x.n, from + kRows);
    plan.each_row(from, to, [&](std::int64_t i, const double* share) {
      const double shift = uniform(draw.seed, Stream::Bridge, draw.first + static_cast<std::uint64_t>(i), 0);
      double reached = share[0];
      std::int64_t j = 0;
      for (std::int64_t r = 0; r < draw.draws; ++r) {
        const double level = (static_cast<double>(r) + shift) / static_cast<double>(draw.draws);
        while (reached < level && j + 1 < y.n) reached += share[++j];
        const auto at = static_cast<std::size_t>(i * draw.draws + r);
        out.target[at] = static_cast<std::int32_t>(j);
        if (plan.grows()) out.log_growth[at] = static_cast<float>(plan.log_growth(i, j));
      }
    });
  };
  const std::int64_t blocks = (x.n + kRows - 1) / kRows, group = std::max(1, threads());
  for (std::int64_t at = 0; at < blocks; at += group) {
    if (keep_going && !keep_going()) throw Interrupted();
    parallel_for(std::min(group, blocks - at), [&](std::int64_t b) { work(at + b); });
  }
  return out;
}

template Partners draw_partners(const Cloud<float>&, const Cloud<float>&, const SinkhornOptions&,
                                const PartnerDraw&, const std::function<bool()>&, ot::RaisedPairs);
template Partners draw_partners(const Cloud<double>&, const Cloud<double>&, const SinkhornOptions&,
                                const PartnerDraw&, const std::function<bool()>&, ot::RaisedPairs);

}  // namespace fatefield
