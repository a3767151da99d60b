// Takes nothing; gives the cores at hand, the thread count, a scope that sets it, and a parallel loop over
// blocks.
#include "base/threads.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <thread>

#include <dlfcn.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif

#include "base/pool.hpp"

namespace fatefield {
namespace {

std::atomic<int> configured_threads{1};
std::atomic<long> home_process{0};

bool in_forked_child() {
  const long home = home_process.load();
  return home != 0 && home != static_cast<long>(getpid());
}

using SetThreads = void (*)(int);
using GetThreads = int (*)();

// OpenBLAS is found at run time: R may have been started with any BLAS, and only this one needs to be held
// back.
template <typename F>
F blas_function(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
}

void set_blas_threads(int n) {
  static const SetThreads set = blas_function<SetThreads>("openblas_set_num_threads");
  if (set != nullptr && n > 0) set(n);
}

}  // namespace

int threads() { return in_forked_child() ? 1 : configured_threads.load(); }

int available_cores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
#ifdef __linux__
  // Those that the process is bound to.
  cpu_set_t bound;
  if (sched_getaffinity(0, sizeof bound, &bound) == 0) cores = CPU_COUNT(&bound);
#endif
  // Containers: "quota period" in microseconds, or "max".
  double quota = 0, period = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu.max") >> quota >> period && quota > 0 && period > 0)
    cores = std::min(cores, static_cast<int>(std::ceil(quota / period)));
  const char* const wanted = std::getenv("OMP_NUM_THREADS");
  if (wanted != nullptr && std::atoi(wanted) > 0) cores = std::min(cores, std::atoi(wanted));
  return std::max(cores, 1);
}

int blas_threads() {
  static const GetThreads get = blas_function<GetThreads>("openblas_get_num_threads");
  return get == nullptr ? 0 : get();
}

ThreadScope::ThreadScope(int n) : threads_before_(configured_threads.load()), blas_before_(blas_threads()) {
  if (n > 0) configured_threads = n;
  set_blas_threads(1);
}

ThreadScope::~ThreadScope() {
  configured_threads = threads_before_;
  set_blas_threads(blas_before_);
}

void parallel_for(std::int64_t n, const std::function<void(std::int64_t)>& body) {
  const int team = static_cast<int>(std::min<std::int64_t>(threads(), n));
  if (team <= 1) {
    for (std::int64_t i = 0; i < n; ++i) body(i);
    return;
  }
  std::exception_ptr failure;
  std::mutex failure_lock;
  run_on_pool(team, n, [&](std::int64_t i) {
    try {
      body(i);
    } catch (...) {
      const std::lock_guard<std::mutex> hold(failure_lock);
      if (!failure) failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

void remember_process() { home_process = static_cast<long>(getpid()); }

}  // namespace fatefield
