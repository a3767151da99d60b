// Training without simulation: pairs of cells from plans between successive times, points on the bridges
// between them, and the loss of bridge matching on those.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/sde_options.hpp"
#include "sde/train/batches.hpp"
#include "sde/train/bridge.hpp"
#include "sde/train/cells.hpp"
#include "sde/train/couplings.hpp"
#include "sde/train/stage.hpp"

namespace fatefield {

class Bridges final : public Stage {
 public:
  /// Keeps references to all but the seed. Finds the plans between whole snapshots where these are used.
  Bridges(const NeuralSde::Impl& model, const Cells& cells, const TrainOptions& options, std::uint64_t seed,
          const KeepGoing& keep_going);

  StageUpdate update(const std::vector<at::Tensor>& parameters, std::int64_t u) override;

 private:
  bool knows_drift() const;
  SinkhornOptions plan_options(std::size_t k) const;
  ot::RaisedPairs mates(std::size_t k) const;
  ot::RaisedPairs mates(std::size_t k, const std::vector<std::int64_t>& from,
                        const std::vector<std::int64_t>& to) const;
  Partners couple(const at::Tensor& x, const at::Tensor& rate, const at::Tensor& y, std::size_t k,
                  std::int64_t draws, std::uint64_t first, ot::RaisedPairs raised) const;
  void measure_noise();
  void measure_steps();
  BridgeEnds all_ends(const Partners& plan, const at::Tensor& y) const;
  BridgeEnds some_ends(const BridgeEnds& all, std::int64_t u, std::size_t k) const;
  RaisedEnds raised_ends(const Partners& plan, const BridgeEnds& all,
                         const std::vector<std::int64_t>& rows) const;
  at::Tensor ahead(std::size_t k, const at::Tensor& x, const std::vector<std::int64_t>& rows) const;
  at::Tensor known_drift(const BridgeBatch& b, const at::Tensor& shift,
                         const std::vector<BridgeEnds>& ends_of,
                         const std::vector<RaisedEnds>& raised_of) const;
  BridgeBatch batch(std::int64_t u);

  const NeuralSde::Impl& m_;
  std::vector<at::Tensor> x_, rates_;             // of each time
  std::vector<std::vector<std::int64_t>> clone_;  // of each time; empty where clones pair no cells
  std::vector<double> clone_trust_;               // of each interval
  std::vector<at::Tensor>
      shift_;  // of each interval: how far the reference drift takes cells; empty for none
  const TrainOptions& o_;
  std::uint64_t seed_;
  const KeepGoing& keep_going_;
  std::unique_ptr<Batches> batches_;
  std::vector<double> starts_, lengths_;  // of the intervals, in scaled time
  std::vector<at::Tensor> sd_;            // of the noise over each interval: D
  std::vector<at::Tensor> unit_;          // D: lengths that the plan of each interval takes as one
  std::vector<double> reach_;             // of each plan, in those units
  std::vector<double> widest_;            // share of each interval before its last step's middle
  BridgeOptions options_;
  // Of all cells of each interval; empty where pairs come from batches.
  std::vector<Partners> partners_;
  std::vector<BridgeEnds> ends_;
};

}  // namespace fatefield
