// The scaled cells of a training, parted into training and held-out cells of each time.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace fatefield {

/// Scaled states and given growth rates per scaled time, one tensor for each observed time. Rates are
/// undefined where none are given.
struct Cells {
  std::vector<at::Tensor> train;     ///< n_k x D
  std::vector<at::Tensor> held_out;  ///< m_k x D
  std::vector<at::Tensor> train_growth;
  std::vector<at::Tensor> held_out_growth;
  std::vector<std::vector<std::int64_t>> train_clone;  ///< of train; empty where clones pair no cells
  std::vector<double> clone_trust;                     ///< of each interval, with train_clone
  std::vector<at::Tensor> train_velocity;              ///< n_k x D, per scaled time; empty for none
};

/// These rows of x.
inline at::Tensor rows_of(const at::Tensor& x, const std::vector<std::int64_t>& rows) {
  const at::Tensor index = at::from_blob(const_cast<std::int64_t*>(rows.data()),
                                         {static_cast<std::int64_t>(rows.size())}, at::kLong);
  return x.index_select(0, index);
}

/// Rows of each tensor.
inline std::vector<std::int64_t> sizes_of(const std::vector<at::Tensor>& x) {
  std::vector<std::int64_t> out;
  for (const at::Tensor& t : x) out.push_back(t.size(0));
  return out;
}

}  // namespace fatefield
