// Takes the name of a device; says whether it can be used.
#include "base/device.hpp"

#include <ATen/Context.h>

#include "base/error.hpp"

namespace fatefield {

CudaState cuda_state() {
  CudaState out;
  out.built = at::Context::hasCUDART();
  if (out.built) out.devices = static_cast<int>(at::getNumGPUs());
  return out;
}

void check_device(const std::string& device) {
  if (device == "cpu") return;
  if (device != "cuda") {
    throw input_error("device", "`device` is \"" + device + "\"; \"cpu\" or \"cuda\" is needed.");
  }
  const CudaState state = cuda_state();
  if (!state.built) {
    throw input_error(
        "device",
        "`device` is \"cuda\", but the LibTorch in use was built without CUDA; install fatefield "
        "with one that has it, or take \"cpu\".");
  }
  if (state.devices < 1) {
    throw input_error("device", "`device` is \"cuda\", but LibTorch sees no GPU; take \"cpu\".");
  }
}

}  // namespace fatefield
