// Takes rates, starts and times; gives abundances and times. The loops for any processor and the choice among
// the versions when the program runs.
#include "velocity/dynamical/kinetics.hpp"

#include <algorithm>
#include <cmath>

#include "base/processor.hpp"
#include "velocity/dynamical/kinetics_limits.hpp"

#define SIMD_TARGET
#define SIMD_BYTES 16
#define KINETICS_NAMESPACE kinetics_plain
#include "velocity/dynamical/kinetics_kernel.inc"
// Builds on the kinetics.
#include "velocity/dynamical/loop_kernel.inc"

namespace fatefield {

SplicingState splicing_state(const Course& course, double tau) {
  const Rates& r = course.rates;
  const double eb = std::exp(-r.beta * tau), eg = std::exp(-r.gamma * tau);
  double gap = (eg - eb) / (r.gamma - r.beta);
  if (rates_are_near(r)) {
    const double x = (r.gamma - r.beta) * tau;
    double series = 0;
    for (int k = kNearTerms - 1; k >= 0; --k) series = series * x + kNearSeries[k];
    gap = -tau * eb * series;
  }
  return {course.start.u * eb + r.alpha / r.beta * (1 - eb),
          course.start.s * eg + r.alpha / r.gamma * (1 - eg) + (r.alpha - course.start.u * r.beta) * gap};
}

double splicing_time(const Course& course, SplicingState state) {
  const DecayingCoordinate y(course);
  const double left = (y.of_u * state.u + y.of_s * state.s - y.end) / (y.start - y.end);
  return -std::log(std::min(std::max(left, kLeastShare), 1 - kLeastShare)) / y.rate;
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
SplicingKernel avx512_splicing();
SplicingKernel avx2_splicing();
LoopKernel avx512_loop();
LoopKernel avx2_loop();

namespace {

enum class Machine { Avx512, Avx2, Plain };

Machine machine() {
  static const Machine found = [] {
    if (has_avx512()) {
      return Machine::Avx512;
    }
    const bool avx2 = has_avx2();
    return avx2 ? Machine::Avx2 : Machine::Plain;
  }();
  return found;
}

template <typename Kernel>
Kernel choose(Kernel (*avx512)(), Kernel (*avx2)(), Kernel plain) {
  if (machine() == Machine::Avx512) return avx512();
  return machine() == Machine::Avx2 ? avx2() : plain;
}

}  // namespace

const SplicingKernel& splicing_kernel() {
  static const SplicingKernel best = choose(avx512_splicing, avx2_splicing, kinetics_plain::table("plain"));
  return best;
}
const LoopKernel& loop_kernel() {
  static const LoopKernel best = choose(avx512_loop, avx2_loop, kinetics_plain::loop_table());
  return best;
}
#else
const SplicingKernel& splicing_kernel() {
  static const SplicingKernel best = kinetics_plain::table("plain");
  return best;
}
const LoopKernel& loop_kernel() {
  static const LoopKernel best = kinetics_plain::loop_table();
  return best;
}
#endif

}  // namespace fatefield
