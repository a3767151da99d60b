// What the core runs on: which libraries were loaded, and how fast the matrix product is.
#pragma once

#include <string>

namespace fatefield {

/// A loaded library; an empty version means that the core was built without it, an empty path that the system
/// does not tell.
struct LibraryInfo {
  std::string version;
  std::string path;
};

/// The file that a loaded function or variable comes from.
std::string library_file(const void* symbol);

LibraryInfo torch_library();
LibraryInfo hdf5_library();

/// The BLAS that sgemm comes from. The version is OpenBLAS's own words, "" for any other.
LibraryInfo blas_library();

/// How the BLAS runs in parallel: "openmp", "pthreads" or "serial" for OpenBLAS, "" for any other.
std::string blas_threading();

/// Speed of the product of two square matrices of floats, 512 x 512, by LibTorch, in GFLOP/s: the best of
/// several runs. The rows are cut into one block for each thread, as all parallel work of the core is.
/// Takes about 0.2 s.
/// @param threads at least 1
double sgemm_gflops(int threads);

}  // namespace fatefield
