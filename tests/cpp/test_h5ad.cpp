// .h5ad files: real ones, and what only old versions of anndata wrote. The encodings of newer versions are
// tested from R, where the files are written by another library.
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "io/h5ad.hpp"
#include "test.hpp"

#ifdef WITH_HDF5

#include <unistd.h>

#include "io/hdf5.hpp"

using namespace fatefield;

namespace {

// A file that is gone when the test is over.
class TemporaryFile {
 public:
  TemporaryFile() : path_("/tmp/fatefield-test-" + std::to_string(getpid()) + ".h5ad") {}
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }
  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

 private:
  std::string path_;
};

struct OldCell {
  char index[4];
  double pca[2];
};

// obs, var and obsm as anndata 0.6 wrote them: compound data sets, embeddings as members that are arrays.
void write_old(const std::string& path) {
  using hdf5::Handle;
  const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  const Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(text.get(), 4);
  const hsize_t two = 2, three = 3;
  const Handle pair(H5Tarray_create2(H5T_NATIVE_DOUBLE, 1, &two), H5Tclose);
  const Handle names(H5Tcreate(H5T_COMPOUND, sizeof(OldCell)), H5Tclose);
  H5Tinsert(names.get(), "index", offsetof(OldCell, index), text.get());
  const Handle embedding(H5Tcreate(H5T_COMPOUND, sizeof(OldCell)), H5Tclose);
  H5Tinsert(embedding.get(), "X_pca", offsetof(OldCell, pca), pair.get());

  const OldCell cells[3] = {{"c1", {1, 2}}, {"c2", {3, 4}}, {"c3", {5, 6}}};
  const auto put = [&](const char* name, const Handle& type, hsize_t n) {
    const Handle space(H5Screate_simple(1, &n, nullptr), H5Sclose);
    const Handle data(
        H5Dcreate2(file.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
        H5Dclose);
    H5Dwrite(data.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, cells);
  };
  put("obs", names, three);
  put("var", names, two);
  put("obsm", embedding, three);
}

}  // namespace

TEST_CASE("embeddings of anndata 0.6 are members of a compound data set", "[h5ad]") {
  const TemporaryFile file;
  write_old(file.path());
  const H5ad h5ad(file.path(), "file");
  CHECK(h5ad.table("obs").index == std::vector<std::string>{"c1", "c2", "c3"});
  CHECK(h5ad.table("var").index.size() == 2);
  CHECK(h5ad.names("obsm") == std::vector<std::string>{"X_pca"});
  REQUIRE(h5ad.kind("obsm/X_pca") == H5adKind::Dense);
  const H5adShape shape = h5ad.shape("obsm/X_pca");
  CHECK(shape.cells == 3);
  CHECK(shape.features == 2);
  std::vector<double> x(6);
  h5ad.read_dense("obsm/X_pca", x.data());
  CHECK(x == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(h5ad.nonzero("obsm/X_pca") == 6);
}

TEST_CASE("a real file is read, and cut anywhere is a file error", "[h5ad]") {
  const std::string path = std::string(SHARED_DIR) + "/data/larry/expression781.h5ad";
  std::ifstream in(path, std::ios::binary);
  if (!in) SKIP("no such reference file: " + path);
  const H5ad h5ad(path, "file");
  CHECK(h5ad.table("obs").index.size() == 781);
  const H5adShape shape = h5ad.shape("X");
  CHECK(shape.cells == 781);
  CHECK(shape.features == 2481);
  REQUIRE(shape.stored == 225001);
  std::vector<std::int32_t> p(782), i(225001);
  std::vector<double> x(225001);
  CHECK(h5ad.read_sparse("X", p.data(), i.data(), x.data()) == 225001);
  CHECK(p.back() == 225001);

  std::stringstream bytes;
  bytes << in.rdbuf();
  const TemporaryFile cut;
  for (const double part : {0.0, 0.001, 0.3, 0.9, 0.999999}) {
    cut.write(
        bytes.str().substr(0, static_cast<std::size_t>(part * static_cast<double>(bytes.str().size()))));
    CHECK_THROWS_AS(H5ad(cut.path(), "file"), Error);
  }
}

#else

TEST_CASE("without HDF5 opening a file says how to get it", "[h5ad]") {
  std::string message;
  try {
    fatefield::H5ad("a.h5ad", "file");
  } catch (const fatefield::Error& e) {
    message = e.what();
  }
  CHECK(message.find("libhdf5-dev") != std::string::npos);
}

#endif
