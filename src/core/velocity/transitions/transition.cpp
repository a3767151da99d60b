// Takes the velocity graph; gives transition matrices and the agreement of velocities with them.
#include "velocity/transitions/transition.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/threads.hpp"
#include "velocity/transitions/velocity_graph.hpp"

namespace fatefield {
namespace {

// Cells worked on together.
constexpr std::int64_t kBlock = 64;
// A cell stays as far as its best neighbour is worse than that of this share of the cells.
constexpr double kConfident = 0.98;

enum class Negative { Exponential, None, Signed };

Negative negative_of(const TransitionOptions& options) {
  if (!(options.scale > 0 && std::isfinite(options.scale)))
    throw input_error("scale", "`scale` must be above 0.");
  if (options.negative == "exponential") return Negative::Exponential;
  if (options.negative == "none") return Negative::None;
  if (options.negative == "signed") return Negative::Signed;
  throw input_error("negative", "`negative` must be \"exponential\", \"none\" or \"signed\", not \"" +
                                    options.negative + "\".");
}

double weight(double p, double scale, Negative negative) {
  if (negative == Negative::Exponential) return std::exp(scale * p);
  if (p > 0) return std::expm1(scale * p);
  return negative == Negative::Signed ? -std::expm1(-scale * p) : 0.0;
}

// What each cell's largest correlation lacks; 0 for cells without entries.
std::vector<double> self_correlations(const SparseRows& graph) {
  std::vector<double> best(static_cast<std::size_t>(graph.rows), 0.0);
  for (std::int64_t i = 0; i < graph.rows; ++i)
    for (std::int64_t e = graph.start[i]; e < graph.start[i + 1]; ++e)
      best[i] = std::max(best[i], graph.value[e]);
  const double high = quantile(best, kConfident);
  for (std::int64_t i = 0; i < graph.rows; ++i) {
    const bool known = graph.start[i] < graph.start[i + 1];
    best[i] = known ? std::max(0.0, std::min(1.0, high - best[i])) : 0.0;
  }
  return best;
}

double confidence(const std::vector<double>& step, const std::vector<double>& v) {
  const auto n = static_cast<double>(v.size());
  double step_mean = 0, v_mean = 0, product = 0, step_square = 0, v_square = 0;
  for (std::size_t g = 0; g < v.size(); ++g) {
    step_mean += step[g] / n;
    v_mean += v[g] / n;
  }
  for (std::size_t g = 0; g < v.size(); ++g) {
    const double a = step[g] - step_mean, b = v[g] - v_mean;
    product += a * b;
    step_square += a * a;
    v_square += b * b;
  }
  const double size = std::sqrt(step_square) * std::sqrt(v_square);
  return size > 0 ? product / size : 0.0;
}

}  // namespace

SparseRows transition_matrix(const SparseRows& graph, const TransitionOptions& options) {
  const Negative negative = negative_of(options);
  const std::vector<double> self = options.self_transitions && graph.rows > 0
                                       ? self_correlations(graph)
                                       : std::vector<double>(static_cast<std::size_t>(graph.rows), 0.0);
  SparseRows out;
  out.rows = out.cols = graph.rows;
  out.start.push_back(0);
  out.index.reserve(graph.index.size());
  out.value.reserve(graph.value.size());
  const auto add = [&out](std::int64_t j, double w) {
    if (w == 0) return;
    out.index.push_back(static_cast<std::int32_t>(j));
    out.value.push_back(w);
  };
  for (std::int64_t i = 0; i < graph.rows; ++i) {
    const double own = self[i] > 0 ? weight(self[i], options.scale, negative) : 0.0;
    bool stayed = false;
    for (std::int64_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
      if (!stayed && graph.index[e] > i) {
        add(i, own);
        stayed = true;
      }
      add(graph.index[e], weight(graph.value[e], options.scale, negative));
    }
    if (!stayed) add(i, own);
    out.start.push_back(out.stored());
  }
  normalise_rows(out);
  return out;
}

SparseRows backward_transitions(const SparseRows& transitions) {
  SparseRows out = transpose(transitions);
  normalise_rows(out);
  return out;
}

SparseRows without_dead_ends(const SparseRows& x) {
  const std::size_t n = static_cast<std::size_t>(x.rows);
  std::vector<std::int64_t> left(n);
  std::vector<std::int32_t> dead;
  for (std::size_t i = 0; i < n; ++i) {
    left[i] = x.start[i + 1] - x.start[i];
    if (left[i] == 0) dead.push_back(static_cast<std::int32_t>(i));
  }
  const SparseRows in = transpose(x);
  for (std::size_t k = 0; k < dead.size(); ++k) {
    for (std::int64_t e = in.start[dead[k]]; e < in.start[dead[k] + 1]; ++e) {
      if (--left[in.index[e]] == 0) dead.push_back(in.index[e]);
    }
  }
  SparseRows out;
  out.rows = out.cols = x.rows;
  out.start.push_back(0);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t e = x.start[i]; left[i] > 0 && e < x.start[i + 1]; ++e) {
      if (left[x.index[e]] == 0) continue;
      out.index.push_back(x.index[e]);
      out.value.push_back(x.value[e]);
    }
    out.start.push_back(out.stored());
  }
  normalise_rows(out);
  return out;
}

std::vector<double> transition_confidence(const SparseRows& transitions, MatrixView expression,
                                          MatrixView velocity) {
  const std::int64_t n = transitions.rows;
  if (velocity.cols != n || expression.cols != n || velocity.rows != expression.rows)
    throw input_error("velocity",
                      "`velocity`, expression and transitions are not about the same cells and genes.");
  const std::vector<std::int64_t> genes = known_genes(velocity);
  std::vector<double> out(static_cast<std::size_t>(n), 0.0);
  parallel_for((n + kBlock - 1) / kBlock, [&](std::int64_t block) {
    std::vector<double> step(genes.size()), v(genes.size());
    for (std::int64_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i) {
      if (transitions.start[i] == transitions.start[i + 1]) continue;
      for (std::size_t g = 0; g < genes.size(); ++g) {
        step[g] = -expression(genes[g], i);
        v[g] = velocity(genes[g], i);
      }
      for (std::int64_t e = transitions.start[i]; e < transitions.start[i + 1]; ++e) {
        const double* const x = expression.data + transitions.index[e] * expression.rows;
        for (std::size_t g = 0; g < genes.size(); ++g) step[g] += transitions.value[e] * x[genes[g]];
      }
      out[i] = confidence(step, v);
    }
  });
  return out;
}

}  // namespace fatefield
