// Training without simulation: bridge matching. Takes pairs of cells of successive times and points on
// Brownian bridges between them; gives the loss of drift, diffusion and growth and its gradient. All tensors
// in scaled units.
//
// On a bridge x = (1 - t) x0 + t x1 + s sqrt(t (1 - t)) z, where t runs from 0 to 1 in an interval of length
// h and s = sigma sqrt(h) per dimension, the flow of the marginals is the mean of x1 - x0 + s z (1 - 2 t) /
// (2 sqrt(t (1 - t))) given x, and their score that of -z / (s sqrt(t (1 - t))). A process dx = f dt + G dW
// has these marginals for any G where f = flow / h + G G' score / 2 + div(G G') / 2 (Ito). The drift is
// regressed on that; with g = sigma it is the drift of the Schroedinger bridge. With growth, a path carries
// the mass exp(t log_growth), which weighs it.
//
// Sources: Tong et al., Simulation-free Schroedinger bridges via score and flow matching, AISTATS 2024; Shi
// et al., Diffusion Schroedinger bridge matching, NeurIPS 2023; Leonard, A survey of the Schroedinger
// problem, DCDS-A 34 (2014); Pooladian and Niles-Weed, Plug-in estimation of Schroedinger bridges, 2024.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "sde/model/nets.hpp"
#include "sde/model/neural_sde.hpp"

namespace fatefield {

/// N pairs, each with one point of its bridge.
struct BridgeBatch {
  at::Tensor from, to;  ///< N x D
  at::Tensor place;     ///< N: t in (0, 1)
  at::Tensor start;     ///< N: scaled time at which the interval begins
  at::Tensor length;    ///< N: h
  at::Tensor normals;   ///< N x D: z
  /// N x D of 1 and -1: directions in which div(G G') is estimated; undefined where there is a target
  at::Tensor signs;
  at::Tensor noise;       ///< N x D: sigma, per root of scaled time
  at::Tensor log_growth;  ///< N; undefined where mass stays
  at::Tensor points;      ///< N x D: bridge_points() of all these
  /// N x D: what the drift is regressed on, where it is known; else it is that of the pairs.
  at::Tensor target;
};

struct BridgeOptions {
  at::Tensor weight;  ///< D: what a squared error of a dimension counts
  /// Share of the diffusion that follows the ambiguity of the pairs; the rest is sigma everywhere.
  double shape = 0.0;
  double growth_penalty = 0.0;
  bool stratonovich = false;
};

struct BridgeJob {
  const SdeNets& nets;
  const BridgeOptions& options;
  double dropout = 0.0;
  std::uint64_t dropout_seed = 0;
  KeepGoing keep_going;  ///< asked between pieces of work; false throws Interrupted
  /// Take the fused networks where they can run; else LibTorch differentiates.
  bool fused = true;
};

struct BridgeValue {
  double total = 0.0;
  double drift = 0.0;      ///< weighted mean squared error of the drift
  double diffusion = 0.0;  ///< Gaussian log-likelihood of the diffusion, up to its sign and a constant
  double growth = 0.0;     ///< mean squared error of the growth rate, and its penalty
  std::vector<at::Tensor> gradients;  ///< one per parameter; empty unless asked for
};

/// Where points on bridges are expected to end: the cells of the later time with what the plan gives them.
/// The plan between two times at the temperature of the noise is a Schroedinger bridge: a path that is at x
/// after the share t of the interval ends in cell j with a chance in proportion to
/// b_j exp(g_j) exp(-|x - y_j|^2 / (2 s^2 (1 - t))), s^2 the variance of the noise over the interval. So the
/// drift there is (mean end - x) / (h (1 - t)): what the regression of single pairs has for its mean, without
/// their spread.
struct BridgeEnds {
  at::Tensor points;      ///< m x D: cells of the later time, or some of them
  at::Tensor log_weight;  ///< m: log b + g
  at::Tensor log_growth;  ///< m: part of the end in the growth of a path; undefined for none
};

/// Ends that are likelier for single paths than BridgeEnds says, because of where each began: on top of
/// these.
struct RaisedEnds {
  at::Tensor points;      ///< n x q x D
  at::Tensor log_weight;  ///< n x q: as in BridgeEnds, with what they are raised by; minus infinity for none
  at::Tensor log_growth;  ///< n x q; undefined for none
};

/// The mean end of paths that are at x, n x D.
/// @param x,place n x D points and the share of the interval that lies behind each
/// @param sd D: standard deviation of the noise over the interval
/// @param raised of these paths; nullptr for none
at::Tensor expected_end(const BridgeEnds& ends, const at::Tensor& x, const at::Tensor& place,
                        const at::Tensor& sd, const RaisedEnds* raised = nullptr);

/// Points on the bridges, N x D.
at::Tensor bridge_points(const BridgeBatch& batch, const at::Tensor& noise);

/// What the drift at those points is regressed on, N x D, given the diffusion there (n x D or n x D x m).
/// @param correction half of div(G G'), less half of sum_k (dG_k) G_k for Stratonovich; undefined for zero
at::Tensor drift_target(const BridgeBatch& batch, const at::Tensor& noise, const at::Tensor& diffusion,
                        const at::Tensor& correction);

BridgeValue bridge_loss(const BridgeJob& job, const std::vector<at::Tensor>& parameters,
                        const BridgeBatch& batch, bool gradient);

}  // namespace fatefield
