// The cells of a training: checked, scaled, and parted into training and held-out cells of each
// time.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "sde/model/neural_sde_impl.hpp"
#include "sde/train/trainer.hpp"

namespace fatefield {

/// Scaled states and given growth rates per scaled time, one tensor for each observed time. Rates are
/// undefined where none are given.
struct Cells {
  std::vector<at::Tensor> train;     ///< n_k x D
  std::vector<at::Tensor> held_out;  ///< m_k x D
  std::vector<at::Tensor> train_growth;
  std::vector<at::Tensor> held_out_growth;
};

/// Errors of kind Input or Model where the data cannot be.
void check_data(const TrainData& data, std::int64_t dims);

/// A number that tells whether a model meets the data it was trained on.
double fingerprint(const TrainData& data);

/// Centre, scale and time unit of the training cells; the published networks work in raw units.
Scaling measure(const TrainData& data, const std::vector<char>& held_out, const std::vector<double>& times,
                bool published);

/// Cells of the times of a model in its units.
Cells gather(const NeuralSde::Impl& model, const TrainData& data, const std::vector<char>& held_out);

/// These rows of x.
at::Tensor rows_of(const at::Tensor& x, const std::vector<std::int64_t>& rows);

/// Rows of each tensor.
std::vector<std::int64_t> sizes_of(const std::vector<at::Tensor>& x);

}  // namespace fatefield
