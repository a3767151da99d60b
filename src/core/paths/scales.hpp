// Lengths, speeds and clocks of the data, from which the spans of an integration get their defaults, and
// those of the published method.
#pragma once

#include "base/integrate_options.hpp"
#include "field/model/velocity_field.hpp"
#include "paths/dynamics.hpp"
#include "paths/space.hpp"

namespace fatefield {

/// In the space of the cells. Speeds are those of cells smoothed by the mean of their nearest ones, as noise
/// is no part of the way.
struct CellScales {
  double radius = 0.0;  ///< median distance of a cell to its k-th nearest other
  double extent = 0.0;  ///< 0.95 quantile of the distances of two cells
  double speed = 0.0;   ///< median over cells, per unit of time

  /// Time in which a cell of median speed crosses a neighbourhood, and the data.
  double crossing() const { return radius / speed; }
  double horizon() const { return extent / speed; }
};

/// Of up to 2,000 cells, evenly spread over the rows. Errors of kind Numeric where the median speed is 0 or
/// not finite.
/// @param time at which f is asked
CellScales cell_scales(const Dynamics& f, const CellSpace& cells, double kappa, double time);

/// As the paper integrated the pancreas: projected fully onto the mean every two unit steps, nothing else
/// considered. States may be negative there. Whatever was a slip in it (the velocity of the start throughout,
/// no logarithm before the components) stays mended.
IntegrateOptions published_integrate_options();

/// The published factors of the clock: "quantile" over genes of mean velocity over mean state (q in [0, 1]),
/// or "ratio" of the mean absolute velocity to the mean state (Chen et al., Science Advances 8, 2022).
/// Errors of kind Input name `kappa` where the factor is not above 0.
double published_kappa(const FieldStatistics& data, const std::string& how, double q);

/// The published number of unit steps: the whole part of the q quantile over genes of 2 sd(state) /
/// |mean velocity|. Genes whose mean velocity is 0 do not count.
double published_steps(const FieldStatistics& data, double q);

}  // namespace fatefield
