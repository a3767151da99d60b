// Takes times and clones of cells; gives which are held out.
#include "sde/train/split.hpp"

#include <cmath>
#include <map>

#include "base/rng.hpp"

namespace fatefield {
namespace {

// The first `fraction` of the members in random order.
void hold_out(const std::vector<std::int64_t>& members, double fraction, std::uint64_t seed,
              std::uint64_t draw, std::vector<char>& out) {
  const auto n = static_cast<std::int64_t>(members.size());
  std::vector<std::int64_t> order(members.size());
  permutation(seed, Stream::Split, draw, n, order.data());
  const auto take = static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(n)));
  for (std::int64_t i = 0; i < take; ++i) {
    out[static_cast<std::size_t>(members[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])])] = 1;
  }
}

}  // namespace

std::vector<char> held_out_cells(const std::vector<double>& time, const std::vector<std::int64_t>& clone,
                                 double fraction, std::uint64_t seed) {
  std::vector<char> out(time.size(), 0);
  std::map<double, std::vector<std::int64_t>> by_time;
  std::map<std::int64_t, std::vector<std::int64_t>> by_clone;
  for (std::size_t i = 0; i < time.size(); ++i) {
    const bool sisters = !clone.empty() && clone[i] >= 0;
    (sisters ? by_clone[clone[i]] : by_time[time[i]]).push_back(static_cast<std::int64_t>(i));
  }
  std::uint64_t draw = 0;
  for (const auto& [t, members] : by_time) hold_out(members, fraction, seed, draw++, out);

  std::vector<std::int64_t> clones;
  for (const auto& entry : by_clone) clones.push_back(entry.first);
  std::vector<std::int64_t> ranks(clones.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = static_cast<std::int64_t>(i);
  std::vector<char> chosen(clones.size(), 0);
  hold_out(ranks, fraction, seed, draw, chosen);
  for (std::size_t i = 0; i < clones.size(); ++i) {
    if (!chosen[i]) continue;
    for (std::int64_t cell : by_clone[clones[i]]) out[static_cast<std::size_t>(cell)] = 1;
  }
  return out;
}

}  // namespace fatefield
