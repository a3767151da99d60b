// Where the fit of one gene starts: rates from the extreme quantiles, the switch from the steady state.
#pragma once

#include "velocity/dynamical/gene.hpp"

namespace fatefield {

struct GeneStart {
  GeneParameters parameters;
  /// Of the test whether u and s gather at a high level: the larger p value.
  double p_steady = 1.0;
  /// That level, u in the model's units.
  SplicingState steady{0, 0};
};

GeneStart start_of(const GeneReads& gene);

}  // namespace fatefield
