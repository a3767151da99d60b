#include "graph/leiden.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

#include "base/error.hpp"
#include "base/rng.hpp"

namespace fatefield {

namespace {

using Codes = std::vector<std::int32_t>;

// Gains below this share of a node's weight are rounding.
constexpr double kLeast = 1e-12;

// A graph whose nodes may stand for many: their strengths count weights among those, too.
struct Level {
  SparseRows graph;
  std::vector<double> strength;
  double total = 0.0;

  std::int64_t size() const { return graph.rows; }
};

// Random numbers in the order in which they are asked for.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : seed_(seed) {}
  double next() { return uniform(seed_, Stream::Modules, count_++, 0); }
  std::vector<std::int64_t> order(std::int64_t n) {
    std::vector<std::int64_t> out(static_cast<std::size_t>(n));
    permutation(seed_, Stream::Modules, ++orders_, n, out.data());
    return out;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0, orders_ = 0;
};

// Weights from one node to the modules around it.
class Around {
 public:
  explicit Around(std::int64_t n) : weight_(static_cast<std::size_t>(n), 0.0) {}

  template <typename Of>
  void gather(const SparseRows& graph, std::int64_t v, const Of& of) {
    for (const std::int32_t c : touched_) weight_[static_cast<std::size_t>(c)] = 0.0;
    touched_.clear();
    for (std::int64_t e = graph.start[v]; e < graph.start[v + 1]; ++e) {
      const std::int32_t c = of(graph.index[e]);
      if (c < 0) continue;
      if (weight_[static_cast<std::size_t>(c)] == 0.0) touched_.push_back(c);
      weight_[static_cast<std::size_t>(c)] += graph.value[e];
    }
  }
  double operator[](std::int32_t c) const { return weight_[static_cast<std::size_t>(c)]; }
  const Codes& touched() const { return touched_; }

