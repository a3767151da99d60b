// Children that return, throw, crash and never end.
#include "base/child.hpp"

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "test.hpp"

using namespace fatefield;

TEST_CASE("a child tells how its work ended, and leaves its parent as it was", "[child]") {
  if (!can_fork()) SKIP("no child can be forked here");
  int here = 1;
  CHECK(run_in_child([&] { here = 2; }, 5) == ChildEnd::Fine);
  CHECK(here == 1);
  CHECK(run_in_child([] { throw std::runtime_error("told by the parent"); }, 5) == ChildEnd::Fine);
}

TEST_CASE("faults in a child end the child alone", "[child]") {
  if (!can_fork()) SKIP("no child can be forked here");
  for (const int fault : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) {
    CAPTURE(fault);
    CHECK(run_in_child([fault] { std::raise(fault); }, 5) == ChildEnd::Crashed);
  }
  CHECK(run_in_child([] { std::raise(SIGTERM); }, 5) == ChildEnd::Unknown);
  CHECK(run_in_child([] { std::raise(SIGINT); }, 5) == ChildEnd::Unknown);
}

TEST_CASE("a handler of the parent is not called in the child", "[child]") {
  if (!can_fork()) SKIP("no child can be forked here");
  const auto before = std::signal(SIGSEGV, [](int) { std::_Exit(0); });
  CHECK(run_in_child([] { std::raise(SIGSEGV); }, 5) == ChildEnd::Crashed);
  std::signal(SIGSEGV, before);
}

TEST_CASE("work without end is cut off", "[child]") {
  if (!can_fork()) SKIP("no child can be forked here");
  volatile int on = 1;
  CHECK(run_in_child(
            [&on] {
              while (on != 0) on = 1;
            },
            1) == ChildEnd::Endless);
}
