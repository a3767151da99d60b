// The kinetics of splicing: the solution against its differential equations, times against the solution,
// equal rates as the limit of near ones, the vector loops against the scalar ones.
#include "velocity/dynamical/kinetics.hpp"

#include <cmath>
#include <vector>

#include "base/aligned.hpp"
#include "test.hpp"
#include "velocity/dynamical/loop_kernel.hpp"

using namespace fatefield;

namespace {

const std::vector<Course> kCourses = {{{4, 1, 0.4}, {0, 0}},      {{4, 1, 2.5}, {0, 0}},
                                      {{0, 0.7, 0.3}, {2, 5}},    {{0, 0.7, 1.9}, {2, 1}},
                                      {{3, 1, 1}, {0, 0}},        {{3, 1, 1 + 1e-7}, {0.5, 0.1}},
                                      {{3, 1, 1 - 5e-4}, {0, 0}}, {{0, 0.5, 0.5}, {4, 4}}};

// Sixteen times of a course.
struct Run {
  Aligned<double> tau, u, s;

  explicit Run(const Course& course) : tau(16), u(16), s(16) {
    for (int i = 0; i < 16; ++i) {
      tau[i] = 0.01 + 0.5 * i;
      const SplicingState x = splicing_state(course, tau[i]);
      u[i] = x.u;
      s[i] = x.s;
    }
  }
};

}  // namespace

TEST_CASE("the solution solves the differential equations", "[kinetics]") {
  for (const Course& c : kCourses) {
    CHECK(splicing_state(c, 0).u == Approx(c.start.u).margin(1e-14));
    CHECK(splicing_state(c, 0).s == Approx(c.start.s).margin(1e-14));
    for (const double tau : {0.1, 1.0, 6.0}) {
      const double h = 1e-4;
      const SplicingState x = splicing_state(c, tau), before = splicing_state(c, tau - h),
                          after = splicing_state(c, tau + h);
      CHECK((after.u - before.u) / (2 * h) ==
            Approx(c.rates.alpha - c.rates.beta * x.u).epsilon(1e-6).margin(1e-7));
      CHECK((after.s - before.s) / (2 * h) ==
            Approx(c.rates.beta * x.u - c.rates.gamma * x.s).epsilon(1e-6).margin(1e-7));
    }
  }
}

TEST_CASE("equal rates are the limit of near ones", "[kinetics]") {
  // s of gamma = beta from nothing: alpha / beta (1 - e^-x - x e^-x).
  for (const double gamma : {1.0, 1 + 1e-9, 1 - 1e-6, 1 + 0.9e-3, 1 + 1.1e-3}) {
    const double exact = 3 * (1 - std::exp(-2.0) - 2 * std::exp(-2.0));
    CHECK(splicing_state({{3, 1, gamma}, {0, 0}}, 2).s ==
          Approx(exact).epsilon(1e-12 + 2 * std::abs(gamma - 1)));
  }
  // Where the series hands over, both forms agree.
  for (const double gamma : {1 - 0.001, 1 + 0.001}) {
    const double below = splicing_state({{3, 1, gamma * (1 - 1e-12)}, {1, 2}}, 5).s;
    const double above = splicing_state({{3, 1, gamma * (1 + 1e-12)}, {1, 2}}, 5).s;
    CHECK(below == Approx(above).epsilon(1e-10));
  }
}

TEST_CASE("the time of a state on the course is its time", "[kinetics]") {
  for (const Course& c : kCourses)
    for (const double tau : {0.01, 0.3, 2.0, 7.0})
      CHECK(splicing_time(c, splicing_state(c, tau)) == Approx(tau).epsilon(1e-7));
  // Beyond the course the share left is bounded.
  const Course up = kCourses[1];
  CHECK(splicing_time(up, {5, 0}) == Approx(-std::log(1e-6)));
  CHECK(splicing_time(up, {-1, 0}) == Approx(1e-6).epsilon(1e-3));
}

TEST_CASE("vector loops do what the scalar functions do", "[kinetics]") {
  const SplicingKernel& kernel = splicing_kernel();
  for (const Course& c : kCourses) {
    const Run run(c);
    Aligned<double> u(16), s(16), tau(16), squared(16);
    kernel.states(16, c, run.tau.data(), u.data(), s.data());
    kernel.times(16, c, run.u.data(), run.s.data(), 3.0, tau.data());
    kernel.distances(16, c, run.tau.data(), s.data(), u.data(), {0.5, 2}, 1, squared.data());
    for (int i = 0; i < 16; ++i) {
      CHECK(u[i] == Approx(run.u[i]).epsilon(1e-13));
      CHECK(s[i] == Approx(run.s[i]).epsilon(1e-12));
      CHECK(tau[i] == Approx(std::min(run.tau[i], 3.0)).epsilon(1e-7));
      const double du = (run.s[i] - run.u[i]) / 0.5, ds = (run.u[i] - run.s[i]) / 2;
      CHECK(squared[i] == Approx(du * du + ds * ds).epsilon(1e-9).margin(1e-12));
    }
  }
}

TEST_CASE("a switch is one course, then the other", "[kinetics]") {
  for (const double gamma : {0.4, 1.0, 2.5}) {
    const Course up{{4, 1, gamma}, {0, 0}};
    const Course down{{0, 1, gamma}, splicing_state(up, 3)};
    Run run(up);
    Aligned<double> u(16), s(16);
    splicing_kernel().switching(16, up, down, 3, run.tau.data(), u.data(), s.data());
    for (int i = 0; i < 16; ++i) {
      const double t = run.tau[i];
      const SplicingState x = t < 3 ? splicing_state(up, t) : splicing_state(down, t - 3);
      CHECK(u[i] == Approx(x.u).epsilon(1e-12));
      CHECK(s[i] == Approx(x.s).epsilon(1e-12));
    }
  }
}

TEST_CASE("the nearest of a grid is the first of the nearest", "[kinetics]") {
  Aligned<double> u(8), s(8);
  for (int i = 0; i < 8; ++i) u[i] = i;
  const std::vector<double> grid_u = {0, 2, 2, 6.4}, grid_s(4, 0.0);
  std::vector<std::int32_t> found(8);
  splicing_kernel().nearest(8, u.data(), s.data(), 4, grid_u.data(), grid_s.data(), found.data());
  CHECK(found == std::vector<std::int32_t>{0, 0, 1, 1, 1, 3, 3, 3});
}

TEST_CASE("averages are those of the sets", "[kinetics]") {
  const std::vector<std::int64_t> offset = {0, 1, 6};
  const std::vector<std::int32_t> index = {1, 0, 1, 1, 0, 0};
  const std::vector<double> share = {2, 0.5}, in = {1, 2, 3, 4, 10, 20, 30, 40};
  std::vector<double> four(8), two(4);
  splicing_kernel().average_four(2, offset.data(), index.data(), share.data(), in.data(), four.data());
  CHECK(four == std::vector<double>{20, 40, 60, 80, 11.5, 23, 34.5, 46});
  splicing_kernel().average_two(2, offset.data(), index.data(), share.data(), in.data(), two.data());
  CHECK(two == std::vector<double>{6, 8, 4.5, 7});
}
