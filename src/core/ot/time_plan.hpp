// Plans between successive observed times, of which bridges are trained and labels pushed back: how long the
// noise is that they assume, which cells they are found on, and the plan itself. Takes states and options;
// gives potentials and rows. No torch here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/matrix.hpp"
#include "base/plan_options.hpp"
#include "ot/plan_columns.hpp"
#include "ot/raised_pairs.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/transport.hpp"

namespace fatefield {
namespace ot {

/// Cells of time number k between which plans are found, increasing numbers of [0, n).
std::vector<std::int64_t> plan_cells(std::int64_t n, std::int64_t most, std::uint64_t seed, std::int64_t k);

/// Numbers of the cells of each time.
std::map<double, std::vector<std::int64_t>> rows_by_time(const std::vector<double>& times);

/// These rows of x in units in which a plan's length is 1, row-major.
template <typename T>
std::vector<T> rows_in_units(const MatrixView& x, const std::vector<std::int64_t>& rows,
                             const std::vector<double>& unit);

/// Pooled variance of each dimension within times; none is below a ten thousandth of their mean, so that
/// constant dimensions do no harm.
/// @param sizes cells of each time
/// @param value value(k, i, d): dimension d of cell i of time k
std::vector<double> within_variance(
    const std::vector<std::int64_t>& sizes, std::int64_t dims,
    const std::function<double(std::size_t, std::int64_t, std::int64_t)>& value);

/// The same of the rows of x that belong to each time.
std::vector<double> within_variance(const MatrixView& x, const std::vector<std::vector<std::int64_t>>& of);

/// Of the plan of one interval.
struct PlanScale {
  /// D: standard deviation of the noise over the interval, the length that its plan takes as one. The same in
  /// all dimensions, but in none more than where two successive times would know nothing of each other: more
  /// would carry cells out of the cloud between them.
  std::vector<double> sd;
  double reach = 0.0;  ///< in that length
};

/// One an interval.
/// @param variance see within_variance(); `times`: all observed ones, increasing
std::vector<PlanScale> plan_scales(const std::vector<double>& variance, const std::vector<double>& times,
                                   const PlanOptions& options);

/// The usual distance of two cells of one time, in units of `unit`.
double usual_distance(const std::vector<double>& variance, const std::vector<double>& unit);
/// The same of cells (n x dims) with their times, in their own units.
double usual_distance(const MatrixView& x, const std::vector<double>& times);

/// The plan between two clouds at p = 2.
template <typename T>
struct TimePlan {
  std::vector<double> mass;  ///< of the points of x, sum 1
  std::vector<double> f;     ///< potential of x
  Marginals rows;            ///< what becomes of the mass of x
  PlanColumns<T> columns;
};

/// Found by annealing. Keeps a view of y.
/// @param options blur, scaling, reach, tolerance and the number of iterations are used
/// @param free_targets under `reach` the masses of y give way, too
/// @param raised pairs that are likelier than their distance says; `columns` of the plan does not know them
template <typename T>
TimePlan<T> find_time_plan(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                           bool free_targets, const std::function<bool()>& keep_going,
                           const RaisedPairs& raised = {});

}  // namespace ot
}  // namespace fatefield
