// The names of a group's members lie in a heap of their own, whose head HDF5's library up to 1.14 trusts: a
// damaged size makes it write out of bounds. Here the head is read from the file and checked before the
// library looks a name up. Layout: HDF5 File Format Specification 3.0, III.D "Local Heaps", IV.A.1 "Object
// Header".
#pragma once

#ifdef WITH_HDF5

#include "io/hdf5.hpp"

namespace fatefield {
namespace hdf5 {

/// An error where the heap of the names of this group cannot be right. Groups of the newer kind, which have
/// checksums, pass.
void check_names(hid_t group, const Place& place);

}  // namespace hdf5
}  // namespace fatefield

#endif
