// Defaults of what follows from velocities: graph, transitions, terminal states, pseudotime, streamlines.
#pragma once

#include <cstdint>
#include <string>

namespace fatefield {

/// The velocity graph: how well the velocity of a cell points at each cell near it.
struct VelocityGraphOptions {
  /// (R: `max.neighbors`) Cells considered for each cell, at most: its neighbours and some of their
  /// neighbours, drawn at random.
  /// 0 takes all up to 50,000 cells, and 100 beyond.
  std::int64_t max_neighbours = 0;
  /// (R: `sqrt.transform`) Correlate signed square roots, which suits velocities that know their variance
  /// (stochastic mode).
  bool root = false;
  /// (R: `seed.use`) Seed of the draw.
  std::int64_t seed = 42;
};

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

/// Where the transitions begin and end.
struct TerminalOptions {
  /// Eigenvalues count when they are this near to 1.
  double tolerance = 1e-3;
  /// At most so many of them.
  std::int64_t count = 10;
  /// Quantile below which the eigenvectors are cut off.
  double low = 0.02;
  /// Quantile above which they are.
  double high = 0.98;
  /// Restarts of the iteration for eigenvectors before it gives up.
  std::int64_t max_restarts = 300;
};

/// Pseudotime by diffusion along the graph.
struct PseudotimeOptions {
  /// Diffusion components, the constant one included.
  std::int64_t components = 10;
  /// Restarts of the iteration for eigenvectors before it gives up.
  std::int64_t max_restarts = 300;
};

/// The field of arrows on a grid, and lines that follow it. Lengths are shares of the longer side of the
/// plot.
struct StreamOptions {
  /// (R: `n.grid`) Points of the grid along the longer side.
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

}  // namespace fatefield
