// Time and memory of a piece of work, and results as JSON, for the benchmarks in C++. Takes functions; gives
// seconds, processor seconds (of all threads) and megabytes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct Cost {
  double seconds = 1e300;
  double processor = 1e300;
  double megabytes = 0.0;  ///< resident memory at its peak, beyond what was there before; 0 where unknown
};

inline double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// A line of /proc/self/status in megabytes, such as "VmHWM" for the peak of resident memory.
inline double status_megabytes(const std::string& field) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, field.size() + 1, field + ":") == 0)
      return std::stod(line.substr(field.size() + 1)) / 1024;
  }
  return 0.0;
}

/// Makes the peak of resident memory what is resident now.
inline void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

inline Cost once(const std::function<void()>& work) {
  forget_peak();
  const double before = status_megabytes("VmRSS"), busy = processor_seconds();
  const auto start = std::chrono::steady_clock::now();
  work();
  Cost out;
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  out.processor = processor_seconds() - busy;
  out.megabytes = status_megabytes("VmHWM") - before;
  return out;
}

/// The least seconds and processor seconds of `times` runs; memory is that of the first.
inline Cost best_of(int times, const std::function<void()>& work) {
  Cost best = once(work);
  for (int k = 1; k < times; ++k) {
    const Cost next = once(work);
    best.seconds = std::min(best.seconds, next.seconds);
    best.processor = std::min(best.processor, next.processor);
  }
  return best;
}

inline std::string text(double v) {
  std::ostringstream out;
  out.precision(9);
  out << v;
  return out.str();
}

/// Named numbers, written as one JSON object: {"benchmark": ..., "threads": ..., "results": [{...}, ...]}.
class Results {
 public:
  Results(std::string benchmark, int threads) : benchmark_(std::move(benchmark)), threads_(threads) {}

  void add(const std::string& name, const Cost& cost) {
    lines_.push_back("{\"name\": \"" + name + "\", \"seconds\": " + text(cost.seconds) +
                     ", \"processor_seconds\": " + text(cost.processor) +
                     ", \"megabytes\": " + text(cost.megabytes) + "}");
  }
  void add(const std::string& name, double value, const std::string& unit) {
    lines_.push_back("{\"name\": \"" + name + "\", \"value\": " + text(value) + ", \"unit\": \"" + unit +
                     "\"}");
  }
  void write(const std::string& path) const {
    std::ofstream out(path);
    out << "{\"benchmark\": \"" << benchmark_ << "\", \"threads\": " << threads_ << ", \"results\": [\n";
    for (std::size_t k = 0; k < lines_.size(); ++k)
      out << "  " << lines_[k] << (k + 1 < lines_.size() ? ",\n" : "\n");
    out << "]}\n";
  }

 private:
  std::string benchmark_;
  int threads_;
  std::vector<std::string> lines_;
};

}  // namespace bench
