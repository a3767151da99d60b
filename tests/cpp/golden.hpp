// Reads reference numbers: HDF5 data sets of any type as doubles, rows first, with their shape.
// Where the file or HDF5 is absent, missing() says why, for the test's SKIP().
#pragma once

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef WITH_HDF5
#include <hdf5.h>
#endif

struct GoldenArray {
  std::vector<double> values;
  std::vector<std::int64_t> shape;
};

class Golden {
 public:
  /// @param name file in the folder of reference numbers, e.g. "engine.h5"
  explicit Golden(const std::string& name = "engine.h5") {
    const std::string path = std::string(SHARED_DIR) + "/golden/" + name;
#ifdef WITH_HDF5
    if (!std::ifstream(path)) {
      missing_ = "no reference numbers at " + path;
      return;
    }
    file_ = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file_ < 0) missing_ = "cannot open " + path;
#else
    missing_ = "built without HDF5, cannot read " + path;
#endif
  }
  Golden(const Golden&) = delete;
  Golden& operator=(const Golden&) = delete;

  /// Empty when the numbers can be read, else the reason to skip a test.
  const std::string& missing() const { return missing_; }

#ifdef WITH_HDF5
  ~Golden() {
    if (file_ >= 0) H5Fclose(file_);
  }

  bool has(const std::string& path) const { return H5Lexists(file_, path.c_str(), H5P_DEFAULT) > 0; }

  GoldenArray read(const std::string& path) const {
    const hid_t set = H5Dopen2(file_, path.c_str(), H5P_DEFAULT);
    if (set < 0) throw std::runtime_error("no reference numbers called " + path);
    const hid_t space = H5Dget_space(set);
    const int rank = H5Sget_simple_extent_ndims(space);
    std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
    if (rank > 0) H5Sget_simple_extent_dims(space, extent.data(), nullptr);
    GoldenArray out;
    out.shape.assign(extent.begin(), extent.end());
    out.values.resize(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    const herr_t read = H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.values.data());
    H5Sclose(space);
    H5Dclose(set);
    if (read < 0) throw std::runtime_error("cannot read the reference numbers " + path);
    return out;
  }

 private:
  hid_t file_ = -1;
#else
  bool has(const std::string&) const { return false; }
  GoldenArray read(const std::string& path) const { throw std::runtime_error("no HDF5 to read " + path); }

 private:
#endif
  std::string missing_;
};

/// One number.
inline double golden_number(const Golden& golden, const std::string& path) {
  return golden.read(path).values.at(0);
}
