// Memory: a scope in which freed blocks stay with the process.
// glibc maps blocks of tens of MB afresh and gives them back at each free. Work that needs such blocks at
// every step then spends most of its time on page faults: a training step was seen to take three times as
// long.
#pragma once

namespace fatefield {

/// While it lives, freed memory is kept for the next step; at its end the free part goes back to the system.
/// Scopes nest. Does nothing where the C library is not glibc.
class KeepMemory {
 public:
  KeepMemory();
  ~KeepMemory();
  KeepMemory(const KeepMemory&) = delete;
  KeepMemory& operator=(const KeepMemory&) = delete;
};

}  // namespace fatefield
