// The neural SDE dx = f(x, t) dt + g(x, t) dW with growth of cells, from outside: plain matrices, no torch.
// Takes and gives states as n x D in the user's units and times in the user's units.
// Source: Vinyard et al., Nat. Mach. Intell. 7 (2025).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "base/sde_options.hpp"
#include "sde/model/scaling.hpp"

namespace fatefield {

/// Called on the calling thread between pieces of work; false asks to stop.
using KeepGoing = std::function<bool()>;

/// Many futures of cells.
struct SimulationRequest {
  std::vector<double> times;  ///< start first, then increasing; states are given at each
  std::int64_t n_sim = 1;     ///< futures of each cell
  std::uint64_t seed = 42;
  /// Number of the first trajectory: pieces of a larger simulation give the bytes of the whole.
  std::uint64_t first_trajectory = 0;
  /// Noise in the place of the learned one: standard deviation of each dimension per root of time, in the
  /// user's units; empty for the learned one, zeros for none.
  std::vector<double> noise_sd;
  /// The cells are so many arms, one after the other, of as many cells each. Trajectories of the same place
  /// in their arms share their numbers, and so their noise: what differs between arms is due to the starts
  /// alone.
  std::int64_t arms = 1;
  /// Unit vectors, one a row, orthogonal within an arm: after each step x - x_start is brought back to 0
  /// along them. Those of arm a are the rows [hold_of_arm[a], hold_of_arm[a + 1]); nothing is held where it
  /// is empty.
  Matrix hold;
  std::vector<std::int64_t> hold_of_arm;

  /// Whether hold_of_arm shares out all rows of `hold` among the arms, or is empty.
  bool holds_by_arm() const;
};

/// Trajectory i is future i % n_sim of cell i / n_sim.
struct Simulation {
  std::int64_t trajectories = 0;
  std::int64_t dims = 0;
  std::int64_t times = 0;
  std::vector<double> states;       ///< [trajectory + trajectories * (dim + dims * time)]
  std::vector<double> log_weights;  ///< [trajectory + trajectories * time]: integral of growth along the path
};

class NeuralSde {
 public:
  /// Untrained, with initial weights from the seed.
  /// Errors of kind Input name the option that cannot be.
  NeuralSde(const SdeOptions& options, std::int64_t dims, std::uint64_t seed);
  /// From bytes(); errors of kind File (damaged) or Model (weights of another shape).
  NeuralSde(const std::string& bytes, const std::string& argument);
  NeuralSde(NeuralSde&&) noexcept;
  NeuralSde& operator=(NeuralSde&&) noexcept;
  ~NeuralSde();

  /// Everything, the state of training included; independent of the version of LibTorch.
  std::string bytes() const;

  /// From now on networks run on this device, "cpu" or "cuda"; bytes() are the same on any. Numbers differ by
  /// rounding between devices. Errors as check_device().
  void move_to(const std::string& device);

  const SdeOptions& options() const;
  const Scaling& scaling() const;
  std::int64_t dims() const;
  std::int64_t parameter_count() const;
  bool has_potential() const;
  bool has_growth() const;
  /// Times the model was trained on; empty before training.
  const std::vector<double>& times() const;

  /// n x D, per unit of time. Errors of kind Model when x has other dimensions.
  Matrix drift(const MatrixView& x, double t) const;
  /// The same with a time for each row.
  Matrix drift(const MatrixView& x, const std::vector<double>& t) const;
  /// Standard deviation per dimension and square root of time, n x D.
  Matrix diffusion(const MatrixView& x, double t) const;
  /// The scalar whose gradient is the drift, n x 1.
  Matrix potential(const MatrixView& x, double t) const;
  /// Growth rate per unit of time, n x 1; zero where the model has no growth.
  Matrix growth(const MatrixView& x, double t) const;

  /// Where the steps of a simulation through these times begin, and where the last ends.
  std::vector<double> step_times(const std::vector<double>& through) const;

  /// Simulates every row of x0 n_sim times.
  /// The bytes do not depend on threads nor on how a job is cut into calls.
  /// Throws Interrupted when keep_going asks to stop.
  Simulation simulate(const MatrixView& x0, const SimulationRequest& request,
                      const KeepGoing& keep_going) const;

  struct Impl;
  Impl& impl() { return *impl_; }
  const Impl& impl() const { return *impl_; }

 private:
  template <typename F>
  Matrix evaluate(const MatrixView& x, double t, double factor, F&& f) const;

  std::unique_ptr<Impl> impl_;
};

}  // namespace fatefield
