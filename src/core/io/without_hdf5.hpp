// What readers of files say where the package was built without HDF5.
#pragma once

#include <string>

#include "base/error.hpp"

namespace fatefield {

inline Error built_without_hdf5(const std::string& file, const std::string& argument) {
  return file_error(argument, "`" + argument + "`: \"" + file +
                                  "\" cannot be read: this fatefield was built without HDF5; install "
                                  "libhdf5-dev and reinstall the package.");
}

}  // namespace fatefield
