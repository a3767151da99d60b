// Compiled once and given to every source that sees Rcpp, where the compiler can: see tools/sources.awk.
// No source includes it. It holds foreign headers alone, so that no edit of ours makes it stale.
#include <Rcpp.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
