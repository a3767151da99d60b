// The units in which the networks work: z = (x - centre) / scale, tau = (t - start) / span.
// One scale for all dimensions keeps distances; plain numbers, no torch.
#pragma once

#include <vector>

namespace fatefield {

struct Scaling {
  std::vector<double> centre;  ///< one per dimension
  double scale = 1.0;          ///< root of the mean variance of the dimensions
  double start = 0.0;          ///< first observed time
  double span = 1.0;           ///< last minus first observed time
};

}  // namespace fatefield
