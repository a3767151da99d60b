// Runs the tests. Each case prints a line "passed|failed|skipped  SECONDS  NAME", where the seconds are those
// of the processor over all threads. The process ends with 4 when all of its cases were skipped, as that of
// Catch2 3.5 does.
#ifndef CATCH_V3
#define CATCH_CONFIG_RUNNER
#endif
#include "test.hpp"

#include <cstdio>
#include <ctime>

#ifdef CATCH_V3
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/catch_version_macros.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#endif

namespace {

int cases_run = 0;
int cases_skipped = 0;

#ifdef CATCH_V3
using ListenerBase = Catch::EventListenerBase;
const std::string& name_of(const Catch::TestCaseStats& stats) { return stats.testInfo->name; }
bool skipped_seen(const Catch::Totals& totals) {
#if CATCH_VERSION_MAJOR > 3 || CATCH_VERSION_MINOR >= 3
  return totals.testCases.skipped > 0;
#else
  return totals.testCases.total() < 0;
#endif
}
#else
using ListenerBase = Catch::TestEventListenerBase;
const std::string& name_of(const Catch::TestCaseStats& stats) { return stats.testInfo.name; }
bool skipped_seen(const Catch::Totals&) { return false; }
#endif

class CaseLines : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo&) override {
    skipped_unseen() = false;
    start_ = std::clock();
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    const bool failed = stats.totals.assertions.failed > 0 || stats.totals.testCases.failed > 0;
    const bool skipped = !failed && (skipped_unseen() || skipped_seen(stats.totals));
    ++cases_run;
    cases_skipped += skipped;
    std::printf("%s %7.2f  %s\n",
                failed    ? "failed "
                : skipped ? "skipped"
                          : "passed ",
                static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC, name_of(stats).c_str());
    std::fflush(stdout);
  }

 private:
  std::clock_t start_ = 0;
};

CATCH_REGISTER_LISTENER(CaseLines)

}  // namespace

int main(int argc, char* argv[]) {
  const int status = Catch::Session().run(argc, argv);
  return status == 0 && cases_run > 0 && cases_skipped == cases_run ? 4 : status;
}
