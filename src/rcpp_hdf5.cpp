// A look at an HDF5 file before it is read.
#include "core/io/hdf5_check.hpp"
#include "glue.hpp"

// Stops where the HDF5 library crashes on the file, or does not end; nothing otherwise.
// [[Rcpp::export(rng = false)]]
void check_hdf5(const std::string& file) {
  fatefield::glue::guarded([&] { fatefield::check_hdf5_file(file, "file"); });
}
