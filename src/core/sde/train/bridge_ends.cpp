// Takes points on bridges and the cells they may end in; gives their mean ends.
#include "sde/train/bridge_ends.hpp"

#include <ATen/ATen.h>

namespace fatefield {

at::Tensor expected_end(const BridgeEnds& ends, const at::Tensor& x, const at::Tensor& place,
                        const at::Tensor& sd) {
  // Distances are taken from the middle of the ends, where rounding does least harm.
  const at::Tensor centre = ends.points.mean(0, true);
  const at::Tensor y = (ends.points - centre) / sd;
  const at::Tensor at_x = (x - centre) / sd;
  const at::Tensor left = (1.0 - place).unsqueeze(1);
  at::Tensor logits = at::mm(at_x, y.t()).sub_(y.square().sum(1) * 0.5).div_(left).add_(ends.log_weight);
  if (ends.log_growth.defined()) logits.add_(place.unsqueeze(1) * ends.log_growth);
  return at::mm(at::softmax(logits, 1), ends.points);
}

}  // namespace fatefield
