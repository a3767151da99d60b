// Takes work and its limit; gives how a forked child ended that did it.
#include "base/child.hpp"

#if !defined(_WIN32) && !defined(__APPLE__)
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace fatefield {
namespace {

const int kFaults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

void limit(int resource, rlim_t soft, rlim_t hard) {
  rlimit now;
  if (getrlimit(resource, &now) != 0) return;
  now.rlim_max = std::min(now.rlim_max, hard);
  now.rlim_cur = std::min(soft, now.rlim_max);
  setrlimit(resource, &now);
}

void become_plain(int processor_seconds) {
  for (const int fault : kFaults) std::signal(fault, SIG_DFL);
  for (const int other : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXCPU}) std::signal(other, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  limit(RLIMIT_CORE, 0, 0);
  const auto seconds = static_cast<rlim_t>(processor_seconds);
  limit(RLIMIT_CPU, seconds, seconds + 1);
  const int nowhere = open("/dev/null", O_WRONLY);
  if (nowhere < 0) return;
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
}

// By which a child says that it came to its end: without the handlers of exit(), which are its parent's.
constexpr int kDone = SIGUSR1;

void end_here() {
  std::signal(kDone, SIG_DFL);
  raise(kDone);
  raise(SIGKILL);
}

ChildEnd end_of(int status) {
  if (!WIFSIGNALED(status)) return ChildEnd::Unknown;
  const int by = WTERMSIG(status);
  if (by == kDone) return ChildEnd::Fine;
  if (by == SIGXCPU) return ChildEnd::Endless;
  // SIGKILL: out of memory.
  if (by == SIGKILL) return ChildEnd::Crashed;
  const bool fault = std::find(std::begin(kFaults), std::end(kFaults), by) != std::end(kFaults);
  return fault ? ChildEnd::Crashed : ChildEnd::Unknown;
}

}  // namespace

bool can_fork() { return true; }

ChildEnd run_in_child(const std::function<void()>& work, int processor_seconds) {
  const pid_t child = fork();
  if (child < 0) return ChildEnd::Unknown;
  if (child == 0) {
    become_plain(processor_seconds);
    try {
      work();
    } catch (...) {
      // What the work found wrong is the parent's to find, too.
    }
    end_here();
  }
  int status = 0;
  pid_t ended = -1;
  do {
    ended = waitpid(child, &status, 0);
  } while (ended < 0 && errno == EINTR);
  return ended == child ? end_of(status) : ChildEnd::Unknown;
}

}  // namespace fatefield

#else

namespace fatefield {
bool can_fork() { return false; }
ChildEnd run_in_child(const std::function<void()>&, int) { return ChildEnd::Unknown; }
}  // namespace fatefield

#endif
