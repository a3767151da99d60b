// Takes a loop body and a number of threads; runs it on threads that live until the process ends.
#include "base/pool.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fatefield {
namespace {

// Spins before sleeping: about 20 microseconds, the time between two pieces of one
// update.
constexpr int kSpins = 500;

void rest() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

thread_local bool inside = false;

class Pool {
 public:
  void run(int team, std::int64_t n, const std::function<void(std::int64_t)>& body) {
    const std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (inside || !turn.owns_lock()) {
      for (std::int64_t i = 0; i < n; ++i) body(i);
      return;
    }
    while (static_cast<int>(workers_.size()) < team - 1) {
      const auto number = static_cast<int>(workers_.size());
      workers_.emplace_back([this, number, seen = round_.load()] { wait(number, seen); });
    }
    {
      const std::lock_guard<std::mutex> hold(lock_);
      body_ = &body;
      n_ = n;
      next_ = 0;
      helpers_ = team - 1;
      working_ = team - 1;
      ++round_;
    }
    wake_.notify_all();
    work();
    for (int k = 0; k < kSpins && working_ > 0; ++k) rest();
    std::unique_lock<std::mutex> hold(lock_);
    done_.wait(hold, [this] { return working_ == 0; });
  }

 private:
  void work() {
    inside = true;
    for (std::int64_t i = next_++; i < n_; i = next_++) (*body_)(i);
    inside = false;
  }

  void wait(int number, std::uint64_t seen) {
#ifdef _OPENMP
    // LibTorch and BLAS shall not open teams of their own from here.
    omp_set_num_threads(1);
#endif
    for (;;) {
      for (int k = 0; k < kSpins && round_ == seen; ++k) rest();
      bool wanted;
      {
        std::unique_lock<std::mutex> hold(lock_);
        wake_.wait(hold, [&] { return round_ != seen; });
        seen = round_;
        wanted = number < helpers_;
      }
      if (!wanted) continue;
      work();
      const std::lock_guard<std::mutex> hold(lock_);
      if (--working_ == 0) done_.notify_one();
    }
  }

  std::mutex turn_, lock_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;
  const std::function<void(std::int64_t)>* body_ = nullptr;
  std::int64_t n_ = 0;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint64_t> round_{0};
  std::atomic<int> working_{0};
  int helpers_ = 0;
};

}  // namespace

void run_on_pool(int team, std::int64_t n, const std::function<void(std::int64_t)>& body) {
  // Never destroyed: its threads sleep until the process ends.
  static Pool* const pool = new Pool;
  pool->run(team, n, body);
}

}  // namespace fatefield
