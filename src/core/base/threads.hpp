// Threads: the one place that decides how many run and keeps the pools of OpenMP and BLAS from fighting.
#pragma once

#include <cstdint>
#include <functional>

namespace fatefield {

/// Threads that parallel work may use now; 1 in a forked child, where OpenMP's pool is gone and using it
/// would hang.
int threads();

/// Processor cores this process may use: those it is bound to, fewer under a cgroup's quota or
/// OMP_NUM_THREADS.
int available_cores();

/// Sets the number of threads for this scope and restores the former number at its end.
/// BLAS is held at one thread throughout: parallel work is cut into blocks of rows whose bounds do not depend
/// on the number of threads, each block runs on one, and so results are the same bytes for any number.
class ThreadScope {
 public:
  /// @param n threads to use; 0 keeps the current number
  explicit ThreadScope(int n);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int threads_before_;
  int blas_before_;
};

/// Runs body(i) for i in [0, n) on threads() threads; the first exception thrown by a body is rethrown here.
/// Bodies must not touch R.
void parallel_for(std::int64_t n, const std::function<void(std::int64_t)>& body);

/// Threads of the BLAS in use, or 0 where it offers no way to ask.
int blas_threads();

/// Records the process that loaded the library, so that forked children can be told from it.
void remember_process();

}  // namespace fatefield
