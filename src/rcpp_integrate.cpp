// Integration of cells for R. States of cells are cells x dims; observed cells are dims x cells, dgCMatrix or
// dense, as assays are. Pointers live for one call of a user's function and are never kept.
#include "core/paths/integrate.hpp"
#include "core/paths/scales.hpp"
#include "core/paths/sde.hpp"
#include "core/paths/tableaux.hpp"
#include "core/velocity/estimate/counts.hpp"
#include "glue.hpp"
#include "glue_counts.hpp"
#include "glue_motion.hpp"
#include "glue_tick.hpp"

using namespace fatefield;
using fatefield::glue::at;

namespace {

std::vector<double> numbers(const Rcpp::NumericVector& x) { return {x.begin(), x.end()}; }

Rcpp::NumericVector counted(const std::vector<std::int64_t>& x) {
  return Rcpp::NumericVector(x.begin(), x.end());
}

// A matrix of numbers that came path by path, or NULL where there are none.
SEXP by_time(const std::vector<double>& x, const Paths& p) {
  if (x.empty()) return R_NilValue;
  return Rcpp::NumericMatrix(static_cast<int>(p.n), static_cast<int>(p.times), x.begin());
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List integrate_defaults(std::string compat) {
  return glue::to_list(compat == "deepvelo" ? published_integrate_options() : IntegrateOptions());
}

// The solvers: name, names that others give them, order, and whether they choose their steps by the error.
// [[Rcpp::export(rng = false)]]
Rcpp::List integrate_solver_table() {
  Rcpp::CharacterVector name;
  Rcpp::List also;
  Rcpp::IntegerVector order;
  Rcpp::LogicalVector adaptive;
  for (const RungeKutta& m : runge_kutta_methods()) {
    name.push_back(m.names[0]);
    also.push_back(Rcpp::CharacterVector(m.names.begin() + 1, m.names.end()));
    order.push_back(m.order);
    adaptive.push_back(m.adaptive());
  }
  return Rcpp::List::create(Rcpp::_["name"] = name, Rcpp::_["also"] = also, Rcpp::_["order"] = order,
                            Rcpp::_["adaptive"] = adaptive);
}

// Observed cells ready for use. `log`: search neighbours in principal components of log1p of them.
// [[Rcpp::export(rng = false)]]
SEXP cell_space(SEXP cells, bool log, const Rcpp::List& options, int threads) {
  return glue::guarded([&]() -> SEXP {
    const ThreadScope scope(threads);
    const auto o = glue::from_list<IntegrateOptions>(options);
    SparseRows rows = glue::cells_of(glue::counts_view(cells));
    CellAxes space = log ? log_components(rows, o.components) : CellAxes();
    return Rcpp::XPtr<CellSpace>(new CellSpace(std::move(rows), std::move(space), o));
  });
}

// list(centre, rotation, coordinates = cells x components) of the space, or NULL where it is the states' own.
// [[Rcpp::export(rng = false)]]
SEXP cell_space_parts(SEXP cells) {
  const CellSpace& c = at<CellSpace>(cells);
  if (!c.space().log) return R_NilValue;
  return Rcpp::List::create(Rcpp::_["centre"] = c.space().centre,
                            Rcpp::_["rotation"] = glue::to_r(c.space().rotation),
                            Rcpp::_["cells"] = glue::to_r(c.coordinates()));
}

// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector cell_noise(SEXP cells, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const std::vector<double> sd = at<CellSpace>(cells).residual_sd();
    return Rcpp::NumericVector(sd.begin(), sd.end());
  });
}

