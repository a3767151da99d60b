// Eigen shares its products among threads, and then the order of sums depends on how many there are.
#pragma once

namespace fatefield {

/// Holds Eigen at one thread during its life.
class OneEigenThread {
 public:
  OneEigenThread();
  ~OneEigenThread();
  OneEigenThread(const OneEigenThread&) = delete;
  OneEigenThread& operator=(const OneEigenThread&) = delete;

 private:
  int before_;
};

}  // namespace fatefield
