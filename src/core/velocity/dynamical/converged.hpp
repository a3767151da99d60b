// The fit of one gene to convergence: loops from several starts, followed by orthogonal regression, never
// less likely than the published fit.
#pragma once

#include "base/dynamical_options.hpp"
#include "velocity/dynamical/loss.hpp"
#include "velocity/dynamical/start.hpp"

namespace fatefield {

struct ConvergedFit {
  /// In units of 1 / beta.
  GeneParameters parameters{};
  /// Of the nearest points.
  CellTimes times;
  double likelihood = 0;
  std::int64_t iterations = 0;
  bool converged = false;
};

/// What the fit is measured against.
struct PublishedFit {
  GeneParameters parameters;
  double likelihood;
};

/// `likelihood` of the result is below that of `published` where no start reached it.
ConvergedFit fit_converged(const GeneReads& gene, const CellAverages& averages, const GeneStart& start,
                           const PublishedFit& published, const DynamicalOptions& options);

}  // namespace fatefield
