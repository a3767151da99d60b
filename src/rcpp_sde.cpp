// The neural SDE for R: options and the class NeuralSDE. Matrices are cells x dims.
#include "core/sde/model/neural_sde.hpp"
#include "core/sde/solvers/registry.hpp"
#include "core/sde/train/clones.hpp"
#include "core/sde/train/trainer.hpp"
#include "glue.hpp"
#include "glue_futures.hpp"

using namespace fatefield;

namespace {

bool published(const std::string& compat) { return compat == "scdiffeq"; }

std::uint64_t to_seed(double seed) { return static_cast<std::uint64_t>(seed); }

std::string rounded(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

// Calls the R function tick(done, note) five times a second and at the end.
Tick to_tick(const Rcpp::Nullable<Rcpp::Function>& tick) {
  if (tick.isNull()) return [](const Progress&) { return true; };
  const Rcpp::Function call(tick);
  auto clock = std::make_shared<glue::Clock>(0.2);
  return [call, clock](const Progress& p) {
    if (!clock->due() && p.update < p.updates) return true;
    std::string note = "loss " + rounded(p.loss);
    if (std::isfinite(p.held_out)) note += ", held out " + rounded(p.held_out);
    call(static_cast<double>(p.update), note);
    return true;
  };
}

using Columns = std::vector<std::pair<std::string, std::vector<double>>>;

Rcpp::DataFrame to_data_frame(const Columns& from) {
  Rcpp::List columns;
  for (const auto& [name, values] : from) {
    columns.push_back(Rcpp::NumericVector(values.begin(), values.end()), name);
  }
  return Rcpp::DataFrame(columns);
}

Columns to_columns(const std::vector<TimeDispersion>& rows) {
  Columns out{{"time", {}}, {"low", {}}, {"median", {}}, {"high", {}}};
  for (const TimeDispersion& r : rows) {
    out[0].second.push_back(r.time);
    out[1].second.push_back(r.low);
    out[2].second.push_back(r.median);
    out[3].second.push_back(r.high);
  }
  return out;
}

/// What R sees as NeuralSDE.
class NeuralSdeHandle {
 public:
  NeuralSdeHandle(Rcpp::List options, int dims, double seed)
      : model_(glue::guarded(
            [&] { return NeuralSde(glue::from_list<SdeOptions>(options), dims, to_seed(seed)); })) {}
  explicit NeuralSdeHandle(Rcpp::RawVector bytes)
      : model_(glue::guarded([&] { return NeuralSde(glue::from_raw(bytes), "bytes"); })) {}

  Rcpp::NumericMatrix drift(Rcpp::NumericMatrix x, double t) {
    return work([&] { return glue::to_r(model_.drift(glue::view(x), t)); });
  }
  Rcpp::NumericMatrix diffusion(Rcpp::NumericMatrix x, double t) {
    return work([&] { return glue::to_r(model_.diffusion(glue::view(x), t)); });
  }
  Rcpp::NumericMatrix potential(Rcpp::NumericMatrix x, double t) {
    return work([&] { return glue::to_r(model_.potential(glue::view(x), t)); });
  }
  Rcpp::NumericMatrix growth(Rcpp::NumericMatrix x, double t) {
    return work([&] { return glue::to_r(model_.growth(glue::view(x), t)); });
  }

  Rcpp::List simulate(Rcpp::NumericMatrix x0, Rcpp::NumericVector times, double n_sim, double seed,
                      double first) {
    return simulated(x0, request_of(times, n_sim, seed, first));
  }

  Rcpp::List simulate_as(Rcpp::NumericMatrix x0, Rcpp::NumericVector times, double n_sim, double seed,
                         double first, Rcpp::List changes) {
    SimulationRequest request = request_of(times, n_sim, seed, first);
    if (changes.containsElementNamed("noise.sd"))
      request.noise_sd = Rcpp::as<std::vector<double>>(changes["noise.sd"]);
    return simulated(x0, request);
  }

  Rcpp::NumericVector steps(Rcpp::NumericVector times) {
    const std::vector<double> at =
        glue::guarded([&] { return model_.step_times(std::vector<double>(times.begin(), times.end())); });
    return Rcpp::NumericVector(at.begin(), at.end());
  }

  Rcpp::List fates(SEXP index, Rcpp::NumericMatrix x0, Rcpp::NumericVector times, double end,
                   Rcpp::List request, Rcpp::RObject tick) {
    return work([&] {
      return glue::sde_fates(model_, index, x0, times, end, request, Rcpp::Nullable<Rcpp::Function>(tick));
    });
  }

  Rcpp::List fit(Rcpp::NumericMatrix x, Rcpp::NumericVector time, Rcpp::List options, double seed,
                 Rcpp::List extra) {
    return work([&] {
      TrainData data;
      data.x = glue::view(x);
      data.time.assign(time.begin(), time.end());
      if (extra.containsElementNamed("clone") && !Rf_isNull(extra["clone"])) {
        const Rcpp::NumericVector clone = extra["clone"];
        data.clone.assign(clone.begin(), clone.end());
      }
      if (extra.containsElementNamed("trust") && !Rf_isNull(extra["trust"])) {
        const Rcpp::NumericVector trust = extra["trust"];
        data.clone_trust.assign(trust.begin(), trust.end());
      }
      if (extra.containsElementNamed("growth") && !Rf_isNull(extra["growth"])) {
        const Rcpp::NumericVector growth = extra["growth"];
        data.growth_rate.assign(growth.begin(), growth.end());
      }
      Rcpp::NumericMatrix velocity;
      if (extra.containsElementNamed("velocity") && !Rf_isNull(extra["velocity"])) {
        velocity = Rcpp::as<Rcpp::NumericMatrix>(extra["velocity"]);
        data.velocity = glue::view(velocity);
      }
      Rcpp::Nullable<Rcpp::Function> tick(R_NilValue);
      if (extra.containsElementNamed("tick")) tick = static_cast<SEXP>(extra["tick"]);
      const TrainReport r = fit_sde(model_, data, glue::from_list<TrainOptions>(options), to_seed(seed),
                                    to_tick(tick), glue::until_interrupt());
      return Rcpp::List::create(
          Rcpp::_["history"] = to_data_frame(r.history), Rcpp::_["updates"] = r.updates,
          Rcpp::_["best.update"] = r.best_update, Rcpp::_["held.out"] = r.held_out,
          Rcpp::_["ended"] = r.ended,
          Rcpp::_["validation"] = Rcpp::LogicalVector(r.validation_cells.begin(), r.validation_cells.end()),
          Rcpp::_["dispersion"] = to_data_frame(to_columns(r.dispersion)));
    });
  }

  void move_to(std::string device) {
    glue::guarded([&] { model_.move_to(device); });
  }

  Rcpp::RawVector serialize() { return glue::to_raw(model_.bytes()); }
  Rcpp::List options() { return glue::to_list(model_.options()); }
  int dims() { return static_cast<int>(model_.dims()); }
  double parameters() { return static_cast<double>(model_.parameter_count()); }
  Rcpp::NumericVector times() { return Rcpp::wrap(model_.times()); }
  bool has_potential() { return model_.has_potential(); }
  bool has_growth() { return model_.has_growth(); }

  void show() {
    const SdeOptions& o = model_.options();
    Rcpp::Rcout << "<NeuralSDE> " << model_.dims() << " dimensions, " << model_.parameter_count()
                << " parameters\n"
                << "  drift " << o.drift << ", diffusion " << o.diffusion << ", growth "
                << (o.growth ? "learned" : "none") << ", solver " << o.solver << "\n  "
                << (model_.times().empty() ? "not trained"
                                           : "trained on " + std::to_string(model_.times().size()) + " times")
                << "\n";
  }

 private:
  static SimulationRequest request_of(const Rcpp::NumericVector& times, double n_sim, double seed,
                                      double first) {
    SimulationRequest request;
    request.times.assign(times.begin(), times.end());
    request.n_sim = static_cast<std::int64_t>(n_sim);
    request.seed = to_seed(seed);
    request.first_trajectory = to_seed(first);
    return request;
  }

  Rcpp::List simulated(const Rcpp::NumericMatrix& x0, const SimulationRequest& request) {
    return work([&] {
      const Simulation s = model_.simulate(glue::view(x0), request, glue::until_interrupt());
      Rcpp::NumericVector states(s.states.begin(), s.states.end());
      states.attr("dim") = Rcpp::IntegerVector::create(s.trajectories, s.dims, s.times);
      return Rcpp::List::create(
          Rcpp::_["states"] = states,
          Rcpp::_["log_weights"] = Rcpp::NumericMatrix(s.trajectories, s.times, s.log_weights.begin()));
    });
  }

  template <typename F>
  auto work(F&& f) -> decltype(f()) {
    const ThreadScope threads(glue::thread_count());
    return glue::guarded(f);
  }

  NeuralSde model_;
};

bool three_arguments(SEXP*, int n) { return n == 3; }
bool one_argument(SEXP* args, int n) { return n == 1 && TYPEOF(args[0]) == RAWSXP; }

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List sde_defaults(std::string compat) {
  return glue::to_list(published(compat) ? published_sde_options() : SdeOptions());
}

// [[Rcpp::export(rng = false)]]
Rcpp::List train_defaults(std::string compat) {
  return glue::to_list(published(compat) ? published_train_options() : TrainOptions());
}

// What clones say of plans without them: a data frame with a row an interval; see clone_evidence().
// [[Rcpp::export(rng = false)]]
Rcpp::DataFrame sde_clone_evidence(Rcpp::NumericMatrix x, Rcpp::NumericVector time, Rcpp::NumericVector clone,
                                   Rcpp::Nullable<Rcpp::NumericMatrix> drift, double seed) {
  return glue::guarded([&] {
    Rcpp::NumericMatrix given;  // Kept: integers from R are a copy.
    MatrixView drifts;
    if (drift.isNotNull()) drifts = glue::view(given = Rcpp::NumericMatrix(drift));
    const std::vector<CloneEvidence> found =
        clone_evidence(glue::view(x), std::vector<double>(time.begin(), time.end()),
                       std::vector<std::int64_t>(clone.begin(), clone.end()), drifts, to_seed(seed),
                       glue::until_interrupt());
    const auto column = [&](auto f) {
      std::vector<double> out;
      for (const CloneEvidence& e : found) out.push_back(static_cast<double>(f(e)));
      return out;
    };
    using E = CloneEvidence;
    return Rcpp::DataFrame::create(Rcpp::_["from"] = column([](const E& e) { return e.from; }),
                                   Rcpp::_["to"] = column([](const E& e) { return e.to; }),
                                   Rcpp::_["cells"] = column([](const E& e) { return e.cells; }),
                                   Rcpp::_["linked"] = column([](const E& e) { return e.linked; }),
                                   Rcpp::_["noise"] = column([](const E& e) { return e.noise; }),
                                   Rcpp::_["trust"] = column([](const E& e) { return e.trust; }),
                                   Rcpp::_["gain"] = column([](const E& e) { return e.gain; }),
                                   Rcpp::_["gain.se"] = column([](const E& e) { return e.gain_se; }));
  });
}

// The solvers: name, equation ("Ito" or "Stratonovich"), and the strong order for each kind of noise, NA
// where it cannot be treated.
// [[Rcpp::export(rng = false)]]
Rcpp::DataFrame sde_solver_table() {
  const std::vector<SdeSolver>& solvers = sde_solvers();
  Rcpp::CharacterVector name, equation;
  for (const SdeSolver& s : solvers) {
    name.push_back(s.name);
    equation.push_back(s.calculus == Calculus::Ito ? "Ito" : "Stratonovich");
  }
  Rcpp::List columns = Rcpp::List::create(Rcpp::_["name"] = name, Rcpp::_["equation"] = equation);
  for (const NoiseType noise : kNoiseTypes) {
    Rcpp::NumericVector order;
    for (const SdeSolver& s : solvers) order.push_back(s.treats(noise) ? s.strong_order(noise) : NA_REAL);
    columns.push_back(order, noise_name(noise));
  }
  return Rcpp::DataFrame(columns);
}

// Stops where no model could be made of these options.
// [[Rcpp::export(rng = false)]]
void check_sde_options(Rcpp::List options, int dims) {
  glue::guarded([&] { NeuralSde(glue::from_list<SdeOptions>(options), dims, 0); });
}

// [[Rcpp::export(rng = false)]]
void check_train_options(Rcpp::List options) {
  glue::guarded([&] { check_options(glue::from_list<TrainOptions>(options)); });
}

// Updates of all stages together.
// [[Rcpp::export(rng = false)]]
double train_updates(Rcpp::List options) {
  return static_cast<double>(total_updates(glue::from_list<TrainOptions>(options)));
}

// Models that are trained where no number is asked for.
// [[Rcpp::export(rng = false)]]
double train_members(Rcpp::List options) {
  return static_cast<double>(usual_members(glue::from_list<TrainOptions>(options)));
}

// `bridge.noise` of a member of an ensemble, counted from 0.
// [[Rcpp::export(rng = false)]]
double train_member_noise(double member, double members) {
  return member_noise(static_cast<std::int64_t>(member), static_cast<std::int64_t>(members));
}

RCPP_MODULE(neural_sde) {
  Rcpp::class_<NeuralSdeHandle>("NeuralSDE")
      .constructor<Rcpp::List, int, double>("options, dimensions, seed", &three_arguments)
      .constructor<Rcpp::RawVector>("bytes of serialize()", &one_argument)
      .method("drift", &NeuralSdeHandle::drift, "drift(x, t): cells x dims, per unit of time")
      .method("diffusion", &NeuralSdeHandle::diffusion, "diffusion(x, t): cells x dims, sd per root of time")
      .method("potential", &NeuralSdeHandle::potential, "potential(x, t): cells x 1")
      .method("growth", &NeuralSdeHandle::growth, "growth(x, t): cells x 1, per unit of time")
      .method("simulate", &NeuralSdeHandle::simulate, "simulate(x0, times, n_sim, seed, first_trajectory)")
      .method("simulate_as", &NeuralSdeHandle::simulate_as,
              "simulate_as(x0, times, n_sim, seed, first_trajectory, list(noise.sd))")
      .method("steps", &NeuralSdeHandle::steps,
              "steps(times): where the steps through these times begin and end")
      .method("fates", &NeuralSdeHandle::fates,
              "fates(label_index, x0, start_times, end, list(n.sim, seed, ...), tick): shares of labels")
      .method("fit", &NeuralSdeHandle::fit, "fit(x, time, options, seed, list(clone, growth, tick))")
      .method("move_to", &NeuralSdeHandle::move_to, "move_to(device): \"cpu\" or \"cuda\"")
      .method("serialize", &NeuralSdeHandle::serialize, "serialize(): raw bytes")
      .method("options", &NeuralSdeHandle::options, "options(): named list")
      .method("dims", &NeuralSdeHandle::dims, "dims(): number of dimensions")
      .method("parameters", &NeuralSdeHandle::parameters, "parameters(): their number")
      .method("times", &NeuralSdeHandle::times, "times(): those it was trained on")
      .method("has_potential", &NeuralSdeHandle::has_potential, "has_potential()")
      .method("has_growth", &NeuralSdeHandle::has_growth, "has_growth()")
      .method("show", &NeuralSdeHandle::show, "show()");
}
