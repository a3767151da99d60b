// Principal components: takes cells x features, gives scores, loadings and standard deviations. No torch.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

struct Components {
  Matrix scores;              ///< cells x k, centred
  Matrix loadings;            ///< features x k, columns of length 1; the largest entry of each is positive
  std::vector<double> stdev;  ///< k, falling
};

/// The first k principal components of the centred features, by the eigenvectors of the smaller of the two
/// matrices of inner products. The same bytes for any number of threads.
/// Errors of kind Input: k ("n.pcs") outside 1..min(cells - 1, features).
Components principal_components(MatrixView x, std::int64_t k);

}  // namespace fatefield
