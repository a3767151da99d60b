// What plans between successive times assume: those of bridges, and those through which labels are pushed
// back.
#pragma once

#include <cstdint>
#include <string>

namespace fatefield {

/// Fates by entropic transport plans between successive times, without a network. The defaults are those
/// that serve best without one.
struct PlanOptions {
  /// Variance of the noise over an interval between observed times of the usual length, as a share of the
  /// variance within times (the mean of that of the dimensions, weighted by itself, so that dimensions in
  /// which cells hardly differ do not count); the same in all dimensions, but in none more than twice that
  /// dimension's own, at which successive times know nothing of each other. It is the temperature of the
  /// plans, which are Schroedinger bridges of a Brownian motion; `bridge.noise` of a model is the same.
  /// 0 takes the values of the members of a model by default, each for plans of its own, and the mean of
  /// their fates: snapshots do not tell which is right.
  double noise = 0.0;
  /// Distance, relative to the usual one of two cells of one time, beyond which mass grows and dies rather
  /// than moves; 0 moves all mass.
  double reach = 0.5;
  /// Which masses give way under `reach`: `"target"`: those of the earlier time of a plan, whose cells may
  /// have many descendants or none, while each cell of the later time has its ancestors; so the fates of all
  /// cells of a time, weighted by descendants, are those that were observed. `"both"`: both.
  std::string marginals = "target";
  /// Cells of each time, at most, between which plans are found; the others take part by their place.
  std::int64_t max_cells = 4000;
};

}  // namespace fatefield
