// Single steps of the integration of cells against mathematics: the order of every method on equal steps,
// that of its estimated error and of states between the ends, and the names of the methods.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "paths.hpp"
#include "paths/steps.hpp"
#include "paths/tableaux.hpp"
#include "sde_paths.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

// dx/dt = x^2 cos t: x = 1 / (2 - sin t) from 1/2 at 0.
double slope_of(double t, double x) { return x * x * std::cos(t); }
double swung(double t) { return 1 / (2 - std::sin(t)); }

// One state, one step at a time.
class OneState {
 public:
  explicit OneState(const RungeKutta& method)
      : field_(1, [](double t, const double* x, double* v) { v[0] = slope_of(t, x[0]); }),
        right_(field_, 1.0, false),
        steps_(method, right_, 1, false),
        workspace_(field_.workspace()) {}

  double step(double t, double h, double x) {
    steps_.time(0) = t;
    steps_.length(0) = h;
    steps_.from(0)[0] = x;
    steps_.slope(0)[0] = slope_of(t, x);
    steps_.take(1, *workspace_);
    steps_.finish(1, *workspace_);
    return steps_.to(0)[0];
  }
  double error() const { return steps_.error(0, 0, 1); }
  double between(double share) {
    steps_.prepare_between({0}, *workspace_);
    double x = 0;
    steps_.between(0, share, &x);
    return x;
  }

 private:
  GivenDynamics field_;
  RightHand right_;
  Steps steps_;
  std::unique_ptr<FieldWorkspace> workspace_;
};

// The largest error at the ends of n equal steps to time 4.
double error_of_equal_steps(const RungeKutta& method, int n) {
  OneState state(method);
  double x = 0.5, largest = 0;
  const double h = 4.0 / n;
  for (int k = 0; k < n; ++k) {
    x = state.step(k * h, h, x);
    largest = std::max(largest, std::abs(x - swung((k + 1) * h)));
  }
  return largest;
}

}  // namespace

TEST_CASE("methods have their order on equal steps", "[integrate][order]") {
  for (const RungeKutta& method : runge_kutta_methods()) {
    INFO(method.names[0]);
    // Longer steps for higher orders: their errors must stay above the rounding.
    const std::vector<int> counts =
        method.order == 8 ? std::vector<int>{10, 14, 20, 28} : std::vector<int>{20, 40, 80, 160};
    std::vector<double> h, error;
    for (int n : counts) {
      h.push_back(1.0 / n);
      error.push_back(error_of_equal_steps(method, n));
    }
    const double order = fitted_order(h, error);
    CHECK(order > method.order - 0.3);
    CHECK(order < method.order + 0.7);
  }
}

TEST_CASE("the estimated error of a step shrinks by the order of the companion", "[integrate][order]") {
  // One more for a single step than the orders 2 and 4. Where the companions of order 5 and 3 are joined,
  // from 6 to 8, as one or the other rules.
  struct Row {
    std::string name;
    double wanted, margin;
    std::vector<double> steps;
  };
  const std::vector<double> steps = {0.1, 0.05, 0.025, 0.0125};
  for (const Row& row : {Row{"rk23", 3, 0.4, steps}, Row{"dopri5", 5, 0.4, steps},
                         Row{"dop853", 7, 1.2, {0.6, 0.4, 0.3, 0.2}}}) {
    INFO(row.name);
    OneState state(runge_kutta_method(row.name));
    std::vector<double> error;
    for (double h : row.steps) {
      state.step(0.3, h, 0.5);
      error.push_back(state.error());
    }
    CHECK(fitted_order(row.steps, error) == Approx(row.wanted).margin(row.margin));
  }
}

TEST_CASE("states between the ends of a step have the order of the interpolation", "[integrate][order]") {
  // Of a single step.
  for (const auto& [name, wanted] :
       {std::pair<const char*, double>{"rk23", 4}, {"dopri5", 5}, {"dop853", 8}}) {
    OneState state(runge_kutta_method(name));
    for (double share : {0.2, 0.5, 0.9}) {
      INFO(name << " at " << share);
      std::vector<double> hs, error;
      for (double h : {0.4, 0.2, 0.1}) {
        state.step(0.3, h, swung(0.3));
        hs.push_back(h);
        error.push_back(std::abs(state.between(share) - swung(0.3 + share * h)));
      }
      CHECK(fitted_order(hs, error) > wanted - 0.9);
    }
  }
}

TEST_CASE("a solver answers to every one of its names, and an unknown name is told them all", "[integrate]") {
  for (const auto& [one, other] : {std::pair<const char*, const char*>{"rk23", "bosh3"},
                                   {"rk23", "RK23"},
                                   {"dopri5", "RK45"},
                                   {"dopri5", "rk45"},
                                   {"dop853", "DOP853"}})
    CHECK(&runge_kutta_method(one) == &runge_kutta_method(other));
  std::string message;
  try {
    runge_kutta_method("lsoda");
  } catch (const Error& e) {
    CHECK(e.argument() == "solver");
    message = e.what();
  }
  for (const RungeKutta& method : runge_kutta_methods()) {
    for (const std::string& name : method.names) {
      CHECK(&runge_kutta_method(name) == &method);
      CHECK(message.find("\"" + name + "\"") != std::string::npos);
    }
  }
}
