// The velocity graph and what follows from it for R: matrices of genes x cells, dgCMatrix of cells x cells
// whose rows are the cells that steps start from. Cells are numbered from 1 in R.
#include <climits>

#include "core/base/arrows_options.hpp"
#include "core/velocity/transitions/pseudotime.hpp"
#include "core/velocity/transitions/streamlines.hpp"
#include "core/velocity/transitions/terminal_states.hpp"
#include "core/velocity/transitions/transition.hpp"
#include "core/velocity/transitions/velocity_embedding.hpp"
#include "core/velocity/transitions/velocity_graph.hpp"
#include "glue_graph.hpp"

using namespace fatefield;

namespace {

std::vector<double> numbers(const Rcpp::NumericVector& x) { return {x.begin(), x.end()}; }

Rcpp::List to_list(const TerminalStates& x) {
  return Rcpp::List::create(Rcpp::_["score"] = glue::to_vector(x.score),
                            Rcpp::_["value"] = glue::to_vector(x.value), Rcpp::_["converged"] = x.converged);
}

Rcpp::IntegerVector from_zero(const std::vector<std::int64_t>& x) {
  Rcpp::IntegerVector out;
  for (const std::int64_t i : x) out.push_back(static_cast<int>(i) + 1);
  return out;
}

}  // namespace

// [[Rcpp::export(rng = false)]]
Rcpp::List velocity_graph_defaults() { return glue::to_list(VelocityGraphOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List transition_defaults() { return glue::to_list(TransitionOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List terminal_defaults() { return glue::to_list(TerminalOptions()); }

// [[Rcpp::export(rng = false)]]
Rcpp::List pseudotime_defaults() { return glue::to_list(PseudotimeOptions()); }

// Correlations of velocities with steps to near cells, a dgCMatrix. `knn`: list(index, distance).
// [[Rcpp::export(rng = false)]]
Rcpp::S4 velocity_correlations(const Rcpp::NumericMatrix& expression, const Rcpp::NumericMatrix& velocity,
                               const Rcpp::List& knn, const Rcpp::List& options, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const SparseRows graph =
        velocity_graph(glue::view(expression), glue::view(velocity), glue::neighbours_from(knn),
                       glue::from_list<VelocityGraphOptions>(options), glue::until_interrupt());
    if (graph.stored() > INT_MAX)
      throw input_error("max.neighbors",
                        "`max.neighbors` leaves more pairs of cells than a sparse matrix of R has "
                        "room for; set a lower one.");
    return glue::to_r(graph);
  });
}

// Probabilities of steps, a dgCMatrix.
// [[Rcpp::export(rng = false)]]
Rcpp::S4 step_probabilities(const Rcpp::S4& graph, const Rcpp::List& options, bool backward) {
  return glue::guarded([&] {
    const SparseRows steps =
        transition_matrix(glue::sparse_from(graph), glue::from_list<TransitionOptions>(options));
    return glue::to_r(backward ? backward_transitions(steps) : steps);
  });
}

// How well each velocity agrees with the expected step.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector step_confidence(const Rcpp::S4& transitions, const Rcpp::NumericMatrix& expression,
                                    const Rcpp::NumericMatrix& velocity, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return glue::to_vector(
        transition_confidence(glue::sparse_from(transitions), glue::view(expression), glue::view(velocity)));
  });
}

// Arrows in a reduction: cells x dimensions.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix velocity_arrows(const Rcpp::S4& transitions, const Rcpp::NumericMatrix& coordinates,
                                    int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return glue::to_r(embed_velocity(glue::sparse_from(transitions), glue::view(coordinates)));
  });
}

// Where steps end: list(score, value = eigenvalues, converged).
// [[Rcpp::export(rng = false)]]
Rcpp::List step_ends(const Rcpp::S4& transitions, const Rcpp::List& knn, const Rcpp::List& options,
                     int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    return to_list(terminal_states(glue::sparse_from(transitions), glue::neighbours_from(knn),
                                   glue::from_list<TerminalOptions>(options), glue::until_interrupt()));
  });
}

// list(time, root, end, converged). `root`: a cell, or 0 for the highest score.
// [[Rcpp::export(rng = false)]]
Rcpp::List graph_pseudotime(const Rcpp::S4& graph, const Rcpp::NumericVector& root_score,
                            const Rcpp::NumericVector& end_score, int root, const Rcpp::List& options,
                            int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const Pseudotime found =
        velocity_pseudotime(glue::sparse_from(graph), numbers(root_score), numbers(end_score), root - 1,
                            glue::from_list<PseudotimeOptions>(options), glue::until_interrupt());
    return Rcpp::List::create(Rcpp::_["time"] = glue::to_vector(found.time),
                              Rcpp::_["root"] = from_zero(found.root), Rcpp::_["end"] = from_zero(found.end),
                              Rcpp::_["converged"] = found.converged);
  });
}

// [[Rcpp::export(rng = false)]]
Rcpp::List stream_defaults() { return glue::to_list(StreamOptions()); }

// Mean arrows at the points of a grid that have cells: list(x, y, dx, dy, mass), and the step of the grid.
// [[Rcpp::export(rng = false)]]
Rcpp::List arrow_grid(const Rcpp::NumericMatrix& places, const Rcpp::NumericMatrix& arrows,
                      const Rcpp::List& options) {
  return glue::guarded([&] {
    const ArrowGrid grid =
        average_on_grid(glue::view(places), glue::view(arrows), glue::from_list<StreamOptions>(options));
    std::vector<double> x, y, dx, dy, mass;
    for (std::int64_t r = 0; r < grid.rows; ++r) {
      for (std::int64_t c = 0; c < grid.columns; ++c) {
        const GridArrow& at = grid.point(c, r);
        if (at.mass < grid.least) continue;
        x.push_back(grid.x(c));
        y.push_back(grid.y(r));
        dx.push_back(at.dx);
        dy.push_back(at.dy);
        mass.push_back(at.mass);
      }
    }
    return Rcpp::List::create(Rcpp::_["x"] = glue::to_vector(x), Rcpp::_["y"] = glue::to_vector(y),
                              Rcpp::_["dx"] = glue::to_vector(dx), Rcpp::_["dy"] = glue::to_vector(dy),
                              Rcpp::_["mass"] = glue::to_vector(mass), Rcpp::_["step"] = grid.step);
  });
}

// Lines that follow the arrows: list(x, y, speed, line), points in their order.
// [[Rcpp::export(rng = false)]]
Rcpp::List arrow_streams(const Rcpp::NumericMatrix& places, const Rcpp::NumericMatrix& arrows,
                         const Rcpp::List& options) {
  return glue::guarded([&] {
    const StreamOptions wanted = glue::from_list<StreamOptions>(options);
    std::vector<double> x, y, speed;
    std::vector<int> line;
    int number = 0;
    for (const Streamline& s :
         streamlines(average_on_grid(glue::view(places), glue::view(arrows), wanted), wanted)) {
      ++number;
      x.insert(x.end(), s.x.begin(), s.x.end());
      y.insert(y.end(), s.y.begin(), s.y.end());
      speed.insert(speed.end(), s.speed.begin(), s.speed.end());
      for (std::size_t k = 0; k < s.x.size(); ++k) line.push_back(number);
    }
    return Rcpp::List::create(Rcpp::_["x"] = glue::to_vector(x), Rcpp::_["y"] = glue::to_vector(y),
                              Rcpp::_["speed"] = glue::to_vector(speed),
                              Rcpp::_["line"] = Rcpp::IntegerVector(line.begin(), line.end()));
  });
}
