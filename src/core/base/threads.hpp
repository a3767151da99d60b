// Threads: the one place that decides how many run and keeps LibTorch's and BLAS's pools out of the way.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace fatefield {

/// Threads that parallel work may use now; 1 in a forked child, where the pool's threads are gone and using
/// it would hang.
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

/// Puts a question that only one thread may ask, such as whether to go on, to work on many threads.
class HomeQuestion {
 public:
  /// Belongs to the calling thread. @param ask may be empty, which always answers true
  explicit HomeQuestion(const std::function<bool()>& ask) : ask_(ask), home_(std::this_thread::get_id()) {}

  /// The answer; on other threads than its own, whether all answers so far were true.
  bool ask() {
    const bool may_ask = ask_ && std::this_thread::get_id() == home_;
    if (may_ask && yes_ && !ask_()) yes_ = false;
    return yes_;
  }

 private:
  const std::function<bool()>& ask_;
  std::thread::id home_;
  std::atomic<bool> yes_{true};
};

/// Threads of the BLAS in use, or 0 where it offers no way to ask.
int blas_threads();

/// Records the process that loaded the library, so that forked children can be told from it.
void remember_process();

}  // namespace fatefield
