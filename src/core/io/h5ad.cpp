// Takes the path of an .h5ad file, gives its parts; what lies at a path is told by its attributes, or by its
// shape where the attributes are missing.
#include "io/h5ad.hpp"

#include <utility>

#include "base/error.hpp"

#ifdef WITH_HDF5

#include "io/h5ad_parts.hpp"

namespace fatefield {

struct H5ad::Impl {
  hdf5::Node root;

  // Before 0.7 `obsm` is a compound data set, whose members are the matrices.
  bool is_member(const std::string& path) const {
    const std::size_t at = path.rfind('/');
    return at != std::string::npos && root.has(path.substr(0, at)) &&
           root.child(path.substr(0, at)).is_compound();
  }
  hdf5::Values member(const std::string& path) const {
    const std::size_t at = path.rfind('/');
    return root.child(path.substr(0, at)).values(path.substr(at + 1));
  }
  hdf5::Values values(const std::string& path) const {
    return is_member(path) ? member(path) : root.child(path).values();
  }
};

H5ad::H5ad(const std::string& file, const std::string& argument)
    : impl_(new Impl{hdf5::Node::open(file, argument)}) {
  for (const char* need : {"obs", "var"}) {
    if (!impl_->root.has(need)) {
      throw file_error(argument, "`" + argument + "`: \"" + file +
                                     "\" is an HDF5 file, but no AnnData: it has no `" + need + "`.");
    }
  }
}

H5adKind H5ad::kind(const std::string& path) const {
  if (impl_->is_member(path)) return h5ad::is_dense(impl_->member(path)) ? H5adKind::Dense : H5adKind::Other;
  if (!impl_->root.has(path)) return H5adKind::None;
  const hdf5::Node node = impl_->root.child(path);
  if (h5ad::is_table(node)) return H5adKind::Table;
  if (h5ad::is_sparse(node)) return H5adKind::Sparse;
  return node.is_dataset() && h5ad::is_dense(node.values()) ? H5adKind::Dense : H5adKind::Other;
}

std::vector<std::string> H5ad::names(const std::string& group) const {
  if (!impl_->root.has(group)) return {};
  const hdf5::Node node = impl_->root.child(group);
  return node.is_compound() ? node.members() : node.names();
}

H5adTable H5ad::table(const std::string& path) const { return h5ad::read_table(impl_->root, path); }

H5adShape H5ad::shape(const std::string& path) const {
  const H5adKind what = kind(path);
  if (what == H5adKind::Sparse) return h5ad::sparse_shape(impl_->root.child(path));
  if (what != H5adKind::Dense) {
    impl_->root.place()
        .at("/" + path)
        .fail("it is no matrix: neither compressed rows or columns nor numbers.");
  }
  return h5ad::dense_shape(impl_->values(path));
}

std::int64_t H5ad::nonzero(const std::string& path) const { return h5ad::count_nonzero(impl_->values(path)); }

std::int64_t H5ad::read_sparse(const std::string& path, std::int32_t* p, std::int32_t* i, double* x) const {
  if (kind(path) == H5adKind::Sparse) return h5ad::read_sparse(impl_->root.child(path), p, i, x);
  return h5ad::read_dense_as_sparse(impl_->values(path), p, i, x);
}

void H5ad::read_dense(const std::string& path, double* out) const { impl_->values(path).into(out); }

}  // namespace fatefield

#else

#include "io/without_hdf5.hpp"

namespace fatefield {

struct H5ad::Impl {};

// The constructor never returns, so that the other members are never reached.
H5ad::H5ad(const std::string& file, const std::string& argument) { throw built_without_hdf5(file, argument); }
H5adKind H5ad::kind(const std::string&) const { return H5adKind::None; }
std::vector<std::string> H5ad::names(const std::string&) const { return {}; }
H5adTable H5ad::table(const std::string&) const { return {}; }
std::int64_t H5ad::nonzero(const std::string&) const { return 0; }
H5adShape H5ad::shape(const std::string&) const { return {}; }
std::int64_t H5ad::read_sparse(const std::string&, std::int32_t*, std::int32_t*, double*) const { return 0; }
void H5ad::read_dense(const std::string&, double*) const {}

}  // namespace fatefield

#endif

namespace fatefield {
H5ad::~H5ad() = default;
H5ad::H5ad(H5ad&&) noexcept = default;
}  // namespace fatefield
