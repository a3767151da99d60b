// A few threads that wait for work. OpenMP's own spin for milliseconds between two pieces of work, which on a
// machine that others use too costs several times the work itself; these spin for some microseconds
// and then sleep.
#pragma once

#include <cstdint>
#include <functional>

namespace fatefield {

/// Runs body(i) for i in [0, n) on the calling thread and team - 1 others, in no order. Bodies must not
/// throw. A call from inside a body, or while another thread's call runs, does its work alone.
void run_on_pool(int team, std::int64_t n, const std::function<void(std::int64_t)>& body);

}  // namespace fatefield
