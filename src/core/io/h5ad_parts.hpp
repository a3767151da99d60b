// The parts of an .h5ad file on nodes of HDF5: tables (h5ad_table.cpp) and matrices (h5ad_matrix.cpp).
#pragma once

#ifdef WITH_HDF5

#include <string>

#include "base/sparse.hpp"
#include "io/h5ad.hpp"
#include "io/hdf5.hpp"

namespace fatefield {
namespace h5ad {

/// A group of columns, or a compound data set whose members are columns (before 0.7).
bool is_table(const hdf5::Node& node);
H5adTable read_table(const hdf5::Node& root, const std::string& path);

/// A vector of any encoding, of any length; false where no vector of R can hold it.
bool read_column(const hdf5::Node& node, H5adColumn& out);

/// A group of data, indices and indptr.
bool is_sparse(const hdf5::Node& node);
H5adShape sparse_shape(const hdf5::Node& node);
std::int64_t read_sparse(const hdf5::Node& node, std::int32_t* p, std::int32_t* i, double* x);

/// Numbers with one or two dimensions, cells first; one dimension is one feature.
bool is_dense(const hdf5::Values& values);
H5adShape dense_shape(const hdf5::Values& values);
std::int64_t count_nonzero(const hdf5::Values& values);
/// The values other than 0 of a dense matrix, by its rows as they lie in the file; reads it once, a block at
/// a time.
SparseRows read_dense_rows(const hdf5::Values& values);
std::int64_t read_dense_as_sparse(const hdf5::Values& values, std::int32_t* p, std::int32_t* i, double* x);

}  // namespace h5ad
}  // namespace fatefield

#endif
