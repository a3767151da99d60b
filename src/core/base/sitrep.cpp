// Takes nothing; gives versions and paths of the libraries in use, but for what only LibTorch can tell of
// itself (libtorch.cpp).
#include "base/sitrep.hpp"

#include <cstdlib>

#include <dlfcn.h>

#ifdef WITH_HDF5
#include <hdf5.h>
#endif

namespace fatefield {
namespace {

template <typename F>
const void* address(F* function) {
  return reinterpret_cast<const void*>(function);
}

template <typename F>
F found(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace

// Links are followed: Debian's libblas.so.3 is one to the library chosen.
std::string library_file(const void* symbol) {
  Dl_info info;
  if (symbol == nullptr || dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return "";
  char* const whole = realpath(info.dli_fname, nullptr);
  const std::string path = whole == nullptr ? info.dli_fname : whole;
  std::free(whole);
  return path;
}

LibraryInfo hdf5_library() {
#ifdef WITH_HDF5
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return {std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release),
          library_file(address(&H5get_libversion))};
#else
  return {};
#endif
}

LibraryInfo blas_library() {
  const auto config = found<char* (*)()>("openblas_get_config");
  return {config == nullptr ? "" : config(), library_file(dlsym(RTLD_DEFAULT, "sgemm_"))};
}

std::string blas_threading() {
  const auto parallel = found<int (*)()>("openblas_get_parallel");
  if (parallel == nullptr) return "";
  static const char* const names[] = {"serial", "pthreads", "openmp"};
  const int kind = parallel();
  return kind >= 0 && kind <= 2 ? names[kind] : "";
}

}  // namespace fatefield
