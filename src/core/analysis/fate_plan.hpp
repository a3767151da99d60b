// Fates without a network: entropic plans between successive observed times, labels of the cells of the last
// one pushed back through their rows. Takes states with times and codes of labels; gives the shares of labels
// of any states at any time, as analysis/fate.hpp has them.
//
// A plan at the temperature of a noise is a Schroedinger bridge of the Brownian motion with that noise: the
// chance that a cell at x becomes cell j of the next time is in proportion to
// b_j exp(g_j - |x - y_j|^2 / (2 s^2)) with s^2 the variance of the noise over the time that is
// left. It needs only the potential g, which is found on some cells of each time. With the options of a
// model's bridges these are the plans that it was trained on (ot/time_plan.hpp).
// Source: Leonard, A survey of the Schroedinger problem, DCDS-A 34 (2014); masses as in
// sde/train/couplings.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "analysis/fate.hpp"
#include "base/matrix.hpp"
#include "base/plan_options.hpp"
#include "base/sparse.hpp"

namespace fatefield {

struct PlanPopulation {
  MatrixView states;          ///< cells x dims
  std::vector<double> times;  ///< one a cell; at least two different ones
  std::vector<std::int32_t>
      codes;  ///< label of each cell of the last time, -1 for those left out; others unread
  std::int64_t n_labels = 0;
  /// Growth of each cell per unit of time, where it is given: what its mass at the end of an interval is;
  /// else empty.
  std::vector<double> rates = {};
};

struct PlanShares {
  FateShares shares;  ///< effective: Kish's number of cells of the next time that a row rests on
  /// Descendants at the last time of each query, relative to those of the cells of its time; 1 where mass
  /// stays.
  std::vector<double> descendants;
};

class FatePlan {
 public:
  /// Finds the plans. Memory grows with the cells, not with pairs; bytes do not depend on threads.
  /// @param keep_going asked now and then on the calling thread; false throws Interrupted
  /// Errors of kind Input: options out of range, fewer than two times, no labelled cell of the last time.
  FatePlan(const PlanPopulation& cells, const PlanOptions& options, std::uint64_t seed,
           const std::function<bool()>& keep_going = {});
  ~FatePlan();

  /// @param states n x dims; times: one each, before the last one. Those between two observed times are on
  ///               their way to the later one; those before the first are as if on their way to the second.
  /// @param rates one each where the population has rates, else empty
  PlanShares shares(MatrixView states, const std::vector<double>& times,
                    const std::vector<double>& rates = {},
                    const std::function<bool()>& keep_going = {}) const;

  /// Steps to the cells of the next time by which fates are those of shares(): the row of a state is the
  /// plan's, each cell of the next time weighted by its descendants, and stands in for it by `draws`
  /// systematic draws (one random number a row, so that entries of 1 / draws and more are off by less than
  /// that).
  /// @return n x cells of the population; rows sum to 1
  SparseRows steps(MatrixView states, const std::vector<double>& times, std::int64_t draws,
                   std::uint64_t seed, const std::function<bool()>& keep_going = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fatefield