 private:
  std::vector<double> weight_;
  Codes touched_;
};

// Moves each node to the module where it gains most, those around a moved one again, until none gains.
void move_nodes(const Level& level, double resolution, Draws& draws, Codes& of) {
  const std::int64_t n = level.size();
  std::vector<double> mass(static_cast<std::size_t>(n), 0.0);
  std::vector<std::int64_t> count(static_cast<std::size_t>(n), 0);
  for (std::int64_t v = 0; v < n; ++v) {
    mass[of[v]] += level.strength[v];
    ++count[of[v]];
  }
  Codes empty;
  for (std::int64_t c = n; c-- > 0;)
    if (count[c] == 0) empty.push_back(static_cast<std::int32_t>(c));
  const std::vector<std::int64_t> order = draws.order(n);
  std::deque<std::int64_t> queue(order.begin(), order.end());
  std::vector<char> waits(static_cast<std::size_t>(n), 1);
  Around around(n);
  while (!queue.empty()) {
    const std::int64_t v = queue.front();
    queue.pop_front();
    waits[v] = 0;
    const std::int32_t from = of[v];
    const double k = level.strength[v], expected = resolution * k / level.total;
    around.gather(level.graph, v, [&](std::int32_t u) { return of[u]; });
    mass[from] -= k;
    --count[from];
    // Alone, a node gains nothing.
    std::int32_t best = from;
    double gain = around[from] - expected * mass[from];
    if (gain < -kLeast * k && !empty.empty()) {
      best = empty.back();
      gain = 0.0;
    }
    for (const std::int32_t c : around.touched()) {
      const double g = around[c] - expected * mass[c];
      if (g > gain + kLeast * k) {
        best = c;
        gain = g;
      }
    }
    if (best != from) {
      if (!empty.empty() && best == empty.back()) empty.pop_back();
      if (count[from] == 0) empty.push_back(from);
    }
    mass[best] += k;
    ++count[best];
    of[v] = best;
    if (best == from) continue;
    for (std::int64_t e = level.graph.start[v]; e < level.graph.start[v + 1]; ++e) {
      const std::int32_t u = level.graph.index[e];
      if (waits[u] || of[u] == best) continue;
      waits[u] = 1;
      queue.push_back(u);
    }
  }
}

// Splits each module into connected parts: nodes that are alone join a part of their module, the
// likelier the more they gain.
Codes refine(const Level& level, const LeidenOptions& options, const Codes& of, Draws& draws) {
  const std::int64_t n = level.size();
  Codes part(static_cast<std::size_t>(n));
  std::iota(part.begin(), part.end(), 0);
  std::vector<double> module_mass(static_cast<std::size_t>(n), 0.0), mass = level.strength,
                                                                     cut(mass.size(), 0.0);
  for (std::int64_t v = 0; v < n; ++v) module_mass[of[v]] += level.strength[v];
  for (std::int64_t v = 0; v < n; ++v)
    for (std::int64_t e = level.graph.start[v]; e < level.graph.start[v + 1]; ++e)
      if (of[level.graph.index[e]] == of[v]) cut[v] += level.graph.value[e];
  std::vector<char> alone(static_cast<std::size_t>(n), 1);
  const double scale = options.resolution / level.total;
  const auto connected = [&](std::int32_t c, std::int32_t module) {
    return cut[c] >= scale * mass[c] * (module_mass[module] - mass[c]);
  };
  Around around(n);
  std::vector<double> likelihood;
  Codes choice;
  for (const std::int64_t v : draws.order(n)) {
    const auto own = static_cast<std::int32_t>(v);
    if (!alone[v] || !connected(own, of[v])) continue;
    around.gather(level.graph, v, [&](std::int32_t u) { return of[u] == of[v] ? part[u] : -1; });
    const double k = level.strength[v];
    likelihood.assign(1, 1.0);
    choice.assign(1, own);
    for (const std::int32_t c : around.touched()) {
      const double gain = around[c] - scale * k * mass[c];
      if (c == own || gain < 0 || !connected(c, of[v])) continue;
      choice.push_back(c);
      likelihood.push_back(std::exp(std::min(gain / (options.randomness * k), 600.0)));
    }
    double mark = draws.next() * std::accumulate(likelihood.begin(), likelihood.end(), 0.0);
    std::size_t chosen = 0;
    while (chosen + 1 < likelihood.size() && mark >= likelihood[chosen]) mark -= likelihood[chosen++];
    const std::int32_t to = choice[chosen];
    if (to == own) continue;
    cut[to] += cut[own] - 2.0 * around[to];
    mass[to] += k;
    mass[own] = 0.0;
    alone[v] = alone[to] = 0;
    part[v] = to;
  }
  return part;
}

// Codes from 0 without gaps, in the order of their first nodes; gives how many there are.
std::int64_t renumber(Codes& of) {
  std::int32_t highest = -1;
  for (const std::int32_t c : of) highest = std::max(highest, c);
  Codes fresh(static_cast<std::size_t>(highest + 1), -1);
  std::int32_t count = 0;
  for (std::int32_t& c : of) {
    if (fresh[c] < 0) fresh[c] = count++;
    c = fresh[c];
  }
  return count;
}

// One node for each part.
Level aggregate(const Level& level, const Codes& part, std::int64_t count) {
  Level out;
  out.total = level.total;
  out.strength.assign(static_cast<std::size_t>(count), 0.0);
  std::vector<std::vector<std::int64_t>> nodes(static_cast<std::size_t>(count));
  for (std::int64_t v = 0; v < level.size(); ++v) {
    out.strength[part[v]] += level.strength[v];
    nodes[part[v]].push_back(v);
  }
  out.graph.rows = out.graph.cols = count;
  out.graph.start.push_back(0);
  std::vector<double> row(static_cast<std::size_t>(count), 0.0);
  for (std::int64_t c = 0; c < count; ++c) {
    std::fill(row.begin(), row.end(), 0.0);
    for (const std::int64_t v : nodes[c])
      for (std::int64_t e = level.graph.start[v]; e < level.graph.start[v + 1]; ++e)
        row[part[level.graph.index[e]]] += level.graph.value[e];
    for (std::int64_t d = 0; d < count; ++d) {
      if (d == c || row[d] <= 0.0) continue;
      out.graph.index.push_back(static_cast<std::int32_t>(d));
      out.graph.value.push_back(row[d]);
    }
    out.graph.start.push_back(static_cast<std::int64_t>(out.graph.index.size()));
  }
  return out;
}

// One round from a given partition: move, refine, aggregate, until nothing is left to join.
Codes round_of(const Level& first, const LeidenOptions& options, Codes of, Draws& draws) {
  Codes node(static_cast<std::size_t>(first.size()));
  std::iota(node.begin(), node.end(), 0);
  Level level = first;
  for (;;) {
    move_nodes(level, options.resolution, draws, of);
    const std::int64_t modules = renumber(of);
    Codes part = refine(level, options, of, draws);
    const std::int64_t parts = renumber(part);
    if (modules == level.size() || parts == level.size()) break;
    Codes above(static_cast<std::size_t>(parts));
    for (std::int64_t v = 0; v < level.size(); ++v) above[part[v]] = of[v];
    for (std::int32_t& v : node) v = part[v];
    level = aggregate(level, part, parts);
    of = std::move(above);
  }
  for (std::int32_t& v : node) v = of[v];
  return node;
}

// The largest module first.
std::int64_t order_by_size(Codes& of) {
  const std::int64_t count = renumber(of);
  std::vector<std::int64_t> size(static_cast<std::size_t>(count), 0), order(size.size());
  for (const std::int32_t c : of) ++size[c];
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return size[a] > size[b]; });
  Codes rank(size.size());
  for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<std::int32_t>(i);
  for (std::int32_t& c : of) c = rank[c];
  return count;
}

