// Compiled once and given to every source that sees LibTorch, where the compiler can: see tools/sources.awk.
// No source includes it. It holds foreign headers alone, so that no edit of ours makes it stale.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
