// The only header of the test framework, precompiled: LibTorch first where a test needs it, then Catch2,
// whose CHECK wins. SKIP(reason) ends a test that lacks what it needs, also under a Catch2 that does not have
// it.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#undef CHECK
#ifdef CATCH_V3
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

/// The running test case has said SKIP() without Catch2 knowing.
inline bool& skipped_unseen() {
  static bool skipped = false;
  return skipped;
}

#ifndef SKIP
#define SKIP(reason)         \
  do {                       \
    WARN(reason);            \
    skipped_unseen() = true; \
    return;                  \
  } while (false)
#endif
