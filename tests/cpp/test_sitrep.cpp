#include "base/sitrep.hpp"
#include "test.hpp"

#include <torch/version.h>

using namespace fatefield;

TEST_CASE("the situation report knows the libraries in use", "[sitrep]") {
  CHECK(torch_library().version == TORCH_VERSION);
  CHECK(torch_library().path.find("torch") != std::string::npos);
#ifdef WITH_HDF5
  CHECK(hdf5_library().version.find('.') != std::string::npos);
  CHECK(hdf5_library().path.find("hdf5") != std::string::npos);
#else
  CHECK(hdf5_library().version.empty());
#endif
}

TEST_CASE("the speed of the matrix product is a number above zero on any threads", "[sitrep]") {
  CHECK(sgemm_gflops(1) > 0.0);
  CHECK(sgemm_gflops(2) > 0.0);
}
