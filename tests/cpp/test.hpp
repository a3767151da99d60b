// The only header of the test framework, precompiled. Tests that see LibTorch include torch_test.hpp instead.
// SKIP(reason) ends a test that lacks what it needs, also under a Catch2 that does not have it.
#pragma once

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