void check(const LeidenOptions& o) {
  if (!(o.resolution > 0)) throw input_error("resolution", "`resolution` must be above 0.");
  if (!(o.randomness > 0)) throw input_error("randomness", "`randomness` must be above 0.");
}

}  // namespace

double modularity(const SparseRows& graph, const std::vector<std::int32_t>& of, double resolution) {
  const std::vector<double> strength = row_sums(graph);
  const double total = std::accumulate(strength.begin(), strength.end(), 0.0);
  if (!(total > 0)) return 0.0;
  std::vector<double> mass(of.size() + 1, 0.0);
  double within = 0.0;
  for (std::int64_t v = 0; v < graph.rows; ++v) {
    mass[of[v]] += strength[v];
    for (std::int64_t e = graph.start[v]; e < graph.start[v + 1]; ++e)
      if (of[graph.index[e]] == of[v]) within += graph.value[e];
  }
  double expected = 0.0;
  for (const double m : mass) expected += m * m;
  return within / total - resolution * expected / (total * total);
}

Modules leiden(const SparseRows& graph, const LeidenOptions& options, std::uint64_t seed) {
  check(options);
  Level level;
  level.graph = graph;
  level.strength = row_sums(graph);
  level.total = std::accumulate(level.strength.begin(), level.strength.end(), 0.0);
  Codes of(static_cast<std::size_t>(graph.rows));
  std::iota(of.begin(), of.end(), 0);
  Modules best;
  best.of = of;
  best.quality = modularity(graph, of, options.resolution);
  Draws draws(seed);
  for (std::int64_t i = 0; i < options.max_rounds && level.total > 0; ++i) {
    of = round_of(level, options, std::move(of), draws);
    const double quality = modularity(graph, of, options.resolution);
    if (quality <= best.quality + 1e-10) break;
    best.of = of;
    best.quality = quality;
  }
  best.count = order_by_size(best.of);
  return best;
}

}  // namespace fatefield