// The drift of a neural SDE, or with `population` (cells x dims at time `start`) its probability flow up to
// `end`.
// [[Rcpp::export(rng = false)]]
SEXP sde_motion(const Rcpp::RawVector& bytes, Rcpp::Nullable<Rcpp::NumericMatrix> population, double start,
                double end, double seed, int threads) {
  return glue::guarded([&]() -> SEXP {
    const ThreadScope scope(threads);
    auto motion = std::make_unique<Motion>();
    motion->sde = std::make_unique<NeuralSde>(glue::from_raw(bytes), "model");
    if (population.isNull()) {
      motion->dynamics = std::make_unique<SdeDynamics>(drift_dynamics(*motion->sde));
    } else {
      const Rcpp::NumericMatrix cells(population.get());
      FlowRequest request;
      request.population = glue::view(cells);
      request.start = start;
      request.end = end;
      request.seed = static_cast<std::uint64_t>(seed);
      motion->dynamics =
          std::make_unique<SdeDynamics>(flow_dynamics(*motion->sde, request, glue::until_interrupt()));
    }
    return Rcpp::XPtr<Motion>(motion.release());
  });
}

// list(crossing, horizon): the time in which a cell of median speed crosses a neighbourhood, and the data.
// [[Rcpp::export(rng = false)]]
Rcpp::List motion_scales(SEXP motion, SEXP cells, double kappa, double time, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const CellScales s = cell_scales(*at<Motion>(motion).dynamics, at<CellSpace>(cells), kappa, time);
    return Rcpp::List::create(Rcpp::_["crossing"] = s.crossing(), Rcpp::_["horizon"] = s.horizon());
  });
}

// Paths from `starts` (cells x dims) through `times`. `cells`: those of cell_space(), or NULL where none are
// needed. `request`: list(n.sim, seed, first, start.sd, noise.sd, coordinates) and, where dimensions are
// held, their numbers `held`. list(states, speed, growth, end, end.time, steps, rejected).
// [[Rcpp::export(rng = false)]]
Rcpp::List integrate_motion(SEXP motion, SEXP cells, const Rcpp::NumericMatrix& starts,
                            const Rcpp::NumericVector& times, const Rcpp::List& request,
                            const Rcpp::List& options, const Rcpp::Function& tick, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    IntegrationRequest r;
    r.starts = glue::view(starts);
    r.times = numbers(times);
    r.n_sim = static_cast<std::int64_t>(Rcpp::as<double>(request["n.sim"]));
    r.seed = static_cast<std::uint64_t>(Rcpp::as<double>(request["seed"]));
    r.first_path = static_cast<std::uint64_t>(Rcpp::as<double>(request["first"]));
    r.start_sd = numbers(request["start.sd"]);
    r.noise_sd = numbers(request["noise.sd"]);
    if (request.containsElementNamed("held")) {
      const Rcpp::IntegerVector held = request["held"];
      for (const int g : held) r.held.push_back(g - 1);
    }
    if (!Rf_isNull(cells)) r.cells = &at<CellSpace>(cells);
    r.keep_coordinates = Rcpp::as<bool>(request["coordinates"]);
    const Paths p =
        integrate_cells(*at<Motion>(motion).dynamics, r, glue::from_list<IntegrateOptions>(options),
                        glue::counting_tick(Rcpp::Nullable<Rcpp::Function>(tick)));
    Rcpp::NumericVector states(p.states.begin(), p.states.end());
    states.attr("dim") = Rcpp::IntegerVector::create(p.n, p.dims, p.times);
    Rcpp::IntegerVector end(p.end.size());
    for (std::size_t i = 0; i < p.end.size(); ++i) end[i] = static_cast<int>(p.end[i]);
    return Rcpp::List::create(Rcpp::_["states"] = states, Rcpp::_["speed"] = by_time(p.speed, p),
                              Rcpp::_["growth"] = by_time(p.growth, p), Rcpp::_["end"] = end,
                              Rcpp::_["end.time"] = p.end_time, Rcpp::_["steps"] = counted(p.steps),
                              Rcpp::_["rejected"] = counted(p.rejected),
                              Rcpp::_["evaluations"] = static_cast<double>(p.evaluations));
  });
}
