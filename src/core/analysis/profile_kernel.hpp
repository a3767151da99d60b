// The innermost loops of changes of expression profiles: exponentials and logarithms of many genes. Versions
// for several instruction sets are compiled from profile_kernel.inc. n is a multiple of kProfileWidth; what
// is padded with zeros changes nothing.
#pragma once

#include <cstdint>

namespace fatefield {

constexpr std::int64_t kProfileWidth = 8;

struct ProfileKernel {
  const char* name;
  /// x = exp(max(x, 0)) - 1 + floor and its logarithm, as logs(); gives the sum of x, infinite where an x was
  /// above 700 or no number.
  double (*express)(std::int64_t n, const double* floor, double* x, double* log);
  /// log = log(x) for finite x above 0; any finite number for 0
  void (*logs)(std::int64_t n, const double* x, double* log);
  /// Sum of weight * (a - b).
  double (*weighed)(std::int64_t n, const double* weight, const double* a, const double* b);
};

/// The version for this machine.
const ProfileKernel& profile_kernel();

}  // namespace fatefield
