// The least a source that sees LibTorch costs: compiled by `sh bench/run.sh build`, so that the time to install the package can be
// compared between machines.
#include <ATen/ATen.h>

at::Tensor product(const at::Tensor& a, const at::Tensor& b) { return a.matmul(b); }
