// A stage of a training: what one update of it is. Stages follow each other on the same weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fatefield {

struct StageUpdate {
  double loss = 0.0;
  std::vector<at::Tensor> gradients;                  ///< one per parameter
  std::vector<std::pair<std::string, double>> notes;  ///< for the history
};

class Stage {
 public:
  virtual ~Stage() = default;
  /// Loss and gradient of update u of this stage, counted from 0: a function of the seed and u alone.
  virtual StageUpdate update(const std::vector<at::Tensor>& parameters, std::int64_t u) = 0;
};

}  // namespace fatefield
