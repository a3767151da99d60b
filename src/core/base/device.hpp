// Where networks run: on the processor, or on a GPU where LibTorch has CUDA and sees one.
#pragma once

#include <string>

namespace fatefield {

struct CudaState {
  bool built = false;  ///< the LibTorch in use was built with CUDA
  int devices = 0;     ///< GPUs that it sees
};

CudaState cuda_state();

/// Error of kind Input that names `device` unless it is "cpu", or "cuda" and there is a GPU to use.
void check_device(const std::string& device);

/// Holds LibTorch at one thread during its life: our blocks are what runs in parallel.
/// In a forked child this comes before LibTorch's pool, whose threads are gone there, is used.
class TorchThreadScope {
 public:
  TorchThreadScope();
  ~TorchThreadScope();
  TorchThreadScope(const TorchThreadScope&) = delete;
  TorchThreadScope& operator=(const TorchThreadScope&) = delete;

 private:
  int before_;
};

}  // namespace fatefield
