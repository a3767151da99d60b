// The innermost loop of the velocity graph: sums over genes from which a correlation follows. Versions for
// several instruction sets are compiled from correlation_kernel.inc.
#pragma once

#include <cstdint>

namespace fatefield {

/// Numbers of genes are padded to a multiple of this with zeros, which add nothing.
constexpr std::int64_t kGeneBlock = 8;

/// Sums over genes of a step d, of its square, and of its product with v.
struct StepSums {
  double step;
  double square;
  double product;
};

struct CorrelationKernel {
  const char* name;

  /// d = to - from, or its square root with the sign kept where `root`.
  /// @param genes a multiple of kGeneBlock
  StepSums (*sums)(const double* from, const double* to, const double* v, std::int64_t genes, bool root);
};

/// The version for this machine.
const CorrelationKernel& correlation_kernel();

}  // namespace fatefield
