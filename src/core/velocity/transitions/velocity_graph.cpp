// Takes expression, velocity and neighbours; gives correlations of steps with velocities, in blocks of cells.
#include "velocity/transitions/velocity_graph.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/sampling.hpp"
#include "base/threads.hpp"
#include "velocity/transitions/correlation_kernel.hpp"

namespace fatefield {
namespace {

// Cells worked on together.
constexpr std::int64_t kBlock = 64;
// Beyond so many cells each is compared with kFew others where the user says nothing.
constexpr std::int64_t kManyCells = 50000;
constexpr std::int64_t kFew = 100;
// Variances below this share of the mean square are rounding.
constexpr double kRounding = 1e-14;

void check_graph(MatrixView expression, MatrixView velocity, const Neighbours& knn,
                 const VelocityGraphOptions& options) {
  if (velocity.rows != expression.rows || velocity.cols != expression.cols)
    throw input_error("velocity", "`velocity` is " + std::to_string(velocity.rows) + " genes x " +
                                      std::to_string(velocity.cols) + " cells, the expression " +
                                      std::to_string(expression.rows) + " x " +
                                      std::to_string(expression.cols) + ".");
  if (knn.n != velocity.cols)
    throw input_error("knn", "`knn` has neighbours of " + std::to_string(knn.n) + " cells, but there are " +
                                 std::to_string(velocity.cols) + ".");
  for (const std::int32_t j : knn.index)
    if (j >= knn.n) throw input_error("knn", "`knn` names a cell that there is not.");
  if (options.max_neighbours < 0)
    throw input_error("max.neighbors", "`max.neighbors` must be at least 1, or 0 for no choice of yours.");
  if (options.seed < 0) throw input_error("seed.use", "`seed.use` must be at least 0.");
}

// Cells x genes, row-major, rows padded with zeros.
struct Rows {
  std::vector<double> values;
  std::int64_t width = 0;

