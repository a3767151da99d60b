// Takes the cells and the start of one gene; gives its fit by the published sequence of proposals.
#include "velocity/dynamical/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "velocity/dynamical/simplex.hpp"

namespace fatefield {
namespace {

class Schedule {
 public:
  using Member = double GeneParameters::*;
  enum class Switch { Adjust, Keep };

  Schedule(const GeneReads& gene, const CellAverages& averages, const GeneStart& start)
      : assignment_(gene, averages), loss_(gene) {
    fit_.parameters = start.parameters;
    fit_.steady_u = start.steady.u;
    fit_.times = times_of(fit_.parameters);
    fit_.losses.push_back(loss_of(fit_.parameters, fit_.times.t));
  }

  ScheduledFit run() {
    search_scaling(0.5);
    search_scaling(0.1);
    fit_.ratio = fit_.parameters.gamma / fit_.parameters.beta;

    const double alpha = fit_.parameters.alpha;
    for (const double factor : {-0.1, -0.05, 0.0, 0.05, 0.1})
      propose_with({&GeneParameters::alpha}, {alpha + factor * alpha});
    simplex({&GeneParameters::t_switch, &GeneParameters::alpha}, kFine);
    simplex({&GeneParameters::t_switch, &GeneParameters::beta, &GeneParameters::scaling}, kFine);
    simplex({&GeneParameters::alpha, &GeneParameters::gamma}, kCoarse);
    simplex({&GeneParameters::t_switch}, kFine);
    const std::initializer_list<Member> rates = {&GeneParameters::t_switch, &GeneParameters::alpha,
                                                 &GeneParameters::beta, &GeneParameters::gamma};
    simplex(rates, kCoarse);

    rule_ = TimeRule::Projection;
    propose(fit_.parameters, Switch::Keep);
    simplex(rates, kCoarse, true);
    propose(fit_.parameters, Switch::Adjust);
    return std::move(fit_);
  }

 private:
  // Tolerances of the simplex: SciPy's default, and what the original asks for.
  static constexpr double kFine = 1e-4, kCoarse = 1e-2;

  // Proposals often come back to parameters that were evaluated a moment ago.
  struct Seen {
    GeneParameters parameters;
    TimeRule rule;
    CellTimes times;
  };
  static constexpr std::size_t kRemembered = 10;

  const CellTimes& times_of(const GeneParameters& p) {
    for (const Seen& s : seen_)
      if (s.rule == rule_ && same(s.parameters, p)) return s.times;
    if (seen_.size() < kRemembered) seen_.emplace_back();
    Seen& s = seen_[oldest_];
    oldest_ = (oldest_ + 1) % kRemembered;
    s = {p, rule_, assignment_.assign(p, rule_)};
    return s.times;
  }
  static bool same(const GeneParameters& a, const GeneParameters& b) {
    return a.alpha == b.alpha && a.beta == b.beta && a.gamma == b.gamma && a.scaling == b.scaling &&
           a.t_switch == b.t_switch;
  }

  double loss_of(const GeneParameters& p, const std::vector<double>& t) {
    return loss_.error(p, t, Counted::Used, fit_.ratio).sum;
  }

  GeneParameters with(const std::vector<Member>& members, const std::vector<double>& values) const {
    GeneParameters p = fit_.parameters;
    for (std::size_t k = 0; k < members.size(); ++k) p.*members[k] = values[k];
    return p;
  }

  void propose_with(const std::vector<Member>& members, const std::vector<double>& values) {
    propose(with(members, values), Switch::Adjust);
  }

  void propose(GeneParameters p, Switch adjust) {
    const double before = fit_.losses.back();
    const std::vector<char> was_on = fit_.times.on;
    CellTimes times = times_of(p);
    double loss = loss_of(p, times.t);
    bool accepted = loss < before;
    if (adjust == Switch::Adjust && std::count(was_on.begin(), was_on.end(), 1) > 0) {
      if (!accepted) {
        p = fit_.parameters;
        times = times_of(p);
        loss = loss_of(p, times.t);
      }
      accepted = earlier_switch(was_on, before, p, times, loss) || accepted;
    }
    if (!accepted) return;
    fit_.steady_u *= fit_.parameters.scaling / p.scaling;
    fit_.parameters = p;
    fit_.times = std::move(times);
    fit_.losses.push_back(loss);
  }

  // Where the cells that were being induced end before the switch, the switch may be too late.
  bool earlier_switch(const std::vector<char>& was_on, double before, GeneParameters& p, CellTimes& times,
                      double& loss) {
    double last = -HUGE_VAL, latest = -HUGE_VAL, at_switch = 0;
    for (std::size_t i = 0; i < was_on.size(); ++i) {
      if (was_on[i]) last = std::max(last, times.t[i]);
      latest = std::max(latest, times.t[i]);
      at_switch += times.t[i] == p.t_switch;
    }
    if (!(0 < last && last < p.t_switch)) return false;
    GeneParameters other = p;
    other.t_switch = last + latest / static_cast<double>(was_on.size()) * at_switch;
    CellTimes other_times = times_of(other);
    const double other_loss = loss_of(other, other_times.t);
    const double u = splicing_state(p.induction(), p.t_switch).u;
    const double other_u = splicing_state(other.induction(), other.t_switch).u;
    if (!(other_loss * 0.99 <= std::min(loss, before) || u * 0.99 < other_u)) return false;
    p = other;
    times = std::move(other_times);
    loss = other_loss;
    return true;
  }

  void search_scaling(double sight) {
    const double scaling = fit_.parameters.scaling;
    for (const double step : {-1.0, -1.0 / 3, 1.0 / 3, 1.0}) {
      const double next = scaling + step * scaling * sight;
      propose_with({&GeneParameters::scaling, &GeneParameters::beta},
                   {next, fit_.parameters.beta / fit_.parameters.scaling * next});
    }
  }

  void simplex(const std::vector<Member>& members, double tolerance, bool times_held = false) {
    std::vector<double> start;
    for (const Member m : members) start.push_back(fit_.parameters.*m);
    const auto mean_error = [&](const std::vector<double>& values) {
      const GeneParameters p = with(members, values);
      const std::vector<double>& t = times_held ? fit_.times.t : times_of(p).t;
      return loss_.error(p, t, Counted::Used, fit_.ratio).mean();
    };
    propose_with(members, SimplexStep(mean_error, tolerance)(start));
  }

  TimeAssignment assignment_;
  DynamicalLoss loss_;
  ScheduledFit fit_;
  TimeRule rule_ = TimeRule::Inverse;
  std::vector<Seen> seen_;
  std::size_t oldest_ = 0;
};

}  // namespace

ScheduledFit fit_by_schedule(const GeneReads& gene, const CellAverages& averages, const GeneStart& start) {
  return Schedule(gene, averages, start).run();
}

}  // namespace fatefield
