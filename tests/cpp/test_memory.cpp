#include "base/memory.hpp"

#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned.hpp"
#include "test.hpp"

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

TEST_CASE("blocks stand on boundaries of vectors, large ones on those of large pages", "[memory]") {
  const auto address = [](const auto& workspace) {
    return reinterpret_cast<std::uintptr_t>(workspace.get());
  };
  for (std::int64_t n : {1, 1000, 1 << 20, (4 << 20) / 8 + 3, 12 << 20}) {
    const auto workspace = fatefield::make_workspace<double>(n);
    workspace[0] = workspace[n - 1] = 1.0;
    CHECK(address(workspace) % (n * 8 >= (4 << 20) ? 2u << 20 : 64u) == 0);
  }
  CHECK(fatefield::make_workspace<float>(0) == nullptr);
  fatefield::Aligned<float> values(3, 1.0f);
  values.resize(5 << 20, 2.0f);
  CHECK(values[2] == 1.0f);
  CHECK(values.back() == 2.0f);
}

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
