// Defaults of what follows from velocities: graph, transitions, terminal states, pseudotime, streamlines.
#pragma once

#include <cstdint>
#include <string>

#include "base/options.hpp"

namespace fatefield {

/// The velocity graph: how well the velocity of a cell points at each cell near it.
struct VelocityGraphOptions {
  /// Cells considered for each cell, at most: its neighbours and some of their neighbours, drawn at random.
  /// 0 takes all up to 50,000 cells, and 100 beyond.
  std::int64_t max_neighbours = 0;
  /// Correlate signed square roots, which suits velocities that know their variance (stochastic mode).
  bool root = false;
  /// Of the draw.
  std::int64_t seed = 42;
};

template <typename O, typename V>
void fields(VelocityGraphOptions*, O& o, V&& visit) {
  visit("max.neighbors", o.max_neighbours);
  visit("sqrt.transform", o.root);
  visit("seed.use", o.seed);
}

/// Transition probabilities from the graph.
struct TransitionOptions {
  /// Correlations are multiplied by this before they are exponentiated: larger means more certain steps.
  double scale = 10.0;
  /// Let cells stay with a probability that grows as no neighbour lies in the direction of their velocity.
  bool self_transitions = true;
  /// Neighbours against the velocity: "exponential" (their small exp), "none" (left out) or "signed"
  /// (negative weights, for projections only).
  std::string negative = "exponential";
};

template <typename O, typename V>
void fields(TransitionOptions*, O& o, V&& visit) {
  visit("scale", o.scale);
  visit("self.transitions", o.self_transitions);
  visit("negative", o.negative);
}

/// Where the transitions begin and end.
struct TerminalOptions {
  /// Eigenvalues count when they are this near to 1.
  double tolerance = 1e-3;
  /// At most so many of them.
  std::int64_t count = 10;
  /// Quantiles at which the eigenvectors are cut off.
  double low = 0.02;
  double high = 0.98;
  /// Restarts of the iteration for eigenvectors before it gives up.
  std::int64_t max_restarts = 300;
};

template <typename O, typename V>
void fields(TerminalOptions*, O& o, V&& visit) {
  visit("tolerance", o.tolerance);
  visit("count", o.count);
  visit("low", o.low);
  visit("high", o.high);
  visit("max.restarts", o.max_restarts);
}

/// Pseudotime by diffusion along the graph.
struct PseudotimeOptions {
  /// Diffusion components, the constant one included.
  std::int64_t components = 10;
  /// Restarts of the iteration for eigenvectors before it gives up.
  std::int64_t max_restarts = 300;
};

template <typename O, typename V>
void fields(PseudotimeOptions*, O& o, V&& visit) {
  visit("components", o.components);
  visit("max.restarts", o.max_restarts);
}

/// The field of arrows on a grid, and lines that follow it. Lengths are shares of the longer side of the
/// plot.
struct StreamOptions {
  /// Points of the grid along the longer side.
  std::int64_t grid = 60;
  /// Standard deviation of the Gaussian that averages the arrows of cells.
  double smooth = 0.018;
  /// Grid points with less than this share of the usual mass of cells have no arrow.
  double min_mass = 0.25;
  /// Distance between lines.
  double separation = 0.022;
  /// Lines end where they come nearer than this share of the distance to another.
  double approach = 0.5;
  /// Shorter lines are left out.
  double min_length = 0.05;
  /// Lines end at this length to either side of their start.
  double max_length = 0.6;
};

template <typename O, typename V>
void fields(StreamOptions*, O& o, V&& visit) {
  visit("n.grid", o.grid);
  visit("smooth", o.smooth);
  visit("min.mass", o.min_mass);
  visit("separation", o.separation);
  visit("approach", o.approach);
  visit("min.length", o.min_length);
  visit("max.length", o.max_length);
}

}  // namespace fatefield
