// Between R and the core: matrices, options, errors, interrupts. Rcpp here, torch never.
#pragma once

#include <Rcpp.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/matrix.hpp"
#include "core/base/option_visit.hpp"
#include "core/base/threads.hpp"

namespace fatefield {
namespace glue {

inline MatrixView view(const Rcpp::NumericMatrix& x) { return {x.begin(), x.nrow(), x.ncol()}; }

inline Rcpp::NumericMatrix to_r(const Matrix& x) {
  return Rcpp::NumericMatrix(static_cast<int>(x.rows), static_cast<int>(x.cols), x.values.begin());
}

inline Rcpp::RawVector to_raw(const std::string& bytes) {
  return Rcpp::RawVector(bytes.begin(), bytes.end());
}
inline std::string from_raw(const Rcpp::RawVector& raw) { return std::string(raw.begin(), raw.end()); }

/// Threads the user allows, see R/threads.R.
inline int thread_count() {
  const Rcpp::Function count = Rcpp::Environment::namespace_env("fatefield")["thread_count"];
  return Rcpp::as<int>(count());
}

/// Raises the R condition of a core error: class fatefield_error_<kind>, field `argument`.
[[noreturn]] inline void raise(const Error& e) {
  static const char* const kinds[] = {"input", "model", "file", "numeric"};
  const Rcpp::Function stop_core = Rcpp::Environment::namespace_env("fatefield")["stop_core"];
  stop_core(kinds[static_cast<int>(e.kind())], e.argument(), std::string(e.what()));
  throw Rcpp::exception(e.what(), false);
}

/// Raises the condition of memory that could not be had.
[[noreturn]] inline void raise_memory() {
  const Rcpp::Function stop_memory = Rcpp::Environment::namespace_env("fatefield")["stop_memory"];
  stop_memory();
  throw Rcpp::exception("not enough memory", false);
}

/// Runs f; a core error becomes the R condition, as does want of memory, an interrupt R's own.
template <typename F>
auto guarded(F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const Interrupted&) {
    throw Rcpp::internal::InterruptedException();
  } catch (const Error& e) {
    raise(e);
  } catch (const std::bad_alloc&) {
    raise_memory();
  } catch (const std::length_error&) {
    raise_memory();
  }
}

template <typename T>
Rcpp::NumericVector to_vector(const std::vector<T>& v) {
  return Rcpp::NumericVector(v.begin(), v.end());
}

/// Codes and indices of R, from 1, as the core counts them; NA becomes -1.
inline std::vector<std::int32_t> from_one(const Rcpp::IntegerVector& codes) {
  std::vector<std::int32_t> out;
  for (const int code : codes) out.push_back(code == NA_INTEGER ? -1 : code - 1);
  return out;
}

/// Codes as R counts them; below 0 becomes NA.
inline Rcpp::IntegerVector to_one(const std::vector<std::int32_t>& codes) {
  Rcpp::IntegerVector out(codes.begin(), codes.end());
  for (int& code : out) code = code < 0 ? NA_INTEGER : code + 1;
  return out;
}

/// True at most every `seconds`: for work that should be done by the clock, not by the step.
class Clock {
 public:
  explicit Clock(double seconds) : period_(seconds) {}
  bool due() {
    const auto now = std::chrono::steady_clock::now();
    if (std::chrono::duration<double>(now - last_).count() < period_) return false;
    last_ = now;
    return true;
  }