  const double* row(std::int64_t i) const { return values.data() + i * width; }
};

Rows take_genes(MatrixView x, const std::vector<std::int64_t>& genes) {
  Rows out;
  const auto n = static_cast<std::int64_t>(genes.size());
  out.width = (n + kGeneBlock - 1) / kGeneBlock * kGeneBlock;
  out.values.assign(static_cast<std::size_t>(x.cols * out.width), 0.0);
  for (std::int64_t c = 0; c < x.cols; ++c)
    for (std::int64_t g = 0; g < n; ++g) out.values[c * out.width + g] = x(genes[g], c);
  return out;
}

// The velocity of one cell less its mean over genes; returns its length, 0 where all are the same.
double centre(double* v, std::int64_t genes, bool root) {
  double mean = 0, square = 0, left = 0;
  for (std::int64_t g = 0; g < genes; ++g) {
    if (root) v[g] = std::copysign(std::sqrt(std::abs(v[g])), v[g]);
    mean += v[g] / static_cast<double>(genes);
    square += v[g] * v[g];
  }
  for (std::int64_t g = 0; g < genes; ++g) {
    v[g] -= mean;
    left += v[g] * v[g];
  }
  return left > kRounding * square ? std::sqrt(left) : 0.0;
}

// What the cells of a block found, in their order.
struct Found {
  std::vector<std::int32_t> index;
  std::vector<double> value;
  std::vector<std::int64_t> count;
};

}  // namespace

std::vector<std::int64_t> known_genes(MatrixView velocity) {
  std::vector<char> known(static_cast<std::size_t>(velocity.rows), 1);
  for (std::int64_t c = 0; c < velocity.cols; ++c)
    for (std::int64_t g = 0; g < velocity.rows; ++g)
      if (!std::isfinite(velocity(g, c))) known[g] = 0;
  std::vector<std::int64_t> out;
  for (std::int64_t g = 0; g < velocity.rows; ++g)
    if (known[g]) out.push_back(g);
  if (out.size() < 2)
    throw input_error("velocity", "`velocity` must be known in all cells for at least 2 genes; it is for " +
                                      std::to_string(out.size()) + ".");
  return out;
}

std::vector<std::int32_t> near_cells(const Neighbours& knn, std::int64_t i, std::int64_t most,
                                     std::uint64_t seed) {
  const auto self = static_cast<std::int32_t>(i);
  const auto usual = [self](std::int32_t j) { return j >= 0 && j != self; };
  const auto row = [&knn](std::int64_t c) { return knn.index.data() + c * knn.k; };
  std::vector<std::int32_t> own, further;
  std::copy_if(row(i), row(i) + knn.k, std::back_inserter(own), usual);
  for (const std::int32_t j : own) std::copy_if(row(j), row(j) + knn.k, std::back_inserter(further), usual);
  const auto tidy = [](std::vector<std::int32_t>& x) {
    std::sort(x.begin(), x.end());
    x.erase(std::unique(x.begin(), x.end()), x.end());
  };
  tidy(own);
  tidy(further);
  std::vector<std::int32_t> others;
  std::set_difference(further.begin(), further.end(), own.begin(), own.end(), std::back_inserter(others));
  const auto left =
      static_cast<std::int64_t>(own.size()) >= most ? 0 : most - static_cast<std::int64_t>(own.size());
  if (most == 0 || static_cast<std::int64_t>(others.size()) <= left) {
    own.insert(own.end(), others.begin(), others.end());
  } else {
    for (const std::int64_t at :
         draw_without_replacement(static_cast<std::int64_t>(others.size()), left, seed, Stream::Bootstrap,
                                  static_cast<std::uint64_t>(i)))
      own.push_back(others[at]);
  }
  std::sort(own.begin(), own.end());
  return own;
}

SparseRows velocity_graph(MatrixView expression, MatrixView velocity, const Neighbours& knn,
                          const VelocityGraphOptions& options, const std::function<bool()>& keep_going) {
  check_graph(expression, velocity, knn, options);
  const std::int64_t n = velocity.cols;
  const std::vector<std::int64_t> genes = known_genes(velocity);
  const auto count = static_cast<double>(genes.size());
  const Rows x = take_genes(expression, genes);
  Rows v = take_genes(velocity, genes);
  const std::int64_t most = options.max_neighbours > 0 ? options.max_neighbours : (n > kManyCells ? kFew : 0);
  const CorrelationKernel& kernel = correlation_kernel();

  const std::int64_t blocks = (n + kBlock - 1) / kBlock;
  std::vector<Found> found(static_cast<std::size_t>(blocks));
  HomeQuestion question(keep_going);
  parallel_for(blocks, [&](std::int64_t block) {
    if (!question.ask()) return;
    Found& out = found[block];
    for (std::int64_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i) {
      const std::size_t before = out.index.size();
      double* const own = v.values.data() + i * v.width;
      const double length = centre(own, static_cast<std::int64_t>(genes.size()), options.root);
      if (length > 0) {
        for (const std::int32_t j : near_cells(knn, i, most, static_cast<std::uint64_t>(options.seed))) {
          const StepSums s = kernel.sums(x.row(i), x.row(j), own, x.width, options.root);
          const double spread = s.square - s.step * s.step / count;
          if (!(spread > kRounding * s.square) || s.product == 0) continue;
          out.index.push_back(j);
          out.value.push_back(std::max(-1.0, std::min(1.0, s.product / (std::sqrt(spread) * length))));
        }
      }
      out.count.push_back(static_cast<std::int64_t>(out.index.size() - before));
    }
  });
  if (!question.ask()) throw Interrupted();

  SparseRows graph;
  graph.rows = graph.cols = n;
  graph.start.push_back(0);
  for (Found& f : found) {
    for (const std::int64_t c : f.count) graph.start.push_back(graph.start.back() + c);
    graph.index.insert(graph.index.end(), f.index.begin(), f.index.end());
    graph.value.insert(graph.value.end(), f.value.begin(), f.value.end());
    f = Found();
  }
  return graph;
}

}  // namespace fatefield
