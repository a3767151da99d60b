// What a neural SDE is made of, for the training loops: networks, weights, units, state of training.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "sde/model/nets.hpp"
#include "sde/model/neural_sde.hpp"
#include "sde/solvers/solver.hpp"

namespace fatefield {

struct NeuralSde::Impl {
  Impl(const SdeOptions& o, std::int64_t dims) : options(o), nets(o, dims), solver(&sde_solver(o.solver)) {}

  SdeOptions options;
  SdeNets nets;
  const SdeSolver* solver;
  /// Where networks run and their weights are; states come and go on the processor.
  at::Device device = at::kCPU;
  /// The weights that are used: after training the best, or the running mean.
  std::vector<at::Tensor> parameters;
  Scaling scaling;
  std::vector<double> times;
  /// What training needs to go on exactly where it stopped; empty before training.
  Archive training;

  at::ScalarType type() const { return options.precision == "float64" ? at::kDouble : at::kFloat; }
  /// Type and device of all that networks take.
  at::TensorOptions like() const { return at::TensorOptions(type()).device(device); }
  std::uint64_t first_seed = 0;  ///< of the initial weights
  bool published() const { return options.compat == "scdiffeq"; }
  /// Steps through these times, in the user's units.
  StepGrid grid(const std::vector<double>& through) const;
  /// model_error unless x has the dimensions of the model.
  void check_dims(const MatrixView& x) const;
  /// Scaled states in the dimensions that the networks see, n x D.
  at::Tensor scaled(const MatrixView& x) const;
  /// Untrained networks of some of the dimensions, the others being constant.
  void see(const std::vector<std::int64_t>& moving);
};

/// Tensors as entries `prefix + name` of an archive, and back; shapes are checked against the specs.
void put_tensors(Archive& archive, const std::string& prefix, const std::vector<ParameterSpec>& specs,
                 const std::vector<at::Tensor>& tensors);
std::vector<at::Tensor> get_tensors(const Archive& archive, const std::string& prefix,
                                    const std::vector<ParameterSpec>& specs, const at::TensorOptions& like);

}  // namespace fatefield
