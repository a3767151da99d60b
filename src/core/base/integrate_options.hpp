// Defaults of the integration of cells along a velocity field or the drift of a neural SDE.
#pragma once

#include <cstdint>
#include <string>

namespace fatefield {

/// Paths dx/dt = kappa f(x, t) of many cells, each with steps of its own.
struct IntegrateOptions {
  /// By one of its names in paths/tableaux.cpp.
  std::string solver = "dopri5";
  /// Target step of the solvers of fixed steps, in units of time, rounded so that a whole number of equal
  /// steps lies between output times; 0 takes a hundredth of the whole span.
  double dt = 0.0;
  /// Error allowed in a step, relative to the state: root mean square over genes.
  double rtol = 1e-3;
  /// The same, absolute in units of the state.
  double atol = 1e-6;
  /// First step of the adaptive solvers; 0 estimates one.
  double first_step = 0.0;
  /// Steps tried for a cell, failures included, after which it is given up.
  std::int64_t max_steps = 10000;
  /// Factor of the velocity: how fast the clock runs.
  double kappa = 1.0;
  /// Hold states at zero or above.
  bool positive = true;
  /// Project states onto nearby observed cells every `snap.every`: "partial" by `snap.share` of the way to
  /// the tri-cube weighted mean of the nearest cells, "full" onto their plain mean or median, "none" never.
  /// That mean lies where cells are denser, so that projections carry paths to the branch that is ahead.
  std::string snap = "none";
  /// In units of time; 0 takes the time in which a cell of median speed crosses a neighbourhood.
  double snap_every = 0.0;
  /// Share of the way that "partial" goes.
  double snap_share = 0.5;
  /// "mean" or "median" of the nearest cells, for "full".
  std::string snap_statistic = "mean";
  /// Nearest observed cells, for snapping, for the support and for the noise of starts.
  std::int64_t k = 30;
  /// Principal components of log1p of the observed cells in which they are searched.
  std::int64_t components = 30;
  /// A path has arrived where no |kappa f| is above this; 0 switches this off.
  double fixed_point = 1e-6;
  /// What says how far a state is from the data: "field" (the field itself), "cells" (the mean distance to
  /// the nearest cells), "none". Below 1 lie 99 of 100 cells, measured without themselves.
  std::string support = "field";
  /// A path ends where that is exceeded.
  double support_limit = 3.0;
  /// Follow how a small disturbance grows: "backward" (paths back in time only), "always", "never".
  std::string shadow = "backward";
  /// A path ends where a disturbance has grown by this factor: an error of 1e-3 has then become as large as
  /// the state.
  double growth_limit = 1e3;
  /// Of the published clock (paths/scales.hpp): quantile over genes.
  double kappa_quantile = 0.99;
  /// Of the published span: quantile over genes.
  double span_quantile = 0.8;
  /// Of the published span: the unit steps between two projections, of which there was always one less than
  /// points.
  std::int64_t points = 3;
};

}  // namespace fatefield