 private:
  double period_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// True when the user pressed Ctrl-C; takes the interrupt away, so that the caller can end in order.
inline bool interrupt_pending() {
  return R_ToplevelExec([](void*) { R_CheckUserInterrupt(); }, nullptr) == FALSE;
}

/// A question for long work: false once the user has pressed Ctrl-C. Looks at most ten times a second.
inline std::function<bool()> until_interrupt() {
  auto clock = std::make_shared<Clock>(0.1);
  auto stopped = std::make_shared<bool>(false);
  return [clock, stopped] {
    if (!*stopped && clock->due()) *stopped = interrupt_pending();
    return !*stopped;
  };
}

/// Writes options into an R list, member by member.
class OptionsToList {
 public:
  explicit OptionsToList(Rcpp::List& out) : out_(out) {}
  void operator()(const char* name, std::int64_t v) { out_.push_back(static_cast<double>(v), name); }
  void operator()(const char* name, const std::vector<std::int64_t>& v) {
    out_.push_back(Rcpp::NumericVector(v.begin(), v.end()), name);
  }
  template <typename T>
  void operator()(const char* name, const T& v) {
    out_.push_back(Rcpp::wrap(v), name);
  }

 private:
  Rcpp::List& out_;
};

template <typename Options>
Rcpp::List to_list(const Options& o) {
  Rcpp::List out;
  visit_fields(o, OptionsToList(out));
  return out;
}

/// Reads options from an R list: absent or NULL members keep the default, wrong types are named.
class ListToOptions {
 public:
  explicit ListToOptions(const Rcpp::List& in) : in_(in) {}

  void operator()(const char* name, std::int64_t& v) {
    double x = static_cast<double>(v);
    scalar<double>(name, "one whole number", x);
    v = whole(name, "one whole number", x);
  }
  void operator()(const char* name, double& v) { scalar<double>(name, "one number", v); }
  void operator()(const char* name, bool& v) { scalar<bool>(name, "TRUE or FALSE", v); }
  void operator()(const char* name, std::string& v) { scalar<std::string>(name, "one string", v); }
  void operator()(const char* name, std::vector<std::int64_t>& v) {
    if (find(name) == R_NilValue) return;
    const std::vector<double> x = vector(name);
    v.clear();
    for (double e : x) v.push_back(whole(name, "whole numbers", e));
  }
  void operator()(const char* name, std::vector<double>& v) {
    const std::vector<double> x = vector(name);
    if (!x.empty()) v = x;
  }

 private:
  SEXP find(const char* name) const {
    if (!in_.containsElementNamed(name)) return R_NilValue;
    return in_[name];
  }
  std::vector<double> vector(const char* name) const {
    const SEXP x = find(name);
    if (x == R_NilValue) return {};
    if (!Rf_isNumeric(x)) throw input_error(name, std::string("`") + name + "` must be a vector of numbers.");
    return Rcpp::as<std::vector<double>>(x);
  }
  [[noreturn]] static void stop(const char* name, const char* needed) {
    throw input_error(name, std::string("`") + name + "` must be " + needed + ".");
  }
  static std::int64_t whole(const char* name, const char* needed, double x) {
    // Beyond 2^53 doubles are no longer all the whole numbers.
    if (!(std::abs(x) <= 9007199254740992.0) || x != std::floor(x)) stop(name, needed);
    return static_cast<std::int64_t>(x);
  }
  static bool missing(SEXP x) {
    if (Rf_isString(x)) return STRING_ELT(x, 0) == NA_STRING;
    if (Rf_isLogical(x)) return LOGICAL(x)[0] == NA_LOGICAL;
    return ISNAN(Rf_asReal(x));
  }
  template <typename R, typename T>
  void scalar(const char* name, const char* needed, T& v) const {
    const SEXP x = find(name);
    if (x == R_NilValue) return;
    const bool fits = std::is_same<R, std::string>::value
                          ? Rf_isString(x)
                          : (std::is_same<R, bool>::value ? Rf_isLogical(x) : Rf_isNumeric(x));
    if (!fits || Rf_xlength(x) != 1 || missing(x)) stop(name, needed);
    v = static_cast<T>(Rcpp::as<R>(x));
  }

  const Rcpp::List& in_;
};

template <typename Options>
Options from_list(const Rcpp::List& in) {
  Options o;
  visit_fields(o, ListToOptions(in));
  return o;
}

}  // namespace glue
}  // namespace fatefield
