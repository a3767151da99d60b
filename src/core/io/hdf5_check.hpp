// A look at an HDF5 file by a child process before it is read: what makes the HDF5 library crash or run for
// ever ends the child, and is an error here. The child goes through all groups, data sets and attributes that
// the readers of h5ad and loom look at, and reads values up to a megabyte.
#pragma once

#include <string>

namespace fatefield {

/// An error of kind File that names the place in the file where the library crashed or did not end. Does
/// nothing where no child can be forked (base/child.hpp) or the package has no HDF5.
/// @param argument the user's name of the file
void check_hdf5_file(const std::string& file, const std::string& argument);

}  // namespace fatefield
