#include "base/memory.hpp"
#include "test.hpp"

#include <memory>
#include <vector>

#include <sys/resource.h>

using fatefield::KeepMemory;

namespace {

long page_faults() {
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_minflt;
}

// One step: a block of 96 MB, written and freed: 24,576 pages, or 48 huge ones. Volatile, so that the
// compiler cannot leave it out.
void step() {
  const std::size_t n = 12u << 20;
  const std::unique_ptr<double[]> block(new double[n]);
  volatile double* p = block.get();
  for (std::size_t i = 0; i < n; i += 128) p[i] = 1.0;
}

}  // namespace

// The sanitizer brings its own malloc.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a kept block is not faulted in again", "[memory]") {
  const KeepMemory keep;
  step();
  const long before = page_faults();
  for (int i = 0; i < 5; ++i) step();
  CHECK(page_faults() - before <= 12);
}

TEST_CASE("scopes of kept memory nest, and the last one gives the memory back", "[memory]") {
  {
    const KeepMemory outer;
    { const KeepMemory inner; }
    step();
    const long before = page_faults();
    step();
    CHECK(page_faults() - before <= 12);
  }
  const long before = page_faults();
  step();
  CHECK(page_faults() - before > 24);
}
#endif
