// Takes weights, start states and Brownian increments; gives states at the outputs of a grid and the gradient
// of a loss of them in the weights.
#include "sde/model/fused_work.hpp"

namespace fatefield {

template <typename T>
bool FusedSde<T>::fits(const SdeLayout& layout) {
  return !(layout.potential && layout.drift_net.hidden.empty());
}

template <typename T>
FusedSde<T>::FusedSde(const SdeLayout& layout, const T* const* parameters)
    : layout_(layout), drift_(layout.drift_net, parameters) {
  if (layout.has_diffusion()) diffusion_.emplace(layout.diffusion_net, parameters + layout.diffusion_at());
  if (layout.growth) growth_.emplace(layout.growth_net, parameters + layout.growth_at());
}

template <typename T>
SdeGradient<T> FusedSde<T>::zeros() const {
  SdeGradient<T> out;
  out.drift = drift_.zeros();
  if (diffusion_) out.diffusion = diffusion_->zeros();
  if (growth_) out.growth = growth_->zeros();
  return out;
}

template <typename T>
void FusedSde<T>::add_gradient(const SdeGradient<T>& from, T* const* out) const {
  drift_.add_gradient(from.drift, out);
  if (diffusion_) diffusion_->add_gradient(from.diffusion, out + layout_.diffusion_at());
  if (growth_) growth_->add_gradient(from.growth, out + layout_.growth_at());
}

template <typename T>
FusedBlock<T>::FusedBlock(const FusedSde<T>& sde, const FusedRun& run, std::uint64_t first, std::int64_t rows)
    : work_(std::make_unique<Work>(sde, run, first, rows)) {}
template <typename T>
FusedBlock<T>::~FusedBlock() = default;

template <typename T>
std::int64_t FusedBlock<T>::tape_bytes() const {
  return (work_->run.grid.steps() + 1) * work_->slot_entries() * static_cast<std::int64_t>(sizeof(T));
}

template <typename T>
FusedOutputs<T> FusedBlock<T>::forward(const T* start, const Increments& increments, bool keep_tape,
                                       const AfterStep& after_step) {
  return work_->forward(start, increments, keep_tape, work_->run.measure_ratio, after_step);
}

template <typename T>
void FusedBlock<T>::backward(const T* start, const Increments& increments, const FusedAdjoints<T>& adjoints,
                             SdeGradient<T>& into) {
  if (!work_->tape) work_->forward(start, increments, true, false);
  work_->backward(increments, adjoints, into);
  work_->tape.reset();
}

template class FusedSde<float>;
template class FusedSde<double>;
template class FusedBlock<float>;
template class FusedBlock<double>;

}  // namespace fatefield
