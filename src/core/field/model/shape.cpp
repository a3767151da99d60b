// Takes the shape of a field's network; gives the sizes of its layers and initial weights.
#include "field/model/shape.hpp"

#include <algorithm>
#include <cmath>

namespace fatefield {

std::int64_t FieldNetShape::outputs(std::int64_t l) const {
  if (l == depth()) return net.outputs;
  return units(l) * (l == latent() ? 2 : 1);
}

std::int64_t FieldNetShape::embedding() const {
  return samples() ? latent() : std::min_element(net.hidden.begin(), net.hidden.end()) - net.hidden.begin();
}

std::int64_t FieldNetShape::parameters() const {
  std::int64_t n = units(0) * batches;
  for (std::int64_t l = 0; l < layers(); ++l) n += outputs(l) * (inputs(l) + 1);
  return n;
}

std::vector<FieldTensor> initial_field_weights(const FieldNetShape& shape, std::uint64_t seed) {
  std::vector<FieldTensor> out;
  for (std::int64_t l = 0; l < shape.layers(); ++l) {
    const std::int64_t in = shape.inputs(l), to = shape.outputs(l);
    const std::string name = "layer" + std::to_string(l);
    // Mean and variance of the latent layer are two heads.
    const double heads = l == shape.latent() ? 2.0 : 1.0;
    const double reach = std::sqrt(6.0 / (static_cast<double>(in) + static_cast<double>(to) / heads));
    FieldTensor weight{name + ".weight", Matrix(to, in)};
    draw_weights(seed, Stream::Init, static_cast<std::uint64_t>(l), reach, in * to,
                 weight.values.values.data());
    out.push_back(std::move(weight));
    out.push_back({name + ".bias", Matrix(to, 1)});
  }
  if (shape.batches > 0) out.push_back({"batch.weight", Matrix(shape.units(0), shape.batches)});
  return out;
}

}  // namespace fatefield
