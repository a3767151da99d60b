// Work that may crash: done in a forked child first, so that only the child ends.
// Takes a function and the processor seconds it may use; gives how the child ended. The child runs no code of
// R, resets the handlers of signals, prints nothing and ends itself by a signal, so that files, buffers and
// threads of the parent stay untouched.
#pragma once

#include <functional>

namespace fatefield {

enum class ChildEnd {
  Fine,     // the work came to its end, by return or by a C++ exception
  Crashed,  // a signal of a fault ended it
  Endless,  // it used up its processor seconds
  Unknown,  // no child could be made, or something from outside ended it
};

/// Whether children can be forked here: not on Windows, and not on macOS, whose frameworks do not bear it.
bool can_fork();

ChildEnd run_in_child(const std::function<void()>& work, int processor_seconds);

}  // namespace fatefield
