// Splicing kinetics of one gene, by formula: du/dt = alpha - beta u, ds/dt = beta u - gamma s
// (La Manno et al., Nature 2018; Bergen et al., Nature Biotechnology 2020, equations 1-6).
// Rates per unit of time, u and s in units of the counts. Nothing divides by gamma - beta, so that equal
// rates are the limit of near ones.
#pragma once

#include <cstdint>

namespace fatefield {

/// Rates of transcription, splicing and degradation.
struct Rates {
  double alpha, beta, gamma;
};

/// Unspliced and spliced abundance.
struct SplicingState {
  double u, s;
};

/// A course of the kinetics: constant rates from a start.
struct Course {
  Rates rates;
  SplicingState start;
};

/// The state after time tau.
SplicingState splicing_state(const Course& course, double tau);

/// The time after which the course comes nearest to a state in the coordinate that decays alone: u where
/// gamma >= beta, else (gamma - beta) s - beta u. The share still to go is held within [1e-6, 1 - 1e-6].
double splicing_time(const Course& course, SplicingState state);

/// The same for many cells; arrays hold a multiple of kSplicingLanes numbers.
constexpr std::int64_t kSplicingLanes = 8;
struct SplicingKernel {
  const char* name;
  /// u[i], s[i] = the state after tau[i].
  void (*states)(std::int64_t n, const Course& course, const double* tau, double* u, double* s);
  /// u[i], s[i] = the state at time t[i]: on `before` until t_switch, from then on `after`; both have the
  /// same beta and gamma.
  void (*switching)(std::int64_t n, const Course& before, const Course& after, double t_switch,
                    const double* t, double* u, double* s);
  /// tau[i] = the time of the state (u[i], s[i]), held within [0, high].
  void (*times)(std::int64_t n, const Course& course, const double* u, const double* s, double high,
                double* tau);
  /// out[i * stride] = ((u[i] - u at tau[i]) / width.u)^2 + ((s[i] - s at tau[i]) / width.s)^2.
  void (*distances)(std::int64_t n, const Course& course, const double* tau, const double* u, const double* s,
                    SplicingState width, std::int64_t stride, double* out);
  /// nearest[i] = the first of `points` grid points with the least distance to (u[i], s[i]).
  void (*nearest)(std::int64_t n, const double* u, const double* s, std::int64_t points, const double* grid_u,
                  const double* grid_s, std::int32_t* nearest);
  /// out[i, :] = share[i] times the sum of in[index[e], :] for e in [offset[i], offset[i + 1]), of 4 columns
  /// or of 2.
  using Average = void (*)(std::int64_t cells, const std::int64_t* offset, const std::int32_t* index,
                           const double* share, const double* in, double* out);
  Average average_four, average_two;
};

/// The version for this machine.
const SplicingKernel& splicing_kernel();

}  // namespace fatefield
