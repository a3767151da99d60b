// How far long work of the core is, told to R, and whether the user wants it to stop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "glue.hpp"

namespace fatefield {
namespace glue {

/// For the core's loops: looks for an interrupt ten times a second and calls the R function tick(done) five
/// times a second, and when `done` is `total`.
/// @param tick as R's progress_bar() gives it, or NULL
inline std::function<bool(std::int64_t)> counting_tick(const Rcpp::Nullable<Rcpp::Function>& tick,
                                                       std::int64_t total = -1) {
  const auto go_on = until_interrupt();
  if (tick.isNull()) return [go_on](std::int64_t) { return go_on(); };
  const Rcpp::Function call(tick);
  const auto clock = std::make_shared<Clock>(0.2);
  return [call, clock, go_on, total](std::int64_t done) {
    if (!go_on()) return false;
    if (done == total || clock->due()) call(static_cast<double>(done));
    return true;
  };
}

}  // namespace glue
}  // namespace fatefield
