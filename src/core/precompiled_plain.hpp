// Compiled once and given to every other source, where the compiler can: see tools/sources.awk.
// No source includes it. It holds foreign headers alone, so that no edit of ours makes it stale.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>
