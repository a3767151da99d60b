// When each cell is, given the kinetics of one gene (the E-step of the dynamical model): the time on either
// course, long gaps taken out, and the choice of a course by the distances of a cell and its neighbours.
#pragma once

#include <vector>

#include "velocity/dynamical/gene.hpp"

namespace fatefield {

/// How the time on a course is found.
enum class TimeRule {
  Inverse,     ///< by the coordinate that decays alone
  Projection,  ///< the same where gamma >= beta, else the nearest of some hundred points of the course
  Nearest,     ///< the nearest point of the course, in widths of the data
};

/// Times on both courses: of induction from 0, of repression from t_switch.
struct CourseTimes {
  Aligned<double> on, off;
};

class TimeAssignment {
 public:
  /// Both must outlive this.
  TimeAssignment(const GeneReads& gene, const CellAverages& averages);

  CellTimes assign(const GeneParameters& p, TimeRule rule);

  /// Times on both courses, gaps taken out; valid until the next call.
  const CourseTimes& course_times(const GeneParameters& p, TimeRule rule);
  /// With their gaps.
  const CourseTimes& raw_times(const GeneParameters& p, TimeRule rule);

 private:
  void invert(const GeneParameters& p);
  void project(const GeneParameters& p);
  void take_nearest(const GeneParameters& p);
  void squared_distances(const GeneParameters& p);
  void remove_gaps(const GeneParameters& p);

  const GeneReads& gene_;
  const CellAverages& averages_;
  CourseTimes times_;
  Aligned<double> scaled_u_;
  /// [cell][4]: squared distances from repression, induction, the origin, the steady state; and smoothed.
  Aligned<double> distance_, smoothed_;
};

}  // namespace fatefield
