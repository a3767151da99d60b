// Defaults of what labelled cells say of others: nearest neighbours, labels of new states, fates.
#pragma once

#include <cstdint>
#include <string>

namespace fatefield {

/// k nearest neighbours (Euclidean).
struct KnnOptions {
  /// "tree" (exact, few dimensions), "brute" (exact, few reference points), "lists" (approximate), or "auto":
  /// the first of these that suits the reference points; "annoy" by name only. It never depends on the
  /// queries.
  std::string method = "auto";
  /// Share of the true neighbours that "lists" is to find, measured on some of the reference points.
  double recall = 0.97;
  /// Trees of "annoy"; more find more of the true neighbours and take more memory.
  std::int64_t trees = 50;
  /// Reference points that "annoy" examines for each query; 0 takes 4 x trees x k.
  std::int64_t search = 0;
};

/// Labels of new states from the nearest labelled cells.
struct LabelOptions {
  /// Nearest reference cells that give a label.
  std::int64_t k = 20;
  /// "uniform": equal weights; "distance": a Gaussian kernel whose standard deviation is half the distance to
  /// the k-th.
  std::string weights = "uniform";
  /// "soft": the shares of the labels among them; "majority": all to the label with the largest share.
  std::string vote = "soft";
  /// A state is unassigned when its mean distance to the k cells exceeds cutoff_factor times this quantile of
  /// the same distance among the labelled cells themselves.
  double cutoff_quantile = 0.99;
  /// 0 assigns every state.
  double cutoff_factor = 2.0;
  /// "none" or "scdiffeq": k neighbours after the nearest one, majority, no cut-off.
  std::string compat = "none";
};

/// Fate probabilities from labelled end states.
struct FateOptions {
  /// Pseudo-observations shared equally by the fates (a symmetric Dirichlet prior); 0 switches smoothing off.
  double prior = 1.0;
};

}  // namespace fatefield
