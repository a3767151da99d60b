// Devices: what is refused, and on a machine with a GPU that results are those of the processor.
#include <cmath>
#include <string>
#include <vector>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"
#include "sde/model/neural_sde.hpp"
#include "sde/train/trainer.hpp"
#include "test.hpp"

using namespace fatefield;

TEST_CASE("a device that is not there is refused by name, and the processor always serves", "[device]") {
  NeuralSde model(SdeOptions(), 3, 1);
  const std::string before = model.bytes();
  model.move_to("cpu");
  CHECK(model.bytes() == before);
  const auto argument = [&](const std::string& device) -> std::string {
    try {
      model.move_to(device);
    } catch (const Error& e) {
      REQUIRE(e.kind() == ErrorKind::Input);
      return e.argument();
    }
    return "no error";
  };
  CHECK(argument("gpu") == "device");
  const CudaState state = cuda_state();
  CHECK((state.built || state.devices == 0));
  if (state.devices == 0) CHECK(argument("cuda") == "device");
}

TEST_CASE("on a GPU models train and simulate as on the processor, but for rounding", "[device]") {
  if (cuda_state().devices == 0) SKIP("no GPU is seen");
  Matrix x(300, 3);
  std::vector<double> time;
  for (std::int64_t i = 0; i < 300; ++i) {
    time.push_back(static_cast<double>(i % 3));
    for (std::int64_t j = 0; j < 3; ++j) x(i, j) = uniform(1, Stream::Simulator, i, j) + 0.5 * time.back();
  }
  SdeOptions o;
  o.precision = "float64";
  for (const char* method : {"sinkhorn", "bridge"}) {
    TrainOptions train;
    train.method = method;
    train.updates = 5;
    std::vector<Simulation> futures;
    for (const char* device : {"cpu", "cuda"}) {
      NeuralSde model(o, 3, 1);
      model.move_to(device);
      TrainData data;
      data.x = x;
      data.time = time;
      fit_sde(
          model, data, train, 1, [](const Progress&) { return true; }, nullptr);
      NeuralSde again(model.bytes(), "bytes");
      again.move_to(device);
      SimulationRequest request;
      request.times = {0.0, 1.0, 2.0};
      request.n_sim = 2;
      request.seed = 3;
      futures.push_back(again.simulate(x, request, nullptr));
    }
    double worst = 0.0;
    for (std::size_t k = 0; k < futures[0].states.size(); ++k)
      worst = std::max(worst, std::abs(futures[0].states[k] - futures[1].states[k]));
    CHECK(worst < 1e-6);
  }
}
