// The libraries in use and their measured speed, as R lists.
#include "core/base/device.hpp"
#include "core/base/sitrep.hpp"
#include "glue.hpp"

using fatefield::LibraryInfo;
namespace glue = fatefield::glue;

// A list of torch, hdf5 and blas: c(version, path) each, and the kind of threads of the BLAS.
// [[Rcpp::export(rng = false)]]
Rcpp::List core_libraries() {
  return glue::guarded([] {
    const auto pair = [](const LibraryInfo& x) {
      return Rcpp::CharacterVector::create(Rcpp::Named("version") = x.version, Rcpp::Named("path") = x.path);
    };
    return Rcpp::List::create(Rcpp::Named("torch") = pair(fatefield::torch_library()),
                              Rcpp::Named("hdf5") = pair(fatefield::hdf5_library()),
                              Rcpp::Named("blas") = pair(fatefield::blas_library()),
                              Rcpp::Named("blas_threading") = fatefield::blas_threading());
  });
}

// Whether LibTorch was built with CUDA, and how many GPUs it sees.
// [[Rcpp::export(rng = false)]]
Rcpp::List cuda_state() {
  return glue::guarded([] {
    const fatefield::CudaState state = fatefield::cuda_state();
    return Rcpp::List::create(Rcpp::Named("built") = state.built, Rcpp::Named("devices") = state.devices);
  });
}

// Stops where networks cannot run on this device.
// [[Rcpp::export(rng = false)]]
void check_device(std::string device) {
  glue::guarded([&] { fatefield::check_device(device); });
}

// GFLOP/s of the matrix product on `threads` threads.
// [[Rcpp::export(rng = false)]]
double sgemm_gflops(int threads) {
  return glue::guarded([&] { return fatefield::sgemm_gflops(threads); });
}
