// The parallel loop: every index once, exceptions, calls from inside, many short rounds.
#include "test.hpp"

#include <atomic>
#include <numeric>
#include <stdexcept>

#include "base/threads.hpp"

using namespace fatefield;

TEST_CASE("a parallel loop runs every index once, for any number of threads", "[threads]") {
  for (int team : {1, 2, 5}) {
    const ThreadScope scope(team);
    for (std::int64_t n : {0, 1, 3, 1000}) {
      std::vector<int> times(static_cast<std::size_t>(n), 0);
      parallel_for(n, [&](std::int64_t i) { ++times[static_cast<std::size_t>(i)]; });
      CHECK(std::all_of(times.begin(), times.end(), [](int k) { return k == 1; }));
    }
  }
}

TEST_CASE("many short rounds end, also with changing numbers of threads", "[threads]") {
  std::atomic<std::int64_t> sum{0};
  for (int round = 0; round < 5000; ++round) {
    const ThreadScope scope(1 + round % 4);
    parallel_for(7, [&](std::int64_t i) { sum += i; });
  }
  CHECK(sum == 5000 * 21);
}

TEST_CASE("an exception of a body reaches the caller, and the next loop runs", "[threads]") {
  const ThreadScope scope(3);
  const auto failing = [](std::int64_t i) {
    if (i == 5) throw std::runtime_error("five");
  };
  CHECK_THROWS_AS(parallel_for(9, failing), std::runtime_error);
  std::atomic<int> count{0};
  parallel_for(9, [&](std::int64_t) { ++count; });
  CHECK(count == 9);
}

TEST_CASE("a loop inside a loop does its work", "[threads]") {
  const ThreadScope scope(2);
  std::atomic<int> count{0};
  parallel_for(4, [&](std::int64_t) { parallel_for(6, [&](std::int64_t) { ++count; }); });
  CHECK(count == 24);
}
