// What the scalar and the vector versions of the kinetics share: where rates count as near, the series used
// there, and the coordinate that decays alone.
#pragma once

#include <cmath>

#include "velocity/dynamical/kinetics.hpp"

namespace fatefield {

/// Where gamma and beta differ by less than this share, (e^(-gamma t) - e^(-beta t)) / (gamma - beta) would
/// lose digits and is taken by its series.
constexpr double kNearRates = 1e-3;

inline bool rates_are_near(const Rates& r) { return std::abs(r.gamma - r.beta) < kNearRates * r.beta; }

/// (1 - e^(-x)) / x = sum of (-x)^k / (k + 1)!
constexpr int kNearTerms = 11;
constexpr double kNearSeries[kNearTerms] = {1.0,          -1.0 / 2,       1.0 / 6,       -1.0 / 24,
                                            1.0 / 120,    -1.0 / 720,     1.0 / 5040,    -1.0 / 40320,
                                            1.0 / 362880, -1.0 / 3628800, 1.0 / 39916800};

/// Times are read off the share of the way that is left; beyond these bounds it says nothing.
constexpr double kLeastShare = 1e-6;

/// y = of_u u + of_s s with dy/dt = -rate (y - end): u itself where gamma >= beta, else
/// (gamma - beta) s - beta u, which keeps apart what both rates have mixed.
struct DecayingCoordinate {
  double of_u, of_s, rate, start, end;

  explicit DecayingCoordinate(const Course& c) {
    const Rates& r = c.rates;
    if (r.gamma >= r.beta) {
      of_u = 1.0;
      of_s = 0.0;
      rate = r.beta;
      end = r.alpha / r.beta;
    } else {
      of_u = -r.beta;
      of_s = r.gamma - r.beta;
      rate = r.gamma;
      end = -r.alpha * r.beta / r.gamma;
    }
    start = of_u * c.start.u + of_s * c.start.s;
  }
};

}  // namespace fatefield
