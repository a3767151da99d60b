// Takes sizes and a seed; gives the cells of each update.
#include "sde/train/batches.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/rng.hpp"

namespace fatefield {

Batches::Batches(std::vector<std::int64_t> sizes, std::int64_t requested, std::int64_t usual,
                 std::uint64_t seed)
    : sizes_(std::move(sizes)), seed_(seed), epoch_(sizes_.size(), -1), order_(sizes_.size()) {
  if (requested < 0) {
    throw input_error("batch.size",
                      "`batch.size` is " + std::to_string(requested) + "; at least 1 is needed, or 0.");
  }
  const std::int64_t fewest = *std::min_element(sizes_.begin(), sizes_.end());
  if (requested > fewest) {
    throw input_error("batch.size", "`batch.size` is " + std::to_string(requested) +
                                        ", but one time has only " + std::to_string(fewest) +
                                        " cells for training; take a smaller batch, or 0 for what fits.");
  }
  for (std::int64_t n : sizes_) batch_.push_back(requested > 0 ? requested : std::min(usual, n));
}

std::vector<std::int64_t> Batches::cells(std::size_t k, std::int64_t u) {
  const std::int64_t per_epoch = sizes_[k] / batch_[k];
  const std::int64_t epoch = u / per_epoch;
  if (epoch != epoch_[k]) {
    order_[k].resize(static_cast<std::size_t>(sizes_[k]));
    const auto draw = static_cast<std::uint64_t>(epoch) * sizes_.size() + k;
    permutation(seed_, Stream::Batch, draw, sizes_[k], order_[k].data());
    epoch_[k] = epoch;
  }
  const auto from = order_[k].begin() + (u % per_epoch) * batch_[k];
  return std::vector<std::int64_t>(from, from + batch_[k]);
}

}  // namespace fatefield
