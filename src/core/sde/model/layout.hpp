// Which networks a neural SDE has and what they put out, without their weights. No torch here.
#pragma once

#include <cstdint>

#include "base/sde_options.hpp"
#include "nets/shape.hpp"

namespace fatefield {

enum class DiffusionKind { None, Diagonal, Scalar, LowRank, Rank1 };

/// Parameters stand in the order drift, diffusion, growth.
struct SdeLayout {
  /// Errors of kind Input name the option that cannot be.
  SdeLayout(const SdeOptions& options, std::int64_t dims);

  std::int64_t dims;
  bool potential;  ///< the drift is the gradient of a scalar network
  bool growth;
  bool time_input;  ///< scaled time is a further input of all networks
  bool published;
  DiffusionKind kind;
  std::int64_t rank;  ///< Brownian motions of low-rank noise; 1 otherwise
  MlpShape drift_net, diffusion_net, growth_net;

  bool has_diffusion() const { return kind != DiffusionKind::None; }
  /// Each dimension has a Brownian motion of its own.
  bool diagonal_noise() const { return kind != DiffusionKind::LowRank && kind != DiffusionKind::Rank1; }
  std::int64_t brownian_dims() const { return diagonal_noise() ? dims : rank; }
  /// Number of the first parameter of the diffusion and of the growth network.
  std::size_t diffusion_at() const { return parameter_tensors(drift_net); }
  std::size_t growth_at() const {
    return diffusion_at() + (has_diffusion() ? parameter_tensors(diffusion_net) : 0);
  }
};

}  // namespace fatefield
