// Training by simulation: rollouts from the first time compared with the cells of each later one; and the
// validation on held-out cells, which is a rollout too.
#pragma once

#include <vector>

#include "base/sde_options.hpp"
#include "sde/train/batches.hpp"
#include "sde/train/cells.hpp"
#include "sde/train/loss.hpp"
#include "sde/train/stage.hpp"

namespace fatefield {

/// What a validation on held-out cells gives.
struct Validation {
  double held_out = 0.0;  ///< loss without penalties, mean over the later times
  double variance = 0.0;  ///< median over dimensions and later times of simulated over observed variance
};

class Rollouts final : public Stage {
 public:
  /// Keeps references to all but the seed.
  Rollouts(NeuralSde::Impl& model, const Cells& cells, const TrainOptions& options, std::uint64_t seed,
           const KeepGoing& keep_going);

  StageUpdate update(const std::vector<at::Tensor>& parameters, std::int64_t u) override;

  /// Whether each time has held-out cells enough to compare with.
  bool can_validate() const { return can_validate_; }
  /// The same cells and the same noise at every validation.
  Validation validate(const std::vector<at::Tensor>& parameters);

  /// Simulated over observed variance from up to options.eval_cells cells of each time, held-out ones first;
  /// later times x dims, in doubles.
  at::Tensor dispersion(const std::vector<at::Tensor>& parameters);

 private:
  LossJob make_job(std::uint64_t first_row) const;
  std::string label(std::size_t k) const;

  NeuralSde::Impl& m_;
  const Cells& cells_;
  const TrainOptions& o_;
  std::uint64_t seed_;
  StepGrid grid_;
  LossOptions loss_;
  Batches batches_;
  const KeepGoing& keep_going_;
  std::vector<double> times_;
  bool can_validate_ = true;
};

}  // namespace fatefield
