// A divergence between clouds that, on average, is least where their laws agree, however few points there
// are. Takes row-major points and weights; gives a value in units of the cost and its derivatives. No torch
// here.
//
// Between n points each of two laws the transport cost has a part that stems from n being finite, and points
// that lie closer together make it smaller: fits by S(x, y) = OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2 shrink
// clouds, since the cost of a cloud against itself lacks that part. Here both clouds are cut in halves, and
// costs between independent halves take the place of those against itself:
//   D = mean over i, j of OT(x_i, y_j) - OT(x_1, x_2) / 2 - OT(y_1, y_2) / 2.
//
// Source: Salimans et al., Improving GANs using optimal transport, ICLR 2018.
#pragma once

#include <cstdint>
#include <functional>

#include "ot/sinkhorn.hpp"

namespace fatefield {

/// D with the derivatives grad_x and grad_a where `gradient`; of the rest of the result only value is set.
/// A cloud x of more points than y is taken in several pieces, whose values are averaged. Clouds too small
/// for halves of a few points get the divergence S. Weights are made to sum to one in each half. Errors as
/// sinkhorn_divergence().
template <typename T>
SinkhornResult<T> halves_divergence(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                                    bool gradient, const std::function<bool()>& keep_going = {});

}  // namespace fatefield
