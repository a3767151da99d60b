// The header of the test framework for tests that see LibTorch, precompiled: LibTorch first, then Catch2,
// whose CHECK wins.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#undef CHECK
#include "test.hpp"
