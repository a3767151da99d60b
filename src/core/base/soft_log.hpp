// log(1 + x) of many numbers at a time. Versions for several instruction sets are compiled from soft_log.inc;
// they agree with std::log1p() but for the last bit.
#pragma once

#include <cstdint>

namespace fatefield {

/// out = log(1 + x) for x of at least 0, x below; what is not finite stays as it is. out may be x.
void soft_logs(std::int64_t n, const double* x, double* out);

}  // namespace fatefield
